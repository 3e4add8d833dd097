// @ts-check
/**
 * The connection of a ChatKit server: its address, token and headers, checked by a real call before they are saved; and
 * how it stands in the agent's own page. The token goes in and never comes back.
 */

import { call } from "../common/bridge.js";
import { Check } from "../common/check.js";
import { clearCheck, refuse, wireCheck } from "../common/checked_form.js";
import { ask } from "../common/dialog.js";
import { button, CHECK_LIMIT, el, fieldError, forgiving, input, part, sayIn, show } from "../common/parts.js";
import { tried } from "../common/saving.js";
import { mask, wireSecret } from "../common/secret.js";
import { t } from "../common/texts.js";

/**
 * @typedef {import("../common/parts.js").Described} Described
 * @typedef {{present: boolean, store: string, problem: Described | null}} TokenState
 * @typedef {{url: string, host: string, headers: string, token_header: string, attachments: boolean, token: TokenState}} Server
 * @typedef {{name: string, url: string, token: string, headers: string, token_header: string, attachments: boolean}} Typed
 * @typedef {{error: Described | null, can_save: boolean, cancelled: boolean, id: string, state: any}} Outcome
 */

const FIELDS = /** @type {const} */ (["name", "url", "token", "headers", "token_header"]);

/** What was typed and not saved, by agent; a new one under "". @type {Map<string, Typed>} */
const drafts = new Map();
/** The agent whose connection is shown; null: none. @type {{id: string, host: string, before: Typed, locked: boolean} | null} */
let shown = null;
/** The agent whose page is shown. */
let summed = "";
/** @type {Check<Outcome>} */
const check = new Check("servers.save", "servers.cancel", (isBusy) => underWay(isBusy));

/** @type {{saved: (answer: Outcome) => Promise<void>, left: (id: string) => void}} */
let house = { saved: async () => undefined, left: () => undefined };

const EMPTY = { name: "", url: "", token: "", headers: "", token_header: "", attachments: false };

const headers = () => part("server-headers", HTMLTextAreaElement);
/** @param {typeof FIELDS[number]} field @returns {HTMLInputElement | HTMLTextAreaElement} */
const control = (field) => (field === "headers" ? headers() : input(`server-${field}`));

/** @returns {Typed} */
function typed() {
  return {
    name: input("server-name").value,
    url: input("server-url").value,
    token: input("server-token").value,
    headers: headers().value,
    token_header: input("server-token_header").value,
    attachments: input("server-attachments").checked,
  };
}

/** @param {Typed} values */
function put(values) {
  for (const field of FIELDS) control(field).value = values[field];
  input("server-attachments").checked = values.attachments;
  part("server-more", HTMLDetailsElement).open = Boolean(values.headers || values.token_header);
}

function clear() {
  for (const field of FIELDS) fieldError(`server-${field}`, "");
  clearCheck("server");
}

/** Something else is shown now; what was typed here is kept, the token excepted: it is nobody's to find later. */
export function leaveConnection() {
  if (!shown) return;
  const now = { ...typed(), token: "" };
  if (JSON.stringify(now) === JSON.stringify(shown.before)) drafts.delete(shown.id);
  else drafts.set(shown.id, now);
  check.leave();
  shown = null;
  input("server-token").value = "";
}

/** @param {string} id empty: a new one @param {string} name @param {boolean} locked */
export function openForm(id, name, locked) {
  const mine = { id, host: "", before: { ...EMPTY }, locked };
  shown = mine;
  clear();
  el("server-title").textContent = id ? t("agents.server.title_change", { name }) : t("agents.server.title_add");
  show("server-name-field", id === "");
  put(drafts.get(id) ?? EMPTY);
  mask("server-token", true);
  underWay(false);
  for (const one of part("server-form", HTMLFormElement).elements) {
    if (one.id !== "server-cancel") one.toggleAttribute("disabled", locked);
  }
  fillToken(null);
  // Nothing is saved before what is there has been read.
  if (id) button("server-save").disabled = true;
  if (id) void tried(() => load(mine));
}

/** @param {NonNullable<typeof shown>} of */
async function load(of) {
  /** @type {Server} */
  const server = await call("servers.get", { id: of.id }, { limit: CHECK_LIMIT });
  if (shown !== of) return;
  of.host = server.host;
  const usual = server.token_header === "Authorization" ? "" : server.token_header;
  of.before = { ...EMPTY, url: server.url, headers: server.headers, token_header: usual, attachments: server.attachments };
  // What was typed meanwhile stays.
  if (!drafts.has(of.id)) put({ ...of.before, ...Object.fromEntries(Object.entries(typed()).filter(([, value]) => value)) });
  fillToken(server.token);
  button("server-save").disabled = of.locked;
}

/** @param {TokenState | null} token */
function fillToken(token) {
  const words = token?.present ? t("agents.server.token_kept", { host: shown?.host ?? "", store: token.store }) : "";
  sayIn(el("server-token-help"), token?.problem ?? (words || t("agents.server.token_help")));
  show("server-token-remove", token?.present === true);
}

/** @param {boolean} busy */
function underWay(busy) {
  if (busy) button("server-save").setAttribute("aria-busy", "true");
  else button("server-save").removeAttribute("aria-busy");
  button("server-save").disabled = busy;
  for (const field of FIELDS) control(field).readOnly = busy;
  input("server-attachments").disabled = busy;
  el("server-doing").textContent = busy ? t("forms.server.doing") : "";
}

/** @param {{keep?: string, unchecked?: boolean}} [how] */
async function submit({ keep = "keyring", unchecked = false } = {}) {
  if (check.isOn || !shown) return;
  clear();
  const of = shown;
  const ended = await check.run({ id: of.id, ...typed(), keep, unchecked });
  if (!ended) return;
  const { outcome, error } = ended;
  if (error) return refused(error, outcome?.can_save === true);
  // The check's own answer may come before the one to the wish to stop it: whichever comes first says it.
  if (outcome?.cancelled) el("server-doing").textContent = t("agents.cancelled");
  if (!outcome || outcome.cancelled) return;
  drafts.delete(of.id);
  shown = null;
  input("server-token").value = "";
  await house.saved(outcome);
  el("server-has").textContent = unchecked ? t("agents.server.saved") : t("agents.server.works");
}

/** @param {Described} error @param {boolean} canSave */
function refused(error, canSave) {
  show("server-anyway", canSave);
  const field = FIELDS.find((name) => name === error.field);
  if (field) {
    if (field === "headers" || field === "token_header") part("server-more", HTMLDetailsElement).open = true;
    fieldError(`server-${field}`, error);
    control(field).focus();
    return;
  }
  refuse("server", error, canSave);
}

/** While a check goes on it ends that; else the form is left as it was. */
async function cancel() {
  const of = shown;
  if (!of) return;
  if (!check.isOn) {
    drafts.delete(of.id);
    shown = null;
    input("server-token").value = "";
    house.left(of.id);
    return;
  }
  if (!(await check.stop())) return;
  el("server-doing").textContent = t("agents.cancelled");
}

async function removeToken() {
  const of = shown;
  if (!of) return;
  const yes = await ask({
    title: t("agents.server.token_remove_title"),
    text: t("agents.server.token_remove_text"),
    yes: t("agents.server.token_remove_yes"),
  });
  if (yes === null) return;
  await tried(async () => fillToken(await call("servers.remove_token", { id: of.id }, { limit: CHECK_LIMIT })));
}

/** An agent's page is shown: how its server stands, where it is one. @param {{id: string, kind: string}} agent */
export async function showConnection({ id, kind }) {
  summed = kind === "server" ? id : "";
  if (!summed) return;
  el("server-at").textContent = "";
  el("server-has").textContent = "";
  await tried(async () => {
    /** @type {Server} */
    const server = await call("servers.get", { id }, { limit: CHECK_LIMIT });
    if (summed !== id) return;
    el("server-at").textContent = t("agents.server.at", { url: server.url });
    const { present, store } = server.token;
    el("server-has").textContent ||= present ? t("agents.server.has_token", { store }) : t("agents.server.no_token");
  });
}

/** @param {typeof house} around */
export function wireConnection(around) {
  house = around;
  wireCheck("server", (how) => void submit(how));
  button("server-cancel").addEventListener("click", () => void tried(cancel));
  button("server-token-remove").addEventListener("click", () => void removeToken());
  wireSecret("server-token");
  forgiving(FIELDS.map((field) => `server-${field}`));
  for (const field of FIELDS) control(field).addEventListener("input", () => show("server-anyway", false));
}
