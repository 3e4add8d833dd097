// @ts-check
/** Puts a refused message back into the composer, which ChatKit leaves empty. Knows no reason. */

import { sentFrom } from "../common/agent_uploads.js";
import { within } from "./component.js";

/**
 * @typedef {import("@openai/chatkit").OpenAIChatKit} OpenAIChatKit
 * @typedef {import("../common/agent_fetch.js").Input} Input
 */

/** How long ChatKit may take to be done with the request, in milliseconds. */
const DONE = 1_500;

export class Unsent {
  #about;
  /** @type {Input | null} */
  #input = null;
  #timer = 0;

  /**
   * @param {object} about
   * @param {() => OpenAIChatKit | null} about.component null until it is ready
   * @param {() => number} about.limit longest wait for one of its methods, in milliseconds
   * @param {(error: unknown) => void} about.report
   */
  constructor(about) {
    this.#about = about;
  }

  /** @param {Input} input */
  keep(input) {
    this.#input = input;
    this.#later(DONE);
  }

  /** While it still takes the request for one that goes on, ChatKit would empty its composer again. @param {OpenAIChatKit} element */
  listen(element) {
    element.addEventListener("chatkit.response.end", () => this.#input && this.#later(0));
  }

  /** @param {number} ms */
  #later(ms) {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#give(), ms);
  }

  async #give() {
    const component = this.#about.component();
    const input = this.#input;
    this.#input = null;
    if (!component || !input) return;
    const text = (input.content ?? []).map((one) => one.text ?? "").join("");
    const attachments = sentFrom(input.attachments ?? []);
    if (!text && attachments.length === 0) return;
    try {
      await within(component.setComposerValue({ text, ...(attachments.length > 0 ? { attachments } : {}) }), this.#about.limit());
    } catch (error) {
      this.#about.report(error);
    }
  }
}
