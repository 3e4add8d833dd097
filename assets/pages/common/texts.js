// @ts-check
/** A page's texts: sent by the app under full keys (`area.key`), and put into the HTML by attributes. */

/** @type {Record<string, string>} */
let texts = {};

/** @param {Record<string, string>} dictionary full keys to texts with `{name}` placeholders */
export function setTexts(dictionary) {
  texts = dictionary;
}

/**
 * A text with a number in it is two, `key.one` and `key.other`, as in `desktop/common/texts.py`: both are asked for as `key`.
 * @param {string} key full key, e.g. "chat.connecting"
 * @param {Record<string, string | number>} [values] for the placeholders; `count` chooses the form
 */
export function t(key, values = {}) {
  const text = texts[key] ?? texts[`${key}.${form(values.count)}`] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** @param {string | number | undefined} count */
function form(count) {
  const rules = new Intl.PluralRules(document.documentElement.lang || "en");
  return rules.select(Number(count)) === "one" ? "one" : "other"; // French has a third form for millions, written alike
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
