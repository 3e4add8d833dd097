// @ts-check
/**
 * The chat page: asks the app what to show, hands OpenAI's component its options and functions, and covers it with a
 * view of ours when it does not work. The full options have one owner, `options()`: the component never merges.
 */

import { agentFetch, observe } from "../common/agent_fetch.js";
import { call, on } from "../common/bridge.js";
import { BlankWatch, loadComponent, pause, Trouble, within } from "./component.js";
import { Lean } from "./lean.js";
import { beginLoading, endLoading, showWait } from "./loading.js";
import { notice } from "../common/notice.js";
import { speakWithoutTheApp, tellViolations } from "../common/without_app.js";
import { NOT_BY_ITSELF, newSecret } from "./secret.js";
import { Stage } from "./stage.js";
import { OpenThread } from "./thread.js";
import { recall, remember, untilNextTry } from "./tries.js";
import { Unsent } from "./unsent.js";
import { applyLook, schemeNow } from "../common/look.js";
import { described, part } from "../common/parts.js";
import { applyTexts, setTexts, t } from "../common/texts.js";
import { tellUpdates } from "../common/update_notice.js";

/**
 * @typedef {import("@openai/chatkit").ChatKitOptions} ChatKitOptions
 * @typedef {import("@openai/chatkit").OpenAIChatKit} OpenAIChatKit
 * @typedef {import("@openai/chatkit").ThemeOption} ThemeOption
 * @typedef {import("../common/bridge.js").Described} Described
 *
 * @typedef {object} Start what `chat.start` answers
 * @property {Record<string, string>} texts
 * @property {import("../common/look.js").Look} look
 * @property {{url: string}} component
 * @property {{id: string, in_app: boolean, state: AgentState}} agent
 * @property {Omit<ChatKitOptions, "api" | "theme">} options
 * @property {{light: ThemeOption, dark: ThemeOption}} themes
 * @property {Limits} limits
 * @property {Described[]} notices
 * @property {Described | null} problem why there is no chat to begin with
 * @property {{message: string, hint: string} | null} ahead what will become of this agent; told once
 *
 * @typedef {"off" | "light" | "loading" | "ready" | "failed"} AgentState of the agents inside the app
 *
 * @typedef {object} Limits all in milliseconds, `backoff` in seconds
 * @property {number} ready_ms
 * @property {number} blank_ms
 * @property {number} skeleton_ms
 * @property {number} slow_ms
 * @property {number} method_ms
 * @property {number} mint_ms
 * @property {number[]} backoff
 */

/** Milliseconds after which a page that still shows the agent before asks for the other one itself. */
const OTHER_AGENT = 2_000;

const place = part("chat", HTMLElement);
const status = part("status", HTMLParagraphElement);

/** @type {Start} */
let start;
/** @type {OpenAIChatKit | null} */
let chat = null;
/** @type {BlankWatch | null} */
let blankWatch = null;
/** What a `switch_theme` of the agent chose, for as long as the page is shown. @type {"light" | "dark" | null} */
let schemeOfTool = null;
/** `chatkit.ready`: the frame has loaded, be it with an error page. */
let isReady = false;
/** The frame has asked for a secret or for an answer: so it has taken its options and is drawn. */
let isAlive = false;
let isReported = false;
/** It is ready and lives, and a client secret was handed to it: from here on its own errors are its own to show. */
let isWorking = false;
const lean = new Lean();
let isExplaining = false;
let minting = 0;
let watchdog = 0;
let tries = 0;
const about = {
  component: () => (isReady && isAlive ? chat : null),
  agent: () => start?.agent.id ?? "",
  limit: () => start.limits.method_ms,
  report: (/** @type {unknown} */ error) => report(error),
};
const open = new OpenThread(about);
const unsent = new Unsent(about);

/* --- views ------------------------------------------------------------------------------------------ */

/**
 * What a button does; that it could not be done is said over the view.
 * @param {() => Promise<unknown>} work
 */
const said = (work) => async () => {
  try {
    await work();
  } catch (error) {
    notice(described(error), { tone: "danger" });
  }
};

const openSettings = said(() => call("app.open_settings"));

const actions = {
  retry: said(() => reload({ byHand: true })),
  openSetup: said(() => call("app.open_setup")),
  openSettings,
  openConsent: said(() => call("app.open_consent")),
  openLink: (/** @type {string} */ link) => said(() => call("app.open_link", { link }))(),
  openDiagnostics: said(() => call("app.open_diagnostics")),
  archive: () => call("archive.start"),
  cancelArchive: said(() => call("archive.cancel")),
  openArchive: said(() => call("archive.open")),
  openWorkflowEnd: (/** @type {"" | "code" | "assistant"} */ way) => said(() => call("app.open_workflow_end", { way }))(),
};

const stage = new Stage(actions);

/* --- trying again -------------------------------------------------------------------------------------- */

/** @param {{byHand?: boolean}} [options] byHand: the person asked for it, so the waits between our own tries begin anew */
async function reload({ byHand = false } = {}) {
  remember({ tries: byHand ? 0 : tries, without_thread: stage.code === "component_failed" });
  await call("chat.reload");
  await pause(start?.limits.ready_ms ?? 10_000); // the window shows this page anew; the button stays busy until then
}

/**
 * The component's own trouble: said by the app, then tried again without taking the view or the focus away.
 * @param {Trouble} trouble
 */
async function troubled(trouble) {
  if (isExplaining || stage.code || stage.isGone) return; // the first reason is the one that matters
  disarm();
  blankWatch?.end();
  isExplaining = true;
  if (start.agent.in_app && (await fallBack(trouble))) return;
  stage.show(await explain(trouble), { focus: tries === 0 });
  isExplaining = false;
  if (NOT_BY_ITSELF.has(trouble.code)) return;
  const shown = stage.code;
  for (;;) {
    await untilNextTry(start.limits.backoff, tries, (seconds) => stage.code === shown && stage.countdown(seconds));
    if (stage.code !== shown) return; // it became ready after all
    tries += 1;
    if (customElements.get("openai-chatkit")) break; // what is broken lies behind the script: only a new page helps
    try {
      await loadComponent(start.component.url, start.limits.ready_ms);
      break;
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      if (error.code !== trouble.code) stage.show(await explain(error), { focus: false });
      trouble = error;
      if (stage.code !== shown) return troubled(error);
    }
  }
  await reload();
}

/** @param {Trouble} trouble @returns {Promise<Described>} */
async function explain(trouble) {
  try {
    return await call("chat.problem", { code: trouble.code, detail: trouble.detail.slice(0, 2_000) });
  } catch (error) {
    return described(error);
  }
}

/* --- the watchdog ---------------------------------------------------------------------------------------- */

/**
 * No `ready` within its time, and no sign of life within as much after it, are a problem; the time that a mint takes is not
 * the component's. Where the frame blocks this page too, the app's own limit ends it.
 */
function arm() {
  disarm();
  if ((isReady && isAlive) || minting > 0 || stage.code) return;
  watchdog = window.setTimeout(late, start.limits.ready_ms);
}

function late() {
  // An error page is ready too, and says nothing: it may be the answer to options that this version does not know.
  if (chat && isReady && lean.last(options(chat))) return again(chat);
  const missing = isReady ? "sign of life" : "ready";
  void troubled(new Trouble("component_late", `no ${missing} within ${start.limits.ready_ms} ms`));
}

function disarm() {
  clearTimeout(watchdog);
}

/* --- an agent inside the app ----------------------------------------------------------------------------- */

/** Where ChatKit believes the agent to be: a name that exists nowhere, and a key that no check needs on localhost. */
const AGENT_API = { url: "https://agent.invalid/chatkit", domainKey: "local-desktop" };

/** The line that says that a ChatKit server knows the chat no longer. @type {HTMLElement | null} */
let lost = null;

observe({
  waits: (waiting) => showWait(start.agent.state, waiting),
  unsent: (input) => unsent.keep(input),
  refused: (type, error) => {
    // The chat that was open last time is gone: begin a new one, there is nothing to explain.
    // (A ChatKit server that was started anew often knows it no longer, and says so with a failure of its own.)
    const isGone = error.code === "thread_not_found" || error.code === "server_chat_lost" || error.code === "server_down";
    const isLast = type === "threads.get_by_id" && isGone && !open.isTitled;
    const anew = () => chat && within(chat.setThreadId(null), start.limits.method_ms).catch(report);
    if (isLast) return void anew();
    if (error.code !== "server_chat_lost" || lost) return;
    const words = t("chat.new_chat");
    lost = notice(described(error), {
      tone: "warning",
      action: {
        words,
        run: () => {
          lost?.remove();
          lost = null;
          void anew();
        },
      },
    });
  },
});

on("agent.state", ({ state }) => {
  if (!start || start.agent.state === "ready") return; // what is loaded for another agent is not this one's
  start.agent.state = state;
  showWait(state);
});

/**
 * An agent inside the app needs no ChatKit: our own view takes its place.
 * @param {Trouble} trouble
 * @returns {Promise<boolean>} false when that could not be done either
 */
async function fallBack({ code, detail }) {
  try {
    await call("chat.fall_back", { code, detail: detail.slice(0, 2_000) });
    await pause(start.limits.ready_ms); // the window shows the other page in place of this one
    return true;
  } catch (error) {
    report(error);
    return false;
  }
}

/* --- what the component is given ---------------------------------------------------------------------------- */

/** The full options, every time: `setOptions` replaces and never merges. @param {OpenAIChatKit} element @returns {ChatKitOptions} */
function options(element) {
  const { header = {} } = start.options;
  const cog = { icon: /** @type {const} */ ("settings-cog"), onClick: () => void openSettings() };
  return lean.of({
    ...start.options,
    theme: start.themes[schemeOfTool ?? schemeNow()],
    header: header.enabled === false ? header : { ...header, rightAction: cog },
    api: start.agent.in_app ? agentApi(element) : { getClientSecret: (current) => getClientSecret(element, current) },
    onClientTool,
  });
}

/** @param {OpenAIChatKit} element @returns {import("@openai/chatkit").CustomApiConfig} */
function agentApi(element) {
  /** @type {typeof agentFetch} */
  const fetch = (input, init) => {
    lived(element);
    return agentFetch(input, init);
  };
  const takesFiles = start.options.composer?.attachments?.enabled;
  return { ...AGENT_API, fetch, ...(takesFiles ? { uploadStrategy: { type: /** @type {const} */ ("two_phase") } } : {}) };
}

function applyOptions() {
  const element = chat;
  if (!element) return;
  try {
    // By its types nothing comes back; what is refused is a promise that rejects.
    const given = /** @type {unknown} */ (element.setOptions(options(element)));
    Promise.resolve(given).catch((error) => failed(element, errorText(error)));
  } catch (error) {
    failed(element, errorText(error));
  }
}

/**
 * @param {OpenAIChatKit} element
 * @param {string | null} current
 * @returns {Promise<string>}
 */
async function getClientSecret(element, current) {
  minting += 1;
  lived(element);
  disarm();
  try {
    const secret = await newSecret(current, { limits: start.limits, stage, isWorking: () => isWorking });
    if (isReady) works(element);
    if (!stage.code.startsWith("component_")) {
      stage.uncover();
      if (isReady) settle();
      else beginLoading(() => start);
    }
    return secret;
  } finally {
    minting -= 1;
    arm();
  }
}

/** @param {OpenAIChatKit} element */
function works(element) {
  if (element !== chat || isWorking) return;
  isWorking = true;
  tries = 0;
  remember(null);
  if (lean.names.length > 0) call("chat.left_out", { options: lean.names }).catch(report);
}

/**
 * @param {{name: string, params: Record<string, unknown>}} tool
 * @returns {Record<string, unknown>}
 */
function onClientTool({ name, params }) {
  if (name !== "switch_theme") return { success: false, error: `unknown tool: ${name}` };
  const wanted = params.theme;
  if (wanted !== "light" && wanted !== "dark") return { success: false, error: "theme is light or dark" };
  schemeOfTool = wanted;
  applyLook({ ...start.look, scheme: wanted });
  applyOptions();
  return { success: true, theme: wanted };
}

/* --- the component ---------------------------------------------------------------------------------------------- */

async function openChat() {
  try {
    await loadComponent(start.component.url, start.limits.ready_ms);
  } catch (error) {
    if (error instanceof Trouble) return troubled(error);
    throw error;
  }
  mount();
}

/** A new element: its options travel in its frame's address, and `api` can't change on one that lives. */
function mount() {
  chat?.remove();
  blankWatch?.end();
  isReady = isAlive = isWorking = false;
  const element = /** @type {OpenAIChatKit} */ (document.createElement("openai-chatkit"));
  chat = element;
  listen(element);
  open.listen(element);
  unsent.listen(element);
  blankWatch = new BlankWatch(element, {
    limit: start.limits.blank_ms,
    blank: troubled,
    failed: (detail) => failed(element, detail),
  });
  arm();
  applyOptions();
  if (element === chat) place.append(element);
}

/**
 * The frame has asked for something; it could only once its options were taken.
 * @param {OpenAIChatKit} element
 */
function lived(element) {
  if (element !== chat || isAlive) return;
  isAlive = true;
  if (isReady) began(element);
}

/** It is ready and lives. @param {OpenAIChatKit} element */
function began(element) {
  disarm();
  if (stage.code === "component_late") stage.uncover(); // late, but there
  if (minting > 0) return; // the secret comes first
  works(element);
  settle();
}

/**
 * ChatKit says that something is wrong. Of a chat that lives it is its own to show: its options before still hold. Before
 * that it is the end of this attempt, and the next one goes without what not every version takes.
 * @param {OpenAIChatKit} element
 * @param {string} detail
 */
function failed(element, detail) {
  if (element !== chat) return;
  const trouble = new Trouble("component_failed", detail);
  if (isAlive && (isReady || minting > 0)) return report(trouble);
  if (isExplaining || stage.code || stage.isGone) return;
  if (lean.next(detail, options(element))) again(element);
  else void troubled(trouble);
}

/** Another attempt, with another element. @param {OpenAIChatKit} element */
function again(element) {
  chat = null;
  element.remove();
  setTimeout(() => chat === null && mount()); // not inside the element's own event
}

/** The chat is there and nothing of ours covers it. */
function settle() {
  if (stage.code || stage.isGone) return;
  endLoading();
  status.textContent = "";
  blankWatch?.begin();
  if (!isReported) call("chat.ready", { ms: Math.round(performance.now()) }).catch(report);
  isReported = true;
  tellAhead();
  open.begin();
}

/** What is to come is told over a chat that works, and not again once it was put away. */
function tellAhead() {
  if (!start.ahead) return;
  const seen = () => call("chat.ahead_seen").catch(report);
  notice(start.ahead, {
    into: part("ahead", HTMLElement),
    action: { words: t("chat.ahead_ways"), run: () => void seen().then(() => actions.openWorkflowEnd("")) },
    dismissed: () => void seen(),
  });
  start.ahead = null;
}

/** @param {OpenAIChatKit} element */
function listen(element) {
  element.addEventListener("chatkit.ready", () => {
    if (element !== chat) return;
    isReady = true;
    if (isAlive) began(element);
    else arm();
  });
  element.addEventListener("chatkit.error", (event) => failed(element, errorText(event.detail?.error)));
}

/** @param {unknown} error */
function errorText(error) {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/**
 * Tells the app of something that the person need not see; never fails itself.
 * @param {unknown} error
 * @param {boolean} [shown]
 */
function report(error, shown = false) {
  const code = error instanceof Trouble ? error.code : "page";
  const detail = error instanceof Trouble ? error.detail : errorText(error);
  call("chat.problem", { code, detail: detail.slice(0, 2_000), shown }).catch(() => {});
}

/* --- what the app says ---------------------------------------------------------------------------------------------- */

/** Code of the agent that may not run as it is. @type {HTMLElement | null} */
let refused = null;

on("code.refused", ({ words, action }) => {
  refused?.remove();
  const problem = { code: "", message: String(words), hint: "", retryable: false, field: null, detail: "" };
  refused = notice(problem, { tone: "warning", action: { words: String(action), run: actions.openConsent } });
});
on("code.approved", () => refused?.remove());

tellUpdates(part("ahead", HTMLElement), report);

on("notices.added", ({ notices: added }) => {
  for (const problem of added) notice(problem, { tone: "warning" });
});

on("archive.progress", (progress) => progress.agent === start?.agent.id && stage.progress(progress));

on("look.changed", (look) => {
  if (!start) return;
  schemeOfTool = null;
  start.look = look;
  applyLook(look);
  applyOptions();
});

on("key.removed", (problem) => {
  disarm();
  blankWatch?.end();
  chat?.remove();
  chat = null;
  if (problem?.message) stage.show(problem);
});

on("settings.changed", async () => {
  try {
    const before = start;
    if (!before) return;
    // What a session is minted from is not looked at: when that changes the app shows the page anew.
    const after = /** @type {Start} */ (await call("chat.start", { without_thread: false }));
    if (after.agent.id !== before.agent.id) {
      await pause(OTHER_AGENT); // whoever chose the other agent has the page shown anew; twice would cut a chat off
      return void (await reload({ byHand: true }));
    }
    const { initialThread } = before.options;
    start = { ...after, ahead: null, options: initialThread ? { ...after.options, initialThread } : after.options };
    setTexts(start.texts);
    applyTexts();
    if (!schemeOfTool) applyLook(start.look);
    const seen = (/** @type {Start} */ { options, themes, look }) => JSON.stringify([options, themes, look]);
    if (seen(start) !== seen(before)) applyOptions();
  } catch (error) {
    report(error);
  }
});

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  if (chat && !schemeOfTool) applyOptions();
});

tellViolations((detail) => call("chat.problem", { code: "csp", detail, shown: false }));

/* --- the start --------------------------------------------------------------------------------------------------------- */

async function main() {
  beginLoading(() => start);
  const memory = recall();
  tries = memory.tries;
  try {
    start = await call("chat.start", { without_thread: memory.without_thread });
  } catch (error) {
    await speakWithoutTheApp(error, "chat");
    stage.show(described(error));
    return;
  }
  setTexts(start.texts);
  applyTexts();
  applyLook(start.look);
  for (const problem of start.notices) notice(problem, { tone: "warning" });
  if (start.problem) {
    stage.show(start.problem);
    return;
  }
  await openChat();
}

main().catch((error) => {
  stage.show(described(error));
  report(error, true);
});
