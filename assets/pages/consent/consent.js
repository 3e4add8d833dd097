// @ts-check
/**
 * The consent page: shows a code agent's files as the app has read them, and takes a yes for exactly these. It never
 * decides what may run: it sends back the hash of what it showed, and the app compares.
 */

import { call, on } from "../common/bridge.js";
import { guard } from "../common/guard.js";
import { applyLook } from "../common/look.js";
import { button, described, el, explain, make, part, sayIn, show } from "../common/parts.js";
import { applyTexts, setTexts, t } from "../common/texts.js";

/**
 * @typedef {import("../common/parts.js").Described} Described
 * @typedef {{name: string, mark: "" | "new" | "changed"}} File
 * @typedef {{digest: string, state: "new" | "changed" | "approved", files: File[], gone: string[], missing: string[],
 *   installing: boolean}} Source
 * @typedef {{agent: {name: string, active: boolean, can_choose: boolean}, path: string, endpoint: string,
 *   servers: string[], problem: Described | null, source: Source | null}} State
 * @typedef {State & {texts: Record<string, string>, look: import("../common/look.js").Look}} Start
 * @typedef {{text: string, next: number | null, total: number}} Piece
 * @typedef {{kind: "same" | "new" | "gone" | "gap", text: string, number: number}} Line
 * @typedef {{lines: Line[] | null, cut: boolean}} Changes
 */

/** Lines of pip's that stay in sight. */
const LOG = 200;
/** In milliseconds: a file dialog may stand open for long. */
const DIALOG = 3_600_000;

/** @type {State} */
let state;
/** The file that is shown. */
let open = "";
/** What is another in it since the last yes, where that can be told. @type {Changes | null} */
let changes = null;
/** Whether a changed file is shown whole. */
let isWhole = false;
/** Where its next piece begins. @type {number | null} */
let next = null;
let isInstalling = false;

// --- what is shown ------------------------------------------------------------------------------------------

const rearm = [part("actions", HTMLElement), part("packages", HTMLElement)].map((place) => guard(place));

/** @param {State} given */
function fill(given) {
  for (const again of rearm) again();
  state = given;
  const { source, problem, agent } = given;
  const file = given.path.split(/[\\/]/).pop() || given.path;
  const about = source?.state ?? "new";
  const words = {
    new: () => [t("consent.new", { file }), t("consent.new_lead", { agent: agent.name })],
    changed: () => [t("consent.changed", { file }), t("consent.changed_lead", { agent: agent.name })],
    approved: () => [t("consent.approved", { file }), t("consent.approved_lead", { agent: agent.name })],
  };
  const [heading, lead] = problem ? [problem.message, problem.hint] : words[about]();
  el("heading").textContent = heading;
  explain(el("lead"), lead, problem?.code ?? "");
  el("path").textContent = given.path;
  show("facts", true);
  show("rights", source !== null);
  el("key").textContent = given.endpoint ? t("consent.key", { endpoint: given.endpoint }) : t("consent.key_none");
  const servers = given.servers.join(", ");
  el("servers").textContent = servers ? t("consent.servers", { servers }) : "";
  el("digest-label").textContent = source && source.files.length > 1 ? t("consent.digest_all") : t("consent.digest");
  el("digest").textContent = source?.digest ?? "";
  for (const id of ["digest-label", "digest", "source"]) show(id, source !== null);
  show("details", Boolean(problem?.detail));
  el("detail").textContent = problem ? `${problem.code}\n${problem.detail}` : "";

  show("yes", source !== null && about !== "approved");
  button("yes").textContent = agent.active ? t("consent.yes") : t("consent.yes_later");
  show("choose", problem !== null && agent.can_choose);
  show("again", problem !== null);
  for (const [id, first] of /** @type {const} */ ([["choose", agent.can_choose], ["again", !agent.can_choose]])) {
    el(id).classList.toggle("primary", problem !== null && first);
  }
  show("no", true);
  button("no").textContent = about === "approved" && source ? t("consent.close") : t("consent.no");
  fillChanges(source);
  fillPackages(source?.missing ?? [], source?.installing ?? false);
  fillFiles(source);
  el("page").removeAttribute("aria-busy");
}

/** @param {Source | null} source */
function fillChanges(source) {
  const isChanged = source?.state === "changed";
  show("changes", isChanged);
  if (!source || !isChanged) return;
  const named = (/** @type {string} */ mark) =>
    source.files
      .filter((file) => file.mark === mark)
      .map((file) => file.name)
      .join(", ");
  const parts = [];
  if (named("changed")) parts.push(t("consent.changes_changed", { files: named("changed") }));
  if (named("new")) parts.push(t("consent.changes_new", { files: named("new") }));
  if (source.gone.length > 0) parts.push(t("consent.changes_gone", { files: source.gone.join(", ") }));
  el("changes-words").textContent = parts.join(" ") || t("consent.changes_unknown");
}

/** @param {Source | null} source */
function fillFiles(source) {
  const files = source?.files ?? [];
  const tabs = files.map((file) => {
    const tab = make("button", { type: "button", role: "tab", "aria-controls": "viewer", title: file.name }, [
      make("span", {}, [file.name]),
    ]);
    if (file.mark) {
      tab.append(make("span", { class: "mark small" }, [file.mark === "new" ? t("consent.file_new") : t("consent.file_changed")]));
    }
    tab.dataset.file = file.name;
    tab.addEventListener("click", () => void openFile(file.name));
    return tab;
  });
  el("files").replaceChildren(...tabs);
  show("files", files.length > 1);
  const first = files.find((file) => file.name === open) ?? files.find((file) => file.mark) ?? files[0];
  open = "";
  if (first) void openFile(first.name);
}

/** @returns {HTMLButtonElement[]} */
const tabs = () => [...el("files").querySelectorAll("button")];

el("files").addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const all = tabs();
  const at = all.findIndex((tab) => tab.dataset.file === open);
  const to = all[(at + step + all.length) % all.length];
  to.focus();
  to.click();
});

/** @param {string} name */
async function openFile(name) {
  open = name;
  for (const tab of tabs()) {
    const isOpen = tab.dataset.file === name;
    tab.setAttribute("aria-selected", String(isOpen));
    tab.tabIndex = isOpen ? 0 : -1;
  }
  const viewer = el("viewer");
  viewer.setAttribute("aria-label", t("consent.code", { file: name }));
  changes = null;
  if (state.source?.files.find((file) => file.name === name)?.mark === "changed") {
    try {
      const found = /** @type {Changes} */ (await call("consent.changes", { name }));
      if (name !== open) return;
      if (found.lines) changes = found;
    } catch (error) {
      complain(error); // the whole file is there to be read
    }
  }
  show("compare", changes !== null);
  await fillViewer();
}

/** The open file, or what has changed in it. */
async function fillViewer() {
  const code = el("code");
  const isCompared = changes !== null && !isWhole;
  code.replaceChildren();
  code.classList.toggle("compared", isCompared);
  el("viewer").scrollTop = 0;
  if (changes?.lines && isCompared) fillChanged(changes.lines, changes.cut);
  else await addPiece(0);
}

/** @param {Line[]} lines @param {boolean} isCut */
function fillChanged(lines, isCut) {
  const sign = { same: " ", new: "+", gone: "−", gap: "⋯" };
  const shown = lines.map((line) =>
    make("div", { class: line.kind, "data-line": line.number ? String(line.number) : "" }, [
      make("span", { class: "sign" }, [sign[line.kind]]),
      line.text,
    ]),
  );
  el("code").append(...shown);
  show("more", false);
  el("rest-words").textContent = isCut ? t("consent.compare_cut") : lines.length > 0 ? "" : t("consent.compare_none");
  show("rest", el("rest-words").textContent !== "");
}

for (const choice of document.querySelectorAll('#compare input[name="view"]')) {
  choice.addEventListener("change", () => {
    isWhole = choice.id === "view-whole";
    void fillViewer();
  });
}

/** @param {number} offset */
async function addPiece(offset) {
  const name = open;
  try {
    const piece = /** @type {Piece} */ (await call("consent.file", { name, offset }));
    if (name !== open) return;
    const lines = piece.text.split("\n");
    const code = el("code");
    if (offset > 0 && code.lastElementChild) code.lastElementChild.append(lines.shift() ?? ""); // its line goes on
    next = piece.next;
    if (next === null && lines.at(-1) === "") lines.pop(); // the end of the last line begins no other
    code.append(...lines.map((line) => make("div", {}, [line])));
    show("rest", next !== null);
    show("more", true);
    const number = new Intl.NumberFormat(document.documentElement.lang);
    el("rest-words").textContent =
      next === null ? "" : t("consent.part", { shown: number.format(next), total: number.format(piece.total) });
  } catch (error) {
    complain(error);
  }
}

button("more").addEventListener("click", () => next !== null && void addPiece(next));

/** @param {unknown} error */
function complain(error) {
  sayIn(el("error"), error === null ? "" : described(error));
  show("error", error !== null);
}

// --- packages -----------------------------------------------------------------------------------------------

/** @param {string[]} missing @param {boolean} installing */
function fillPackages(missing, installing) {
  isInstalling = installing;
  const packages = missing.join(", ");
  show("packages", missing.length > 0 || installing);
  el("packages").className = "banner warning";
  el("packages-words").textContent = installing ? t("consent.installing", { packages }) : t("consent.missing", { packages });
  show("packages-help", !installing);
  show("install", !installing);
  show("install-stop", installing);
  button("install-stop").removeAttribute("aria-busy");
}

button("install").addEventListener("click", async () => {
  const missing = state.source?.missing ?? [];
  el("packages-log").textContent = "";
  for (const id of ["packages-error", "packages-state"]) show(id, false);
  fillPackages(missing, true);
  button("install-stop").focus();
  try {
    await call("consent.install");
  } catch (error) {
    ended(described(error), missing);
  }
});

button("install-stop").addEventListener("click", () => {
  button("install-stop").setAttribute("aria-busy", "true");
  call("consent.cancel").catch(complain);
});

on("consent.line", ({ line }) => {
  const log = el("packages-log");
  const lines = log.textContent ? log.textContent.split("\n") : [];
  log.textContent = [...lines, String(line)].slice(-LOG).join("\n");
  show("packages-log", true);
  log.scrollTop = log.scrollHeight;
});

on("consent.installed", ({ error, missing }) => ended(error, missing));

/** @param {Described | null} error @param {string[]} missing what is still not there */
function ended(error, missing) {
  const wasInstalling = isInstalling;
  const hadFocus = document.activeElement === button("install-stop");
  if (state.source) state.source.missing = missing;
  fillPackages(missing, false);
  show("packages", wasInstalling || missing.length > 0);
  sayIn(el("packages-error"), error ?? "");
  show("packages-error", error !== null);
  const isDone = missing.length === 0;
  if (isDone) {
    el("packages").className = "banner success";
    el("packages-words").textContent = t("consent.installed");
    show("packages-log", false);
  }
  for (const id of ["packages-help", "install"]) show(id, !isDone);
  el("packages-state").textContent = !isDone && !error ? t("consent.install_stopped") : "";
  show("packages-state", !isDone && !error);
  if (!hadFocus) return;
  if (!isDone) button("install").focus();
  else (el("yes").hidden ? button("no") : button("yes")).focus();
}

// --- answers ------------------------------------------------------------------------------------------------

/**
 * @param {string} id
 * @param {() => Promise<void>} work
 */
function wire(id, work) {
  const pressed = button(id);
  pressed.addEventListener("click", async () => {
    if (pressed.getAttribute("aria-busy") === "true") return;
    pressed.setAttribute("aria-busy", "true");
    complain(null);
    try {
      await work();
    } catch (error) {
      complain(error);
    } finally {
      pressed.removeAttribute("aria-busy");
    }
  });
}

/** @param {State} given */
function fillAnew(given) {
  for (const id of ["packages-log", "packages-error", "packages-state", "moved"]) show(id, false);
  fill(given);
  el("heading").focus();
}

wire("yes", async () => {
  if (!state.source) return;
  const { done, state: now } = await call("consent.approve", { digest: state.source.digest });
  if (done) return;
  fillAnew(now);
  show("moved", true);
});
wire("no", () => call("consent.decline"));
wire("again", async () => fillAnew(await call("consent.look")));
wire("choose", async () => fillAnew(await call("consent.choose_file", {}, { limit: DIALOG })));
wire("agents", () => call("app.open_agents"));

on("settings.changed", async () => {
  try {
    const given = /** @type {Start} */ (await call("consent.start"));
    applyLook(given.look);
    const isOther = given.path !== state.path || given.source?.digest !== state.source?.digest;
    if (!isOther) return;
    fillAnew(given);
    show("moved", true);
  } catch (error) {
    complain(error);
  }
});

async function main() {
  try {
    const given = /** @type {Start} */ (await call("consent.start"));
    setTexts(given.texts);
    applyTexts();
    applyLook(given.look);
    fill(given);
    el("heading").focus();
  } catch (error) {
    el("page").removeAttribute("aria-busy");
    el("heading").textContent = described(error).message;
    explain(el("lead"), described(error).hint, described(error).code);
  }
}

void main();
