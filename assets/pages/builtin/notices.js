// @ts-check
/** The lines over the chat, and what is said to those who listen to the page. Knows nothing of the chat. */

import { icon } from "./icons.js";
import { described } from "./protocol.js";
import { call, on } from "../common/bridge.js";
import { el, make, told } from "../common/parts.js";
import { t } from "../common/texts.js";
import { tellUpdates } from "../common/update_notice.js";

/** @typedef {import("../common/parts.js").Described} Described */

/** Lines that stand there at a time. */
const MOST = 3;

/** @param {string} words for those who listen to the page */
export function say(words) {
  el("status").textContent = "";
  setTimeout(() => {
    el("status").textContent = words;
  }, 50);
}

export class Notices {
  #left;
  /** Code of the agent that may not run as it is. @type {HTMLElement | null} */
  #refused = null;

  /**
   * @param {object} about
   * @param {() => void} about.left a line was put away
   * @param {(error: unknown) => void} about.report
   */
  constructor({ left, report }) {
    this.#left = left;
    tellUpdates(el("notices"), report);
    on("code.refused", ({ words, action }) => this.#refuse(String(words), String(action)));
    on("code.approved", () => this.#refused?.remove());
    on("notices.added", ({ notices }) => {
      for (const notice of notices) this.add(notice, "warning");
    });
  }

  /** A line that can be put away. @param {string | Described} said @param {"warning" | "danger"} tone */
  add(said, tone = "danger") {
    const words = make("p", { class: "words" }, typeof said === "string" ? [said] : told(said));
    const dismiss = make("button", { type: "button", class: "quiet" }, [t("common.dismiss")]);
    const banner = make("div", { class: `banner ${tone}` }, [icon("alert", false), words, dismiss]);
    dismiss.addEventListener("click", () => {
      banner.remove();
      this.#left();
    });
    el("notices").replaceChildren(...[...el("notices").children].slice(1 - MOST), banner);
  }

  /** What a button does; that it could not be done is said. @param {() => Promise<unknown>} work */
  said(work) {
    return () => void work().catch((error) => this.add(described(error)));
  }

  /** A line with one button, that stays. @param {string} words @param {string} action @param {() => Promise<unknown>} work */
  offer(words, action, work) {
    const press = make("button", { type: "button" }, [action]);
    press.addEventListener("click", this.said(work));
    const banner = make("div", { class: "banner warning" }, [icon("alert", false), make("p", { class: "words" }, [words]), press]);
    el("notices").append(banner);
    return banner;
  }

  /** @param {string} words @param {string} action */
  #refuse(words, action) {
    this.#refused?.remove();
    this.#refused = this.offer(words, action, () => call("app.open_consent"));
  }
}
