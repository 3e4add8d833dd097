// @ts-check
/** Retries: the wait before the next one, and what a reloaded page must know about earlier ones. */

import { pause } from "./component.js";

/** Ends the wait: the network is back, or the person asks for it. @type {(() => void) | null} */
let wake = null;

export function tryNow() {
  wake?.();
}

/**
 * @param {number[]} backoff seconds before each try; the last holds for all that follow
 * @param {number} attempt
 * @param {(seconds: number) => void} tell how long it still is, every second; 0 at its end
 */
export async function untilNextTry(backoff, attempt, tell) {
  const woken = new Promise((resolve) => {
    wake = () => resolve(true);
  });
  for (let left = backoff[Math.min(attempt, backoff.length - 1)]; left > 0; left -= 1) {
    tell(left);
    if (await Promise.race([woken, pause(1_000)])) break;
  }
  wake = null;
  tell(0);
}

window.addEventListener("online", tryNow);

/* --- over a reload ------------------------------------------------------------------------------------------ */

const MEMORY = "chat-tries";

/** @typedef {{tries: number, without_thread: boolean}} Memory */

/** @returns {Memory} */
export function recall() {
  const none = { tries: 0, without_thread: false };
  try {
    return { ...none, ...JSON.parse(sessionStorage.getItem(MEMORY) || "{}") };
  } catch {
    return none;
  }
}

/** @param {Memory | null} memory */
export function remember(memory) {
  try {
    if (memory) sessionStorage.setItem(MEMORY, JSON.stringify(memory));
    else sessionStorage.removeItem(MEMORY);
  } catch {
    // an engine without storage begins to count anew
  }
}
