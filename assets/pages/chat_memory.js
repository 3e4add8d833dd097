// @ts-check
/** What of the chat page survives its own reload: counters, nothing else. Knows no view. */

const MEMORY = "chat-tries";

/** @returns {{tries: number, without_thread: boolean}} */
export function recall() {
  try {
    return { tries: 0, without_thread: false, ...JSON.parse(sessionStorage.getItem(MEMORY) || "{}") };
  } catch {
    return { tries: 0, without_thread: false };
  }
}

/** @param {{tries: number, without_thread: boolean} | null} memory */
export function remember(memory) {
  try {
    if (memory) sessionStorage.setItem(MEMORY, JSON.stringify(memory));
    else sessionStorage.removeItem(MEMORY);
  } catch {
    // an engine without storage begins to count anew
  }
}
