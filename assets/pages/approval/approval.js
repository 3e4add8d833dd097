// @ts-check
/**
 * The window that asks whether a tool may run, or a step of a code agent go on, while the chat's own page runs a script of
 * others. One question at a time. It decides nothing: what is pressed goes to the app, with the number of what was shown.
 */

import { call, on } from "../common/bridge.js";
import { guard } from "../common/guard.js";
import { followLook } from "../common/look.js";
import { button, described, el, explain, make, sayIn, show } from "../common/parts.js";
import { applyTexts, setTexts, t } from "../common/texts.js";

/**
 * @typedef {"once" | "chat" | "always" | "rejected" | "approved"} Choice
 * @typedef {{number: string, agent: string, text: string, server: string, tool: string, arguments: string,
 *   next: number | null, total: number, choices: Choice[]}} Question `next`: where the rest of the arguments begins
 * @typedef {{question: Question | null, waiting: number}} State
 * @typedef {State & {texts: Record<string, string>, look: import("../common/look.js").Look}} Start
 */

/** @type {Record<Choice, string>} */
const WORDS = {
  once: "mcp.once",
  chat: "mcp.chat",
  always: "mcp.always",
  rejected: "mcp.reject",
  approved: "code.approve",
};

/** What is shown. @type {Question | null} */
let shown = null;
/** Where the next piece of its arguments begins. @type {number | null} */
let next = null;
let isSaying = false;

const rearm = guard(el("answers"));

/** @param {State} state */
function fill({ question, waiting }) {
  const isAnother = question?.number !== shown?.number;
  shown = question;
  complain(null);
  el("page").removeAttribute("aria-busy");
  show("question", question !== null);
  el("next").textContent = waiting > 0 ? t("approval.next", { count: waiting }) : "";
  if (!question) {
    el("heading").textContent = t("approval.none");
    el("lead").textContent = t("approval.none_lead");
    el("answers").replaceChildren();
    show("always-help", false);
    return;
  }
  if (!isAnother) return rearm();
  const isTool = question.tool !== "";
  el("heading").textContent = t(isTool ? "approval.heading_tool" : "approval.heading_step", { agent: question.agent });
  el("lead").textContent = t("approval.lead");
  show("facts", isTool);
  el("server").textContent = question.server;
  el("tool").textContent = question.tool;
  show("text", question.text !== "");
  el("text").textContent = question.text;
  el("arguments-label").textContent = t(isTool ? "approval.arguments" : "approval.detail");
  const isGiven = question.arguments !== "";
  show("arguments-label", isGiven || isTool);
  show("nothing", isTool && !isGiven);
  show("given", isGiven);
  el("arguments").textContent = question.arguments;
  el("given").scrollTop = 0;
  fillRest(question.next, question.total);
  show("always-help", question.choices.includes("always"));
  el("answers").replaceChildren(...question.choices.map((choice, at) => answer(choice, at === 0, isTool)));
  rearm();
  el("heading").focus();
}

/** @param {Choice} choice @param {boolean} isFirst @param {boolean} isTool */
function answer(choice, isFirst, isTool) {
  const words = choice === "rejected" && !isTool ? "code.reject" : WORDS[choice];
  const made = make("button", { type: "button", class: isFirst ? "primary" : "", "data-choice": choice }, [t(words)]);
  made.addEventListener("click", () => void say(choice, made));
  return made;
}

/** @param {Choice} choice @param {HTMLElement} pressed */
async function say(choice, pressed) {
  if (!shown || isSaying) return;
  isSaying = true;
  pressed.setAttribute("aria-busy", "true");
  try {
    await call("approval.answer", { number: shown.number, choice });
  } catch (error) {
    pressed.removeAttribute("aria-busy");
    complain(error);
  } finally {
    isSaying = false;
  }
}

/** @param {number | null} from @param {number} total */
function fillRest(from, total) {
  next = from;
  show("rest", from !== null);
  const number = new Intl.NumberFormat(document.documentElement.lang);
  el("rest-words").textContent =
    from === null ? "" : t("approval.part", { shown: number.format(from), total: number.format(total) });
}

button("more").addEventListener("click", async () => {
  if (!shown || next === null) return;
  const of = shown;
  try {
    const piece = await call("approval.piece", { number: of.number, offset: next });
    if (of !== shown) return;
    el("arguments").append(piece.text);
    fillRest(piece.next, of.total);
  } catch (error) {
    complain(error);
  }
});

/** @param {unknown} error */
function complain(error) {
  sayIn(el("error"), error === null ? "" : described(error));
  show("error", error !== null);
}

const close = () => void call("approval.close").catch(() => undefined);

on("approval.changed", () => void call("approval.look").then(fill, complain));

async function begin() {
  /** @type {Start} */
  const start = await call("approval.start");
  setTexts(start.texts);
  applyTexts();
  followLook(start.look);
  button("later").addEventListener("click", close);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.isComposing) close();
  });
  fill(start);
}

begin().catch((error) => {
  el("page").removeAttribute("aria-busy");
  el("heading").textContent = described(error).message;
  explain(el("lead"), described(error).hint, described(error).code);
});
