/**
 * The items of an open thread, as the events of the ChatKit protocol make them (openai-chatkit 1.6.5, `chatkit.types`).
 * Pure: knows no request and no element.
 */
"use strict";

globalThis.Conversation = class {
  items = [];
  /** What the agent says of its progress, until something of the answer is there. */
  progress = null;
  /** {message, allow_retry} of an `error` event. */
  failure = null;
  notices = [];
  effects = [];
  title = "";
  /** Whether a stream may be stopped (`stream_options`). */
  canStop = true;
  deltas = 0;
  /** Called with {id, title} of a thread that is made or changed. */
  onThread = () => {};

  clear() {
    Object.assign(this, { items: [], progress: null, failure: null, notices: [], title: "", canStop: true, deltas: 0 });
  }

  /** A page of items, oldest first. */
  load(items) {
    for (const item of items) this.#put(structuredClone(item));
  }

  begin() {
    Object.assign(this, { progress: null, failure: null, canStop: true, deltas: 0 });
  }

  apply(event) {
    switch (event.type) {
      case "thread.created":
      case "thread.updated":
        this.title = event.thread.title ?? this.title;
        this.onThread(event.thread);
        break;
      case "stream_options":
        this.canStop = event.stream_options.allow_cancel !== false;
        break;
      case "thread.item.added":
      case "thread.item.done":
      case "thread.item.replaced":
        if (!event.item.type.endsWith("user_message")) this.progress = null;
        this.#put(structuredClone(event.item));
        break;
      case "thread.item.removed":
        this.items = this.items.filter((item) => item.id !== event.item_id);
        break;
      case "thread.item.updated":
        this.#update(event);
        break;
      case "progress_update":
        this.progress = event.text;
        break;
      case "notice":
        this.notices.push(event.message);
        break;
      case "client_effect":
        this.effects.push({ name: event.name, data: event.data });
        break;
      case "error":
        this.progress = null;
        this.failure = { message: event.message ?? event.code, allow_retry: event.allow_retry === true };
        break;
    }
  }

  lastUserMessage() {
    return this.items.findLast((item) => item.type.endsWith("user_message"));
  }

  /** What is shown: {id, role, text}, with tasks and buttons where there are some. */
  lines() {
    const lines = [];
    for (const item of this.items) {
      const text = (item.content ?? []).map((part) => part.text ?? "").join("");
      if (item.type.endsWith("user_message")) lines.push({ id: item.id, role: "user", text });
      else if (item.type.endsWith("assistant_message")) lines.push({ id: item.id, role: "assistant", text });
      else if (item.type === "workflow") {
        const tasks = (item.workflow.tasks ?? []).map((task) => task.title ?? task.type);
        lines.push({ id: item.id, role: "steps", text: item.workflow.summary?.title ?? "", tasks });
      } else if (item.type.endsWith("widget")) {
        lines.push({ id: item.id, role: "widget", text: item.copy_text ?? "", ...partsOf(item.widget) });
      } else if (item.type === "structured_input") {
        lines.push({ id: item.id, role: "question", text: (item.inputs ?? []).map((input) => input.question).join(" ") });
      }
    }
    return lines;
  }

  #put(item) {
    const at = this.items.findIndex((known) => known.id === item.id);
    if (at < 0) this.items.push(item);
    else this.items[at] = item;
  }

  #update({ item_id, update }) {
    const item = this.items.find((known) => known.id === item_id);
    if (!item) return;
    this.progress = null;
    const part = () => {
      item.content ??= [];
      while (item.content.length <= update.content_index) item.content.push({ type: "output_text", text: "", annotations: [] });
      return item.content[update.content_index];
    };
    switch (update.type.split(".").pop()) {
      case "text_delta":
        part().text += update.delta;
        this.deltas += 1;
        break;
      case "content_part_added":
      case "added":
        if (update.content) part().text = update.content.text;
        else if (update.task) item.workflow.tasks[update.task_index] = update.task;
        break;
      case "done":
        if (update.content) Object.assign(part(), update.content);
        break;
      case "annotation_added":
        (part().annotations ??= []).push(update.annotation);
        break;
      case "updated":
        if (update.task) item.workflow.tasks[update.task_index] = update.task;
        break;
    }
  }
};

/** The texts of a widget and its buttons with an action, however deep they lie. */
function partsOf(widget) {
  const tree = typeof widget === "string" ? JSON.parse(widget) : widget;
  const words = [];
  const buttons = [];
  const look = (node) => {
    if (!node || typeof node !== "object") return;
    if (typeof node.value === "string") words.push(node.value);
    if (node.onClickAction) buttons.push({ label: node.label ?? "", action: node.onClickAction, disabled: node.disabled === true });
    for (const child of Array.isArray(node.children) ? node.children : []) look(child);
  };
  look(tree);
  return { words: words.join("\n"), buttons };
}
