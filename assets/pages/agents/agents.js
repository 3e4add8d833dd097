// @ts-check
/** The agents page: a list, and on its right an agent, an endpoint or what can be added. Changes are saved at once. */

import { call, on } from "../common/bridge.js";
import {
  buildFields,
  fillCommon,
  forgetAgent,
  leaveAgent,
  lockedWords,
  refused,
  refuses,
  saved,
  showAgent,
  unsavedAgents,
} from "./fields.js";
import { agentName, fillLists, kindName, markShown, markUnsaved, wireLists } from "./list.js";
import { showCode, wireCode } from "./code.js";
import { leaveEndpoint, showEndpoint, wireEndpoint } from "./endpoint.js";
import { leaveServer, refreshServer, showServer, wireServer } from "./mcp.js";
import { buildUse, fillUse } from "./mcp_use.js";
import { leaveConnection, openForm, showConnection, wireConnection } from "./server.js";
import { paint } from "./preview.js";
import { goOnRoad, leaveRoad, lockAdding, showRoad, wireRoad } from "./imports.js";
import { ask } from "../common/dialog.js";
import { applyLook } from "../common/look.js";
import { button, CHECK_LIMIT, described, el, fieldError, input, make, part, show, SHOW_AFTER } from "../common/parts.js";
import { fields, words } from "../common/fields.js";
import { between, failed, listen, saveBy, tell, tried } from "../common/saving.js";
import { applyTexts, setTexts, t } from "../common/texts.js";
import { trialTells, wireTrial } from "../common/trial.js";

/**
 * @typedef {import("./fields.js").Agent} Agent
 * @typedef {import("./fields.js").Endpoint} Endpoint
 * @typedef {import("./list.js").Entry} Entry
 * @typedef {{
 *   agents: Entry[], active: string, locked: string, chooses: boolean, endpoints: Endpoint[], endpoints_locked: string,
 *   mcp: import("./mcp.js").Server[], mcp_locked: string,
 *   chat: {greeting: string, prompts: Array<{label: string, prompt: string, icon: string | null}>},
 *   look: import("../common/look.js").Look, notices: string[]
 * }} State
 * @typedef {State & import("./imports.js").About & {
 *   texts: Record<string, string>, app: string, default_model: string, greeting: string
 * }} Start
 */

/** @type {Start | null} */
let start = null;
/** The agent being shown, with all its fields. */
let current = "";
/** @type {Agent | null} */
let agent = null;
/** Counts openings, so that a late answer does not replace what was opened since. */
let openings = 0;

// --- state -------------------------------------------------------------------------------------------------

/** @param {State} state */
function fillState(state) {
  if (!start) return;
  start = { ...start, ...state };
  applyLook(state.look);
  fillLists(state.agents, state.active, state.endpoints, state.mcp);
  fillUse(state.mcp);
  refreshServer(state.mcp);
  fillCommon(state.endpoints, state.chat.prompts);
  el("notices").replaceChildren(
    ...state.notices.map((words) => make("div", { class: "banner warning" }, [make("div", { class: "words" }, [words])])),
  );
  show("notices", state.notices.length > 0);
  button("add").disabled = state.locked !== "";
  button("endpoint-add").disabled = state.endpoints_locked !== "";
  button("mcp-add").disabled = state.mcp_locked !== "";
  if (current) fillHead();
}

/** What stands over the fields. */
function fillHead() {
  const entry = start?.agents.find((one) => one.id === current);
  if (!entry || !start) return;
  const active = start.active === current;
  el("agent-title").textContent = agentName(entry);
  el("agent-kind").textContent = kindName(entry.kind);
  show("agent-active", active);
  show("choose", !active);
  button("choose").disabled = !start.chooses;
  show("agent-missing", entry.missing);
  const locked = lockedWords();
  el("agent-locked").textContent = locked;
  show("agent-locked", locked !== "");
  button("remove").disabled = locked !== "";
  button("duplicate").disabled = start.locked !== "";
  showRoad(entry, start.locked !== "");
}

function paintNow() {
  if (!start || !agent) return;
  const entry = { kind: agent.kind, name: String(fields.get("agent.name")?.get() ?? "") };
  paint({
    name: agentName(entry),
    greeting: start.chat.greeting || start.greeting,
    prompts: start.chat.prompts,
    own: "agent.greeting" in agent.fields,
  });
}

// --- display -----------------------------------------------------------------------------------------------

/** @param {"agent" | "endpoint" | "mcp" | "server" | "adding"} which */
function view(which) {
  for (const one of ["agent", "endpoint", "mcp", "server", "adding"]) show(one, one === which);
  show("failed", false);
  const main = document.querySelector("main");
  if (main) main.scrollTop = 0;
}

/** In a narrow window the list or what was opened from it. @param {"list" | "detail"} which */
function narrow(which) {
  el("layout").dataset["view"] = which;
}

function leave() {
  if (current) leaveAgent();
  leaveRoad();
  leaveEndpoint();
  leaveServer();
  leaveConnection();
  current = "";
  agent = null;
}

/** @param {string} id @param {{focus?: boolean}} [how] */
async function openAgent(id, { focus = true } = {}) {
  const mine = ++openings;
  if (id !== current) leave();
  await tried(async () => {
    const given = await call("agents.get", { id });
    if (mine !== openings) return;
    current = id;
    agent = given;
    showAgent(given);
    showCode(given);
    showConnection(given);
    fillHead();
    view("agent");
    markShown({ agent: id });
    trialTells("workflow", t("forms.agent_check_help"));
    paintNow();
    markUnsaved(unsavedAgents());
    tell(refuses() ? "bad" : "idle");
  });
  if (focus && mine === openings) {
    narrow("detail");
    el("agent-title").focus();
  }
}

/** @param {string} id */
function openEndpoint(id) {
  openings += 1;
  leave();
  const known = start?.endpoints.find((one) => one.id === id);
  showEndpoint(known ?? { id: "" }, (start?.endpoints_locked ?? "") !== "");
  view("endpoint");
  markShown({ endpoint: id });
  narrow("detail");
  el("endpoint-title").focus();
}

/** @param {string} id empty: a new one */
async function openServer(id) {
  const mine = ++openings;
  leave();
  const known = start?.mcp.find((one) => one.id === id) ?? null;
  await tried(async () => {
    await showServer(known, (start?.mcp_locked ?? "") !== "");
    if (mine !== openings) return;
    view("mcp");
    markShown({ server: id });
    narrow("detail");
    el("mcp-title").focus();
  });
}

/** The connection of a ChatKit server. @param {string} id empty: a new one */
function openConnection(id) {
  openings += 1;
  const entry = start?.agents.find((one) => one.id === id);
  leave();
  openForm(id, entry ? agentName(entry) : "", (start?.locked ?? "") !== "");
  view("server");
  markShown({ agent: id });
  narrow("detail");
  el("server-title").focus();
}

/** @param {boolean} [focus] */
function openAdding(focus = true) {
  openings += 1;
  leave();
  const none = start?.agents.length === 0;
  el("adding-lead").textContent = none ? t("agents.none") : t("agents.add_lead");
  workflowError("");
  for (const kind of ["assistant", "workflow", "demo", "server"]) button(`add-${kind}`).disabled = (start?.locked ?? "") !== "";
  lockAdding((start?.locked ?? "") !== "");
  view("adding");
  markShown({});
  if (focus || none) narrow("detail"); // an empty list says nothing
  if (focus) el("adding").querySelector("h2")?.focus();
}

/** The active agent, or the first one, or what can be added. */
async function openFirst() {
  const first = start?.active || start?.agents[0]?.id;
  if (!first) return openAdding(false);
  await openAgent(first, { focus: false });
  narrow("list");
}

// --- actions -----------------------------------------------------------------------------------------------

/** @param {string | import("../common/parts.js").Described} message */
const workflowError = (message) => fieldError("workflow-id", message);

/** @param {Record<string, string>} what */
async function add(what) {
  workflowError("");
  try {
    await opened(await call("agents.add", what));
    input("workflow-id").value = "";
  } catch (thrown) {
    const error = described(thrown);
    if (error.field === "workflow_id") {
      workflowError(error);
      input("workflow-id").focus();
    } else failed(error);
  }
}

/** @param {{id: string, state: State}} answer a new agent, ready for its name @param {string} [focus] or for another field */
async function opened(answer, focus = "") {
  fillState(answer.state);
  await openAgent(answer.id);
  if (focus) {
    el(focus).focus();
    return;
  }
  const name = fields.get("agent.name")?.controls[0];
  if (name instanceof HTMLInputElement) {
    name.focus();
    name.select();
  }
}

/** Somebody asked for an agent's page from elsewhere. @param {{agent: string, section: string}} wanted */
async function goTo({ agent: id, section }) {
  if (section === "add-server") return openConnection("");
  if (!start?.agents.some((one) => one.id === id)) return;
  await openAgent(id);
  goOnRoad(section);
}

/** What removing means. @param {Entry["kind"]} kind */
function removal(kind) {
  if (kind === "server") return t("agents.server.remove_text");
  if (kind === "code") return t("agents.imports.remove_text");
  return kind === "workflow" ? t("agents.remove_text_workflow") : t("agents.remove_text");
}

async function remove() {
  const entry = start?.agents.find((one) => one.id === current);
  if (!entry) return;
  const yes = await ask({
    title: t("agents.remove_title", { name: agentName(entry) }),
    text: removal(entry.kind),
    yes: t("agents.remove_yes"),
  });
  if (yes === null) return;
  await tried(async () => {
    const state = await call("agents.remove", { id: entry.id });
    const at = start?.agents.findIndex((one) => one.id === entry.id) ?? 0;
    forgetAgent(entry.id);
    current = "";
    fillState(state);
    const next = state.agents[Math.min(at, state.agents.length - 1)];
    if (next) await openAgent(next.id);
    else openAdding();
  });
}

function wire() {
  wireLists({ agent: (id) => void openAgent(id), endpoint: openEndpoint, server: (id) => void openServer(id) });
  wireEndpoint({ changed: fillState, open: openEndpoint, removed: () => void openFirst() });
  wireServer({ changed: fillState, open: openServer, removed: () => void openFirst() });
  wireConnection({
    saved: async (answer) => {
      fillState(answer.state);
      await openAgent(answer.id);
    },
    left: (id) => void (id ? openAgent(id) : openAdding()),
  });
  button("add").addEventListener("click", () => openAdding());
  button("add-server").addEventListener("click", () => openConnection(""));
  button("server-change").addEventListener("click", () => openConnection(current));
  button("endpoint-add").addEventListener("click", () => openEndpoint(""));
  button("mcp-add").addEventListener("click", () => void openServer(""));
  button("add-assistant").addEventListener("click", () => void add({ kind: "assistant" }));
  button("add-demo").addEventListener("click", () => void add({ kind: "demo" }));
  button("add-workflow").addEventListener("click", () => {
    show("workflow-form", true);
    button("add-workflow").setAttribute("aria-expanded", "true");
    input("workflow-id").focus();
  });
  part("workflow-form", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    void add({ kind: "workflow", workflow_id: input("workflow-id").value });
  });
  button("choose").addEventListener("click", () =>
    void tried(async () => {
      fillState(await call("agents.choose", { id: current }));
      el("agent-title").focus();
    }),
  );
  button("duplicate").addEventListener("click", () =>
    void tried(async () => opened(await call("agents.duplicate", { id: current }))),
  );
  button("remove").addEventListener("click", () => void remove());
  wireTrial("workflow", async () => {
    await call("agents.check", { id: current }, { limit: CHECK_LIMIT });
    return t("forms.agent_works");
  });
  wireCode({
    changed: (answer) => {
      agent = answer;
      showAgent(answer);
      showCode(answer);
      fillState(answer.state);
    },
  });
  button("to-list").addEventListener("click", () => {
    narrow("list");
    const row = document.querySelector('aside [aria-current="true"]');
    (row instanceof HTMLElement ? row : button("add")).focus();
  });
  el("agent").addEventListener("input", paintNow);
  el("agent").addEventListener("click", () => window.setTimeout(paintNow)); // rows of prompts that move or go
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paintNow);
  document.addEventListener("keydown", (event) => {
    const closes = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "w";
    if (closes) void call("agents.close").catch(() => undefined);
  });
}

function listenToSaves() {
  saveBy({ about: () => current, send: (changes, about) => call("agents.save", { id: about, changes }) });
  listen({
    saved: (name, answer, about) => {
      const sound = saved(name, about);
      if (about === current) {
        agent = answer;
        showAgent(answer);
        showCode(answer);
      }
      fillState(answer.state);
      markUnsaved(unsavedAgents());
      paintNow();
      return sound;
    },
    refused: (name, error, about) => {
      if (!refused(name, error, about)) failed(error);
      markUnsaved(unsavedAgents());
    },
  });
}

/** A change made elsewhere (the settings, another window). */
let reloadTimer = 0;
function onChanged() {
  clearTimeout(reloadTimer);
  reloadTimer = window.setTimeout(() => {
    between(async () => {
      fillState(await call("agents.start"));
      if (!current) return;
      if (!start?.agents.some((one) => one.id === current)) {
        forgetAgent(current);
        current = "";
        await openFirst();
        return;
      }
      const id = current;
      const given = await call("agents.get", { id });
      if (id !== current) return;
      agent = given;
      showAgent(given);
      showCode(given);
      fillHead();
      paintNow();
    });
  }, SHOW_AFTER);
}

async function begin() {
  const late = setTimeout(() => show("skeleton", true), SHOW_AFTER);
  try {
    /** @type {Start} */
    const given = await call("agents.start");
    start = given;
    words.app = given.app;
    setTexts(given.texts);
    applyTexts();
    buildFields(given);
    buildUse("mcp-use", () => void openServer(""));
    fillState(given);
    wire();
    listenToSaves();
    tell("idle");
    wireRoad(given, opened);
    await openFirst();
    on("settings.changed", onChanged);
    on("agents.section", (wanted) => void goTo(wanted));
  } finally {
    clearTimeout(late);
    show("skeleton", false);
    el("layout").removeAttribute("aria-busy");
  }
}

begin().catch((error) => failed(described(error)));
