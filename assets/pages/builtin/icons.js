// @ts-check
/** The icons of the built-in view: one set, one stroke. Each stands beside words or in a button that has a name. */

const NAMESPACE = "http://www.w3.org/2000/svg";

const PATHS = /** @type {const} */ ({
  attach: "M20 11.5l-8.2 8.2a5 5 0 0 1-7.1-7.1l8.6-8.6a3.4 3.4 0 0 1 4.8 4.8l-8.5 8.5a1.7 1.7 0 0 1-2.4-2.4l7.8-7.8",
  check: "M5 12.5l4.5 4.5L19 7.5",
  close: "M6 6l12 12M18 6L6 18",
  copy: "M9 9h9a2 2 0 0 1 2 2v7a2 2 0 0 1-2 2h-7a2 2 0 0 1-2-2zM5 15H4.6A1.6 1.6 0 0 1 3 13.4V5a2 2 0 0 1 2-2h8.4A1.6 1.6 0 0 1 15 4.6V5",
  dislike: "M17 14V4M9 18.1L10 14H4.2a2 2 0 0 1-2-2.5l2-6A2 2 0 0 1 6.2 4H20a2 2 0 0 1 2 2v6a2 2 0 0 1-2 2h-2.8a2 2 0 0 0-1.8 1.1L12 22a3.1 3.1 0 0 1-3-3.9z",
  down: "M12 5v14M6 13l6 6 6-6",
  file: "M14 3H7a2 2 0 0 0-2 2v14a2 2 0 0 0 2 2h10a2 2 0 0 0 2-2V8zM14 3v5h5",
  fork: "M6 5v14M6 13c0-4 12-1 12-8M3.5 7.5L6 5l2.5 2.5M15.5 7.5L18 5l2.5 2.5",
  like: "M7 10v10M15 5.9L14 10h5.8a2 2 0 0 1 2 2.5l-2 6a2 2 0 0 1-2 1.5H4a2 2 0 0 1-2-2v-6a2 2 0 0 1 2-2h2.8a2 2 0 0 0 1.8-1.1L12 2a3.1 3.1 0 0 1 3 3.9z",
  link: "M14 5h5v5M19 5l-8 8M17 14v4a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1V8a1 1 0 0 1 1-1h4",
  more: "M5 12v.01M12 12v.01M19 12v.01",
  retry: "M20 11a8 8 0 1 0-2 6M20 4.5V11h-6.5",
  alert: "M12 8v5M12 16.5v.01M3 12a9 9 0 1 0 18 0a9 9 0 1 0-18 0",
  info: "M12 11v5M12 7.5v.01M3 12a9 9 0 1 0 18 0a9 9 0 1 0-18 0",
  next: "M9.5 6l6 6-6 6",
  previous: "M14.5 6l-6 6 6 6",
  rename: "M4 20h4L19.5 8.5a2.1 2.1 0 0 0-3-3L5 17zM14.5 7.5l3 3",
  save: "M12 4v11M7 10.5l5 5 5-5M5 20h14",
  wrap: "M4 6h16M4 12h13a3 3 0 0 1 0 6h-4M15.5 15.5L13 18l2.5 2.5M4 18h4",
  remove: "M4 7h16M9 7V4.5h6V7M6 7l1 13h10l1-13M10 11v5M14 11v5",
});

/**
 * @param {keyof typeof PATHS} name
 * @param {boolean} [small] 16 pixels instead of 20
 */
export function icon(name, small = true) {
  const svg = document.createElementNS(NAMESPACE, "svg");
  svg.setAttribute("class", small ? "icon small" : "icon");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(NAMESPACE, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/**
 * A button that shows an icon; its words are for those who do not see it, and for who waits over it.
 * @param {keyof typeof PATHS} name
 * @param {string} words
 * @param {() => void} press
 */
export function iconButton(name, words, press) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "icon-only quiet";
  label(button, words);
  button.append(icon(name));
  button.addEventListener("click", press);
  return button;
}

/** @param {HTMLElement} element @param {string} words */
export function label(element, words) {
  element.setAttribute("aria-label", words);
  element.title = words;
}
