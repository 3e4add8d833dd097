// @ts-check
/** The first page's key: typed, stored or imported; where it is kept and whom it is sent to. An imported one is never seen here. */

import { call } from "../common/bridge.js";
import { banner, button, el, input, part, show } from "../common/parts.js";
import { fieldError } from "./fields.js";
import { t } from "../common/texts.js";

/**
 * @typedef {import("../common/parts.js").Described} Described
 * @typedef {import("./fields.js").Way} Way
 * @typedef {{present: boolean, lasting: boolean, store: string, problem: Described | null}} KeyStatus
 * @typedef {{key: boolean, workflow: string, version: string, file: string, api_host: string, found: string[], ignored: string[]}} Imported
 *
 * @typedef {object} Key what is known of it
 * @property {KeyStatus | null} stored null until the keyring has answered
 * @property {boolean} pending whether one was imported and waits on the other side
 * @property {string} host whom it is sent to: the settings' API, or the one that an imported file names with its key
 * @property {string} usual the settings' API
 * @property {string} name of the environment's variable that holds one; empty: none does
 */

/** @type {Key} */
export const key = { stored: null, pending: false, host: "", usual: "", name: "" };

/** @param {string} host @param {string} name */
export function beginKey(host, name) {
  key.host = key.usual = host;
  key.name = name;
  show("import-env", name !== "");
  button("import-env").textContent = t("setup.import_env", { name });
}

/** Whether there is one without anything typed. */
export const hasKey = () => key.pending || (key.stored !== null && key.stored.present);

/** Where the key is kept and whom it is sent to. @param {Way} way */
export function fillWhere(way) {
  const { stored, host } = key;
  const values = { store: stored?.store ?? "", host };
  if (way === "endpoint") el("where").textContent = t("setup.where_endpoint");
  else if (way === "none") el("where").textContent = t("setup.where_none");
  else if (!stored) el("where").textContent = t("setup.where_unknown", values);
  else if (stored.lasting) el("where").textContent = t("setup.where_keyring", values);
  else el("where").textContent = t("setup.where_session", values);
}

/** @param {KeyStatus} status @param {Way} way */
export function fillStatus(status, way) {
  key.stored = status;
  fillWhere(way);
  if (status.problem) banner("keyring", status.problem);
  fillKeyring(way);
  input("session-only").checked = !status.lasting;
  if (status.present) input("key").placeholder = t("setup.key_kept");
}

/** @param {Way} way */
export function fillKeyring(way) {
  show("keyring", key.stored !== null && key.stored.problem !== null && (way === "key" || way === "workflow"));
}

/** @param {string} name where the pending key comes from */
function showPending(name) {
  key.pending = true;
  el("key-pending-words").textContent = t("setup.key_from", { name });
  show("key-pending", true);
  show("key-typed", false);
  show("import-env", false);
  fieldError("key", null);
}

/** The imported key is let go. @param {Way} way */
export function dropPending(way) {
  key.pending = false;
  show("key-pending", false);
  show("key-typed", true);
  show("import-env", key.name !== "");
  show("imported-address", false);
  key.host = key.usual;
  fillWhere(way);
  input("key").focus();
  call("setup.drop_key").catch(() => undefined); // the page no longer asks for it either way
}

export async function importEnv() {
  const answer = await call("setup.import_env_key");
  showPending(answer.name);
  button("submit").focus();
}

/** @param {Way} way @param {boolean} asksWorkflow whether the file's workflow is taken */
export async function importDotenv(way, asksWorkflow) {
  /** @type {Imported | null} */
  const found = await call("setup.import_dotenv", {}, { limit: 0 });
  if (!found) return;
  if (found.key) showPending(found.file);
  if (asksWorkflow && found.workflow) {
    input("workflow").value = found.workflow;
    fieldError("workflow", null);
  }
  if (asksWorkflow && found.version) {
    input("version").value = found.version;
    part("more", HTMLDetailsElement).open = true;
  }
  if (found.api_host) {
    key.host = found.api_host;
    fillWhere(way);
    el("imported-address").textContent = t("setup.address", { host: key.host });
  }
  show("imported-address", found.api_host !== "");
  const file = found.file;
  const words = [
    found.found.length > 0
      ? t("setup.imported", { file, names: found.found.join(", ") })
      : t("setup.imported_nothing", { file }),
  ];
  if (found.ignored.length > 0) words.push(t("setup.ignored", { names: found.ignored.join(", ") }));
  el("imported").textContent = words.join(" ");
  show("imported", true);
  button("submit").focus();
}
