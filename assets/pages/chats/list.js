// @ts-check
/** The list of all chats. Only visible rows are in the page; arrow keys and checkboxes work. Loads nothing itself. */

import { el, make, marked } from "../common/parts.js";
import { t } from "../common/texts.js";

/**
 * @typedef {"in_app" | "archived" | "hosted" | "server"} Where
 * @typedef {{id: string, where: Where, server: string, agent: {id: string, name: string}, title: string | null, created_at: string,
 *   updated_at: string, items: number | null, copied_at: string | null, gone: boolean, read_only: boolean, opens: boolean}} Chat
 * @typedef {import("../common/parts.js").Passage} Passage
 * @typedef {{chat: Chat, title?: Passage, item_id?: string | null, passage?: Passage | null}} Row
 * @typedef {{where: Where, gone: boolean, server: string}} Place
 * @typedef {{open: (row: Row) => void, chosen: () => void, more: () => void, remove: (row: Row) => void,
 *   rename: (row: Row) => void, up: () => void}} Deeds
 */

/** How far beyond the window rows are made, in pixels. */
const AHEAD = 600;

export class ChatList {
  #list = el("list");
  #scroller = el("scroll");
  #deeds;
  #date = new Intl.DateTimeFormat();
  #time = new Intl.DateTimeFormat();
  /** @type {Row[]} */
  #rows = [];
  /** @type {Map<number, HTMLLIElement>} */
  #shown = new Map();
  #isWhole = true;
  #height = 64;
  #current = "";
  #reachable = 0;
  #last = -1;
  /** What is chosen, also beyond what was loaded. @type {Map<string, Place>} */
  chosen = new Map();

  /** @param {Deeds} deeds */
  constructor(deeds) {
    this.#deeds = deeds;
    const looked = () => {
      this.#show();
      const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
      if (!this.#isWhole && scrollHeight - scrollTop - clientHeight < AHEAD) deeds.more();
    };
    this.#scroller.addEventListener("scroll", looked, { passive: true });
    new ResizeObserver(looked).observe(this.#scroller);
    this.#list.addEventListener("keydown", (event) => this.#keys(event));
  }

  /** @param {string} language */
  speak(language) {
    this.#date = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", year: "numeric" });
    this.#time = new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit" });
  }

  /** @param {Row[]} rows @param {{isWhole: boolean, isSearch?: boolean, keep?: boolean}} how keep: stay where one has scrolled to */
  put(rows, { isWhole, isSearch = false, keep = false }) {
    const inside = this.#list.contains(document.activeElement);
    this.#clear();
    this.#rows = rows;
    this.#isWhole = isWhole;
    this.#height = isSearch ? 88 : 64;
    this.#list.style.height = `${rows.length * this.#height}px`;
    if (!keep) {
      this.#scroller.scrollTop = 0;
      this.#reachable = 0;
    }
    this.#reachable = Math.max(0, Math.min(this.#reachable, rows.length - 1));
    this.#last = -1;
    this.#show();
    if (inside && rows.length) this.#focus(this.#reachable);
  }

  /** @param {Row[]} rows @param {boolean} isWhole */
  add(rows, isWhole) {
    this.#rows.push(...rows);
    this.#isWhole = isWhole;
    this.#list.style.height = `${this.#rows.length * this.#height}px`;
    for (const [index, item] of this.#shown) this.#place(item, index);
    this.#show();
  }

  get rows() {
    return this.#rows;
  }

  /** Whether the list does not fill its window yet and there is more. */
  get wantsMore() {
    return !this.#isWhole && this.#rows.length * this.#height < this.#scroller.scrollTop + this.#scroller.clientHeight + AHEAD;
  }

  /** @param {Chat} chat it has another title */
  update(chat) {
    for (const row of this.#rows) {
      if (row.chat.id !== chat.id) continue;
      row.chat = chat;
      delete row.title;
    }
    this.#again();
  }

  /** @param {string} id of the chat that is read */
  mark(id) {
    this.#current = id;
    for (const [index, item] of this.#shown) this.#dress(item, index);
  }

  /** The boxes follow `chosen`. */
  reflect() {
    for (const [index, item] of this.#shown) this.#dress(item, index);
  }

  focus() {
    if (this.#rows.length) this.#focus(this.#reachable);
  }

  #clear() {
    for (const item of this.#shown.values()) item.remove();
    this.#shown.clear();
  }

  #again() {
    const inside = this.#list.contains(document.activeElement);
    this.#clear();
    this.#show();
    if (inside) this.#focus(this.#reachable);
  }

  #show() {
    const { scrollTop, clientHeight } = this.#scroller;
    const first = Math.max(0, Math.floor((scrollTop - AHEAD) / this.#height));
    const last = Math.min(this.#rows.length - 1, Math.ceil((scrollTop + clientHeight + AHEAD) / this.#height));
    for (const [index, item] of this.#shown) {
      if ((index >= first && index <= last) || index === this.#reachable || item.contains(document.activeElement)) continue;
      item.remove();
      this.#shown.delete(index);
    }
    const wanted = [];
    for (let index = first; index <= last; index += 1) wanted.push(index);
    if (this.#rows.length && !wanted.includes(this.#reachable)) wanted.push(this.#reachable);
    for (const index of wanted.filter((one) => !this.#shown.has(one))) {
      const item = this.#build(this.#rows[index], index);
      const after = [...this.#shown.keys()].filter((one) => one > index);
      const next = after.length ? (this.#shown.get(Math.min(...after)) ?? null) : null;
      this.#list.insertBefore(item, next); // in the order of the list, for those who read with a screen reader
      this.#shown.set(index, item);
    }
  }

  /** @param {Row} row @param {number} index @returns {HTMLLIElement} */
  #build(row, index) {
    const { chat } = row;
    const words = chat.title || t("chats.untitled");
    const box = make("input", { type: "checkbox", "aria-label": t("chats.select", { title: words }) });
    const title = make("span", { class: chat.title ? "title" : "title faint", dir: "auto" });
    title.append(...(row.title?.text ? marked(row.title) : [words]));
    const open = make("button", { type: "button", class: "open" }, [title]);
    if (row.passage) open.append(make("span", { class: "passage small soft", dir: "auto" }, marked(row.passage)));
    open.append(make("span", { class: "meta small faint" }, [this.about(chat)]));
    const item = make("li", {}, [box, open]);
    open.addEventListener("click", () => {
      this.#reach(this.#indexOf(item));
      this.#deeds.open(row);
    });
    box.addEventListener("click", (event) => this.#choose(this.#indexOf(item), box.checked, event.shiftKey));
    this.#place(item, index);
    this.#dress(item, index);
    return item;
  }

  /** @param {HTMLLIElement} item */
  #indexOf(item) {
    for (const [index, shown] of this.#shown) if (shown === item) return index;
    return 0;
  }

  /** @param {HTMLLIElement} item @param {number} index */
  #place(item, index) {
    item.style.top = `${index * this.#height}px`;
    item.style.height = `${this.#height}px`;
    item.setAttribute("aria-posinset", `${index + 1}`);
    item.setAttribute("aria-setsize", this.#isWhole ? `${this.#rows.length}` : "-1");
  }

  /** @param {HTMLLIElement} item @param {number} index */
  #dress(item, index) {
    const { chat } = this.#rows[index];
    const [box, open] = /** @type {[HTMLInputElement, HTMLButtonElement]} */ ([...item.children]);
    const here = chat.id === this.#current;
    box.checked = this.chosen.has(chat.id);
    item.classList.toggle("current", here);
    item.classList.toggle("chosen", box.checked);
    if (here) open.setAttribute("aria-current", "true");
    else open.removeAttribute("aria-current");
    for (const part of [box, open]) part.tabIndex = index === this.#reachable ? 0 : -1;
  }

  /** Agent, day and what is known of its length and place, on one line. @param {Chat} chat */
  about(chat) {
    const moment = new Date(chat.updated_at);
    const isToday = moment.toDateString() === new Date().toDateString();
    const places = { in_app: "", archived: t("chats.copied"), hosted: t("chats.at_openai"), server: t("chats.at_server", { host: chat.server }) };
    const parts = [
      chat.agent.name || chat.agent.id,
      (isToday ? this.#time : this.#date).format(moment),
      places[chat.where],
      chat.items === null ? "" : t("chats.items", { count: chat.items }),
    ];
    return parts.filter(Boolean).join(" · ");
  }

  /** @param {number} index @param {boolean} on @param {boolean} isRange */
  #choose(index, on, isRange) {
    const from = isRange && this.#last >= 0 ? this.#last : index;
    for (let at = Math.min(from, index); at <= Math.max(from, index); at += 1) {
      const { id, where, gone, server } = this.#rows[at].chat;
      if (on) this.chosen.set(id, { where, gone, server });
      else this.chosen.delete(id);
    }
    this.#last = index;
    this.#reach(index);
    this.reflect();
    this.#deeds.chosen();
  }

  /** One row can be reached by Tab, the others by arrows from there. @param {number} index */
  #reach(index) {
    const before = this.#reachable;
    this.#reachable = index;
    for (const one of [before, index]) {
      const item = this.#shown.get(one);
      if (item && this.#rows[one]) this.#dress(item, one);
    }
  }

  /** @param {number} index @param {string} [which] of the row's parts */
  #focus(index, which = ".open") {
    this.#reach(index);
    const top = index * this.#height;
    const { scrollTop, clientHeight } = this.#scroller;
    if (top < scrollTop) this.#scroller.scrollTop = top;
    else if (top + this.#height > scrollTop + clientHeight) this.#scroller.scrollTop = top + this.#height - clientHeight;
    this.#show();
    /** @type {HTMLElement | null | undefined} */ (this.#shown.get(index)?.querySelector(which))?.focus({ preventScroll: true });
  }

  /** @param {KeyboardEvent} event */
  #keys(event) {
    const { target, key } = event;
    if (!(target instanceof HTMLElement) || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = this.#reachable;
    const page = Math.max(1, Math.floor(this.#scroller.clientHeight / this.#height) - 1);
    const end = this.#rows.length - 1;
    const places = /** @type {Record<string, number>} */ ({
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: Math.max(0, at - page),
      Home: 0,
      End: end,
    });
    const to = places[key];
    if (to !== undefined) {
      event.preventDefault();
      if (to < 0) this.#deeds.up();
      else this.#focus(Math.min(to, end), target instanceof HTMLInputElement ? "input" : ".open");
    } else if (key === "Delete") {
      event.preventDefault();
      this.#deeds.remove(this.#rows[at]);
    } else if (key === "F2") {
      event.preventDefault();
      this.#deeds.rename(this.#rows[at]);
    }
  }
}
