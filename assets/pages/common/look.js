// @ts-check
/** Applies the theme and accent from the settings or the brand to the tokens of base.css. Only sets colours. */

import { on } from "./bridge.js";

/**
 * @typedef {{scheme?: "system" | "light" | "dark", accent?: {light?: string, dark?: string}}} Look
 *   accent: `#rrggbb` per scheme; what is left out stays as base.css has it
 */

/** The surfaces that text in the accent's colour stands on, as in base.css. */
const SURFACE = { light: "#ffffff", dark: "#141924" };

/** @param {Look} look */
export function applyLook({ scheme = "system", accent = {} }) {
  const root = document.documentElement;
  if (scheme === "system") root.removeAttribute("data-scheme");
  else root.setAttribute("data-scheme", scheme);
  for (const name of /** @type {const} */ (["light", "dark"])) {
    const colour = accent[name];
    const set = (/** @type {string} */ property, /** @type {string | null} */ value) =>
      value ? root.style.setProperty(property, value) : root.style.removeProperty(property);
    set(`--brand-${name}`, colour || null);
    set(`--brand-on-${name}`, colour ? textOn(colour) : null);
    // As text or focus ring the accent must itself stand out; where it does not, the neutral one stays.
    set(`--brand-text-${name}`, colour && contrast(colour, SURFACE[name]) >= 4.5 ? colour : null);
  }
}

/** From now on the page has the look that the settings have, also when they change. @param {Look} look */
export function followLook(look) {
  applyLook(look);
  on("look.changed", applyLook);
}

/** @returns {"light" | "dark"} the scheme the page shows right now */
export function schemeNow() {
  const chosen = document.documentElement.getAttribute("data-scheme");
  if (chosen === "light" || chosen === "dark") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/**
 * White or near-black, whichever reads better on the colour: one of the two always reaches 4.5.
 * @param {string} colour `#rrggbb`
 */
export function textOn(colour) {
  return contrast(colour, "#ffffff") >= contrast(colour, "#000000") ? "#ffffff" : "#000000";
}

/**
 * WCAG 2 contrast of two colours, 1–21.
 * @param {string} one
 * @param {string} other
 */
export function contrast(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

/** @param {string} colour */
function luminance(colour) {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const channel = parseInt(colour.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
