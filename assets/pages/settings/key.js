// @ts-check
/** The key's section: its state, replacing it (checked first), removing it. The key itself is only ever typed here. */

import { call } from "../common/bridge.js";
import { Check } from "../common/check.js";
import { clearCheck, refuse, wireCheck } from "../common/checked_form.js";
import { ask } from "../common/dialog.js";
import { banner, button, CHECK_LIMIT, el, fieldError, forgiving, input, show } from "../common/parts.js";
import { tried } from "../common/saving.js";
import { mask, wireSecret } from "../common/secret.js";
import { t } from "../common/texts.js";

/** @typedef {import("../common/parts.js").Described} Described */
/**
 * @typedef {{
 *   present: boolean, where: "keyring" | "session" | "nowhere", lasting: boolean, store: string, problem: Described | null,
 *   proxy_password: boolean
 * }} KeyStatus
 */

/** @type {KeyStatus | null} */
let key = null;
/** @type {Check<{error: Described | null, cancelled: boolean}>} */
const check = new Check("key.replace", "key.cancel", (isBusy) => keyBusy(isBusy));
/** Whom the key is sent to. */
let host = "";

/** @param {string} of the host of the API in effect */
export async function loadKey(of) {
  host = of;
  el("key-state").textContent = t("forms.key_looking");
  fillKey(await call("key.status", {}, { limit: CHECK_LIMIT }));
}

/** @param {KeyStatus} status */
function fillKey(status) {
  key = status;
  const values = { host: host, store: status.store };
  if (status.where === "keyring") el("key-state").textContent = t("forms.key_in_keyring", values);
  else if (status.where === "session") el("key-state").textContent = t("forms.key_in_session", values);
  else el("key-state").textContent = t("forms.key_nowhere", values);
  show("key-problem", false);
  if (status.problem) banner("key-problem", status.problem);
  button("key-replace").textContent = status.present ? t("settings.key_replace") : t("settings.key_add");
  el("key-save-words").textContent = status.present ? t("settings.key_save") : t("settings.key_save_new");
  show("key-remove", status.present);
  show("password-remove", status.proxy_password);
  if (status.proxy_password) input("password").placeholder = t("settings.proxy_password_stored");
  else input("password").removeAttribute("placeholder");
}

/** @param {string | import("../common/parts.js").Described} message */
const keyError = (message) => fieldError("key-new", message);

/** @param {boolean} open */
function keyForm(open) {
  show("key-form", open);
  show("key-actions", !open);
  clearCheck("key");
  keyError("");
  input("key-new").value = "";
  mask("key-new", true);
  if (open) input("key-new").focus();
  else button("key-replace").focus();
}

/** @param {boolean} busy */
function keyBusy(busy) {
  button("key-save").disabled = busy;
  input("key-new").readOnly = busy;
  if (busy) el("key-save-words").textContent = t("forms.key_checking");
  else if (key) el("key-save-words").textContent = key.present ? t("settings.key_save") : t("settings.key_save_new");
}

/** @param {"keyring" | "session"} keep */
async function replaceKey(keep) {
  if (check.isOn) return;
  keyError("");
  clearCheck("key");
  if (input("key-new").value.trim() === "") {
    keyError(t("settings.key_empty"));
    input("key-new").focus();
    return;
  }
  const ended = await check.run({ key: input("key-new").value, keep });
  if (!ended || ended.outcome?.cancelled) return;
  if (!ended.error) return tried(replaced);
  refused(ended.error);
}

async function replaced() {
  keyForm(false);
  fillKey(await call("key.status", {}, { limit: CHECK_LIMIT }));
  el("key-state").textContent += ` ${t("settings.key_replaced")}`;
}

/** @param {Described} error */
function refused(error) {
  if (error.field === "key") {
    keyError(error);
    input("key-new").focus();
    return;
  }
  refuse("key", error, false);
}

async function cancelKey() {
  if (check.isOn && !(await check.stop())) return; // it is being saved; its answer is on the way
  keyForm(false);
}

export function wireKey() {
  button("key-replace").addEventListener("click", () => keyForm(true));
  button("key-cancel").addEventListener("click", () => void tried(cancelKey));
  wireSecret("key-new");
  forgiving(["key-new"]);
  wireCheck("key", ({ keep }) => void replaceKey(keep ?? (key && !key.lasting ? "session" : "keyring")));
  button("key-remove").addEventListener("click", async () => {
    const values = { host: host, store: key?.store ?? "" };
    const text = key?.where === "session" ? t("forms.key_remove_text_session", values) : t("settings.key_remove_text", values);
    const yes = await ask({ title: t("forms.key_remove_title"), text, yes: t("forms.key_remove_yes") });
    if (yes !== null) await tried(async () => fillKey({ ...(await call("key.remove")), proxy_password: key?.proxy_password }));
  });
}
