// @ts-check
/** The page of all chats: finds them, shows one, and passes the selection to the export and delete dialogs. */

import { call, on } from "../common/bridge.js";
import { askDelete } from "./delete.js";
import { askExport, setFolder } from "./export.js";
import { JobPanel } from "./jobs.js";
import { ChatList } from "./list.js";
import { Reader } from "./reader.js";
import { opened } from "../common/dialog.js";
import { followLook } from "../common/look.js";
import { button, described, el, explain, fieldError, input, make, part, show, SHOW_AFTER, told, wire } from "../common/parts.js";
import { applyTexts, setTexts, t } from "../common/texts.js";

/**
 * @typedef {import("../common/bridge.js").Described} Described
 * @typedef {import("./list.js").Chat} Chat
 * @typedef {import("./list.js").Row} Row
 * @typedef {import("./list.js").Place} Place
 * @typedef {{id: string, name: string}} Source OpenAI (its id is empty), or an agent that is a server
 * @typedef {{texts: Record<string, string>, look: import("../common/look.js").Look, language: string, agents: {id: string, name: string}[],
 *   hosted: boolean, sources: Source[], offer: boolean, folder: string, notices: Described[]}} Start
 */

/** After the last key, before a search begins, in milliseconds. */
const PAUSE = 150;

const search = input("search");
const agent = part("agent", HTMLSelectElement);
const days = part("days", HTMLSelectElement);
const all = input("all");

/** @type {Start} */
let start;
/** @type {string | null} */
let after = null;
let asked = 0;
let isLoading = false;
let timer = 0;

/** @param {string} words for who can't see what has changed */
const say = (words) => {
  el("status").textContent = words;
};

const list = new ChatList({
  open: (row) => void read(row),
  chosen: () => reflect(),
  more: () => void more(),
  remove: ({ chat }) => void remove(new Map([[chat.id, chat]]), chat.title || t("chats.untitled")),
  rename: ({ chat }) => !chat.read_only && void rename(chat),
  up: () => search.focus(),
});
const reader = new Reader((chat) => list.about(chat));
const jobs = new JobPanel({ say, finished: over });

/* --- finding ------------------------------------------------------------------------------------------------------- */

const filter = () => ({ agent: agent.value, days: Number(days.value) });
const query = () => search.value.trim();

/** The list anew. @param {{keep?: boolean}} [how] keep: stay where one has scrolled to */
async function load({ keep = false } = {}) {
  asked += 1;
  const mine = asked;
  isLoading = true;
  const words = query();
  const skeleton = window.setTimeout(() => {
    show("loading", true);
    if (!keep) list.put([], { isWhole: true });
    empty(null);
  }, SHOW_AFTER);
  try {
    const found = await call(words ? "chats.search" : "chats.list", words ? { query: words, ...filter() } : filter());
    if (mine !== asked) return; // the next letter was quicker
    after = found.after ?? null;
    const rows = words ? found.data : found.data.map((/** @type {Chat} */ chat) => ({ chat }));
    list.put(rows, { isWhole: after === null, isSearch: words !== "", keep });
    for (const problem of found.notices ?? []) tell(problem);
    empty(rows.length ? null : { failed: false });
    if (words) say(rows.length ? t("chats.hits", { count: rows.length }) : t("chats.nothing_found"));
  } catch (error) {
    if (mine !== asked) return;
    list.put([], { isWhole: true });
    empty({ failed: true, problem: described(error) });
  } finally {
    clearTimeout(skeleton);
    if (mine === asked) {
      isLoading = false;
      show("loading", false);
      reflect();
    }
  }
  if (mine === asked && list.wantsMore) void more();
}

async function more() {
  if (isLoading || after === null) return;
  isLoading = true;
  const mine = asked;
  try {
    const page = await call("chats.list", { ...filter(), after });
    if (mine !== asked) return;
    after = page.after;
    list.add(page.data.map((/** @type {Chat} */ chat) => ({ chat })), after === null);
  } catch (error) {
    if (mine === asked) fail(error);
    return;
  } finally {
    if (mine === asked) isLoading = false;
  }
  if (list.wantsMore) void more();
}

/** How many chats each source that is being asked has named so far. @type {Map<string, number>} */
const counts = new Map();

/** Why there is no list; null: there is one. @type {{failed: boolean, problem?: Described} | null} */
let lacking = null;

/** What stands in place of the list. @param {{failed: boolean, problem?: Described} | null} why null: there are chats */
function empty(why) {
  lacking = why;
  tellEmpty();
}

/** "No chats" is shown once every source has answered. A banner names those that have not. */
function tellEmpty() {
  const why = lacking;
  const isNarrowed = query() !== "" || agent.value !== "" || days.value !== "0";
  const isOpen = counts.size > 0 || el("troubles").childElementCount > 0;
  show("empty", why !== null && (why.failed || isNarrowed || !isOpen));
  if (!why) return;
  el("empty-words").textContent = why.problem ? why.problem.message : isNarrowed ? t("chats.nothing_found") : t("chats.none");
  const hint = isNarrowed ? t("chats.nothing_found_hint") : t("chats.none_hint");
  explain(el("empty-hint"), why.problem ? why.problem.hint : hint, why.problem?.code ?? "");
  show("again", why.failed);
}

/** Asks a source for its titles; the rest can be used meanwhile. @param {Source} source */
async function refresh(source) {
  banner(source, null);
  counts.set(source.id, 0);
  asking();
  try {
    const { count } = await call("chats.refresh", { source: source.id }, { limit: 0 });
    if (count || list.rows.some(({ chat }) => chat.agent.id === source.id)) await load({ keep: true });
  } catch (error) {
    banner(source, described(error));
  } finally {
    counts.delete(source.id);
    asking();
  }
}

/** Sources that have not answered yet. */
function asking() {
  const names = start.sources.filter(({ id }) => counts.has(id)).map(({ name }) => name);
  const count = [...counts.values()].reduce((sum, one) => sum + one, 0);
  const who = names.join(", ");
  const words = count ? t("chats.asking_count", { names: who, count }) : t("chats.asking", { names: who });
  el("asking").textContent = names.length ? words : "";
  tellEmpty();
}

/** Why the chats of a source can't be had, with another try. @param {Source} source @param {Described | null} problem null: they can */
function banner({ id, name }, problem) {
  const place = el("troubles");
  for (const one of [...place.children]) if (one instanceof HTMLElement && one.dataset.source === id) one.remove();
  if (!problem) return;
  const title = id ? t("chats.not_listed_server", { name }) : t("chats.not_listed");
  const again = make("button", { type: "button" }, [make("span", {}, [t("common.try_again")])]);
  const words = make("div", { class: "words" }, [
    make("p", {}, [make("strong", {}, [title]), " ", ...told(problem)]),
    make("div", { class: "actions" }, [again]),
  ]);
  place.append(make("div", { class: "banner warning", role: "alert", "data-source": id }, [words]));
  wire(again, () => refresh({ id, name }));
}

on("chats.counted", ({ source, count }) => {
  if (!counts.has(source)) return;
  counts.set(source, count);
  asking();
});

/* --- what is chosen -------------------------------------------------------------------------------------------------- */

function reflect() {
  const count = list.chosen.size;
  const there = list.rows.length > 0;
  all.checked = count > 0 && list.rows.every(({ chat }) => list.chosen.has(chat.id));
  all.indeterminate = count > 0 && !all.checked;
  el("chosen").textContent = count ? t("chats.selected", { count }) : t("chats.select_all");
  button("export").textContent = count ? t("chats.export") : t("chats.export_all");
  button("delete").hidden = count === 0;
  el("bar").hidden = !there && count === 0;
}

async function chooseAll() {
  if (!all.checked) list.chosen.clear();
  else if (query() || after === null) for (const { chat } of list.rows) list.chosen.set(chat.id, chat);
  else {
    try {
      const { data } = await call("chats.all", filter());
      for (const [id, where, gone, server] of data) list.chosen.set(id, { where, gone, server });
    } catch (error) {
      fail(error);
    }
  }
  list.reflect();
  reflect();
}

/* --- one chat -------------------------------------------------------------------------------------------------------- */

/** @param {Row} row */
async function read({ chat, item_id: item = null }) {
  list.mark(chat.id);
  document.body.dataset.view = "reader";
  const reading = reader.read(chat, item ?? null);
  if (isNarrow()) el("reader-title").focus();
  await reading;
}

const isNarrow = () => getComputedStyle(el("back")).display !== "none";

function back() {
  document.body.dataset.view = "list";
  list.focus();
}

/** @param {Chat} chat */
async function rename(chat) {
  const text = input("rename-text");
  text.value = chat.title ?? "";
  fieldError("rename-text", "");
  const done = async () => {
    try {
      const renamed = await call("chats.rename", { id: chat.id, title: text.value });
      list.update(renamed);
      if (reader.chat?.id === renamed.id) reader.head(renamed);
      return true;
    } catch (error) {
      fieldError("rename-text", described(error));
      text.focus();
      return false;
    }
  };
  const answer = opened(part("rename-dialog", HTMLDialogElement), text, done, () => list.focus());
  text.select();
  if (await answer) say(t("chats.renamed"));
}

/* --- taking along, deleting ------------------------------------------------------------------------------------------ */

/** @param {string[] | null} ids null: every chat of the list */
async function take(ids) {
  const { agent: only, days: last } = filter();
  await askExport(ids?.length ?? null, async (how) => {
    const params = { ids, agent: only, days: last, ...how };
    jobs.begin(() => call("chats.export", params).catch(fail));
    await call("chats.export", params);
  });
}

/** @param {Map<string, Place>} chats @param {string} name of a single chat; empty for several */
async function remove(chats, name) {
  const wanted = await askDelete(chats, name);
  if (!wanted) return;
  jobs.begin(null);
  await call("chats.delete", wanted).catch(fail);
}

/** @param {boolean} [again] read every chat whole, also one that looks unchanged */
async function archive(again = false) {
  put();
  const begin = () => call("chats.archive", { ids: null, again }).catch(fail);
  jobs.begin(begin);
  await begin();
}

/** The offer is put away. */
function put() {
  show("offer", false);
  show("archive", start.hosted);
  call("chats.offer_seen").catch(() => undefined);
}

/** A job has ended: the list shows what is left. @param {import("./jobs.js").Result} result */
function over({ kind, deleted = [], at_openai: away = [] }) {
  if (kind === "export") return;
  const gone = new Set([...deleted, ...away]);
  for (const id of gone) list.chosen.delete(id);
  const { chat } = reader;
  if (chat && (deleted.includes(chat.id) || (chat.where === "hosted" && gone.has(chat.id)))) {
    reader.close();
    list.mark("");
    document.body.dataset.view = "list";
  }
  void load({ keep: true }).then(() => {
    for (const { chat: one } of list.rows) {
      const { id, where, gone, server } = one;
      if (list.chosen.has(id)) list.chosen.set(id, { where, gone, server }); // it may be a copy by now
    }
    const now = list.rows.find((row) => row.chat.id === reader.chat?.id)?.chat;
    if (now) reader.head(now); // it may be a copy by now
    if (document.activeElement === document.body) list.focus();
  });
}

/* --- trouble --------------------------------------------------------------------------------------------------------- */

/** @param {unknown} error */
function fail(error) {
  const words = make("p", { class: "words" }, told(described(error)));
  const away = make("button", { type: "button", class: "quiet" }, [t("common.dismiss")]);
  away.addEventListener("click", () => show("failed", false));
  el("failed").replaceChildren(words, away);
  show("failed", true);
}

/** @param {Described} problem */
function tell(problem) {
  const away = make("button", { type: "button", class: "quiet" }, [t("common.dismiss")]);
  const banner = make("div", { class: "banner warning" }, [make("p", { class: "words" }, told(problem)), away]);
  away.addEventListener("click", () => banner.remove());
  if (![...el("notices").children].some((one) => one.textContent === banner.textContent)) el("notices").append(banner);
}

/* --- the start ------------------------------------------------------------------------------------------------------- */

function listen() {
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => void load(), PAUSE);
  });
  search.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || (event.key === "Enter" && !event.isComposing)) {
      event.preventDefault();
      list.focus();
    } else if (event.key === "Escape" && search.value) {
      event.preventDefault();
      search.value = "";
      void load();
    }
  });
  for (const one of [agent, days]) {
    one.addEventListener("change", () => {
      list.chosen.clear();
      void load();
    });
  }
  all.addEventListener("change", () => void chooseAll());
  button("export").addEventListener("click", () => {
    const shown = query() ? list.rows.map(({ chat }) => chat.id) : null;
    void take(list.chosen.size ? [...list.chosen.keys()] : shown);
  });
  button("delete").addEventListener("click", () => void remove(new Map(list.chosen), ""));
  wire(button("again"), () => load());
  wire(button("archive"), () => archive());
  wire(button("offer-yes"), () => archive());
  wire(button("job-whole"), () => archive(true));
  button("offer-no").addEventListener("click", put);
  button("back").addEventListener("click", back);
  wire(button("open"), () => call("chats.open", { id: reader.chat?.id ?? "" }).catch(fail));
  button("rename").addEventListener("click", () => reader.chat && rename(reader.chat));
  button("export-one").addEventListener("click", () => reader.chat && void take([reader.chat.id]));
  button("delete-one").addEventListener("click", () => {
    const { chat } = reader;
    if (chat) void remove(new Map([[chat.id, chat]]), chat.title || t("chats.untitled"));
  });
  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]")) return;
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "f") {
      event.preventDefault();
      document.body.dataset.view = "list";
      search.focus();
      search.select();
    } else if (event.key === "Escape" && document.body.dataset.view === "reader" && isNarrow()) {
      event.preventDefault();
      back();
    }
  });
}

async function begin() {
  start = /** @type {Start} */ (await call("chats.start"));
  setTexts(start.texts);
  applyTexts();
  followLook(start.look);
  list.speak(start.language);
  reader.speak(start.language);
  setFolder(start.folder);
  agent.replaceChildren(
    make("option", { value: "" }, [t("chats.all_agents")]),
    ...start.agents.map(({ id, name }) => make("option", { value: id }, [name])),
  );
  for (const problem of start.notices) tell(problem);
  show("archive", start.hosted && !start.offer); // the offer has the same button
  show("offer", start.offer);
  listen();
  show("stage", true);
  search.focus();
  await load();
  await Promise.all(start.sources.map(refresh));
}

begin().catch((error) => {
  show("stage", true);
  fail(error);
});
