// @ts-check
/** What the items of a thread look like: one view for each kind. A view shows an item and its changes; it asks for nothing. */

import { isPicture, outside } from "./addresses.js";
import { copyButton } from "./code.js";
import { icon, iconButton } from "./icons.js";
import { textOf } from "./items.js";
import { Growing, renderAll } from "./markdown.js";
import { modelMenu } from "./versions.js";
import { widget } from "./widgets.js";
import { make } from "../common/parts.js";
import { t } from "../common/texts.js";

/**
 * @typedef {import("./protocol.js").Item} Item
 * @typedef {import("./protocol.js").Input} Input
 * @typedef {import("./protocol.js").Source} Source
 * @typedef {import("./protocol.js").Task} Task
 * @typedef {import("./items.js").Update} Update
 *
 * @typedef {object} Deeds what a person may do with an item
 * @property {string} name of the agent
 * @property {boolean} feedback
 * @property {boolean} retry
 * @property {number} every milliseconds between two renderings of a growing text
 * @property {{id: string, label: string}[]} models that the agent offers
 * @property {(item: Item, model?: string) => void} again
 * @property {boolean} versions whether messages can be edited, and a chat begin from one
 * @property {(item: Item) => void} edit
 * @property {(item: Item) => void} fork a chat of its own with all until there
 * @property {(item: Item, kind: "positive" | "negative") => Promise<boolean>} rate
 * @property {(item: Item, action: import("./protocol.js").Action & {streaming?: boolean}) => void} act
 * @property {(item: Item, submission: Record<string, unknown>) => void} answer
 * @property {(id: string) => string | undefined} rated how an item was rated before
 *
 * @typedef {object} View
 * @property {Item} item
 * @property {HTMLElement} element
 * @property {(update: Update | null) => void} changed the item has changed by this update, or as a whole
 * @property {() => Promise<void>} settled nothing more is coming for this item
 * @property {(model: string) => void} [madeBy] another model than the agent's own made it
 * @property {boolean} [written] whether it shows words of an answer already
 * @property {{place: HTMLElement, text: string}[]} [texts] markdown to be rendered, together with that of other views
 */

/** A message of a person that is longer is folded. */
const LONG = { characters: 2_000, lines: 24 };

/**
 * @param {Item} item
 * @param {Deeds} deeds
 * @param {boolean} growing whether it is being written
 * @returns {View | null} null for what is not shown
 */
export function viewOf(item, deeds, growing) {
  switch (item.type) {
    case "user_message":
      return said(item, deeds);
    case "assistant_message":
      return new Answer(item, deeds, growing);
    case "workflow":
    case "task":
      return new Steps(item, growing);
    case "widget":
      return shown(item, (one) => (one.widget ? widget(one.widget, (action) => deeds.act(one, action)) : make("div")));
    case "generated_image":
      return shown(item, picture);
    case "structured_input":
      return shown(item, (one) => question(one, deeds));
    default:
      return null;
  }
}

/**
 * A view that is simply made anew when its item changes.
 * @param {Item} item
 * @param {(item: Item) => HTMLElement} build
 * @returns {View}
 */
function shown(item, build) {
  const element = make("article", { class: "item" }, [build(item)]);
  return {
    item,
    element,
    written: true,
    changed() {
      const focused = element.contains(document.activeElement);
      element.replaceChildren(build(this.item));
      if (!focused) return;
      const next = element.querySelector("button");
      if (!next) element.tabIndex = -1; // its buttons have gone with the answer; whoever pressed one stays where they were
      (next ?? element).focus();
    },
    settled: async () => {},
  };
}

/* --- what a person said ------------------------------------------------------------------------------ */

/** @param {Item} item @param {Deeds} deeds @returns {View} */
function said(item, deeds) {
  const text = textOf(item);
  const words = make("div", { class: "words", dir: "auto" }, [text]);
  const bubble = make("div", { class: "bubble" }, text ? [words] : []);
  const element = make("article", { class: "item said" }, [make("h2", { class: "visually-hidden" }, [t("builtin.you")])]);
  const files = item.attachments ?? [];
  if (files.length) element.append(make("ul", { class: "files" }, files.map((file) => make("li", {}, [chip(file)]))));
  if (text) element.append(bubble);
  const row = make("div", { class: "deeds" }, text ? [copyButton(t("common.copy"), () => text)] : []);
  if (deeds.versions && item.id) row.append(iconButton("rename", t("builtin.edit"), () => deeds.edit(item)));
  if (row.hasChildNodes()) element.append(row);
  if (text.length > LONG.characters || text.split("\n").length > LONG.lines) fold(bubble, words);
  return { item, element, changed: () => {}, settled: async () => {} };
}

/** @param {HTMLElement} bubble @param {HTMLElement} words */
function fold(bubble, words) {
  words.classList.add("folded");
  const more = make("button", { type: "button", class: "link small", "aria-expanded": "false" }, [t("builtin.unfold")]);
  more.addEventListener("click", () => {
    const open = words.classList.toggle("folded") === false;
    more.textContent = open ? t("builtin.fold") : t("builtin.unfold");
    more.setAttribute("aria-expanded", String(open));
  });
  bubble.append(more);
}

/**
 * A file that goes with a message.
 * @param {{name: string, preview_url?: string}} file
 * @returns {HTMLElement}
 */
export function chip({ name, preview_url: preview }) {
  const sign = isPicture(preview) ? make("img", { src: preview, alt: "" }) : make("span", { class: "sign" }, [icon("file")]);
  return make("span", { class: "chip" }, [sign, make("span", { class: "name", title: name }, [name])]);
}

/* --- what the agent says ----------------------------------------------------------------------------- */

/** @implements {View} */
class Answer {
  item;
  #deeds;
  #body = make("div", { class: "body" });
  #sources = make("div", { class: "sources" });
  #model = make("p", { class: "made-by small faint", dir: "auto" });
  #row = make("div", { class: "deeds" });
  /** @type {HTMLElement[]} */
  #places = [];
  /** @type {Growing[]} */
  #growing = [];
  /** @type {{place: HTMLElement, text: string}[]} */
  texts = [];
  element;

  /**
   * @param {Item} item
   * @param {Deeds} deeds
   * @param {boolean} growing
   */
  constructor(item, deeds, growing) {
    this.item = item;
    this.#deeds = deeds;
    this.element = make("article", { class: "item answer" }, [
      make("h2", { class: "visually-hidden" }, [deeds.name]),
      this.#body,
      this.#sources,
    ]);
    if (growing) {
      item.content.forEach((/** @type {any} */ part, /** @type {number} */ index) => this.#part(index).add(part.text));
    } else {
      this.texts = item.content.map((/** @type {{text: string}} */ { text }, /** @type {number} */ index) => ({
        place: this.#place(index),
        text,
      }));
      this.#finished();
    }
  }

  get written() {
    return this.#growing.some((part) => part.text) || this.texts.length > 0;
  }

  /** @param {number} index @returns {HTMLElement} */
  #place(index) {
    while (this.#places.length <= index) {
      const place = make("div", { class: "markdown", dir: "auto" });
      this.#places.push(place);
      this.#body.append(place);
    }
    return this.#places[index];
  }

  /** @param {number} index */
  #part(index) {
    for (let at = this.#growing.length; at <= index; at += 1) {
      this.#growing.push(new Growing(this.#place(at), this.#deeds.every));
    }
    return this.#growing[index];
  }

  /** @param {Update | null} update */
  changed(update) {
    if (update?.type === "assistant_message.content_part.text_delta") {
      this.#part(update.content_index).add(update.delta);
    } else if (update?.type === "assistant_message.content_part.added") {
      if (update.content.text) this.#part(update.content_index).add(update.content.text);
    }
  }

  /** @param {string} model */
  madeBy(model) {
    this.#model.textContent = t("builtin.made_by", { model });
    this.#sources.after(this.#model);
  }

  async settled() {
    const parts = /** @type {{text: string}[]} */ (this.item.content);
    await Promise.all(parts.map(({ text }, index) => this.#part(index).finish(text)));
    this.#finished();
  }

  #finished() {
    const sources = unique(this.item.content.flatMap((/** @type {any} */ { annotations = [] }) => annotations));
    this.#sources.replaceChildren(...(sources.length ? [list(sources)] : []));
    if (this.#row.isConnected || this.#row.parentNode || !textOf(this.item)) return;
    this.#row.append(copyButton(t("common.copy"), () => textOf(this.item)));
    if (this.#deeds.feedback) this.#row.append(...this.#thumbs());
    if (this.#deeds.retry) {
      const again = iconButton("retry", t("common.try_again"), () => this.#deeds.again(this.item));
      again.classList.add("again");
      this.#row.append(again);
      const { models, versions } = this.#deeds;
      if (versions && models.length > 1) this.#row.append(modelMenu(models, (model) => this.#deeds.again(this.item, model)));
    }
    if (this.#deeds.versions) this.#row.append(iconButton("fork", t("builtin.fork"), () => this.#deeds.fork(this.item)));
    this.element.append(this.#row);
  }

  #thumbs() {
    const kinds = /** @type {const} */ (["positive", "negative"]);
    const buttons = kinds.map((kind) => {
      const words = kind === "positive" ? t("builtin.good") : t("builtin.bad");
      const button = iconButton(kind === "positive" ? "like" : "dislike", words, async () => {
        if (await this.#deeds.rate(this.item, kind)) mark(kind);
      });
      return button;
    });
    /** @param {string | undefined} rated */
    const mark = (rated) =>
      buttons.forEach((button, index) => button.setAttribute("aria-pressed", String(kinds[index] === rated)));
    mark(this.#deeds.rated(this.item.id));
    return buttons;
  }
}

/** @param {{source: Source}[]} annotations @returns {Source[]} each once */
function unique(annotations) {
  const seen = new Map();
  for (const { source } of annotations) seen.set(source.type === "url" ? source.url : JSON.stringify(source), source);
  return [...seen.values()];
}

/** @param {Source[]} sources */
function list(sources) {
  const entries = sources.map((source) => make("li", {}, [sourceOf(source)]));
  const box = make("details", {}, [
    make("summary", {}, [t("builtin.sources", { count: sources.length })]),
    make("ol", {}, entries),
  ]);
  return box;
}

/** @param {Source} source @returns {HTMLElement} */
function sourceOf(source) {
  if (source.type === "url") return outside(source.url, source.title || source.url);
  return make("span", {}, [source.type === "file" ? source.filename || source.title : source.title]);
}

/* --- the steps of an agent --------------------------------------------------------------------------- */

/** @implements {View} */
class Steps {
  item;
  #running;
  #summary = make("summary");
  #list = make("ol", { class: "tasks" });
  #box;
  element;

  /** @param {Item} item @param {boolean} growing */
  constructor(item, growing) {
    this.item = item;
    this.#running = growing;
    this.#box = make("details", { class: "steps" }, [this.#summary, this.#list]);
    this.#box.open = item.workflow?.expanded === true;
    this.element = make("article", { class: "item" }, [this.#box]);
    this.changed(null);
  }

  /** @param {Update | null} _update */
  changed(_update) {
    const tasks = this.item.workflow?.tasks ?? (this.item.task ? [this.item.task] : []);
    const words = this.#running ? titleOf(tasks.at(-1)) : this.#whole(tasks);
    const sign = this.#running ? make("span", { class: "spinner", "aria-hidden": "true" }) : icon("check");
    this.#summary.replaceChildren(make("span", { class: "title" }, [words]), sign);
    this.#list.replaceChildren(...tasks.map((task) => row(task, this.#running)));
  }

  /** @param {Task[]} tasks */
  #whole(tasks) {
    const { title, duration } = this.item.workflow?.summary ?? {};
    if (title) return title;
    if (duration !== undefined) {
      const seconds = Math.max(1, Math.round(duration));
      const isThought = tasks.some((task) => task.type === "thought");
      return isThought ? t("builtin.thought_for", { seconds }) : t("builtin.worked_for", { seconds });
    }
    return tasks.length === 1 ? titleOf(tasks[0]) : t("builtin.steps", { count: tasks.length });
  }

  async settled() {
    this.#running = false;
    this.changed(null);
  }
}

/** @param {Task | undefined} task */
function titleOf(task) {
  return task?.title || task?.title_query || task?.queries?.[0] || t("builtin.working");
}

/** @param {Task} task @param {boolean} running */
function row(task, running) {
  const busy = running && task.status_indicator === "loading";
  const entry = make("li", {}, [
    make("p", { class: "title" }, [busy ? make("span", { class: "spinner" }) : icon("check"), titleOf(task)]),
  ]);
  if (task.content) {
    const place = make("div", { class: "markdown small" });
    void renderAll([{ place, text: task.content }]);
    entry.append(place);
  }
  const queries = (task.queries ?? []).filter((query) => query !== titleOf(task));
  if (queries.length) entry.append(make("ul", { class: "queries" }, queries.map((query) => make("li", {}, [query]))));
  if (task.sources?.length) entry.append(make("ul", { class: "found" }, task.sources.map((one) => make("li", {}, [sourceOf(one)]))));
  return entry;
}

/* --- pictures and questions -------------------------------------------------------------------------- */

/** @param {Item} item */
function picture({ image }) {
  if (!image) return make("div", { class: "skeleton picture" }, [make("span", { class: "visually-hidden" }, [t("builtin.drawing")])]);
  if (isPicture(image.url)) return make("img", { class: "picture", src: image.url, alt: t("builtin.picture") });
  return outside(image.url, t("builtin.picture"));
}

let questions = 0;

/** @param {Item} item @param {Deeds} deeds */
function question(item, deeds) {
  const inputs = item.inputs ?? [];
  if (item.status !== "pending") {
    const answers = inputs.flatMap(({ question: words, answer }) => [
      make("dt", {}, [words]),
      make("dd", {}, [answer && !answer.skipped ? answer.values.join(", ") : t("builtin.skipped")]),
    ]);
    return make("dl", { class: "widget answered" }, answers);
  }
  const form = make("form", { class: "widget" }, inputs.map(asked));
  const send = make("button", { type: "submit", class: "primary" }, [t("builtin.answer")]);
  const skip = make("button", { type: "button", class: "quiet" }, [t("builtin.skip")]);
  form.append(make("div", { class: "actions" }, [send, skip]));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const answers = Object.fromEntries(inputs.map(({ id }, index) => [id, answerIn(form.children[index])]));
    if (Object.values(answers).every(({ skipped }) => skipped)) return form.querySelector("input")?.focus();
    freeze(form);
    deeds.answer(item, { status: "answered", answers });
  });
  skip.addEventListener("click", () => {
    freeze(form);
    deeds.answer(item, { status: "skipped", answers: {} });
  });
  return form;
}

/** @param {HTMLFormElement} form */
function freeze(form) {
  for (const control of form.querySelectorAll("input, button")) control.toggleAttribute("disabled", true);
}

/** @param {Input} input */
function asked(input) {
  questions += 1;
  const name = `question-${questions}`;
  const parts = /** @type {HTMLElement[]} */ ([make("legend", {}, [input.question])]);
  if (input.description) parts.push(make("p", { class: "help" }, [input.description]));
  for (const { value } of input.options ?? []) {
    const control = make("input", { type: input.multiple ? "checkbox" : "radio", name, value });
    parts.push(make("label", { class: "choice" }, [control, value]));
  }
  const label = input.type === "freeform" ? input.question : t("builtin.other");
  parts.push(make("input", { type: "text", class: "free", "aria-label": label, placeholder: input.type === "freeform" ? "" : label }));
  return make("fieldset", { class: "stack" }, parts);
}

/** @param {Element} fieldset */
function answerIn(fieldset) {
  const chosen = [...fieldset.querySelectorAll("input")].filter((one) => one.checked).map((one) => one.value);
  const free = /** @type {HTMLInputElement | null} */ (fieldset.querySelector("input.free"))?.value.trim();
  const values = free ? [...chosen, free] : chosen;
  return { values, skipped: values.length === 0 };
}
