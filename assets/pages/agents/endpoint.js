// @ts-check
/** The form for an endpoint. It is checked by real calls before it is saved; typed text stays until then. */

import { call } from "../common/bridge.js";
import { Check } from "../common/check.js";
import { clearCheck, refuse, wireCheck } from "../common/checked_form.js";
import { ask } from "../common/dialog.js";
import { chooseProtocol, focusable, hold, protocol } from "../common/endpoint_form.js";
import { button, CHECK_LIMIT, described, el, fieldError, forgiving, input, part, show } from "../common/parts.js";
import { tried } from "../common/saving.js";
import { mask, wireSecret } from "../common/secret.js";
import { t } from "../common/texts.js";

/**
 * @typedef {import("../common/parts.js").Described} Described
 * @typedef {import("./fields.js").Endpoint} Endpoint
 * @typedef {{name: string, address: string, api: string, key: string, model: string}} Typed
 * @typedef {{error: Described | null, can_save: boolean, cancelled: boolean, id: string, state: any}} Outcome
 */

const FIELDS = /** @type {const} */ (["name", "address", "api", "key", "model"]);

/** What was typed and not saved, by endpoint; a new one under "". @type {Map<string, Typed>} */
const drafts = new Map();
/** The endpoint that is shown; null: none, an id of "": a new one. @type {{id: string} & Partial<Endpoint> | null} */
let shown = null;
/** @type {Check<Outcome>} */
const check = new Check("endpoints.save", "endpoints.cancel", (isBusy) => underWay(isBusy));

/** @type {{changed: (state: any) => void, open: (id: string) => void, removed: () => void}} */
let house = { changed: () => undefined, open: () => undefined, removed: () => undefined };

/** @returns {Typed} */
function typed() {
  return {
    name: input("name").value,
    address: input("address").value,
    api: protocol(),
    key: input("key").value,
    model: input("model").value,
  };
}

/** @param {Typed} values */
function put(values) {
  for (const name of /** @type {const} */ (["name", "address", "key", "model"])) input(name).value = values[name];
  chooseProtocol(values.api);
  show("model-field", values.model !== "");
}

function clear() {
  for (const field of FIELDS) fieldError(field, "");
  clearCheck("endpoint");
}

/** @param {Partial<Endpoint>} endpoint @returns {Typed} */
const asSaved = (endpoint) => ({
  name: endpoint.own_name ?? "",
  address: endpoint.address ?? "",
  api: endpoint.api ?? "chat_completions",
  key: "",
  model: "",
});

/** Something else is shown now; what was typed here is kept. */
export function leaveEndpoint() {
  if (!shown || shown.built_in) return;
  const now = typed();
  if (JSON.stringify(now) === JSON.stringify(asSaved(shown))) drafts.delete(shown.id);
  else drafts.set(shown.id, now);
  shown = null;
}

/** @param {{id: string} & Partial<Endpoint>} endpoint @param {boolean} locked */
export function showEndpoint(endpoint, locked) {
  shown = endpoint;
  clear();
  const fresh = endpoint.id === "";
  el("endpoint-title").textContent = fresh
    ? t("agents.endpoint_add")
    : endpoint.built_in
      ? t("agents.openai")
      : (endpoint.name ?? "");
  el("endpoint-lead").textContent = endpoint.built_in
    ? t("agents.openai_lead", { host: endpoint.host ?? "" })
    : fresh
      ? t("agents.endpoint_lead")
      : t("agents.endpoint_users", { count: endpoint.users ?? 0 });
  show("built-in", endpoint.built_in === true);
  show("endpoint-form", endpoint.built_in !== true);
  show("endpoint-remove", !fresh);
  put(drafts.get(endpoint.id) ?? asSaved(endpoint));
  mask("key", true);
  for (const control of part("endpoint-form", HTMLFormElement).elements) {
    if (control instanceof HTMLInputElement || control instanceof HTMLButtonElement) control.disabled = locked;
  }
  show("key-remove", false);
  el("key-help").textContent = t("forms.endpoint.key_help");
  el("built-in-key").textContent = t("forms.key_looking");
  if (!fresh) void loadKey(endpoint.id);
}

/** @param {string} id */
async function loadKey(id) {
  try {
    const status = await call("endpoints.key", { id }, { limit: CHECK_LIMIT });
    if (shown?.id === id) fillKey(status);
  } catch (error) {
    if (shown?.id === id) el("built-in-key").textContent = el("key-help").textContent = described(error).message;
  }
}

/** @param {{present: boolean, where: string, store: string}} status */
function fillKey(status) {
  const about = { host: shown?.host ?? "", store: status.store };
  const words =
    status.where === "keyring"
      ? t("forms.key_in_keyring", about)
      : status.where === "session"
        ? t("forms.key_in_session", about)
        : t("forms.key_nowhere", about);
  el("built-in-key").textContent = words;
  el("key-help").textContent = status.present ? `${words} ${t("agents.key_replace")}` : t("forms.endpoint.key_help");
  show("key-remove", status.present);
}

/** @param {boolean} busy */
function underWay(busy) {
  button("endpoint-save").disabled = busy;
  el("endpoint-save-words").textContent = busy ? t("forms.key_checking") : t("agents.endpoint_save");
  hold(FIELDS, busy);
  show("endpoint-cancel", busy);
  if (busy) button("endpoint-cancel").focus();
}

/** @param {{keep?: string, unchecked?: boolean}} [how] */
async function submit({ keep = "keyring", unchecked = false } = {}) {
  if (check.isOn || !shown) return;
  clear();
  const of = shown;
  el("endpoint-doing").textContent = t("agents.endpoint_doing");
  const ended = await check.run({ id: of.id, ...typed(), keep, unchecked });
  if (!ended) return;
  const { outcome, error } = ended;
  el("endpoint-doing").textContent = "";
  if (error) return refused(error, outcome?.can_save === true);
  if (outcome?.cancelled) saysStopped();
  if (!outcome || outcome.cancelled) return;
  drafts.delete(of.id);
  house.changed(outcome.state);
  if (shown !== of) return;
  shown = null;
  house.open(outcome.id);
  el("endpoint-doing").textContent = t("agents.endpoint_works");
}

/** @param {Described} error @param {boolean} canSave */
function refused(error, canSave) {
  const field = FIELDS.find((name) => name === error.field);
  if (field) {
    if (field === "model") show("model-field", true);
    fieldError(field, error);
    focusable(field).focus();
    return;
  }
  refuse("endpoint", error, canSave);
}

async function cancel() {
  if (await check.stop()) saysStopped();
}

/** The check's own answer may come before the one to the wish to stop it: whichever comes first says it. */
function saysStopped() {
  el("endpoint-doing").textContent = t("agents.cancelled");
  button("endpoint-save").focus();
}

async function remove() {
  const of = shown;
  if (!of) return;
  const users = of.users ?? 0;
  const yes = await ask({
    title: t("agents.endpoint_remove_title", { name: of.name ?? "" }),
    text: users > 0 ? t("agents.endpoint_remove_used", { count: users }) : t("agents.endpoint_remove_text"),
    yes: t("agents.endpoint_remove_yes"),
  });
  if (yes === null) return;
  await tried(async () => {
    const state = await call("endpoints.remove", { id: of.id }, { limit: CHECK_LIMIT });
    drafts.delete(of.id);
    shown = null;
    house.changed(state);
    house.removed();
  });
}

async function removeKey() {
  const of = shown;
  if (!of) return;
  const about = { host: of.host ?? "" };
  const yes = await ask({
    title: t("forms.key_remove_title"),
    text: t("forms.key_remove_text_session", about),
    yes: t("forms.key_remove_yes"),
  });
  if (yes === null) return;
  await tried(async () => fillKey(await call("endpoints.remove_key", { id: of.id }, { limit: CHECK_LIMIT })));
}

/** @param {typeof house} around */
export function wireEndpoint(around) {
  house = around;
  wireCheck("endpoint", (how) => void submit(how));
  button("endpoint-cancel").addEventListener("click", () => void tried(cancel));
  button("endpoint-remove").addEventListener("click", () => void remove());
  button("key-remove").addEventListener("click", () => void removeKey());
  wireSecret("key");
  button("built-in-settings").addEventListener("click", () =>
    void tried(() => call("app.open_settings", { section: "key" })),
  );
  forgiving(FIELDS);
}
