// @ts-check
/** The settings page: which fields there are, the sections, and what is not a field. Every change is saved by itself. */

import { call, on } from "../common/bridge.js";
import { copyPromised } from "../common/clipboard.js";
import { ask } from "../common/dialog.js";
import { applyLook } from "../common/look.js";
import { button, CHECK_LIMIT, described, el, input, make, part, sayIn, show, SHOW_AFTER, told } from "../common/parts.js";
import {
  area,
  caFile,
  fieldError,
  fields,
  fillField,
  hasError,
  number,
  reactions,
  segments,
  select,
  text,
  toggle,
  words,
  zoom,
} from "../common/fields.js";
import { lookFields, workflowFields } from "../common/field_groups.js";
import { loadKey, wireKey } from "./key.js";
import { fillPrompts, promptError, wirePrompts } from "../common/prompts.js";
import { between, failed, listen, tell, tried } from "../common/saving.js";
import { trialTells, wireTrial } from "../common/trial.js";
import { wireUpdates } from "./updates.js";
import { applyTexts, setTexts, t } from "../common/texts.js";

/**
 * @typedef {import("../common/parts.js").Described} Described
 * @typedef {import("../common/fields.js").Known} Known
 * @typedef {{host: string, agent: boolean, workflows: boolean, hosts: {lead: string, rows: Array<{host: string, purpose: string}>}, other: {kind: string, name: string, model?: string, host?: string} | null, look: import("../common/look.js").Look, fields: Record<string, Known>}} Values
 * @typedef {Values & {
 *   texts: Record<string, string>, app: string, icon: string, version: string, makers: string, profile: string,
 *   updates: {host: string, automatic: boolean},
 *   folder: string, section: string, ended: boolean, notices: Described[],
 *   links: string[]
 * }} Start
 */

const SECTIONS = /** @type {const} */ ([
  "agent",
  "key",
  "appearance",
  "chat",
  "assistant",
  "session",
  "network",
  "privacy",
  "about",
]);

/** @type {Start | null} */
let start = null;

function buildFields() {
  const app = start?.app ?? "";
  text("agent-fields", "agent.name", t("settings.agent_name"), {
    help: t("settings.agent_name_help", { app }),
    hint: app,
    typing: true,
  });
  workflowFields("agent-fields");

  lookFields("appearance-fields");
  segments(
    "appearance-fields",
    "chat.theme.typography.base_size",
    t("settings.text_size"),
    [14, 15, 16, 17, 18].map((n) => [n, t("settings.pixels", { n })]),
  );
  zoom("appearance-fields");
  select(
    "appearance-fields",
    "language",
    t("settings.language"),
    [
      ["auto", t("settings.language_auto")],
      ["en", t("settings.language_en")],
      ["fr", t("settings.language_fr")],
    ],
    { help: t("settings.language_help") },
  );

  text("chat-fields", "chat.greeting", t("forms.greeting"), { help: t("settings.greeting_help"), typing: true });
  text("chat-fields", "chat.placeholder", t("settings.placeholder"), { help: t("settings.placeholder_help"), typing: true });
  area("chat-fields", "chat.disclaimer.text", t("settings.disclaimer"), { help: t("settings.disclaimer_help") });

  toggle("behaviour-fields", "chat.header.enabled", t("settings.header"));
  toggle("behaviour-fields", "chat.history.enabled", t("settings.history"));
  toggle("behaviour-fields", "chat.history.show_delete", t("settings.history_delete"));
  toggle("behaviour-fields", "chat.history.show_rename", t("settings.history_rename"));
  toggle("behaviour-fields", "chat.feedback", t("settings.feedback"));
  toggle("behaviour-fields", "chat.retry", t("settings.retry_answer"));
  toggle("behaviour-fields", "chat.reopen_last_thread", t("settings.reopen"));
  toggle("behaviour-fields", "chat.auto_scroll", t("settings.auto_scroll"));

  number("assistant-fields", "assistant.message_limit", t("settings.message_limit"), {
    help: t("settings.message_limit_help"),
  });
  text("assistant-fields", "assistant.transcription_model", t("settings.transcription"), {
    help: t("settings.transcription_help"),
    mono: true,
  });
  toggle("assistant-fields", "assistant.titles", t("settings.assistant_titles"), {
    help: t("settings.assistant_titles_help"),
  });
  toggle("assistant-fields", "assistant.builtin_view", t("settings.builtin_view"), { help: t("settings.builtin_view_help") });
  toggle("assistant-fields", "assistant.tracing", t("settings.tracing"), { help: t("settings.tracing_help") });

  toggle("privacy-fields", "privacy.chatkit_telemetry", t("settings.telemetry"), { help: t("settings.telemetry_help") });
  toggle("privacy-fields", "privacy.remote_images", t("settings.images"), { help: t("settings.images_help") });

  number("session-fields", "session.expires_after_seconds", t("settings.expires"), { help: t("settings.expires_help") });
  number("session-fields", "session.requests_per_minute", t("settings.per_minute"), { help: t("settings.per_minute_help") });
  toggle("session-fields", "session.thread_titles", t("settings.titles"));
  toggle("session-fields", "session.history.enabled", t("settings.session_history"));
  number("session-fields", "session.history.recent_threads", t("settings.recent"), { help: t("settings.recent_help") });
  toggle("session-fields", "session.file_upload.enabled", t("settings.uploads"));
  number("session-fields", "session.file_upload.max_file_size", t("settings.upload_size"), {
    help: t("settings.upload_size_help"),
  });
  number("session-fields", "session.file_upload.max_files", t("settings.upload_count"), {
    help: t("settings.upload_count_help"),
  });

  text("network-fields", "network.api_base", t("settings.api_base"), { help: t("settings.api_base_help"), mono: true });
  text("network-fields", "network.proxy", t("settings.proxy"), { help: t("settings.proxy_help"), mono: true });
  caFile("network-more");
  number("network-more", "network.timeout_seconds", t("settings.timeout"), { help: t("settings.timeout_help") });

  select(
    "about-fields",
    "log_level",
    t("settings.log_level"),
    [
      ["INFO", t("settings.log_info")],
      ["DEBUG", t("settings.log_debug")],
    ],
    { help: t("settings.log_level_help") },
  );
  if (start?.updates.automatic) {
    toggle("about-fields", "check_for_updates", t("settings.updates"), {
      help: t("settings.updates_help", { host: start.updates.host }),
    });
  }
}


/** @param {Values} values */
function fillValues(values) {
  if (!start) return;
  const otherHost = values.host !== start.host;
  start = { ...start, ...values };
  applyLook(values.look);
  for (const [name, known] of Object.entries(values.fields)) {
    const field = fields.get(name);
    if (field) fillField(field, known);
  }
  fillPrompts(values.fields["chat.prompts"]);
  fillHosts(values.hosts);
  // A session is what a hosted workflow is asked for.
  for (const item of document.querySelectorAll('[data-section="session"], option[value="session"]')) {
    if (item instanceof HTMLElement) item.hidden = !values.workflows;
  }
  show("agent-none", !values.agent && values.other === null);
  show("agent-other", values.other !== null);
  if (values.other) {
    const { kind, name, model = "", host = "" } = values.other;
    el("agent-other-name").textContent = name;
    const inApp = model ? t("settings.agent_assistant", { model, host }) : "";
    el("agent-other-what").textContent = kind === "demo" ? t("settings.agent_demo") : inApp;
  }
  show("agent-ends", values.agent);
  show("agent-fields", values.agent);
  show("agent-trial", values.agent);
  el("key-lead").textContent = t("settings.key_lead", { host: values.host });
  if (otherHost) void loadKey(values.host);
}

/** A save went through, or did not: its field shows it. */
function listenToSaves() {
  listen({
    saved: (name, values) => {
      const field = fields.get(name);
      if (field) {
        field.dirty = false;
        fieldError(field, "");
      }
      fillValues(values);
      return ![...fields.values()].some(hasError);
    },
    refused: (name, error) => {
      const field = fields.get(name);
      if (name === "chat.prompts" && promptError(error)) return;
      if (field) fieldError(field, error);
      else failed(error);
    },
  });
  // What is checked is what is saved: not while a field of the agent says something else.
  reactions.push(() => {
    button("agent-check").disabled = [...fields.values()].some((one) => one.name.startsWith("agent.") && hasError(one));
  });
}

/** @param {Values["hosts"]} hosts */
function fillHosts({ lead, rows }) {
  el("hosts-lead").textContent = lead;
  el("hosts").replaceChildren(
    ...rows.map(({ host, purpose }) => make("tr", {}, [make("th", { scope: "row" }, [host]), make("td", {}, [purpose])])),
  );
}

// --- the other sections --------------------------------------------------------------------------------------

async function savePassword() {
  const typed = input("password").value;
  show("password-error", false);
  show("password-help", true);
  if (typed === "") return;
  try {
    const { where } = await call("proxy.save_password", { password: typed }, { limit: CHECK_LIMIT });
    input("password").value = "";
    input("password").placeholder = t("settings.proxy_password_stored");
    show("password-remove", true);
    el("password-help").textContent =
      where === "session" ? t("settings.proxy_password_session") : t("settings.proxy_password_help");
    tell("saved");
  } catch (error) {
    sayIn(el("password-error"), described(error));
    show("password-error", true);
    show("password-help", false);
  }
}

async function copyDiagnostics() {
  const text = call("diagnostics.copy").then((answer) => answer.text);
  const copied = await copyPromised(text);
  const all = await text;
  el("diagnostics-help").textContent = copied ? t("common.copied") : t("settings.copy_refused");
  el("diagnostics-text").textContent = all;
  show("diagnostics-text", !copied);
}

function wireOthers() {
  button("agent-all").addEventListener("click", () => void tried(() => call("app.open_agents")));
  button("agent-set-up").addEventListener("click", () => void tried(() => call("app.open_setup")));
  wireTrial("agent", async () => {
    trialTells("agent", t("settings.agent_checking", { host: start?.host ?? "" }));
    await call("agent.check", {}, { limit: CHECK_LIMIT });
    return t("forms.agent_works");
  });
  el("password-form").addEventListener("submit", (event) => {
    event.preventDefault();
    void savePassword();
  });
  button("password-remove").addEventListener("click", () =>
    tried(async () => {
      await call("proxy.remove_password", {}, { limit: CHECK_LIMIT });
      input("password").removeAttribute("placeholder");
      show("password-remove", false);
      tell("saved");
      input("password").focus();
    }),
  );
  button("forget").addEventListener("click", async () => {
    const yes = await ask({
      title: t("settings.forget_title"),
      text: t("settings.forget_confirm"),
      yes: t("settings.forget_yes"),
    });
    if (yes === null) return;
    await tried(async () => {
      await call("user.forget");
      el("forget-result").textContent = t("settings.forgotten");
    });
  });
  button("delete").addEventListener("click", async () => {
    const word = await ask({
      title: t("settings.delete_title"),
      text: t("settings.delete_text"),
      yes: t("settings.delete_yes"),
      word: t("settings.delete_word"),
    });
    if (word === null) return;
    await tried(async () => {
      await call("data.delete_all", { word }, { limit: CHECK_LIMIT });
      el("delete-result").textContent = t("settings.deleted");
    });
  });
  button("diagnostics").addEventListener("click", () => void tried(copyDiagnostics));
  button("logs").addEventListener("click", () => void tried(() => call("logs.open")));
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a[data-link]") : null;
    if (!link) return;
    event.preventDefault();
    void tried(() => call("app.open_link", { link: link.getAttribute("data-link") }));
  });
  document.addEventListener("keydown", (event) => {
    const closes = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "w";
    if (closes) void call("settings.close").catch(() => undefined);
  });
}

// --- sections ---------------------------------------------------------------------------------------------------

/** @param {string} wanted @param {boolean} [focus] */
function open(wanted, focus = false) {
  const copying = wanted === "diagnostics"; // a place in a section
  const section = SECTIONS.find((one) => one === (copying ? "about" : wanted)) ?? SECTIONS[0];
  for (const one of SECTIONS) show(one, one === section);
  for (const item of el("nav").children) {
    item.setAttribute("aria-current", String(item.getAttribute("data-section") === section));
  }
  part("menu", HTMLSelectElement).value = section;
  const main = document.querySelector("main");
  if (main) main.scrollTop = 0;
  if (copying) button("diagnostics").focus();
  else if (focus) el(section).querySelector("h2")?.focus();
}

function buildSections() {
  /** @type {Record<typeof SECTIONS[number], string>} */
  const names = {
    agent: t("settings.agent"),
    key: t("settings.key"),
    appearance: t("settings.appearance"),
    chat: t("settings.chat"),
    assistant: t("settings.assistant"),
    session: t("settings.session"),
    network: t("settings.network"),
    privacy: t("settings.privacy"),
    about: t("settings.about"),
  };
  const menu = part("menu", HTMLSelectElement);
  for (const section of SECTIONS) {
    const item = make("button", { type: "button", "data-section": section }, [names[section]]);
    item.addEventListener("click", () => open(section));
    el("nav").append(item);
    menu.append(make("option", { value: section }, [names[section]]));
  }
  menu.addEventListener("change", () => open(menu.value));
}

/** @param {Start} given */
function fillOnce(given) {
  start = given;
  words.app = given.app;
  setTexts(given.texts);
  applyTexts();
  buildSections();
  buildFields();
  fillValues(given);
  el("agent-ends").textContent = given.ended ? t("settings.agent_ended") : t("settings.agent_ends");
  if (given.updates.host) wireUpdates(given.updates.host);
  el("about-name").textContent = given.app;
  el("about-version").textContent = `${t("settings.version")} ${given.version}`;
  el("about-makers").textContent = given.makers;
  show("about-makers", given.makers !== "");
  el("about-icon").setAttribute("src", `../${given.icon}`);
  el("about-engine").textContent = engine();
  el("about-profile").textContent = given.profile;
  el("about-folder").textContent = given.folder;
  for (const link of document.querySelectorAll("a[data-link]")) {
    const shown = given.links.includes(link.getAttribute("data-link") ?? "");
    link.setAttribute("href", "#");
    const item = link.closest("li") ?? link;
    // The one beside "Check for a new version" shows when there is one.
    if (item instanceof HTMLElement && item.id !== "updates-page") item.hidden = !shown;
  }
  el("notices").replaceChildren(
    ...given.notices.map((notice) =>
      make("div", { class: "banner warning" }, [
        make("div", { class: "words" }, [make("strong", {}, [notice.message]), " ", ...told({ ...notice, message: "" })]),
      ]),
    ),
  );
  show("notices", given.notices.length > 0);
  tell("idle");
  open(given.section);
}

/** What shows this page: pywebview's name for it and the engine's own version. */
function engine() {
  const view = /** @type {{pywebview?: {platform?: string}}} */ (/** @type {unknown} */ (window)).pywebview;
  const versions = ["Edg", "Chrome", "AppleWebKit"].map((name) => new RegExp(`${name}/[\\d.]+`).exec(navigator.userAgent));
  const version = versions.find((one) => one !== null)?.[0] ?? "";
  return [view?.platform ?? "", version.replace("/", " ")].filter(Boolean).join(", ");
}

/** A change made elsewhere (a menu, another window). */
let reloadTimer = 0;
function onChanged() {
  clearTimeout(reloadTimer);
  reloadTimer = window.setTimeout(() => {
    between(async () => fillValues(await call("settings.start")));
  }, SHOW_AFTER);
}

async function begin() {
  const late = setTimeout(() => show("skeleton", true), SHOW_AFTER);
  on("settings.section", (data) => open(String(data?.section ?? ""), true));
  on("settings.changed", onChanged);
  on("keyring.waiting", (data) => {
    el("key-state").textContent = t("settings.key_waiting", { store: String(data?.store ?? "") });
  });
  try {
    fillOnce(await call("settings.start"));
    wireKey();
    wirePrompts();
    listenToSaves();
    wireOthers();
  } finally {
    clearTimeout(late);
    show("skeleton", false);
    el("layout").removeAttribute("aria-busy");
  }
  await loadKey(start?.host ?? "");
}

begin().catch((error) => failed(described(error)));
