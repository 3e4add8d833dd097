// @ts-check
/** How long ago a chat was active, as the list groups its chats. */

import { t } from "../common/texts.js";

const DAY = 86_400_000;

/** @param {Date} active @returns {"today" | "yesterday" | "week" | "month" | "older"} */
export function age(active) {
  const midnight = new Date().setHours(0, 0, 0, 0);
  const at = active.getTime();
  if (at >= midnight) return "today";
  if (at >= midnight - DAY) return "yesterday";
  if (at >= midnight - 7 * DAY) return "week";
  return at >= midnight - 30 * DAY ? "month" : "older";
}

/** The words over a group. @param {string} name an age, or pinned */
export function groupName(name) {
  if (name === "pinned") return t("builtin.pinned");
  if (name === "today") return t("builtin.today");
  if (name === "yesterday") return t("builtin.yesterday");
  if (name === "week") return t("builtin.week");
  return name === "month" ? t("builtin.month") : t("builtin.older");
}
