// @ts-check
/** The first page's fields and where their errors stand: in the place of the help, tied to the field; else in the banner. */

import { clearCheck, refuse } from "../common/checked_form.js";
import { button, el, fieldError as tellField, input, show } from "../common/parts.js";

/** @typedef {import("../common/parts.js").Described} Described */
/** @typedef {"key" | "workflow" | "endpoint" | "none"} Way */
/** @typedef {"key" | "key-model" | "workflow" | "version" | "address" | "endpoint-key" | "api" | "endpoint-model"} Field */

/** The fields of each way, in their order. @type {Record<Way, readonly Field[]>} */
export const FIELDS = {
  key: ["key", "key-model"],
  workflow: ["key", "workflow", "version"],
  endpoint: ["address", "endpoint-key", "api", "endpoint-model"],
  none: [],
};

/** @type {readonly Field[]} */
export const ALL = ["key", "key-model", "workflow", "version", "address", "endpoint-key", "api", "endpoint-model"];

/** @param {Field} field @param {Described | null} error */
export function fieldError(field, error) {
  tellField(field, error ?? "");
}

/** The field of this way that the app means by its own name for it. @param {Way} way @param {string | null} name @returns {Field | undefined} */
export function fieldOf(way, name) {
  const ours = way === "endpoint" && name === "key" ? "endpoint-key" : name === "model" ? `${way}-model` : name;
  return FIELDS[way].find((field) => field === ours);
}

/** A field's own complaint, before the app was asked. @param {Field} field @param {string} message */
export function complain(field, message) {
  fieldError(field, { code: "", message, hint: "", retryable: false, field, detail: "" });
  input(field).focus();
}

// --- what belongs to no field -------------------------------------------------------------------

/**
 * @param {Described} error
 * @param {boolean} canSave whether saving without a check is offered
 */
export function tellForm(error, canSave) {
  el("banner-detail").textContent = error.detail;
  show("banner-more", error.detail !== "");
  show("retry", true);
  if (error.code.startsWith("keyring_")) show("keyring", false); // said once
  refuse("setup", error, canSave);
}

export function clearErrors() {
  for (const field of ALL) fieldError(field, null);
  show("ways-banner", false);
  clearCheck("setup");
}

/** On the first field of this way that is still empty, else on the button. @param {Way} way */
export function focusFirst(way) {
  const empty = FIELDS[way].map((field) => el(field)).find((one) => one instanceof HTMLInputElement && one.value === "" && one.getClientRects().length > 0);
  (empty ?? button("submit")).focus();
}
