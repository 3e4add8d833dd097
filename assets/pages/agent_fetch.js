// @ts-check
/**
 * `fetch` for ChatKit where the agent runs inside the app: a request of its protocol goes over the bridge, the answer
 * comes back as a real `Response`, in order and no faster than it is taken. What fails is a 400 with a sentence or an
 * `error` event: anything else ChatKit would send again, message and all. Knows no view.
 */

import { BridgeError, call, on } from "./bridge.js";
import { t } from "./texts.js";

/**
 * @typedef {{id: string, seq: number, chunks: string[]}} Data
 * @typedef {object} Observer what a page may want to know of the requests
 * @property {(waiting: boolean) => void} [waits] a message has found no answer yet, or has
 * @property {(type: string, error: BridgeError) => void} [refused] a request of this type was refused
 */

/** Longest wait for an answer to begin, in milliseconds: the app's own limits end first, also where a person is asked for a token. */
const REQUEST_LIMIT = 660_000;

/** What may lie here before the reader takes it, in bytes; beyond it nothing is acknowledged. */
const ROOM = 1_000_000;

/** How long a message goes without an answer before that is said, in milliseconds. */
const BREATH = 300;

/** Tries at an acknowledgement that does not get through, and the milliseconds between them. */
const ACK_TRIES = 20;
const ACK_PAUSE = 100;

/** Requests that carry something a person has just said or done. */
const SAID = new Set([
  "threads.create",
  "threads.add_user_message",
  "threads.retry_after_item",
  "threads.add_structured_input",
  "threads.custom_action",
]);

/** @type {Observer} */
let observer = {};

/** @param {Observer} next */
export function observe(next) {
  observer = next;
}

/** Streams that are read. @type {Map<string, Incoming>} */
const streams = new Map();

/** Requests whose answer is not here yet; only then can a stream begin that nobody knows. */
let asking = 0;

/** What came of such streams. @type {Map<string, (Data | null)[]>} */
const early = new Map();

on("stream.data", (/** @type {Data} */ data) => arrived(data.id, data));
on("stream.end", (/** @type {{id: string}} */ { id }) => arrived(id, null));

/**
 * @param {string} id
 * @param {Data | null} data null: the end
 */
function arrived(id, data) {
  const stream = streams.get(id);
  if (stream) stream.take(data);
  else if (asking > 0) early.set(id, [...(early.get(id) ?? []), data]);
}

/** One answer that comes in pieces. */
class Incoming {
  #id;
  #seq = 0;
  /** Pieces that wait for room before they are acknowledged. */
  #owed = 0;
  /** @type {ReadableStreamDefaultController<Uint8Array> | null} */
  #controller = null;
  #encoder = new TextEncoder();
  body;

  /** @param {string} id */
  constructor(id) {
    this.#id = id;
    this.body = new ReadableStream(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#acknowledge(),
        cancel: () => this.#stop(),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: ROOM }),
    );
    streams.set(id, this);
  }

  /** @param {Data | null} data */
  take(data) {
    if (!this.#controller) return;
    if (data === null) {
      streams.delete(this.#id);
      this.#controller.close();
      this.#controller = null;
      return;
    }
    this.#seq += 1;
    if (data.seq !== this.#seq) return this.#lost();
    this.#controller.enqueue(this.#encoder.encode(data.chunks.join("")));
    this.#owed += data.chunks.length;
    if ((this.#controller.desiredSize ?? 0) > 0) this.#acknowledge();
  }

  /** The reader has gone away: nothing more is read, and the agent hears of it. @param {unknown} reason */
  abort(reason) {
    if (!this.#controller) return;
    this.#controller.error(reason);
    this.#stop();
  }

  #stop() {
    this.#controller = null;
    streams.delete(this.#id);
    call("stream.cancel", { id: this.#id }).catch(() => {});
  }

  #acknowledge() {
    if (this.#owed === 0) return;
    const count = this.#owed;
    this.#owed = 0;
    acknowledge(this.#id, count, ACK_TRIES);
  }

  /** A piece is missing. It cannot be had again, so what there is stays and the rest is said to be missing. */
  #lost() {
    const event = { type: "error", code: "custom", message: t("common.answer_lost"), allow_retry: true };
    this.#controller?.enqueue(this.#encoder.encode(`data: ${JSON.stringify(event)}\n\n`));
    this.#controller?.close();
    this.#stop();
  }
}

/**
 * @param {string} id
 * @param {number} count
 * @param {number} tries
 */
async function acknowledge(id, count, tries) {
  try {
    await call("stream.ack", { id, count });
  } catch {
    if (tries > 1 && streams.has(id)) setTimeout(() => acknowledge(id, count, tries - 1), ACK_PAUSE);
  }
}

/**
 * The `fetch` that ChatKit is given; the address means nothing here.
 * @param {RequestInfo | URL} input
 * @param {RequestInit} [init]
 * @returns {Promise<Response>} rejects only when `init.signal` ended the request
 */
export async function agentFetch(input, init = {}) {
  const signal = init.signal ?? null;
  signal?.throwIfAborted();
  const body = await textOf(init.body ?? (input instanceof Request ? input.clone().body : null));
  if (body === null) return refusal(t("common.upload_refused"), "bad_params");
  const type = typeOf(body);
  const breath = SAID.has(type) ? setTimeout(() => observer.waits?.(true), BREATH) : 0;
  asking += 1;
  try {
    const answer = await unless(signal, call("chatkit.request", { body }, { limit: REQUEST_LIMIT }), forget);
    if (typeof answer.json === "string") return new Response(answer.json, { headers: { "content-type": "application/json" } });
    return streamed(answer.stream, signal);
  } catch (error) {
    if (!(error instanceof BridgeError)) throw error;
    observer.refused?.(type, error);
    return refusal([error.message, error.hint].filter(Boolean).join(" "), error.code);
  } finally {
    asking -= 1;
    if (asking === 0) early.clear();
    if (breath) {
      clearTimeout(breath);
      observer.waits?.(false);
    }
  }
}

/**
 * @param {string} id
 * @param {AbortSignal | null} signal
 */
function streamed(id, signal) {
  const stream = new Incoming(id);
  for (const data of early.get(id) ?? []) stream.take(data);
  early.delete(id);
  signal?.addEventListener("abort", () => stream.abort(signal.reason), { once: true });
  return new Response(stream.body, { headers: { "content-type": "text/event-stream" } });
}

/** An answer that nobody waits for any more. @param {any} answer */
function forget(answer) {
  if (typeof answer.stream === "string") call("stream.cancel", { id: answer.stream }).catch(() => {});
}

/**
 * The promise's value; rejects at once when `signal` ends it, and a value that comes later goes to `late`.
 * @template T
 * @param {AbortSignal | null} signal
 * @param {Promise<T>} promise
 * @param {(value: T) => void} late
 * @returns {Promise<T>}
 */
function unless(signal, promise, late) {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const ended = () => {
      reject(signal.reason);
      promise.then(late, () => {});
    };
    signal.addEventListener("abort", ended, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", ended));
  });
}

/**
 * The body's text; null for what is no request of the protocol (a form with a file).
 * @param {BodyInit | null} body
 * @returns {Promise<string | null>}
 */
async function textOf(body) {
  if (typeof body === "string") return body;
  if (body === null || body instanceof FormData) return null;
  return new Response(body).text();
}

/** @param {string} body */
function typeOf(body) {
  try {
    return String(JSON.parse(body).type);
  } catch {
    return ""; // the app says what is wrong with it
  }
}

/**
 * @param {string} message
 * @param {string} code
 */
function refusal(message, code) {
  return new Response(JSON.stringify({ message, code }), {
    status: 400,
    headers: { "content-type": "application/json" },
  });
}
