// @ts-check
/** The form for an MCP server. The server is started or called before it is saved; typed text stays until then. */

import { wirePaste } from "./mcp_paste.js";
import { rowsEditor } from "./mcp_rows.js";
import { clearOffer, lockSignIn, offerError, showOffer, showSignedIn, wanted, wireSignIn } from "./mcp_sign_in.js";
import { call } from "../common/bridge.js";
import { Check } from "../common/check.js";
import { clearCheck, refuse, wireCheck } from "../common/checked_form.js";
import { ask } from "../common/dialog.js";
import { button, CHECK_LIMIT, described, el, fieldError, make, show } from "../common/parts.js";
import { tried } from "../common/saving.js";
import { t } from "../common/texts.js";

/**
 * @typedef {import("../common/parts.js").Described} Described
 * @typedef {import("./mcp_rows.js").Row} Row
 * @typedef {import("./mcp_rows.js").Rows} Rows
 * @typedef {{id: string, name: string, below: string, users: number, always: string[], off: string[]}} Server
 * @typedef {{name: string, transport: string, command: string, args: string, folder: string, url: string, variables: Row[], headers: Row[]}} Form
 * @typedef {{name: string, description: string, remark?: string, left_out?: string}} Tool
 * @typedef {{error: Described | null, can_save: boolean, cancelled: boolean, sign_in: "" | "browser" | "client", host: string, id: string, tools: Tool[], moved: string[], state: any}} Outcome
 */

const LINES = /** @type {const} */ (["name", "command", "args", "folder", "url"]);
const TRANSPORTS = /** @type {const} */ (["stdio", "http"]);
/** @type {Form} */
const EMPTY = { name: "", transport: "stdio", command: "", args: "", folder: "", url: "", variables: [], headers: [] };

/** What was typed and not saved, by server; a new one under "". @type {Map<string, Form>} */
const drafts = new Map();
/** What a server said that it has, since the page was opened. @type {Map<string, Tool[]>} */
const tools = new Map();
/** The server that is shown, an id of "": a new one; null: none. @type {Server | null} */
let shown = null;
/** As it is saved. @type {Form} */
let saved = EMPTY;
/** @type {Check<Outcome>} */
const check = new Check("mcp.save", "mcp.cancel", (isBusy) => lock(isBusy), 0);
/** The server of the pasted block that the form of a new one was filled from; -1: none. Its secrets are kept for it. */
let pasted = -1;
/** The names of those secrets. @type {string[]} */
let held = [];
/** The most tools a model accepts. */
const MOST_OFFERED = 128;
/** Milliseconds between two requests for a start's progress. */
const ASK_EVERY = 1000;
let locked = false;
/** @type {Record<"variables" | "headers", Rows>} */
let rows;

/** @type {{changed: (state: any) => void, open: (id: string) => Promise<void>, removed: () => void}} */
let house = { changed: () => undefined, open: async () => undefined, removed: () => undefined };

/** @param {typeof LINES[number]} name */
const line = (name) => /** @type {HTMLInputElement | HTMLTextAreaElement} */ (el(`mcp-${name}`));
const transports = () => [.../** @type {NodeListOf<HTMLInputElement>} */ (el("mcp-transport").querySelectorAll("input"))];
const transport = () => transports().find((one) => one.checked)?.value ?? "stdio";

/** @returns {Form} */
function typed() {
  const values = Object.fromEntries(LINES.map((name) => [name, line(name).value]));
  return /** @type {Form} */ ({
    ...EMPTY,
    ...values,
    transport: transport(),
    variables: rows.variables.get(),
    headers: rows.headers.get(),
  });
}

/** @param {Form} form */
function put(form) {
  for (const name of LINES) line(name).value = form[name];
  for (const one of transports()) one.checked = one.value === form.transport;
  rows.variables.set(form.variables);
  rows.headers.set(form.headers);
  arrange();
}

/** The fields of the transport that is chosen. */
function arrange() {
  for (const one of TRANSPORTS) show(`mcp-${one}`, transport() === one);
}

function clear() {
  for (const field of [...LINES, "block"]) fieldError(`mcp-${field}`, "");
  rows.variables.clear();
  rows.headers.clear();
  clearOffer();
  clearCheck("mcp");
}

/** Something else is shown now; what was typed here is kept. */
export function leaveServer() {
  if (!shown) return;
  const now = typed();
  if (JSON.stringify(now) === JSON.stringify(saved)) drafts.delete(shown.id);
  else drafts.set(shown.id, now);
  shown = null;
}

/** @param {Server | null} server null: a new one @param {boolean} fixed whether nothing can be changed */
export async function showServer(server, fixed) {
  const form = server ? await call("mcp.get", { id: server.id }) : EMPTY;
  shown = server ?? { id: "", name: "", below: "", users: 0, always: [], off: [] };
  saved = form;
  locked = fixed;
  put(drafts.get(shown.id) ?? form);
  if (!server && !drafts.has("")) [pasted, held] = [-1, []];
  if (!server) tellHeld();
  clear();
  el("mcp-title").textContent = server ? server.name : t("agents.mcp.add");
  el("mcp-lead").textContent = server ? t("agents.mcp.users", { count: server.users }) : t("agents.mcp.lead");
  show("mcp-paste", !server && !fixed);
  show("mcp-remove", server !== null);
  showSignedIn("nowhere", "");
  fillTools();
  lock(check.isOn); // another one's check may still go on
  if (server) void loadSecrets(server.id);
}

/** The list has changed: what stands over the form, and which tools need no question. @param {Server[]} servers */
export function refreshServer(servers) {
  const now = servers.find((one) => one.id === shown?.id);
  if (!now || !shown) return;
  shown = now;
  el("mcp-lead").textContent = t("agents.mcp.users", { count: now.users });
  fillTools();
}

/** @param {string} id */
async function loadSecrets(id) {
  try {
    const { where, store, problem, signed_in } = await call("mcp.secrets", { id }, { limit: CHECK_LIMIT });
    if (shown?.id !== id) return;
    showSignedIn(signed_in, store);
    rows[saved.transport === "http" ? "headers" : "variables"].kept((name) => {
      if (where[name] === "keyring") return `${used(name)}${t("agents.mcp.secret_kept", { store })}`;
      if (where[name] === "session") return t("agents.mcp.secret_session");
      if (where[name] === "nowhere") return problem ? problem.message : t("agents.mcp.secret_lost");
      return "";
    });
  } catch {
    // the form works without; a check says what is wrong with the keyring
  }
}

/** At the secrets of what was pasted. */
function tellHeld() {
  for (const one of Object.values(rows)) one.kept((name) => (held.includes(name) ? `${used(name)}${t("agents.mcp.secret_pasted")}` : ""));
}

/** Where a secret goes that something refers to. @param {string} name */
function used(name) {
  const reference = `\${secret:${name}}`;
  const words = [line("args").value, line("url").value, ...Object.values(rows).flatMap((one) => one.get().map((row) => row.value))];
  return words.some((word) => word.includes(reference)) ? `${t("agents.mcp.secret_used", { reference })} ` : "";
}

// --- the tools ---------------------------------------------------------------------------------------------

/** Those the server named, and those that need no question although it has not been asked since. */
function fillTools() {
  const known = tools.get(shown?.id ?? "") ?? [];
  const always = shown?.always ?? [];
  const others = always.filter((name) => !known.some((one) => one.name === name));
  const all = [...known, ...others.map((name) => ({ name, description: "" }))];
  el("mcp-tools-help").textContent =
    known.length > 0 ? t("agents.mcp.tools_found", { count: known.length }) : t("agents.mcp.tools_always");
  const off = shown?.off ?? [];
  const given = known.filter((one) => !one.left_out && !off.includes(one.name)).length;
  if (given > MOST_OFFERED) el("mcp-tools-help").textContent += ` ${t("agents.mcp.tools_many", { limit: MOST_OFFERED })}`;
  const choices = make("li", { class: "choices" }, [
    choice(t("agents.mcp.tools_all"), () => []),
    choice(t("agents.mcp.tools_none"), () => known.map((one) => one.name)),
  ]);
  el("mcp-tools-list").replaceChildren(
    ...(known.length > 1 ? [choices] : []),
    ...all.map((one) => toolRow(one, always.includes(one.name), known.length > 0)),
  );
  show("mcp-tools", all.length > 0);
}

/** @param {string} words @param {() => string[]} off */
function choice(words, off) {
  const act = make("button", { type: "button", class: "quiet" }, [words]);
  act.disabled = locked;
  act.addEventListener("click", () => void switchOff(off()));
  return act;
}

/** @param {string[]} off the tools that no agent is given */
async function switchOff(off) {
  const focused = document.activeElement instanceof HTMLInputElement ? document.activeElement.value : "";
  await tried(async () => {
    house.changed(await call("mcp.tools_off", { id: shown?.id ?? "", off }));
    const box = [.../** @type {NodeListOf<HTMLInputElement>} */ (el("mcp-tools-list").querySelectorAll("input"))];
    (box.find((one) => one.value === focused) ?? el("mcp-title")).focus();
  });
}

/** @param {Tool} tool @param {boolean} always @param {boolean} known whether the server was asked */
function toolRow(tool, always, known) {
  const words = make("div", { class: "words" }, [make("code", {}, [tool.name])]);
  if (tool.description) words.append(make("p", { class: "soft small" }, [tool.description]));
  if (tool.remark) words.append(make("p", { class: "soft small" }, [tool.remark]));
  const row = make("li", {}, [words]);
  if (known && !tool.left_out && shown?.id) {
    const off = shown.off;
    const box = make("input", { type: "checkbox", value: tool.name, "aria-label": t("agents.mcp.tool_use_label", { name: tool.name }) });
    box.checked = !off.includes(tool.name);
    box.disabled = locked;
    box.addEventListener("change", () =>
      void switchOff(box.checked ? off.filter((one) => one !== tool.name) : [...off, tool.name]),
    );
    row.append(make("label", { class: "choice" }, [box, t("agents.mcp.tool_use")]));
  }
  if (!always) return row;
  const back = make("button", { type: "button", "aria-label": t("agents.mcp.ask_again_label", { name: tool.name }) }, [
    t("agents.mcp.ask_again"),
  ]);
  back.disabled = locked;
  back.addEventListener("click", () =>
    void tried(async () => {
      house.changed(await call("mcp.ask_again", { id: shown?.id ?? "", tool: tool.name }));
      el("mcp-title").focus();
    }),
  );
  row.append(make("div", { class: "allowed" }, [make("span", { class: "badge" }, [t("agents.mcp.always")]), back]));
  return row;
}

// --- checking and saving -----------------------------------------------------------------------------------

/** @param {boolean} busy */
function lock(busy) {
  const off = busy || locked;
  for (const name of LINES) line(name).readOnly = off;
  for (const one of transports()) one.disabled = off;
  for (const one of Object.values(rows)) one.lock(off);
  button("mcp-save").disabled = off;
  button("mcp-remove").disabled = off;
  lockSignIn(off);
  el("mcp-save-words").textContent = busy ? t("forms.key_checking") : t("agents.endpoint_save");
  show("mcp-cancel", busy);
  if (busy) button("mcp-cancel").focus();
}

/** The sign-in that the last check was sent with: what is saved after it belongs to it. @type {import("./mcp_sign_in.js").Wanted | null} */
let signedIn = null;

/** @param {{keep?: string, unchecked?: boolean, signIn?: boolean}} [how] */
async function submit({ keep = "keyring", unchecked = false, signIn = false } = {}) {
  if (check.isOn || !shown) return;
  signedIn = signIn ? wanted() : keep === "session" ? signedIn : null;
  clear();
  const of = shown;
  const form = typed();
  const doing = form.transport === "http" ? t("agents.mcp.doing_http") : t("agents.mcp.doing_stdio");
  el("mcp-doing").textContent = signIn ? t("agents.mcp.doing_sign_in") : doing;
  const running = check.run({ id: of.id, ...form, keep, unchecked, pasted: of.id ? -1 : pasted, ...signedIn });
  void follow();
  const ended = await running;
  if (!ended) return;
  const { outcome, error } = ended;
  el("mcp-doing").textContent = "";
  if (error) {
    if (shown?.id === of.id) refused(error, outcome?.can_save === true, outcome);
    return;
  }
  if (outcome?.cancelled) saysStopped();
  if (!outcome || outcome.cancelled) return;
  drafts.delete(of.id);
  if (!of.id) [pasted, held] = [-1, []];
  if (!unchecked) tools.set(outcome.id, outcome.tools);
  const here = shown?.id === of.id;
  if (here) shown = null;
  house.changed(outcome.state);
  if (!here) return;
  await house.open(outcome.id);
  el("mcp-doing").textContent = unchecked
    ? t("agents.mcp.saved_unchecked")
    : outcome.moved.length > 0
      ? t("agents.mcp.moved", { names: outcome.moved.join(", ") })
    : outcome.tools.length === 0
      ? t("agents.mcp.works_none")
      : signIn
        ? t("agents.mcp.sign_in_works")
        : t("agents.mcp.works");
  el("mcp-doing").scrollIntoView({ block: "center" });
}

/** What is told of a start that takes its time, as long as the check goes on. */
async function follow() {
  const first = el("mcp-doing").textContent;
  while (check.isOn) {
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY));
    if (!check.isOn) return;
    try {
      const { text } = await call("mcp.progress");
      if (check.isOn) el("mcp-doing").textContent = text || first;
    } catch {
      // told with the next, or with the check's own answer
    }
  }
}

/** @param {Described} error @param {boolean} canSave @param {import("./mcp_sign_in.js").Offer | null} offer */
function refused(error, canSave, offer) {
  show("mcp-anyway", canSave);
  const [field, ...place] = (error.field ?? "").split(".");
  if (field === "variables" || field === "headers") {
    rows[field].error(place.join("."), error);
    return;
  }
  if (offerError(field ?? "", error)) return;
  const one = LINES.find((name) => name === field);
  if (one) {
    fieldError(`mcp-${one}`, error);
    line(one).focus();
    return;
  }
  el("mcp-detail").textContent = error.detail;
  show("mcp-details", error.detail !== "");
  refuse("mcp", error, canSave);
  if (offer) showOffer(offer);
}

async function signOut() {
  const of = shown;
  if (!of) return;
  await tried(async () => {
    house.changed(await call("mcp.sign_out", { id: of.id }, { limit: CHECK_LIMIT }));
    if (shown?.id !== of.id) return;
    showSignedIn("nowhere", "");
    el("mcp-doing").textContent = t("agents.mcp.signed_out");
    button("mcp-save").focus();
  });
}

async function cancel() {
  if (await check.stop()) saysStopped();
}

/** The check's own answer may come before the one to the wish to stop it: whichever comes first says it. */
function saysStopped() {
  el("mcp-doing").textContent = t("agents.cancelled");
  button("mcp-save").focus();
}

async function remove() {
  const of = shown;
  if (!of) return;
  const yes = await ask({
    title: t("agents.remove_title", { name: of.name }),
    text: of.users > 0 ? t("agents.mcp.remove_used", { count: of.users }) : t("agents.mcp.remove_text"),
    yes: t("agents.mcp.remove_yes"),
  });
  if (yes === null) return;
  await tried(async () => {
    const state = await call("mcp.remove", { id: of.id }, { limit: CHECK_LIMIT });
    drafts.delete(of.id);
    tools.delete(of.id);
    shown = null;
    house.changed(state);
    house.removed();
  });
}

// --- filling the form from elsewhere -------------------------------------------------------------------------

/** A line as in a terminal goes into its places. */
async function splitCommand() {
  const whole = line("command").value.trim();
  if (!/\s/.test(whole)) return;
  try {
    const { command, args } = await call("mcp.command", { line: whole });
    if (line("command").value.trim() !== whole || args.length === 0) return;
    line("command").value = command;
    line("args").value = [...args, line("args").value.trim()].filter(Boolean).join("\n");
  } catch (error) {
    fieldError("mcp-command", described(error));
  }
}

// --- building ------------------------------------------------------------------------------------------------

/**
 * @param {string} into @param {string} name @param {string} label
 * @param {{help: string, mono?: boolean, area?: boolean, hint?: string}} manner
 */
function field(into, name, label, { help, mono = true, area = false, hint = "" }) {
  const id = `mcp-${name}`;
  const control = area ? make("textarea", { id, rows: "3" }) : make("input", { id, type: "text", placeholder: hint });
  control.autocomplete = "off";
  control.spellcheck = false;
  control.setAttribute("autocapitalize", "off");
  if (mono) control.classList.add("mono");
  const error = make("p", { class: "error", id: `${id}-error`, role: "alert" });
  error.hidden = true;
  control.addEventListener("input", () => {
    if (control.hasAttribute("aria-invalid")) fieldError(`mcp-${name}`, "");
  });
  el(into).append(
    make("div", { class: "field" }, [make("label", { for: id }, [label]), control, error, make("p", { class: "help", id: `${id}-help` }, [help])]),
  );
}

/** @param {typeof house} around */
export function wireServer(around) {
  house = around;
  field("mcp-block-place", "block", t("agents.mcp.block"), { help: t("agents.mcp.block_help"), area: true });
  field("mcp-name-place", "name", t("agents.endpoint_name"), { help: t("agents.mcp.name_help"), mono: false });
  field("mcp-stdio", "command", t("agents.mcp.command"), { help: t("agents.mcp.command_help"), hint: "npx" });
  field("mcp-stdio", "args", t("agents.mcp.args"), {
    help: t("agents.mcp.args_help", { reference: "${secret:NAME}" }),
    area: true,
  });
  field("mcp-stdio", "folder", t("agents.mcp.folder"), { help: t("agents.mcp.folder_help") });
  field("mcp-http", "url", t("forms.endpoint.address"), { help: t("agents.mcp.url_help"), hint: "https://host/mcp" });
  for (const kind of TRANSPORTS) {
    const one = make("input", { type: "radio", name: "mcp-transport", value: kind });
    one.addEventListener("change", arrange);
    el("mcp-transport").append(make("label", {}, [one, kind === "stdio" ? t("agents.mcp.stdio") : t("agents.mcp.http")]));
    el(`mcp-${kind}`).append(make("div", { id: `mcp-${kind}-rows`, class: "field" }));
  }
  const bearer = make("button", { type: "button", class: "quiet" }, [t("agents.mcp.bearer_add")]);
  rows = {
    variables: rowsEditor("mcp-stdio-rows", {
      label: t("agents.mcp.variables"),
      help: t("agents.mcp.variables_help"),
      add: t("agents.mcp.variable_add"),
      row: (n) => t("agents.mcp.variable_number", { n }),
    }),
    headers: rowsEditor("mcp-http-rows", {
      label: t("agents.mcp.headers"),
      help: t("agents.mcp.headers_help"),
      add: t("agents.mcp.header_add"),
      row: (n) => t("agents.mcp.header_number", { n }),
      extra: bearer,
    }),
  };
  bearer.addEventListener("click", () => rows.headers.add({ name: "Authorization", value: "", secret: true }));
  line("command").addEventListener("change", () => void splitCommand());
  wirePaste({
    fill: (form, names, which) => {
      [pasted, held] = [which, names];
      put(form);
      clear();
      tellHeld();
      el("mcp-doing").textContent = form.transport === "http" ? t("agents.mcp.filled_http") : t("agents.mcp.filled_stdio");
      line("name").focus();
    },
    error: (message) => fieldError("mcp-block", message),
  });
  wireCheck("mcp", (how) => void submit(how));
  wireSignIn({ begin: () => void submit({ signIn: true }), out: () => void signOut() });
  button("mcp-cancel").addEventListener("click", () => void tried(cancel));
  button("mcp-remove").addEventListener("click", () => void remove());
}
