// @ts-check
/**
 * `fetch` for ChatKit where the agent runs inside the app: a request of its protocol goes over the bridge, the answer
 * comes back as a real `Response`, in order and no faster than it is taken; files go the same way. What is refused is an
 * `error` event where ChatKit reads a stream (there it shows nothing of a 400), else a 400 with a sentence: anything
 * else it would send again, message and all. Knows no view.
 */

import { created, posted, put, uploadOf } from "./agent_uploads.js";
import { BridgeError, call, on } from "./bridge.js";
import { t } from "./texts.js";

/**
 * @typedef {{id: string, seq: number, chunks: string[]}} Data
 * @typedef {object} Observer what a page may want to know of the requests
 * @property {(waiting: boolean) => void} [waits] a message has found no answer yet, or has
 * @property {(type: string, error: BridgeError) => void} [refused] a request of this type was refused
 * @property {(input: Input) => void} [unsent] a message that is kept nowhere: it was refused
 *
 * @typedef {{content?: {type: string, text: string}[], attachments?: string[]}} Input what a person wrote (`UserMessageInput`)
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

/** While answers are read, how often the app hears that this page lives, in milliseconds. */
const PULSE = 2_000;

/** Requests that carry something a person has just said or done. */
const SAID = new Set([
  "threads.create",
  "threads.add_user_message",
  "threads.retry_after_item",
  "threads.add_structured_input",
  "threads.custom_action",
]);

/** Those whose answer ChatKit reads as a stream (openai-chatkit 1.6.5, `StreamingReq`). */
const STREAMED = new Set([...SAID, "threads.add_client_tool_output"]);

/** Those that carry a message. */
const MESSAGES = new Set(["threads.create", "threads.add_user_message"]);

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

/** A page whose reader is behind still lives, and says so. */
let pulse = 0;

function beat() {
  if (streams.size === 0) {
    clearInterval(pulse);
    pulse = 0;
  } else call("stream.alive").catch(() => {});
}

/** One answer that comes in pieces. */
class Incoming {
  #id;
  /** Looks at the events until it knows whether the message was taken. @type {((text: string) => boolean) | null} */
  #look;
  #seq = 0;
  /** Pieces that wait for room before they are acknowledged. */
  #owed = 0;
  /** @type {ReadableStreamDefaultController<Uint8Array> | null} */
  #controller = null;
  #encoder = new TextEncoder();
  body;

  /** @param {string} id @param {((text: string) => boolean) | null} look true: it has seen enough */
  constructor(id, look) {
    this.#id = id;
    this.#look = look;
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
    pulse ||= window.setInterval(beat, PULSE);
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
    const text = data.chunks.join("");
    if (this.#look?.(text)) this.#look = null;
    this.#controller.enqueue(this.#encoder.encode(text));
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
 * The `fetch` that ChatKit is given; the address says only which file is sent.
 * @param {RequestInfo | URL} input
 * @param {RequestInit} [init]
 * @returns {Promise<Response>} rejects only when `init.signal` ended the request
 */
export async function agentFetch(input, init = {}) {
  const signal = init.signal ?? (input instanceof Request ? input.signal : null);
  signal?.throwIfAborted();
  const upload = uploadOf(input instanceof Request ? input.url : String(input));
  let type = "";
  let text = "";
  try {
    const body = init.body ?? (input instanceof Request ? await bodyOf(input) : null);
    if (upload) return json(await put(upload, body, signal));
    if (body instanceof FormData) {
      const attachment = await posted(body, signal);
      return attachment ? json(attachment) : refusal({ message: t("common.upload_refused"), code: "bad_params" });
    }
    text = typeof body === "string" ? body : await new Response(body).text();
    const asked = parsed(text);
    type = String(asked?.type ?? "");
    if (type === "attachments.create") return json(await created(asked.params ?? {}));
    return await requestAgent(text, signal);
  } catch (error) {
    if (!(error instanceof BridgeError)) throw error;
    observer.refused?.(type, error);
    const message = [error.message, error.hint].filter(Boolean).join(" ");
    if (!STREAMED.has(type)) return refusal({ message, code: error.code });
    if (MESSAGES.has(type)) observer.unsent?.(parsed(text)?.params?.input ?? {});
    // What was written lies in the composer again: there it is sent again, not by ChatKit's button.
    return events(message, error.retryable && !MESSAGES.has(type));
  }
}

/**
 * One request of the protocol, as JSON.
 * @param {string} body
 * @param {AbortSignal | null} signal
 * @returns {Promise<Response>} rejects with `BridgeError`, or with the signal's reason
 */
export async function requestAgent(body, signal) {
  const asked = parsed(body);
  const type = String(asked?.type ?? "");
  const breath = SAID.has(type) ? setTimeout(() => observer.waits?.(true), BREATH) : 0;
  asking += 1;
  try {
    const answer = await unless(signal, call("chatkit.request", { body }, { limit: REQUEST_LIMIT }), forget);
    if (typeof answer.json === "string") return new Response(answer.json, { headers: { "content-type": "application/json" } });
    return streamed(answer.stream, signal, MESSAGES.has(type) ? taken(asked.params?.input ?? {}) : null);
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
 * Looks at the beginning of an answer: an `error` before any item means that the message was not taken.
 * @param {Input} input
 * @returns {(text: string) => boolean}
 */
function taken(input) {
  let held = "";
  return (text) => {
    held += text;
    const blocks = held.split("\n\n");
    held = blocks.pop() ?? "";
    for (const block of blocks) {
      const { type = "" } = parsed(block.replace(/^data:/, "")) ?? {};
      if (type === "error") observer.unsent?.(input);
      if (type === "error" || type.startsWith("thread.item.")) return true;
    }
    return false;
  };
}

/**
 * @param {string} id
 * @param {AbortSignal | null} signal
 * @param {((text: string) => boolean) | null} look
 */
function streamed(id, signal, look) {
  const stream = new Incoming(id, look);
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

/** The body of a request that was made beforehand. @param {Request} request */
async function bodyOf(request) {
  const copy = request.clone();
  return (copy.headers.get("content-type") ?? "").startsWith("multipart/form-data") ? copy.formData() : copy.blob();
}

/** @param {string} text @returns {any} null for what is no JSON: the app says what is wrong with it */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** @param {unknown} value */
function json(value) {
  return new Response(JSON.stringify(value), { headers: { "content-type": "application/json" } });
}

/** A refusal where ChatKit reads JSON: it shows the top-level `message`. @param {{message: string, code: string}} told */
function refusal(told) {
  return new Response(JSON.stringify(told), { status: 400, headers: { "content-type": "application/json" } });
}

/**
 * A refusal where ChatKit reads a stream.
 * @param {string} message
 * @param {boolean} allow_retry
 */
function events(message, allow_retry) {
  const event = { type: "error", code: "custom", message, allow_retry };
  return new Response(`data: ${JSON.stringify(event)}\n\n`, { headers: { "content-type": "text/event-stream" } });
}
