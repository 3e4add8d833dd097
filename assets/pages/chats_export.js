// @ts-check
/** The question before an export: in which form, and where to. It stays open until the app has begun. */

import { call } from "./bridge.js";
import { button, described, el, input, part, sentence, show, wire } from "./parts.js";
import { t } from "./texts.js";

const dialog = part("export-dialog", HTMLDialogElement);
const form = part("export-form", HTMLFormElement);

/** Longest wait for somebody who looks for a folder, in milliseconds: none. */
const NO_LIMIT = { limit: 0 };

/** @param {string} words empty: none */
function fail(words) {
  el("folder-error").textContent = words;
  show("folder-error", words !== "");
  show("folder-help", words === "");
  input("folder").setAttribute("aria-describedby", words ? "folder-error" : "folder-help");
  if (words) input("folder").setAttribute("aria-invalid", "true");
  else input("folder").removeAttribute("aria-invalid");
}

wire(button("folder-pick"), async () => {
  try {
    const chosen = await call("chats.pick_folder", {}, NO_LIMIT);
    if (chosen) {
      input("folder").value = chosen;
      fail("");
    }
  } catch (error) {
    fail(sentence(described(error)));
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
export function askExport(count, begin) {
  const before = document.activeElement;
  el("export-title").textContent = count === null ? t("chats.export_title_all") : t("chats.export_title", { count });
  fail("");
  return new Promise((resolve) => {
    const end = () => {
      dialog.oncancel = null;
      dialog.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
      resolve();
    };
    form.onsubmit = async (event) => {
      event.preventDefault();
      const chosen = form.querySelector("input[name=format]:checked");
      const format = chosen instanceof HTMLInputElement ? chosen.value : "html";
      button("export-yes").setAttribute("aria-busy", "true");
      try {
        await begin({ format, folder: input("folder").value });
        end();
      } catch (error) {
        fail(sentence(described(error)));
        input("folder").focus();
      } finally {
        button("export-yes").removeAttribute("aria-busy");
      }
    };
    button("export-no").onclick = end;
    dialog.oncancel = (event) => {
      event.preventDefault();
      end();
    };
    dialog.showModal();
    button("export-yes").focus();
  });
}
