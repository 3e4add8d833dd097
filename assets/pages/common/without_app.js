// @ts-check
/** For both chat pages: an error in the person's language if the app can't be reached, and reports of blocks. */

import { BridgeError } from "./bridge.js";
import { applyTexts, setTexts, t } from "./texts.js";

/** Violations of the page's policy that are told: the first few say what is wrong, the rest would only repeat it. */
const MOST_TOLD = 20;

/**
 * A page that cannot reach the app says so in its own language: its own files are all it has. The error gets its words.
 * @param {unknown} error
 * @param {"chat" | "builtin"} area of the page's texts
 */
export async function speakWithoutTheApp(error, area) {
  if (error instanceof BridgeError && error.code.startsWith("bridge_")) {
    setTexts(await textsOf(["common", area]));
    error.message = error.code === "bridge_late" ? t("common.bridge_late") : t("common.bridge_missing");
    error.hint = t("common.bridge_hint");
  }
  applyTexts();
}

/** @param {string[]} areas */
async function textsOf(areas) {
  /** @type {Record<string, string>} */
  const found = {};
  for (const area of areas) {
    const file = await (await fetch(`../texts/${document.documentElement.lang}/${area}.json`)).json();
    for (const [key, text] of Object.entries(file)) found[`${area}.${key}`] = String(text);
  }
  return found;
}

/** @param {(detail: string) => Promise<unknown>} tell */
export function tellViolations(tell) {
  let told = 0;
  document.addEventListener("securitypolicyviolation", (event) => {
    told += 1;
    if (told > MOST_TOLD) return;
    const blocked = event.blockedURI.split(/[?#]/)[0];
    tell(`${event.effectiveDirective} ${blocked}`.slice(0, 2_000)).catch(() => {});
  });
}
