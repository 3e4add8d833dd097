// @ts-check
/** Addresses that servers, models and files give: what of them may become a link or a picture. Knows no page. */

import { make } from "../common/parts.js";

const PICTURE = /^data:image\/(?:png|gif|jpeg|webp);base64,[A-Za-z0-9+/=\s]*$/;
const LINK = new Set(["http:", "https:", "mailto:"]);

/** @param {unknown} address @returns {string} as it was given where it is a web or mail address; else empty */
export function linkable(address) {
  if (typeof address !== "string" || address.length > 8192) return "";
  try {
    const { protocol, username, password } = new URL(address);
    return LINK.has(protocol) && !username && !password && new RegExp(`^${protocol}`, "i").test(address) ? address : "";
  } catch {
    return ""; // relative, or none
  }
}

/** @param {unknown} address @returns {address is string} whether it is a picture in itself, for which nobody is asked */
export const isPicture = (address) => typeof address === "string" && PICTURE.test(address);

/**
 * A link to the outside, or the words alone where the address is none that may be followed.
 * @param {unknown} address
 * @param {string} words
 */
export function outside(address, words) {
  const href = linkable(address);
  if (!href) return make("span", { class: "faint" }, [words]);
  return make("a", { href, target: "_blank", rel: "noopener noreferrer", title: href }, [words || href]);
}
