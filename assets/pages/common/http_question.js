// @ts-check
/** Asks whether http on one's own network is allowed, and offers http if a server needs it. For every address field. */

import { ask } from "./dialog.js";
import { t } from "./texts.js";

/** @typedef {import("./bridge.js").Described} Described */

/**
 * Asks what an error asks for.
 * @param {Described} error
 * @param {Record<string, unknown>} params what was sent
 * @returns {Promise<Record<string, unknown> | null>} what to send now; null: there was nothing to ask, or the answer is no
 */
export async function answered(error, params) {
  if (error.code === "plain_unasked" && params["plain"] !== true) {
    const host = error.detail.replace(/^http:\/\//, "");
    const text = t("common.plain_text", { host });
    const answer = await ask({ title: t("common.plain_title"), text, yes: t("common.yes"), no: t("common.no"), harmless: true });
    return answer !== null ? { ...params, plain: true } : null;
  }
  const field = error.field ?? "";
  if (error.code === "tls_plain" && error.detail.startsWith("http://") && params[field] !== undefined) {
    const text = t("common.plain_offer", { address: error.detail });
    const answer = await ask({ title: error.message, text, yes: t("common.plain_use"), harmless: true });
    return answer !== null ? { ...params, [field]: error.detail } : null;
  }
  return null;
}
