// @ts-check
/** The window that asks for a ChatKit server's token, while a message waits for it. Nothing is kept of what was typed. */

import { call } from "../common/bridge.js";
import { clearCheck, refuse, wireCheck } from "../common/checked_form.js";
import { guard } from "../common/guard.js";
import { followLook } from "../common/look.js";
import { button, CHECK_LIMIT, described, el, fieldError, forgiving, input, sayIn, show } from "../common/parts.js";
import { wireSecret } from "../common/secret.js";
import { applyTexts, setTexts, t } from "../common/texts.js";

/** @typedef {import("../common/parts.js").Described} Described */
/** @typedef {{texts: Record<string, string>, look: import("../common/look.js").Look, name: string, host: string, reason: Described}} Start */

const rearm = guard(el("form"));
let checks = 0;
let check = 0;

/** @param {Described} error @param {boolean} canSave */
function refused(error, canSave) {
  if (error.field === "token") {
    fieldError("token", error);
    input("token").select();
    input("token").focus();
    return;
  }
  refuse("token", error, canSave);
  rearm(); // buttons have come under the pointer
}

/** @param {boolean} busy */
function underWay(busy) {
  if (busy) button("submit").setAttribute("aria-busy", "true");
  else button("submit").removeAttribute("aria-busy");
  button("submit").disabled = busy;
  input("token").readOnly = busy;
  el("token-doing").textContent = busy ? t("forms.server.doing") : "";
}

/** @param {{keep?: string, unchecked?: boolean}} [how] */
async function submit({ keep = "keyring", unchecked = false } = {}) {
  if (check !== 0) return;
  fieldError("token", "");
  clearCheck("token");
  const token = input("token").value;
  if (!token.trim()) {
    fieldError("token", t("token.empty"));
    input("token").focus();
    return;
  }
  const mine = (check = ++checks);
  underWay(true);
  try {
    const outcome = await call("token.submit", { number: mine, token, keep, unchecked }, { limit: CHECK_LIMIT });
    if (outcome.error) {
      underWay(false);
      refused(outcome.error, outcome.can_save);
    }
  } catch (thrown) {
    underWay(false);
    refused(described(thrown), false);
  } finally {
    check = 0;
  }
}

const close = () => void call("token.close").catch(() => undefined);

async function begin() {
  /** @type {Start} */
  const start = await call("token.start");
  setTexts(start.texts);
  applyTexts();
  followLook(start.look);
  el("heading").textContent = t("token.title", { name: start.name });
  sayIn(el("lead"), start.reason);
  wireCheck("token", (how) => void submit(how));
  wireSecret("token");
  forgiving(["token"]);
  button("later").addEventListener("click", close);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.isComposing) close();
  });
  show("form", true);
  rearm();
  input("token").focus();
}

begin().catch((error) => {
  show("form", true);
  refused(described(error), false);
});
