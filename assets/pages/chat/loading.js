// @ts-check
/** What the chat page shows while it waits: a skeleton and words before there is a chat, a line above an open one. */

import { part } from "../common/parts.js";
import { t } from "../common/texts.js";

const loading = part("loading", HTMLElement);
const loadingWords = part("loading-words", HTMLParagraphElement);
const status = part("status", HTMLParagraphElement);

/** Milliseconds before the skeleton, and before the words that it takes long while the app has said nothing yet. */
const SKELETON = 300;
const SLOW = 3_000;

/** @type {number[]} */
let timers = [];

/**
 * A skeleton when it takes longer than a blink, and words when it takes longer than a breath.
 * @param {() => {limits: {slow_ms: number}} | undefined} begun what the app has answered, once it has
 */
export function beginLoading(begun) {
  endLoading();
  const say = (/** @type {() => string} */ words) => () => {
    loading.hidden = false;
    loadingWords.textContent = words();
    status.textContent = words();
  };
  timers = [
    window.setTimeout(say(() => (begun() ? t("chat.connecting") : "")), SKELETON),
    window.setTimeout(say(() => (begun() ? t("chat.connecting_slow") : "")), begun()?.limits.slow_ms ?? SLOW),
  ];
}

export function endLoading() {
  for (const timer of timers) clearTimeout(timer);
  timers = [];
  loading.hidden = true;
}

/** The line that says what a message waits for. */
const line = document.createElement("p");
line.id = "agent-waits";
line.className = "soft small";
line.hidden = true;
line.setAttribute("role", "status");
part("stage", HTMLElement).append(line);

let isMessageWaiting = false;

/**
 * Until the answer begins; from then on ChatKit itself shows how far the agent is.
 * @param {"off" | "light" | "loading" | "ready" | "failed"} state of the agents inside the app
 * @param {boolean} [waiting] whether a message waits; as before where it is not given
 */
export function showWait(state, waiting = isMessageWaiting) {
  isMessageWaiting = waiting;
  line.hidden = !waiting || state === "ready" || state === "failed";
  line.textContent = line.hidden ? "" : t("chat.agent_waits");
}
