// @ts-check
/** "Check for a new version" in the settings: asked by hand, so what goes wrong is said. */

import { call } from "../common/bridge.js";
import { button, CHECK_LIMIT, described, el, sayIn, show } from "../common/parts.js";
import { t } from "../common/texts.js";

/** @param {string} host who is asked */
export function wireUpdates(host) {
  show("updates", true);
  button("updates-check").addEventListener("click", () => void check(host));
}

/** @param {string} host */
async function check(host) {
  const result = el("updates-result");
  button("updates-check").setAttribute("aria-busy", "true");
  result.className = "help";
  result.textContent = t("settings.updates_checking", { host });
  show("updates-notes", false);
  show("updates-page", false);
  try {
    const { version, newer, notes } = await call("updates.check", {}, { limit: CHECK_LIMIT });
    result.textContent = newer ? t("settings.updates_new", { version }) : t("settings.updates_none");
    el("updates-notes").textContent = notes;
    show("updates-notes", newer && notes !== "");
    show("updates-page", newer);
  } catch (error) {
    result.className = "error";
    sayIn(result, described(error));
  } finally {
    button("updates-check").removeAttribute("aria-busy");
  }
}
