// @ts-check
/** Opens the help from any page: with F1, or *More about this* beside an error. */

import { call } from "./bridge.js";
import { t } from "./texts.js";

/** @param {string} [topic] a topic or the code of an error; none: the beginning */
export function openHelp(topic = "") {
  call("help.open", { topic }).catch(reportError);
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "F1") return;
  event.preventDefault();
  openHelp();
});

/**
 * Words of a server, which the help knows nothing of (`custom` in ChatKit's protocol), and failures of the bridge itself,
 * over which nothing can be asked for.
 * @param {string} code
 */
const isOwn = (code) => code === "" || code === "custom" || code.startsWith("bridge_");

/**
 * Words about an error, and the way to its entry in the help.
 * @param {string} words
 * @param {string} code of the error; empty: words alone
 * @returns {(Node | string)[]}
 */
export function withMore(words, code) {
  return isOwn(code) ? [words] : [words, " ", moreAbout(code)];
}

/** The same in a place, whose words are taken out. @param {HTMLElement} place @param {string} words @param {string} code */
export function explain(place, words, code) {
  place.replaceChildren(...withMore(words, code));
}

/** @param {string} code of an error */
export function moreAbout(code) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "link more-about";
  made.textContent = t("common.more_about");
  made.addEventListener("click", () => openHelp(code));
  return made;
}
