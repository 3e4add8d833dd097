// @ts-check
/** Gets a client secret for a hosted chat. Retries temporary failures and throws others. */

import { call } from "../common/bridge.js";
import { notice } from "../common/notice.js";
import { tryNow, untilNextTry } from "./tries.js";
import { described } from "../common/parts.js";
import { t } from "../common/texts.js";

/** Codes for which a retry can't help until somebody does something. */
export const NOT_BY_ITSELF = new Set(["component_blank", "renderer_crashed", "keyring_denied", "keyring_locked"]);

/**
 * Always a new secret: the one that ran out is never returned. So a chat that is open goes on where it was; what can't
 * pass is explained and handed to the component as a failure.
 * @param {string | null} current
 * @param {object} about
 * @param {{mint_ms: number, backoff: number[]}} about.limits
 * @param {import("./stage.js").Stage} about.stage
 * @param {() => boolean} about.isWorking a chat that works is not covered, a line stands over it
 * @returns {Promise<string>} rejects with `BridgeError`
 */
export async function newSecret(current, { limits, stage, isWorking }) {
  /** @type {HTMLElement | null} */
  let banner = null;
  try {
    for (let attempt = 0; ; attempt += 1) {
      try {
        const reason = attempt > 0 ? "retry" : current ? "expiry" : "mount";
        return (await call("session.mint", { reason }, { limit: limits.mint_ms })).client_secret;
      } catch (error) {
        const problem = described(error);
        if (!problem.retryable || NOT_BY_ITSELF.has(problem.code)) {
          stage.show(problem);
          throw error;
        }
        banner?.remove();
        banner = null;
        if (isWorking()) {
          const action = { words: t("common.try_again"), run: tryNow };
          banner = notice(problem, { tone: "warning", action });
          await untilNextTry(limits.backoff, attempt, () => {});
        } else {
          stage.show(problem, { focus: attempt === 0 });
          await untilNextTry(limits.backoff, attempt, (seconds) => stage.countdown(seconds));
        }
      }
    }
  } finally {
    banner?.remove();
  }
}
