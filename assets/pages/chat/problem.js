// @ts-check
/** The view above a chat that does not work: what happened, what to do, and the countdown to the next retry. */

import { explain, part, wire } from "../common/parts.js";
import { t } from "../common/texts.js";

/**
 * @typedef {import("../common/bridge.js").Described} Described
 * @typedef {{retry: () => Promise<unknown>, openSetup: () => Promise<unknown>, openSettings: () => Promise<unknown>, openConsent: () => Promise<unknown>,
 *   openLink: (name: string) => Promise<unknown>, openDiagnostics: () => Promise<unknown>}} Actions
 */

/** Failures that the first-launch page mends; those of the keyring too: there a key can be used for one session. */
const SET_UP = new Set([
  "key_missing",
  "key_rejected",
  "key_restricted",
  "key_shape",
  "workflow_not_found",
  "agent_not_set",
  "keyring_missing",
  "keyring_unreached",
  "keyring_insecure",
  "keyring_locked",
  "keyring_denied",
  "keyring_slow",
]);

/** Of these, the ones where there is no key to be changed. */
const NO_KEY = new Set(["key_missing", "agent_not_set"]);

/** What may mend itself as long as the person answers the system's window: to try again comes first. */
const ANSWERABLE = new Set(["keyring_locked", "keyring_denied", "keyring_slow"]);

/** Failures that a setting mends. */
const SETTINGS = new Set(["proxy_failed", "proxy_auth", "tls_untrusted", "settings_invalid", "settings_damaged", "settings_newer"]);

/** Failures that the page of the agent's code mends. */
const CODE = new Set(["code_consent_needed", "code_unreadable"]);

const NETWORK = new Set([
  "name_not_found",
  "connection_refused",
  "connection_lost",
  "timed_out",
  "proxy_failed",
  "proxy_auth",
  "captive_portal",
  "component_unreachable",
]);

/** Failures that a page of OpenAI's says more about: the name of the link and its words. */
const LINKS = /** @type {Record<string, {link: string, words: () => string}>} */ ({
  service_down: { link: "status", words: () => t("chat.link_status") },
  bad_answer: { link: "status", words: () => t("chat.link_status") },
  component_unreachable: { link: "status", words: () => t("chat.link_status") },
  component_failed: { link: "status", words: () => t("chat.link_status") },
  quota_exceeded: { link: "usage", words: () => t("chat.link_usage") },
  key_rejected: { link: "api_keys", words: () => t("chat.link_keys") },
  key_restricted: { link: "api_keys", words: () => t("chat.link_keys") },
  workflow_not_found: { link: "workflows", words: () => t("chat.link_workflows") },
});

/** What goes under "Details". @param {Described} problem */
export function detailOf(problem) {
  return problem.detail ? `${problem.code}\n${problem.detail}` : problem.code;
}

export class ProblemView {
  #view = part("problem", HTMLElement);
  #heading = part("problem-heading", HTMLHeadingElement);
  #hint = part("problem-hint", HTMLElement);
  #fix = part("problem-fix", HTMLButtonElement);
  #retry = part("problem-retry", HTMLButtonElement);
  #again = part("problem-again", HTMLParagraphElement);
  #link = part("problem-link", HTMLButtonElement);
  #detail = part("problem-detail", HTMLPreElement);

  /** @type {Described | null} */
  #problem = null;

  /** @param {Actions} actions */
  constructor(actions) {
    wire(this.#retry, () => actions.retry());
    wire(this.#fix, () => {
      if (CODE.has(this.code)) return actions.openConsent();
      return this.#setUp() ? actions.openSetup() : actions.openSettings();
    });
    this.#link.addEventListener("click", () => actions.openLink(LINKS[this.code].link));
    // This page runs OpenAI's script: the text stands, and is copied, in the window for settings alone.
    wire(part("problem-copy", HTMLButtonElement), () => actions.openDiagnostics());
  }

  /** The code that is shown, or "". */
  get code() {
    return this.#problem?.code ?? "";
  }

  /**
   * @param {Described} problem
   * @param {{focus?: boolean}} [options] focus: move the focus to the heading; not when a try of our own failed again
   */
  show(problem, { focus = true } = {}) {
    const same = this.#problem?.code === problem.code && !this.#view.hidden;
    this.#problem = problem;
    this.#heading.textContent = problem.message;
    explain(this.#hint, problem.hint, problem.code);
    this.#detail.textContent = detailOf(problem);
    this.#icon(problem.code);

    const fixable = this.#setUp() || SETTINGS.has(problem.code) || CODE.has(problem.code);
    this.#fix.hidden = !fixable;
    const noKey = NO_KEY.has(problem.code) || problem.code.startsWith("keyring_");
    this.#fix.textContent = !this.#setUp() ? t("chat.settings") : noKey ? t("chat.set_up") : t("chat.change_key");
    if (CODE.has(problem.code)) this.#fix.textContent = t("chat.look_at_code");
    const retryFirst = !fixable || ANSWERABLE.has(problem.code);
    this.#fix.classList.toggle("primary", !retryFirst);
    this.#retry.classList.toggle("primary", retryFirst);
    const link = LINKS[problem.code];
    this.#link.hidden = !link;
    if (link) this.#link.textContent = link.words();
    this.#view.hidden = false;
    if (!same && focus) this.#heading.focus({ preventScroll: true });
  }

  hide() {
    this.#problem = null;
    this.#view.hidden = true;
    this.#again.hidden = true;
  }

  /** @param {number | null} seconds to the next try; 0 while it runs, null for none */
  countdown(seconds) {
    this.#again.hidden = seconds === null;
    if (seconds !== null) this.#again.textContent = seconds > 0 ? t("chat.retry_in", { seconds }) : t("chat.retrying");
  }

  #setUp() {
    return SET_UP.has(this.code);
  }

  /** @param {string} code */
  #icon(code) {
    const name = NETWORK.has(code) ? "network" : SET_UP.has(code) ? "key" : CODE.has(code) ? "code" : "alert";
    for (const group of part("problem", HTMLElement).querySelectorAll("[data-icon]")) {
      group.toggleAttribute("hidden", group.getAttribute("data-icon") !== name);
    }
  }
}
