// @ts-check
/** The lists of agents, endpoints and MCP servers on the left: arrow keys move, and many agents get a search field. */

import { el, input, make, show } from "../common/parts.js";
import { t } from "../common/texts.js";

/**
 * @typedef {import("./fields.js").Endpoint} Endpoint
 * @typedef {import("./fields.js").Kind} Kind
 * @typedef {import("./mcp.js").Server} Server
 * @typedef {{id: string, kind: Kind, name: string, missing: boolean}} Entry
 */

/** The search field appears from this many agents. */
const MANY = 10;

/** @type {Entry[]} */
let entries = [];
/** Agents with something typed that was refused. @type {ReadonlySet<string>} */
let unsaved = new Set();
/** The active agent, and what is shown at the right. */
let active = "";
let agent = "";
let endpoint = "";
let server = "";

/** @param {Kind} kind */
export function kindName(kind) {
  if (kind === "assistant") return t("agents.kind_assistant");
  if (kind === "workflow") return t("agents.kind_workflow");
  if (kind === "code") return t("agents.kind_code");
  if (kind === "server") return t("agents.server.kind");
  return kind === "demo" ? t("agents.kind_demo") : t("agents.kind_other");
}

/** @param {{kind: Kind, name: string}} entry */
export function agentName({ kind, name }) {
  if (name) return name;
  if (kind === "assistant") return t("agents.unnamed_assistant");
  if (kind === "workflow") return t("agents.unnamed_workflow");
  if (kind === "code") return t("agents.unnamed_code");
  if (kind === "server") return t("agents.unnamed_server");
  return kind === "demo" ? t("agents.unnamed_demo") : t("agents.unnamed_other");
}

/** @param {ReadonlySet<string>} ids */
export function markUnsaved(ids) {
  if ([...ids].join() === [...unsaved].join()) return;
  unsaved = ids;
  fillAgents();
  mark();
}

/** @param {Entry[]} agents @param {string} opens @param {Endpoint[]} endpoints @param {Server[]} servers */
export function fillLists(agents, opens, endpoints, servers) {
  entries = agents;
  active = opens;
  show("search", agents.length >= MANY);
  fillAgents();
  fill(
    el("endpoints"),
    endpoints.map((one) => entry(one.id, one.built_in ? t("agents.openai") : one.name, one.host, "")),
  );
  fill(
    el("mcp-list"),
    servers.map((one) => entry(one.id, one.name, one.below, "")),
  );
  show("mcp-list", servers.length > 0);
  mark();
}

function fillAgents() {
  const wanted = el("search").hidden ? "" : input("search").value.trim().toLowerCase();
  const fitting = entries.filter((one) => `${agentName(one)} ${kindName(one.kind)}`.toLowerCase().includes(wanted));
  fill(
    el("list"),
    fitting.map((one) => {
      const row = entry(one.id, agentName(one), kindName(one.kind), noteOf(one));
      row.classList.toggle("missing", one.missing);
      row.classList.toggle("unsaved", unsaved.has(one.id));
      return row;
    }),
  );
  show("list-none", fitting.length === 0 && entries.length > 0);
}

/** The one thing about it that matters most. @param {Entry} one */
function noteOf(one) {
  if (unsaved.has(one.id)) return t("agents.unsaved");
  if (one.missing) return t("agents.endpoint_missing_short");
  return one.id === active ? t("agents.active") : "";
}

/** @param {string} id @param {string} name @param {string} below @param {string} note */
function entry(id, name, below, note) {
  const words = make("span", { class: "words" }, [make("span", { class: "name" }, [name]), make("span", { class: "below" }, [below])]);
  return make("button", { type: "button", "data-id": id, title: name }, note ? [words, make("span", { class: "badge" }, [note])] : [words]);
}

/** The entries anew, with the focus where it was. @param {HTMLElement} into @param {HTMLButtonElement[]} rows */
function fill(into, rows) {
  const before = document.activeElement;
  const id = before && into.contains(before) ? before.getAttribute("data-id") : null;
  into.replaceChildren(...rows);
  if (id !== null) rows.find((row) => row.dataset["id"] === id)?.focus({ preventScroll: true });
}

/** @param {{agent?: string, endpoint?: string, server?: string}} shown what stands at the right */
export function markShown(shown) {
  ({ agent = "", endpoint = "", server = "" } = shown);
  mark();
  for (const id of ["list", "endpoints", "mcp-list"]) el(id).querySelector('[aria-current="true"]')?.scrollIntoView({ block: "nearest" });
}

/** One entry of each list is a stop of the Tab key; the arrows go on from there. */
function mark() {
  for (const [id, chosen] of [["list", agent], ["endpoints", endpoint], ["mcp-list", server]]) {
    const rows = rowsOf(el(id));
    for (const row of rows) row.setAttribute("aria-current", String(row.dataset["id"] === chosen && chosen !== ""));
    const stop = rows.find((row) => row.dataset["id"] === chosen) ?? rows[0];
    for (const row of rows) row.tabIndex = row === stop ? 0 : -1;
  }
}

/** @param {HTMLElement} list */
const rowsOf = (list) => [.../** @type {NodeListOf<HTMLButtonElement>} */ (list.querySelectorAll("button[data-id]"))];

/** @param {{agent: (id: string) => void, endpoint: (id: string) => void, server: (id: string) => void}} open */
export function wireLists(open) {
  for (const [id, act] of /** @type {const} */ ([
    ["list", open.agent],
    ["endpoints", open.endpoint],
    ["mcp-list", open.server],
  ])) {
    el(id).addEventListener("click", (event) => {
      const row = event.target instanceof Element ? event.target.closest("button[data-id]") : null;
      if (row) act(row.getAttribute("data-id") ?? "");
    });
    el(id).addEventListener("keydown", (event) => {
      const rows = rowsOf(el(id));
      const at = rows.findIndex((row) => row === document.activeElement);
      /** @type {Record<string, number>} */
      const goes = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 };
      if (at < 0 || !(event.key in goes)) return;
      event.preventDefault();
      rows[Math.min(rows.length - 1, Math.max(0, goes[event.key]))]?.focus();
    });
  }
  input("search").addEventListener("input", () => {
    fillAgents();
    mark();
  });
}
