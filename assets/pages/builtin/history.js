// @ts-check
/** The list of chats: loaded while it is scrolled, searched, renamed, deleted, all of it by keyboard too. Opens nothing itself. */

import { iconButton, label } from "./icons.js";
import { ask, described } from "./protocol.js";
import { call } from "../common/bridge.js";
import { ask as askPerson } from "../common/dialog.js";
import { el, input, make, marked, part, sayIn } from "../common/parts.js";
import { t } from "../common/texts.js";

/**
 * @typedef {import("./protocol.js").Thread} Thread
 * @typedef {import("../common/parts.js").Passage} Passage
 * @typedef {{thread_id: string, title: Passage, passage: Passage | null}} Hit
 *
 * @typedef {object} Row
 * @property {string} id
 * @property {string} title
 * @property {Date} created
 * @property {number} index
 * @property {number} top where it stands in the list, in pixels
 * @property {string} heading the age it is the first of; empty for the others
 * @property {{item: HTMLLIElement, line: HTMLElement, open: HTMLButtonElement} | null} shown null while it is scrolled away
 *
 * @typedef {object} Deeds
 * @property {(id: string) => void} open
 * @property {(id: string) => void} removed
 * @property {(id: string, title: string) => void} renamed
 * @property {() => void} leave the focus goes back to the composer
 * @property {(words: string | import("../common/parts.js").Described) => void} complain
 * @property {(words: string) => void} say
 */

const PAGE = 60;
const LONGEST_TITLE = 200;

/** How far before its end the list asks for more, and how far beyond the window rows are made, in pixels. */
const AHEAD = 600;

/** Height of a heading, in pixels; a row is as high as a button. */
const HEADING = 34;

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
  /** The newest first. Ten thousand are in here; only those in sight are in the page. @type {Row[]} */
  #order = [];
  #rowHeight = 36;
  /** @type {string | undefined} */
  #after;
  #isWhole = false;
  #isLoading = false;
  #current = "";
  /** @type {Row | null} */
  #reachable = null;
  #timer = 0;
  #pause = 150;
  #asked = 0;
  #features = { rename: true, delete: true };

  /** @param {Deeds} deeds */
  constructor(deeds) {
    this.#deeds = deeds;
    const looked = () => {
      this.#show();
      void this.#more();
    };
    this.#scroller.addEventListener("scroll", looked, { passive: true });
    new ResizeObserver(looked).observe(this.#scroller);
    this.#search.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = window.setTimeout(() => void this.#find(), this.#pause);
    });
    this.#search.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" || (event.key === "Enter" && this.#isSearching)) {
        event.preventDefault();
        const [hit] = this.#hits;
        if (event.key === "Enter") hit?.click();
        else if (this.#isSearching) hit?.focus();
        else if (this.#order.length) this.#focus(this.#order[0]);
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
    this.#order = [];
    this.#reachable = null;
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
    const before = this.#rows.get(this.#current);
    this.#current = id;
    const here = this.#rows.get(id);
    this.#reachable = here ?? this.#reachable;
    for (const row of [before, here]) if (row) this.#dress(row);
    this.#show();
  }

  /** A chat is new, or has another title. @param {Thread} thread */
  put(thread) {
    const row = this.#rows.get(thread.id);
    if (row) {
      row.title = thread.title ?? "";
      this.#dress(row);
    } else {
      this.#order.unshift(this.#made(thread));
      this.#place();
    }
  }

  /** @param {string} id */
  drop(id) {
    const row = this.#rows.get(id);
    if (!row) return;
    this.#rows.delete(id);
    this.#order.splice(row.index, 1);
    row.shown?.item.remove();
    if (this.#reachable === row) this.#reachable = null;
    this.#place();
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
      for (const thread of page.data) if (!this.#rows.has(thread.id)) this.#order.push(this.#made(thread));
      this.#after = page.after;
      this.#isWhole = !page.has_more;
      this.#place();
    } catch (error) {
      sayIn(this.#words, described(error));
      this.#words.hidden = false;
      return;
    } finally {
      clearTimeout(skeleton);
      this.#list.classList.remove("loading");
      this.#isLoading = false;
    }
    if (!this.#isWhole && this.#list.offsetParent) void this.#more(); // a tall window takes more than a page
  }

  /** @param {Thread} thread @returns {Row} */
  #made(thread) {
    const { id, title = "", created_at: at } = thread;
    const row = { id, title, created: new Date(at), index: 0, top: 0, heading: "", shown: null };
    this.#rows.set(id, row);
    return row;
  }

  /** Every row gets its place; then those in sight are shown. */
  #place() {
    this.#rowHeight = parseInt(getComputedStyle(this.#list).getPropertyValue("--target"), 10) || this.#rowHeight;
    let top = 0;
    let group = "";
    this.#order.forEach((row, index) => {
      const name = age(row.created);
      row.index = index;
      row.top = top;
      row.heading = name === group ? "" : name;
      group = name;
      top += this.#rowHeight + (row.heading ? HEADING : 0);
      if (row.shown) this.#dress(row);
    });
    this.#list.style.height = `${top}px`;
    this.#reachable ??= this.#rows.get(this.#current) ?? this.#order[0] ?? null;
    this.#empty();
    this.#show();
  }

  /** Rows in sight and a little beyond are in the page, in their order; a row that has the focus stays in it. */
  #show() {
    const { scrollTop, clientHeight } = this.#scroller;
    const [first, last] = [scrollTop - AHEAD, scrollTop + clientHeight + AHEAD];
    const wanted = new Set(this.#order.slice(this.#at(first), this.#at(last) + 1));
    if (this.#reachable && this.#order.length) wanted.add(this.#reachable);
    for (const item of [...this.#list.children]) {
      const row = this.#rows.get(item instanceof HTMLElement ? (item.dataset.id ?? "") : "");
      if ((row && wanted.has(row)) || item.contains(document.activeElement)) continue;
      item.remove();
      if (row) row.shown = null;
    }
    /** @type {Element | null} */
    let next = this.#list.firstElementChild;
    for (const row of [...wanted].sort((one, other) => one.index - other.index)) {
      row.shown ??= this.#build(row);
      const { item } = row.shown;
      while (next && next !== item && this.#indexOf(next) < row.index) next = next.nextElementSibling;
      if (next === item) next = next.nextElementSibling;
      else this.#list.insertBefore(item, next);
    }
  }

  /** The row at this height. @param {number} top in pixels */
  #at(top) {
    let [low, high] = [0, this.#order.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#order[middle].top <= top) low = middle;
      else high = middle - 1;
    }
    return Math.max(0, low);
  }

  /** @param {Element} item */
  #indexOf(item) {
    return this.#rows.get(item instanceof HTMLElement ? (item.dataset.id ?? "") : "")?.index ?? -1;
  }

  /** @param {Row} row @returns {NonNullable<Row["shown"]>} */
  #build(row) {
    const open = make("button", { type: "button", class: "open" });
    const line = make("div", { class: "line" }, [open]);
    const item = make("li", { "data-id": row.id }, [line]);
    open.addEventListener("click", () => this.#deeds.open(row.id));
    if (this.#features.rename) line.append(iconButton("rename", "", () => this.#rename(row)));
    if (this.#features.delete) line.append(iconButton("remove", "", () => void this.#remove(row)));
    row.shown = { item, line, open };
    this.#dress(row);
    return row.shown;
  }

  /** What a shown row looks like now. @param {Row} row */
  #dress(row) {
    if (!row.shown) return;
    const { item, line, open } = row.shown;
    const words = row.title || t("builtin.untitled");
    item.style.top = `${row.top}px`;
    item.setAttribute("aria-posinset", `${row.index + 1}`);
    item.setAttribute("aria-setsize", this.#isWhole ? `${this.#order.length}` : "-1");
    item.querySelector("h3")?.remove();
    if (row.heading) item.prepend(make("h3", { class: "small faint" }, [groupName(row.heading)]));
    open.textContent = words;
    open.title = words;
    open.classList.toggle("faint", !row.title);
    const here = row.id === this.#current;
    line.classList.toggle("current", here);
    if (here) open.setAttribute("aria-current", "true");
    else open.removeAttribute("aria-current");
    const names = [
      this.#features.rename ? t("builtin.rename", { title: words }) : "",
      this.#features.delete ? t("builtin.delete", { title: words }) : "",
    ].filter(Boolean);
    line.querySelectorAll("button.icon-only").forEach((button, index) => label(/** @type {HTMLElement} */ (button), names[index]));
    for (const button of line.querySelectorAll("button")) button.tabIndex = row === this.#reachable ? 0 : -1;
  }

  /** One row can be reached by Tab, the others by arrows from there. @param {Row} row */
  #focus(row) {
    const before = this.#reachable;
    this.#reachable = row;
    const { scrollTop, clientHeight } = this.#scroller;
    const bottom = row.top + this.#rowHeight + (row.heading ? HEADING : 0);
    if (row.top < scrollTop) this.#scroller.scrollTop = row.top;
    else if (bottom > scrollTop + clientHeight) this.#scroller.scrollTop = bottom - clientHeight + 8;
    this.#show();
    for (const one of [before, row]) if (one) this.#dress(one);
    row.shown?.open.focus({ preventScroll: true });
  }

  #empty() {
    if (this.#search.value.trim()) return;
    this.#words.textContent = t("builtin.no_chats");
    this.#words.hidden = this.#rows.size > 0;
  }

  get #isSearching() {
    return !this.#found.hidden;
  }

  /** @returns {HTMLButtonElement[]} */
  get #hits() {
    return [.../** @type {NodeListOf<HTMLButtonElement>} */ (this.#found.querySelectorAll(".open"))];
  }

  /** @param {KeyboardEvent} event */
  #keys(event) {
    const { target, key } = event;
    if (!(target instanceof HTMLElement) || target instanceof HTMLInputElement) return;
    const row = this.#rows.get(target.closest("li")?.dataset.id ?? "");
    const hits = this.#hits;
    const at = row ? row.index : hits.findIndex((button) => button === target);
    const last = (row ? this.#order.length : hits.length) - 1;
    const places = /** @type {Record<string, number>} */ ({
      ArrowDown: Math.min(at + 1, last),
      ArrowUp: at - 1,
      Home: 0,
      End: last,
    });
    const to = places[key];
    if (to !== undefined && at >= 0) {
      event.preventDefault();
      if (to < 0) this.#search.focus();
      else if (row) this.#focus(this.#order[to]);
      else hits[to].focus();
    } else if (row && key === "F2" && this.#features.rename) {
      event.preventDefault();
      this.#rename(row);
    } else if (row && key === "Delete" && this.#features.delete) {
      event.preventDefault();
      void this.#remove(row);
    }
  }

  /* --- renaming and deleting ------------------------------------------------------------------------------------ */

  /** @param {Row} row */
  #rename(row) {
    const line = row.shown?.line;
    if (!line) return;
    const field = make("input", { type: "text", maxlength: `${LONGEST_TITLE}`, "aria-label": t("builtin.title") });
    field.value = row.title;
    line.classList.add("renaming");
    line.prepend(field);
    field.focus();
    field.select();
    let over = false;
    /** @param {boolean} keep @param {boolean} back */
    const end = async (keep, back) => {
      if (over) return;
      over = true;
      const title = field.value.trim();
      field.remove();
      line.classList.remove("renaming");
      if (back) this.#focus(row);
      if (!keep || !title || title === row.title) return;
      const before = row.title;
      row.title = title;
      this.#dress(row);
      try {
        await ask("threads.update", { thread_id: row.id, title });
        this.#deeds.renamed(row.id, title);
      } catch (error) {
        row.title = before;
        this.#dress(row);
        this.#deeds.complain(described(error));
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
    const sure = await askPerson({
      title: t("builtin.delete_title"),
      text: t("builtin.delete_text", { title: row.title || t("builtin.untitled") }),
      yes: t("builtin.delete_yes"),
    });
    if (sure === null) return;
    const next = this.#order[row.index + 1] ?? this.#order[row.index - 1];
    try {
      await ask("threads.delete", { thread_id: row.id });
    } catch (error) {
      this.#deeds.complain(described(error));
      return;
    }
    this.drop(row.id);
    this.#deeds.removed(row.id);
    this.#deeds.say(t("builtin.deleted"));
    if (next) this.#focus(next);
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
      this.#show();
      return;
    }
    try {
      const { hits } = /** @type {{hits: Hit[]}} */ (await call("history.search", { query }));
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
  #hit({ thread_id: id, title, passage }) {
    const name = make("span", { class: "name" }, title.text ? marked(title) : [t("builtin.untitled")]);
    const open = make("button", { type: "button", class: "open" }, [name]);
    if (passage) open.append(make("span", { class: "passage small soft" }, marked(passage)));
    open.addEventListener("click", () => this.#deeds.open(id));
    return make("li", {}, [make("div", { class: "line" }, [open])]);
  }
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
  if (name === "today") return t("builtin.today");
  if (name === "yesterday") return t("builtin.yesterday");
  if (name === "week") return t("builtin.week");
  return name === "month" ? t("builtin.month") : t("builtin.older");
}
