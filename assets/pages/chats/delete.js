// @ts-check
/** The question before chats are deleted: how many, where, and that it can't be undone. Deletes nothing itself. */

import { opened } from "../common/dialog.js";
import { button, el, make, part } from "../common/parts.js";
import { t } from "../common/texts.js";

/**
 * @typedef {import("./list.js").Place} Place
 * @typedef {{here: string[], openai: string[], servers: string[]}} Answer
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
  /** By the server's host. @type {Map<string, string[]>} */
  const servers = new Map();
  let copies = 0;
  for (const [id, { where, gone, server }] of chats) {
    if (where === "server") servers.set(server, [...(servers.get(server) ?? []), id]);
    if (where === "in_app" || where === "archived") here.push(id);
    if (where === "archived") copies += 1;
    if ((where === "archived" || where === "hosted") && !gone) openai.push(id);
  }
  el("delete-title").textContent = name ? t("chats.delete_one") : t("chats.delete_some", { count: chats.size });
  el("delete-name").textContent = name;
  const own = here.length - copies;
  const words = [
    own ? t("chats.delete_here", { count: own }) : "",
    copies ? t("chats.delete_copies", { count: copies }) : "",
  ].filter(Boolean);
  /** @type {{kind: keyof Answer, ids: string[], words: string, box: HTMLInputElement | null}[]} */
  const places = [];
  if (here.length) places.push({ kind: "here", ids: here, words: words.join(" "), box: null });
  if (openai.length) places.push({ kind: "openai", ids: openai, words: t("chats.delete_openai", { count: openai.length }), box: null });
  for (const [host, ids] of servers) {
    places.push({ kind: "servers", ids, words: t("chats.delete_servers", { host, count: ids.length }), box: null });
  }
  const several = places.length > 1;
  /** @param {typeof places[number]} place @returns {HTMLElement} */
  const line = (place) => {
    if (!several) return make("p", {}, [place.words]);
    place.box = make("input", { type: "checkbox" });
    place.box.checked = place.kind === "here"; // what is elsewhere goes only if one says so
    return make("label", { class: "choice" }, [place.box, make("span", {}, [place.words])]);
  };
  el("delete-places").replaceChildren(...places.map(line));
  const reflect = () => {
    button("delete-yes").disabled = several && !places.some(({ box }) => box?.checked);
  };
  for (const { box } of places) box?.addEventListener("change", reflect);
  reflect();
  const isSure = await opened(part("delete-dialog", HTMLDialogElement), button("delete-no"), () => true);
  if (!isSure) return null;
  /** @type {Answer} */
  const answer = { here: [], openai: [], servers: [] };
  for (const { kind, ids, box } of places) if (!several || box?.checked) answer[kind].push(...ids);
  return answer;
}
