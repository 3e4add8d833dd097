// @ts-check
/**
 * A guard for buttons that say yes: a press right after they have come into sight was meant for what stood there before
 * (a window that opens, or changes, under the pointer). Knows no page.
 */

/** How long after showing nothing can be pressed, in milliseconds. */
export const PAUSE = 700;

/**
 * @param {HTMLElement} place what holds the buttons; nothing in it can be pressed until it has been in sight long enough
 * @param {number} [pause]
 * @returns {() => void} begins anew: what the buttons say yes to is another from now on
 */
export function guard(place, pause = PAUSE) {
  let timer = 0;
  let focused = document.hasFocus();
  /** @param {boolean} off */
  const disable = (off) => {
    for (const one of place.querySelectorAll("button")) one.disabled = off;
  };
  const begin = () => {
    disable(true);
    clearTimeout(timer);
    timer = setTimeout(() => disable(false), pause);
  };
  // Both from the same moment on: a window may be there long before it is in sight.
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && begin());
  // Each time: a window that has lain behind can be brought under the pointer as well as a new one.
  window.addEventListener("blur", () => {
    focused = false;
  });
  window.addEventListener("focus", () => {
    if (focused) return;
    focused = true;
    begin();
  });
  begin();
  return begin;
}
