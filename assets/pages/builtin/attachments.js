// @ts-check
/** Files that go with the next message: picked, pasted or dropped, sent to the app in parts, shown as chips. */

import { sendFile } from "../common/agent_uploads.js";
import { icon, iconButton } from "./icons.js";
import { chip } from "./messages.js";
import { ask, described } from "./protocol.js";
import { call } from "../common/bridge.js";
import { make, sentence } from "../common/parts.js";
import { t } from "../common/texts.js";

/**
 * @typedef {import("./protocol.js").Attachment} Attachment
 * @typedef {{name: string, element: HTMLElement, ready: Attachment | null, problem: string, gone: boolean}} Entry
 */

/** Files that go with one message. */
const MOST = 10;

export class Attachments {
  /** @type {Entry[]} */
  #entries = [];
  #place;
  #changed;
  #say;

  /**
   * @param {HTMLElement} place where the chips stand
   * @param {() => void} changed
   * @param {(words: string) => void} say
   */
  constructor(place, changed, say) {
    this.#place = place;
    this.#changed = changed;
    this.#say = say;
  }

  get isEmpty() {
    return this.#entries.length === 0;
  }

  get isBusy() {
    return this.#entries.some(({ ready, problem }) => !ready && !problem);
  }

  /** Those that could not be attached go; they are returned. */
  dropRefused() {
    const refused = this.#entries.filter(({ problem }) => problem);
    this.swap(this.#entries.filter(({ problem }) => !problem));
    return refused;
  }

  /** Those that are there. @returns {Attachment[]} */
  get ready() {
    return this.#entries.flatMap(({ ready }) => ready ?? []);
  }

  /** Hands the entries over, and takes others in their place. @param {Entry[]} entries @returns {Entry[]} */
  swap(entries) {
    const before = this.#entries;
    this.#entries = entries;
    this.#show();
    return before;
  }

  /** @param {Iterable<File>} files */
  add(files) {
    for (const file of files) {
      if (this.#entries.length >= MOST) {
        this.#say(t("builtin.too_many_files", { count: MOST }));
        break;
      }
      void this.#upload(file);
    }
  }

  /** @param {File} file */
  async #upload(file) {
    const name = file.name || t("common.pasted_file");
    /** @type {Entry} */
    const entry = { name, element: make("li"), ready: null, problem: "", gone: false };
    this.#entries.push(entry);
    this.#draw(entry, 0);
    this.#show();
    try {
      const { id } = await call("attachment.begin", { name, mime: file.type, size: file.size });
      const told = (/** @type {number} */ share) => this.#draw(entry, share);
      entry.ready = await sendFile(file, { id, told, wanted: () => !entry.gone });
      if (entry.gone) return void ask("attachments.delete", { attachment_id: id }).catch(() => {});
      this.#say(t("builtin.file_attached", { name }));
    } catch (error) {
      entry.problem = sentence(described(error));
      this.#say(entry.problem);
    }
    this.#draw(entry, 1);
    this.#show();
  }

  /** @param {Entry} entry */
  #remove(entry) {
    entry.gone = true;
    const at = this.#entries.indexOf(entry);
    this.#entries = this.#entries.filter((one) => one !== entry);
    if (entry.ready) ask("attachments.delete", { attachment_id: entry.ready.id }).catch(() => {});
    this.#show();
    const next = this.#entries[Math.min(at, this.#entries.length - 1)];
    next?.element.querySelector("button")?.focus();
  }

  /** @param {Entry} entry @param {number} share of the file that is there, 0–1 */
  #draw(entry, share) {
    const { element, ready, problem, name } = entry;
    element.className = problem ? "refused" : ready ? "" : "busy";
    const shown = chip(ready ?? { name });
    const state = problem
      ? [make("span", { class: "error" }, [problem])]
      : ready
        ? []
        : [make("progress", { max: "1", value: `${share}`, "aria-label": name })];
    shown.querySelector(".name")?.after(...state);
    if (problem) shown.querySelector(".sign")?.replaceChildren(icon("alert"));
    element.replaceChildren(shown, iconButton("close", t("builtin.remove_file", { name }), () => this.#remove(entry)));
  }

  #show() {
    this.#place.replaceChildren(...this.#entries.map(({ element }) => element));
    this.#place.hidden = this.#entries.length === 0;
    this.#changed();
  }
}
