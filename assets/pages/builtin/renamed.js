// @ts-check
/** A title that is written anew in its own place. */

import { make } from "../common/parts.js";
import { t } from "../common/texts.js";

const LONGEST = 200;

/**
 * @param {HTMLElement} line a field takes the place of what stands in it
 * @param {string} before
 * @param {() => void} back the focus goes back: it ended by a key
 * @returns {Promise<string | null>} null: it was left as it was
 */
export function renamed(line, before, back) {
  const field = make("input", { type: "text", maxlength: `${LONGEST}`, "aria-label": t("builtin.title"), dir: "auto" });
  field.value = before;
  line.classList.add("renaming");
  line.prepend(field);
  field.focus();
  field.select();
  return new Promise((resolve) => {
    let over = false;
    /** @param {boolean} keep @param {boolean} byKey */
    const end = (keep, byKey) => {
      if (over) return;
      over = true;
      const title = field.value.trim();
      field.remove();
      line.classList.remove("renaming");
      if (byKey) back();
      resolve(keep ? title : null);
    };
    field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      const isDone = event.key === "Enter" && !event.isComposing;
      if (!isDone && event.key !== "Escape") return;
      event.preventDefault(); // the row has the focus by the time the key would press it
      end(isDone, true);
    });
    field.addEventListener("blur", () => end(true, false));
  });
}
