// @ts-check
/** Helpers for all pages: finding and making elements, and showing errors. */

import { BridgeError } from "./bridge.js";
import { explain, withMore } from "./help.js";
import { t } from "./texts.js";

export { explain };

/** @typedef {import("./bridge.js").Described} Described */

/** Longest check, in milliseconds: the time limits are on the other side; this only catches an app that has gone. */
export const CHECK_LIMIT = 600_000;

/** Milliseconds after which a wait is shown. */
export const SHOW_AFTER = 300;

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
export function part(id, kind) {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new TypeError(id);
  return element;
}

/**
 * A button that works: busy while it does, and never twice at once.
 * @param {HTMLButtonElement} button
 * @param {() => Promise<unknown>} work
 */
export function wire(button, work) {
  button.addEventListener("click", async () => {
    if (button.getAttribute("aria-busy") === "true") return;
    button.setAttribute("aria-busy", "true");
    try {
      await work();
    } finally {
      button.removeAttribute("aria-busy");
    }
  });
}

/** @param {string} id */
export const el = (id) => part(id, HTMLElement);
/** @param {string} id */
export const input = (id) => part(id, HTMLInputElement);
/** @param {string} id */
export const button = (id) => part(id, HTMLButtonElement);
/** @param {string} id @param {boolean} shown */
export const show = (id, shown) => {
  el(id).hidden = !shown;
};

/**
 * What is wrong with a field stands in the place of its help, if it has one: `ID-error` for `ID-help`, both beside the field `ID`.
 * @param {string} id
 * @param {string | Described} message empty: nothing
 * @param {HTMLElement} [control] the field itself, where it has no id of its own
 */
export function fieldError(id, message, control = el(id)) {
  const help = document.getElementById(`${id}-help`);
  sayIn(el(`${id}-error`), message);
  show(`${id}-error`, message !== "");
  if (help) help.hidden = message !== "";
  if (message || help) control.setAttribute("aria-describedby", `${id}-${message ? "error" : "help"}`);
  else control.removeAttribute("aria-describedby");
  if (message) control.setAttribute("aria-invalid", "true");
  else control.removeAttribute("aria-invalid");
}

/**
 * Fields whose error goes as soon as something else is typed.
 * @param {readonly string[]} ids
 */
export function forgiving(ids) {
  for (const id of ids) {
    el(id).addEventListener("input", () => {
      if (el(id).hasAttribute("aria-invalid")) fieldError(id, "");
    });
  }
}

/** A banner (parts/banner.html) says what is wrong. @param {string} id @param {{message: string, hint: string, code: string}} error */
export function banner(id, error) {
  el(`${id}-message`).textContent = error.message;
  explain(el(`${id}-hint`), error.hint, error.code);
  show(id, true);
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string>} [attributes]
 * @param {Array<Node | string>} [children]
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, attributes = {}, children = []) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/**
 * @typedef {{text: string, ranges: [number, number][]}} Passage  ranges: where the found words are
 */

/** The text with the found words marked. @param {Passage} passage @returns {(Node | string)[]} */
export function marked({ text, ranges }) {
  const parts = /** @type {(Node | string)[]} */ ([]);
  let at = 0;
  for (const [start, end] of ranges) {
    parts.push(text.slice(at, start), make("mark", {}, [text.slice(start, end)]));
    at = end;
  }
  return [...parts, text.slice(at)];
}

/** A drawing of the one set: lines on a field of 24. @param {string} path @param {string} [more] further classes */
export function icon(path, more = "small") {
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  drawing.setAttribute("class", `icon ${more}`);
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", path);
  drawing.append(line);
  return drawing;
}

/** Whatever was thrown, as something to show: a defect of the page is named under the details. @param {unknown} thrown @returns {Described} */
export function described(thrown) {
  if (thrown instanceof BridgeError) {
    const { code, message, hint, retryable, field, detail } = thrown;
    return { code, message, hint, retryable, field, detail };
  }
  return {
    code: "internal",
    message: t("common.internal"),
    hint: t("common.bridge_hint"),
    retryable: true,
    field: null,
    detail: String(thrown),
  };
}

/** An error's sentence, what to do, and the way to its entry in the help. @param {{message: string, hint: string, code: string}} error */
export const told = (error) => withMore(sentence(error), error.code);

/** @param {HTMLElement} place its words are taken out @param {string | {message: string, hint: string, code: string}} said an error, or words */
export function sayIn(place, said) {
  place.replaceChildren(...(typeof said === "string" ? [said] : told(said)));
}

/** @param {{message: string, hint: string}} error */
export function sentence(error) {
  return [error.message, error.hint].filter(Boolean).join(" ");
}
