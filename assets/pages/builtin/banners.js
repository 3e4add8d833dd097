// @ts-check
/** What is said in a chat beside its items: why an answer failed, and what the agent wants known. */

import { icon } from "./icons.js";
import { renderAll } from "./markdown.js";
import { make, told } from "../common/parts.js";
import { t } from "../common/texts.js";

export class Banners {
  /** Code of the error that the app has told for the answer under way. */
  why = "";
  #items;

  /** @param {HTMLElement} items of the chat, among which banners stand */
  constructor(items) {
    this.#items = items;
  }

  /** The first one that is there. */
  get first() {
    return this.#items.querySelector(":scope > .banner");
  }

  /** @param {string | import("../common/parts.js").Described} words @param {(() => void) | null} again null where that won't help */
  fail(words, again) {
    const said = told(typeof words === "string" ? { message: words, hint: "", code: this.why } : words);
    const banner = make("div", { class: "banner danger", role: "alert" }, [icon("alert", false), make("p", { class: "words" }, said)]);
    if (again) {
      const button = make("button", { type: "button" }, [t("common.try_again")]);
      button.addEventListener("click", () => {
        banner.remove();
        again();
      });
      banner.append(button);
    }
    this.#items.append(banner);
  }

  /** @param {string} code */
  failedBy(code) {
    this.why = code;
    const words = [...this.#items.querySelectorAll(":scope > .banner.danger > .words")].at(-1);
    if (words && !words.querySelector(".more-about")) words.replaceChildren(...told({ message: words.textContent ?? "", hint: "", code }));
  }

  clear() {
    for (const banner of this.#items.querySelectorAll(":scope > .banner")) banner.remove();
  }

  /** @param {import("./protocol.js").Event} event */
  notice({ level, title, message }) {
    const tone = level === "danger" || level === "warning" ? level : "";
    const words = make("div", { class: "words" }, title ? [make("strong", {}, [title])] : []);
    const place = make("div", { class: "markdown" });
    words.append(place);
    void renderAll([{ place, text: String(message ?? "") }]);
    this.#items.append(make("div", { class: `banner ${tone}`, role: "status" }, [icon(tone ? "alert" : "info", false), words]));
  }
}
