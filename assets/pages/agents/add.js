// @ts-check
/** A form that turns code into an agent: a file or pasted text. A refusal is shown at its field; the text stays. */

import { call } from "../common/bridge.js";
import { CHECK_LIMIT, described, make, sayIn, wire } from "../common/parts.js";
import { t } from "../common/texts.js";

/**
 * @typedef {"file" | "text"} Source
 * @typedef {{way: Source, file: string, text: string}} Typed
 * @typedef {{id: string, state: any}} Brought
 */

export class CodeForm {
  #prefix;
  #limit;
  #brought;
  #file;
  #text;
  #submit;

  /** Which workflow's place the code is to take; empty: none. */
  workflow = "";

  /**
   * @param {HTMLFormElement} form empty
   * @param {{prefix: string, first: Source, words: string, limit: number, brought: (answer: Brought) => void}} how
   *   prefix: of the ids; words: on the button; limit: bytes of a source
   */
  constructor(form, { prefix, first, words, limit, brought }) {
    this.#prefix = prefix;
    this.#limit = limit;
    this.#brought = brought;
    this.#file = make("input", { ...PLAIN, id: `${prefix}-file`, type: "text", class: "mono" });
    this.#text = make("textarea", { ...PLAIN, id: `${prefix}-text`, class: "mono source", rows: "9", wrap: "off" });
    const choose = make("button", { type: "button", id: `${prefix}-choose` }, [make("span", {}, [t("agents.imports.choose")])]);
    this.#submit = make("button", { type: "submit", id: `${prefix}-submit`, class: "primary" }, [make("span", {}, [words])]);
    form.classList.add("bring");
    form.replaceChildren(
      make("div", { class: "segments", role: "radiogroup", "aria-label": t("agents.imports.way") }, [
        this.#segment("text", t("agents.imports.way_text"), first),
        this.#segment("file", t("agents.imports.way_file"), first),
      ]),
      this.#field("text", t("agents.imports.text"), t("agents.imports.text_help"), [this.#text], this.#text),
      this.#field("file", t("agents.imports.file"), t("agents.imports.file_help"), [
        make("div", { class: "with-button" }, [this.#file, choose]),
      ], this.#file),
      make("div", { class: "actions" }, [this.#submit]),
      make("p", { class: "help" }, [t("agents.imports.asks_first")]),
    );
    this.#form = form;
    this.#show(first);
    wire(choose, () => this.#choose());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#bring();
    });
    for (const control of [this.#file, this.#text]) control.addEventListener("input", () => this.#error(this.way, ""));
  }

  #form;

  /** @returns {Source} */
  get way() {
    const chosen = this.#form.querySelector("input[type=radio]:checked");
    return chosen instanceof HTMLInputElement && chosen.value === "file" ? "file" : "text";
  }

  /** @returns {Typed} */
  get typed() {
    return { way: this.way, file: this.#file.value, text: this.#text.value };
  }

  /** @param {Typed} typed */
  set typed({ way, file, text }) {
    this.#file.value = file;
    this.#text.value = text;
    for (const one of this.#form.querySelectorAll("input[type=radio]")) {
      if (one instanceof HTMLInputElement) one.checked = one.value === way;
    }
    this.#show(way);
  }

  /** @param {boolean} locked */
  set locked(locked) {
    for (const one of this.#form.querySelectorAll("button, input, textarea")) one.toggleAttribute("disabled", locked);
  }

  focus() {
    (this.way === "file" ? this.#file : this.#text).focus();
  }

  /** @param {Source} way @param {string} words @param {Source} first */
  #segment(way, words, first) {
    const radio = make("input", { type: "radio", name: `${this.#prefix}-way`, value: way });
    radio.checked = way === first;
    radio.addEventListener("change", () => this.#show(way));
    return make("label", {}, [radio, make("span", {}, [words])]);
  }

  /** @param {Source} way @param {string} label @param {string} help @param {HTMLElement[]} inside @param {HTMLElement} control */
  #field(way, label, help, inside, control) {
    const id = `${this.#prefix}-${way}`;
    control.setAttribute("aria-describedby", `${id}-help`);
    const error = make("p", { id: `${id}-error`, class: "error", role: "alert" });
    error.hidden = true;
    return make("div", { class: "field", "data-way": way }, [
      make("label", { for: id }, [label]),
      ...inside,
      error,
      make("p", { id: `${id}-help`, class: "help" }, [help]),
    ]);
  }

  /** @param {Source} way */
  #show(way) {
    for (const place of this.#form.querySelectorAll("[data-way]")) {
      if (place instanceof HTMLElement) place.hidden = place.dataset["way"] !== way;
    }
    for (const one of /** @type {const} */ (["file", "text"])) this.#error(one, "");
  }

  /** @param {Source} way @param {string | import("../common/parts.js").Described} message empty: none */
  #error(way, message) {
    const id = `${this.#prefix}-${way}`;
    const control = way === "file" ? this.#file : this.#text;
    for (const [name, shown] of /** @type {const} */ ([["error", message !== ""], ["help", message === ""]])) {
      const place = this.#form.querySelector(`#${id}-${name}`);
      if (place instanceof HTMLElement) place.hidden = !shown;
      if (place instanceof HTMLElement && name === "error") sayIn(place, message);
    }
    control.setAttribute("aria-describedby", message ? `${id}-error` : `${id}-help`);
    if (message) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  }

  async #choose() {
    try {
      const chosen = await call("agents.pick_code", {}, { limit: CHECK_LIMIT });
      if (!chosen) return;
      this.#file.value = chosen;
      this.#error("file", "");
      this.#submit.focus();
    } catch (thrown) {
      this.#error("file", described(thrown));
    }
  }

  async #bring() {
    if (this.#submit.getAttribute("aria-busy") === "true") return;
    const { way, file, text } = this.typed;
    this.#error(way, "");
    // What could never be taken is not sent: the bridge would refuse it in words that are not this field's.
    if (way === "text" && new Blob([text]).size > this.#limit) {
      this.#refused("text", t("agents.imports.too_large", { limit: `${Math.floor(this.#limit / 1024)} KB` }));
      return;
    }
    this.#submit.setAttribute("aria-busy", "true");
    try {
      const sent = way === "file" ? { way, file } : { way, text };
      const answer = await call("agents.bring_code", { ...sent, workflow: this.workflow }, { limit: CHECK_LIMIT });
      this.typed = { way, file: "", text: "" };
      this.#brought(answer);
    } catch (thrown) {
      this.#refused(way, described(thrown));
    } finally {
      this.#submit.removeAttribute("aria-busy");
    }
  }

  /** @param {Source} way @param {string | import("../common/parts.js").Described} message */
  #refused(way, message) {
    this.#error(way, message);
    this.focus();
  }
}

const PLAIN = { autocomplete: "off", autocapitalize: "off", spellcheck: "false" };
