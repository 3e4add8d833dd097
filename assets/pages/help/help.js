// @ts-check
/** The help window: contents, search and one topic at a time. Links between topics stay here, others open in the browser. */

import { call, on } from "../common/bridge.js";
import { followLook } from "../common/look.js";
import { banner, button, described, el, input, make, marked, show } from "../common/parts.js";
import { applyTexts, setTexts, t } from "../common/texts.js";

/**
 * @typedef {import("../common/parts.js").Passage} Passage
 * @typedef {{title: string, topics: {name: string, title: string}[]}} Group
 * @typedef {{texts: Record<string, string>, look: import("../common/look.js").Look, contents: Group[], place: string}} Start
 * @typedef {{name: string, title: string, anchor: string, pieces: {anchor: string, level: number, html: string}[]}} Topic
 * @typedef {{place: string, title: Passage, passage: Passage}} Hit
 */

/** How a link in a topic names a place of the help (desktop/common/rendering.py). */
const INSIDE = "help:";

/** Milliseconds after the last key before a search begins. */
const TYPING = 120;

const search = input("search");

/** The places that were read before this one. @type {string[]} */
const before = [];
let now = "";
let asked = 0;

/** @param {unknown} thrown */
function failed(thrown) {
  banner("failed", described(thrown));
}

// --- the topic ------------------------------------------------------------------------------------

/** @param {string} place @param {{keep?: boolean, focus?: boolean}} [how] keep: the way back leads here */
async function read(place, { keep = true, focus = true } = {}) {
  const mine = ++asked;
  /** @type {Topic} */
  let topic;
  try {
    topic = await call("help.topic", { topic: place });
  } catch (thrown) {
    return failed(thrown);
  }
  if (mine !== asked) return; // another one was asked for meanwhile
  show("failed", false);
  if (keep && now && now !== place) before.push(now);
  now = place;
  const pieces = topic.pieces.map(({ anchor, html }) => {
    const section = make("section", { "data-anchor": anchor });
    section.innerHTML = html; // made safe by the app
    for (const wide of section.querySelectorAll("pre, .table")) {
      wide.setAttribute("tabindex", "0"); // it scrolls, so the keyboard has to reach it
      wide.setAttribute("role", "group");
    }
    return section;
  });
  const article = el("topic");
  article.setAttribute("aria-label", topic.title);
  article.replaceChildren(...pieces);
  document.body.setAttribute("data-view", "reader");
  for (const one of rows("contents")) {
    const isHere = one.dataset["place"] === topic.name;
    if (isHere) one.setAttribute("aria-current", "page");
    else one.removeAttribute("aria-current");
    if (isHere) one.scrollIntoView({ block: "nearest" });
  }
  const meant = pieces.find((one) => topic.anchor && one.dataset["anchor"] === topic.anchor);
  meant?.classList.add("meant");
  if (meant) meant.scrollIntoView({ block: "start" });
  else article.scrollTop = 0;
  if (focus) article.focus({ preventScroll: true });
}

el("topic").addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (!link) return;
  event.preventDefault();
  const address = link.getAttribute("href") ?? "";
  if (address.startsWith(INSIDE)) void read(address.slice(INSIDE.length));
  else void call("help.link", { address }).catch(failed);
});

// --- contents and search ----------------------------------------------------------------------------

/** @param {Group[]} groups */
function fill(groups) {
  el("contents").replaceChildren(
    ...groups.flatMap((group) => [
      make("h2", {}, [group.title]),
      make("ul", {}, group.topics.map(({ name, title }) => make("li", {}, [row(name, [title])]))),
    ]),
  );
}

/** @param {string} place @param {(Node | string)[]} words */
function row(place, words) {
  const made = make("button", { type: "button", "data-place": place }, words);
  made.addEventListener("click", () => void read(place));
  return made;
}

/** @param {"contents" | "hits"} id */
function rows(id) {
  return /** @type {HTMLButtonElement[]} */ ([...el(id).querySelectorAll("button")]);
}

let timer = 0;
let searched = 0;

async function find() {
  const query = search.value.trim();
  const mine = ++searched;
  /** @type {Hit[]} */
  let hits = [];
  try {
    if (query) hits = await call("help.search", { query });
  } catch (thrown) {
    return failed(thrown);
  }
  if (mine !== searched) return;
  el("hits").replaceChildren(
    ...hits.map(({ place, title, passage }) =>
      make("li", {}, [
        row(place, [
          make("span", { class: "title" }, marked(title)),
          make("span", { class: "passage" }, marked(passage)),
        ]),
      ]),
    ),
  );
  show("contents", query === "");
  show("hits", hits.length > 0);
  show("nothing", query !== "" && hits.length === 0);
  el("found").textContent = query ? t("help.found", { count: hits.length }) : "";
}

search.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(find, TYPING);
});

/** The list that is shown now. */
const shown = () => (el("contents").hidden ? "hits" : "contents");

/** @param {KeyboardEvent} event */
function walk(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const list = rows(shown());
  const at = list.findIndex((one) => one === document.activeElement);
  if (step === undefined || (at < 0 && document.activeElement !== search)) return;
  event.preventDefault();
  if (at + step < 0) search.focus();
  else list[Math.min(at + step, list.length - 1)]?.focus();
}

el("side").addEventListener("keydown", walk);
search.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.isComposing) rows("hits")[0]?.click();
});

function toContents() {
  document.body.removeAttribute("data-view");
  search.focus();
  search.select();
}

function leave() {
  if (document.activeElement === search && search.value) {
    search.value = "";
    void find();
  } else void call("help.close").catch(failed);
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  const find = event.key === "f" && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey;
  if (find || (event.key === "/" && document.activeElement !== search)) {
    event.preventDefault();
    toContents();
  } else if (event.key === "ArrowLeft" && event.altKey) {
    event.preventDefault();
    const last = before.pop();
    if (last) void read(last, { keep: false });
  } else if (event.key === "Escape") leave();
});
button("back").addEventListener("click", toContents);

async function begin() {
  /** @type {Start} */
  const start = await call("help.start");
  setTexts(start.texts);
  applyTexts();
  followLook(start.look);
  fill(start.contents);
  show("stage", true);
  on("help.place", ({ place }) => void read(place));
  await read(start.place, { focus: false });
  search.focus();
}

begin().catch(failed);
