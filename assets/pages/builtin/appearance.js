// @ts-check
/** How the settings want a chat to look: colours by look.js, and here corners, distances and the size of text. */

import { applyLook } from "../common/look.js";

/**
 * @typedef {import("../common/look.js").Look & {radius: string, density: string, size: number}} ChatLook
 *   radius: pill, round, soft, sharp; density: compact, normal, spacious; size: of text, in CSS pixels
 */

/** @param {ChatLook} look */
export function applyChatLook(look) {
  applyLook(look);
  const root = document.documentElement;
  root.dataset["radius"] = look.radius;
  root.dataset["density"] = look.density;
  root.style.setProperty("--size-base", `${look.size}px`);
  root.style.setProperty("--size-small", `${look.size - 2}px`);
}
