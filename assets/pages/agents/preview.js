// @ts-check
/** A preview of an empty chat with this agent: greeting, prompts and look, updated while typing. Saves nothing. */

import { schemeNow } from "../common/look.js";
import { el, input, make } from "../common/parts.js";
import { fields } from "../common/fields.js";
import { promptsNow } from "../common/prompts.js";
import { t } from "../common/texts.js";

const MOST_PROMPTS = 4;
const COLOUR = /^#[0-9a-f]{6}$/i;

/** @param {{name: string, greeting: string, prompts: Array<{label: string}>, own: boolean}} about what stands where the agent has nothing of its own */
export function paint({ name, greeting, prompts, own }) {
  const wanted = fields.get("chat.theme.scheme")?.get();
  const scheme = wanted === "light" || wanted === "dark" ? wanted : schemeNow();
  const accent = fields.get(scheme === "dark" ? "chat.theme.dark.accent" : "chat.theme.light.accent")?.get();
  const preview = el("preview");
  preview.dataset["scheme"] = scheme;
  preview.dataset["radius"] = String(fields.get("chat.theme.radius")?.get());
  preview.dataset["density"] = String(fields.get("chat.theme.density")?.get());
  const colour = accent && COLOUR.test(accent.primary) ? accent.primary : null;
  if (colour) preview.style.setProperty("--preview-accent", colour);
  else preview.style.removeProperty("--preview-accent");
  const typed = own ? String(fields.get("agent.greeting")?.get() ?? "") : "";
  const ours = own && input("prompts-own").checked;
  const labels = (ours ? promptsNow() : prompts).map((one) => one.label).filter(Boolean);
  preview.replaceChildren(
    make("div", { class: "bar" }, [make("span", {}, [name])]),
    make("div", { class: "middle" }, [
      make("strong", {}, [typed || greeting]),
      make("div", { class: "buttons" }, [
        ...labels.slice(0, MOST_PROMPTS).map((label) => make("span", {}, [label])),
        ...(labels.length > MOST_PROMPTS ? [make("span", {}, [t("agents.preview_more", { count: labels.length - MOST_PROMPTS })])] : []),
      ]),
    ]),
    make("div", { class: "composer" }, [make("span", {}, [t("agents.preview_message")]), make("i")]),
  );
}
