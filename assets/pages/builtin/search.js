// @ts-check
/** The search over the list of chats: what it found stands in the list's place. Opens nothing itself. */

import { described } from "./protocol.js";
import { call } from "../common/bridge.js";
import { el, input, make, marked, sayIn } from "../common/parts.js";
import { t } from "../common/texts.js";

/**
 * @typedef {import("../common/parts.js").Passage} Passage
 * @typedef {{thread_id: string, agent: string, title: Passage, passage: Passage | null, item: string | null}} Hit
 *
 * @typedef {object} Deeds
 * @property {(id: string, agent: string, item: string | null) => void} open `item`: the message that was found
 * @property {(words: string) => void} say
 * @property {() => string} whose the agent whose chats alone are searched; empty for all
 * @property {() => void} over nothing is searched any more: the list is there again
 * @property {() => void} down from the field into the list
 */

export class Search {
  #field = input("search");
  #found = el("found");
  #list = el("threads");
  #words = el("history-words");
  #deeds;
  #timer = 0;
  #asked = 0;
  /** From the last key until it begins, in milliseconds. */
  pause = 150;

  /** @param {Deeds} deeds */
  constructor(deeds) {
    this.#deeds = deeds;
    this.#field.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = window.setTimeout(() => void this.again(), this.pause);
    });
    this.#field.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" || (event.key === "Enter" && this.isOn)) {
        event.preventDefault();
        const [hit] = this.#hits;
        if (event.key === "Enter") hit?.click();
        else if (this.isOn) hit?.focus();
        else deeds.down();
      } else if (event.key === "Escape" && this.#field.value) {
        event.preventDefault();
        event.stopPropagation();
        this.#field.value = "";
        void this.again();
      }
    });
    this.#found.addEventListener("keydown", (event) => this.#keys(event));
  }

  get isOn() {
    return !this.#found.hidden;
  }

  /** Whether something stands in the field. */
  get isWanted() {
    return this.#field.value.trim() !== "";
  }

  focus() {
    this.#field.focus();
    this.#field.select();
  }

  /** @returns {HTMLButtonElement[]} */
  get #hits() {
    return [.../** @type {NodeListOf<HTMLButtonElement>} */ (this.#found.querySelectorAll(".open"))];
  }

  /** @param {KeyboardEvent} event */
  #keys(event) {
    const hits = this.#hits;
    const at = hits.findIndex((button) => button === event.target);
    const last = hits.length - 1;
    const places = /** @type {Record<string, number>} */ ({ ArrowDown: Math.min(at + 1, last), ArrowUp: at - 1, Home: 0, End: last });
    const to = places[event.key];
    if (to === undefined || at < 0) return;
    event.preventDefault();
    if (to < 0) this.#field.focus();
    else hits[to].focus();
  }

  /** What is in the field is looked for anew. */
  async again() {
    const query = this.#field.value.trim();
    this.#asked += 1;
    const asked = this.#asked;
    if (!query) {
      this.#found.hidden = true;
      this.#list.hidden = false;
      this.#deeds.over();
      return;
    }
    try {
      const { hits } = /** @type {{hits: Hit[]}} */ (await call("history.search", { query, agent: this.#deeds.whose() }));
      if (asked !== this.#asked) return; // the next letter was quicker
      this.#found.replaceChildren(...hits.map((hit) => this.#hit(hit)));
      this.#words.textContent = hits.length ? "" : t("builtin.nothing_found");
      this.#words.hidden = hits.length > 0;
      this.#deeds.say(hits.length ? t("builtin.hits", { count: hits.length }) : t("builtin.nothing_found"));
    } catch (error) {
      if (asked !== this.#asked) return;
      this.#found.replaceChildren();
      sayIn(this.#words, described(error));
      this.#words.hidden = false;
    }
    this.#found.hidden = false;
    this.#list.hidden = true;
  }

  /** @param {Hit} hit */
  #hit({ thread_id: id, agent, title, passage, item }) {
    const name = make("span", { class: "name", dir: "auto" }, title.text ? marked(title) : [t("builtin.untitled")]);
    const open = make("button", { type: "button", class: "open" }, [name]);
    if (passage) open.append(make("span", { class: "passage small soft", dir: "auto" }, marked(passage)));
    open.addEventListener("click", () => this.#deeds.open(id, agent, item));
    return make("li", {}, [make("div", { class: "line" }, [open])]);
  }
}
