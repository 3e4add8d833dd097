// @ts-check
/** Fills the form from another program's configuration. The app parses it and keeps its secrets. */

import { call } from "../common/bridge.js";
import { button, described, el, make, part, show } from "../common/parts.js";
import { t } from "../common/texts.js";

/**
 * @typedef {import("./mcp.js").Form} Form
 * @typedef {{name: string, at: string[]}} Block
 * @typedef {{id: string, label: string, secret: boolean}} Asked what the block leaves open
 * @typedef {{form: Form, held: string[], asks: Asked[], notes: string[]}} Filled `held`: names of the secrets that the app keeps
 */

/** @param {{fill: (form: Form, held: string[], which: number) => void, error: (message: string | import("../common/parts.js").Described) => void}} form */
export function wirePaste({ fill, error }) {
  /** @type {Filled[]} */
  let forms = [];

  /** @param {number} which */
  function take(which) {
    const { form, held, asks, notes } = forms[which];
    const fields = asks.map((one) => {
      const control = make("input", { id: `mcp-ask-${one.id}`, type: one.secret ? "password" : "text", class: "mono", autocomplete: "off" });
      control.dataset["ask"] = one.id;
      return make("div", { class: "field" }, [make("label", { for: control.id }, [one.label]), control]);
    });
    const more = make("button", { type: "button" }, [t("agents.mcp.paste_put")]);
    more.addEventListener("click", () => void answer(which));
    el("mcp-asks").replaceChildren(...(fields.length > 0 ? [make("h3", { class: "group" }, [t("agents.mcp.paste_asks")])] : []), ...fields, ...(fields.length > 0 ? [more] : []));
    show("mcp-asks", fields.length > 0);
    el("mcp-notes").textContent = notes.join(" ");
    show("mcp-notes", notes.length > 0);
    fill(form, held, which);
    if (fields.length > 0) /** @type {HTMLElement | null} */ (el("mcp-asks").querySelector("input"))?.focus();
  }

  /** @param {number} which */
  async function answer(which) {
    const given = [.../** @type {NodeListOf<HTMLInputElement>} */ (el("mcp-asks").querySelectorAll("input"))];
    const answers = Object.fromEntries(given.map((one) => [one.dataset["ask"] ?? "", one.value]));
    try {
      forms[which] = await call("mcp.fill", { which, answers });
      take(which);
    } catch (thrown) {
      error(described(thrown));
    }
  }

  button("mcp-read").addEventListener("click", async () => {
    const block = part("mcp-block", HTMLTextAreaElement);
    error("");
    try {
      const text = block.value.trim();
      /** @type {{servers: Block[], forms: Filled[]}} */
      const read = await call("mcp.read", { text });
      forms = read.forms.map((one, n) => withTyped(one, read.servers[n].at, text));
      const which = part("mcp-which", HTMLSelectElement);
      const names = read.servers.map((one, n) => make("option", { value: String(n) }, [one.name || t("agents.mcp.unnamed")]));
      which.replaceChildren(...names);
      which.onchange = () => take(Number(which.value));
      show("mcp-which-field", names.length > 1);
      block.value = ""; // it may hold secrets, in plain sight
      take(0);
      part("mcp-paste", HTMLDetailsElement).open = names.length > 1 || forms[0].asks.length > 0 || forms[0].notes.length > 0;
    } catch (thrown) {
      error(described(thrown));
      el("mcp-block").focus();
    }
  });
}

/**
 * Where the text is plain JSON, its secrets stand in their rows as if they had been typed there: they can be looked at.
 *
 * @param {Filled} filled @param {string[]} at @param {string} text @returns {Filled}
 */
function withTyped(filled, at, text) {
  const given = at.reduce((inner, key) => inner?.[key], parsed(text));
  for (const row of [...filled.form.variables, ...filled.form.headers]) {
    const value = given?.env?.[row.name] ?? given?.headers?.[row.name];
    if (row.secret && filled.held.includes(row.name) && typeof value === "string" && !value.includes("${")) row.value = value;
  }
  return filled;
}

/** @param {string} text @returns {any} null: it is no plain JSON */
function parsed(text) {
  for (const one of [text, `{${text}}`]) {
    try {
      return JSON.parse(one);
    } catch {
      // another way, or the app alone can read it
    }
  }
  return null;
}
