// @ts-check
/** Code in an answer: its head with what can be done with it, and long code folded. */

import { iconButton, label } from "./icons.js";
import { copyText } from "../common/clipboard.js";
import { make } from "../common/parts.js";
import { t } from "../common/texts.js";

/** How long "Copied" stands, in milliseconds. */
const COPIED = 1_500;

/** Code of more lines is folded in an answer that one did not see being written. */
const LONG = 40;

/** Languages whose files end in something else than their name. */
const ENDINGS = /** @type {Record<string, string>} */ ({
  ...{ bash: "sh", shell: "sh", zsh: "sh", batch: "bat", clojure: "clj", "c++": "cpp", csharp: "cs", "c#": "cs" },
  ...{ docker: "dockerfile", elixir: "ex", erlang: "erl", fsharp: "fs", golang: "go", haskell: "hs", javascript: "js" },
  ...{ julia: "jl", kotlin: "kt", latex: "tex", makefile: "mk", markdown: "md", matlab: "m", "objective-c": "m" },
  ...{ ocaml: "ml", patch: "diff", perl: "pl", powershell: "ps1", protobuf: "proto", py3: "py", python: "py" },
  ...{ python3: "py", ruby: "rb", rust: "rs", terraform: "tf", typescript: "ts", yaml: "yml" },
});

/**
 * Gives a block of code its buttons.
 * @param {HTMLElement} block as Python rendered it
 * @param {boolean} mayFold whether long code is folded
 */
export function dressCode(block, mayFold) {
  const head = block.querySelector(".code-head");
  const language = block.querySelector(".code-language");
  const pre = block.querySelector("pre");
  if (!head || !language || !pre) return;
  const name = language.textContent ?? "";
  const words = name || t("builtin.code");
  language.textContent = words;
  scrollable(pre, words);
  const text = () => pre.textContent?.replace(/\n$/, "") ?? "";
  const deeds = make("div", { class: "code-deeds" }, [
    wrapButton(block),
    iconButton("save", t("builtin.save_code"), () => saveAs(fileName(name), text())),
    copyButton(t("builtin.copy_code"), text),
  ]);
  head.append(deeds);
  const lines = text().split("\n").length;
  if (lines > LONG) {
    language.after(make("span", { class: "code-lines" }, [t("builtin.lines", { count: lines })]));
    if (mayFold) fold(block, lines);
  }
}

/** @param {HTMLElement} block */
function wrapButton(block) {
  const button = iconButton("wrap", t("builtin.wrap_code"), () => {
    button.setAttribute("aria-pressed", String(block.classList.toggle("wrapped")));
  });
  button.setAttribute("aria-pressed", "false");
  return button;
}

/** @param {HTMLElement} block @param {number} lines */
function fold(block, lines) {
  const more = make("button", { type: "button", class: "link small unfold", "aria-expanded": "false" }, [
    t("builtin.all_lines", { count: lines }),
  ]);
  more.addEventListener("click", () => {
    const open = block.classList.toggle("folded") === false;
    more.textContent = open ? t("builtin.fold") : t("builtin.all_lines", { count: lines });
    more.setAttribute("aria-expanded", String(open));
  });
  block.classList.add("folded");
  block.append(more);
}

/** @param {string} language @returns {string} the name of a file for code in this language */
export function fileName(language) {
  const name = language.toLowerCase();
  const ending = ENDINGS[name] ?? (/^[a-z0-9]{1,10}$/.test(name) ? name : "txt");
  return `code.${ending}`;
}

/** The window asks where. Call it inside the click. @param {string} name @param {string} text */
function saveAs(name, text) {
  const href = URL.createObjectURL(new Blob([text], { type: "application/octet-stream" }));
  const link = make("a", { href, download: name, hidden: "" });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(href), 60_000); // the engine reads it while the person chooses a place
}

/**
 * What has to be scrolled sideways can be reached by keyboard.
 * @param {HTMLElement} element
 * @param {string} words
 */
export function scrollable(element, words) {
  element.tabIndex = 0;
  element.setAttribute("role", "group");
  element.setAttribute("aria-label", words);
}

/**
 * @param {string} words
 * @param {() => string} text asked for when the button is pressed
 */
export function copyButton(words, text) {
  let back = 0;
  const button = iconButton("copy", words, async () => {
    const done = await copyText(text());
    clearTimeout(back);
    button.classList.toggle("done", done);
    label(button, done ? t("common.copied") : t("builtin.copy_refused"));
    back = window.setTimeout(() => {
      button.classList.remove("done");
      label(button, words);
    }, COPIED);
  });
  return button;
}
