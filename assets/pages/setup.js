// @ts-check
/** The page of the first launch: takes the key and the workflow id, has both checked, shows what is wrong where it belongs. */

import { BridgeError, call, on } from "./bridge.js";
import { copyText } from "./clipboard.js";
import { applyLook } from "./look.js";
import { button, CHECK_LIMIT, described, el, input, part, sentence, show, SHOW_AFTER } from "./parts.js";
import { applyTexts, setTexts, t } from "./texts.js";

/**
 * @typedef {import("./parts.js").Described} Described
 * @typedef {{present: boolean, lasting: boolean, store: string, problem: Described | null}} KeyStatus
 * @typedef {{key: boolean, workflow: string, version: string, file: string, api_host: string, found: string[], ignored: string[]}} Imported
 * @typedef {{
 *   texts: Record<string, string>, look: import("./look.js").Look, app: string, icon: string, host: string, again: boolean,
 *   asks_workflow: boolean, workflow_from: string, workflow: string, version: string, env_name: string, ended: boolean, links: Record<string, string>
 * }} Start
 * @typedef {"key" | "workflow" | "version"} Field
 */

/** @type {readonly Field[]} */
const FIELDS = ["key", "workflow", "version"];

const form = part("form", HTMLFormElement);

/** @type {Start | null} */
let start = null;
/** @type {KeyStatus | null} */
let stored = null;
/** Whom the key is sent to: the settings' API, or the one that an imported file names with its key. */
let host = "";
/** Whether a key was imported and waits on the other side; the page never sees it. */
let pending = false;
/** The number of the check under way, 0 for none. */
let check = 0;
let checks = 0;
/** The version's field may take a person by surprise: it opens by itself when it has a value or an error. */
const more = part("more", HTMLDetailsElement);

// --- errors: in the place of the help, or in the banner ------------------------------------------

/** @param {Field} field @param {Described | null} error */
function fieldError(field, error) {
  const place = el(`${field}-error`);
  place.textContent = error ? sentence(error) : "";
  place.hidden = error === null;
  show(`${field}-help`, error === null);
  input(field).setAttribute("aria-describedby", error ? place.id : `${field}-help`);
  if (error) input(field).setAttribute("aria-invalid", "true");
  else input(field).removeAttribute("aria-invalid");
}

/** @param {string} code */
function fromKeyring(code) {
  return code.startsWith("keyring_");
}

/**
 * @param {Described} error
 * @param {boolean} canSave whether saving without a check is offered
 */
function banner(error, canSave) {
  el("banner-message").textContent = error.message;
  el("banner-hint").textContent = error.hint;
  el("banner-detail").textContent = error.detail;
  show("banner-more", error.detail !== "");
  show("retry", true);
  show("use-session", fromKeyring(error.code));
  if (fromKeyring(error.code)) show("keyring", false); // said once
  show("save-anyway", canSave);
  show("banner", true);
  el("banner").scrollIntoView({ block: "nearest" });
}

function clearErrors() {
  for (const field of FIELDS) fieldError(field, null);
  show("banner", false);
  el("doing").textContent = "";
}

/** @param {unknown} thrown @param {boolean} canSave */
function showError(thrown, canSave) {
  const error = described(thrown);
  const field = FIELDS.find((name) => name === error.field);
  const asked = start !== null && (field === "key" || start.asks_workflow);
  if (!field || !asked) {
    banner(error, canSave);
    return;
  }
  if (field === "version") more.open = true;
  fieldError(field, error);
  const place = input(field);
  if (place.closest("[hidden]")) button("key-other").focus();
  else place.focus();
}

// --- what is known ---------------------------------------------------------------------------------

/** @param {Start} given */
function fill(given) {
  start = given;
  host = given.host;
  setTexts(given.texts);
  applyTexts();
  applyLook(given.look);
  el("heading").textContent = given.again ? t("setup.title_again") : t("setup.title", { app: given.app });
  el("icon").setAttribute("src", given.icon);
  fillWhere(given.host);
  el("ends").textContent = given.ended ? t("setup.ended") : t("setup.ends");
  input("workflow").value = given.workflow;
  input("version").value = given.version;
  more.open = given.version !== "";
  show("workflow-field", given.asks_workflow);
  show("more", given.asks_workflow);
  fillFixed(given);
  show("import-dotenv", given.workflow_from !== "brand");
  show("back", given.again);
  show("import-env", given.env_name !== "");
  button("import-env").textContent = t("setup.import_env", { name: given.env_name });
  for (const link of document.querySelectorAll("a[data-link]")) {
    link.setAttribute("href", given.links[link.getAttribute("data-link") || ""] || "#");
  }
}

/** The workflow that the command line or the environment names can't be changed here, only seen. @param {Start} given */
function fillFixed(given) {
  const values = { id: given.workflow };
  if (given.workflow_from === "command_line") el("fixed-workflow").textContent = t("setup.workflow_from_command_line", values);
  if (given.workflow_from === "environment") el("fixed-workflow").textContent = t("setup.workflow_from_environment", values);
  show("fixed-workflow", el("fixed-workflow").textContent !== "");
}

/** Where the key is kept and whom it is sent to. @param {string} host */
function fillWhere(host) {
  const values = { store: stored?.store ?? "", host };
  if (!stored) el("where").textContent = t("setup.where_unknown", values);
  else if (stored.lasting) el("where").textContent = t("setup.where_keyring", values);
  else el("where").textContent = t("setup.where_session", values);
}

/** @param {KeyStatus} status */
function fillStatus(status) {
  stored = status;
  if (!start) return;
  fillWhere(host);
  show("keyring", status.problem !== null);
  if (status.problem) {
    el("keyring-message").textContent = status.problem.message;
    el("keyring-hint").textContent = status.problem.hint;
  }
  input("session-only").checked = !status.lasting;
  if (status.present) input("key").placeholder = t("setup.key_kept");
}

/** @param {string} name where the pending key comes from */
function showPending(name) {
  pending = true;
  el("key-pending-words").textContent = t("setup.key_from", { name });
  show("key-pending", true);
  show("key-typed", false);
  show("import-env", false);
  fieldError("key", null);
}

function dropPending() {
  pending = false;
  show("key-pending", false);
  show("key-typed", true);
  show("import-env", start !== null && start.env_name !== "");
  show("address", false);
  host = start?.host ?? "";
  fillWhere(host);
  input("key").focus();
  call("setup.drop_key").catch(() => undefined); // the page no longer asks for it either way
}

// --- the check ---------------------------------------------------------------------------------------

/** @param {boolean} busy */
function underWay(busy) {
  form.setAttribute("aria-busy", String(busy));
  button("submit").disabled = busy;
  el("submit-words").textContent = busy ? t("setup.checking") : t("setup.submit");
  for (const field of FIELDS) input(field).readOnly = busy;
  for (const id of ["key-other", "import-env", "import-dotenv", "back"]) button(id).disabled = busy;
  show("cancel", busy);
  if (busy) button("cancel").focus();
}

/** @param {{session?: boolean, unchecked?: boolean}} [how] */
async function submit({ session = false, unchecked = false } = {}) {
  if (check !== 0 || !start) return;
  clearErrors();
  if (input("key").value.trim() === "" && !pending && !(stored && stored.present)) {
    fieldError("key", { code: "", message: t("setup.key_empty"), hint: "", retryable: false, field: "key", detail: "" });
    input("key").focus();
    return;
  }
  const mine = (check = ++checks);
  underWay(true);
  const doing = { host };
  el("doing").textContent = start.asks_workflow ? t("setup.doing_mint", doing) : t("setup.doing_mint_brand", doing);
  try {
    const outcome = await call(
      "setup.check",
      {
        number: mine,
        key: pending ? "" : input("key").value,
        use_pending: pending,
        workflow: input("workflow").value,
        version: input("version").value,
        keep: session || input("session-only").checked ? "session" : "keyring",
        unchecked,
      },
      { limit: CHECK_LIMIT },
    );
    if (check !== mine) return;
    finish();
    if (outcome.error) showError(new BridgeError(outcome.error), outcome.can_save);
    else if (!outcome.cancelled) el("doing").textContent = t("setup.done");
  } catch (error) {
    if (check !== mine) return;
    finish();
    showError(error, false);
  }
}

function finish() {
  check = 0;
  underWay(false);
  el("doing").textContent = "";
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
  el("doing").textContent = t("setup.cancelled");
  button("submit").focus();
}

// --- imports -------------------------------------------------------------------------------------------

async function importEnv() {
  const answer = await call("setup.import_env_key");
  showPending(answer.name);
  button("submit").focus();
}

async function importDotenv() {
  /** @type {Imported | null} */
  const found = await call("setup.import_dotenv", {}, { limit: 0 });
  if (!found) return;
  if (found.key) showPending(found.file);
  if (start?.asks_workflow && found.workflow) {
    input("workflow").value = found.workflow;
    fieldError("workflow", null);
  }
  if (start?.asks_workflow && found.version) {
    input("version").value = found.version;
    more.open = true;
  }
  if (found.api_host) {
    host = found.api_host;
    fillWhere(host);
    el("address").textContent = t("setup.address", { host });
  }
  show("address", found.api_host !== "");
  const file = found.file;
  const words = [
    found.found.length > 0
      ? t("setup.imported", { file, names: found.found.join(", ") })
      : t("setup.imported_nothing", { file }),
  ];
  if (found.ignored.length > 0) words.push(t("setup.ignored", { names: found.ignored.join(", ") }));
  el("imported").textContent = words.join(" ");
  show("imported", true);
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
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void submit();
  });
  button("cancel").addEventListener("click", () => void tried(cancel));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && check !== 0) void tried(cancel);
  });
  button("retry").addEventListener("click", () => void submit());
  button("use-session").addEventListener("click", () => void submit({ session: true }));
  button("save-anyway").addEventListener("click", () => void submit({ unchecked: true }));
  button("key-other").addEventListener("click", dropPending);
  button("import-env").addEventListener("click", () => void tried(importEnv));
  button("import-dotenv").addEventListener("click", () => void tried(importDotenv));
  button("back").addEventListener("click", () => void tried(() => call("setup.close")));
  button("key-show").addEventListener("click", () => {
    const shown = input("key").type === "password";
    input("key").type = shown ? "text" : "password";
    const words = shown ? t("setup.key_hide") : t("setup.key_show");
    button("key-show").setAttribute("aria-pressed", String(shown));
    button("key-show").setAttribute("aria-label", words);
    button("key-show").title = words;
  });
  button("banner-copy").addEventListener("click", async () => {
    const done = await copyText(el("banner-detail").textContent || "");
    if (done) button("banner-copy").textContent = t("setup.copied");
  });
  for (const field of FIELDS) {
    input(field).addEventListener("input", () => {
      if (input(field).hasAttribute("aria-invalid")) fieldError(field, null);
    });
  }
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a[data-link]") : null;
    if (!link) return;
    event.preventDefault();
    const name = link.getAttribute("data-link") || "";
    void tried(() => call("app.open_link", { link: name }));
  });
  on("keyring.waiting", (data) => {
    el("doing").textContent = t("setup.waiting", { store: String(data?.store ?? "") });
  });
}

async function begin() {
  const page = el("page");
  const late = setTimeout(() => show("skeleton", true), SHOW_AFTER);
  try {
    fill(await call("setup.start"));
    wire();
  } finally {
    clearTimeout(late);
    show("skeleton", false);
    show("form", true);
    page.removeAttribute("aria-busy");
  }
  input("key").focus();
  fillStatus(await call("setup.key_status", {}, { limit: CHECK_LIMIT }));
  if (check === 0) el("doing").textContent = "";
}

begin().catch((error) => banner(described(error), false));
