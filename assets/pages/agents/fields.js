// @ts-check
/** An agent's fields: which ones each kind has, its endpoint's models, and text not yet saved. */

import { call } from "../common/bridge.js";
import { buildCode } from "./code.js";
import { combobox } from "../common/combobox.js";
import { CHECK_LIMIT, described, el, input, make, part, sentence, show } from "../common/parts.js";
import {
  area,
  fieldError,
  fields,
  fillField,
  hasError,
  idOf,
  lockedBecause,
  number,
  saveWaiting,
  segments,
  select,
  text,
  toggle,
} from "../common/fields.js";
import { lookFields, workflowFields } from "../common/field_groups.js";
import {
  fillPrompts,
  promptError,
  savePromptsWaiting,
  showPrompts,
  unsavedPrompts,
  wirePrompts,
} from "../common/prompts.js";
import { save } from "../common/saving.js";
import { t } from "../common/texts.js";

/**
 * @typedef {import("../common/parts.js").Described} Described
 * @typedef {import("../common/fields.js").Known} Known
 * @typedef {import("../common/prompts.js").Prompt} Prompt
 * @typedef {"assistant" | "workflow" | "demo" | "code" | "server" | "other"} Kind a kind that this page does not know shows as "other"
 * @typedef {{id: string, name: string, own_name: string, address: string, host: string, api: string, built_in: boolean, users: number}} Endpoint
 * @typedef {{id: string, kind: Kind, fields: Record<string, Known>}} Agent
 * @typedef {{value: any, message: string}} Draft
 */

/** What was typed for an agent and is not saved: by agent, by field. @type {Map<string, Map<string, Draft>>} */
const drafts = new Map();
/** Rows of prompts that are not complete, by agent. @type {Map<string, Prompt[]>} */
const rows = new Map();

/** @type {Agent | null} */
let shown = null;
/** @type {Endpoint[]} */
let endpoints = [];
/** The prompts of the profile: what an agent without its own ones shows. @type {Prompt[]} */
let common = [];
/** @type {import("../common/combobox.js").Combobox | null} */
let models = null;
/** The endpoint whose models are listed or being requested. */
let listed = "";

/** @param {{default_model: string}} about */
export function buildFields({ default_model: model }) {
  text("identity-fields", "agent.name", t("agents.name"), { help: t("agents.name_help"), typing: true });

  workflowFields("workflow-fields");

  area("assistant-fields", "agent.instructions", t("agents.instructions"), {
    help: t("agents.instructions_help"),
    rows: 7,
  });
  buildCode();
  chooseEndpoint();
  text("model-fields", "agent.model", t("forms.endpoint.model"), { help: t("agents.model_help", { model }), hint: model });
  models = combobox(input(idOf("agent.model")), { label: t("forms.endpoint.model"), show: t("forms.endpoint.models_show") });
  input(idOf("agent.model")).addEventListener("focus", () => void listModels());

  toggle("tools-fields", "agent.tools.web_search", t("agents.web_search"));
  toggle("tools-fields", "agent.tools.code_interpreter", t("agents.code_interpreter"));
  toggle("tools-fields", "agent.tools.image_generation", t("agents.image_generation"));
  area("stores-fields", "agent.tools.vector_store_ids", t("agents.vector_stores"), {
    help: t("agents.vector_stores_help"),
    mono: true,
  });
  area("more-fields", "agent.models", t("agents.models"), { help: t("agents.models_help"), mono: true });
  select(
    "more-fields",
    "agent.reasoning_effort",
    t("agents.effort"),
    [
      ["", t("agents.effort_default")],
      ["none", t("agents.effort_none")],
      ["minimal", t("agents.effort_minimal")],
      ["low", t("agents.effort_low")],
      ["medium", t("agents.effort_medium")],
      ["high", t("agents.effort_high")],
    ],
    { help: t("agents.effort_help") },
  );
  number("more-fields", "agent.temperature", t("agents.temperature"), { help: t("agents.temperature_help") });
  number("more-fields", "agent.tool_rounds", t("agents.rounds"), { help: t("agents.rounds_help") });

  text("start-fields", "agent.greeting", t("forms.greeting"), { help: t("agents.greeting_help"), typing: true });
  segments(
    "view-fields",
    "agent.view",
    t("agents.view"),
    [
      ["auto", t("agents.view_auto")],
      ["chatkit", t("agents.view_chatkit")],
      ["builtin", t("agents.view_builtin")],
    ],
    { help: t("agents.view_help") },
  );
  wirePrompts("agent.prompts");
  input("prompts-own").addEventListener("change", () => {
    const own = input("prompts-own").checked;
    show("prompts-editor", own);
    if (own) showPrompts({ value: common, layer: "settings", locked: "" }, null);
    void save("agent.prompts", own ? common : null);
  });

  lookFields("look-fields");
}

/** The endpoints come and go; one that is gone stays to be seen, and nothing else is chosen in its place. */
function chooseEndpoint() {
  const { field, control } = select("endpoint-fields", "agent.endpoint", t("agents.endpoint"), [], {
    help: t("agents.endpoint_help"),
  });
  field.root.classList.remove("brief");
  field.set = (value) => {
    const known = endpoints.map((one) =>
      make("option", { value: one.id }, [one.built_in ? t("agents.openai") : one.name]),
    );
    if (!endpoints.some((one) => one.id === value)) {
      known.push(make("option", { value }, [t("agents.endpoint_gone", { id: value })]));
    }
    control.replaceChildren(...known);
    control.value = value;
  };
  field.get = () => control.value;
  control.addEventListener("change", () => {
    listed = "";
    models?.options([]);
    modelHelp("");
  });
}

/** @param {string} words empty: the usual help */
function modelHelp(words) {
  const field = fields.get("agent.model");
  if (!field || hasError(field)) return;
  const help = el(`${idOf(field.name)}-help`);
  help.textContent = words || field.help;
  help.hidden = false;
}

/** The list is requested when somebody is about to choose from it. */
async function listModels() {
  const endpoint = String(fields.get("agent.endpoint")?.get() ?? "");
  if (listed === endpoint || input(idOf("agent.model")).readOnly) return;
  listed = endpoint;
  modelHelp(t("agents.models_asking"));
  try {
    const answer = await call("agents.models", { id: endpoint }, { limit: CHECK_LIMIT });
    if (listed !== endpoint) return;
    models?.options(answer.models);
    const ending = answer.ending?.[input(idOf("agent.model")).value.trim()] ?? "";
    modelHelp(answer.problem ? t("agents.models_problem", { problem: answer.problem }) : ending);
    if (answer.problem) listed = "";
  } catch (error) {
    if (listed !== endpoint) return;
    listed = "";
    modelHelp(t("agents.models_problem", { problem: described(error).message }));
  }
}

/** What is the same for every agent. @param {Endpoint[]} known @param {Prompt[]} prompts */
export function fillCommon(known, prompts) {
  const before = JSON.stringify(endpoints);
  endpoints = known;
  common = prompts;
  const chosen = fields.get("agent.endpoint");
  if (chosen && shown && "agent.endpoint" in shown.fields && before !== JSON.stringify(known)) chosen.set(chosen.get());
}

/** Another agent is about to be shown: what waits is saved, what was refused or is on its way is kept. */
export function leaveAgent() {
  saveWaiting();
  savePromptsWaiting();
  if (!shown) return;
  /** @type {Map<string, Draft>} */
  const left = new Map();
  for (const [name, field] of fields) {
    if (name in shown.fields && (field.dirty || hasError(field))) {
      left.set(name, { value: field.get(), message: el(`${idOf(name)}-error`).textContent ?? "" });
    }
    field.dirty = false; // it is this agent's; the next one may not even have the field
  }
  drafts.set(shown.id, left);
  const unsaved = input("prompts-own").checked ? unsavedPrompts() : null;
  if (unsaved) rows.set(shown.id, unsaved);
  else rows.delete(shown.id);
}

/** @param {Agent} agent */
export function showAgent(agent) {
  const another = shown?.id !== agent.id;
  shown = agent;
  for (const place of document.querySelectorAll("[data-kind]")) {
    const kinds = place.getAttribute("data-kind")?.split(" ") ?? [];
    if (place instanceof HTMLElement) place.hidden = !kinds.includes(agent.kind);
  }
  const left = another ? drafts.get(agent.id) : undefined;
  if (another) drafts.delete(agent.id);
  for (const [name, field] of fields) {
    const known = agent.fields[name];
    if (!known) continue;
    if (another) {
      field.dirty = false;
      fieldError(field, "");
    }
    fillField(field, known);
    const draft = left?.get(name);
    if (draft) {
      field.set(draft.value);
      fieldError(field, draft.message);
    }
  }
  const prompts = agent.fields["agent.prompts"];
  if (prompts) fillOwnPrompts(agent.id, prompts, another);
  if (another) {
    listed = "";
    models?.options([]);
    modelHelp("");
    part("more", HTMLDetailsElement).open = ["agent.models", "agent.reasoning_effort", "agent.temperature", "agent.tool_rounds"].some(
      (name) => agent.fields[name]?.value || left?.has(name),
    );
  }
}

/** @param {string} id @param {Known} prompts @param {boolean} another */
function fillOwnPrompts(id, prompts, another) {
  const own = prompts.value !== null;
  input("prompts-own").checked = own;
  input("prompts-own").disabled = prompts.locked !== "";
  show("prompts-editor", own);
  if (!own) return;
  if (another) showPrompts(prompts, rows.get(id) ?? null);
  else fillPrompts(prompts);
}

/** A change was saved. @param {string} name @param {string} about the agent @returns {boolean} whether no field of the shown agent is refused */
export function saved(name, about) {
  drafts.get(about)?.delete(name);
  const field = fields.get(name);
  if (about === shown?.id && field) {
    field.dirty = false;
    fieldError(field, "");
  }
  return !refuses();
}

/** A change was refused. @param {string} name @param {Described} error @param {string} about @returns {boolean} whether it has a place here */
export function refused(name, error, about) {
  const message = sentence(error);
  if (about !== shown?.id) {
    const draft = drafts.get(about)?.get(name);
    if (draft) draft.message = message;
    return draft !== undefined;
  }
  if (name === "agent.prompts") return promptError(error);
  const field = fields.get(name);
  if (!field) return false;
  if (field.root.closest("details")) part("more", HTMLDetailsElement).open = true;
  fieldError(field, error);
  return true;
}

/** Whether a field of the shown agent is refused. */
export const refuses = () => [...fields.values()].some((one) => shown && one.name in shown.fields && hasError(one));

/** The agents with something typed that was refused. @returns {ReadonlySet<string>} */
export function unsavedAgents() {
  const ids = [...drafts].filter(([, left]) => [...left.values()].some((draft) => draft.message)).map(([id]) => id);
  const here = shown && refuses() ? [shown.id] : [];
  return new Set([...ids.filter((id) => id !== shown?.id), ...here]);
}

/** Nothing typed for this agent is wanted any more. @param {string} id */
export function forgetAgent(id) {
  drafts.delete(id);
  rows.delete(id);
  if (shown?.id === id) {
    for (const field of fields.values()) field.dirty = false;
    shown = null;
  }
}

/** @returns {string} why the shown agent can't be changed; empty where it can */
export function lockedWords() {
  const lock = shown?.fields["agent.name"]?.locked ?? "";
  return lock === "file" ? t("agents.locked_file") : lockedBecause(lock);
}
