// @ts-check
/** The progress and result of an export, an archive or a deletion, with buttons to cancel and to continue. */

import { call, on } from "../common/bridge.js";
import { button, el, explain, part, sentence, show, wire } from "../common/parts.js";
import { t } from "../common/texts.js";

/**
 * @typedef {import("../common/bridge.js").Described} Described
 * @typedef {"export" | "archive" | "delete"} Kind
 * @typedef {{kind: Kind, finished: false, done: number, total: number | null, title: string, seconds_left: number | null}} Progress
 * @typedef {{kind: Kind, finished: true, written: number, unchanged?: number, failed: number, cancelled: boolean,
 *   error: Described | null, folder?: string, deleted?: string[], at_openai?: string[]}} Result
 */

export class JobPanel {
  #bar = part("job-bar", HTMLProgressElement);
  #say;
  #finished;
  /** @type {(() => Promise<unknown>) | null} */
  #again = null;

  /** @param {{say: (words: string) => void, finished: (result: Result) => void}} deeds */
  constructor({ say, finished }) {
    this.#say = say;
    this.#finished = finished;
    wire(button("job-cancel"), () => call("chats.cancel"));
    wire(button("job-folder"), () => call("chats.open_folder"));
    wire(button("job-again"), async () => this.#again?.());
    button("job-dismiss").addEventListener("click", () => show("job", false));
    on("chats.job", (/** @type {Progress | Result} */ told) => (told.finished ? this.#end(told) : this.#progress(told)));
  }

  /** @param {(() => Promise<unknown>) | null} again what *Go on* does when the job that begins now stops early */
  begin(again) {
    this.#again = again;
  }

  /** @param {Progress} progress */
  #progress({ kind, done, total, title, seconds_left: left }) {
    const values = { done, total: total ?? 0 };
    let words = t("chats.job_counting", { count: done });
    if (total === null) this.#bar.removeAttribute("value");
    else {
      this.#bar.max = Math.max(1, total);
      this.#bar.value = done;
      if (kind === "export") words = t("chats.job_export", values);
      else if (kind === "archive") words = t("chats.job_archive", values);
      else words = t("chats.job_delete", values);
    }
    el("job-words").textContent = words;
    el("job-left").textContent = left === null ? "" : timeLeft(left);
    el("job-title").textContent = title;
    this.#show(true);
  }

  /** @param {Result} result */
  #end(result) {
    const { kind, written: count, unchanged = 0, failed, cancelled, error, folder = "" } = result;
    const words = [];
    if (cancelled) words.push(t("chats.job_stopped"));
    if (kind === "export") words.push(t("chats.done_export", { count }));
    else if (kind === "archive") words.push(t("chats.done_archive", { count, unchanged: t("chats.unchanged", { count: unchanged }) }));
    else words.push(t("chats.done_delete", { count }));
    if (failed) words.push(t("chats.job_failed", { count: failed }));
    if (error) words.push(sentence(error));
    explain(el("job-words"), words.join(" "), error?.code ?? "");
    el("job-left").textContent = "";
    el("job-title").textContent = folder;
    this.#show(false);
    button("job-again").hidden = !this.#again || (!cancelled && !error && !failed);
    button("job-whole").hidden = kind !== "archive" || cancelled || Boolean(error) || !unchanged;
    button("job-folder").hidden = !folder;
    el("job").classList.toggle("failed", Boolean(error));
    this.#say(words.join(" "));
    this.#finished(result);
  }

  /** @param {boolean} isGoing */
  #show(isGoing) {
    el("job").classList.remove("failed");
    this.#bar.hidden = !isGoing;
    button("job-cancel").hidden = !isGoing;
    for (const id of ["job-again", "job-whole", "job-folder", "job-dismiss"]) button(id).hidden = isGoing;
    show("job", true);
  }
}

/** @param {number} seconds */
function timeLeft(seconds) {
  return seconds < 90 ? t("chats.seconds_left", { count: seconds }) : t("chats.minutes_left", { count: Math.round(seconds / 60) });
}
