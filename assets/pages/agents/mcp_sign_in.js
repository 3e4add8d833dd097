// @ts-check
/** Signing in to an MCP server: the offer after a refusal, and the state of an existing sign-in. */

import { button, el, fieldError, make, show } from "../common/parts.js";
import { t } from "../common/texts.js";

/**
 * @typedef {{sign_in: boolean, client_id: string, client_secret: string, client_host: string}} Wanted
 * @typedef {{sign_in: "" | "browser" | "client", host: string}} Offer
 */

const FIELDS = /** @type {const} */ (["client_id", "client_secret"]);
/** @type {Offer} */
const NONE = { sign_in: "", host: "" };
let offer = NONE;
/** What was offered before the check that goes on, or that has just ended. */
let before = NONE;

/** @param {typeof FIELDS[number]} name */
const input = (name) => /** @type {HTMLInputElement} */ (el(`mcp-${name}`));

/** Nothing is offered. */
export function clearOffer() {
  before = offer;
  offer = NONE;
  for (const name of FIELDS) fieldError(`mcp-${name}`, "");
  show("mcp-sign-in", false);
  show("mcp-client", false);
}

/** @param {Offer} now */
export function showOffer(now) {
  offer = now;
  show("mcp-sign-in", now.sign_in !== "");
  show("mcp-client", now.sign_in === "client");
  el("mcp-client_id-help").textContent = t("agents.mcp.client_id_help", { host: now.host });
  if (now.sign_in === "client") input("client_id").focus();
  else if (now.sign_in !== "") button("mcp-sign-in").focus();
}

/** An error at one of the fields. @param {string} name @param {string | import("../common/parts.js").Described} message @returns {boolean} whether it is one of them */
export function offerError(name, message) {
  const field = FIELDS.find((one) => one === name);
  if (!field) return false;
  show("mcp-banner", true);
  showOffer(before);
  fieldError(`mcp-${field}`, message);
  input(field).focus();
  return true;
}

/** What goes along with the form when the person wants to sign in. @returns {Wanted} */
export function wanted() {
  const typed = offer.sign_in === "client";
  return {
    sign_in: true,
    client_id: typed ? input("client_id").value : "",
    client_secret: typed ? input("client_secret").value : "",
    client_host: typed ? offer.host : "",
  };
}

/** Whether one is signed in. @param {"keyring" | "session" | "nowhere"} where @param {string} store */
export function showSignedIn(where, store) {
  show("mcp-signed", where !== "nowhere");
  el("mcp-signed-words").textContent =
    where === "keyring" ? t("agents.mcp.signed_in", { store }) : t("agents.mcp.signed_in_session");
}

/** @param {boolean} off */
export function lockSignIn(off) {
  for (const id of ["mcp-sign-in", "mcp-again", "mcp-sign-out"]) button(id).disabled = off;
  for (const name of FIELDS) input(name).readOnly = off;
}

/** @param {{begin: () => void, out: () => void}} does */
export function wireSignIn({ begin, out }) {
  for (const name of FIELDS) {
    const id = `mcp-${name}`;
    const secret = name === "client_secret";
    const control = make("input", { id, type: secret ? "password" : "text", class: "mono", autocomplete: "off", spellcheck: "false" });
    const error = make("p", { class: "error", id: `${id}-error`, role: "alert" });
    error.hidden = true;
    control.addEventListener("input", () => fieldError(id, ""));
    control.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      begin();
    });
    const help = make("p", { class: "help", id: `${id}-help` }, [secret ? t("agents.mcp.client_secret_help") : ""]);
    const label = make("label", { for: id }, [secret ? t("agents.mcp.client_secret") : t("agents.mcp.client_id")]);
    el("mcp-client").append(make("div", { class: "field" }, [label, control, error, help]));
  }
  button("mcp-sign-in").addEventListener("click", begin);
  button("mcp-again").addEventListener("click", begin);
  button("mcp-sign-out").addEventListener("click", out);
}
