// @ts-check
/** A pasted block of other programs' MCP servers fills the form. Its values are taken from the text here and cross to nowhere. */

import { call } from "./bridge.js";
import { button, described, el, make, part, sentence, show } from "./parts.js";
import { t } from "./texts.js";

/**
 * @typedef {import("./agents_mcp.js").Form} Form
 * @typedef {import("./agents_mcp_rows.js").Row} Row
 * @typedef {{at: string[], name: string, transport: string, variables: Shape[], headers: Shape[]}} Block
 * @typedef {{name: string, secret: boolean, take: boolean}} Shape a row without its value: `take`, whether there is one
 */

/** @param {{fill: (form: Form) => void, error: (message: string) => void}} form */
export function wirePaste({ fill, error }) {
  button("mcp-read").addEventListener("click", async () => {
    const block = part("mcp-block", HTMLTextAreaElement);
    const text = block.value.trim();
    error("");
    try {
      /** @type {{servers: Block[]}} */
      const { servers } = await call("mcp.read", { text });
      const given = parsed(text);
      const which = part("mcp-which", HTMLSelectElement);
      which.replaceChildren(...servers.map((one, n) => make("option", { value: String(n) }, [one.name || t("agents_mcp.unnamed")])));
      which.onchange = () => fill(formOf(servers[Number(which.value)], given));
      show("mcp-which-field", servers.length > 1);
      part("mcp-paste", HTMLDetailsElement).open = servers.length > 1;
      block.value = ""; // it may hold secrets, in plain sight
      fill(formOf(servers[0], given));
    } catch (thrown) {
      error(sentence(described(thrown)));
      el("mcp-block").focus();
    }
  });
}

/** @param {string} text @returns {any} */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return JSON.parse(`{${text}}`);
  }
}

/** @param {Block} server @param {any} block @returns {Form} */
function formOf(server, block) {
  const given = server.at.reduce((inner, key) => inner[key], block);
  /** @param {Shape[]} shapes @param {Record<string, any>} values @returns {Row[]} */
  const filled = (shapes, values) =>
    shapes.map(({ name, secret, take }) => ({ name, value: take ? String(values[name]) : "", secret }));
  return {
    name: server.name,
    transport: server.transport,
    command: String(given.command ?? ""),
    args: Array.isArray(given.args) ? given.args.map(String).join("\n") : "",
    folder: String(given.cwd ?? ""),
    url: String(given.url ?? given.serverUrl ?? given.httpUrl ?? ""),
    variables: filled(server.variables, given.env ?? {}),
    headers: filled(server.headers, given.headers ?? {}),
  };
}
