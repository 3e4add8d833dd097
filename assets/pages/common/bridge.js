// @ts-check
/**
 * The one door from a page of ours to the app: `call` asks, `on` listens. It knows no method and no page.
 * The wire: `{page_key, id, method, params}` goes out; `{id, ok, value | error}` and `{event, data}` come in.
 * pywebview's own API object is not used: it needs `unsafe-eval`, and its callbacks stay silent on an unknown name.
 */

import { t } from "./texts.js";

/**
 * @typedef {{code: string, message: string, hint: string, retryable: boolean, field: string | null, detail: string}} Described
 * @typedef {{id: string, ok: true, value: any}} Answer
 * @typedef {{id: string, ok: false, error: Described}} Refusal
 * @typedef {{event: string, data: any}} Push
 * @typedef {{_jsApiCallback?: (name: string, params: unknown, id: string) => void, _QWebChannel?: unknown, platform?: string}} Pywebview
 * @typedef {{send: (message: string) => void, onmessage?: ((message: unknown) => void) | null}} Transport
 * @typedef {{pywebview?: Pywebview, webkit?: {messageHandlers?: {jsBridge?: {postMessage: (text: string) => void}}}, qt?: {webChannelTransport?: Transport}}} Surroundings
 */

/** Longest wait for an answer, in milliseconds; a call that waits for a person sets its own. */
const ANSWER_LIMIT = 60_000;

/** Longest wait for pywebview's side of the door, in milliseconds. */
const DOOR_LIMIT = 15_000;

/** Longest text of a call's parameters, in characters; no method of the app takes as much. */
const LARGEST = 16 * 1024 * 1024;

/** Events of one name that are kept until somebody listens. */
const KEPT = 32;

/** What the app answered instead of a value, in the person's language. */
export class BridgeError extends Error {
  /** @param {Partial<Described>} described */
  constructor(described) {
    super(described.message || described.code || "");
    this.name = "BridgeError";
    this.code = described.code || "internal";
    this.hint = described.hint || "";
    this.retryable = described.retryable === true;
    this.field = described.field ?? null;
    this.detail = described.detail || "";
  }
}

/** @type {Map<string, {resolve: (value: any) => void, reject: (error: BridgeError) => void, timer: number}>} */
const waiting = new Map();

/** @type {Map<string, Set<(data: any) => void>>} */
const handlers = new Map();

/** @type {Map<string, any[]>} */
const early = new Map();

/** @param {Array<Answer | Refusal | Push>} batch */
function deliver(batch) {
  for (const entry of batch) {
    if ("event" in entry) {
      hand(entry.event, entry.data);
      continue;
    }
    const asked = waiting.get(entry.id);
    if (!asked) continue; // answered after its time limit
    waiting.delete(entry.id);
    clearTimeout(asked.timer);
    if (entry.ok) asked.resolve(entry.value);
    else asked.reject(new BridgeError(entry.error));
  }
}

/**
 * One handler that throws must not keep the rest of the batch from its owners.
 * @param {string} event
 * @param {any} data
 */
function hand(event, data) {
  const listeners = handlers.get(event);
  if (!listeners || listeners.size === 0) {
    const kept = early.get(event) || [];
    kept.push(data);
    early.set(event, kept.slice(-KEPT));
    return;
  }
  for (const listener of listeners) {
    try {
      listener(data);
    } catch (error) {
      reportError(error);
    }
  }
}

Object.defineProperty(window, "bridge", { value: Object.freeze({ deliver }) });

/*
 * WebKitGTK takes every script that the app runs in a page for a click of the person's. There the app speaks from a
 * world of its own through this port, and no script gets a click that was none (desktop/window/gtk_lockdown.py).
 */
const line = new MessageChannel();
line.port1.onmessage = (event) => deliver(event.data);
window.postMessage("bridge.port", window.location.origin, [line.port2]);

/** Read once and taken out of the document: a script that comes later finds no key to read. */
const pageKey = (() => {
  const meta = document.querySelector('meta[name="page-key"]');
  const key = meta?.getAttribute("content") || "";
  meta?.remove();
  return key;
})();

let count = 0;

/**
 * How a call leaves the page; undefined while there is no way.
 * @returns {((params: unknown, id: string) => void) | undefined}
 */
function door() {
  const { pywebview: view } = /** @type {Surroundings} */ (/** @type {unknown} */ (window));
  const waits = view?.platform === "qtwebengine" && !view._QWebChannel;
  if (view && typeof view._jsApiCallback === "function" && !waits) {
    return (params, id) => view._jsApiCallback?.("call", params, id);
  }
  return earlyDoor();
}

/**
 * pywebview brings its side only when everything has loaded. What lies beneath it is there from the page's first line
 * on the engines of Linux, and takes the same calls (pywebview 6.2: api.js, gtk.py, qt.py).
 * @returns {((params: unknown, id: string) => void) | undefined}
 */
function earlyDoor() {
  if (!navigator.userAgent.includes("Linux")) return undefined;
  const { webkit, qt } = /** @type {Surroundings} */ (/** @type {unknown} */ (window));
  const handler = webkit?.messageHandlers?.jsBridge;
  if (handler) return (params, id) => handler.postMessage(JSON.stringify({ funcName: "call", params, id }));
  const transport = qt?.webChannelTransport;
  if (!transport) return undefined;
  transport.onmessage ??= () => {};
  return (params, id) => {
    const args = ["call", JSON.stringify(params), id];
    // Type 6 is QWebChannel's InvokeMethod. Its receipt may reach the QWebChannel that pywebview makes meanwhile,
    // which calls what it keeps under the id: `valueOf` is there in any object, and does nothing.
    transport.send(JSON.stringify({ type: 6, id: "valueOf", object: "external", method: "call", args }));
  };
}

/** @type {Promise<void> | null} */
let opening = null;

/**
 * Settles when calls can be made. pywebview fires `pywebviewready` only where its own API was made, hence the polling.
 * @returns {Promise<void>} rejects with `bridge_missing` after 15 s
 */
export function ready() {
  opening ??= new Promise((resolve, reject) => {
    if (door()) return resolve();
    const started = performance.now();
    const look = () => {
      if (door()) {
        stop();
        resolve();
      } else if (performance.now() - started > DOOR_LIMIT) {
        stop();
        opening = null;
        reject(own("bridge_missing"));
      }
    };
    const timer = setInterval(look, 5);
    const stop = () => {
      clearInterval(timer);
      window.removeEventListener("pywebviewready", look);
    };
    window.addEventListener("pywebviewready", look);
  });
  return opening;
}

/**
 * A failure of the bridge itself, which the app cannot describe.
 * @param {"bridge_missing" | "bridge_late"} code
 * @param {string} [detail]
 */
function own(code, detail = "") {
  const words = code === "bridge_missing" ? t("common.bridge_missing") : t("common.bridge_late");
  return new BridgeError({ code, message: words, hint: t("common.bridge_hint"), retryable: true, detail });
}

/**
 * What can't be written as JSON (a circle, a BigInt, something nested without end) never leaves the page: it is
 * refused here as the app would refuse it.
 * @param {Record<string, unknown>} params
 */
function check(params) {
  let text;
  try {
    text = JSON.stringify(params);
  } catch (error) {
    throw new BridgeError({ code: "bad_params", message: t("common.bridge_unwritten"), detail: String(error) });
  }
  if (text === undefined) throw new BridgeError({ code: "bad_params", message: t("common.bridge_unwritten") });
  if (text.length > LARGEST) throw new BridgeError({ code: "call_too_large", message: t("common.bridge_too_large") });
}

/**
 * Ask the app for something.
 * @param {string} method one of the page's own methods, e.g. "chat.start"
 * @param {Record<string, unknown>} [params]
 * @param {{limit?: number}} [options] limit: longest wait in milliseconds, 0 for none
 * @returns {Promise<any>} rejects with `BridgeError`
 */
export async function call(method, params = {}, { limit = ANSWER_LIMIT } = {}) {
  check(params);
  await ready();
  const send = door();
  if (!send) throw own("bridge_missing");
  count += 1;
  const id = `${count}`;
  const answer = new Promise((resolve, reject) => {
    const timer = limit > 0 ? window.setTimeout(() => drop(id, own("bridge_late")), limit) : 0;
    waiting.set(id, { resolve, reject, timer });
  });
  try {
    send({ page_key: pageKey, id, method, params }, id);
  } catch (error) {
    drop(id, own("bridge_missing", String(error)));
  }
  return answer;
}

/**
 * @param {string} id
 * @param {BridgeError} error
 */
function drop(id, error) {
  const asked = waiting.get(id);
  if (!asked) return;
  waiting.delete(id);
  clearTimeout(asked.timer);
  asked.reject(error);
}

/**
 * Listen to an event of the app. What came before the first listener is handed over at once.
 * @param {string} event
 * @param {(data: any) => void} handler
 * @returns {() => void} stops listening
 */
export function on(event, handler) {
  const listeners = handlers.get(event) || new Set();
  listeners.add(handler);
  handlers.set(event, listeners);
  const kept = early.get(event);
  if (kept) {
    early.delete(event);
    for (const data of kept) hand(event, data);
  }
  return () => listeners.delete(handler);
}
