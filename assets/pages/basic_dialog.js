// @ts-check
/** A question before what cannot be undone. The focus goes back to where it was. */

import { button, el, part } from "./parts.js";

/**
 * @param {{title: string, text: string, yes: string}} about
 * @returns {Promise<boolean>}
 */
export function confirmed({ title, text, yes }) {
  const dialog = part("question", HTMLDialogElement);
  const before = document.activeElement;
  el("question-title").textContent = title;
  el("question-text").textContent = text;
  button("question-yes").textContent = yes;
  return new Promise((resolve) => {
    /** @param {boolean} answer */
    const end = (answer) => {
      dialog.oncancel = null;
      dialog.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
      resolve(answer);
    };
    button("question-yes").onclick = () => end(true);
    button("question-no").onclick = () => end(false);
    dialog.oncancel = (event) => {
      event.preventDefault();
      end(false);
    };
    dialog.showModal();
    button("question-no").focus();
  });
}
