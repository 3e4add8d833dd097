// @ts-check
/** A button that tries something and saves nothing (parts/trial.html), and what came of it below. */

import { button, described, el, sayIn, wire } from "./parts.js";

/** @param {string} id @param {string} words what is said in the place of an answer */
export function trialTells(id, words) {
  el(`${id}-result`).className = "help";
  el(`${id}-result`).textContent = words;
}

/** @param {string} id @param {() => Promise<string>} attempt what is said where it works */
export function wireTrial(id, attempt) {
  wire(button(`${id}-check`), async () => {
    el(`${id}-result`).className = "help";
    try {
      trialTells(id, await attempt());
    } catch (error) {
      el(`${id}-result`).className = "error";
      sayIn(el(`${id}-result`), described(error));
    }
  });
}
