// @ts-check
/** The versions of messages and answers: which there are, and the switches `‹ 2/3 ›` that stand under what is shown. */

import { iconButton } from "./icons.js";
import { described } from "./protocol.js";
import { call } from "../common/bridge.js";
import { make } from "../common/parts.js";
import { t } from "../common/texts.js";

/**
 * @typedef {import("./messages.js").View} View
 *
 * @typedef {object} Place where a chat has more than one version, as `builtin.versions` tells it
 * @property {string | null} after the item before; null at the beginning
 * @property {string[]} items the first item of each version
 * @property {number} shown which of them is shown; -1 for none
 *
 * @typedef {object} Chat
 * @property {string | null} id
 * @property {View[]} views
 * @property {boolean} isAnswering
 */

export class Versions {
  #chat;
  #deeds;
  /** @type {Place[]} */
  #places = [];

  /**
   * @param {() => Chat} chat as it is now
   * @param {object} deeds
   * @param {(after: string | null) => Promise<void>} deeds.reload what is shown after this item is another version
   * @param {(words: string) => void} deeds.say
   * @param {(words: import("../common/parts.js").Described) => void} deeds.complain
   */
  constructor(chat, deeds) {
    this.#chat = chat;
    this.#deeds = deeds;
  }

  /** Asks which there are. */
  async look() {
    const { id } = this.#chat();
    if (id === null) return;
    try {
      const { places } = await call("builtin.versions", { id });
      this.#places = places;
      this.place();
    } catch (error) {
      this.#deeds.complain(described(error));
    }
  }

  /** Puts the switches where they belong, for what is loaded of the chat. */
  place() {
    const { views } = this.#chat();
    for (const { element } of views) {
      element.classList.remove("versioned");
      element.querySelector(":scope > .deeds > .versions")?.remove();
    }
    for (const place of this.#places) {
      const element = elementFor(place, views);
      const row = element && rowOf(element);
      if (!row) continue;
      row.append(this.#switch(place));
      element.classList.add("versioned");
    }
  }

  /** Shows the version with an item. @param {string} item @returns {Promise<boolean>} whether it was another one */
  async show(item) {
    const { id, isAnswering } = this.#chat();
    if (isAnswering) {
      this.#deeds.say(t("builtin.still_answering"));
      return false;
    }
    const { changed } = await call("builtin.show_version", { id, item });
    return changed;
  }

  /** @param {Place} place */
  #switch(place) {
    const values = { at: place.shown + 1, count: place.items.length };
    const before = place.shown < 0 ? place.items.at(-1) : place.items[place.shown - 1];
    const after = place.shown < 0 ? undefined : place.items[place.shown + 1];
    const to = [before, after].map((item, index) => {
      const words = t(index ? "builtin.version_after" : "builtin.version_before");
      const button = iconButton(index ? "next" : "previous", words, () => item && void this.#turn(place, item, index));
      button.disabled = item === undefined;
      return button;
    });
    const name = t("builtin.version", values);
    const figures = make("span", { class: "small", title: name, "aria-hidden": "true" }, [t("builtin.version_figures", values)]);
    return make("span", { class: "versions", role: "group", "aria-label": name, "data-after": place.after ?? "" }, [to[0], figures, to[1]]);
  }

  /** @param {Place} place @param {string} item @param {number} direction 0 for the one before, 1 for the one after */
  async #turn(place, item, direction) {
    try {
      if (!(await this.show(item))) return;
      await this.#deeds.reload(place.after);
      await this.look();
    } catch (error) {
      return this.#deeds.complain(described(error));
    }
    const here = this.#chat()
      .views.map(({ element }) => element.querySelector(":scope > .deeds > .versions"))
      .find((one) => one instanceof HTMLElement && one.dataset.after === (place.after ?? ""));
    const buttons = [...(here?.querySelectorAll("button") ?? [])];
    const next = buttons[direction]?.disabled ? buttons[1 - direction] : buttons[direction];
    next?.focus({ preventScroll: true });
    here?.scrollIntoView({ block: "nearest" });
    this.#deeds.say(here?.getAttribute("aria-label") ?? "");
  }
}

/** Under a message stands its own switch; under the last words of an answer the one for the whole of it.
 * @param {Place} place @param {View[]} views @returns {HTMLElement | null} null for what is not loaded */
function elementFor({ after, items, shown }, views) {
  const own = views.findIndex(({ item }) => item.id === items[shown]);
  if (own >= 0 && views[own].item.type === "user_message") return views[own].element;
  const asked = views.findIndex(({ item }) => item.id === after);
  if (own < 0 && asked < 0) return null;
  const begin = own >= 0 ? own : asked + 1;
  const next = views.findIndex(({ item }, index) => index >= begin && item.type === "user_message");
  const turn = views.slice(begin, next < 0 ? undefined : next);
  const words = turn.findLast(({ item }) => item.type === "assistant_message") ?? turn.at(-1);
  return (words ?? views[asked])?.element ?? null;
}

/** @param {HTMLElement} element @returns {Element | null} null while an answer has not finished its own */
function rowOf(element) {
  const known = element.querySelector(":scope > .deeds");
  if (known || element.matches(".answer")) return known;
  const row = make("div", { class: "deeds" });
  element.append(row);
  return row;
}

/**
 * *Try again with …*, for agents that offer more than one model.
 * @param {{id: string, label: string}[]} models
 * @param {(model: string) => void} choose
 */
export function modelMenu(models, choose) {
  const summary = make("summary", { class: "icon-only quiet", "aria-label": t("builtin.again_with"), title: t("builtin.again_with") }, ["▾"]);
  const menu = make("details", { class: "again models" }, [summary]);
  const list = make("ul", {}, models.map(({ id, label }) => {
    const press = make("button", { type: "button", class: "quiet" }, [label]);
    press.addEventListener("click", () => {
      menu.open = false;
      choose(id);
    });
    return make("li", {}, [press]);
  }));
  menu.append(list);
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    event.stopPropagation();
    menu.open = false;
    summary.focus();
  });
  menu.addEventListener("focusout", (event) => {
    if (!(event.relatedTarget instanceof Node) || !menu.contains(event.relatedTarget)) menu.open = false;
  });
  return menu;
}
