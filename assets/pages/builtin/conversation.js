// @ts-check
/**
 * One chat: its items, what is being answered in it, and the element they stand in. It goes on when another chat is
 * shown, so that nobody has to wait for an answer to look elsewhere.
 */

import { Banners } from "./banners.js";
import { edit } from "./editing.js";
import { apply, textOf } from "./items.js";
import { renderAll } from "./markdown.js";
import { viewOf } from "./messages.js";
import { ask, described, Refused, stream } from "./protocol.js";
import { Versions } from "./versions.js";
import { call } from "../common/bridge.js";
import { make } from "../common/parts.js";
import { t } from "../common/texts.js";

/**
 * @typedef {import("./protocol.js").Attachment} Attachment
 * @typedef {import("./protocol.js").Event} Event
 * @typedef {import("./protocol.js").Item} Item
 * @typedef {import("./protocol.js").Thread} Thread
 * @typedef {import("./messages.js").View} View
 *
 * @typedef {object} Surroundings what a chat needs of the page
 * @property {string} name of the agent
 * @property {{feedback: boolean, retry: boolean, versions: boolean}} features
 * @property {{render_ms: number, message: number}} limits
 * @property {{id: string, label: string}[]} models
 * @property {() => {tool: string}} choice for the next message
 * @property {() => void} leave what was written in the chat itself is done
 * @property {(id: string) => Promise<void>} begun a chat of its own was made from this one
 * @property {(chat: Conversation) => void} changed it began or ended to answer, or is locked
 * @property {(chat: Conversation, thread: Thread, isNew: boolean) => void} named it was made, or has another title
 * @property {() => void} moved something was added at the end
 * @property {(words: string) => void} say to those who listen to the page
 * @property {(words: string | import("../common/parts.js").Described) => void} complain of something that was refused beside the chat itself
 * @property {(name: string, params: Record<string, unknown>) => Record<string, unknown>} tool a client tool of the agent
 *
 * @typedef {{text: string, attachments: Attachment[], model: string, tool: string}} Message
 */

/** Items that are asked for at a time. */
const PAGE = 40;

/** Pages that are loaded to reach the message that a search found. */
const FAR = 50;

/** How much of an answer is read out when it is there, in characters; the rest can be read in the chat itself. */
const SPOKEN = 600;

export class Conversation {
  /** @type {string | null} null until its first message has been taken */
  id;
  title = "";
  /** The model that answers here; empty for the agent's own. */
  model = "";
  /** Answers that another model than the agent's own made. @type {Record<string, string>} */
  #madeBy = {};
  /** @type {{type: string, reason?: string}} */
  status = { type: "active" };
  element = make("div", { class: "thread" });
  #around;
  /** @type {Map<string, View>} in the order of the thread */
  #views = new Map();
  #items = make("div", { class: "items" });
  #banners = new Banners(this.#items);
  #older = make("div", { class: "older" });
  #wait = make("div", { class: "wait" });
  #waitWords = make("span");
  /** @type {AbortController | null} */
  #run = null;
  #mayStop = true;
  /** Views of items that are being written. @type {Set<View>} */
  #open = new Set();
  /** @type {string | undefined} */
  #before;
  #loadingOlder = false;
  /** @type {Record<string, string>} */
  #rated = {};
  #versions;

  /**
   * @param {Surroundings} around
   * @param {Thread | null} thread
   */
  constructor(around, thread) {
    this.#around = around;
    const { say, complain } = around;
    const reload = (/** @type {string | null} */ after) => this.#reload(after);
    this.#versions = new Versions(() => this.#state(), { reload, say, complain });
    this.id = thread?.id ?? null;
    if (thread) this.#take(thread);
    this.#wait.append(make("span", { class: "dots", "aria-hidden": "true" }, [make("i"), make("i"), make("i")]), this.#waitWords);
    this.#wait.hidden = true;
    this.element.append(this.#older, this.#items, this.#wait);
  }

  get isEmpty() {
    return this.#views.size === 0 && !this.#items.hasChildNodes();
  }

  get isAnswering() {
    return this.#run !== null;
  }

  get mayStop() {
    return this.#mayStop;
  }

  get hasOlder() {
    return this.#before !== undefined;
  }

  /** @param {Thread} thread */
  #take(thread) {
    this.title = thread.title ?? "";
    this.status = thread.status ?? { type: "active" };
  }

  /* --- what was said before --------------------------------------------------------------------------- */

  /** The newest items. Rejects with `Refused`. @param {Record<string, string>} rated */
  async load(rated) {
    this.#rated = rated;
    const [thread, items] = await Promise.all([
      ask("threads.get_by_id", { thread_id: this.id }),
      ask("items.list", { thread_id: this.id, limit: PAGE, order: "desc" }),
    ]);
    this.#take(thread);
    this.#before = items.has_more ? items.after : undefined;
    await this.#insert(items.data);
    if (this.#around.features.versions) await this.#versions.look();
  }

  #state() {
    return { id: this.id, views: [...this.#views.values()], isAnswering: this.isAnswering };
  }

  /** Another version is shown after this item. @param {string | null} after null: from the beginning */
  async #reload(after) {
    const ids = [...this.#views.keys()];
    const from = after === null ? 0 : ids.indexOf(after) + 1;
    for (const id of ids.slice(from)) this.#remove(id);
    /** @type {Item[]} */
    const items = [];
    let cursor = from > 0 ? after : null;
    do {
      const place = cursor === null ? {} : { after: cursor };
      const page = await ask("items.list", { thread_id: this.id, limit: PAGE, order: "asc", ...place });
      items.push(...page.data);
      cursor = page.has_more ? page.after : null;
    } while (cursor !== null);
    if (from === 0) this.#before = undefined;
    const views = items.filter(({ id }) => !this.#views.has(id)).flatMap((item) => viewOf(item, this.#deeds(), false) ?? []);
    for (const view of views) this.#views.set(view.item.id, view);
    // What was said of the try that failed stays below.
    for (const { element } of views) this.#items.insertBefore(element, this.#banners.first);
    this.tell(this.#madeBy);
    this.#mark();
    await renderAll(views.flatMap(({ texts = [] }) => texts));
  }

  /** Shows and marks a message that a search found, in whichever version it is. @param {string} item @param {HTMLElement} scroller */
  async reveal(item, scroller) {
    try {
      if (this.#around.features.versions && (await this.#versions.show(item))) {
        for (const id of [...this.#views.keys()]) this.#remove(id);
        await this.load(this.#rated);
        this.#around.say(t("builtin.found_in_version"));
      }
      for (let page = 1; page < FAR && this.hasOlder && !this.#views.has(item); page += 1) await this.loadOlder(scroller);
    } catch (error) {
      return this.#around.complain(described(error));
    }
    for (const view of this.#views.values()) view.element.classList.toggle("found", view.item.id === item);
    this.#views.get(item)?.element.scrollIntoView({ block: "start" });
  }

  /** Which model made which answer. @param {Record<string, string>} madeBy item to model, where that is not the agent's own */
  tell(madeBy) {
    this.#madeBy = madeBy;
    for (const [id, model] of Object.entries(madeBy)) this.#views.get(id)?.madeBy?.(model);
  }

  /** The items before those; the place that is read stays where it is. @param {HTMLElement} scroller */
  async loadOlder(scroller) {
    if (this.#before === undefined || this.#loadingOlder) return;
    this.#loadingOlder = true;
    this.#older.append(make("span", { class: "spinner", role: "img", "aria-label": t("builtin.loading") }));
    try {
      const items = await ask("items.list", { thread_id: this.id, limit: PAGE, order: "desc", after: this.#before });
      this.#before = items.has_more ? items.after : undefined;
      const fromEnd = scroller.scrollHeight - scroller.scrollTop;
      const rendered = this.#insert(items.data);
      scroller.scrollTop = scroller.scrollHeight - fromEnd;
      await rendered;
      scroller.scrollTop = scroller.scrollHeight - fromEnd;
    } catch (error) {
      this.#around.complain(described(error));
    } finally {
      this.#loadingOlder = false;
      this.#older.replaceChildren();
    }
  }

  /** @param {Item[]} newestFirst before everything there is */
  async #insert(newestFirst) {
    const views = newestFirst
      .filter(({ id }) => !this.#views.has(id))
      .reverse()
      .flatMap((item) => viewOf(item, this.#deeds(), false) ?? []);
    this.#views = new Map([...views.map((view) => /** @type {const} */ ([view.item.id, view])), ...this.#views]);
    this.#items.prepend(...views.map(({ element }) => element));
    this.tell(this.#madeBy);
    this.#mark();
    await renderAll(views.flatMap(({ texts = [] }) => texts));
  }

  /* --- what a person does ------------------------------------------------------------------------------- */

  /**
   * Shows the message at once. Rejects when it was not taken; it is not shown then, and nothing of it is kept here.
   * @param {Message} message
   */
  async send({ text, attachments, model, tool }) {
    this.#banners.clear();
    const input = inputOf({ text, attachments, model, tool });
    const item = { id: "", type: "user_message", created_at: "", content: input.content, attachments };
    const shown = /** @type {View} */ (viewOf(item, this.#deeds(), false));
    shown.element.classList.add("sending");
    this.#items.append(shown.element);
    this.#around.moved();
    const done = () => shown.element.remove();
    await (this.id === null
      ? this.#answer("threads.create", { input }, { taken: done, refused: done })
      : this.#answer("threads.add_user_message", { input, thread_id: this.id }, { taken: done, refused: done }));
  }

  /** The person's last message. */
  get #asked() {
    return [...this.#views.values()].findLast(({ item }) => item.type === "user_message");
  }

  /** Begins to change the last message; false where there is none, or it can't be changed now. */
  editLast() {
    const asked = this.#asked;
    if (!asked || !this.#around.features.versions || this.#run) return false;
    this.#edit(asked.item, () => this.#around.leave());
    return true;
  }

  /** @param {Item} item @param {() => void} leave where the focus goes back to */
  #edit(item, leave) {
    const view = this.#views.get(item.id);
    if (!view) return;
    if (this.#run) return this.#around.complain(t("builtin.still_answering"));
    const attachments = item.attachments ?? [];
    const taken = () => {
      const ids = [...this.#views.keys()];
      for (const id of ids.slice(ids.indexOf(item.id))) this.#remove(id);
      this.#around.leave();
    };
    edit(view, {
      limit: this.#around.limits.message,
      leave,
      send: (text) => {
        this.#banners.clear();
        const input = { ...inputOf({ text, attachments, model: this.model, ...this.#around.choice() }), quoted_text: item.quoted_text };
        const params = { input, thread_id: this.id };
        return this.#answer("threads.add_user_message", params, { taken, refused: () => {} }, { instead_of: item.id });
      },
    });
  }

  /** The last message of the person once more. @param {string} [model] in place of the one that answered */
  async again(model) {
    const asked = this.#asked;
    if (!asked || this.#run) return;
    let after = false;
    for (const [id, view] of this.#views) {
      if (after) this.#remove(id);
      after ||= view === asked;
    }
    const params = { thread_id: this.id, item_id: asked.item.id };
    await this.#say("threads.retry_after_item", params, model ? { model } : undefined);
    // Nothing came: the answer before is there again.
    if (this.#around.features.versions && [...this.#views.values()].at(-1) === asked) await this.#reload(asked.item.id);
  }

  /** A chat of its own with all until an item. @param {Item} item */
  async #fork(item) {
    try {
      const { id } = await call("builtin.new_chat_from", { id: this.id, item: item.id });
      await this.#around.begun(id);
    } catch (error) {
      this.#around.complain(described(error));
    }
  }

  /** Ends the answer; what was said so far stays. */
  stop() {
    this.#run?.abort();
  }

  /**
   * @param {string} type
   * @param {Record<string, unknown>} params
   * @param {Record<string, string>} [metadata]
   */
  async #say(type, params, metadata) {
    this.#banners.clear();
    try {
      await this.#answer(type, params, null, metadata);
    } catch (error) {
      this.#fail(described(error), false);
    }
  }

  /** @returns {import("./messages.js").Deeds} */
  #deeds() {
    const { name, features, limits, models } = this.#around;
    return {
      name,
      models,
      ...features,
      every: limits.render_ms,
      again: (_, model) => void this.again(model),
      edit: (item) => this.#edit(item, () => this.#views.get(item.id)?.element.querySelector("button")?.focus()),
      fork: (item) => void this.#fork(item),
      rated: (id) => this.#rated[id],
      rate: async (item, kind) => {
        try {
          await ask("items.feedback", { thread_id: this.id, item_ids: [item.id], kind });
          this.#rated[item.id] = kind;
          this.#around.say(t("builtin.rated"));
          return true;
        } catch (error) {
          this.#around.complain(described(error));
          return false;
        }
      },
      act: (item, action) => void this.#act(item, action),
      answer: (item, input) =>
        void this.#say("threads.add_structured_input", { thread_id: this.id, item_id: item.id, input }),
    };
  }

  /**
   * @param {Item} item
   * @param {import("./protocol.js").Action & {streaming?: boolean}} action
   */
  async #act(item, { type, payload, streaming }) {
    if (this.#run) return;
    const params = { thread_id: this.id, item_id: item.id, action: { type, payload: payload ?? {} } };
    if (streaming !== false) return this.#say("threads.custom_action", params);
    try {
      const { updated_item: updated } = await ask("threads.sync_custom_action", params);
      if (updated) this.#replace(updated);
    } catch (error) {
      this.#around.complain(described(error));
    }
  }

  /* --- an answer ------------------------------------------------------------------------------------------ */

  /**
   * @param {string} type
   * @param {Record<string, unknown>} params
   * @param {{taken: () => void, refused: () => void} | null} sending told what becomes of the person's message in it
   * @param {Record<string, string>} [metadata]
   */
  async #answer(type, params, sending, metadata) {
    const run = new AbortController();
    this.#run = run;
    this.#mayStop = true;
    this.#around.changed(this);
    this.#waiting("");
    let isTaken = sending === null;
    this.#banners.why = "";
    try {
      for await (const event of stream(type, params, run.signal, metadata)) {
        if (!isTaken && event.type === "thread.item.done" && event.item.type === "user_message") {
          isTaken = true;
          sending?.taken();
        }
        if (!isTaken && event.type === "error") throw new Refused(event.message ?? t("builtin.no_answer"), "custom");
        this.#see(event);
      }
      if (!isTaken) throw new Refused(t("builtin.no_answer"), "internal");
    } catch (error) {
      if (!isTaken) {
        sending?.refused();
        throw error;
      }
      if (!run.signal.aborted) this.#fail(described(error), true);
    } finally {
      await this.#settle(run.signal.aborted);
      this.#run = null;
      this.#wait.hidden = true;
      this.#mark();
      this.#around.changed(this);
      if (this.#around.features.versions) void this.#versions.look();
    }
    await this.#tools();
  }

  /** @param {Event} event */
  #see(event) {
    switch (event.type) {
      case "thread.created":
        this.id = event.thread.id;
        this.#take(event.thread);
        this.#around.named(this, event.thread, true);
        break;
      case "thread.updated":
        this.#take(event.thread);
        this.#around.named(this, event.thread, false);
        break;
      case "thread.item.added":
        this.#add(event.item, true);
        break;
      case "thread.item.done":
        this.#done(event.item);
        break;
      case "thread.item.replaced":
        this.#replace(event.item);
        break;
      case "thread.item.removed":
        this.#remove(event.item_id);
        break;
      case "thread.item.updated": {
        const view = this.#views.get(event.item_id);
        if (!view) break;
        apply(view.item, event.update);
        view.changed(event.update);
        break;
      }
      case "stream_options":
        this.#mayStop = event.stream_options.allow_cancel !== false;
        this.#around.changed(this);
        break;
      case "progress_update":
        this.#waiting(event.text);
        break;
      case "error":
        this.#fail(event.message ?? t("builtin.no_answer"), event.allow_retry === true);
        break;
      case "notice":
        this.#banners.notice(event);
        break;
    }
    this.#waitOn();
    this.#around.moved();
  }

  /** @param {Item} item @param {boolean} growing */
  #add(item, growing) {
    const view = viewOf(item, this.#deeds(), growing);
    if (!view) return null;
    this.#views.set(item.id, view);
    this.#items.append(view.element);
    if (growing) this.#open.add(view);
    return view;
  }

  /** @param {Item} item */
  #done(item) {
    const view = this.#views.get(item.id);
    if (!view) {
      const added = this.#add(item, false);
      void renderAll(added?.texts ?? []);
      if (item.type === "client_tool_call") this.#calls.push(item);
      return;
    }
    view.item = item;
    this.#open.delete(view);
    view.changed(null);
    void view.settled().then(() => {
      this.#versions.place();
      this.#around.moved();
    });
  }

  /** @param {Item} item */
  #replace(item) {
    const old = this.#views.get(item.id);
    if (!old) return this.#done(item);
    old.item = item;
    this.#open.delete(old);
    if (item.type !== "assistant_message") return old.changed(null);
    const view = viewOf(item, this.#deeds(), false);
    if (!view) return;
    this.#views.set(item.id, view);
    old.element.replaceWith(view.element);
    void renderAll(view.texts ?? []);
  }

  /** @param {string} id */
  #remove(id) {
    const view = this.#views.get(id);
    if (!view) return;
    view.element.remove();
    this.#open.delete(view);
    this.#views.delete(id);
  }

  /** What is still open when the stream has ended stays as it is; what has nothing to show goes. @param {boolean} stopped */
  async #settle(stopped) {
    const open = [...this.#open];
    this.#open.clear();
    for (const view of open) if (view.item.type === "assistant_message" && !textOf(view.item).trim()) this.#remove(view.item.id);
    await Promise.all(open.filter(({ element }) => element.parentNode).map((view) => view.settled()));
    const last = [...this.#views.values()].at(-1);
    if (stopped) this.#around.say(t("builtin.stopped"));
    else if (last?.item.type === "assistant_message") this.#around.say(textOf(last.item).slice(0, SPOKEN));
  }

  /* --- client tools ----------------------------------------------------------------------------------------- */

  /** Tools of this page that the agent has asked for in the answer that has ended. @type {Item[]} */
  #calls = [];

  async #tools() {
    const call = this.#calls.at(-1);
    this.#calls = [];
    if (call?.status !== "pending") return;
    const result = this.#around.tool(call.name ?? "", call.arguments ?? {});
    await this.#say("threads.add_client_tool_output", { thread_id: this.id, result });
  }

  /* --- beside the items ---------------------------------------------------------------------------------------- */

  /** @param {string} words */
  #waiting(words) {
    this.#waitWords.textContent = words;
    this.#waitWords.className = words ? "" : "visually-hidden";
    if (words) this.#around.say(words);
    this.#waitOn();
  }

  /** The app says why a message waits. @param {string} words */
  waits(words) {
    if (this.#run) this.#waiting(words);
  }

  /** Three dots as long as nothing is being written. */
  #waitOn() {
    const writing = [...this.#open].some(({ item, written }) => written || item.type === "workflow");
    this.#wait.hidden = !this.#run || writing;
    if (writing) this.#waitWords.textContent = "";
  }

  /** @param {string | import("../common/parts.js").Described} words @param {boolean} retry */
  #fail(words, retry) {
    this.#banners.fail(words, retry ? () => void this.again() : null);
    this.#around.moved();
  }

  /** Why the answer under way has failed: its words come in the stream, its code from the app. @param {string} code */
  failedBy(code) {
    this.#banners.failedBy(code);
  }

  /** Retry stands under the last answer alone, and switches where there are versions. */
  #mark() {
    const views = [...this.#views.values()];
    const asked = views.findLastIndex(({ item }) => item.type === "user_message");
    const last = views.findLastIndex(({ item }) => item.type === "assistant_message");
    views.forEach((view, index) => {
      view.element.classList.toggle("last", index === last && asked >= 0 && last > asked && !this.#run);
    });
    this.#versions.place();
  }
}

/** A message as the protocol has it. @param {Message} message */
function inputOf({ text, attachments, model, tool }) {
  return {
    content: text ? [{ type: "input_text", text }] : [],
    attachments: attachments.map(({ id }) => id),
    inference_options: { ...(model ? { model } : {}), ...(tool ? { tool_choice: { id: tool } } : {}) },
  };
}
