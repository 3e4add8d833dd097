// @ts-check
/** A question before what cannot be undone, in a dialog. */

import { button, el, input, part, show } from "./parts.js";
import { t } from "./texts.js";

/**
 * @param {{title: string, text: string, yes: string, word?: string}} about
 * @returns {Promise<string | null>} what was typed ("" where nothing is asked for), null for no
 */
export function ask({ title, text: words, yes, word = "" }) {
  const dialog = part("question", HTMLDialogElement);
  el("question-title").textContent = title;
  el("question-text").textContent = words;
  button("question-yes").textContent = yes;
  show("question-field", word !== "");
  show("question-error", false);
  el("question-label").textContent = t("settings.delete_type", { word });
  input("question-word").value = "";
  input("question-word").removeAttribute("aria-invalid");
  return new Promise((resolve) => {
    const form = part("question-form", HTMLFormElement);
    /** @param {string | null} answer */
    const end = (answer) => {
      form.onsubmit = null;
      button("question-no").onclick = null;
      dialog.oncancel = null;
      dialog.close();
      resolve(answer);
    };
    form.onsubmit = (event) => {
      event.preventDefault();
      const typed = input("question-word").value.trim();
      if (word !== "" && typed.toLowerCase() !== word.toLowerCase()) {
        el("question-error").textContent = t("settings.delete_mismatch", { word });
        show("question-error", true);
        input("question-word").setAttribute("aria-invalid", "true");
        input("question-word").setAttribute("aria-describedby", "question-error");
        input("question-word").focus();
        return;
      }
      end(typed);
    };
    button("question-no").onclick = () => end(null);
    dialog.oncancel = (event) => {
      event.preventDefault();
      end(null);
    };
    dialog.showModal();
    (word === "" ? button("question-no") : input("question-word")).focus();
  });
}
