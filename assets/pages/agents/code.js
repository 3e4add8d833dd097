// @ts-check
/** A code agent on the agents page: its file, its packages and its consent, which only the consent page can give. */

import { call, on } from "../common/bridge.js";
import { button, described, el, sentence, show } from "../common/parts.js";
import { area, number, text } from "../common/fields.js";
import { tried } from "../common/saving.js";
import { t } from "../common/texts.js";

/**
 * @typedef {import("./fields.js").Agent} Agent
 * @typedef {{state: "approved" | "new" | "changed" | "unreadable", words: string, missing: string[]}} Standing
 */

/** How long a file dialog may stay open, in milliseconds. */
const DIALOG = 3_600_000;

/** The code agent being shown; empty for other agents. */
let shown = "";

export function buildCode() {
  text("code-fields", "agent.file", t("agents.code_file"), { help: t("agents.code_file_help"), mono: true });
  area("code-fields", "agent.packages", t("agents.code_packages"), {
    help: t("agents.code_packages_help"),
    mono: true,
  });
  text("code-fields", "agent.entry", t("agents.entry"), { help: t("agents.entry_help"), mono: true });
  area("code-fields", "agent.model_overrides", t("agents.model_overrides"), {
    help: t("agents.model_overrides_help"),
    mono: true,
  });
  number("code-fields", "agent.max_runs", t("agents.max_runs"), { help: t("agents.max_runs_help") });
}

/** @param {{changed: (answer: any) => void}} page */
export function wireCode({ changed }) {
  button("code-look").addEventListener("click", () => void tried(() => call("agents.code_look", { id: shown })));
  button("code-choose").addEventListener("click", () =>
    void tried(async () => {
      const id = shown;
      const answer = await call("agents.code_choose", { id }, { limit: DIALOG });
      if (answer && id === shown) changed(answer);
    }),
  );
  button("code-revoke").addEventListener("click", () =>
    void tried(async () => {
      const id = shown;
      const standing = await call("agents.code_revoke", { id });
      if (id === shown) fill(standing);
      button("code-look").focus();
    }),
  );
  on("code.approved", () => void look());
}

/** @param {Agent} agent the one that is shown from now on */
export function showCode(agent) {
  shown = agent.kind === "code" ? agent.id : "";
  for (const id of ["code-choose", "code-revoke"]) button(id).disabled = Boolean(agent.fields["agent.file"]?.locked);
  void look();
}

async function look() {
  const id = shown;
  if (!id) return;
  try {
    const standing = await call("agents.code_state", { id });
    if (id === shown) fill(standing);
  } catch (error) {
    if (id === shown) fill({ state: "unreadable", words: sentence(described(error)), missing: [] });
  }
}

/** @param {Standing} standing */
function fill({ state, words, missing }) {
  el("code-status").dataset["state"] = state;
  el("code-words").textContent = words;
  const isThere = state !== "unreadable";
  button("code-look").textContent = state === "approved" ? t("agents.code_look") : t("agents.code_approve");
  button("code-look").classList.toggle("primary", isThere && state !== "approved");
  show("code-look", isThere);
  show("code-revoke", state === "approved");
  show("code-missing", missing.length > 0);
  el("code-missing").textContent = t("agents.code_missing", { packages: missing.join(", ") });
}
