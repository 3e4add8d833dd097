// @ts-check
/**
 * Markdown in the page: Python renders and sanitises, here it is put in place, block by block while a text grows.
 * What is not rendered yet stands there as plain text, so nothing waits for a rendering.
 */

import { isPicture, linkable } from "./addresses.js";
import { iconButton, label } from "./icons.js";
import { call } from "../common/bridge.js";
import { copyText } from "../common/clipboard.js";
import { t } from "../common/texts.js";

/** The elements that Python lets through (desktop/pages/rendering.py); here they are looked at a second time. */
const KNOWN = new Set(
  (
    "A BLOCKQUOTE BR CODE DIV EM H1 H2 H3 H4 H5 H6 HR IMG LI OL P PRE S SPAN STRONG TABLE TBODY TD TH THEAD TR UL"
  ).split(" "),
);
const ATTRIBUTES = new Set(["alt", "class", "rel", "start", "target", "title"]);

/** How many characters go into one call. */
const BATCH = 400_000;

/** How long "Copied" stands, in milliseconds. */
const COPIED = 1_500;

/** A rendering that took its time is followed by a pause this many times as long. */
const PATIENCE = 3;

/**
 * @param {string} html sanitised
 * @returns {Node[]}
 */
function nodesOf(html) {
  // A parsed document runs no script and loads nothing.
  const parsed = new DOMParser().parseFromString(html, "text/html");
  for (const element of parsed.body.querySelectorAll("*")) {
    if (!KNOWN.has(element.tagName)) element.remove();
    for (const { name, value } of [...element.attributes]) {
      const isGood = name === "href" ? Boolean(linkable(value)) : name === "src" ? isPicture(value) : ATTRIBUTES.has(name);
      if (!isGood) element.removeAttribute(name);
    }
  }
  const nodes = [...parsed.body.childNodes].map((node) => document.adoptNode(node));
  for (const node of nodes) if (node instanceof HTMLElement) dress(node);
  return nodes;
}

/** Copy buttons, and what has to be scrolled sideways can be reached by keyboard. @param {HTMLElement} root */
function dress(root) {
  for (const block of [root, ...root.querySelectorAll("div")]) {
    if (block.className === "code") dressCode(block);
    if (block.className === "table") scrollable(block, t("builtin.table"));
  }
}

/** @param {HTMLElement} block */
function dressCode(block) {
  const head = block.querySelector(".code-head");
  const language = block.querySelector(".code-language");
  const pre = block.querySelector("pre");
  if (!head || !language || !pre) return;
  const words = language.textContent || t("builtin.code");
  language.textContent = words;
  scrollable(pre, words);
  head.append(copyButton(t("builtin.copy_code"), () => pre.textContent?.replace(/\n$/, "") ?? ""));
}

/** @param {HTMLElement} element @param {string} words */
function scrollable(element, words) {
  element.tabIndex = 0;
  element.setAttribute("role", "group");
  element.setAttribute("aria-label", words);
}

/**
 * @param {string} words
 * @param {() => string} text asked for when the button is pressed
 */
export function copyButton(words, text) {
  let back = 0;
  const button = iconButton("copy", words, async () => {
    const done = await copyText(text());
    clearTimeout(back);
    button.classList.toggle("done", done);
    label(button, done ? t("common.copied") : t("builtin.copy_refused"));
    back = window.setTimeout(() => {
      button.classList.remove("done");
      label(button, words);
    }, COPIED);
  });
  return button;
}

/** Headings follow each other step by step, below the heading that names the message. @param {Element} place */
function level(place) {
  let before = 2;
  for (const heading of place.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
    before = Math.min(Number(heading.tagName[1]) + 2, before + 1, 6);
    heading.setAttribute("aria-level", `${before}`);
  }
}

/**
 * Renders texts that are complete; they stand as plain text until they are.
 * @param {{place: HTMLElement, text: string}[]} entries
 */
export async function renderAll(entries) {
  for (const { place, text } of entries) place.replaceChildren(plain(text));
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
        place.replaceChildren(...nodesOf(html[index]));
        level(place);
      });
    } catch {
      // the plain text stays: everything can be read
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
  /** The last block, which the next rendering replaces. @type {Node[]} */
  #tail = [];
  #rest = plain("");
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
    this.#text += delta;
    this.#rest.append(delta);
    this.#schedule();
  }

  /** The whole text is there. @param {string} text */
  async finish(text) {
    clearTimeout(this.#timer);
    this.#over = true;
    await this.#work;
    if (text !== this.#text || this.#refers) {
      this.#text = text;
      await renderAll([{ place: this.#place, text }]);
      return;
    }
    if (this.#rendered < text.length) await this.#render();
    if (this.#refers) await renderAll([{ place: this.#place, text }]);
  }

  #schedule() {
    if (this.#timer || this.#work || this.#over) return;
    const wait = Math.max(0, this.#earliest - performance.now());
    this.#timer = window.setTimeout(() => {
      this.#timer = 0;
      this.#work = this.#render().finally(() => {
        this.#work = null;
        if (this.#rendered < this.#text.length) this.#schedule();
      });
    }, wait);
  }

  async #render() {
    const began = performance.now();
    const upTo = this.#text.length;
    try {
      const piece = this.#text.slice(this.#settled, upTo);
      const { html, tail, settled, refers } = await call("builtin.render", { text: whole(piece), growing: true });
      this.#show(html, tail, piece);
      this.#settled += settled;
      this.#refers ||= refers;
    } catch {
      // plain text goes on growing; the next rendering may succeed
    }
    this.#rendered = upTo;
    const took = performance.now() - began;
    this.#earliest = began + took + Math.max(this.#every - took, took * PATIENCE);
  }

  /**
   * @param {string} html
   * @param {string} tail
   * @param {string} piece what both stand for
   */
  #show(html, tail, piece) {
    const later = this.#text.slice(this.#settled + piece.length);
    const mark = document.createComment("");
    (this.#tail[0] ?? this.#rest).parentNode?.insertBefore(mark, this.#tail[0] ?? this.#rest);
    for (const node of this.#tail) node.parentNode?.removeChild(node);
    this.#rest.remove();
    this.#tail = nodesOf(tail);
    const nodes = [...nodesOf(html), ...this.#tail];
    if (mark.parentNode) mark.replaceWith(...nodes);
    else this.#place.append(...nodes);
    level(this.#place);
    // Spaces at the end are not in the html; without them the next word would stick to the last one.
    let end = piece.length; // no pattern: one would look again from each of a million spaces
    while (end > 0 && (piece[end - 1] === " " || piece[end - 1] === "\t")) end -= 1;
    const spaces = piece.slice(end);
    this.#rest.textContent = later ? spaces + later : spaces;
    this.#home().append(this.#rest);
  }

  /** Where the next word most probably belongs: the end of the last paragraph, list item or code. */
  #home() {
    let place = this.#place;
    const last = this.#tail.filter((node) => node instanceof HTMLElement).at(-1);
    let next = /** @type {Element | null | undefined} */ (last);
    while (next instanceof HTMLElement && /^(?:P|LI|OL|UL|BLOCKQUOTE|DIV|PRE|CODE|H[1-6])$/.test(next.tagName)) {
      if (next.className === "table") break;
      place = next;
      if (next.tagName === "P" || next.tagName === "CODE") break;
      next = next.lastElementChild;
    }
    return place;
  }
}
