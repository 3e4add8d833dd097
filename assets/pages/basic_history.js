// @ts-check
/** The list of chats: loaded while it is scrolled, searched, renamed, deleted, all of it by keyboard too. Opens nothing itself. */

import { confirmed } from "./basic_dialog.js";
import { iconButton } from "./basic_icons.js";
import { ask } from "./basic_protocol.js";
import { call } from "./bridge.js";
import { described, el, input, make, part, sentence } from "./parts.js";
import { t } from "./texts.js";

/**
 * @typedef {import("./basic_protocol.js").Thread} Thread
 * @typedef {{text: string, ranges: [number, number][]}} Passage
 * @typedef {{thread_id: string, title: Passage, passage: Passage | null}} Hit
 * @typedef {{id: string, title: string, created: Date, element: HTMLLIElement, open: HTMLButtonElement}} Row
 *
 * @typedef {object} Deeds
 * @property {(id: string) => void} open
 * @property {(id: string) => void} removed
 * @property {(id: string, title: string) => void} renamed
 * @property {() => void} leave the focus goes back to the composer
 * @property {(words: string) => void} complain
 * @property {(words: string) => void} say
 */

const PAGE = 60;
const LONGEST_TITLE = 200;

/** How far before its end the list asks for more, in pixels. */
const AHEAD = 600;

const DAY = 86_400_000;

export class History {
  #list = el("threads");
  #found = el("found");
  #words = part("history-words", HTMLParagraphElement);
  #search = input("search");
  #scroller = el("history-scroll");
  #deeds;
  /** @type {Map<string, Row>} */
  #rows = new Map();
  /** @type {Map<string, HTMLElement>} */
  #groups = new Map();
  /** @type {string | undefined} */
  #after;
  #isWhole = false;
  #isLoading = false;
  #current = "";
  #timer = 0;
  #pause = 150;
  #asked = 0;
  #features = { rename: true, delete: true };

  /** @param {Deeds} deeds */
  constructor(deeds) {
    this.#deeds = deeds;
    this.#scroller.addEventListener("scroll", () => this.#more(), { passive: true });
    this.#search.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = window.setTimeout(() => void this.#find(), this.#pause);
    });
    this.#search.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" || event.key === "Enter") {
        const first = this.#shown()[0];
        if (!first) return;
        event.preventDefault();
        if (event.key === "ArrowDown") first.focus();
        else if (this.#search.value.trim()) first.click();
      } else if (event.key === "Escape" && this.#search.value) {
        event.preventDefault();
        event.stopPropagation();
        this.#search.value = "";
        void this.#find();
      }
    });
    for (const place of [this.#list, this.#found]) place.addEventListener("keydown", (event) => this.#keys(event));
  }

  /** @param {{rename: boolean, delete: boolean}} features @param {number} pause after the last key, in milliseconds */
  configure(features, pause) {
    this.#features = features;
    this.#pause = pause;
  }

  /** Begins anew: other chats. */
  async load() {
    this.#rows.clear();
    this.#groups.clear();
    this.#list.replaceChildren();
    this.#after = undefined;
    this.#isWhole = false;
    await this.#more();
  }

  focus() {
    this.#search.focus();
    this.#search.select();
  }

  /** @param {string} id of the chat that is shown; empty for a new one */
  mark(id) {
    this.#current = id;
    for (const row of this.#rows.values()) this.#markRow(row);
    this.#reach();
  }

  /** A chat is new, or has another title. @param {Thread} thread */
  put(thread) {
    const row = this.#rows.get(thread.id);
    if (row) {
      this.#name(row, thread.title ?? "");
    } else {
      this.#add(thread, true);
      this.#reach();
    }
    this.#empty();
  }

  /** @param {string} id */
  drop(id) {
    const row = this.#rows.get(id);
    if (!row) return;
    const group = row.element.closest("section");
    row.element.remove();
    this.#rows.delete(id);
    if (group && !group.querySelector("li")) group.remove();
    this.#empty();
    this.#reach();
  }

  /* --- the list -------------------------------------------------------------------------------------------- */

  async #more() {
    if (this.#isWhole || this.#isLoading) return;
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    if (this.#after && scrollHeight - scrollTop - clientHeight > AHEAD) return;
    this.#isLoading = true;
    const skeleton = window.setTimeout(() => this.#list.classList.add("loading"), 300);
    try {
      const page = await ask("threads.list", { limit: PAGE, order: "desc", ...(this.#after ? { after: this.#after } : {}) });
      for (const thread of page.data) if (!this.#rows.has(thread.id)) this.#add(thread, false);
      this.#after = page.after;
      this.#isWhole = !page.has_more;
      this.#empty();
      this.#reach();
    } catch (error) {
      this.#words.textContent = sentence(described(error));
      this.#words.hidden = false;
      return;
    } finally {
      clearTimeout(skeleton);
      this.#list.classList.remove("loading");
      this.#isLoading = false;
    }
    if (!this.#isWhole && this.#list.offsetParent) void this.#more(); // a tall window takes more than a page
  }

  /** @param {Thread} thread @param {boolean} first */
  #add(thread, first) {
    const open = make("button", { type: "button", class: "open" });
    const element = make("li", {}, [open]);
    const row = { id: thread.id, title: "", created: new Date(thread.created_at), element, open };
    open.addEventListener("click", () => this.#deeds.open(row.id));
    if (this.#features.rename) element.append(iconButton("rename", "", () => this.#rename(row)));
    if (this.#features.delete) element.append(iconButton("remove", "", () => void this.#remove(row)));
    this.#name(row, thread.title ?? "");
    this.#markRow(row);
    const list = this.#group(row.created, first);
    if (first) list.prepend(element);
    else list.append(element);
    this.#rows.set(row.id, row);
  }

  /** @param {Row} row @param {string} title */
  #name(row, title) {
    row.title = title;
    const words = title || t("basic.untitled");
    row.open.textContent = words;
    row.open.title = words;
    row.open.classList.toggle("faint", !title);
    const [rename, remove] = [t("basic.rename", { title: words }), t("basic.delete", { title: words })];
    const names = [this.#features.rename ? rename : "", this.#features.delete ? remove : ""].filter(Boolean);
    row.element.querySelectorAll("button.icon-only").forEach((button, index) => {
      button.setAttribute("aria-label", names[index]);
      button.setAttribute("title", names[index]);
    });
  }

  /** @param {Row} row */
  #markRow(row) {
    const here = row.id === this.#current;
    row.element.classList.toggle("current", here);
    if (here) row.open.setAttribute("aria-current", "true");
    else row.open.removeAttribute("aria-current");
  }

  /** One row can be reached by Tab, the others by arrows from there. */
  #reach() {
    const rows = [...this.#rows.values()];
    const reachable = rows.find(({ open }) => open === document.activeElement) ?? this.#rows.get(this.#current) ?? rows[0];
    for (const row of rows) {
      for (const button of row.element.querySelectorAll("button")) button.tabIndex = row === reachable ? 0 : -1;
    }
  }

  /** @param {Date} created @param {boolean} first @returns {HTMLElement} */
  #group(created, first) {
    const name = age(created);
    const known = this.#groups.get(name);
    if (known?.isConnected) return known;
    const list = make("ul");
    const section = make("section", {}, [make("h3", { class: "small faint" }, [groupName(name)]), list]);
    if (first) this.#list.prepend(section);
    else this.#list.append(section);
    this.#groups.set(name, list);
    return list;
  }

  #empty() {
    if (this.#search.value.trim()) return;
    this.#words.textContent = t("basic.no_chats");
    this.#words.hidden = this.#rows.size > 0;
  }

  /** @returns {HTMLButtonElement[]} */
  #shown() {
    const place = this.#found.hidden ? this.#list : this.#found;
    return [.../** @type {NodeListOf<HTMLButtonElement>} */ (place.querySelectorAll("button.open"))];
  }

  /** @param {KeyboardEvent} event */
  #keys(event) {
    const { target } = event;
    if (!(target instanceof HTMLElement) || target instanceof HTMLInputElement) return;
    const buttons = this.#shown();
    const at = buttons.findIndex((button) => button.parentElement === target.parentElement);
    const row = [...this.#rows.values()].find(({ element }) => element.contains(target));
    const to = /** @type {Record<string, number>} */ ({
      ArrowDown: Math.min(at + 1, buttons.length - 1),
      ArrowUp: at - 1,
      Home: 0,
      End: buttons.length - 1,
    })[event.key];
    if (to !== undefined && at >= 0) {
      event.preventDefault();
      if (to < 0) return this.#search.focus();
      buttons[to].focus();
      if (this.#found.hidden) this.#reach();
      if (to === buttons.length - 1) void this.#more();
    } else if (row && event.key === "F2" && this.#features.rename) {
      event.preventDefault();
      this.#rename(row);
    } else if (row && event.key === "Delete" && this.#features.delete) {
      event.preventDefault();
      void this.#remove(row);
    }
  }

  /* --- renaming and deleting ------------------------------------------------------------------------------------ */

  /** @param {Row} row */
  #rename(row) {
    const field = make("input", { type: "text", maxlength: `${LONGEST_TITLE}`, "aria-label": t("basic.title") });
    field.value = row.title;
    row.element.classList.add("renaming");
    row.element.prepend(field);
    field.focus();
    field.select();
    let over = false;
    /** @param {boolean} keep @param {boolean} back */
    const end = async (keep, back) => {
      if (over) return;
      over = true;
      const title = field.value.trim();
      field.remove();
      row.element.classList.remove("renaming");
      if (back) row.open.focus();
      if (!keep || !title || title === row.title) return;
      const before = row.title;
      this.#name(row, title);
      try {
        await ask("threads.update", { thread_id: row.id, title });
        this.#deeds.renamed(row.id, title);
      } catch (error) {
        this.#name(row, before);
        this.#deeds.complain(sentence(described(error)));
      }
    };
    field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      const isDone = event.key === "Enter" && !event.isComposing;
      if (!isDone && event.key !== "Escape") return;
      event.preventDefault(); // the row has the focus by the time the key would press it
      void end(isDone, true);
    });
    field.addEventListener("blur", () => void end(true, false));
  }

  /** @param {Row} row */
  async #remove(row) {
    const sure = await confirmed({
      title: t("basic.delete_title"),
      text: t("basic.delete_text", { title: row.title || t("basic.untitled") }),
      yes: t("basic.delete_yes"),
    });
    if (!sure) return;
    const buttons = this.#shown();
    const at = buttons.indexOf(row.open);
    const next = buttons[at + 1] ?? buttons[at - 1];
    try {
      await ask("threads.delete", { thread_id: row.id });
    } catch (error) {
      this.#deeds.complain(sentence(described(error)));
      return;
    }
    this.drop(row.id);
    this.#deeds.removed(row.id);
    this.#deeds.say(t("basic.deleted"));
    if (next) next.focus();
    else this.#deeds.leave();
  }

  /* --- search --------------------------------------------------------------------------------------------------- */

  async #find() {
    const query = this.#search.value.trim();
    this.#asked += 1;
    const asked = this.#asked;
    if (!query) {
      this.#found.hidden = true;
      this.#list.hidden = false;
      this.#empty();
      return;
    }
    try {
      const { hits } = /** @type {{hits: Hit[]}} */ (await call("history.search", { query }));
      if (asked !== this.#asked) return; // the next letter was quicker
      this.#found.replaceChildren(...hits.map((hit) => this.#hit(hit)));
      this.#words.textContent = hits.length ? "" : t("basic.nothing_found");
      this.#words.hidden = hits.length > 0;
      this.#deeds.say(hits.length ? t("basic.hits", { count: hits.length }) : t("basic.nothing_found"));
    } catch (error) {
      if (asked !== this.#asked) return;
      this.#found.replaceChildren();
      this.#words.textContent = sentence(described(error));
      this.#words.hidden = false;
    }
    this.#found.hidden = false;
    this.#list.hidden = true;
  }

  /** @param {Hit} hit */
  #hit({ thread_id: id, title, passage }) {
    const name = make("span", { class: "name" }, title.text ? marked(title) : [t("basic.untitled")]);
    const open = make("button", { type: "button", class: "open" }, [name]);
    if (passage) open.append(make("span", { class: "passage small soft" }, marked(passage)));
    open.addEventListener("click", () => this.#deeds.open(id));
    return make("li", {}, [open]);
  }
}

/** @param {Passage} passage @returns {(Node | string)[]} */
function marked({ text, ranges }) {
  const parts = /** @type {(Node | string)[]} */ ([]);
  let at = 0;
  for (const [start, end] of ranges) {
    parts.push(text.slice(at, start), make("mark", {}, [text.slice(start, end)]));
    at = end;
  }
  return [...parts, text.slice(at)];
}

/** @param {Date} created @returns {"today" | "yesterday" | "week" | "month" | "older"} */
function age(created) {
  const midnight = new Date().setHours(0, 0, 0, 0);
  const at = created.getTime();
  if (at >= midnight) return "today";
  if (at >= midnight - DAY) return "yesterday";
  if (at >= midnight - 7 * DAY) return "week";
  return at >= midnight - 30 * DAY ? "month" : "older";
}

/** @param {string} name */
function groupName(name) {
  if (name === "today") return t("basic.today");
  if (name === "yesterday") return t("basic.yesterday");
  if (name === "week") return t("basic.week");
  return name === "month" ? t("basic.month") : t("basic.older");
}
