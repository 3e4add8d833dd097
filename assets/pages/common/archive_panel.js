// @ts-check
/** The panel for archiving chats: button, progress, result. Does not know which chats. */

import { part, sayIn, wire } from "./parts.js";
import { t } from "./texts.js";

/**
 * @typedef {import("./bridge.js").Described} Described
 * @typedef {{agent: string, done: number, total: number | null, title: string, finished: boolean, cancelled?: boolean,
 *   folder: string, failed: number, error?: Described | null}} Progress
 *   agent: whose chats; total: null while it is not known yet
 * @typedef {{archive: () => Promise<unknown>, cancelArchive: () => Promise<unknown>, openArchive: () => Promise<unknown>}} Actions
 */

export class ArchivePanel {
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

  /** @param {Actions} actions */
  constructor(actions) {
    this.#actions = actions;
    wire(this.#open, () => actions.openArchive());
    wire(this.#cancel, () => actions.cancelArchive());
    wire(this.#begin, () => this.#archive());
  }

  /** As if nothing had been archived yet: the chats of another agent are meant from now on. */
  reset() {
    this.#progress.hidden = true;
    this.#result.hidden = true;
    this.#beginRow.hidden = false;
  }

  async #archive() {
    this.#result.hidden = true;
    this.#show(0, null, "");
    try {
      await this.#actions.archive();
    } catch (error) {
      this.#end(/** @type {Described & Error} */ (error), false);
    }
  }

  /** @param {Progress} progress */
  progress({ done, total, title, finished, cancelled, failed, error }) {
    if (!finished) this.#show(done, total, title);
    else if (error) this.#end(error, done > 0);
    else if (cancelled) this.#end(t("archive.cancelled", { count: done }), done > 0);
    else if (failed > 0) this.#end(t("archive.some", { count: done, failed }), true);
    else if (done === 0) this.#end(t("archive.none"), false);
    else this.#end(t("archive.all", { count: done }), true);
  }

  /** @param {number} done @param {number | null} total @param {string} title */
  #show(done, total, title) {
    this.#beginRow.hidden = true;
    this.#progress.hidden = false;
    if (total === null) {
      this.#bar.removeAttribute("value");
      this.#count.textContent = t("archive.listing");
    } else {
      this.#bar.max = Math.max(1, total);
      this.#bar.value = done;
      this.#count.textContent = t("archive.progress", { done, total });
    }
    this.#title.textContent = title;
  }

  /** @param {string | Described} words @param {boolean} openable */
  #end(words, openable) {
    this.#progress.hidden = true;
    this.#beginRow.hidden = false;
    sayIn(this.#words, words);
    this.#open.hidden = !openable;
    this.#result.hidden = false;
  }
}
