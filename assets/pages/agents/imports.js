// @ts-check
/** What to do with a hosted workflow: archive its chats, import its code, or add an assistant. Adds code agents. */

import { CodeForm } from "./add.js";
import { ArchivePanel } from "../common/archive_panel.js";
import { call, on } from "../common/bridge.js";
import { button, described, el, part, sayIn, show, wire } from "../common/parts.js";
import { t } from "../common/texts.js";

/**
 * @typedef {import("./add.js").Brought} Brought
 * @typedef {import("./add.js").Typed} Typed
 * @typedef {import("../common/archive_panel.js").Progress} Progress
 * @typedef {{over: boolean, largest_code: number}} About
 */

/** The workflow being shown; empty for none. */
let shown = "";
/** @type {ArchivePanel | null} */
let archive = null;
/** @type {CodeForm | null} */
let added = null;
/** @type {CodeForm | null} */
let brought = null;

/** How far the archive of an agent was when it was last heard of. @type {Map<string, Progress>} */
const heard = new Map();
/** What was typed for a workflow and is not yet an agent. @type {Map<string, Typed>} */
const drafts = new Map();

/**
 * @param {About} about
 * @param {(answer: Brought, focus?: string) => Promise<void>} opened a new agent is there; focus: the id of a field
 */
export function wireRoad(about, opened) {
  const limit = about.largest_code;
  el("road-lead").textContent = about.over ? t("agents.imports.lead_over") : t("agents.imports.lead");
  added = new CodeForm(part("add-code-form", HTMLFormElement), {
    prefix: "add-code",
    first: "file",
    words: t("agents.add_this"),
    limit,
    brought: (answer) => void opened(answer),
  });
  brought = new CodeForm(part("bring-form", HTMLFormElement), {
    prefix: "bring",
    first: "text",
    words: t("agents.imports.bring_this"),
    limit,
    brought: (answer) => {
      drafts.delete(shown);
      openGuide(false);
      void opened(answer);
    },
  });
  archive = new ArchivePanel({
    archive: () => call("archive.start", { id: shown }),
    cancelArchive: () => call("archive.cancel"),
    openArchive: () => call("archive.open"),
  });
  on("archive.progress", (/** @type {Progress} */ progress) => {
    heard.set(progress.agent, progress);
    if (progress.agent === shown) archive?.progress(progress);
  });
  button("add-code").addEventListener("click", () => {
    show("add-code-form", true);
    button("add-code").setAttribute("aria-expanded", "true");
    added?.focus();
  });
  button("bring").addEventListener("click", () => {
    const open = el("bring-guide").hidden !== false;
    openGuide(open);
    if (open) brought?.focus();
  });
  button("open-builder").addEventListener("click", () => void call("agents.open_builder").catch(() => undefined));
  wire(button("go-on"), async () => {
    roadError("");
    try {
      await opened(await call("agents.go_on", { id: shown }), "f-agent-instructions");
    } catch (thrown) {
      roadError(described(thrown));
    }
  });
}

/** @param {boolean} open */
function openGuide(open) {
  show("bring-guide", open);
  button("bring").setAttribute("aria-expanded", String(open));
}

/** @param {string | import("../common/parts.js").Described} message */
function roadError(message) {
  sayIn(el("go-on-error"), message);
  show("go-on-error", message !== "");
}

/** What can't be added where nothing can be changed. @param {boolean} locked */
export function lockAdding(locked) {
  button("add-code").disabled = locked;
}

/** Another agent is shown, or the same again. @param {{id: string, kind: string}} agent @param {boolean} locked */
export function showRoad({ id, kind }, locked) {
  const workflow = kind === "workflow" ? id : "";
  button("bring").disabled = locked;
  button("go-on").disabled = locked;
  show("road-locked", locked);
  if (!brought || workflow === shown) return;
  leaveRoad();
  shown = workflow;
  brought.workflow = workflow;
  if (!workflow) return;
  const draft = drafts.get(workflow);
  brought.typed = draft ?? { way: "text", file: "", text: "" };
  openGuide(draft !== undefined);
  roadError("");
  archive?.reset();
  const progress = heard.get(workflow);
  if (progress) archive?.progress(progress);
}

/** What is typed for the workflow is kept. */
export function leaveRoad() {
  if (!shown || !brought) return;
  const typed = brought.typed;
  if (typed.text || typed.file) drafts.set(shown, typed);
  else drafts.delete(shown);
  shown = "";
}

/** The place on the workflow's page that somebody asked for. @param {string} section "road", "road.code", "road.assistant" */
export function goOnRoad(section) {
  if (!shown || !section.startsWith("road")) return;
  if (section === "road.code" && !button("bring").disabled) openGuide(true);
  el("road").scrollIntoView({ block: "start" });
  if (section === "road.code" && !el("bring-guide").hidden) brought?.focus();
  else if (section === "road.assistant" && !button("go-on").disabled) button("go-on").focus();
  else el("road-title").focus();
}
