// @ts-check
/** One field for a setting: label, control, help; an error replaces the help. Does not know which fields there are. */

import { call } from "./bridge.js";
import { el, make, sayIn } from "./parts.js";
import { save, tried } from "./saving.js";
import { t } from "./texts.js";

/**
 * @typedef {"" | "brand" | "command_line" | "environment" | "file"} Lock
 * @typedef {{value: any, layer: string, locked: Lock}} Known
 * @typedef {{
 *   name: string, root: HTMLElement, controls: Array<HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement>,
 *   set: (value: any) => void, get: () => any, dirty: boolean, help: string
 * }} Field
 * @typedef {{help?: string, mono?: boolean, brief?: boolean, hint?: string}} Manner
 */

/** How long a pause in typing is before a harmless text is saved, in milliseconds. */
export const PAUSE = 800;
const FIRST_ACCENT = "#2563eb";
const ZOOMS = [0.5, 0.75, 0.9, 1, 1.1, 1.25, 1.5, 1.75, 2, 2.5, 3];
const COLOUR = /^#[0-9a-f]{6}$/i;

/** Every field of the page under its dotted name. @type {Map<string, Field>} */
export const fields = new Map();

/** Values for the fields' sentences: the app's name. */
export const words = { app: "" };

/** Called with a field whose error came or went. @type {Array<(field: Field) => void>} */
export const reactions = [];

/** Per field, what saves it where it has something to save. @type {Array<() => void>} */
const waiting = [];

/** @param {string} name */
export const idOf = (name) => `f-${name.replaceAll(".", "-")}`;

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
  const reset = make("button", { type: "button", class: "link", "aria-label": t("forms.reset_label", { name: label }) }, [
    t("forms.reset"),
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

/** @param {Field} field @param {string | import("./parts.js").Described} message empty: none */
export function fieldError(field, message) {
  const id = idOf(field.name);
  const place = el(`${id}-error`);
  sayIn(place, message);
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
  for (const react of reactions) react(field);
}

/** @param {Field} field */
export function hasError(field) {
  return !el(`${idOf(field.name)}-error`).hidden;
}

/**
 * @param {Field} field
 * @param {Known} known
 */
export function fillField(field, known) {
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
export function lockedBecause(lock) {
  if (lock === "brand") return t("forms.from_brand", { app: words.app });
  if (lock === "command_line") return t("forms.from_command_line");
  if (lock === "environment") return t("forms.from_environment");
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
  waiting.push(now);
}

/** Save at once what waits for a pause in typing. */
export function saveWaiting() {
  for (const now of waiting) now();
}

/**
 * A line of text. `typing`: saved at a pause too, where half a word does no harm.
 * @param {string} into @param {string} name @param {string} label @param {Manner & {typing?: boolean, empty?: null}} [manner]
 */
export function text(into, name, label, manner = {}) {
  const { help = "", mono = false, brief = false, hint = "", typing = false } = manner;
  const control = make("input", { type: "text", autocomplete: "off", placeholder: hint });
  spelled(control, !mono);
  const field = labelled(name, label, control, { help, brief });
  place(into, field);
  saves(field, typing);
  return field;
}

/** Words of a person are spelled, what a program reads is not. @param {HTMLInputElement | HTMLTextAreaElement} control @param {boolean} words */
function spelled(control, words) {
  control.spellcheck = words;
  control.classList.toggle("mono", !words);
}

/**
 * A control with its label above it and its help below, as a field that holds a text.
 * @param {string} name @param {string} label @param {HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement} control
 * @param {{help: string, brief?: boolean}} manner @returns {Field}
 */
function labelled(name, label, control, { help, brief = false }) {
  control.id = idOf(name);
  const { error, helped, reset } = helpAndError(name, label, help);
  const root = make("div", { class: brief ? "field brief" : "field" }, [
    make("div", { class: "top" }, [make("label", { for: control.id }, [label]), reset]),
    control,
    error,
    helped,
  ]);
  return {
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
}

/**
 * A number, kept as it was typed where it is none. Empty goes back to the default.
 * @param {string} into @param {string} name @param {string} label @param {Manner} [manner]
 */
export function number(into, name, label, manner = {}) {
  const field = text(into, name, label, { ...manner, brief: true });
  const [control] = field.controls;
  control.setAttribute("inputmode", "decimal");
  field.get = () => {
    const typed = control.value.trim().replace(",", ".");
    if (typed === "") return null;
    return /^-?\d+(\.\d+)?$/.test(typed) ? Number(typed) : typed;
  };
}

/** @param {string} into @param {string} name @param {string} label @param {Manner & {rows?: number}} [manner] */
export function area(into, name, label, { help = "", mono = false, rows = 2 } = {}) {
  const control = make("textarea", { rows: String(rows) });
  spelled(control, !mono);
  const field = labelled(name, label, control, { help });
  place(into, field);
  saves(field, true);
}

/** @param {string} into @param {string} name @param {string} label @param {Manner} [manner] */
export function toggle(into, name, label, { help = "" } = {}) {
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
export function segments(into, name, label, options, { help = "" } = {}) {
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
export function select(into, name, label, options, { help = "" } = {}) {
  const control = make("select");
  for (const [value, words] of options) control.append(make("option", { value: String(value) }, [words]));
  const field = labelled(name, label, control, { help, brief: true });
  field.get = () => options.find(([value]) => String(value) === control.value)?.[0] ?? null;
  place(into, field);
  saves(field, false);
  return { field, control };
}

/** Zoom may stand between our steps: the menu changes it by a tenth at a time. @param {string} into */
export function zoom(into) {
  /** @type {Array<[number, string]>} */
  const options = ZOOMS.map((factor) => [factor, percent(factor)]);
  const { field, control } = select(into, "zoom", t("forms.zoom"), options, { help: t("forms.zoom_help") });
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
const percent = (factor) => t("forms.percent", { n: Math.round(factor * 100) });

/** The accent of one scheme: ChatKit's own, or a colour with its strength. @param {string} into @param {string} name @param {string} label */
export function accent(into, name, label) {
  const id = idOf(name);
  const { error, helped, reset } = helpAndError(name, label, t("forms.accent_help"));
  const own = make("input", { type: "checkbox", id });
  const swatch = make("input", { type: "color", "aria-label": `${label}: ${t("forms.accent_colour")}` });
  const hex = make("input", {
    type: "text",
    class: "mono",
    autocomplete: "off",
    maxlength: "7",
    "aria-label": `${label}: ${t("forms.accent_colour")}`,
  });
  hex.spellcheck = false;
  const level = radios(`${id}-level`, [
    [0, t("forms.accent_level_0")],
    [1, t("forms.accent_level_1")],
    [2, t("forms.accent_level_2")],
    [3, t("forms.accent_level_3")],
  ]);
  level.group.setAttribute("aria-label", `${label}: ${t("forms.accent_level")}`);
  const more = make("div", { class: "accent" }, [swatch, hex, level.group]);
  const legend = make("span", { class: "label" }, [label]);
  const root = make("div", { class: "field" }, [
    make("div", { class: "top" }, [legend, reset]),
    make("label", { class: "choice" }, [own, t("forms.accent_own")]),
    more,
    error,
    helped,
  ]);
  own.setAttribute("aria-label", `${label}: ${t("forms.accent_own")}`);
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
    help: t("forms.accent_help"),
  };
  shown();
  place(into, field);
  saves(field, false);
}

/** @param {string} into */
export function caFile(into) {
  const field = text(into, "network.ca_file", t("forms.ca_file"), { help: t("forms.ca_file_help"), mono: true });
  const [control] = field.controls;
  const pick = make("button", { type: "button", "data-part": "pick" }, [t("forms.ca_file_pick")]);
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
