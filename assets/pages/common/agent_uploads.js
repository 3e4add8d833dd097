// @ts-check
/**
 * Files on their way to the app: in bounded pieces over the bridge, whoever sends them. ChatKit's two ways of sending one
 * (`two_phase`: `attachments.create`, then a PUT; `direct`: a POST of a form) end here too. Knows no view.
 */

import { call } from "./bridge.js";
import { make } from "./parts.js";
import { t } from "./texts.js";

/** Where ChatKit is told to send files: no such host exists, our `fetch` takes what goes there. */
const PLACE = "https://agent.invalid/chatkit/attachments/";

/** Bytes that go in one call. */
const PIECE = 1024 * 1024;

/** Longer side of a preview, in pixels, and its largest size as a `data:` address, in characters. */
const PREVIEW = 320;
const PREVIEW_SIZE = 80_000;

/**
 * @typedef {{id: string, name: string, mime_type: string, type: "file" | "image", preview_url?: string}} Attachment
 */

/** What was sent through here, as ChatKit's composer takes it back. @type {Map<string, {type: "file", id: string, name: string, mime_type: string}>} */
const sent = new Map();

/**
 * Sends a file. Rejects with `BridgeError`, or the signal's reason.
 * @param {Blob} file
 * @param {{id: string, signal?: AbortSignal | null, told?: (share: number) => void, wanted?: () => boolean}} options
 *   id: what `attachment.begin` has given; told: hears the share that is there, 0–1; wanted: false ends it
 * @returns {Promise<Attachment | null>} null: no longer wanted
 */
export async function sendFile(file, { id, signal = null, told = () => {}, wanted = () => true }) {
  for (let offset = 0; offset < file.size && wanted(); offset += PIECE) {
    signal?.throwIfAborted();
    await call("attachment.part", { id, offset, data: await base64(file.slice(offset, offset + PIECE)) });
    told(Math.min(1, (offset + PIECE) / file.size));
  }
  signal?.throwIfAborted();
  if (!wanted()) return null;
  return call("attachment.end", { id, preview: await preview(file) });
}

/**
 * `attachments.create` of ChatKit: the file itself comes next.
 * @param {{name?: unknown, mime_type?: unknown, size?: unknown}} params
 * @returns {Promise<object>} an `Attachment` with its `upload_descriptor`
 */
export async function created({ name, mime_type, size }) {
  const about = { name: String(name ?? "") || t("common.pasted_file"), mime_type: String(mime_type ?? "") };
  const { id } = await call("attachment.begin", { name: about.name, mime: about.mime_type, size: Number(size) || 0 });
  const made = { type: /** @type {const} */ ("file"), id: String(id), ...about };
  sent.set(made.id, made);
  const headers = { "content-type": about.mime_type || "application/octet-stream" };
  return { ...made, upload_descriptor: { url: PLACE + encodeURIComponent(made.id), method: "PUT", headers } };
}

/** @param {string} url @returns {string} the attachment whose file goes to this address; empty: none */
export function uploadOf(url) {
  return url.startsWith(PLACE) ? decodeURIComponent(url.slice(PLACE.length).split(/[?#]/)[0]) : "";
}

/**
 * The second half of `two_phase`.
 * @param {string} id
 * @param {BodyInit | null} body
 * @param {AbortSignal | null} signal
 */
export async function put(id, body, signal) {
  return sendFile(body instanceof Blob ? body : await new Response(body).blob(), { id, signal });
}

/**
 * The whole of `direct`: the form's file. Null where there is none in it.
 * @param {FormData} form
 * @param {AbortSignal | null} signal
 */
export async function posted(form, signal) {
  const file = [...form.values()].find((value) => value instanceof File);
  if (!(file instanceof File)) return null;
  const name = file.name || t("common.pasted_file");
  const { id } = await call("attachment.begin", { name, mime: file.type, size: file.size });
  sent.set(id, { type: "file", id, name, mime_type: file.type });
  return sendFile(file, { id, signal });
}

/** Those of `ids` that were sent from this page, for a composer. @param {string[]} ids */
export function sentFrom(ids) {
  return ids.flatMap((id) => sent.get(id) ?? []);
}

/** @param {Blob} blob @returns {Promise<string>} */
async function base64(blob) {
  const url = await dataUrl(blob);
  return url.slice(url.indexOf(",") + 1);
}

/** @param {Blob} blob @returns {Promise<string>} */
function dataUrl(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

/** A small picture of a large one, base64; empty where there is none. @param {Blob} file */
async function preview(file) {
  if (!/^image\/(?:png|jpeg|gif|webp)$/.test(file.type)) return "";
  try {
    const image = new Image();
    image.src = await dataUrl(file);
    await image.decode();
    const scale = Math.min(1, PREVIEW / Math.max(image.naturalWidth, image.naturalHeight));
    const canvas = make("canvas");
    canvas.width = Math.max(1, Math.round(image.naturalWidth * scale));
    canvas.height = Math.max(1, Math.round(image.naturalHeight * scale));
    canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
    const kind = file.type === "image/jpeg" ? "image/jpeg" : "image/png";
    let url = canvas.toDataURL(kind, 0.8);
    if (url.length > PREVIEW_SIZE) url = canvas.toDataURL("image/jpeg", 0.7);
    return url.slice(url.indexOf(",") + 1);
  } catch {
    return ""; // a picture that this engine can't read goes without
  }
}
