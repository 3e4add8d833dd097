// @ts-check
/** Saves changes one after another, and shows the result in a line. Knows no field. */

import { call } from "./bridge.js";
import { banner, described, el, show, SHOW_AFTER } from "./parts.js";
import { answered } from "./http_question.js";
import { t } from "./texts.js";

/** @typedef {import("./parts.js").Described} Described */

/** How long "Saved" is shown, in milliseconds. */
const SAVED_FOR = 4_000;

let stateTimer = 0;

/** @param {"idle" | "saving" | "saved" | "bad"} state */
export function tell(state) {
  clearTimeout(stateTimer);
  const line = el("state");
  line.classList.toggle("good", state === "saved");
  line.classList.toggle("bad", state === "bad");
  if (state === "saving") line.textContent = t("forms.saving");
  else if (state === "saved") line.textContent = `✓ ${t("forms.saved")}`;
  else if (state === "bad") line.textContent = t("forms.not_saved");
  else line.textContent = t("forms.saves_itself");
  if (state === "saved") stateTimer = window.setTimeout(() => tell("idle"), SAVED_FOR);
}

/**
 * @typedef {object} Listener
 * @property {(name: string, values: any, about: string) => boolean} saved what came of it; false where another field is
 *   still refused
 * @property {(name: string, error: Described, about: string) => void} refused
 *
 * @typedef {object} Sender how one change is sent. `about` is what it belongs to at the moment it is made.
 * @property {() => string} about
 * @property {(changes: Record<string, any>, about: string) => Promise<any>} send
 */

/** @type {Sender} */
let way = { about: () => "", send: sent };

/** @param {Record<string, any>} changes @returns {Promise<any>} */
async function sent(changes) {
  /** @type {Record<string, unknown>} */
  let params = { changes };
  for (;;) {
    try {
      return await call("settings.save", params);
    } catch (thrown) {
      const more = await answered(described(thrown), params);
      if (!more) throw thrown;
      params = more;
    }
  }
}

/** Another page's way of saving. @param {Sender} one */
export function saveBy(one) {
  way = one;
}

/** @type {Listener} */
let listener = { saved: () => true, refused: (_name, error) => failed(error) };

/** @param {Listener} one */
export function listen(one) {
  listener = one;
}

/** Saves go one after the other, so that the last one wins. @type {Promise<void>} */
let queue = Promise.resolve();

/** @param {string} name @param {any} value */
export function save(name, value) {
  const about = way.about();
  queue = queue.then(() => saveNow(name, value, about));
  return queue;
}

/** @param {string} name @param {any} value @param {string} about */
async function saveNow(name, value, about) {
  const late = setTimeout(() => tell("saving"), SHOW_AFTER);
  try {
    const values = await way.send({ [name]: value }, about);
    clearTimeout(late);
    tell(listener.saved(name, values, about) ? "saved" : "bad");
  } catch (thrown) {
    clearTimeout(late);
    tell("bad");
    listener.refused(name, described(thrown), about);
  }
}

/**
 * Something to be done between two saves.
 * @param {() => Promise<void>} act
 */
export function between(act) {
  queue = queue.then(act).catch(() => undefined); // what could not be read now is read at the next change
}

/** @param {Described} error */
export function failed(error) {
  banner("failed", error);
}

/** @param {() => Promise<unknown>} act */
export async function tried(act) {
  show("failed", false);
  try {
    await act();
  } catch (error) {
    failed(described(error));
    el("failed").scrollIntoView({ block: "nearest" });
  }
}
