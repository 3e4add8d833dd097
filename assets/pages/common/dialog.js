// @ts-check
/** Dialogs over a page: Esc and Cancel leave them, the focus goes back to where it was. And the question before what cannot be undone. */

import { button, el, fieldError, input, part, show } from "./parts.js";
import { t } from "./texts.js";

/**
 * @param {HTMLDialogElement} dialog with a form in it, and a button `data-leave`
 * @param {HTMLElement} first what has the focus
 * @param {() => boolean | Promise<boolean>} done whether what the form is for is done, so that the dialog closes
 * @param {() => void} [lost] called where what had the focus before is no longer there
 * @returns {Promise<boolean>} false: it was left
 */
export function opened(dialog, first, done, lost = () => undefined) {
  const form = /** @type {HTMLFormElement} */ (dialog.querySelector("form"));
  const leave = /** @type {HTMLButtonElement} */ (dialog.querySelector("[data-leave]"));
  const before = document.activeElement;
  return new Promise((resolve) => {
    let isBusy = false;
    let isOver = false;
    /** @param {boolean} answer */
    const end = (answer) => {
      if (isOver) return;
      isOver = true;
      dialog.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
      else lost();
      resolve(answer);
    };
    form.onsubmit = async (event) => {
      event.preventDefault();
      if (isBusy) return;
      isBusy = true;
      try {
        if (await done()) end(true);
      } finally {
        isBusy = false;
      }
    };
    leave.onclick = () => end(false);
    dialog.oncancel = (event) => {
      event.preventDefault();
      end(false);
    };
    dialog.showModal();
    first.focus();
  });
}

/**
 * @param {{title: string, text: string, yes: string, no?: string, word?: string, harmless?: boolean}} about word: has to be
 *   typed; harmless: nothing is lost by a yes
 * @returns {Promise<string | null>} what was typed ("" where nothing is asked for), null for no
 */
export async function ask({ title, text, yes, no = t("common.cancel"), word = "", harmless = false }) {
  const typed = () => (word ? input("question-word").value.trim() : "");
  el("question-title").textContent = title;
  el("question-text").textContent = text;
  button("question-yes").textContent = yes;
  button("question-yes").classList.toggle("danger", !harmless);
  button("question-no").textContent = no;
  show("question-field", word !== "");
  if (word) {
    el("question-label").textContent = t("forms.delete_type", { word });
    input("question-word").value = "";
    fieldError("question-word", "");
  }
  const answer = await opened(
    part("question-dialog", HTMLDialogElement),
    word ? input("question-word") : button("question-no"),
    () => {
      if (typed().toLowerCase() === word.toLowerCase()) return true;
      fieldError("question-word", t("forms.delete_mismatch", { word }));
      input("question-word").focus();
      return false;
    },
  );
  return answer ? typed() : null;
}
