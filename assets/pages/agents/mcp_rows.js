// @ts-check
/** Rows with a name, a value and a secret mark: an MCP server's variables and headers. Knows no server. */

import { el, icon, make, sayIn } from "../common/parts.js";
import { t } from "../common/texts.js";

/**
 * @typedef {{name: string, value: string, secret: boolean}} Row
 * @typedef {{
 *   set: (rows: Row[]) => void, get: () => Row[], add: (row: Row) => void, lock: (locked: boolean, busy?: boolean) => void,
 *   error: (place: string, message: string | import("../common/parts.js").Described) => void, clear: () => void, kept: (words: (name: string) => string) => void
 * }} Rows
 */

const EYE = "M2.5 12s3.5-6.5 9.5-6.5 9.5 6.5 9.5 6.5-3.5 6.5-9.5 6.5S2.5 12 2.5 12ZM12 9.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6Z";
let count = 0;

/**
 * @param {string} into id of the element the rows stand in
 * @param {{label: string, help: string, add: string, row: (n: number) => string, extra?: HTMLButtonElement}} about
 * @returns {Rows}
 */
export function rowsEditor(into, { label, help, add, row: numbered, extra }) {
  const list = make("ul", { class: "rows", "aria-label": label });
  const more = make("button", { type: "button" }, [add]);
  more.addEventListener("click", () => {
    append({ name: "", value: "", secret: false });
    field(rows().length - 1, "name")?.focus();
  });
  el(into).append(
    make("span", { class: "label" }, [label]),
    make("p", { class: "help" }, [help]),
    list,
    make("div", { class: "actions" }, extra ? [more, extra] : [more]),
  );
  let locked = false;
  /** What is known of a secret that is kept. @type {(name: string) => string} */
  let known = () => "";

  /** @returns {HTMLLIElement[]} */
  const rows = () => [.../** @type {NodeListOf<HTMLLIElement>} */ (list.querySelectorAll(":scope > li"))];
  /** @param {HTMLElement} row @param {string} part @returns {HTMLInputElement} */
  const within = (row, part) => /** @type {HTMLInputElement} */ (row.querySelector(`[data-part="${part}"]`));
  /** @param {number} at @param {string} part */
  const field = (at, part) => (rows()[at] ? within(rows()[at], part) : null);

  /** @param {HTMLLIElement} row */
  function dress(row) {
    const at = rows().indexOf(row) + 1;
    const name = within(row, "name").value.trim();
    const called = name || numbered(at);
    const secret = within(row, "secret").checked;
    within(row, "name").setAttribute("aria-label", `${numbered(at)}: ${t("agents.mcp.row_name")}`);
    within(row, "value").setAttribute("aria-label", `${called}: ${t("agents.mcp.row_value")}`);
    within(row, "name").placeholder = t("agents.mcp.row_name");
    within(row, "value").placeholder = t("agents.mcp.row_value");
    within(row, "secret").setAttribute("aria-label", `${called}: ${t("agents.mcp.row_is_secret")}`);
    const eye = /** @type {HTMLButtonElement} */ (row.querySelector('[data-act="show"]'));
    eye.hidden = !secret;
    if (!secret) eye.setAttribute("aria-pressed", "false");
    const shown = !secret || eye.getAttribute("aria-pressed") === "true";
    within(row, "value").type = shown ? "text" : "password";
    describe(eye, `${called}: ${shown ? t("agents.mcp.value_hide") : t("agents.mcp.value_show")}`);
    describe(/** @type {HTMLButtonElement} */ (row.querySelector('[data-act="remove"]')), t("agents.mcp.row_remove", { name: called }));
    const note = /** @type {HTMLElement} */ (row.querySelector(".help"));
    note.textContent = secret ? known(name) || t("agents.mcp.secret_help") : "";
    note.hidden = note.textContent === "" || !(/** @type {HTMLElement} */ (row.querySelector(".error")).hidden);
  }

  /** @param {HTMLElement} act @param {string} words */
  function describe(act, words) {
    act.setAttribute("aria-label", words);
    act.title = words;
  }

  /** @param {HTMLLIElement} row @param {string} part @param {string | import("../common/parts.js").Described} message empty: none */
  function fail(row, part, message) {
    const place = /** @type {HTMLElement} */ (row.querySelector(".error"));
    sayIn(place, message);
    place.hidden = message === "";
    for (const one of ["name", "value"]) {
      const control = within(row, one);
      control.setAttribute("aria-describedby", message ? place.id : `${row.id}-help`);
      if (message && one === part) control.setAttribute("aria-invalid", "true");
      else control.removeAttribute("aria-invalid");
    }
    dress(row);
  }

  /** @param {Row} given */
  function append(given) {
    const id = `mcp-row-${++count}`;
    /** @param {string} part @param {string} value */
    const line = (part, value) => {
      const control = make("input", { type: "text", class: "mono", "data-part": part, autocomplete: "off", autocapitalize: "off" });
      control.spellcheck = false;
      control.value = value;
      control.readOnly = locked;
      return control;
    };
    const secret = make("input", { type: "checkbox", "data-part": "secret" });
    secret.checked = given.secret;
    secret.disabled = locked;
    const remove = make("button", { type: "button", class: "quiet icon-only", "data-act": "remove" }, [icon("M6 6l12 12M18 6L6 18")]);
    const eye = make("button", { type: "button", class: "quiet icon-only", "data-act": "show", "aria-pressed": "false" }, [icon(EYE)]);
    remove.disabled = locked;
    const error = make("p", { class: "error", id: `${id}-error`, role: "alert" });
    error.hidden = true;
    const row = make("li", { id }, [
      line("name", given.name),
      make("div", { class: "inside" }, [line("value", given.value), eye]),
      remove,
      make("label", { class: "choice" }, [secret, t("agents.mcp.row_is_secret")]),
      error,
      make("p", { class: "help", id: `${id}-help` }),
    ]);
    list.append(row);
    fail(row, "", "");
    row.addEventListener("input", () => fail(row, "", ""));
    eye.addEventListener("click", () => {
      eye.setAttribute("aria-pressed", String(eye.getAttribute("aria-pressed") !== "true"));
      dress(row);
    });
    remove.addEventListener("click", () => {
      const at = rows().indexOf(row);
      row.remove();
      for (const one of rows()) dress(one);
      const next = rows()[Math.min(at, rows().length - 1)]?.querySelector('[data-act="remove"]') ?? more;
      if (next instanceof HTMLElement) next.focus();
    });
  }

  return {
    set: (given) => {
      list.replaceChildren();
      known = () => "";
      for (const one of given) append(one);
    },
    get: () =>
      rows().map((row) => ({
        name: within(row, "name").value,
        value: within(row, "value").value,
        secret: within(row, "secret").checked,
      })),
    add: (row) => {
      append(row);
      field(rows().length - 1, row.name ? "value" : "name")?.focus();
    },
    lock: (now, busy = false) => {
      locked = now;
      more.disabled = now;
      if (extra) extra.disabled = now;
      for (const row of rows()) {
        for (const part of ["name", "value"]) within(row, part).readOnly = now || busy;
        within(row, "secret").disabled = now || busy;
      }
      for (const act of list.querySelectorAll("button")) act.disabled = (now || busy) && act.dataset["act"] === "remove";
    },
    error: (place, message) => {
      const [at, part = "name"] = place.split(".");
      const row = rows()[Number(at)];
      if (!row) return;
      fail(row, part, message);
      within(row, part).focus();
    },
    clear: () => {
      for (const row of rows()) fail(row, "", "");
    },
    kept: (words) => {
      known = words;
      for (const row of rows()) dress(row);
    },
  };
}

