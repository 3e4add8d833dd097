// @ts-check
/** A text field with a list of suggestions: anything may be typed, and the list shows what matches. */

import { make } from "./parts.js";

/** The most suggestions shown at once; typing finds the others. */
const MOST = 200;

/**
 * @typedef {{
 *   options: (list: readonly string[]) => void, close: () => void
 * }} Combobox
 */

/**
 * Turn an input into a combobox. Choosing fires `input` and `change` as typing does.
 * @param {HTMLInputElement} control
 * @param {{label: string, show: string}} words names of the list and of the button that opens it
 * @returns {Combobox}
 */
export function combobox(control, { label, show }) {
  /** @type {readonly string[]} */
  let all = [];
  let at = -1;
  const list = make("ul", { id: `${control.id}-list`, role: "listbox", "aria-label": label });
  const opener = make("button", { type: "button", class: "quiet icon-only", "aria-label": show, tabindex: "-1" });
  opener.title = show;
  const around = make("div", { class: "combobox" });
  control.replaceWith(around);
  around.append(control, opener, list);
  list.hidden = opener.hidden = true;
  control.setAttribute("role", "combobox");
  control.setAttribute("aria-autocomplete", "list");
  control.setAttribute("aria-controls", list.id);
  control.setAttribute("aria-expanded", "false");

  /** @returns {HTMLLIElement[]} */
  const shown = () => [.../** @type {NodeListOf<HTMLLIElement>} */ (list.querySelectorAll("li"))];

  /** @param {boolean} everything whether what is typed narrows the list */
  const open = (everything) => {
    const typed = everything ? "" : control.value.trim().toLowerCase();
    const fitting = all.filter((one) => one.toLowerCase().includes(typed)).slice(0, MOST);
    list.replaceChildren(
      ...fitting.map((one, index) => {
        const chosen = String(one === control.value.trim());
        return make("li", { id: `${list.id}-${index}`, role: "option", "aria-selected": chosen }, [one]);
      }),
    );
    list.hidden = fitting.length === 0 || control.readOnly || control.disabled;
    control.setAttribute("aria-expanded", String(!list.hidden));
    mark(-1);
    if (everything) list.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  };

  const close = () => {
    list.hidden = true;
    control.setAttribute("aria-expanded", "false");
    mark(-1);
  };

  /** @param {number} index the option under the keyboard, -1 for none */
  const mark = (index) => {
    at = index;
    shown().forEach((one, n) => one.classList.toggle("at", n === at));
    const one = shown()[at];
    if (one) {
      control.setAttribute("aria-activedescendant", one.id);
      one.scrollIntoView({ block: "nearest" });
    } else control.removeAttribute("aria-activedescendant");
  };

  /** @param {HTMLElement} option */
  const choose = (option) => {
    control.value = option.textContent ?? "";
    close();
    control.dispatchEvent(new Event("input", { bubbles: true }));
    control.dispatchEvent(new Event("change", { bubbles: true }));
  };

  control.addEventListener("input", (event) => {
    if (event.isTrusted && all.length > 0) open(false);
  });
  control.addEventListener("click", () => {
    if (list.hidden && all.length > 0) open(true);
  });
  control.addEventListener("blur", close);
  control.addEventListener("keydown", (event) => {
    const down = event.key === "ArrowDown";
    if (down || event.key === "ArrowUp") {
      if (all.length === 0) return;
      event.preventDefault();
      if (list.hidden) open(true);
      const count = shown().length;
      if (count > 0) mark(at < 0 ? (down ? 0 : count - 1) : (at + (down ? 1 : -1) + count) % count);
    } else if (event.key === "Enter" && !list.hidden && at >= 0) {
      event.preventDefault();
      event.stopImmediatePropagation();
      choose(shown()[at]);
    } else if (event.key === "Escape" && !list.hidden) {
      event.stopPropagation();
      close();
    }
  });
  // Pressing on the list must not take the focus from the field: its blur closes the list.
  list.addEventListener("mousedown", (event) => event.preventDefault());
  opener.addEventListener("mousedown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const option = event.target instanceof Element ? event.target.closest("li") : null;
    if (option instanceof HTMLElement) choose(option);
  });
  opener.addEventListener("click", () => {
    control.focus();
    if (list.hidden) open(true);
    else close();
  });

  return {
    options: (wanted) => {
      all = wanted;
      opener.hidden = all.length === 0;
      around.classList.toggle("with-list", all.length > 0);
      if (!list.hidden) open(false);
    },
    close,
  };
}
