// @ts-check
/**
 * The list of chats, of all agents or of one: by their last activity, the pinned ones first; loaded while it is scrolled,
 * pinned, renamed, deleted, all of it by keyboard too. Opens nothing itself.
 */

import { age, groupName } from "./ages.js";
import { iconButton, label } from "./icons.js";
import { Listing } from "./listing.js";
import { openMenu } from "./menu.js";
import { described } from "./protocol.js";
import { renamed } from "./renamed.js";
import { Search } from "./search.js";
import { call } from "../common/bridge.js";
import { ask as askPerson } from "../common/dialog.js";
import { el, make, part, sayIn, show } from "../common/parts.js";
import { t } from "../common/texts.js";

/**
 * @typedef {import("./protocol.js").Thread} Thread
 * @typedef {{id: string, name: string, where: "here" | "server" | "openai"}} Agent
 * @typedef {import("./listing.js").Listed} Listed
 *
 * @typedef {object} Row
 * @property {string} id
 * @property {string} agent
 * @property {string} title
 * @property {Date} active when something was last said in it
 * @property {boolean} pinned
 * @property {number} index
 * @property {number} top where it stands in the list, in pixels
 * @property {string} heading the age it is the first of; empty for the others
 * @property {{item: HTMLLIElement, line: HTMLElement, open: HTMLButtonElement, more: HTMLButtonElement | null} | null} shown null while it is scrolled away
 *
 * @typedef {object} Deeds
 * @property {(id: string, agent: string, item: string | null) => void} open
 * @property {(id: string) => void} removed
 * @property {(id: string, title: string) => void} renamed
 * @property {() => void} leave the focus goes back to the composer
 * @property {(words: string | import("../common/parts.js").Described) => void} complain
 * @property {(words: string) => void} say
 */

/** How far before its end the list asks for more, and how far beyond the window rows are made, in pixels. */
const AHEAD = 600;

/** Height of a heading, in pixels; a row is as high as a button. */
const HEADING = 34;

export class History {
  #list = el("threads");
  #words = part("history-words", HTMLParagraphElement);
  #whose = part("whose", HTMLSelectElement);
  #search;
  #listing = new Listing();
  #scroller = el("history-scroll");
  #deeds;
  /** @type {Map<string, Row>} */
  #rows = new Map();
  /** The pinned ones, then the last active first. Ten thousand are in here; only those in sight are in the page. @type {Row[]} */
  #order = [];
  #rowHeight = 36;
  /** @type {string | null} */
  #after = null;
  #isWhole = false;
  #hasBegun = false;
  /** Lists are asked for one after the other; what was asked for an earlier one is not taken. */
  #number = 0;
  #isLoading = false;
  #current = "";
  /** Whether the row of the chat that is shown has still to be scrolled to: the list had no height. */
  #isUnseen = false;
  /** @type {Row | null} */
  #reachable = null;
  #features = { rename: true, delete: true };
  /** Of the chats on this page. */
  #agent = "";
  /** @type {Agent[]} */
  #agents = [];

  /** @param {Deeds} deeds */
  constructor(deeds) {
    this.#deeds = deeds;
    this.#search = new Search({
      open: deeds.open,
      say: deeds.say,
      whose: () => this.#whose.value,
      over: () => {
        this.#empty();
        this.#show();
      },
      down: () => void (this.#order.length && this.#focus(this.#order[0])),
    });
    const looked = () => {
      if (this.#isUnseen) this.#reveal();
      this.#show();
      void this.#more();
    };
    this.#scroller.addEventListener("scroll", looked, { passive: true });
    new ResizeObserver(looked).observe(this.#scroller);
    this.#whose.addEventListener("change", () => {
      call("history.keep", { agent: this.#whose.value }).catch((error) => deeds.complain(described(error)));
      void this.load();
      if (this.#search.isWanted) void this.#search.again();
    });
    this.#list.addEventListener("keydown", (event) => this.#keys(event));
    this.#list.addEventListener("contextmenu", (event) => {
      const row = this.#rowOf(event.target);
      if (!row || event.target instanceof HTMLInputElement) return;
      event.preventDefault();
      this.#menu(row, { x: event.clientX, y: event.clientY });
    });
  }

  /**
   * @param {{rename: boolean, delete: boolean}} features
   * @param {number} pause from the last key to a search, in milliseconds
   * @param {Agent[]} agents
   * @param {string} agent whose chats this page shows
   * @param {string} whose the agent whose chats alone are listed; empty for all
   */
  configure(features, pause, agents, agent, whose) {
    this.#features = features;
    this.#search.pause = pause;
    this.#agents = agents;
    this.#agent = agent;
    this.#listing.server = this.#agentOf(agent)?.where === "server" ? agent : "";
    const listed = agents.filter(({ where }) => where !== "openai");
    const all = listed.some(({ where }) => where === "server") ? t("builtin.all_here") : t("builtin.all_agents");
    this.#whose.replaceChildren(
      ...[{ id: "", name: all }, ...listed].map(({ id, name }) => make("option", { value: id }, [name])),
    );
    this.#whose.value = listed.some(({ id }) => id === whose) ? whose : "";
    show("whose", listed.length > 1);
  }

  /** Begins anew: other chats. @param {string} [through] a chat that has to be among them */
  async load(through = this.#current) {
    this.#hasBegun = true;
    this.#rows.clear();
    this.#order = [];
    this.#reachable = null;
    this.#list.replaceChildren();
    this.#after = null;
    this.#isWhole = false;
    this.#isLoading = false;
    await this.#more(through);
    this.#reveal();
  }

  focus() {
    this.#search.focus();
  }

  /** @param {string} id of the chat that is shown; empty for a new one */
  mark(id) {
    const before = this.#rows.get(this.#current);
    this.#current = id;
    const here = this.#rows.get(id);
    const reached = this.#reachable;
    this.#reachable = here ?? reached;
    for (const row of [before, here, reached]) if (row) this.#dress(row);
    if (!here && id && this.#after) void this.#more(id);
    this.#show();
    this.#reveal();
  }

  /** A chat of this page's agent is new, or has another title. @param {Thread} thread */
  put(thread) {
    const row = this.#rows.get(thread.id);
    if (row) {
      row.title = thread.title ?? "";
      this.#dress(row);
    } else if (this.#lists(this.#agent)) {
      const { id, title = null } = thread;
      this.#order.push(this.#made({ id, title, agent: this.#agent, active_at: new Date().toISOString(), pinned: false }));
      this.#sort();
    }
  }

  /** Something was said in a chat just now. @param {string} id */
  touch(id) {
    const row = this.#rows.get(id);
    if (!row || !this.#isHere(row)) return; // a server does not tell when a chat was active
    row.active = new Date();
    this.#sort();
    this.#reveal();
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

  /** @param {string} [through] also where nobody scrolls: until this chat is among them */
  async #more(through = "") {
    if (!this.#hasBegun || this.#isWhole || this.#isLoading) return;
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    if (!through && this.#after && scrollHeight - scrollTop - clientHeight > AHEAD) return;
    this.#isLoading = true;
    this.#number += 1;
    const number = this.#number;
    const skeleton = window.setTimeout(() => this.#list.classList.add("loading"), 300);
    try {
      const page = await this.#listing.page(this.#whose.value, this.#after, through);
      if (number !== this.#number) return; // others were asked for meanwhile
      for (const chat of page.chats) if (!this.#rows.has(chat.id)) this.#order.push(this.#made(chat));
      this.#after = page.after;
      this.#isWhole = page.after === null;
      this.#sort();
      if (through) this.#reveal();
    } catch (error) {
      if (number !== this.#number) return;
      sayIn(this.#words, described(error));
      this.#words.hidden = false;
      return;
    } finally {
      clearTimeout(skeleton);
      if (number === this.#number) {
        this.#list.classList.remove("loading");
        this.#isLoading = false;
      }
    }
    if (!this.#isWhole && this.#list.offsetParent) void this.#more(); // a tall window takes more than a page
  }

  /** @param {Listed} chat @returns {Row} */
  #made({ id, agent, title, active_at: at, pinned }) {
    const row = { id, agent, title: title ?? "", active: new Date(at), pinned, index: 0, top: 0, heading: "", shown: null };
    this.#rows.set(id, row);
    return row;
  }

  /** Whether this agent's chats are in the list. @param {string} agent */
  #lists(agent) {
    return this.#whose.value === agent || (!this.#whose.value && this.#agentOf(agent)?.where === "here");
  }

  /** @param {string} id */
  #agentOf(id) {
    return this.#agents.find((agent) => agent.id === id);
  }

  /** Whether a chat is on this computer. @param {Row} row */
  #isHere(row) {
    return this.#agentOf(row.agent)?.where === "here";
  }

  #sort() {
    this.#order.sort((one, other) => Number(other.pinned) - Number(one.pinned) || other.active.getTime() - one.active.getTime());
    this.#place();
  }

  /** The row of the chat that is shown is in sight. */
  #reveal() {
    const row = this.#rows.get(this.#current);
    const { scrollTop, clientHeight } = this.#scroller;
    this.#isUnseen = clientHeight === 0;
    if (!row || this.#isUnseen) return;
    const bottom = row.top + this.#rowHeight + (row.heading ? HEADING : 0);
    if (row.top >= scrollTop && bottom <= scrollTop + clientHeight) return;
    this.#scroller.scrollTop = row.top - (clientHeight - this.#rowHeight) / 2;
    this.#show();
  }

  /** Every row gets its place; then those in sight are shown. */
  #place() {
    this.#rowHeight = parseInt(getComputedStyle(this.#list).getPropertyValue("--target"), 10) || this.#rowHeight;
    let top = 0;
    let group = "";
    this.#order.forEach((row, index) => {
      const name = row.pinned ? "pinned" : age(row.active);
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
    open.addEventListener("click", () => this.#deeds.open(row.id, row.agent, null));
    const more = this.#entries(row).length ? iconButton("more", "", () => this.#menu(row)) : null;
    if (more) {
      more.tabIndex = -1; // one tab stop in the list: its deeds have keys
      more.setAttribute("aria-haspopup", "menu");
      line.append(more);
    }
    row.shown = { item, line, open, more };
    this.#dress(row);
    return row.shown;
  }

  /** What a shown row looks like now. @param {Row} row */
  #dress(row) {
    if (!row.shown) return;
    const { item, line, open, more } = row.shown;
    const words = row.title || t("builtin.untitled");
    item.style.top = `${row.top}px`;
    item.setAttribute("aria-posinset", `${row.index + 1}`);
    item.setAttribute("aria-setsize", this.#isWhole ? `${this.#order.length}` : "-1");
    item.querySelector("h3")?.remove();
    if (row.heading) item.prepend(make("h3", { class: "small faint" }, [groupName(row.heading)]));
    const whose = row.agent === this.#agent ? "" : (this.#agentOf(row.agent)?.name ?? "");
    open.replaceChildren(make("span", { class: "name", dir: "auto" }, [words]));
    if (whose) open.append(" ", make("span", { class: "whose small soft", dir: "auto" }, [whose]));
    open.title = whose ? `${words} · ${whose}` : words;
    open.classList.toggle("faint", !row.title);
    const here = row.id === this.#current;
    line.classList.toggle("current", here);
    if (here) open.setAttribute("aria-current", "true");
    else open.removeAttribute("aria-current");
    if (more) label(more, t("builtin.more", { title: words }));
    open.tabIndex = row === this.#reachable ? 0 : -1;
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
    if (this.#search.isWanted) return;
    this.#words.textContent = t("builtin.no_chats");
    this.#words.hidden = this.#rows.size > 0;
  }

  /** @param {EventTarget | null} target */
  #rowOf(target) {
    return target instanceof Element ? this.#rows.get(target.closest("li")?.dataset.id ?? "") : undefined;
  }

  /** @param {KeyboardEvent} event */
  #keys(event) {
    const { target, key } = event;
    const row = this.#rowOf(target);
    if (!row || target instanceof HTMLInputElement) return;
    const at = row.index;
    const last = this.#order.length - 1;
    const places = /** @type {Record<string, number>} */ ({
      ArrowDown: Math.min(at + 1, last),
      ArrowUp: at - 1,
      Home: 0,
      End: last,
    });
    const to = places[key];
    const plain = !event.ctrlKey && !event.altKey && !event.metaKey;
    if (to !== undefined && plain) {
      event.preventDefault();
      if (to < 0) this.#search.focus();
      else this.#focus(this.#order[to]);
    } else if (key === "F2" && this.#features.rename) {
      event.preventDefault();
      void this.#rename(row);
    } else if (key === "Delete" && this.#features.delete) {
      event.preventDefault();
      void this.#remove(row);
    } else if (key.toLowerCase() === "p" && plain && this.#isHere(row)) {
      event.preventDefault();
      void this.#pin(row);
    } else if (key === "ContextMenu" || (key === "F10" && event.shiftKey)) {
      event.preventDefault();
      this.#menu(row);
    }
  }

  /* --- what a person does with a chat ------------------------------------------------------------------------------------ */

  /** @param {Row} row @returns {import("./menu.js").Entry[]} */
  #entries(row) {
    const entries = [];
    if (this.#isHere(row)) {
      entries.push({ words: t(row.pinned ? "builtin.unpin" : "builtin.pin"), keys: "P", deed: () => void this.#pin(row) });
    }
    if (this.#features.rename) entries.push({ words: t("builtin.rename"), keys: "F2", deed: () => void this.#rename(row) });
    if (this.#features.delete) {
      entries.push({ words: t("builtin.delete"), keys: t("builtin.delete_key"), grave: true, deed: () => void this.#remove(row) });
    }
    return entries;
  }

  /** @param {Row} row @param {{x: number, y: number}} [at] in the window; below the row's button where it is not said */
  #menu(row, at) {
    const entries = this.#entries(row);
    const line = row.shown?.line.getBoundingClientRect();
    if (!entries.length || !line) return;
    const words = row.title || t("builtin.untitled");
    const place = at ?? { x: line.right - 40, y: line.bottom };
    openMenu(el("history"), t("builtin.more", { title: words }), entries, place, () => this.#focus(row));
  }

  /** @param {Row} row */
  async #pin(row) {
    const hadFocus = row.shown?.item.contains(document.activeElement);
    try {
      await call("history.pin", { agent: row.agent, id: row.id, pinned: !row.pinned });
    } catch (error) {
      this.#deeds.complain(described(error));
      return;
    }
    row.pinned = !row.pinned;
    this.#sort();
    if (hadFocus) this.#focus(row);
    this.#deeds.say(t(row.pinned ? "builtin.pinned_now" : "builtin.unpinned_now"));
  }

  /** @param {Row} row */
  async #rename(row) {
    if (!row.shown) return;
    const title = await renamed(row.shown.line, row.title, () => this.#focus(row));
    if (!title || title === row.title) return;
    const before = row.title;
    row.title = title;
    this.#dress(row);
    try {
      row.title = await this.#listing.rename(row, title);
      this.#dress(row);
      this.#deeds.renamed(row.id, row.title);
    } catch (error) {
      row.title = before;
      this.#dress(row);
      this.#deeds.complain(described(error));
    }
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
      await this.#listing.remove(row);
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
}
