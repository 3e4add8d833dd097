// @ts-check
/** The page of the first launch: the ways to begin, the form of the chosen one, and what is wrong where it belongs. */

import { BridgeError, call, on } from "../common/bridge.js";
import { copyText } from "../common/clipboard.js";
import { wireCheck } from "../common/checked_form.js";
import { combobox } from "../common/combobox.js";
import { focusable, hold } from "../common/endpoint_form.js";
import { followLook } from "../common/look.js";
import { banner, button, CHECK_LIMIT, described, el, forgiving, input, make, part, show, SHOW_AFTER } from "../common/parts.js";
import { answered } from "../common/http_question.js";
import { fillEndpoint, fillModels, looks, values, wireEndpoint } from "./endpoint.js";
import { ALL, clearErrors, complain, fieldError, fieldOf, focusFirst, tellForm } from "./fields.js";
import { beginKey, dropPending, fillKeyring, fillStatus, fillWhere, hasKey, importDotenv, importEnv, key } from "./key.js";
import { wireSecret } from "../common/secret.js";
import { applyTexts, setTexts, t } from "../common/texts.js";

/**
 * @typedef {import("../common/parts.js").Described} Described
 * @typedef {import("./fields.js").Way} Way
 * @typedef {{error: Described | null, can_save: boolean, cancelled: boolean, models?: string[]}} Outcome
 * @typedef {{
 *   texts: Record<string, string>, look: import("../common/look.js").Look, notices: Described[], app: string, icon: string,
 *   host: string, again: boolean,
 *   way: Way | "", chooses: boolean, asks_workflow: boolean, workflow_from: string, workflow: string, version: string,
 *   default_model: string, model: string, endpoint: {address: string, api: string} | null,
 *   env_name: string, ended: boolean, links: Record<string, string>
 * }} Start
 */

const form = part("form", HTMLFormElement);

/** @type {Start | null} */
let start = null;
/** The form that is shown. @type {Way} */
let way = "workflow";
/** The number of the check under way, 0 for none. */
let check = 0;
let checks = 0;
/** The version's field may take a person by surprise: it opens by itself when it has a value or an error. */
const more = part("more", HTMLDetailsElement);
/** @type {import("../common/combobox.js").Combobox | null} */
let keyModels = null;

/** @param {unknown} thrown @param {boolean} canSave */
function showError(thrown, canSave) {
  const error = described(thrown);
  const field = fieldOf(way, error.field);
  const asked = start !== null && (way !== "workflow" || field === "key" || start.asks_workflow);
  if (!field || !asked) {
    tellForm(error, canSave);
    return;
  }
  if (field === "version") more.open = true;
  fieldError(field, error);
  const place = focusable(field);
  if (place.closest("[hidden]")) button("key-other").focus();
  else place.focus();
}

// --- what is known ---------------------------------------------------------------------------------

/** @param {Start} given */
function fill(given) {
  start = given;
  setTexts(given.texts);
  applyTexts();
  followLook(given.look);
  for (const id of ["icon", "ways-icon"]) el(id).setAttribute("src", `../${given.icon}`);
  el("ways-heading").textContent = t("setup.title", { app: given.app });
  el("ends").textContent = given.ended ? t("setup.ended") : t("setup.ends");
  input("workflow").value = given.workflow;
  input("version").value = given.version;
  input("key-model").value = given.way === "key" ? given.model : "";
  more.open = given.version !== "";
  fillFixed(given);
  fillNotices(given.notices);
  for (const id of ["back", "ways-close"]) show(id, given.again);
  beginKey(given.host, given.env_name);
  for (const link of document.querySelectorAll("a[data-link]")) {
    link.setAttribute("href", given.links[link.getAttribute("data-link") || ""] || "#");
  }
  for (const words of document.querySelectorAll("[data-needs]")) {
    words.toggleAttribute("hidden", !given.links[words.getAttribute("data-needs") || ""]);
  }
}

/** What is wrong with the settings file: whoever lost an agent to it comes here first. @param {Described[]} notices */
function fillNotices(notices) {
  el("notices").replaceChildren(
    ...notices.map(({ message, hint }) =>
      make("div", { class: "banner warning" }, [
        make("div", { class: "words" }, [make("strong", {}, [message]), ` ${hint}`]),
      ]),
    ),
  );
  show("notices", notices.length > 0);
}

// --- the ways ----------------------------------------------------------------------------------------

/** Only what the chosen way asks for is shown; what was typed for another one stays in its fields. @param {Way} wanted */
function showForm(wanted) {
  if (!start) return;
  way = wanted;
  const { asks_workflow: asks, again, app, chooses } = start;
  form.dataset["way"] = way;
  for (const field of /** @type {const} */ (["address", "endpoint-key", "api"])) show(`${field}-field`, way === "endpoint");
  show("endpoint-model-field", way === "endpoint" && (input("endpoint-model").value !== "" || listed));
  show("key-field", way === "key" || way === "workflow");
  show("key-model-field", way === "key" && asked);
  show("workflow-field", way === "workflow" && asks);
  show("more", way === "workflow" && asks);
  show("ends", way === "workflow");
  show("import-dotenv", (way === "workflow" || way === "key") && start.workflow_from !== "brand");
  show("imported-address", way !== "endpoint" && key.host !== key.usual);
  show("fixed-workflow", way === "workflow" && el("fixed-workflow").textContent !== "");
  show("other-ways", chooses);
  show("icon", !chooses);
  el("heading").textContent = heading(again, chooses, app);
  fillWhere(way);
  fillKeyring(way);
  words();
  show("ways", false);
  show("form", true);
}

/** Whether the endpoint's list of models has come, and whether another model for the key has to be chosen. */
let listed = false;
let asked = false;

/** @param {boolean} again @param {boolean} chooses @param {string} app */
function heading(again, chooses, app) {
  if (again && way === "workflow") return t("setup.title_again");
  if (again && way === "key") return t("setup.title_key_again");
  if (!chooses || way === "none") return t("setup.title", { app });
  if (way === "key") return t("setup.title_key");
  return way === "workflow" ? t("setup.title_workflow") : t("setup.title_endpoint");
}

/** The words on the button say what comes next. */
function words() {
  if (check !== 0) el("submit-words").textContent = t("setup.checking");
  else if (way === "none") el("submit-words").textContent = t("setup.start");
  else if (way === "endpoint" && looks()) el("submit-words").textContent = t("setup.find_models");
  else el("submit-words").textContent = t("setup.submit");
}

/** @param {boolean} [focus] on the card of the form that is left */
function showWays(focus = true) {
  clearErrors();
  show("form", false);
  show("ways", true);
  if (focus) button(`way-${way === "none" ? "demo" : way}`).focus();
}

/** @param {string | null} wanted */
async function choose(wanted) {
  if (wanted === "key" || wanted === "workflow" || wanted === "endpoint") {
    clearErrors();
    showForm(wanted);
    focusFirst(way);
    return;
  }
  await begun();
}

/** The demo, or an agent that comes with the app and asks for nothing. */
async function begun() {
  show("ways-banner", false);
  try {
    await call("setup.demo");
  } catch (thrown) {
    const error = described(thrown);
    if (el("ways").hidden) return tellForm(error, false);
    banner("ways-banner", error);
  }
}

/** The workflow that the command line or the environment names can't be changed here, only seen. @param {Start} given */
function fillFixed(given) {
  const values = { id: given.workflow };
  if (given.workflow_from === "command_line") el("fixed-workflow").textContent = t("setup.workflow_from_command_line", values);
  if (given.workflow_from === "environment") el("fixed-workflow").textContent = t("setup.workflow_from_environment", values);
}

// --- the check ---------------------------------------------------------------------------------------

/** @param {boolean} busy */
function underWay(busy) {
  form.setAttribute("aria-busy", String(busy));
  button("submit").disabled = busy;
  words();
  hold(ALL, busy);
  for (const id of ["key-other", "import-env", "import-dotenv", "back", "other-ways"]) button(id).disabled = busy;
  show("cancel", busy);
  if (busy) button("cancel").focus();
}

/** Whether a field that can't be empty is. */
function incomplete() {
  if (way === "endpoint") {
    if (input("address").value.trim() !== "") return false;
    complain("address", t("forms.endpoint.address_empty"));
    return true;
  }
  if (way === "none" || input("key").value.trim() !== "" || hasKey()) return false;
  complain("key", t("setup.key_empty"));
  return true;
}

/** @param {{session?: boolean, unchecked?: boolean, plain?: boolean}} [how] */
async function submit({ session = false, unchecked = false, plain = false } = {}) {
  if (check !== 0 || !start) return;
  clearErrors();
  if (incomplete()) return;
  if (way === "none") return begun();
  const mine = (check = ++checks);
  const look = way === "endpoint" && looks();
  underWay(true);
  el("setup-doing").textContent = doing(look);
  try {
    const keep = session || (way !== "endpoint" && input("session-only").checked) ? "session" : "keyring";
    /** @type {Outcome} */
    const outcome = await send(mine, look, { keep, unchecked, ...(plain ? { plain } : {}) });
    if (check !== mine) return;
    finish();
    const more = outcome.error ? await answered(outcome.error, { address: input("address").value, plain }) : null;
    if (more) {
      if (way === "endpoint") input("address").value = String(more["address"]);
      return await submit({ session, unchecked, plain: more["plain"] === true });
    }
    ended(outcome, look);
  } catch (error) {
    if (check !== mine) return;
    finish();
    showError(error, false);
  }
}

/** @param {number} number @param {boolean} look @param {{keep: string, unchecked: boolean, plain?: boolean}} how @returns {Promise<Outcome>} */
function send(number, look, how) {
  const limit = { limit: CHECK_LIMIT };
  if (way === "endpoint") return call("setup.check_endpoint", { number, ...values(), ...how, saves: !look }, limit);
  const given = { number, key: key.pending ? "" : input("key").value, use_pending: key.pending, ...how };
  if (way === "key") return call("setup.check_key", { ...given, model: asked ? input("key-model").value : "" }, limit);
  const workflow = { workflow: input("workflow").value, version: input("version").value };
  return call("setup.check", { ...given, ...workflow }, limit);
}

/** @param {boolean} look */
function doing(look) {
  const whom = { host: key.host };
  if (way === "key") return t("setup.doing_key", whom);
  if (way === "workflow") return start?.asks_workflow ? t("setup.doing_mint", whom) : t("setup.doing_mint_brand", whom);
  const there = { host: input("address").value.trim().replace(/^\w+:\/\//, "").replace(/\/.*$/, "") };
  return look ? t("setup.doing_models", there) : t("setup.doing_endpoint", there);
}

/** @param {Outcome} outcome @param {boolean} look */
function ended(outcome, look) {
  if (outcome.cancelled) return;
  const error = outcome.error;
  if (way === "endpoint" && (!error || error.field === "model")) {
    listed = true;
    fillModels(outcome.models ?? []);
  }
  if (way === "key" && error?.field === "model") {
    const usual = !asked && start ? t("setup.model_other", { model: start.model || start.default_model }) : "";
    asked = true;
    show("key-model-field", true);
    keyModels?.options(outcome.models ?? []);
    showError(new BridgeError({ ...error, message: usual || error.message }), false);
    return;
  }
  // A server that can't be asked now can be saved all the same: then its model has to be named.
  if (error && look && outcome.can_save) show("endpoint-model-field", true);
  if (error) return showError(new BridgeError(error), outcome.can_save && !look);
  if (look) return input("endpoint-model").focus();
  if (way === "key") el("setup-doing").textContent = t("setup.done_key");
  else el("setup-doing").textContent = way === "workflow" ? t("setup.done") : t("setup.done_endpoint");
}

function finish() {
  check = 0;
  underWay(false);
  el("setup-doing").textContent = "";
}

async function cancel() {
  const number = check;
  if (number === 0) return;
  const { stopped } = await call("setup.cancel", { number });
  if (check !== number) return;
  if (!stopped) {
    show("cancel", false); // it is being saved; its answer is on the way
    return;
  }
  finish();
  el("setup-doing").textContent = t("setup.cancelled");
  button("submit").focus();
}

/** @param {() => Promise<void>} act */
async function tried(act) {
  if (check === 0) clearErrors();
  try {
    await act();
  } catch (error) {
    showError(error, false);
    show("retry", false);
  }
}

// --- wiring ----------------------------------------------------------------------------------------------

function wire() {
  wireCheck("setup", ({ keep, unchecked }) => void submit({ session: keep === "session", unchecked }));
  button("cancel").addEventListener("click", () => void tried(cancel));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && check !== 0) void tried(cancel);
  });
  button("retry").addEventListener("click", () => void submit());
  button("key-other").addEventListener("click", () => dropPending(way));
  button("import-env").addEventListener("click", () => void tried(importEnv));
  button("import-dotenv").addEventListener("click", () => void tried(() => importDotenv(way, start?.asks_workflow === true)));
  button("back").addEventListener("click", () => void tried(() => call("setup.close")));
  wireSecret("key");
  wireSecret("endpoint-key");
  wireEndpoint(words);
  keyModels = combobox(input("key-model"), { label: t("forms.endpoint.model"), show: t("forms.endpoint.models_show") });
  button("other-ways").addEventListener("click", () => showWays());
  button("to-server").addEventListener("click", () => void tried(() => call("app.open_server")));
  button("ways-close").addEventListener("click", () => void tried(() => call("setup.close")));
  for (const card of document.querySelectorAll("button.way")) {
    card.addEventListener("click", () => void choose(card.getAttribute("data-way")));
  }
  button("banner-copy").addEventListener("click", async () => {
    const done = await copyText(el("banner-detail").textContent || "");
    if (done) button("banner-copy").textContent = t("common.copied");
  });
  forgiving(ALL);
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a[data-link]") : null;
    if (!link) return;
    event.preventDefault();
    const name = link.getAttribute("data-link") || "";
    void tried(() => call("app.open_link", { link: name }));
  });
  on("keyring.waiting", (data) => {
    el("setup-doing").textContent = t("setup.waiting", { store: String(data?.store ?? "") });
  });
}

async function begin() {
  const page = el("page");
  const late = setTimeout(() => show("skeleton", true), SHOW_AFTER);
  try {
    const given = await call("setup.start");
    fill(given);
    wire();
    if (given.way === "endpoint") fillEndpoint(given.endpoint, given.model);
    if (given.way) showForm(given.way);
    else showWays(false);
  } catch (error) {
    show("form", true);
    throw error;
  } finally {
    clearTimeout(late);
    show("skeleton", false);
    page.removeAttribute("aria-busy");
  }
  if (start?.way) focusFirst(way);
  fillStatus(await call("setup.key_status", {}, { limit: CHECK_LIMIT }), way);
  if (check === 0) el("setup-doing").textContent = "";
}

begin().catch((error) => tellForm(described(error), false));
