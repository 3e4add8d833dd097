// @ts-check
/** The view for a workflow that has ended: keep the chats, and the ways to go on. Asks the app through the actions it is given. */

import { ArchivePanel } from "../common/archive_panel.js";
import { detailOf } from "./problem.js";
import { explain, part, wire } from "../common/parts.js";

/**
 * @typedef {import("../common/bridge.js").Described} Described
 * @typedef {import("../common/archive_panel.js").Progress} Progress
 * @typedef {import("../common/archive_panel.js").Actions & {
 *   retry: () => Promise<unknown>, openSetup: () => Promise<unknown>, openDiagnostics: () => Promise<unknown>,
 *   openWorkflowEnd: (way: "code" | "assistant") => Promise<unknown>}} Actions
 */

export class GoneView {
  #view = part("gone", HTMLElement);
  #heading = part("gone-heading", HTMLHeadingElement);
  #hint = part("gone-hint", HTMLParagraphElement);
  #detail = part("gone-detail", HTMLPreElement);
  #archive;

  /** @param {Actions} actions */
  constructor(actions) {
    this.#archive = new ArchivePanel(actions);
    wire(part("gone-retry", HTMLButtonElement), () => actions.retry());
    wire(part("gone-setup", HTMLButtonElement), () => actions.openSetup());
    // This page runs OpenAI's script: code is brought, and an agent is made, in the window for agents alone.
    wire(part("gone-code", HTMLButtonElement), () => actions.openWorkflowEnd("code"));
    wire(part("gone-assistant", HTMLButtonElement), () => actions.openWorkflowEnd("assistant"));
    wire(part("gone-copy", HTMLButtonElement), () => actions.openDiagnostics());
  }

  /** @param {Described} problem */
  show(problem) {
    this.#heading.textContent = problem.message;
    explain(this.#hint, problem.hint, problem.code);
    this.#detail.textContent = detailOf(problem);
    if (this.#view.hidden) {
      this.#view.hidden = false;
      this.#heading.focus({ preventScroll: true });
    }
  }

  hide() {
    this.#view.hidden = true;
  }

  /** @param {Progress} progress */
  progress(progress) {
    this.#archive.progress(progress);
  }
}
