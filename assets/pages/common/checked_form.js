// @ts-check
/** The end of a form that is checked before it is saved (parts/check.html): its buttons, what goes on, what came of it. Knows no field. */

import { banner, button, el, show } from "./parts.js";

/** @typedef {import("./bridge.js").Described} Described */
/** @typedef {{keep?: "keyring" | "session", unchecked?: boolean}} How */

/** @param {string} id of the form's end @param {(how: How) => unknown} submit */
export function wireCheck(id, submit) {
  button(`${id}-session`).form?.addEventListener("submit", (event) => {
    event.preventDefault();
    submit({});
  });
  button(`${id}-session`).addEventListener("click", () => submit({ keep: "session" }));
  button(`${id}-anyway`).addEventListener("click", () => submit({ unchecked: true }));
}

/** Nothing is said. @param {string} id */
export function clearCheck(id) {
  show(`${id}-banner`, false);
  show(`${id}-anyway`, false);
  el(`${id}-doing`).textContent = "";
}

/** What is wrong and belongs to no field. @param {string} id @param {Described} error @param {boolean} canSave whether it may be saved all the same */
export function refuse(id, error, canSave) {
  show(`${id}-session`, error.code.startsWith("keyring_"));
  show(`${id}-anyway`, canSave);
  banner(`${id}-banner`, error);
  el(`${id}-banner`).scrollIntoView({ block: "nearest" });
}
