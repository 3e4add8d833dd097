// @ts-check
/** The dialog before an export: format and folder. It stays open until the export has begun. */

import { call } from "../common/bridge.js";
import { opened } from "../common/dialog.js";
import { button, described, el, fieldError, input, part, wire } from "../common/parts.js";
import { t } from "../common/texts.js";

const dialog = part("export-dialog", HTMLDialogElement);

/** Longest wait for somebody who looks for a folder, in milliseconds: none. */
const NO_LIMIT = { limit: 0 };

/** @param {string | import("../common/parts.js").Described} words empty: none */
const fail = (words) => fieldError("folder", words);

wire(button("folder-pick"), async () => {
  try {
    const chosen = await call("chats.pick_folder", {}, NO_LIMIT);
    if (chosen) {
      input("folder").value = chosen;
      fail("");
    }
  } catch (error) {
    fail(described(error));
  }
});

/** @param {string} folder where to, unless another place is chosen */
export function setFolder(folder) {
  input("folder").value = folder;
}

/**
 * @param {number | null} count null: every chat of the list
 * @param {(how: {format: string, folder: string}) => Promise<unknown>} begin
 * @returns {Promise<void>} settles when it has begun, or was left
 */
export async function askExport(count, begin) {
  el("export-title").textContent = count === null ? t("chats.export_title_all") : t("chats.export_title", { count });
  fail("");
  await opened(dialog, button("export-yes"), async () => {
    const chosen = dialog.querySelector("input[name=format]:checked");
    const format = chosen instanceof HTMLInputElement ? chosen.value : "html";
    button("export-yes").setAttribute("aria-busy", "true");
    try {
      await begin({ format, folder: input("folder").value });
      return true;
    } catch (error) {
      fail(described(error));
      input("folder").focus();
      return false;
    } finally {
      button("export-yes").removeAttribute("aria-busy");
    }
  });
}
