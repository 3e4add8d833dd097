// @ts-check
/** A notice of a newer version above a working chat. The release notes open in the browser; nothing is installed. */

import { call, on } from "./bridge.js";
import { notice } from "./notice.js";

/** @param {HTMLElement} into @param {(error: unknown) => void} report what could not be done */
export function tellUpdates(into, report) {
  on("update.found", (data) => {
    const { version, message, hint, action } = data;
    /** @type {HTMLElement} */
    const banner = notice(
      { message: String(message), hint: String(hint) },
      {
        into,
        action: {
          words: String(action),
          run: () => {
            banner.remove();
            call("update.open", { version }).catch(report);
          },
        },
        dismissed: () => void call("update.seen", { version }).catch(report),
      },
    );
  });
}
