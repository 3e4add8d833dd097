// @ts-check
/** What Python rendered and sanitised becomes part of the page: looked at a second time, and given what only a page can do. */

import { isPicture, linkable } from "./addresses.js";
import { dressCode, scrollable } from "./code.js";
import { make } from "../common/parts.js";
import { t } from "../common/texts.js";

/** The elements that Python lets through (desktop/common/markdown/clean.py). */
const KNOWN = new Set(
  (
    "A BLOCKQUOTE BR CODE DETAILS DIV EM H1 H2 H3 H4 H5 H6 HR IMG INPUT KBD LI OL P PRE S SPAN STRONG SUB SUMMARY SUP " +
    "TABLE TBODY TD TH THEAD TR UL " +
    "math menclose merror mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms mspace msqrt " +
    "mstyle msub msubsup msup mtable mtd mtext mtr munder munderover none"
  ).split(" "),
);
const ATTRIBUTES = new Set(["alt", "checked", "class", "disabled", "open", "rel", "start", "target", "title"]);
const IN_FORMULAS = new Set(
  (
    "accent accentunder alttext class columnalign depth display displaystyle fence form height largeop linethickness " +
    "lspace mathcolor mathsize mathvariant maxsize minsize movablelimits notation rspace scriptlevel separator stretchy " +
    "symmetric voffset width"
  ).split(" "),
);
const MATHML = "http://www.w3.org/1998/Math/MathML";

/**
 * @typedef {object} Block a piece of an answer, as it came and as it is shown
 * @property {string} source
 * @property {Node} node
 */

/**
 * @param {string} html sanitised
 * @param {{mayFold?: boolean, known?: Block[]}} [options] known: blocks in the page already; those that are the same stay
 * @returns {Block[]}
 */
export function blocksOf(html, { mayFold = false, known = [] } = {}) {
  // A parsed document runs no script and loads nothing.
  const parsed = new DOMParser().parseFromString(html, "text/html");
  let same = true;
  return [...parsed.body.childNodes].map((node, index) => {
    const source = node instanceof Element ? node.outerHTML : (node.textContent ?? "");
    const before = known[index];
    same &&= before?.source === source;
    if (same) return before;
    if (node instanceof Element) for (const element of [node, ...node.querySelectorAll("*")]) check(element);
    document.adoptNode(node);
    if (node instanceof HTMLElement) dress(node, mayFold);
    return { source, node };
  });
}

/** @param {Element} element */
function check(element) {
  if (!KNOWN.has(element.tagName)) return element.remove();
  const inFormula = element.namespaceURI === MATHML;
  for (const { name, value } of [...element.attributes]) {
    let isGood = inFormula ? IN_FORMULAS.has(name) : ATTRIBUTES.has(name);
    if (!inFormula && name === "href") isGood = Boolean(linkable(value));
    if (!inFormula && name === "src") isGood = isPicture(value);
    if (!inFormula && name === "type") isGood = value === "checkbox";
    if (!isGood) element.removeAttribute(name);
  }
}

/** @param {HTMLElement} root @param {boolean} mayFold */
function dress(root, mayFold) {
  for (const block of [root, ...root.querySelectorAll("div, input, .formula-alone")]) {
    if (!(block instanceof HTMLElement)) continue;
    if (block.className === "code") dressCode(block, mayFold);
    if (block.className === "table") scrollable(block, t("builtin.table"));
    if (block.className === "formula-alone") scrollable(block, t("builtin.formula"));
    if (block instanceof HTMLInputElement) {
      block.type = "checkbox";
      block.disabled = true;
      block.setAttribute("aria-label", t(block.checked ? "builtin.task_done" : "builtin.task_open"));
    }
  }
}

/**
 * Headings follow each other step by step, below the heading that names the message.
 * @param {Iterable<Node>} nodes
 * @param {number} before the level of the heading before them
 * @returns {number} the last level
 */
export function level(nodes, before) {
  for (const node of nodes) {
    if (!(node instanceof Element)) continue;
    const own = /^H[1-6]$/.test(node.tagName) ? [node] : [];
    for (const heading of [...own, ...node.querySelectorAll("h1, h2, h3, h4, h5, h6")]) {
      before = Math.min(Number(heading.tagName[1]) + 2, before + 1, 6);
      heading.setAttribute("aria-level", `${before}`);
    }
  }
  return before;
}

/** Notes at the foot of a finished answer: from the number to the note, and back. @param {HTMLElement} place */
export function linkNotes(place) {
  const notes = [...(place.querySelector(":scope > .notes")?.children ?? [])];
  const back = new Map();
  for (const sign of place.querySelectorAll("sup.note")) {
    const number = Number(sign.textContent);
    const note = notes[number - 1];
    if (!(note instanceof HTMLElement)) continue;
    const words = t("builtin.note", { number });
    const press = make("button", { type: "button", class: "link", "aria-label": words, title: words }, [`${number}`]);
    press.addEventListener("click", () => {
      back.set(note, press);
      go(note);
    });
    if (!back.has(note)) back.set(note, press);
    sign.replaceChildren(press);
  }
  for (const note of notes) {
    if (!(note instanceof HTMLElement) || !back.has(note)) continue;
    note.tabIndex = -1;
    const words = t("builtin.note_back");
    const press = make("button", { type: "button", class: "link", "aria-label": words, title: words }, ["↩"]);
    press.addEventListener("click", () => go(back.get(note)));
    (note.lastElementChild?.tagName === "P" ? note.lastElementChild : note).append(" ", press);
  }
}

/** @param {HTMLElement} element */
function go(element) {
  element.scrollIntoView({ block: "nearest" });
  element.focus({ preventScroll: true });
}
