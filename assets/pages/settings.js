// @ts-check
/** The settings page: every change is saved by itself; what is refused stays in its field with the reason below it. */

import { BridgeError, call, on } from "./bridge.js";
import { copyText } from "./clipboard.js";
import { applyLook } from "./look.js";
import { applyTexts, setTexts, t } from "./texts.js";

/**
 * @typedef {import("./bridge.js").Described} Described
 * @typedef {"" | "brand" | "command_line" | "environment" | "file"} Lock
 * @typedef {{value: any, layer: string, locked: Lock}} Known
 * @typedef {{host: string, agent: boolean, look: import("./look.js").Look, fields: Record<string, Known>}} Values
 * @typedef {Values & {
 *   texts: Record<string, string>, app: string, icon: string, version: string, profile: string,
 *   folder: string, section: string, ended: boolean, notices: Described[], hosts: Array<{host: string, purpose: string}>,
 *   links: string[]
 * }} Start
 * @typedef {{
 *   present: boolean, where: "keyring" | "session" | "nowhere", lasting: boolean, store: string, problem: Described | null,
 *   proxy_password: boolean
 * }} KeyStatus
 * @typedef {{
 *   name: string, root: HTMLElement, controls: Array<HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement>,
 *   set: (value: any) => void, get: () => any, dirty: boolean, help: string
 * }} Field
 * @typedef {{help?: string, mono?: boolean, brief?: boolean, hint?: string}} Manner
 */

/** Longest check, in milliseconds: the time limits are on the other side; this only catches an app that has gone. */
const CHECK_LIMIT = 600_000;
/** Milliseconds a person stops typing before a harmless text is saved. */
const PAUSE = 800;
/** Milliseconds after which a wait is shown. */
const SHOW_AFTER = 300;
/** Milliseconds that "Saved" stands. */
const SAVED_FOR = 4_000;
const MOST_PROMPTS = 12;
const FIRST_ACCENT = "#2563eb";
const ZOOMS = [0.5, 0.75, 0.9, 1, 1.1, 1.25, 1.5, 1.75, 2, 2.5, 3];
const COLOUR = /^#[0-9a-f]{6}$/i;

const SECTIONS = /** @type {const} */ ([
  "agent",
  "key",
  "appearance",
  "chat",
  "session",
  "network",
  "privacy",
  "about",
]);

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
function part(id, kind) {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new TypeError(id);
  return element;
}

/** @param {string} id */
const el = (id) => part(id, HTMLElement);
/** @param {string} id */
const input = (id) => part(id, HTMLInputElement);
/** @param {string} id */
const button = (id) => part(id, HTMLButtonElement);
/** @param {string} id @param {boolean} shown */
const show = (id, shown) => {
  el(id).hidden = !shown;
};

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string>} [attributes]
 * @param {Array<Node | string>} [children]
 * @returns {HTMLElementTagNameMap[K]}
 */
function make(tag, attributes = {}, children = []) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** @type {Start | null} */
let start = null;
/** @type {Map<string, Field>} */
const fields = new Map();

/** @param {unknown} thrown @returns {Described} */
function described(thrown) {
  if (thrown instanceof BridgeError) {
    const { code, message, hint, retryable, field, detail } = thrown;
    return { code, message, hint, retryable, field, detail };
  }
  return { code: "internal", message: String(thrown), hint: "", retryable: true, field: null, detail: "" };
}

/** @param {{message: string, hint: string}} error */
function sentence(error) {
  return [error.message, error.hint].filter(Boolean).join(" ");
}

// --- the line that says whether it is saved ---------------------------------------------------------

let stateTimer = 0;

/** @param {"idle" | "saving" | "saved" | "bad"} state */
function tell(state) {
  clearTimeout(stateTimer);
  const line = el("state");
  line.classList.toggle("good", state === "saved");
  line.classList.toggle("bad", state === "bad");
  if (state === "saving") line.textContent = t("settings.saving");
  else if (state === "saved") line.textContent = `✓ ${t("settings.saved")}`;
  else if (state === "bad") line.textContent = t("settings.not_saved");
  else line.textContent = t("settings.saves_itself");
  if (state === "saved") stateTimer = window.setTimeout(() => tell("idle"), SAVED_FOR);
}

// --- saving -------------------------------------------------------------------------------------------

/** Saves go one after the other, so that the last one wins. @type {Promise<void>} */
let queue = Promise.resolve();

/** @param {string} name @param {any} value */
function save(name, value) {
  queue = queue.then(() => saveNow(name, value));
  return queue;
}

/** @param {string} name @param {any} value */
async function saveNow(name, value) {
  const field = fields.get(name);
  const late = setTimeout(() => tell("saving"), SHOW_AFTER);
  try {
    /** @type {Values} */
    const values = await call("settings.save", { changes: { [name]: value } });
    clearTimeout(late);
    if (field) {
      field.dirty = false;
      fieldError(field, "");
    }
    fillValues(values);
    tell([...fields.values()].some((other) => hasError(other)) ? "bad" : "saved");
  } catch (thrown) {
    clearTimeout(late);
    const error = described(thrown);
    tell("bad");
    if (name === "chat.prompts" && promptError(error)) return;
    if (field) fieldError(field, sentence(error));
    else failed(error);
  }
}

/** @param {Described} error */
function failed(error) {
  el("failed-message").textContent = error.message;
  el("failed-hint").textContent = error.hint;
  show("failed", true);
}

/** @param {() => Promise<unknown>} act */
async function tried(act) {
  show("failed", false);
  try {
    await act();
  } catch (error) {
    failed(described(error));
    el("failed").scrollIntoView({ block: "nearest" });
  }
}

// --- a field: label, control, help; the error takes the place of the help --------------------------------

/** @param {string} name */
const idOf = (name) => `f-${name.replaceAll(".", "-")}`;

/**
 * @param {string} name the dotted setting
 * @param {string} label
 * @param {string} help
 */
function helpAndError(name, label, help) {
  const id = idOf(name);
  const error = make("p", { class: "error", id: `${id}-error`, role: "alert" });
  error.hidden = true;
  const helped = make("p", { class: "help", id: `${id}-help` }, [help]);
  helped.hidden = help === "";
  const reset = make("button", { type: "button", class: "link", "aria-label": t("settings.reset_label", { name: label }) }, [
    t("settings.reset"),
  ]);
  reset.hidden = true;
  reset.dataset["reset"] = name;
  reset.addEventListener("click", () => {
    const field = fields.get(name);
    if (field) field.dirty = false;
    void save(name, null).then(() => field?.controls[0]?.focus());
  });
  return { error, helped, reset };
}

/** @param {Field} field @param {string} message empty: none */
function fieldError(field, message) {
  const id = idOf(field.name);
  const place = el(`${id}-error`);
  place.textContent = message;
  place.hidden = message === "";
  const help = el(`${id}-help`);
  help.hidden = message !== "" || help.textContent === "";
  for (const control of field.controls) {
    const described = message ? place.id : help.hidden ? "" : help.id;
    if (described) control.setAttribute("aria-describedby", described);
    else control.removeAttribute("aria-describedby");
    if (message) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  }
  // What is checked is what is saved: not while a field says something else.
  if (field.name.startsWith("agent.")) {
    button("agent-check").disabled = [...fields.values()].some((one) => one.name.startsWith("agent.") && hasError(one));
  }
}

/** @param {Field} field */
function hasError(field) {
  return !el(`${idOf(field.name)}-error`).hidden;
}

/**
 * @param {Field} field
 * @param {Known} known
 */
function fillField(field, known) {
  const typing = field.controls.some((control) => control === document.activeElement) && field.dirty;
  if (!typing && !hasError(field)) {
    field.set(known.value);
    field.dirty = false;
  }
  for (const control of field.controls) {
    if (control instanceof HTMLInputElement && ["text", "password"].includes(control.type)) {
      control.readOnly = known.locked !== "";
    } else if (control instanceof HTMLTextAreaElement) {
      control.readOnly = known.locked !== "";
    } else {
      control.disabled = known.locked !== "";
    }
  }
  for (const extra of field.root.querySelectorAll("button[data-part]")) {
    if (extra instanceof HTMLButtonElement) extra.disabled = known.locked !== "";
  }
  const help = el(`${idOf(field.name)}-help`);
  help.textContent = lockedBecause(known.locked) || field.help;
  if (!hasError(field)) fieldError(field, "");
  const reset = field.root.querySelector("[data-reset]");
  if (reset instanceof HTMLElement) {
    reset.hidden = known.locked !== "" || known.layer !== "settings" || field.name.startsWith("agent.");
  }
}

/** @param {Lock} lock */
function lockedBecause(lock) {
  if (lock === "brand") return t("settings.from_brand", { app: start?.app ?? "" });
  if (lock === "command_line") return t("settings.from_command_line");
  if (lock === "environment") return t("settings.from_environment");
  return "";
}

/**
 * @param {string} into id of the list of fields
 * @param {Field} field
 */
function place(into, field) {
  fields.set(field.name, field);
  el(into).append(field.root);
}

/**
 * @param {Field} field
 * @param {boolean} whileTyping whether a pause in typing saves too
 */
function saves(field, whileTyping) {
  let timer = 0;
  const now = () => {
    clearTimeout(timer);
    if (!field.dirty) return;
    void save(field.name, field.get());
  };
  for (const control of field.controls) {
    control.addEventListener("input", () => {
      field.dirty = true;
      clearTimeout(timer);
      if (whileTyping) timer = window.setTimeout(now, PAUSE);
    });
    control.addEventListener("change", now);
    control.addEventListener("keydown", (event) => {
      const key = /** @type {KeyboardEvent} */ (event).key;
      if (key === "Enter" && control instanceof HTMLInputElement) now();
    });
  }
  window.addEventListener("pagehide", now);
}

/**
 * A line of text. `typing`: saved at a pause too, where half a word does no harm.
 * @param {string} into @param {string} name @param {string} label @param {Manner & {typing?: boolean, empty?: null}} [manner]
 */
function text(into, name, label, manner = {}) {
  const { help = "", mono = false, brief = false, hint = "", typing = false } = manner;
  const id = idOf(name);
  const { error, helped, reset } = helpAndError(name, label, help);
  const control = make("input", { id, type: "text", autocomplete: "off", placeholder: hint });
  control.spellcheck = !mono;
  if (mono) control.classList.add("mono");
  const root = make("div", { class: brief ? "field brief" : "field" }, [
    make("div", { class: "top" }, [make("label", { for: id }, [label]), reset]),
    control,
    error,
    helped,
  ]);
  /** @type {Field} */
  const field = {
    name,
    root,
    controls: [control],
    set: (value) => {
      control.value = value === null ? "" : String(value);
    },
    get: () => control.value.trim(),
    dirty: false,
    help,
  };
  place(into, field);
  saves(field, typing);
  return field;
}

/**
 * A number, kept as it was typed where it is none. Empty goes back to the default.
 * @param {string} into @param {string} name @param {string} label @param {Manner} [manner]
 */
function number(into, name, label, manner = {}) {
  const field = text(into, name, label, { ...manner, brief: true });
  const [control] = field.controls;
  control.setAttribute("inputmode", "decimal");
  field.get = () => {
    const typed = control.value.trim().replace(",", ".");
    if (typed === "") return null;
    return /^-?\d+(\.\d+)?$/.test(typed) ? Number(typed) : typed;
  };
}

/** @param {string} into @param {string} name @param {string} label @param {Manner} [manner] */
function area(into, name, label, { help = "" } = {}) {
  const id = idOf(name);
  const { error, helped, reset } = helpAndError(name, label, help);
  const control = make("textarea", { id, rows: "2" });
  const root = make("div", { class: "field" }, [
    make("div", { class: "top" }, [make("label", { for: id }, [label]), reset]),
    control,
    error,
    helped,
  ]);
  /** @type {Field} */
  const field = {
    name,
    root,
    controls: [control],
    set: (value) => {
      control.value = String(value ?? "");
    },
    get: () => control.value.trim(),
    dirty: false,
    help,
  };
  place(into, field);
  saves(field, true);
}

/** @param {string} into @param {string} name @param {string} label @param {Manner} [manner] */
function toggle(into, name, label, { help = "" } = {}) {
  const { error, helped, reset } = helpAndError(name, label, help);
  const control = make("input", { id: idOf(name), type: "checkbox" });
  const root = make("div", { class: "toggle" }, [make("label", { class: "choice" }, [control, label]), reset, error, helped]);
  reset.classList.add("top-reset");
  /** @type {Field} */
  const field = {
    name,
    root,
    controls: [control],
    set: (value) => {
      control.checked = value === true;
    },
    get: () => control.checked,
    dirty: false,
    help,
  };
  place(into, field);
  saves(field, false);
}

/**
 * @param {string} into @param {string} name @param {string} label
 * @param {Array<[string | number, string]>} options @param {Manner} [manner]
 */
function segments(into, name, label, options, { help = "" } = {}) {
  const { error, helped, reset } = helpAndError(name, label, help);
  const { group, controls, set, get } = radios(idOf(name), options);
  const legend = make("span", { class: "label", id: `${idOf(name)}-label` }, [label]);
  group.setAttribute("aria-labelledby", legend.id);
  const root = make("div", { class: "field" }, [make("div", { class: "top" }, [legend, reset]), group, error, helped]);
  /** @type {Field} */
  const field = { name, root, controls, set, get, dirty: false, help };
  place(into, field);
  saves(field, false);
}

/**
 * @param {string} id
 * @param {Array<[string | number, string]>} options
 */
function radios(id, options) {
  const group = make("div", { class: "segments", role: "radiogroup" });
  const controls = options.map(([value, label]) => {
    const control = make("input", { type: "radio", name: id, value: String(value) });
    group.append(make("label", {}, [control, label]));
    return control;
  });
  return {
    group,
    controls,
    /** @param {any} value */
    set: (value) => {
      for (const control of controls) control.checked = control.value === String(value);
    },
    get: () => options.find(([value]) => controls.some((c) => c.checked && c.value === String(value)))?.[0] ?? null,
  };
}

/**
 * @param {string} into @param {string} name @param {string} label
 * @param {Array<[string | number, string]>} options @param {Manner} [manner]
 */
function select(into, name, label, options, { help = "" } = {}) {
  const id = idOf(name);
  const { error, helped, reset } = helpAndError(name, label, help);
  const control = make("select", { id });
  for (const [value, words] of options) control.append(make("option", { value: String(value) }, [words]));
  const root = make("div", { class: "field brief" }, [
    make("div", { class: "top" }, [make("label", { for: id }, [label]), reset]),
    control,
    error,
    helped,
  ]);
  /** @type {Field} */
  const field = {
    name,
    root,
    controls: [control],
    set: (value) => {
      control.value = String(value);
    },
    get: () => options.find(([value]) => String(value) === control.value)?.[0] ?? null,
    dirty: false,
    help,
  };
  place(into, field);
  saves(field, false);
  return { field, control };
}

/** Zoom may stand between our steps: the menu changes it by a tenth at a time. @param {string} into */
function zoom(into) {
  /** @type {Array<[number, string]>} */
  const options = ZOOMS.map((factor) => [factor, percent(factor)]);
  const { field, control } = select(into, "zoom", t("settings.zoom"), options, { help: t("settings.zoom_help") });
  field.set = (value) => {
    control.querySelector("[data-between]")?.remove();
    if (!ZOOMS.includes(value)) {
      const between = make("option", { value: String(value), "data-between": "" }, [percent(value)]);
      const after = [...control.options].find((option) => Number(option.value) > value);
      control.insertBefore(between, after ?? null);
    }
    control.value = String(value);
  };
  field.get = () => Number(control.value);
}

/** @param {number} factor */
const percent = (factor) => t("settings.percent", { n: Math.round(factor * 100) });

/** The accent of one scheme: ChatKit's own, or a colour with its strength. @param {string} into @param {string} name @param {string} label */
function accent(into, name, label) {
  const id = idOf(name);
  const { error, helped, reset } = helpAndError(name, label, t("settings.accent_help"));
  const own = make("input", { type: "checkbox", id });
  const swatch = make("input", { type: "color", "aria-label": `${label}: ${t("settings.accent_colour")}` });
  const hex = make("input", {
    type: "text",
    class: "mono",
    autocomplete: "off",
    maxlength: "7",
    "aria-label": `${label}: ${t("settings.accent_colour")}`,
  });
  hex.spellcheck = false;
  const level = radios(`${id}-level`, [
    [0, t("settings.accent_level_0")],
    [1, t("settings.accent_level_1")],
    [2, t("settings.accent_level_2")],
    [3, t("settings.accent_level_3")],
  ]);
  level.group.setAttribute("aria-label", `${label}: ${t("settings.accent_level")}`);
  const more = make("div", { class: "accent" }, [swatch, hex, level.group]);
  const legend = make("span", { class: "label" }, [label]);
  const root = make("div", { class: "field" }, [
    make("div", { class: "top" }, [legend, reset]),
    make("label", { class: "choice" }, [own, t("settings.accent_own")]),
    more,
    error,
    helped,
  ]);
  own.setAttribute("aria-label", `${label}: ${t("settings.accent_own")}`);
  const shown = () => {
    more.hidden = !own.checked;
  };
  own.addEventListener("input", () => {
    if (own.checked && !COLOUR.test(hex.value)) {
      hex.value = swatch.value = FIRST_ACCENT;
      level.set(1);
    }
    shown();
  });
  swatch.addEventListener("input", () => {
    hex.value = swatch.value;
  });
  hex.addEventListener("input", () => {
    if (COLOUR.test(hex.value)) swatch.value = hex.value.toLowerCase();
  });
  /** @type {Field} */
  const field = {
    name,
    root,
    controls: [own, swatch, hex, ...level.controls],
    set: (value) => {
      own.checked = value !== null;
      if (value !== null) {
        hex.value = value.primary;
        swatch.value = value.primary.toLowerCase();
        level.set(value.level);
      }
      shown();
    },
    get: () => (own.checked ? { primary: hex.value.trim(), level: level.get() ?? 1 } : null),
    dirty: false,
    help: t("settings.accent_help"),
  };
  shown();
  place(into, field);
  saves(field, false);
}

/** @param {string} into */
function caFile(into) {
  const field = text(into, "network.ca_file", t("settings.ca_file"), { help: t("settings.ca_file_help"), mono: true });
  const [control] = field.controls;
  const pick = make("button", { type: "button", "data-part": "pick" }, [t("settings.ca_file_pick")]);
  const both = make("div", { class: "with-button" });
  control.replaceWith(both);
  both.append(control, pick);
  pick.addEventListener("click", () =>
    tried(async () => {
      const chosen = await call("settings.pick_ca_file", {}, { limit: 0 });
      if (!chosen) return;
      control.value = chosen;
      field.dirty = true;
      await save(field.name, chosen);
    }),
  );
}

function buildFields() {
  const app = start?.app ?? "";
  text("agent-fields", "agent.name", t("settings.agent_name"), {
    help: t("settings.agent_name_help", { app }),
    hint: app,
    typing: true,
  });
  text("agent-fields", "agent.workflow_id", t("settings.agent_workflow"), {
    help: t("settings.agent_workflow_help"),
    mono: true,
  });
  text("agent-fields", "agent.version", t("settings.agent_version"), {
    help: t("settings.agent_version_help"),
    brief: true,
  });
  toggle("agent-fields", "agent.tracing.enabled", t("settings.agent_tracing"), { help: t("settings.agent_tracing_help") });

  segments("appearance-fields", "chat.theme.scheme", t("settings.scheme"), [
    ["system", t("settings.scheme_system")],
    ["light", t("settings.scheme_light")],
    ["dark", t("settings.scheme_dark")],
  ]);
  accent("appearance-fields", "chat.theme.light.accent", t("settings.accent_light"));
  accent("appearance-fields", "chat.theme.dark.accent", t("settings.accent_dark"));
  segments("appearance-fields", "chat.theme.radius", t("settings.radius"), [
    ["pill", t("settings.radius_pill")],
    ["round", t("settings.radius_round")],
    ["soft", t("settings.radius_soft")],
    ["sharp", t("settings.radius_sharp")],
  ]);
  segments("appearance-fields", "chat.theme.density", t("settings.density"), [
    ["compact", t("settings.density_compact")],
    ["normal", t("settings.density_normal")],
    ["spacious", t("settings.density_spacious")],
  ]);
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

  text("chat-fields", "chat.greeting", t("settings.greeting"), { help: t("settings.greeting_help"), typing: true });
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
}

// --- prompts ------------------------------------------------------------------------------------------

/** @typedef {{label: string, prompt: string, icon: string | null}} Prompt */

/** What the last save held, to tell whether there is anything to save. */
let promptsSaved = "";
let promptTimer = 0;
let promptCount = 0;

/** @returns {HTMLLIElement[]} */
const promptRows = () => [.../** @type {NodeListOf<HTMLLIElement>} */ (el("prompts-list").querySelectorAll("li"))];

/** @param {HTMLLIElement} row @param {string} which @returns {HTMLInputElement | HTMLTextAreaElement} */
function within(row, which) {
  const found = row.querySelector(`[data-part="${which}"]`);
  if (found instanceof HTMLInputElement || found instanceof HTMLTextAreaElement) return found;
  throw new TypeError(which);
}

/** @param {HTMLLIElement} row @returns {Prompt} */
function promptOf(row) {
  const icon = within(row, "icon").value.trim();
  return { label: within(row, "label").value.trim(), prompt: within(row, "prompt").value.trim(), icon: icon || null };
}

/** @param {Prompt} prompt */
const complete = (prompt) => prompt.label !== "" && prompt.prompt !== "";

/** @param {HTMLLIElement} row @param {string} message */
function rowError(row, message) {
  const place = row.querySelector(".error");
  if (!(place instanceof HTMLElement)) return;
  place.textContent = message;
  place.hidden = message === "";
  for (const which of ["label", "prompt", "icon"]) {
    if (message) within(row, which).setAttribute("aria-describedby", place.id);
    else within(row, which).removeAttribute("aria-describedby");
    within(row, which).removeAttribute("aria-invalid");
  }
}

/** @param {Described} error @returns {boolean} whether it belongs to a row */
function promptError(error) {
  const [, index, which] = /^chat\.prompts\.(\d+)(?:\.(\w+))?/.exec(error.field ?? "") ?? [];
  const row = promptRows().filter((one) => complete(promptOf(one)))[Number(index)];
  if (!row) return false;
  rowError(row, sentence(error));
  if (which) within(row, which).setAttribute("aria-invalid", "true");
  return true;
}

function savePrompts() {
  clearTimeout(promptTimer);
  const whole = promptRows().map(promptOf).filter(complete);
  const now = JSON.stringify(whole);
  if (now === promptsSaved) return;
  promptsSaved = now;
  for (const row of promptRows()) rowError(row, "");
  void save("chat.prompts", whole);
}

/** Numbers, names and what can be done, after a row came, went or moved. */
function arrangePrompts() {
  const rows = promptRows();
  rows.forEach((row, index) => {
    const name = promptOf(row).label || t("settings.prompt_number", { n: index + 1 });
    const heading = row.querySelector("strong");
    if (heading) heading.textContent = name;
    for (const [which, words, off] of /** @type {const} */ ([
      ["up", t("settings.prompt_up", { name }), index === 0],
      ["down", t("settings.prompt_down", { name }), index === rows.length - 1],
      ["remove", t("settings.prompt_remove", { name }), false],
    ])) {
      const act = row.querySelector(`[data-act="${which}"]`);
      if (!(act instanceof HTMLButtonElement)) continue;
      act.setAttribute("aria-label", words);
      act.title = words;
      act.disabled = off || promptsLocked();
    }
    const note = row.querySelector(".help");
    if (note instanceof HTMLElement) note.hidden = complete(promptOf(row));
  });
  show("prompts-none", rows.length === 0);
  button("prompts-add").disabled = rows.length >= MOST_PROMPTS || promptsLocked();
}

const promptsLocked = () => (start?.fields["chat.prompts"].locked ?? "") !== "";

/** @param {string} path @param {string} act */
function iconButton(path, act) {
  const one = make("button", { type: "button", class: "quiet icon-only", "data-act": act });
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  drawing.setAttribute("class", "icon small");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", path);
  drawing.append(line);
  one.append(drawing);
  return one;
}

/** @param {Prompt} prompt */
function promptRow(prompt) {
  const id = `prompt-${++promptCount}`;
  const label = make("input", { id: `${id}-label`, type: "text", "data-part": "label", autocomplete: "off" });
  const words = make("textarea", { id: `${id}-prompt`, rows: "2", "data-part": "prompt" });
  const icon = make("input", {
    id: `${id}-icon`,
    type: "text",
    class: "mono",
    "data-part": "icon",
    autocomplete: "off",
    "aria-describedby": `${id}-icon-help`,
  });
  icon.spellcheck = false;
  label.value = prompt.label;
  words.value = prompt.prompt;
  icon.value = prompt.icon ?? "";
  const error = make("p", { class: "error", id: `${id}-error`, role: "alert" });
  error.hidden = true;
  const row = make("li", {}, [
    make("div", { class: "row" }, [
      make("strong"),
      iconButton("M6 14l6-6 6 6", "up"),
      iconButton("M6 10l6 6 6-6", "down"),
      iconButton("M6 6l12 12M18 6L6 18", "remove"),
    ]),
    make("div", { class: "field" }, [make("label", { for: label.id }, [t("settings.prompt_label")]), label]),
    make("div", { class: "field" }, [make("label", { for: words.id }, [t("settings.prompt_text")]), words]),
    make("div", { class: "field brief" }, [
      make("label", { for: icon.id }, [t("settings.prompt_icon")]),
      icon,
      make("p", { class: "faint small", id: `${id}-icon-help` }, [t("settings.prompt_icon_help")]),
    ]),
    error,
    make("p", { class: "help" }, [t("settings.prompt_incomplete")]),
  ]);
  for (const control of [label, words, icon]) {
    control.readOnly = promptsLocked();
    control.addEventListener("input", () => {
      arrangePrompts();
      clearTimeout(promptTimer);
      promptTimer = window.setTimeout(savePrompts, PAUSE);
    });
    control.addEventListener("change", savePrompts);
  }
  row.addEventListener("click", (event) => {
    const act = event.target instanceof Element ? event.target.closest("[data-act]") : null;
    if (act instanceof HTMLButtonElement) move(row, act);
  });
  return row;
}

/** @param {HTMLLIElement} row @param {HTMLButtonElement} act */
function move(row, act) {
  const which = act.dataset["act"];
  const { previousElementSibling: before, nextElementSibling: after } = row;
  if (which === "remove") {
    row.remove();
    const next = after ?? before;
    const focus = next?.querySelector("[data-act=remove]") ?? el("prompts-add");
    if (focus instanceof HTMLElement) focus.focus();
  } else if (which === "up" && before) {
    before.before(row);
  } else if (which === "down" && after) {
    after.after(row);
  }
  arrangePrompts();
  if (which !== "remove") {
    if (!act.disabled) act.focus();
    else within(row, "label").focus();
  }
  savePrompts();
}

/** @param {Known} known */
function fillPrompts(known) {
  const busy = el("prompts-list").contains(document.activeElement);
  const given = JSON.stringify(known.value);
  const note = el("prompts-note");
  note.textContent = lockedBecause(known.locked);
  note.hidden = note.textContent === "";
  if (busy || given === promptsSaved) return;
  if (promptRows().some((row) => !complete(promptOf(row)))) return;
  promptsSaved = given;
  el("prompts-list").replaceChildren(...known.value.map(promptRow));
  arrangePrompts();
}

// --- values that came from the app ----------------------------------------------------------------------

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
  show("agent-none", !values.agent);
  show("agent-fields", values.agent);
  show("agent-test", values.agent);
  el("key-lead").textContent = t("settings.key_lead", { host: values.host });
  if (otherHost) void loadKey();
}

// --- the key --------------------------------------------------------------------------------------------

/** @type {KeyStatus | null} */
let key = null;
let checks = 0;
let check = 0;

async function loadKey() {
  el("key-state").textContent = t("settings.key_looking");
  fillKey(await call("key.status", {}, { limit: CHECK_LIMIT }));
}

/** @param {KeyStatus} status */
function fillKey(status) {
  key = status;
  const values = { host: start?.host ?? "", store: status.store };
  if (status.where === "keyring") el("key-state").textContent = t("settings.key_in_keyring", values);
  else if (status.where === "session") el("key-state").textContent = t("settings.key_in_session", values);
  else el("key-state").textContent = t("settings.key_nowhere", values);
  show("key-problem", status.problem !== null);
  el("key-problem-message").textContent = status.problem?.message ?? "";
  el("key-problem-hint").textContent = status.problem?.hint ?? "";
  button("key-replace").textContent = status.present ? t("settings.key_replace") : t("settings.key_add");
  el("key-save-words").textContent = status.present ? t("settings.key_save") : t("settings.key_save_new");
  show("key-remove", status.present);
  show("password-remove", status.proxy_password);
  if (status.proxy_password) input("password").placeholder = t("settings.proxy_password_stored");
  else input("password").removeAttribute("placeholder");
}

/** @param {string} message */
function keyError(message) {
  el("key-error").textContent = message;
  show("key-error", message !== "");
  show("key-help", message === "");
  input("key-new").setAttribute("aria-describedby", message ? "key-error" : "key-help");
  if (message) input("key-new").setAttribute("aria-invalid", "true");
  else input("key-new").removeAttribute("aria-invalid");
}

/** @param {boolean} open */
function keyForm(open) {
  show("key-form", open);
  show("key-actions", !open);
  show("key-banner", false);
  keyError("");
  input("key-new").value = "";
  maskKey(true);
  if (open) input("key-new").focus();
  else button("key-replace").focus();
}

/** @param {boolean} masked */
function maskKey(masked) {
  const words = masked ? t("settings.key_show") : t("settings.key_hide");
  input("key-new").type = masked ? "password" : "text";
  button("key-show").setAttribute("aria-pressed", String(!masked));
  button("key-show").setAttribute("aria-label", words);
  button("key-show").title = words;
}

/** @param {boolean} busy */
function keyBusy(busy) {
  button("key-save").disabled = busy;
  input("key-new").readOnly = busy;
  if (busy) el("key-save-words").textContent = t("settings.key_checking");
  else if (key) el("key-save-words").textContent = key.present ? t("settings.key_save") : t("settings.key_save_new");
}

/** @param {"keyring" | "session"} keep */
async function replaceKey(keep) {
  if (check !== 0) return;
  keyError("");
  show("key-banner", false);
  if (input("key-new").value.trim() === "") {
    keyError(t("settings.key_empty"));
    input("key-new").focus();
    return;
  }
  const mine = (check = ++checks);
  keyBusy(true);
  /** @type {Described | null} */
  let error = null;
  try {
    const outcome = await call("key.replace", { number: mine, key: input("key-new").value, keep }, { limit: CHECK_LIMIT });
    error = outcome.cancelled ? null : outcome.error;
    if (check !== mine) return;
    if (!outcome.cancelled && !error) {
      keyForm(false);
      fillKey(await call("key.status", {}, { limit: CHECK_LIMIT }));
      el("key-state").textContent += ` ${t("settings.key_replaced")}`;
    }
  } catch (thrown) {
    error = described(thrown);
  } finally {
    if (check === mine) {
      check = 0;
      keyBusy(false);
    }
  }
  if (!error) return;
  if (error.field === "key") {
    keyError(sentence(error));
    input("key-new").focus();
    return;
  }
  el("key-banner-message").textContent = error.message;
  el("key-banner-hint").textContent = error.hint;
  show("key-session", error.code.startsWith("keyring_"));
  show("key-banner", true);
}

async function cancelKey() {
  const number = check;
  if (number !== 0) {
    const { stopped } = await call("key.cancel", { number });
    if (!stopped) return; // it is being saved; its answer is on the way
    check = 0;
    keyBusy(false);
  }
  keyForm(false);
}

function wireKey() {
  button("key-replace").addEventListener("click", () => keyForm(true));
  button("key-cancel").addEventListener("click", () => void tried(cancelKey));
  button("key-show").addEventListener("click", () => maskKey(input("key-new").type === "text"));
  button("key-session").addEventListener("click", () => void replaceKey("session"));
  input("key-new").addEventListener("input", () => keyError(""));
  el("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    void replaceKey(key && !key.lasting ? "session" : "keyring");
  });
  button("key-remove").addEventListener("click", async () => {
    const values = { host: start?.host ?? "", store: key?.store ?? "" };
    const text = key?.where === "session" ? t("settings.key_remove_text_session", values) : t("settings.key_remove_text", values);
    const yes = await ask({ title: t("settings.key_remove_title"), text, yes: t("settings.key_remove_yes") });
    if (yes !== null) await tried(async () => fillKey({ ...(await call("key.remove")), proxy_password: key?.proxy_password }));
  });
}

// --- a question before what cannot be undone ---------------------------------------------------------------

/**
 * @param {{title: string, text: string, yes: string, word?: string}} about
 * @returns {Promise<string | null>} what was typed ("" where nothing is asked for), null for no
 */
function ask({ title, text: words, yes, word = "" }) {
  const dialog = part("question", HTMLDialogElement);
  el("question-title").textContent = title;
  el("question-text").textContent = words;
  button("question-yes").textContent = yes;
  show("question-field", word !== "");
  show("question-error", false);
  el("question-label").textContent = t("settings.delete_type", { word });
  input("question-word").value = "";
  input("question-word").removeAttribute("aria-invalid");
  return new Promise((resolve) => {
    const form = part("question-form", HTMLFormElement);
    /** @param {string | null} answer */
    const end = (answer) => {
      form.onsubmit = null;
      button("question-no").onclick = null;
      dialog.oncancel = null;
      dialog.close();
      resolve(answer);
    };
    form.onsubmit = (event) => {
      event.preventDefault();
      const typed = input("question-word").value.trim();
      if (word !== "" && typed.toLowerCase() !== word.toLowerCase()) {
        el("question-error").textContent = t("settings.delete_mismatch", { word });
        show("question-error", true);
        input("question-word").setAttribute("aria-invalid", "true");
        input("question-word").setAttribute("aria-describedby", "question-error");
        input("question-word").focus();
        return;
      }
      end(typed);
    };
    button("question-no").onclick = () => end(null);
    dialog.oncancel = (event) => {
      event.preventDefault();
      end(null);
    };
    dialog.showModal();
    (word === "" ? button("question-no") : input("question-word")).focus();
  });
}

// --- the other sections --------------------------------------------------------------------------------------

async function checkAgent() {
  const result = el("agent-result");
  button("agent-check").setAttribute("aria-busy", "true");
  result.className = "help";
  result.textContent = t("settings.agent_checking", { host: start?.host ?? "" });
  try {
    await call("agent.check", {}, { limit: CHECK_LIMIT });
    result.textContent = t("settings.agent_works");
  } catch (error) {
    result.className = "error";
    result.textContent = sentence(described(error));
  } finally {
    button("agent-check").removeAttribute("aria-busy");
  }
}

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
    el("password-error").textContent = sentence(described(error));
    show("password-error", true);
    show("password-help", false);
  }
}

async function copyDiagnostics() {
  const { text: all } = await call("diagnostics.copy");
  const copied = await copyText(all);
  el("diagnostics-help").textContent = copied ? t("settings.copied") : t("settings.copy_refused");
  el("diagnostics-text").textContent = all;
  show("diagnostics-text", !copied);
}

function wireOthers() {
  button("agent-set-up").addEventListener("click", () => void tried(() => call("app.open_setup")));
  button("agent-check").addEventListener("click", () => void checkAgent());
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
  button("prompts-add").addEventListener("click", () => {
    const row = promptRow({ label: "", prompt: "", icon: null });
    el("prompts-list").append(row);
    arrangePrompts();
    within(row, "label").focus();
  });
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
  const section = SECTIONS.find((one) => one === wanted) ?? SECTIONS[0];
  for (const one of SECTIONS) show(one, one === section);
  for (const item of el("nav").children) {
    item.setAttribute("aria-current", String(item.getAttribute("data-section") === section));
  }
  part("menu", HTMLSelectElement).value = section;
  const main = document.querySelector("main");
  if (main) main.scrollTop = 0;
  if (focus) el(section).querySelector("h2")?.focus();
}

function buildSections() {
  /** @type {Record<typeof SECTIONS[number], string>} */
  const names = {
    agent: t("settings.agent"),
    key: t("settings.key"),
    appearance: t("settings.appearance"),
    chat: t("settings.chat"),
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
  setTexts(given.texts);
  applyTexts();
  buildSections();
  buildFields();
  fillValues(given);
  el("agent-ends").textContent = given.ended ? t("settings.agent_ended") : t("settings.agent_ends");
  el("hosts").replaceChildren(
    ...given.hosts.map(({ host, purpose }) =>
      make("tr", {}, [make("th", { scope: "row" }, [host]), make("td", {}, [purpose])]),
    ),
  );
  el("about-name").textContent = given.app;
  el("about-version").textContent = `${t("settings.version")} ${given.version}`;
  el("about-icon").setAttribute("src", given.icon);
  el("about-engine").textContent = engine();
  el("about-profile").textContent = given.profile;
  el("about-folder").textContent = given.folder;
  for (const link of document.querySelectorAll("a[data-link]")) {
    const shown = given.links.includes(link.getAttribute("data-link") ?? "");
    link.setAttribute("href", "#");
    const item = link.closest("li") ?? link;
    if (item instanceof HTMLElement) item.hidden = !shown;
  }
  el("notices").replaceChildren(
    ...given.notices.map((notice) =>
      make("div", { class: "banner warning" }, [
        make("div", { class: "words" }, [make("strong", {}, [notice.message]), ` ${notice.hint}`]),
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
    queue = queue.then(async () => fillValues(await call("settings.start"))).catch(() => undefined); // the next change tries again
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
    wireOthers();
  } finally {
    clearTimeout(late);
    show("skeleton", false);
    el("layout").removeAttribute("aria-busy");
  }
  await loadKey();
}

begin().catch((error) => failed(described(error)));
