// @ts-check
/** The field of a key or a token (parts/secret.html): typed unseen, and shown as long as the button in it is pressed. */

import { button, input } from "./parts.js";
import { t } from "./texts.js";

/** @param {string} id of the field @param {boolean} masked whether what is typed can't be read */
export function mask(id, masked) {
  const eye = button(`${id}-show`);
  const words = t(eye.getAttribute(masked ? "data-text-label" : "data-text-pressed") ?? "");
  input(id).type = masked ? "password" : "text";
  eye.setAttribute("aria-pressed", String(!masked));
  eye.setAttribute("aria-label", words);
  eye.title = words;
}

/** @param {string} id of the field */
export function wireSecret(id) {
  button(`${id}-show`).addEventListener("click", () => mask(id, input(id).type === "text"));
}
