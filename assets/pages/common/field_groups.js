// @ts-check
/** Groups of settings shared by several pages. */

import { accent, segments, text, toggle } from "./fields.js";
import { t } from "./texts.js";

/** A workflow and what goes with it. @param {string} into */
export function workflowFields(into) {
  text(into, "agent.workflow_id", t("forms.agent_workflow"), {
    help: t("forms.agent_workflow_help"),
    mono: true,
  });
  text(into, "agent.version", t("forms.agent_version"), {
    help: t("forms.agent_version_help"),
    brief: true,
  });
  toggle(into, "agent.tracing.enabled", t("forms.agent_tracing"), { help: t("forms.agent_tracing_help") });
}

/** How a chat looks. @param {string} into */
export function lookFields(into) {
  segments(into, "chat.theme.scheme", t("forms.scheme"), [
    ["system", t("forms.scheme_system")],
    ["light", t("forms.scheme_light")],
    ["dark", t("forms.scheme_dark")],
  ]);
  accent(into, "chat.theme.light.accent", t("forms.accent_light"));
  accent(into, "chat.theme.dark.accent", t("forms.accent_dark"));
  segments(into, "chat.theme.radius", t("forms.radius"), [
    ["pill", t("forms.radius_pill")],
    ["round", t("forms.radius_round")],
    ["soft", t("forms.radius_soft")],
    ["sharp", t("forms.radius_sharp")],
  ]);
  segments(into, "chat.theme.density", t("forms.density"), [
    ["compact", t("forms.density_compact")],
    ["normal", t("forms.density_normal")],
    ["spacious", t("forms.density_spacious")],
  ]);
}
