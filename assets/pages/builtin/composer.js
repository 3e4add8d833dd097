// @ts-check
/**
 * Where a message is written. What was typed stays with its chat until it was taken: over a switch to another chat, over a
 * send that failed, and its words over the end of the app.
 */

import { Attachments } from "./attachments.js";
import { button, el, input, make, part, sayIn, show } from "../common/parts.js";
import { t } from "../common/texts.js";

/**
 * @typedef {import("./protocol.js").Attachment} Attachment
 * @typedef {{text: string, attachments: Attachment[], tool: string}} Message
 * @typedef {{id: string, label: string}} Choice
 * @typedef {{text: string, files: import("./attachments.js").Entry[]}} Draft
 */

/** From this share of the limit on, the characters are counted. */
const NEAR = 0.9;

/** Most lines before the field scrolls, as a share of the window's height. */
const TALLEST = 0.36;

/** From the last key until a draft is on the disk, in milliseconds. */
const KEPT_AFTER = 400;

export class Composer {
  #text = part("text", HTMLTextAreaElement);
  #error = el("composer-error");
  #count = el("count");
  #send = button("send");
  #stop = button("stop");
  #tool = part("tool", HTMLSelectElement);
  #files;
  #limit = 0;
  #takesFiles = false;
  #isLocked = false;
  #isAnswering = false;
  /** @type {Map<string, Draft>} */
  #drafts = new Map();
  #key = "";
  #deeds;
  /** Until what is being typed is kept; 0 while nothing is to be kept. */
  #keeping = 0;

  /**
   * @param {object} deeds
   * @param {(message: Message) => void} deeds.send
   * @param {() => void} deeds.stop
   * @param {(words: string) => void} deeds.say
   * @param {(words: string) => void} deeds.complain
   * @param {() => boolean} deeds.editLast the last message that was sent, to change it; false where that can't be
   * @param {(key: string, text: string) => void} deeds.keep the words of a chat's draft, empty when it has none any more
   */
  constructor(deeds) {
    this.#deeds = deeds;
    this.#files = new Attachments(el("files"), () => this.#state(), (words) => deeds.say(words));
    this.#text.addEventListener("input", () => {
      this.#complain("");
      this.#fit();
      this.#state();
      this.#keepSoon();
    });
    this.#text.addEventListener("keydown", (event) => {
      if (event.key === "ArrowUp" && this.#isUntouched(event) && this.#deeds.editLast()) return event.preventDefault();
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      this.#submit();
    });
    part("composer", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#stop.addEventListener("click", () => {
      deeds.stop();
      this.focus();
    });
    this.#listenToFiles();
    addEventListener("resize", () => this.#fit());
    addEventListener("pagehide", () => this.#keepNow());
  }

  /**
   * @param {{limit: number, placeholder: string, tools: Choice[], files: boolean}} options
   */
  configure({ limit, placeholder, tools, files }) {
    this.#limit = limit;
    this.#takesFiles = files;
    this.#text.placeholder = placeholder;
    button("attach").hidden = !files;
    offer(this.#tool, tools.length ? [{ id: "", label: t("builtin.tool_any") }, ...tools] : []);
    this.#state();
  }

  /** What is chosen for the next message. */
  get choice() {
    return { tool: this.#tool.value };
  }

  /** @param {KeyboardEvent} event */
  #isUntouched(event) {
    const plain = !event.shiftKey && !event.ctrlKey && !event.altKey && !event.metaKey && !event.isComposing;
    return plain && !this.#text.value && this.#files.isEmpty;
  }

  /** What is being written. */
  get text() {
    return this.#text.value;
  }

  focus() {
    this.#text.focus({ preventScroll: true });
  }

  /** Text from elsewhere, after what is there. @param {string} text */
  insert(text) {
    this.#text.value = this.#text.value.trim() ? `${this.#text.value.trimEnd()}\n\n${text}` : text;
    this.#fit();
    this.#state();
    this.#keepSoon();
    this.focus();
    this.#text.setSelectionRange(this.#text.value.length, this.#text.value.length);
  }

  /** @param {boolean} isAnswering @param {boolean} mayStop */
  answering(isAnswering, mayStop) {
    const hadFocus = this.#stop.contains(document.activeElement) || this.#send.contains(document.activeElement);
    this.#isAnswering = isAnswering;
    this.#send.hidden = isAnswering;
    this.#stop.hidden = !isAnswering;
    this.#stop.disabled = !mayStop;
    if (hadFocus) this.focus();
    this.#state();
  }

  /** @param {string | null} reason why nothing can be written here; null where it can */
  lock(reason) {
    if (reason === null && !this.#isLocked) return; // what was said of the message stays
    this.#isLocked = reason !== null;
    this.#text.disabled = this.#isLocked;
    this.#complain(reason ?? "");
    this.#state();
  }

  /* --- drafts ------------------------------------------------------------------------------------------ */

  /** What was kept when the app ended. @param {Record<string, string>} kept a chat's id, empty for a new one, to its words */
  remember(kept) {
    for (const [key, text] of Object.entries(kept)) {
      if (key !== this.#key) this.#drafts.set(key, { text, files: [] });
      else if (!this.#text.value) this.#text.value = text;
    }
    this.#fit();
    this.#state();
  }

  /** What is being written goes elsewhere: it is no draft of this chat any more. */
  give() {
    const text = this.#text.value;
    this.#text.value = "";
    this.#keepSoon();
    this.#keepNow();
    return text;
  }

  /** Another chat's draft. @param {string} key its id, empty for a new one */
  open(key) {
    if (key === this.#key) return;
    this.#keepNow();
    const draft = this.#drafts.get(key) ?? { text: "", files: [] };
    this.#drafts.delete(key);
    const left = { text: this.#text.value, files: this.#files.swap(draft.files) };
    if (left.text || left.files.length) this.#drafts.set(this.#key, left);
    this.#key = key;
    this.#text.value = draft.text;
    this.#complain("");
    this.#fit();
    this.#state();
  }

  /** A chat has got its id: what is being typed is its draft. @param {string} key */
  rename(key) {
    this.#keepNow();
    const text = this.#text.value;
    if (text) this.#deeds.keep(this.#key, "");
    this.#key = key;
    if (text) this.#deeds.keep(key, text);
  }

  /**
   * A message that was not taken, back where it was written.
   * @param {string} key of its chat
   * @param {Message} message
   * @param {import("./attachments.js").Entry[]} files
   * @param {string | import("../common/parts.js").Described} problem
   */
  restore(key, message, files, problem) {
    if (key !== this.#key) {
      const draft = this.#drafts.get(key);
      this.#drafts.set(key, {
        text: [message.text, draft?.text].filter(Boolean).join("\n\n"),
        files: [...files, ...(draft?.files ?? [])],
      });
      this.#deeds.keep(key, this.#drafts.get(key)?.text ?? "");
      return;
    }
    const since = this.#text.value;
    this.#text.value = [message.text, since].filter(Boolean).join("\n\n");
    this.#files.swap([...files, ...this.#files.swap([])]);
    this.#complain(problem);
    this.#fit();
    this.#state();
    this.#keepSoon();
    this.focus();
  }

  /** Nothing is kept for a chat that is gone. @param {string} key */
  forget(key) {
    this.#drafts.delete(key);
    if (key === this.#key) this.give();
    else this.#deeds.keep(key, "");
  }

  #keepSoon() {
    if (!this.#keeping) this.#keeping = window.setTimeout(() => this.#keepNow(), KEPT_AFTER);
  }

  #keepNow() {
    if (!this.#keeping) return;
    clearTimeout(this.#keeping);
    this.#keeping = 0;
    this.#deeds.keep(this.#key, this.#text.value);
  }

  /** Takes the files of the message that is being sent. */
  takeFiles() {
    return this.#files.swap([]);
  }

  /* --- sending ------------------------------------------------------------------------------------------- */

  #submit() {
    if (this.#isLocked) return;
    if (this.#isAnswering) return this.#complain(t("builtin.still_answering"));
    const text = this.#text.value;
    if (!text.trim() && this.#files.isEmpty) return this.#complain(t("builtin.empty"));
    const length = lengthOf(text);
    if (length > this.#limit) return this.#tooLong(length);
    if (this.#files.isBusy) return this.#complain(t("builtin.files_busy"));
    for (const { name, problem } of this.#files.dropRefused()) this.#deeds.complain(t("builtin.file_left_out", { name, problem }));
    if (!text.trim() && this.#files.isEmpty) return this.#complain(t("builtin.empty"));
    const message = { text: text.trim(), attachments: this.#files.ready, tool: this.#tool.value };
    this.#text.value = "";
    this.#keepSoon();
    this.#keepNow();
    this.#complain("");
    this.#fit();
    this.#deeds.send(message);
    this.#state();
  }

  /** More than a message may hold: a file holds it. @param {number} length */
  #tooLong(length) {
    const values = { length: figure(length), limit: figure(this.#limit) };
    this.#complain(t(this.#takesFiles ? "builtin.too_long_file" : "builtin.too_long", values));
    show("as-file", this.#takesFiles);
  }

  /** The words as a file. @param {string} text */
  #attachText(text) {
    this.#files.add([new File([text], t("builtin.text_file"), { type: "text/plain" })]);
    this.#deeds.say(t("builtin.text_attached"));
  }

  /** @param {string | import("../common/parts.js").Described} words */
  #complain(words) {
    show("as-file", false);
    sayIn(this.#error, words);
    this.#error.hidden = !words;
    this.#text.toggleAttribute("aria-invalid", false);
    if (words) this.#text.setAttribute("aria-describedby", "composer-error");
    else this.#text.removeAttribute("aria-describedby");
  }

  #state() {
    const length = lengthOf(this.#text.value);
    const near = this.#limit > 0 && length > this.#limit * NEAR;
    this.#count.hidden = !near;
    this.#count.textContent = near ? t("builtin.count", { length: figure(length), limit: figure(this.#limit) }) : "";
    this.#count.classList.toggle("error", length > this.#limit);
    // Quiet, not disabled: who presses it hears why nothing was sent.
    this.#send.classList.toggle("idle", this.#isLocked || (!this.#text.value.trim() && this.#files.isEmpty));
  }

  #fit() {
    this.#text.style.height = "auto";
    this.#text.style.height = `${Math.min(this.#text.scrollHeight, innerHeight * TALLEST)}px`;
  }

  /* --- files ------------------------------------------------------------------------------------------------- */

  #listenToFiles() {
    const chooser = input("chooser");
    button("attach").addEventListener("click", () => chooser.click());
    chooser.addEventListener("change", () => {
      this.#files.add(chooser.files ?? []);
      chooser.value = "";
      this.focus();
    });
    button("as-file").addEventListener("click", () => {
      this.#attachText(this.#text.value);
      this.give();
      this.#complain("");
      this.#fit();
      this.#state();
      this.focus();
    });
    this.#text.addEventListener("paste", (event) => {
      const files = event.clipboardData?.files;
      const pasted = event.clipboardData?.getData("text/plain") ?? "";
      if (this.#takesFiles && lengthOf(pasted) > this.#limit) {
        event.preventDefault();
        return this.#attachText(pasted);
      }
      if (!this.#takesFiles || !files?.length || pasted) return;
      event.preventDefault();
      this.#files.add(files);
    });
    const main = el("main");
    const hasFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") ?? false;
    // Everywhere: a file dropped beside the page would take its place.
    addEventListener("dragover", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      main.classList.toggle("dropping", this.#takesFiles && !this.#isLocked);
    });
    addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) main.classList.remove("dropping");
    });
    addEventListener("drop", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      main.classList.remove("dropping");
      if (this.#takesFiles && !this.#isLocked && event.dataTransfer) this.#files.add(event.dataTransfer.files);
      this.focus();
    });
  }
}

/** Keeps what was chosen where it is still offered. @param {HTMLSelectElement} select @param {Choice[]} choices */
function offer(select, choices) {
  const chosen = select.value;
  select.replaceChildren(...choices.map(({ id, label }) => make("option", { value: id }, [label])));
  if (choices.some(({ id }) => id === chosen)) select.value = chosen;
  select.hidden = choices.length === 0;
}

/** Characters as the app counts them. @param {string} text */
export function lengthOf(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** @param {number} count */
function figure(count) {
  return count.toLocaleString(document.documentElement.lang);
}
