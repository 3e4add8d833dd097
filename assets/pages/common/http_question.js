// @ts-check
/** The question about http in the own network, and the offer of http where a server speaks nothing else. For every form that takes an address. */

import { opened } from "./dialog.js";
import { make } from "./parts.js";
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
    const yes = await agreed(t("common.plain_title"), t("common.plain_text", { host }), t("common.yes"), t("common.no"));
    return yes ? { ...params, plain: true } : null;
  }
  const field = error.field ?? "";
  if (error.code === "tls_plain" && error.detail.startsWith("http://") && params[field] !== undefined) {
    const text = t("common.plain_offer", { address: error.detail });
    const yes = await agreed(error.message, text, t("common.plain_use"), t("common.cancel"));
    return yes ? { ...params, [field]: error.detail } : null;
  }
  return null;
}

/** @param {string} title @param {string} text @param {string} yes @param {string} no @returns {Promise<boolean>} */
async function agreed(title, text, yes, no) {
  const leave = make("button", { type: "button", id: "plain-no", "data-leave": "" }, [no]);
  const form = make("form", { novalidate: "", autocomplete: "off" }, [
    make("h2", { id: "plain-title" }, [title]),
    make("p", { id: "plain-text", class: "soft" }, [text]),
    make("div", { class: "actions end" }, [leave, make("button", { type: "submit", id: "plain-yes", class: "primary" }, [yes])]),
  ]);
  const dialog = make("dialog", { id: "plain-question", "aria-labelledby": "plain-title", "aria-describedby": "plain-text" }, [form]);
  document.body.append(dialog);
  try {
    return await opened(dialog, leave, () => true);
  } finally {
    dialog.remove();
  }
}
