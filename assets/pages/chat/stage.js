// @ts-check
/** Covers a chat that does not work with the problem, or with the options for a workflow that is gone. */

import { GoneView } from "./gone.js";
import { endLoading } from "./loading.js";
import { ProblemView } from "./problem.js";
import { part } from "../common/parts.js";

/** @typedef {import("../common/bridge.js").Described} Described */

export class Stage {
  #place = part("chat", HTMLElement);
  #status = part("status", HTMLParagraphElement);
  #problem;
  #gone;

  /** @param {ConstructorParameters<typeof ProblemView>[0] & ConstructorParameters<typeof GoneView>[0]} actions */
  constructor(actions) {
    this.#problem = new ProblemView(actions);
    this.#gone = new GoneView(actions);
  }

  /** The code of the problem being shown; empty for none. */
  get code() {
    return this.#problem.code;
  }

  get isGone() {
    return !part("gone", HTMLElement).hidden;
  }

  /**
   * @param {Described} problem
   * @param {{focus?: boolean}} [options]
   */
  show(problem, options) {
    endLoading();
    this.#place.classList.add("covered");
    this.#status.textContent = "";
    if (problem.code === "workflow_gone") {
      this.#problem.hide();
      part("ahead", HTMLElement).replaceChildren(); // it has come
      this.#gone.show(problem);
    } else {
      this.#gone.hide();
      this.#problem.show(problem, options);
    }
  }

  uncover() {
    this.#problem.hide();
    this.#gone.hide();
    this.#place.classList.remove("covered");
  }

  /** @param {number} seconds until the next try */
  countdown(seconds) {
    this.#problem.countdown(seconds);
  }

  /** How far archiving is. @param {Parameters<GoneView["progress"]>[0]} progress */
  progress(progress) {
    this.#gone.progress(progress);
  }
}
