// @ts-check
/** A sent message that is being changed, in its own place: what is being written below stays as it is. Sends nothing itself. */

import { lengthOf } from "./composer.js";
import { textOf } from "./items.js";
import { described } from "./protocol.js";
import { make, sayIn } from "../common/parts.js";
import { t } from "../common/texts.js";

/** Most lines before the field scrolls, as a share of the window's height. */
const TALLEST = 0.5;

let editors = 0;

class Editor {
  element = make("form", { class: "editor" });
  #text = make("textarea", { rows: "1", dir: "auto", "aria-label": t("builtin.edit_label") });
  #error = make("p", { class: "error", role: "alert", hidden: "" });
  #deeds;

  /**
   * @param {object} deeds
   * @param {string} deeds.text as it was sent
   * @param {boolean} deeds.hasFiles a message with files needs no words
   * @param {number} deeds.limit in characters
   * @param {(text: string) => void} deeds.send
   * @param {() => void} deeds.cancel nothing is to be changed
   */
  constructor(deeds) {
    this.#deeds = deeds;
    editors += 1;
    const line = make("p", { class: "small soft", id: `editing-${editors}` }, [t("builtin.editing")]);
    const cancel = make("button", { type: "button", class: "quiet" }, [t("common.cancel")]);
    const send = make("button", { type: "submit", class: "primary" }, [t("builtin.send")]);
    this.#text.value = deeds.text;
    this.#text.setAttribute("aria-describedby", line.id);
    this.element.append(this.#text, this.#error, make("div", { class: "actions" }, [line, cancel, send]));
    cancel.addEventListener("click", () => deeds.cancel());
    this.#text.addEventListener("input", () => {
      this.complain("");
      this.#fit();
    });
    this.element.addEventListener("keydown", (event) => this.#key(event));
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  focus() {
    this.#fit();
    this.#text.focus();
    this.#text.setSelectionRange(this.#text.value.length, this.#text.value.length);
    this.element.scrollIntoView({ block: "nearest" });
  }

  /** @param {boolean} isBusy while it is being sent */
  busy(isBusy) {
    for (const control of this.element.querySelectorAll("textarea, button")) control.toggleAttribute("disabled", isBusy);
  }

  /** @param {string | import("../common/parts.js").Described} words */
  complain(words) {
    sayIn(this.#error, words);
    this.#error.hidden = !words;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      this.#deeds.cancel();
    } else if (event.key === "Enter" && !event.shiftKey && event.target === this.#text) {
      event.preventDefault();
      this.#submit();
    }
  }

  #submit() {
    const text = this.#text.value.trim();
    if (text === this.#deeds.text.trim()) return this.#deeds.cancel();
    if (!text && !this.#deeds.hasFiles) return this.complain(t("builtin.empty"));
    const length = lengthOf(text);
    if (length > this.#deeds.limit) return this.complain(t("builtin.too_long", { length, limit: this.#deeds.limit }));
    this.#deeds.send(text);
  }

  #fit() {
    this.#text.style.height = "auto";
    this.#text.style.height = `${Math.min(this.#text.scrollHeight + 2, innerHeight * TALLEST)}px`;
  }
}

/**
 * Lets a person change a message where it stands.
 * @param {import("./messages.js").View} view
 * @param {object} deeds
 * @param {number} deeds.limit in characters
 * @param {() => void} deeds.leave nothing is to be changed: the focus goes back
 * @param {(text: string) => Promise<void>} deeds.send rejects where it was not taken: what was typed stays here then
 */
export function edit({ item, element }, { limit, leave, send }) {
  const editor = new Editor({
    text: textOf(item),
    hasFiles: (item.attachments ?? []).length > 0,
    limit,
    cancel: () => {
      editor.element.remove();
      element.classList.remove("edited");
      leave();
    },
    send: async (text) => {
      editor.busy(true);
      try {
        await send(text);
      } catch (error) {
        editor.busy(false);
        editor.complain(error instanceof DOMException && error.name === "AbortError" ? "" : described(error));
        editor.focus();
      }
    },
  });
  element.querySelector(":scope > .editor")?.remove();
  element.classList.add("edited");
  element.append(editor.element);
  editor.focus();
}
