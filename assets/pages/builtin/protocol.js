// @ts-check
/** ChatKit's protocol as the built-in view speaks it: requests that are answered at once, and streams of events. Knows no view. */

import { requestAgent } from "../common/agent_fetch.js";
import { BridgeError } from "../common/bridge.js";
import { described as ofAnyPage } from "../common/parts.js";
import { t } from "../common/texts.js";

/**
 * @typedef {{type: "url", url: string, title: string, description?: string, attribution?: string}
 *   | {type: "file", filename: string, title: string, description?: string}
 *   | {type: "entity", id: string, title: string, description?: string}} Source
 * @typedef {{source: Source, index?: number}} Annotation
 * @typedef {{text: string, annotations: Annotation[]}} Part
 * @typedef {{id: string, name: string, mime_type: string, type: "file" | "image", preview_url?: string}} Attachment
 * @typedef {{type: "custom" | "web_search" | "thought" | "file" | "image", title?: string, title_query?: string,
 *   content?: string, queries?: string[], sources?: Source[], status_indicator: "none" | "loading" | "complete"}} Task
 * @typedef {{type: string, tasks: Task[], summary?: {title?: string, duration?: number}, expanded?: boolean}} Workflow
 * @typedef {{values: string[], skipped: boolean}} InputAnswer
 * @typedef {{id: string, type: "multiple_choice" | "freeform", question: string, description?: string, multiple?: boolean,
 *   options?: {value: string}[], answer?: InputAnswer}} Input
 * @typedef {Record<string, any> & {type: string, children?: Component | Component[]}} Component a widget or a part of one
 *
 * @typedef {object} Item an item of a thread; which of the fields it has, its type says
 * @property {string} id
 * @property {string} type
 * @property {string} created_at
 * @property {any} [content]
 * @property {Attachment[]} [attachments]
 * @property {string} [quoted_text]
 * @property {Workflow} [workflow]
 * @property {Task} [task]
 * @property {Component} [widget]
 * @property {string} [copy_text]
 * @property {{id: string, url: string} | null} [image]
 * @property {Input[]} [inputs]
 * @property {string} [status]
 * @property {string} [name]
 * @property {Record<string, any>} [arguments]
 *
 * @typedef {{id: string, title?: string, created_at: string, status?: {type: string, reason?: string}}} Thread
 * @typedef {{type: string} & Record<string, any>} Event
 * @typedef {{type: string, payload?: any}} Action
 */

/** What the app refused, with a sentence that says why and what to do. */
export class Refused extends Error {
  /**
   * @param {string} message
   * @param {string} code
   */
  constructor(message, code) {
    super(message);
    this.name = "Refused";
    this.code = code;
  }
}

/** Whatever was thrown, as something to show. @param {unknown} thrown @returns {import("../common/bridge.js").Described} */
export function described(thrown) {
  const told = ofAnyPage(thrown);
  if (!(thrown instanceof Refused)) return told;
  return { ...told, code: thrown.code, message: thrown.message, hint: "", detail: "" };
}

/**
 * @param {string} type
 * @param {Record<string, unknown>} params
 * @param {AbortSignal} [signal]
 * @param {Record<string, string>} [metadata]
 */
async function send(type, params, signal, metadata) {
  signal?.throwIfAborted();
  try {
    return await requestAgent(JSON.stringify({ type, params, metadata }), signal ?? null);
  } catch (error) {
    if (!(error instanceof BridgeError)) throw error;
    throw new Refused([error.message, error.hint].filter(Boolean).join(" "), error.code);
  }
}

/**
 * A request that is answered at once.
 * @param {string} type
 * @param {Record<string, unknown>} params
 * @returns {Promise<any>} rejects with `Refused`
 */
export async function ask(type, params) {
  return (await send(type, params)).json();
}

/**
 * A request that is answered in events.
 * @param {string} type
 * @param {Record<string, unknown>} params
 * @param {AbortSignal} signal
 * @param {Record<string, string>} [metadata] what this app understands beyond the protocol: `instead_of` a message, a `model`
 * @returns {AsyncGenerator<Event, void, void>} rejects with `Refused`, or with the signal's reason
 */
export async function* stream(type, params, signal, metadata) {
  const { body } = await send(type, params, signal, metadata);
  if (!body) throw new Refused(t("builtin.no_answer"), "internal");
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    text += done ? decoder.decode() : decoder.decode(value, { stream: true });
    for (;;) {
      const end = text.indexOf("\n\n");
      if (end < 0) break;
      const event = eventOf(text.slice(0, end));
      text = text.slice(end + 2);
      if (event) yield event;
    }
    if (done) return;
  }
}

/** @param {string} block @returns {Event | null} null for what is no event: a comment, or something cut off */
function eventOf(block) {
  const data = block
    .split("\n")
    .filter((line) => line.startsWith("data:"))
    .map((line) => line.slice(5).trimStart())
    .join("\n");
  try {
    return data ? JSON.parse(data) : null;
  } catch {
    return null;
  }
}
