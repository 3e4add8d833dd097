// @ts-check
/** The editor for starter prompts: rows can be added, removed and moved. A row is saved when it is complete. */

import { button, el, icon, make, sayIn, show } from "./parts.js";
import { lockedBecause, PAUSE } from "./fields.js";
import { save } from "./saving.js";
import { t } from "./texts.js";

/** @typedef {import("./parts.js").Described} Described */
/** @typedef {import("./fields.js").Known} Known */

const MOST_PROMPTS = 12;

/** The setting that the editor stands for. */
let setting = "chat.prompts";

/** @typedef {{label: string, prompt: string, icon?: string | null}} Prompt */

/** What the last save held, to tell whether there is anything to save. */
let promptsSaved = "";
let promptTimer = 0;
let promptCount = 0;
let locked = false;

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

/** @param {HTMLLIElement} row @param {string | import("./parts.js").Described} message */
function rowError(row, message) {
  const place = row.querySelector(".error");
  if (!(place instanceof HTMLElement)) return;
  sayIn(place, message);
  place.hidden = message === "";
  for (const which of ["label", "prompt", "icon"]) {
    if (message) within(row, which).setAttribute("aria-describedby", place.id);
    else within(row, which).removeAttribute("aria-describedby");
    within(row, which).removeAttribute("aria-invalid");
  }
}

/** @param {Described} error @returns {boolean} whether it belongs to a row */
export function promptError(error) {
  const place = error.field?.startsWith(`${setting}.`) ? error.field.slice(setting.length + 1) : "";
  const [, index, which] = /^(\d+)(?:\.(\w+))?/.exec(place) ?? [];
  const row = promptRows().filter((one) => complete(promptOf(one)))[Number(index)];
  if (!row) return false;
  rowError(row, error);
  if (which) within(row, which).setAttribute("aria-invalid", "true");
  return true;
}

function savePrompts() {
  clearTimeout(promptTimer);
  promptTimer = 0;
  const whole = promptRows().map(promptOf).filter(complete);
  const now = JSON.stringify(whole);
  if (now === promptsSaved) return;
  promptsSaved = now;
  for (const row of promptRows()) rowError(row, "");
  void save(setting, whole);
}

/** Numbers, names and what can be done, after a row came, went or moved. */
function arrangePrompts() {
  const rows = promptRows();
  rows.forEach((row, index) => {
    const name = promptOf(row).label || t("forms.prompt_number", { n: index + 1 });
    const heading = row.querySelector("strong");
    if (heading) heading.textContent = name;
    for (const [which, words, off] of /** @type {const} */ ([
      ["up", t("forms.prompt_up", { name }), index === 0],
      ["down", t("forms.prompt_down", { name }), index === rows.length - 1],
      ["remove", t("forms.prompt_remove", { name }), false],
    ])) {
      const act = row.querySelector(`[data-act="${which}"]`);
      if (!(act instanceof HTMLButtonElement)) continue;
      act.setAttribute("aria-label", words);
      act.title = words;
      act.disabled = off || locked;
    }
    const note = row.querySelector(".help");
    if (note instanceof HTMLElement) note.hidden = complete(promptOf(row));
  });
  show("prompts-none", rows.length === 0);
  button("prompts-add").disabled = rows.length >= MOST_PROMPTS || locked;
}

/** @param {string} path @param {string} act */
function iconButton(path, act) {
  return make("button", { type: "button", class: "quiet icon-only", "data-act": act }, [icon(path)]);
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
    make("div", { class: "field" }, [make("label", { for: label.id }, [t("forms.prompt_label")]), label]),
    make("div", { class: "field" }, [make("label", { for: words.id }, [t("forms.prompt_text")]), words]),
    make("div", { class: "field brief" }, [
      make("label", { for: icon.id }, [t("forms.prompt_icon")]),
      icon,
      make("p", { class: "faint small", id: `${id}-icon-help` }, [t("forms.prompt_icon_help")]),
    ]),
    error,
    make("p", { class: "help" }, [t("forms.prompt_incomplete")]),
  ]);
  for (const control of [label, words, icon]) {
    control.readOnly = locked;
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

/** Every row as it is, where one of them is not complete and so not saved; else null. @returns {Prompt[] | null} */
export function unsavedPrompts() {
  const rows = promptRows().map(promptOf);
  return rows.every(complete) ? null : rows;
}

/** Save at once what waits for a pause in typing. */
export function savePromptsWaiting() {
  if (promptTimer !== 0) savePrompts();
}

/** Show another list of prompts in place of this one. @param {Known} known @param {Prompt[] | null} typed rows that were not saved */
export function showPrompts(known, typed) {
  clearTimeout(promptTimer);
  promptTimer = 0;
  locked = known.locked !== "";
  promptsSaved = JSON.stringify(known.value);
  el("prompts-list").replaceChildren(...(typed ?? known.value).map(promptRow));
  const note = el("prompts-note");
  note.textContent = lockedBecause(known.locked);
  note.hidden = note.textContent === "";
  arrangePrompts();
}

/** What the rows hold now, saved or not. @returns {Prompt[]} */
export const promptsNow = () => promptRows().map(promptOf);

/** @param {Known} known */
export function fillPrompts(known) {
  const busy = el("prompts-list").contains(document.activeElement);
  const given = JSON.stringify(known.value);
  locked = known.locked !== "";
  button("prompts-add").disabled = locked || known.value.length >= MOST_PROMPTS;
  const note = el("prompts-note");
  note.textContent = lockedBecause(known.locked);
  note.hidden = note.textContent === "";
  if (busy || given === promptsSaved) return;
  if (promptRows().some((row) => !complete(promptOf(row)))) return;
  promptsSaved = given;
  el("prompts-list").replaceChildren(...known.value.map(promptRow));
  arrangePrompts();
}

/** The button that adds a row. @param {string} [name] the setting */
export function wirePrompts(name = setting) {
  setting = name;
  button("prompts-add").addEventListener("click", () => {
    const row = promptRow({ label: "", prompt: "", icon: null });
    el("prompts-list").append(row);
    arrangePrompts();
    within(row, "label").focus();
  });
}
