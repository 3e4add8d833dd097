// @ts-check
/** The words of a page: handed over by the app under full keys (`area.key`), placed by attributes in the html. */

/** @type {Record<string, string>} */
let texts = {};

/** @param {Record<string, string>} dictionary full keys to texts with `{name}` placeholders */
export function setTexts(dictionary) {
  texts = dictionary;
}

/**
 * @param {string} key full key, e.g. "chat.connecting"
 * @param {Record<string, string | number>} [values] for the placeholders
 */
export function t(key, values = {}) {
  const text = texts[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** Attribute in the html -> where its text goes; null is the element's own text. */
const PLACES = /** @type {const} */ ([
  ["data-text", null],
  ["data-text-label", "aria-label"],
  ["data-text-placeholder", "placeholder"],
  ["data-text-title", "title"],
]);

/** @param {Document | Element} [root] every element in it gets the texts its attributes name */
export function applyTexts(root = document) {
  for (const [attribute, target] of PLACES) {
    for (const element of root.querySelectorAll(`[${attribute}]`)) {
      const text = t(element.getAttribute(attribute) || "");
      if (target === null) element.textContent = text;
      else element.setAttribute(target, text);
    }
  }
}
