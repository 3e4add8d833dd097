// @ts-check
/** The form "Another model": its addresses, its protocol, and the model that is chosen from the server's own list. */

import { call } from "../common/bridge.js";
import { combobox } from "../common/combobox.js";
import { chooseProtocol, protocol } from "../common/endpoint_form.js";
import { el, input, show } from "../common/parts.js";
import { fieldError } from "./fields.js";
import { t } from "../common/texts.js";

/** @typedef {import("../common/combobox.js").Combobox} Combobox */

/** @type {Combobox | null} */
let list = null;
/** The address whose key was last looked for. */
let known = "";

/** Called where what is to be done next has changed. @type {() => void} */
let changed = () => undefined;

/** Whether the next thing is to ask for the models: none is named yet. */
export const looks = () => input("endpoint-model").value.trim() === "";

/** What the form holds, as the app takes it. */
export function values() {
  return {
    address: input("address").value,
    key: input("endpoint-key").value,
    api: protocol(),
    model: input("endpoint-model").value,
  };
}

/** @param {{address: string, api: string} | null} endpoint @param {string} model */
export function fillEndpoint(endpoint, model) {
  if (!endpoint) return;
  input("address").value = endpoint.address;
  chooseProtocol(endpoint.api);
  input("endpoint-model").value = model;
  show("endpoint-model-field", model !== "");
  void lookForKey();
}

/** The models came (or the server has no list): the field for one is there from now on. @param {string[]} models */
export function fillModels(models) {
  const model = input("endpoint-model");
  list?.options(models);
  show("endpoint-model-field", true);
  if (models.length === 1 && model.value === "") model.value = models[0];
  const words = models.length > 0 ? t("setup.models_found", { count: models.length }) : t("setup.models_none");
  el("endpoint-model-help").textContent = models.length === 1 ? t("setup.model_help") : words;
  changed();
}

/** A key that is stored for the address need not be typed again. */
async function lookForKey() {
  const address = input("address").value.trim();
  if (address === known) return;
  known = address;
  const help = el("endpoint-key-help");
  help.textContent = t("forms.endpoint.key_help");
  if (address === "") return;
  try {
    const found = await call("setup.address", { address });
    if (found.key && known === address) help.textContent = t("setup.address_stored", { host: found.host });
  } catch {
    // What is wrong with the address is said when it is asked.
  }
}

/** @param {() => void} onChange */
export function wireEndpoint(onChange) {
  changed = onChange;
  const words = { label: t("forms.endpoint.model"), show: t("forms.endpoint.models_show") };
  list = combobox(input("endpoint-model"), words);
  input("endpoint-model").addEventListener("input", changed);
  input("address").addEventListener("change", () => void lookForKey());
  // Another server has other models; what was typed or chosen stays in the field.
  for (const one of [input("address"), el("api")]) one.addEventListener("input", () => list?.options([]));
  el("presets").addEventListener("click", (event) => {
    const preset = event.target instanceof Element ? event.target.closest("[data-address]") : null;
    if (!preset || input("address").readOnly) return;
    input("address").value = preset.getAttribute("data-address") ?? "";
    input("endpoint-model").value = "";
    list?.options([]);
    fieldError("address", null);
    changed();
    void lookForKey();
    input("address").focus();
  });
}
