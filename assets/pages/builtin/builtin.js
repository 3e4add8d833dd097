// @ts-check
/**
 * The built-in view: which chat is shown, what the keys do, what the app says. It is there where ChatKit is not; both show
 * the same chats. The parts have files of their own: composer, history, conversation.
 */

import { observe } from "../common/agent_fetch.js";
import { Answerer } from "./answerer.js";
import { applyChatLook } from "./appearance.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { History } from "./history.js";
import { Notices, say } from "./notices.js";
import { ask, described } from "./protocol.js";
import { Follower } from "./scroll.js";
import { Side } from "./side.js";
import { BridgeError, call, on } from "../common/bridge.js";
import { speakWithoutTheApp, tellViolations } from "../common/without_app.js";
import { ask as askPerson } from "../common/dialog.js";
import { copyPromised } from "../common/clipboard.js";
import { button, el, explain, make, part, show } from "../common/parts.js";
import { applyTexts, setTexts, t } from "../common/texts.js";

/**
 * @typedef {import("../common/bridge.js").Described} Described
 * @typedef {import("./composer.js").Choice} Choice
 *
 * @typedef {object} Start what `builtin.start` answers
 * @property {Record<string, string>} texts
 * @property {import("./appearance.js").ChatLook} look
 * @property {{id: string, name: string, known: import("./answerer.js").Known, tools: Choice[], state: string}} agent null under a problem,
 *   and so is all that follows it but `reason`, `limits`, `notices` and `problem`
 * @property {import("./history.js").Agent[]} agents to choose from
 * @property {{width: number | null, agent: string}} side
 * @property {string} greeting
 * @property {{label: string, prompt: string}[]} prompts
 * @property {string} placeholder
 * @property {string} disclaimer
 * @property {Record<"history" | "rename" | "delete" | "feedback" | "retry" | "versions" | "auto_scroll" | "attachments", boolean>} features
 * @property {{render_ms: number, skeleton_ms: number, search_ms: number, message: number}} limits
 * @property {string | null} thread
 * @property {Record<string, string>} drafts chat to what was being written, empty for a new chat
 * @property {string} reason
 * @property {Described[]} notices
 * @property {Described | null} problem
 */

const place = el("thread");

/** @type {Start} */
let start;
/** @type {Conversation} */
let chat;
/** Chats that go on with their answer while another one is shown. @type {Map<string, Conversation>} */
const going = new Map();
let agentState = "off";
let isReady = false;
/** Whether the chat stands that the page begins with. */
let isSettled = false;
/** @type {string | null} */
let handedOver = null;

/* --- parts ------------------------------------------------------------------------------------------------- */

const composer = new Composer({
  send: (message) => void send(message),
  stop: () => chat.stop(),
  say,
  complain: (words) => complain(words, "warning"),
  editLast: () => Boolean(chat?.editLast()),
  keep,
});

const notices = new Notices({ left: () => composer.focus(), report: (error) => report(error) });

/** @param {string | import("../common/parts.js").Described} words @param {"warning" | "danger"} [tone] */
const complain = (words, tone) => notices.add(words, tone);

/** Whether it has been said that drafts can't be kept. */
let draftsAreLost = false;

/** @param {string} key @param {string} text */
function keep(key, text) {
  call("builtin.draft", { id: key || null, text }).catch((error) => {
    if (!draftsAreLost) complain(described(error), "warning");
    draftsAreLost = true;
  });
}

/** @param {() => Promise<unknown>} work */
const said = (work) => notices.said(work);

const history = new History({
  open: (id, agent, item) =>
    void (agent === start.agent.id ? open(id, { item }) : elsewhere(() => call("history.open", { agent, id, item }))),
  removed: (id) => {
    composer.forget(id);
    going.get(id)?.stop();
    going.delete(id);
    if (chat.id === id) {
      chat.stop();
      startNew({ focus: false });
    }
  },
  renamed: (id, title) => {
    if (chat.id !== id) return;
    chat.title = title;
    head();
    void follow(chat);
  },
  leave: () => composer.focus(),
  complain,
  say,
});

const side = new Side({
  exists: () => Boolean(start?.features?.history),
  entered: () => history.focus(),
  left: () => composer.focus(),
  sized: (width) => void call("history.keep", { width }).catch(report),
});

const answerer = new Answerer({
  use: (id) => void elsewhere(() => call("agent.use", { id })),
  choose: (model) => {
    chat.model = model;
    answerer.model(model);
    void keepModel(chat);
  },
  left: () => composer.focus(),
});

/** The chat's model holds as long as the chat. @param {Conversation} one */
async function keepModel(one) {
  if (!one.id || !one.model) return;
  await call("models.choose", { id: one.id, model: one.model }).catch((error) => complain(described(error), "warning"));
}

const follower = new Follower({
  wanted: () => isReady && start.features.auto_scroll,
  early: (scroller) => chat?.hasOlder && void chat.loadOlder(scroller),
  newest: () => composer.focus(),
});

/** The models that the agent names, its own first; none where there is only one. */
function offeredModels() {
  const { own, models } = start.agent.known;
  return models.length ? [own, ...models].map((id) => ({ id, label: id })) : [];
}

/** @returns {import("./conversation.js").Surroundings} */
function around() {
  return {
    name: start.agent.name,
    features: start.features,
    limits: start.limits,
    models: offeredModels(),
    choice: () => composer.choice,
    leave: () => composer.focus(),
    begun: async (id) => {
      history.put(await ask("threads.get_by_id", { thread_id: id }));
      await open(id);
      say(t("builtin.forked"));
    },
    changed: (one) => {
      if (one.id) history.touch(one.id);
      if (one.id && !one.isAnswering && one !== chat) going.delete(one.id);
      if (one !== chat) return;
      if (!one.isAnswering) void follow(one); // which model it was, is known by now
      reflect();
    },
    named: (one, thread, isNew) => {
      history.put(thread);
      if (isNew) void keepModel(one);
      if (one !== chat) return;
      if (isNew) {
        composer.rename(thread.id);
        history.mark(thread.id);
      }
      head();
      void follow(one);
    },
    moved: () => follower.follow(),
    say,
    complain,
    tool: onClientTool,
  };
}

/** The tools of this page, as the chat page has them. @param {string} name @param {Record<string, unknown>} params */
function onClientTool(name, params) {
  if (name !== "switch_theme") return { success: false, error: `unknown tool: ${name}` };
  const wanted = params.theme;
  if (wanted !== "light" && wanted !== "dark") return { success: false, error: "theme is light or dark" };
  applyChatLook({ ...start.look, scheme: wanted });
  return { success: true, theme: wanted };
}

/* --- the chat that is shown ----------------------------------------------------------------------------------- */

/** @param {Conversation} next */
function showChat(next) {
  if (chat?.id && chat.isAnswering && chat !== next) going.set(chat.id, chat);
  chat = next;
  follower.begin();
  show("problem", false);
  place.replaceChildren(next.element);
  composer.open(next.id ?? "");
  history.mark(next.id ?? "");
  head();
  reflect();
}

/** @param {{focus?: boolean}} [options] */
function startNew({ focus = true } = {}) {
  if (!start || start.problem) return;
  if (!chat || chat.id || !chat.isEmpty) {
    showChat(new Conversation(around(), null));
    call("builtin.thread", { id: null }).catch(report);
  }
  side.makeRoom();
  if (focus) composer.focus();
}

/**
 * @param {string} id
 * @param {{quiet?: boolean, item?: string | null}} [options] quiet: a chat that is gone is no problem; item: the message to show
 */
async function open(id, { quiet = false, item = null } = {}) {
  side.makeRoom();
  if (chat?.id === id && el("problem").hidden) {
    if (item) await chat.reveal(item, el("scroll"));
    return composer.focus();
  }
  const known = going.get(id);
  const next = known ?? new Conversation(around(), { id, created_at: "" });
  showChat(next);
  if (known) return follower.toEnd();
  const skeleton = window.setTimeout(() => show("loading", true), start.limits.skeleton_ms);
  try {
    const { title, feedback, model, answered_by: by } = await call("builtin.thread", { id });
    next.title = title ?? "";
    next.model = model;
    next.tell(by);
    if (chat === next) head();
    await next.load(feedback);
  } catch (error) {
    if (quiet) return startNew();
    const problem = described(error);
    const isGone = ["thread_not_found", "server_chat_lost"].includes(problem.code);
    if (isGone) history.drop(id);
    if (chat === next) showProblem(problem, isGone ? null : () => void reopen(id));
    return;
  } finally {
    clearTimeout(skeleton);
    show("loading", false);
  }
  if (chat !== next) return;
  reflect();
  follower.toEnd();
  if (item) await next.reveal(item, el("scroll"));
  composer.focus();
}

/** Whether the app is about to show another agent's page. */
let isLeaving = false;

/** To another agent, whose page takes the place of this one; answers under way end with it. @param {() => Promise<unknown>} go */
async function elsewhere(go) {
  if (isLeaving) return;
  if (chat.isAnswering || going.size) {
    const sure = await askPerson({ title: t("builtin.leave_title"), text: t("builtin.leave_text"), yes: t("builtin.leave_yes"), harmless: true });
    if (sure === null) return;
  }
  isLeaving = true;
  try {
    await go();
  } catch (error) {
    isLeaving = false;
    complain(described(error));
  }
}

/** @param {string} id */
async function reopen(id) {
  startNew({ focus: false });
  await open(id);
}

/** @param {import("./composer.js").Message} message */
async function send(message) {
  const one = chat;
  const files = composer.takeFiles();
  follower.begin();
  try {
    await one.send({ ...message, model: one.model });
  } catch (error) {
    const stopped = error instanceof DOMException && error.name === "AbortError";
    composer.restore(one.id ?? "", message, files, stopped ? "" : described(error));
    if (one !== chat) complain(t("builtin.not_sent", { title: one.title || t("builtin.untitled") }));
    else reflect();
  }
}

/** What the page shows of the state of its chat. */
function reflect() {
  composer.answering(chat.isAnswering, chat.mayStop);
  const { type, reason } = chat.status;
  composer.lock(type === "locked" || type === "closed" ? reason || t("builtin.locked") : null);
  show("start", chat.id === null && chat.isEmpty && !chat.isAnswering);
  if (!chat.isAnswering) return;
  if (agentState === "loading" || agentState === "light") chat.waits(t("builtin.getting_ready"));
}

function head() {
  const words = chat.title || t("builtin.untitled");
  el("title").textContent = words;
  el("title").title = words;
  answerer.model(chat.model);
}

/** The app remembers which chat is open, and names its window after it. @param {Conversation} one */
async function follow(one) {
  if (!one.id) return;
  try {
    one.tell((await call("builtin.thread", { id: one.id })).answered_by);
  } catch (error) {
    // What a server refuses, the answer says itself.
    if (!(error instanceof BridgeError)) report(error);
  }
}

/** @param {Described} problem @param {(() => void) | null} retry */
function showProblem(problem, retry) {
  show("start", false);
  el("problem-heading").textContent = problem.message;
  explain(el("problem-hint"), problem.hint, problem.code);
  el("problem-detail").textContent = problem.detail ? `${problem.code}\n${problem.detail}` : problem.code;
  button("problem-retry").hidden = retry === null;
  button("problem-retry").onclick = retry;
  button("problem-setup").hidden = problem.code !== "agent_not_set";
  show("problem", true);
  el("problem-heading").focus({ preventScroll: true });
}

/* --- buttons and keys ------------------------------------------------------------------------------------------------- */

button("new").addEventListener("click", () => startNew());
button("settings").addEventListener("click", said(() => call("app.open_settings")));
button("problem-setup").addEventListener("click", said(() => call("app.open_setup")));
button("problem-copy").addEventListener(
  "click",
  said(async () => {
    const text = call("diagnostics.copy").then((answer) => answer.text);
    if (await copyPromised(text)) say(t("common.copied"));
    else el("problem-detail").textContent = await text;
  }),
);

addEventListener("keydown", (event) => {
  if (!start || part("question-dialog", HTMLDialogElement).open) return;
  const control = (event.ctrlKey || event.metaKey) && !event.altKey;
  if (event.key === "Escape" && !event.isComposing) {
    if (side.covers) side.leave();
    else if (chat?.isAnswering && chat.mayStop) {
      chat.stop();
      composer.focus();
    }
  } else if (control && !event.shiftKey && event.key.toLowerCase() === "n") {
    event.preventDefault();
    startNew();
  } else if (control && event.shiftKey && event.key.toLowerCase() === "h") {
    event.preventDefault();
    side.show(true, { focus: true });
  }
});

/* --- what the app says --------------------------------------------------------------------------------------------------- */

/** What was chosen in the window of all chats before this page was ready. @type {{agent: string, id: string} | null} */
let chosen = null;

on("chat.open", (which) => {
  if (!isReady) chosen = which;
  else if (which.agent === start.agent.id) void open(which.id);
});
on("chat.deleted", ({ id }) => {
  history.drop(id);
  composer.forget(id);
  if (chat?.id === id) startNew({ focus: false });
});
on("chat.new", () => startNew());
on("chat.history", () => start && side.show(true, { focus: true }));

on("prompt.handed_over", ({ text }) => {
  handedOver = String(text);
  handPrompt();
});

/* `smoke --say`: what a person would type and send. */
on("prompt.send", ({ text }) => {
  startNew();
  void send({ text: String(text), attachments: [], tool: "" });
});

on("view.leave", async () => {
  const text = composer.give();
  try {
    await call("builtin.switch_view", { text });
  } catch (error) {
    composer.insert(text);
    complain(described(error));
  }
});
on("agent.failed", ({ code }) => chat.failedBy(code));
on("agent.state", ({ state }) => {
  if (agentState === "ready") return; // what is loaded for another agent is not this one's
  agentState = state;
  if (!isReady || !chat.isAnswering) return;
  chat.waits(state === "loading" || state === "light" ? t("builtin.getting_ready") : "");
});

on("thread.changed", async ({ agent, thread: id }) => {
  if (!start || agent !== start.agent.id) return;
  try {
    const thread = await ask("threads.get_by_id", { thread_id: id });
    history.put(thread);
    if (chat.id !== id) return;
    chat.title = thread.title ?? "";
    head();
    await follow(chat);
  } catch (error) {
    report(error); // deleted meanwhile
  }
});

on("look.changed", (look) => {
  if (!start) return;
  start.look = { ...start.look, scheme: look.scheme };
  applyChatLook(start.look);
});

on("settings.changed", async () => {
  if (!start || isLeaving) return;
  try {
    const before = start.agent.id;
    const next = /** @type {Start} */ (await call("builtin.start"));
    if (next.agent?.id !== before) return await call("builtin.reload", { text: composer.text }); // another agent: the app decides what is shown
    start = next;
    configure();
  } catch (error) {
    report(error);
  }
});

observe({
  waits: (isWaiting) => {
    if (isReady && isWaiting && agentState !== "ready" && chat.isAnswering) chat.waits(t("builtin.getting_ready"));
  },
});

tellViolations((detail) => call("builtin.problem", { code: "csp", detail }));

/** Tells the app of something that the person need not see; never fails itself. @param {unknown} error */
function report(error) {
  const detail = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  call("builtin.problem", { code: "page", detail: detail.slice(0, 2_000) }).catch(() => {});
}

function handPrompt() {
  if (!isSettled || handedOver === null) return;
  composer.insert(handedOver);
  handedOver = null;
}

/* --- the start -------------------------------------------------------------------------------------------------------------- */

function speak() {
  setTexts(start.texts);
  applyTexts();
  applyChatLook(start.look);
}

function configure() {
  speak();
  agentState = start.agent.state;
  composer.configure({
    limit: start.limits.message,
    placeholder: start.placeholder,
    tools: start.agent.tools,
    files: start.features.attachments,
  });
  history.configure(start.features, start.limits.search_ms, start.agents, start.agent.id, start.side.agent);
  answerer.configure(start.agents, start.agent.id, start.agent.known);
  side.resize(start.side.width);
  el("greeting").textContent = start.greeting;
  el("prompts").replaceChildren(
    ...start.prompts.map(({ label, prompt }) => {
      const press = make("button", { type: "button" }, [label]);
      press.addEventListener("click", () => void send({ text: prompt, attachments: [], tool: "" }));
      return make("li", {}, [press]);
    }),
  );
  show("prompts", start.prompts.length > 0);
  el("disclaimer").textContent = start.disclaimer;
  show("disclaimer", start.disclaimer !== "");
  side.refresh();
  if (chat) {
    head();
    reflect();
  }
}

async function main() {
  try {
    start = await call("builtin.start");
  } catch (error) {
    await speakWithoutTheApp(error, "builtin");
    showProblem(described(error), () => location.reload());
    return;
  }
  if (start.problem) {
    speak();
    composer.lock("");
    side.show(false);
    showProblem(start.problem, null);
    return;
  }
  configure();
  for (const notice of start.notices) complain(notice, "warning");
  if (start.reason) notices.offer(t("builtin.why_unreachable"), t("builtin.try_again"), () => call("builtin.try_chatkit", { text: composer.text }));
  startNew();
  composer.remember(start.drafts);
  isReady = true;
  call("builtin.ready", { ms: Math.round(performance.now()) }).catch(report);
  const first = chosen?.agent === start.agent.id ? chosen.id : start.thread;
  const listed = start.features.history ? history.load(first ?? "") : undefined;
  if (first) await open(first, { quiet: true });
  isSettled = true;
  handPrompt();
  await listed;
  history.mark(chat.id ?? "");
}

main().catch((error) => {
  showProblem(described(error), () => location.reload());
  report(error);
});
