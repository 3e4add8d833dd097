// @ts-check
/** The fields of a model server (parts/endpoint.html): which protocol it speaks, and all of them while a check goes on. */

import { el, input } from "./parts.js";

/** The choices of a protocol. */
const choices = () => [.../** @type {NodeListOf<HTMLInputElement>} */ (el("api").querySelectorAll("input"))];

/** @returns {string} the chosen protocol */
export const protocol = () => choices().find((one) => one.checked)?.value ?? "chat_completions";

/** @param {string} value */
export function chooseProtocol(value) {
  for (const one of choices()) one.checked = one.value === value;
}

/** What takes the focus of a field: the field itself, or the chosen one of its group. @param {string} field @returns {HTMLInputElement} */
export function focusable(field) {
  return field === "api" ? (choices().find((one) => one.checked) ?? choices()[0]) : input(field);
}

/** Whether nothing can be typed, which stays to be read. @param {readonly string[]} fields @param {boolean} held */
export function hold(fields, held) {
  for (const field of fields) {
    if (field === "api") for (const one of choices()) one.disabled = held;
    else input(field).readOnly = held;
  }
}
