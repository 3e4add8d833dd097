/**
 * The chat inside the stand-in's iframe: talks to the host page by postMessage, to the API with a client secret, or
 * through the host's `fetch`. Its state goes to its own server after every change, for tests to read.
 */
"use strict";

const hostOrigin = new URL(location.href).searchParams.get("origin") ?? "";
const $ = (id) => document.getElementById(id);

const state = {
  ready: false,
  secret: null,
  secrets: [],
  options: null,
  options_count: 0,
  theme: null,
  thread: null,
  transcript: [],
  title: "",
  busy: false,
  deltas: 0, // of the answer that is being written
  stopped: 0,
  progress: null,
  failure: null, // {message, allow_retry} of the last answer
  notices: [],
  effects: [],
  attachments: [], // in the composer: {id, name, state}
  lag: 0, // events that have come and are not drawn yet
  threads: [], // the open history's, filtered
  model: null, // chosen in the composer
  tool: null,
  composer: "",
  history_open: false,
  errors: [],
  requests: 0,
  tool_result: null,
};
const given = JSON.parse(decodeURIComponent(location.hash.slice(1)) || "{}");
const fault = given.fault ?? {};
const config = { backoff_ms: 20, retries: 5, ...fault.config };
let secretExpired = false;
const talk = new Conversation();
/** Ends the answer that is being written. */
let stopper = null;

/**
 * This frame's number and that of the last command before it, asked for first of all: what was asked of an earlier
 * frame is not ours, and a report of an earlier frame that comes late is none of ours.
 */
const numbered = commandsAfter(-1).then((answer) => {
  state.frame = answer.frame;
  return answer.seq;
});
numbered.catch(() => {}); // the server has gone: the test is over

/** One report at a time, always of the newest state. */
let reporting = false;
let stale = false;
async function report() {
  stale = true;
  if (reporting) return;
  reporting = true;
  try {
    await numbered;
  } catch {
    return;
  }
  while (stale) {
    stale = false;
    reflect();
    try {
      await fetch("/__state", { method: "POST", body: JSON.stringify(state) });
    } catch {
      break; // the server has gone: the test is over
    }
  }
  reporting = false;
}

/** What the real frame would ask other hosts for is told to our own server alone: nothing leaves this computer. */
function outside(kind, url) {
  if (outside.told.has(`${kind} ${url}`)) return;
  outside.told.add(`${kind} ${url}`);
  fetch(`/__outside?${new URLSearchParams({ kind, url })}`, { method: "POST" }).catch(() => {});
}
outside.told = new Set();

/** [obs] Pictures of an answer's markdown are loaded from where they lie, and an icon for each cited page. */
function loadOutside(items) {
  for (const item of items) {
    for (const part of item.type.endsWith("assistant_message") ? item.content : []) {
      const text = (part.text ?? "").replace(/^```[^]*?(^```|$(?![^]))/gm, "").replace(/(`+)[^`\n][^\n]*?\1/g, "");
      for (const [, url] of text.matchAll(/!\[[^\]]*\]\(\s*<?([^)\s>]+)/g)) outside("image", url);
      for (const [, label, name] of text.matchAll(/!\[([^\]]*)\](?:\[([^\]]*)\])?(?!\()/g)) {
        const defined = text.match(new RegExp(`^ {0,3}\\[${(name || label).replace(/[^\w]/g, ".")}\\]:\\s*<?([^\\s>]+)`, "im"));
        if (defined) outside("image", defined[1]);
      }
      for (const { source } of part.annotations ?? []) if (source?.type === "url") outside("favicon", source.url);
    }
    for (const task of item.workflow?.tasks ?? []) for (const source of task?.sources ?? []) if (source.url) outside("favicon", source.url);
  }
}

function post(message) {
  parent.postMessage({ chatkit: true, ...message }, hostOrigin);
}

function emit(name, detail) {
  post({ type: "event", name, detail });
}

function trouble(error) {
  const described = { name: error.name ?? "Error", message: String(error.message ?? error) };
  state.errors.push(described);
  emit("error", described);
  $("trouble").textContent = described.message;
  $("trouble").hidden = false;
  report();
}

/* --- functions of the host page ------------------------------------------------------------------ */

let count = 0;
const asked = new Map();

function invoke(path, ...args) {
  const id = ++count;
  return new Promise((resolve, reject) => {
    asked.set(id, { resolve, reject });
    post({ type: "invoke", id, path, args });
  });
}

/** [facts] getClientSecret is called on mount and again when the secret runs out. */
async function newSecret() {
  const before = state.secret;
  const secret = await invoke("api.getClientSecret", before);
  if (typeof secret !== "string" || !secret) throw new Error("getClientSecret returned no secret");
  if (secret === before) throw new Error("getClientSecret returned the secret that had run out");
  state.secret = secret;
  state.secrets.push(secret);
  secretExpired = false;
  report();
  return secret;
}

/* --- the API ------------------------------------------------------------------------------------------ */

const hosted = () => Boolean(state.options?.api?.getClientSecret);

/** One request of the ChatKit protocol; `onEvent` gets the events of a stream, `signal` ends it. */
async function request(body, onEvent, signal) {
  return hosted() ? requestHosted(body, onEvent) : requestCustom(body, onEvent, signal);
}

class Refused extends Error {}

/**
 * [ours] What the real frame says to api.openai.com is not published. This one sends {text, thread_id} to
 * {api_base}/v1/chatkit/conversation by way of its own server, and makes the protocol's events of the answer.
 */
async function requestHosted(body, onEvent) {
  const { params } = body;
  const text = (params.input?.content ?? []).map((part) => part.text).join("");
  for (let attempt = 0; ; attempt += 1) {
    if (secretExpired || !state.secret) await newSecret();
    state.requests += 1;
    const answer = await fetch("/__api/v1/chatkit/conversation", {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${state.secret}` },
      body: JSON.stringify({ text, thread_id: params.thread_id ?? null }),
    });
    if (answer.status === 401 && attempt === 0) {
      secretExpired = true;
      continue;
    }
    const value = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(value.error?.message ?? `HTTP ${answer.status}`);
    if (text) {
      if (!params.thread_id) onEvent?.({ type: "thread.created", thread: { id: value.thread_id } });
      const content = [{ type: "output_text", text: value.text, annotations: [] }];
      onEvent?.({ type: "thread.item.done", item: { id: `msg_${++count}`, type: "assistant_message", content } });
    }
    return { id: value.thread_id, title: value.title, items: { data: value.items ?? [] }, data: [] };
  }
}

/** What is read as a stream (openai-chatkit 1.6.5, `StreamingReq`). */
const STREAMED = new Set([
  "threads.create",
  "threads.add_user_message",
  "threads.retry_after_item",
  "threads.add_structured_input",
  "threads.custom_action",
  "threads.add_client_tool_output",
]);

/**
 * [obs] A 4xx is final. A streaming request that fails otherwise, or is answered with 200 and no event stream, is POSTed
 * again up to 5 times with 1–10 s of backoff (here `config.backoff_ms`); of its 4xx nothing is shown. A JSON request is
 * sent once, and its failure's top-level `message` is shown.
 */
async function requestCustom(body, onEvent, signal) {
  const { api } = state.options;
  const streams = STREAMED.has(body.type);
  const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  let problem = "";
  for (let attempt = 0; attempt <= config.retries; attempt += 1) {
    if (attempt) await new Promise((resolve) => setTimeout(resolve, config.backoff_ms * attempt));
    signal?.throwIfAborted();
    state.requests += 1;
    report();
    let answer;
    try {
      answer = api.fetch ? await tunnel(api.url, init, signal) : await fetch(api.url, { ...init, signal });
    } catch (error) {
      if (signal?.aborted) throw error;
      problem = String(error.message ?? error);
      if (streams) continue;
      break;
    }
    const type = answer.headers.get("content-type") ?? "";
    if (answer.status >= 400 && answer.status < 500) {
      const refused = streams ? {} : await answer.json().catch(() => ({})); // [obs] of a stream's 4xx the body is never read
      throw new Refused(refused.message ?? `HTTP ${answer.status}`); // [facts] it shows top-level `message`
    }
    if (answer.ok && (streams ? type.startsWith("text/event-stream") : type.startsWith("application/json"))) {
      return consume(answer, onEvent, signal);
    }
    problem = `HTTP ${answer.status}`;
    if (!streams) break;
  }
  throw new Error(problem);
}

/** [obs] Each event is a rendering: a page that takes long for one falls behind what has come (`slow_render`, ms). */
async function drawn(onEvent, event) {
  if (fault.name === "slow_render") {
    await new Promise((resolve) => setTimeout(resolve));
    const until = performance.now() + (fault.ms ?? 50);
    while (performance.now() < until) continue;
  }
  onEvent?.(event);
}

async function consume(answer, onEvent, signal) {
  if (!(answer.headers.get("content-type") ?? "").startsWith("text/event-stream")) return answer.json();
  const reader = answer.body.getReader();
  const decoder = new TextDecoder();
  let held = "";
  const queue = [];
  let drawing = Promise.resolve();
  const later = (event) => {
    queue.push(event);
    state.lag = Math.max(state.lag, queue.length);
    drawing = drawing.then(() => signal?.aborted || drawn(onEvent, queue.shift()));
  };
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    held += decoder.decode(value, { stream: true });
    const parts = held.split("\n\n");
    held = parts.pop() ?? "";
    for (const part of parts) {
      const data = part
        .split("\n")
        .filter((line) => line.startsWith("data:"))
        .map((line) => line.slice(5).trim())
        .join("\n");
      if (data && data !== "[DONE]") later(JSON.parse(data));
    }
  }
  await drawing;
  return null;
}

const tunnels = new Map();

function tunnel(url, init, signal) {
  const id = ++count;
  const gone = () => {
    const open = tunnels.get(id);
    if (!open) return;
    tunnels.delete(id);
    post({ type: "fetch.cancel", id });
    open.reject(signal.reason);
    open.controller.error(signal.reason);
  };
  signal?.addEventListener("abort", gone, { once: true });
  return new Promise((resolve, reject) => {
    const stream = new ReadableStream({
      start: (controller) => tunnels.set(id, { resolve, reject, controller, stream: null }),
      cancel: () => post({ type: "fetch.cancel", id }),
    });
    tunnels.get(id).stream = stream;
    post({ type: "fetch", id, url, init });
  });
}

const encoder = new TextEncoder();

function tunnelled(message) {
  const open = tunnels.get(message.id);
  if (!open) return;
  if (message.type === "fetch.head") {
    open.resolve(new Response(open.stream, { status: message.status, headers: { "content-type": message.contentType } }));
  } else if (message.type === "fetch.chunk") open.controller.enqueue(encoder.encode(message.text));
  else if (message.type === "fetch.end") {
    open.controller.close();
    tunnels.delete(message.id);
  } else {
    tunnels.delete(message.id);
    open.reject(new Error(message.error));
    open.controller.error(new Error(message.error));
  }
}

/* --- threads ------------------------------------------------------------------------------------------- */

function setThread(id) {
  if (state.thread === id) return;
  state.thread = id;
  emit("thread.change", { threadId: id });
  report();
}

async function openThread(id) {
  stop();
  talk.clear();
  setThread(id);
  draw();
  report();
  if (!id) return;
  emit("thread.load.start", { threadId: id });
  const thread = await request({ type: "threads.get_by_id", params: { thread_id: id } });
  if (state.thread !== id) return;
  talk.title = thread?.title ?? "";
  let page = thread?.items ?? { data: [] };
  talk.load(page.data ?? []);
  while (page.has_more && !hosted()) {
    const params = { thread_id: id, limit: 9999, order: "asc", after: page.after }; // [obs]
    page = await request({ type: "items.list", params });
    talk.load(page.data ?? []);
  }
  emit("thread.load.end", { threadId: id });
  draw();
  report();
}

talk.onThread = (thread) => setThread(thread.id);

/** The message as it was sent makes room for the one of the server. */
function unpend() {
  talk.items = talk.items.filter((item) => item.id !== "pending");
}

/** An answer from its request to its end; what it is about is in `body`. */
async function converse(body) {
  state.busy = true;
  stopper = new AbortController();
  const { signal } = stopper;
  talk.begin();
  $("trouble").hidden = true;
  emit("response.start");
  draw();
  report();
  try {
    if (fault.name === "error_after_ready") throw new Error("The response could not be finished.");
    await request(
      body,
      (event) => {
        if (signal.aborted) return;
        if (event.item?.type.endsWith("user_message")) unpend();
        talk.apply(event);
        if (event.type === "client_effect") emit("effect", { name: event.name, data: event.data });
        drawSoon();
        report();
      },
      signal,
    );
    if (talk.failure) trouble(new Error(talk.failure.message));
  } catch (error) {
    if (!signal.aborted) {
      // [obs] a 4xx of a stream: the message vanishes, nothing is shown, the composer stays empty
      if (error instanceof Refused) unpend();
      else trouble(error);
    }
  }
  stopper = null;
  state.busy = false;
  emit("response.end");
  draw();
  report();
  if (!signal.aborted && !talk.failure) await answerTool();
}

/** [types] a client tool's result goes back to the server, which goes on with the answer. */
async function answerTool() {
  const asked = talk.items.at(-1);
  if (asked?.type !== "client_tool_call" || asked.status !== "pending" || !state.options.onClientTool) return;
  asked.status = "completed";
  const result = await invoke("onClientTool", { name: asked.name, params: asked.arguments ?? {} });
  await converse({ type: "threads.add_client_tool_output", params: { thread_id: state.thread, result } });
}

/** [docs] the stop button: the request is aborted, what was said so far stays. */
function stop() {
  if (!stopper || !talk.canStop) return;
  state.stopped += 1;
  stopper.abort(new DOMException("stopped", "AbortError"));
}

function retry() {
  const last = talk.lastUserMessage();
  if (!last || state.busy) return;
  const at = talk.items.indexOf(last);
  talk.items.splice(at + 1); // the server takes them away too
  return converse({ type: "threads.retry_after_item", params: { thread_id: state.thread, item_id: last.id } });
}

/** [obs] A file of the composer: `two_phase` or `direct`, both through the host's `fetch`. */
async function attach(file) {
  const { api, composer } = state.options;
  const limits = composer?.attachments;
  if (!limits?.enabled) throw new Error("attachments are not enabled");
  if (state.attachments.length >= (limits.maxCount ?? 10)) throw new Error("too many files");
  if (typeof limits.maxSize === "number" && file.size > limits.maxSize) throw new Error("the file is too large");
  const entry = { id: null, name: file.name, state: "sending" };
  state.attachments.push(entry);
  try {
    const sent = async (url, init) => {
      const answer = await tunnel(url, init);
      const told = await answer.json().catch(() => ({}));
      if (!answer.ok) throw new Refused(told.message ?? `HTTP ${answer.status}`);
      return told;
    };
    if (api.uploadStrategy.type === "direct") {
      const made = await sent(api.uploadStrategy.uploadUrl, { method: "POST", body: { $form: [["file", file]] } });
      entry.id = made.id;
    } else {
      const params = { name: file.name, size: file.size, mime_type: file.type };
      const made = await request({ type: "attachments.create", params });
      const { url, method, headers } = made.upload_descriptor;
      await sent(url, { method, headers, body: file });
      entry.id = made.id;
    }
    entry.state = "ready";
  } catch (error) {
    entry.state = "failed";
    trouble(error);
  }
  report();
}

async function sendMessage(text) {
  if (!text.trim() || state.busy) return;
  const id = hosted() ? `user_${++count}` : "pending";
  talk.items.push({ id, type: "user_message", content: [{ type: "input_text", text }] });
  state.composer = "";
  $("input").value = "";
  const input = {
    content: [{ type: "input_text", text }],
    attachments: state.attachments.filter((one) => one.state === "ready").map((one) => one.id),
    quoted_text: "", // [obs]
    // [obs] only what was chosen
    inference_options: { ...(state.model ? { model: state.model } : {}), ...(state.tool ? { tool_choice: { id: state.tool } } : {}) },
  };
  state.attachments = [];
  state.tool = null; // [types] cleared after a message unless it is persistent
  await converse(
    state.thread
      ? { type: "threads.add_user_message", params: { thread_id: state.thread, input } }
      : { type: "threads.create", params: { input } },
  );
}

/* --- what is seen ---------------------------------------------------------------------------------------- */

/** What the thread is, into what is reported. */
function reflect() {
  const { title, progress, failure, deltas, notices, effects } = talk;
  Object.assign(state, { transcript: talk.lines(), title, progress, failure, deltas, notices, effects });
}

let isDrawingSoon = false;

/** Drawn once for all the events that have come by then. */
function drawSoon() {
  if (isDrawingSoon) return;
  isDrawingSoon = true;
  setTimeout(() => {
    isDrawingSoon = false;
    draw();
  });
}

function draw() {
  const { options } = state;
  reflect();
  loadOutside(talk.items);
  $("files").textContent = state.attachments.map((one) => one.name).join(" ");
  const theme = typeof options.theme === "string" ? { colorScheme: options.theme } : (options.theme ?? {});
  state.theme = theme.colorScheme ?? "light";
  const root = document.documentElement;
  root.classList.toggle("dark", state.theme === "dark");
  const set = (name, value) => (value === undefined ? root.style.removeProperty(name) : root.style.setProperty(name, value));
  set("--accent", theme.color?.accent?.primary);
  set("--hue", theme.color?.grayscale?.hue);
  set("--ground", theme.color?.surface?.background);
  set("--ink", theme.color?.surface?.foreground);
  set("--size", theme.typography?.baseSize ? `${theme.typography.baseSize}px` : undefined);
  set("--radius", { pill: "22px", round: "16px", soft: "8px", sharp: "2px" }[theme.radius ?? "pill"]);

  $("app").hidden = false;
  $("header").hidden = options.header?.enabled === false;
  $("left").hidden = options.history?.enabled === false;
  $("right").hidden = !options.header?.rightAction;
  $("title").hidden = options.header?.title?.enabled === false;
  $("title").textContent = options.header?.title?.text ?? talk.title;
  $("progress").textContent = talk.progress ?? "";
  $("progress").hidden = !talk.progress;
  $("send").textContent = state.busy ? "■" : "↑";
  $("send").setAttribute("aria-label", state.busy ? "Stop" : "Send");
  $("retry").hidden = !talk.failure?.allow_retry;
  $("greeting").textContent = options.startScreen?.greeting ?? "What can I help with today?";
  $("input").placeholder = options.composer?.placeholder ?? "Message the AI";
  $("disclaimer").textContent = options.disclaimer?.text ?? "";
  $("disclaimer").hidden = !options.disclaimer;
  $("start").hidden = state.transcript.length > 0 || state.history_open;
  $("history").hidden = !state.history_open;
  $("transcript").hidden = state.history_open;
  $("prompts").replaceChildren(
    ...(options.startScreen?.prompts ?? []).map((prompt) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = prompt.label;
      button.addEventListener("click", () =>
        sendMessage(typeof prompt.prompt === "string" ? prompt.prompt : prompt.prompt.map((part) => part.text).join("")),
      );
      return button;
    }),
  );
  $("transcript").replaceChildren(
    ...state.transcript.map((entry) => {
      const line = document.createElement("li");
      line.className = entry.role;
      line.textContent = [entry.text, ...(entry.tasks ?? [])].join("\n");
      for (const { label, action, disabled } of entry.buttons ?? []) {
        const button = document.createElement("button");
        Object.assign(button, { type: "button", textContent: label, disabled });
        button.addEventListener("click", () => commands.sendCustomAction(action, entry.id));
        line.append(button);
      }
      return line;
    }),
  );
  if (options.thread?.autoScroll) $("scroll").scrollTop = $("scroll").scrollHeight;
}

/** [obs] All threads in one page, or as the server cuts them. */
async function listThreads() {
  const found = [];
  let page = { after: undefined };
  do {
    const params = { limit: 9999, order: "desc", ...(page.after ? { after: page.after } : {}) };
    page = (await request({ type: "threads.list", params })) ?? {};
    found.push(...(page.data ?? []));
  } while (page.has_more && page.after);
  return found;
}

let listed = [];

/** [types] history: showRename, showDelete. The filter looks at titles: the protocol has no search. */
function drawHistory() {
  const wanted = $("search").value.trim().toLowerCase();
  const shown = listed.filter((thread) => (thread.title ?? "").toLowerCase().includes(wanted));
  state.threads = shown.map(({ id, title }) => ({ id, title: title ?? null }));
  const { history } = state.options;
  $("threads").replaceChildren(
    ...shown.map((thread) => {
      const line = document.createElement("li");
      const button = (label, run) => {
        const made = document.createElement("button");
        made.type = "button";
        made.textContent = label;
        made.addEventListener("click", () => run().catch(trouble));
        line.append(made);
      };
      button(thread.title ?? thread.id, () => {
        state.history_open = false;
        return openThread(thread.id);
      });
      if (history?.showRename !== false) button("✎", () => rename(thread.id, window.prompt("Title", thread.title ?? "") ?? ""));
      if (history?.showDelete !== false) button("✕", () => remove(thread.id));
      return line;
    }),
  );
  report();
}

async function showHistory(open) {
  state.history_open = open;
  emit(open ? "history.open" : "history.close");
  draw();
  report();
  if (!open) return;
  $("search").value = "";
  listed = await listThreads();
  drawHistory();
}

async function rename(id, title) {
  if (!title) return;
  await request({ type: "threads.update", params: { thread_id: id, title } });
  for (const thread of listed) if (thread.id === id) thread.title = title;
  if (state.thread === id) talk.title = title;
  draw();
  drawHistory();
}

async function remove(id) {
  await request({ type: "threads.delete", params: { thread_id: id } });
  listed = listed.filter((thread) => thread.id !== id);
  if (state.thread === id) await openThread(null);
  drawHistory();
}

/* --- what the host page asks -------------------------------------------------------------------------------- */

const commands = {
  focusComposer: () => $("input").focus(),
  setThreadId: (id) => openThread(id),
  /** [obs] What is refused stays refused: the options before still hold. */
  setOptions: (options) => {
    globalThis.validateChatKitOptions(options, fault.unknown);
    state.options = options;
    state.options_count += 1;
    draw();
    report();
  },
  sendUserMessage: async ({ text, content, newThread }) => {
    if (state.busy) throw new Error("a response is in progress"); // [obs]
    if (newThread) await openThread(null);
    await sendMessage(text ?? (content ?? []).map((part) => part.text).join(""));
  },
  setComposerValue: ({ text, content, attachments }) => {
    if (attachments) state.attachments = attachments.map(({ id, name }) => ({ id, name, state: "ready" }));
    state.composer = text ?? (content ?? []).map((part) => part.text).join("");
    $("input").value = state.composer;
    report();
  },
  sendCustomAction: (action, itemId) =>
    converse({ type: "threads.custom_action", params: { thread_id: state.thread, item_id: itemId ?? null, action } }),
  showHistory: () => showHistory(true),
  hideHistory: () => showHistory(false),
  // [types] "manually fetches updates from the server": nothing that is being written is touched
  fetchUpdates: () => (state.thread && !state.busy ? openThread(state.thread) : undefined),
};

/** [obs] Refused options end the frame before anything is drawn, and are told a little after its load. */
const FATAL_MS = 300;

async function mount() {
  if (fault.name === "error_before_ready") {
    trouble(new Error(fault.message ?? "The chat could not be started."));
    return;
  }
  if (fault.name === "never_ready" || fault.name === "dead_frame") return;
  if (fault.name === "hanging_frame") {
    setTimeout(() => {
      for (;;) continue; // what shares a process with it hangs too
    }, fault.ms ?? 0);
    return;
  }
  const { options } = given;
  try {
    if (fault.name === "refuses_all") throw new Error(fault.message ?? "the options could not be read");
    globalThis.validateChatKitOptions(options, fault.unknown);
  } catch (error) {
    setTimeout(() => trouble(error), FATAL_MS);
    return;
  }
  state.options = options;
  state.options_count += 1;
  const secret = hosted() ? newSecret() : Promise.resolve("");
  secret.catch(() => {}); // answered below
  if (fault.name === "late_ready") await new Promise((resolve) => setTimeout(resolve, fault.ms ?? 12_000));
  await numbered; // from here on, no command is missed
  if (!options.disableTelemetry) outside("telemetry", "https://chatgpt.com/ces");
  draw();
  state.ready = true;
  report();
  try {
    await secret;
    if (options.initialThread) await openThread(options.initialThread);
    else await request({ type: "threads.list", params: { limit: 9999, order: "desc" } }); // [obs]
  } catch (error) {
    trouble(error);
  }
}

window.addEventListener("message", async (event) => {
  if (event.source !== parent || event.origin !== hostOrigin || hostOrigin === "null") return;
  const message = event.data;
  if (!message || message.chatkit !== true) return;
  if (message.type === "invoked") {
    const waiting = asked.get(message.id);
    asked.delete(message.id);
    if (message.ok) waiting?.resolve(message.value);
    else waiting?.reject(Object.assign(new Error(message.error), { name: message.name }));
  } else if (message.type === "command") {
    try {
      const value = await commands[message.name](...message.args);
      post({ type: "done", id: message.id, ok: true, value: value ?? undefined });
    } catch (error) {
      post({ type: "done", id: message.id, ok: false, error: String(error.message ?? error) });
    }
  } else if (message.type.startsWith("fetch.")) tunnelled(message);
});

/* --- what tests ask: the server holds each question until there is a command ------------------------------------ */

const tests = {
  send: ({ text }) => void sendMessage(text),
  stop: () => stop(),
  retry: () => void retry(),
  choose: ({ model, tool }) => {
    state.model = model ?? state.model;
    state.tool = tool ?? null;
    report();
  },
  history: ({ open }) => showHistory(open !== false),
  filter: ({ text }) => {
    $("search").value = text;
    drawHistory();
  },
  rename: ({ thread, title }) => rename(thread, title),
  remove: ({ thread }) => remove(thread),
  press: ({ label }) => {
    const entry = state.transcript.findLast((line) => line.buttons?.some((button) => button.label === label));
    const button = entry?.buttons.find((one) => one.label === label);
    if (!button) throw new Error(`no button ${label}`);
    void commands.sendCustomAction(button.action, entry.id);
  },
  answer: ({ values }) => {
    const item = talk.items.findLast((one) => one.type === "structured_input");
    const answers = Object.fromEntries(item.inputs.map((input) => [input.id, { values: [values].flat(), skipped: false }]));
    const params = { thread_id: state.thread, item_id: item.id, input: { status: "answered", answers } };
    void converse({ type: "threads.add_structured_input", params });
  },
  feedback: async ({ kind }) => {
    const said = talk.lastUserMessage();
    const turn = talk.items.slice(talk.items.indexOf(said) + 1).map((item) => item.id); // [obs] all of the turn
    await request({ type: "items.feedback", params: { thread_id: state.thread, item_ids: turn, kind } });
    state.fed_back = kind;
    report();
  },
  dictate: async ({ audio_base64, mime_type }) => {
    const heard = await request({ type: "input.transcribe", params: { audio_base64, mime_type } });
    commands.setComposerValue({ text: heard.text });
  },
  // [facts] at expiry the frame asks for another secret; tests need not wait ten minutes
  expire_secret_now: async () => {
    secretExpired = true;
    await request({ type: "threads.list", params: { limit: 9999, order: "desc" } });
  },
  attach: ({ name, mime_type, text, size }) => attach(new File([text ?? new Uint8Array(size)], name, { type: mime_type })),
  client_tool: async ({ name, params }) => {
    state.tool_result = await invoke("onClientTool", { name, params: params ?? {} });
    report();
  },
  header_action: ({ side }) => invoke(`header.${side ?? "right"}Action.onClick`),
  open_thread: ({ thread }) => openThread(thread ?? null),
  emit_error: ({ message }) => trouble(new Error(message ?? "made up")),
  iframe_gone: () => post({ type: "gone" }),
  domain_gate: () => post({ type: "gate" }),
  // what a script of the component's origin could try: any, in this frame
  run: async ({ id, code }) => {
    try {
      state.ran = { id, value: (await (0, eval)(code)) ?? null };
    } catch (error) {
      state.ran = { id, error: String(error) };
    }
    report();
  },
};

async function commandsAfter(after) {
  for (let failures = 0; ; failures += 1) {
    try {
      return await (await fetch(`/__commands?after=${after}`)).json();
    } catch (error) {
      // A navigation that was refused stops WebKit's open requests; a server that has gone stays silent.
      if (failures === 5) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function obey() {
  let after = await numbered;
  for (;;) {
    const answer = await commandsAfter(after);
    after = answer.seq;
    for (const command of answer.commands) {
      try {
        await tests[command.do](command);
      } catch (error) {
        trouble(error);
      }
    }
  }
}

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  if (state.busy) stop();
  else sendMessage($("input").value);
});
$("retry").addEventListener("click", () => retry());
$("search").addEventListener("input", drawHistory);
$("input").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    sendMessage($("input").value);
  }
});
$("left").addEventListener("click", () => showHistory(!state.history_open).catch(trouble));
$("new").addEventListener("click", () => openThread(null).catch(trouble));
$("right").addEventListener("click", () => invoke("header.rightAction.onClick").catch(trouble));

obey().catch(() => {}); // the server has gone: the test is over
report();
mount().catch(trouble);
