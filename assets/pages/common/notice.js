// @ts-check
/** A line above the chat, with an action. */

import { make, part, told } from "./parts.js";
import { t } from "./texts.js";

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {{message: string, hint: string, code?: string}} problem with a code: there is more about it in the help
 * @param {{tone?: "" | "warning" | "danger", action?: {words: string, run: () => void}, dismissed?: () => void, into?: HTMLElement}} [options]
 *   without an action the person can put the line away; with `dismissed` they can do either
 * @returns {HTMLElement}
 */
export function notice({ message, hint, code = "" }, { tone = "", action, dismissed, into = part("notices", HTMLElement) } = {}) {
  const words = make("p", { class: "words" }, [make("strong", {}, [message]), " ", ...told({ message: "", hint, code })]);
  const buttons = make("div", { class: "actions" });
  const banner = make("div", { class: `banner ${tone}`.trim() }, [icon(), words, buttons]);
  if (action) buttons.append(button(action.words, action.run));
  if (!action || dismissed) {
    buttons.append(
      button(t("common.dismiss"), () => {
        banner.remove();
        dismissed?.();
      }),
    );
  }
  into.append(banner);
  return banner;
}

/** @param {string} words @param {() => void} run */
function button(words, run) {
  const made = make("button", { type: "button", class: "quiet" }, [words]);
  made.addEventListener("click", run);
  return made;
}

function icon() {
  const svg = document.createElementNS(SVG, "svg");
  for (const [name, value] of [["class", "icon"], ["viewBox", "0 0 24 24"], ["aria-hidden", "true"]]) svg.setAttribute(name, value);
  const circle = document.createElementNS(SVG, "circle");
  for (const [name, value] of [["cx", "12"], ["cy", "12"], ["r", "9"]]) circle.setAttribute(name, value);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", "M12 8v5M12 16.5v.01");
  svg.append(circle, path);
  return svg;
}
