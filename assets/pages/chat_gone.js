// @ts-check
/** The view for a workflow that has ended: keep the chats, and the ways to go on. Asks the app through the actions it is given. */

import { copyButton, detailOf, part, wire } from "./chat_problem.js";
import { t } from "./texts.js";

/**
 * @typedef {import("./bridge.js").Described} Described
 * @typedef {{done: number, total: number | null, title: string, finished: boolean, cancelled?: boolean, folder: string,
 *   failed: number, error?: Described | null}} Progress
 *   total: null while it is not known yet
 * @typedef {{retry: () => Promise<unknown>, openSetup: () => Promise<unknown>, diagnostics: () => Promise<string>,
 *   archive: () => Promise<unknown>, cancelArchive: () => Promise<unknown>, openArchive: () => Promise<unknown>}} Actions
 */

export class GoneView {
  #view = part("gone", HTMLElement);
  #heading = part("gone-heading", HTMLHeadingElement);
  #hint = part("gone-hint", HTMLParagraphElement);
  #detail = part("gone-detail", HTMLPreElement);
  #begin = part("archive-start", HTMLButtonElement);
  #beginRow = part("archive-actions", HTMLElement);
  #cancel = part("archive-cancel", HTMLButtonElement);
  #open = part("archive-open", HTMLButtonElement);
  #progress = part("archive-progress", HTMLElement);
  #bar = part("archive-bar", HTMLProgressElement);
  #count = part("archive-count", HTMLElement);
  #title = part("archive-title", HTMLElement);
  #result = part("archive-result", HTMLElement);
  #words = part("archive-words", HTMLParagraphElement);
  #actions;
  #copy;

  /** @param {Actions} actions */
  constructor(actions) {
    this.#actions = actions;
    wire(part("gone-retry", HTMLButtonElement), () => actions.retry());
    wire(part("gone-setup", HTMLButtonElement), () => actions.openSetup());
    wire(this.#open, () => actions.openArchive());
    wire(this.#cancel, () => actions.cancelArchive());
    wire(this.#begin, () => this.#archive());
    this.#copy = copyButton(part("gone-copy", HTMLButtonElement), (text) => {
      this.#detail.textContent = text;
      this.#detail.closest("details")?.setAttribute("open", "");
    });
  }

  /** @param {Described} problem */
  show(problem) {
    this.#heading.textContent = problem.message;
    this.#hint.textContent = problem.hint;
    this.#detail.textContent = detailOf(problem);
    if (this.#view.hidden) {
      this.#view.hidden = false;
      this.#copy(this.#actions.diagnostics());
      this.#heading.focus({ preventScroll: true });
    }
  }

  hide() {
    this.#view.hidden = true;
  }

  async #archive() {
    this.#result.hidden = true;
    this.progress({ done: 0, total: null, title: "", finished: false, folder: "", failed: 0 });
    try {
      await this.#actions.archive();
    } catch (error) {
      this.#end(`${/** @type {Described & Error} */ (error).message} ${/** @type {Described} */ (error).hint}`, false);
    }
  }

  /** @param {Progress} progress */
  progress(progress) {
    const { done, total, title, finished, failed, error } = progress;
    if (finished) {
      if (error) this.#end(`${error.message} ${error.hint}`, done > 0);
      else if (progress.cancelled) this.#end(t("chat.archive_cancelled", { done }), done > 0);
      else if (failed > 0) this.#end(t("chat.archive_some", { done, failed }), true);
      else if (done === 0) this.#end(t("chat.archive_none"), false);
      else this.#end(t("chat.archive_all", { done }), true);
      return;
    }
    this.#beginRow.hidden = true;
    this.#progress.hidden = false;
    if (total === null) {
      this.#bar.removeAttribute("value");
      this.#count.textContent = t("chat.archive_listing");
    } else {
      this.#bar.max = Math.max(1, total);
      this.#bar.value = done;
      this.#count.textContent = t("chat.archive_progress", { done, total });
    }
    this.#title.textContent = title;
  }

  /**
   * @param {string} words
   * @param {boolean} openable
   */
  #end(words, openable) {
    this.#progress.hidden = true;
    this.#beginRow.hidden = false;
    this.#words.textContent = words;
    this.#open.hidden = !openable;
    this.#result.hidden = false;
  }
}
