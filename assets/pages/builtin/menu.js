// @ts-check
/** A menu over the page: what can be done with the thing it was opened from. Arrows move, Escape and a press beside it leave. */

import { make } from "../common/parts.js";

/**
 * @typedef {object} Entry
 * @property {string} words
 * @property {string} [keys] the key that does the same
 * @property {boolean} [grave] what it does can't be undone
 * @property {() => void} deed
 */

/** How far it stays from the window's edge, in pixels. */
const EDGE = 8;

/** @type {(() => void) | null} */
let close = null;

/**
 * @param {HTMLElement} host the part of the page it belongs to
 * @param {string} name for those who listen to the page
 * @param {Entry[]} entries
 * @param {{x: number, y: number}} at in the window
 * @param {() => void} left the focus goes back
 */
export function openMenu(host, name, entries, at, left) {
  close?.();
  const buttons = entries.map(({ words, keys = "", grave = false, deed }) => {
    const button = make("button", { type: "button", role: "menuitem", tabindex: "-1", class: grave ? "grave" : "" }, [make("span", {}, [words])]);
    if (keys) button.append(make("kbd", { "aria-hidden": "true" }, [keys]));
    button.addEventListener("click", () => {
      end(true);
      deed();
    });
    return button;
  });
  const menu = make("div", { class: "menu", role: "menu", "aria-label": name }, buttons);
  /** @param {boolean} back whether the focus goes back */
  const end = (back) => {
    if (close !== leave) return;
    close = null;
    removeEventListener("pointerdown", beside, true);
    removeEventListener("blur", leave);
    removeEventListener("resize", leave);
    menu.remove();
    if (back) left();
  };
  const leave = () => end(false);
  /** @param {PointerEvent} event */
  const beside = (event) => {
    if (event.target instanceof Node && !menu.contains(event.target)) end(false);
  };
  menu.addEventListener("contextmenu", (event) => event.preventDefault());
  menu.addEventListener("keydown", (event) => {
    const here = buttons.findIndex((button) => button === document.activeElement);
    const count = buttons.length;
    const places = /** @type {Record<string, number>} */ ({ ArrowDown: here + 1, ArrowUp: here - 1 + count, Home: 0, End: count - 1 });
    const to = places[event.key];
    event.stopPropagation();
    if (to !== undefined) {
      event.preventDefault();
      buttons[to % count].focus();
    } else if (event.key === "Escape" || event.key === "Tab") {
      event.preventDefault();
      end(true);
    }
  });
  close = leave;
  host.append(menu);
  const { width, height } = menu.getBoundingClientRect();
  menu.style.left = `${Math.max(EDGE, Math.min(at.x, innerWidth - width - EDGE))}px`;
  menu.style.top = `${Math.max(EDGE, Math.min(at.y, innerHeight - height - EDGE))}px`;
  addEventListener("pointerdown", beside, true);
  addEventListener("blur", leave);
  addEventListener("resize", leave);
  buttons[0]?.focus();
}
