// @ts-check
/** The question before chats are deleted: how many, where, and that it is for good. Deletes nothing itself. */

import { opened } from "./dialog.js";
import { button, el, make, part } from "./parts.js";
import { t } from "./texts.js";

/**
 * @typedef {import("./chats_list.js").Place} Place
 * @typedef {{here: string[], openai: string[]}} Answer
 */

/**
 * @param {Map<string, Place>} chats
 * @param {string} name of a single chat; empty for several
 * @returns {Promise<Answer | null>} null: nothing is deleted
 */
export async function askDelete(chats, name) {
  /** @type {string[]} */
  const here = [];
  /** @type {string[]} */
  const openai = [];
  let copies = 0;
  for (const [id, { where, gone }] of chats) {
    if (where !== "hosted") here.push(id);
    if (where === "archived") copies += 1;
    if (where !== "in_app" && !gone) openai.push(id);
  }
  el("delete-title").textContent = name ? t("chats.delete_one") : t("chats.delete_some", { count: chats.size });
  el("delete-name").textContent = name;
  const own = here.length - copies;
  const words = [
    own ? t("chats.delete_here", { count: own }) : "",
    copies ? t("chats.delete_copies", { count: copies }) : "",
  ].filter(Boolean);
  const places = [
    here.length ? { ids: here, words: words.join(" ") } : null,
    openai.length ? { ids: openai, words: t("chats.delete_openai", { count: openai.length }) } : null,
  ];
  const boxes = /** @type {(HTMLInputElement | null)[]} */ ([null, null]);
  const several = places.every(Boolean);
  /** @param {typeof places[number]} place @param {number} at @returns {HTMLElement[]} */
  const line = (place, at) => {
    if (!place) return [];
    if (!several) return [make("p", {}, [place.words])];
    const box = make("input", { type: "checkbox" });
    box.checked = at === 0; // what is at OpenAI goes only if one says so
    boxes[at] = box;
    return [make("label", { class: "choice" }, [box, make("span", {}, [place.words])])];
  };
  el("delete-places").replaceChildren(...places.flatMap(line));
  const reflect = () => {
    button("delete-yes").disabled = several && !boxes.some((box) => box?.checked);
  };
  for (const box of boxes) box?.addEventListener("change", reflect);
  reflect();
  const wanted = (/** @type {number} */ at) => !several || boxes[at]?.checked;
  const isSure = await opened(part("delete-dialog", HTMLDialogElement), button("delete-no"), () => true);
  return isSure ? { here: wanted(0) ? here : [], openai: wanted(1) ? openai : [] } : null;
}
