// @ts-check
/**
 * Markdown in the page: Python renders and sanitises, here it is put in place, block by block while a text grows.
 * Plain words stand there at once; what may be a mark waits for the next rendering.
 */

import { blocksOf, level, linkNotes } from "./rendered.js";
import { call } from "../common/bridge.js";

/** @typedef {import("./rendered.js").Block} Block */

/** How many characters go into one call. */
const BATCH = 400_000;

/** A rendering that took its time is followed by a pause this many times as long. */
const PATIENCE = 3;

/** What may be markdown of some kind; behind it nothing is shown before it was rendered. */
const MARK = /[`*_~$\\[\]<|&\n]/;
const MARK_IN_CODE = /[`~]/;
const AT_LINE_START = /^\s*[-+#>\d=:]/;

/** Code of more characters that is being written gets its colours when it has grown by a quarter: in the end each line was
 *  coloured a few times, however long the code is. */
const LONG_CODE = 8_000;

/**
 * Renders texts that are complete; they stand as plain text until they are.
 * @param {{place: HTMLElement, text: string}[]} entries
 * @param {{mayFold?: boolean}} [options]
 */
export async function renderAll(entries, options = { mayFold: true }) {
  for (const { place, text } of entries) if (!place.firstChild) place.replaceChildren(plain(text));
  for (let at = 0; at < entries.length; ) {
    const batch = [entries[at]];
    let size = entries[at].text.length;
    for (at += 1; at < entries.length && size + entries[at].text.length <= BATCH && batch.length < 100; at += 1) {
      size += entries[at].text.length;
      batch.push(entries[at]);
    }
    try {
      const { html } = await call("builtin.render_all", { texts: batch.map(({ text }) => whole(text)) });
      batch.forEach(({ place }, index) => {
        const nodes = blocksOf(html[index], options).map(({ node }) => node);
        place.replaceChildren(...nodes);
        level(nodes, 2);
        linkNotes(place);
      });
    } catch {
      for (const { place, text } of batch) place.replaceChildren(plain(text)); // everything can be read
    }
  }
}

/** Halves of characters, which a text cut in two may have, can't be sent. @param {string} text @returns {string} as long */
function whole(text) {
  return text.replace(/[\ud800-\udfff]/gu, "\ufffd");
}

/** @param {string} text */
function plain(text) {
  const span = document.createElement("span");
  span.className = "rest";
  span.textContent = text;
  return span;
}

/** A text that is being written into `place`. */
export class Growing {
  #place;
  #every;
  #text = "";
  /** Characters of the text whose blocks are final. */
  #settled = 0;
  /** Characters that have been rendered at all. */
  #rendered = 0;
  /** The last blocks, which the next rendering replaces. @type {Block[]} */
  #tail = [];
  #rest = plain("");
  /** Whether what comes waits for the next rendering. */
  #waits = false;
  #inCode = false;
  #isPlain = false;
  #level = 2;
  #timer = 0;
  #earliest = 0;
  #refers = false;
  /** @type {Promise<void> | null} */
  #work = null;
  #over = false;

  /**
   * @param {HTMLElement} place
   * @param {number} every milliseconds between two renderings
   */
  constructor(place, every) {
    this.#place = place;
    this.#every = every;
    place.replaceChildren(this.#rest);
  }

  get text() {
    return this.#text;
  }

  /** @param {string} delta */
  add(delta) {
    const before = this.#text.length;
    this.#text += delta;
    this.#showPlain(delta, before === 0 || this.#text[before - 1] === "\n");
    this.#schedule();
  }

  /** The whole text is there. @param {string} text */
  async finish(text) {
    clearTimeout(this.#timer);
    this.#over = true;
    await this.#work;
    const isOther = text !== this.#text;
    this.#text = text;
    if (!isOther && !this.#refers) await this.#render(true);
    if (isOther || this.#refers) await renderAll([{ place: this.#place, text }], {});
    if (!this.#isPlain) this.#rest.remove();
  }

  #schedule() {
    if (this.#timer || this.#work || this.#over) return;
    const news = this.#text.length - this.#rendered;
    if (this.#inCode && !this.#waits && this.#rendered - this.#settled > Math.max(LONG_CODE, news * 4)) return;
    const wait = Math.max(0, this.#earliest - performance.now());
    this.#timer = window.setTimeout(() => {
      this.#timer = 0;
      this.#work = this.#render(false).finally(() => {
        this.#work = null;
        if (this.#rendered < this.#text.length) this.#schedule();
      });
    }, wait);
  }

  /** @param {boolean} isLast */
  async #render(isLast) {
    const began = performance.now();
    const upTo = this.#text.length;
    const piece = this.#text.slice(this.#settled, upTo);
    try {
      const answer = await call("builtin.render", { text: whole(piece), growing: !isLast });
      this.#refers ||= answer.refers;
      this.#inCode = answer.code;
      this.#waits = answer.held;
      this.#isPlain = false;
      this.#show(answer, piece, upTo);
    } catch {
      // Plain text goes on growing; the next rendering may succeed.
      for (const { node } of this.#tail) node.parentNode?.removeChild(node);
      this.#tail = [];
      this.#isPlain = true;
      this.#rest.textContent = this.#text.slice(this.#settled);
      this.#place.append(this.#rest);
    }
    this.#rendered = upTo;
    const took = performance.now() - began;
    this.#earliest = began + took + Math.max(this.#every - took, took * PATIENCE);
  }

  /**
   * @param {{html: string, tail: string, settled: number, held: boolean}} answer
   * @param {string} piece what it stands for
   * @param {number} upTo
   */
  #show({ html, tail, settled, held }, piece, upTo) {
    this.#rest.remove();
    const final = blocksOf(html, { known: this.#tail });
    const open = blocksOf(tail, { known: this.#tail.slice(final.length) });
    const blocks = [...final, ...open];
    const kept = new Set(blocks.map(({ node }) => node));
    for (const { node } of this.#tail) if (!kept.has(node)) node.parentNode?.removeChild(node);
    for (const { node } of blocks) if (node.parentNode !== this.#place) this.#place.append(node);
    this.#level = level(final.map(({ node }) => node), this.#level);
    level(open.map(({ node }) => node), this.#level);
    this.#tail = open;
    this.#settled += settled;
    // Spaces at the end are not in the html; without them the next word would stick to the last one.
    let end = piece.length; // no pattern: one would look again from each of a million spaces
    while (end > 0 && (piece[end - 1] === " " || piece[end - 1] === "\t")) end -= 1;
    this.#rest.textContent = held ? "" : piece.slice(end);
    this.#home().append(this.#rest);
    this.#showPlain(this.#text.slice(upTo), piece.endsWith("\n"));
  }

  /**
   * What came since the last rendering, up to where it may be more than words.
   * @param {string} text
   * @param {boolean} startsLine
   */
  #showPlain(text, startsLine) {
    if (this.#waits || !text) return;
    const mark = this.#isPlain ? -1 : text.search(this.#inCode ? MARK_IN_CODE : MARK);
    const mayBegin = startsLine && !this.#inCode && !this.#isPlain && AT_LINE_START.test(text);
    this.#waits = mark >= 0 || mayBegin;
    this.#rest.append(mayBegin ? "" : mark < 0 ? text : text.slice(0, mark));
  }

  /** Where the next word most probably belongs: the end of the last paragraph, list item or code. */
  #home() {
    let place = this.#place;
    const last = this.#tail.map(({ node }) => node).filter((node) => node instanceof HTMLElement).at(-1);
    let next = /** @type {Element | null | undefined} */ (last);
    while (next instanceof HTMLElement && /^(?:P|LI|OL|UL|BLOCKQUOTE|DETAILS|DIV|PRE|CODE|H[1-6])$/.test(next.tagName)) {
      if (next.className === "table") break;
      place = next;
      if (next.tagName === "P" || next.tagName === "CODE") break;
      next = next.lastElementChild;
    }
    return place;
  }
}
