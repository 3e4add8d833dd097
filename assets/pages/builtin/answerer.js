// @ts-check
/**
 * Who answers, at the head of the chat: *Agent · Model*. Its panel changes both. The endpoint's list is asked for when the
 * panel is opened, and may be long: what is typed narrows it, and a name that is not in it can be used as well.
 */

import { described } from "./protocol.js";
import { call } from "../common/bridge.js";
import { button, el, input, make, sayIn, show } from "../common/parts.js";
import { t } from "../common/texts.js";

/**
 * @typedef {import("./history.js").Agent} Agent
 * @typedef {{own: string, models: string[]}} Known own: the agent's own model; models: others that it names
 *
 * @typedef {object} Deeds
 * @property {(id: string) => void} use another agent
 * @property {(model: string) => void} choose another model for the chat that is shown
 * @property {() => void} left the focus goes back to the composer
 */

/** Models that are shown at once; what is typed finds the others. */
const MOST = 100;

export class Answerer {
  #opener = button("answerer");
  #panel = el("answerer-panel");
  #field = input("model-search");
  #list = el("models");
  #words = el("models-words");
  #again = button("models-again");
  #deeds;
  /** @type {Agent[]} */
  #agents = [];
  #agent = "";
  /** @type {Known} */
  #known = { own: "", models: [] };
  /** The endpoint's list; null until it was asked for. @type {string[] | null} */
  #listed = null;
  #isAsking = false;
  /** The chat's model; the agent's own where empty. */
  #model = "";
  #at = -1;

  /** @param {Deeds} deeds */
  constructor(deeds) {
    this.#deeds = deeds;
    this.#opener.addEventListener("click", () => (this.#panel.hidden ? this.#open() : this.#close(true)));
    this.#again.addEventListener("click", () => void this.#ask());
    this.#field.addEventListener("input", () => this.#show());
    this.#field.addEventListener("keydown", (event) => this.#keys(event));
    // Pressing on the list must not take the focus from the field.
    this.#list.addEventListener("mousedown", (event) => event.preventDefault());
    this.#list.addEventListener("click", (event) => {
      const option = event.target instanceof Element ? event.target.closest("li") : null;
      if (option instanceof HTMLElement) this.#choose(option.dataset.model ?? "");
    });
    this.#panel.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.#close(true);
    });
    addEventListener(
      "pointerdown",
      ({ target }) => {
        const isInside = target instanceof Node && (this.#panel.contains(target) || this.#opener.contains(target));
        if (!isInside) this.#close(false);
      },
      true,
    );
    this.#panel.addEventListener("focusout", ({ relatedTarget: next }) => {
      if (next instanceof Node && !this.#panel.contains(next) && !this.#opener.contains(next)) this.#close(false);
    });
  }

  /** @param {Agent[]} agents @param {string} agent of this page @param {Known} known */
  configure(agents, agent, known) {
    if (known.own !== this.#known.own) this.#listed = null;
    this.#agents = agents;
    this.#agent = agent;
    this.#known = known;
    this.#name();
  }

  /** The model of the chat that is shown. @param {string} model empty for the agent's own */
  model(model) {
    this.#model = model;
    this.#name();
  }

  get #current() {
    return this.#model || this.#known.own;
  }

  #name() {
    const name = this.#agents.find(({ id }) => id === this.#agent)?.name ?? "";
    el("answerer-agent").textContent = name;
    el("answerer-model").textContent = this.#known.own ? this.#current : "";
    show("answerer-dot", Boolean(this.#known.own));
    const both = [name, this.#known.own ? this.#current : ""].filter(Boolean).join(" · ");
    this.#opener.title = both;
    this.#opener.setAttribute("aria-label", t("builtin.answerer", { name: both }));
    this.#opener.disabled = !this.#known.own && this.#agents.length < 2;
    this.#opener.hidden = !name;
  }

  #open() {
    show("answerer-agents", this.#agents.length > 1);
    show("answerer-models", Boolean(this.#known.own));
    el("agents").replaceChildren(
      ...this.#agents.map(({ id, name }) => {
        const one = make("button", { type: "button", dir: "auto" }, [name]);
        if (id === this.#agent) one.setAttribute("aria-current", "true");
        one.addEventListener("click", () => {
          this.#close(id === this.#agent);
          if (id !== this.#agent) this.#deeds.use(id);
        });
        return make("li", {}, [one]);
      }),
    );
    this.#field.value = "";
    this.#panel.hidden = false;
    this.#opener.setAttribute("aria-expanded", "true");
    this.#show();
    if (this.#known.own) {
      this.#field.focus();
      if (!this.#listed) void this.#ask();
    } else /** @type {HTMLElement | null} */ (el("agents").querySelector("button"))?.focus();
  }

  /** @param {boolean} back whether the focus goes back to where it was opened */
  #close(back) {
    if (this.#panel.hidden) return;
    this.#panel.hidden = true;
    this.#opener.setAttribute("aria-expanded", "false");
    if (back) this.#opener.focus();
  }

  async #ask() {
    if (this.#isAsking) return;
    this.#isAsking = true;
    this.#again.hidden = true;
    this.#say(t("builtin.models_loading"));
    try {
      const { models, error } = await call("models.list");
      if (error) this.#fail(error);
      else {
        this.#listed = models;
        this.#say("");
      }
    } catch (error) {
      this.#fail(described(error));
    } finally {
      this.#isAsking = false;
      this.#show();
    }
  }

  /** @param {import("../common/parts.js").Described} error */
  #fail(error) {
    this.#say(error);
    this.#again.hidden = false;
    this.#field.focus();
  }

  /** @param {string | import("../common/parts.js").Described} words */
  #say(words) {
    sayIn(this.#words, words);
    this.#words.hidden = !words;
  }

  /** The models that hold every word that is typed. */
  #show() {
    const typed = this.#field.value.trim();
    const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
    const all = [...new Set([this.#current, this.#known.own, ...this.#known.models, ...(this.#listed ?? [])])];
    const fitting = all.filter((model) => words.every((word) => model.toLowerCase().includes(word)));
    const shown = fitting.slice(0, MOST).map((model) => ({ model, said: model }));
    if (typed && !all.includes(typed)) shown.push({ model: typed, said: t("builtin.model_typed", { model: typed }) });
    this.#list.replaceChildren(
      ...shown.map(({ model, said }, index) =>
        make("li", { id: `model-${index}`, role: "option", "aria-selected": String(model === this.#current), "data-model": model }, [
          make("span", { dir: "auto" }, [said]),
          ...(model === this.#known.own ? [make("span", { class: "small soft" }, [t("builtin.model_own")])] : []),
        ]),
      ),
    );
    const more = fitting.length - MOST;
    el("models-more").textContent = more > 0 ? t("builtin.models_more", { count: more }) : "";
    show("models-more", more > 0);
    this.#mark(typed && shown.length ? 0 : -1);
    this.#list.scrollTop = 0;
  }

  /** @param {number} index the option under the keyboard, -1 for none */
  #mark(index) {
    this.#at = index;
    [...this.#list.children].forEach((one, n) => one.classList.toggle("at", n === index));
    const one = this.#list.children[index];
    if (one) {
      this.#field.setAttribute("aria-activedescendant", one.id);
      one.scrollIntoView({ block: "nearest" });
    } else this.#field.removeAttribute("aria-activedescendant");
  }

  /** @param {KeyboardEvent} event */
  #keys(event) {
    const count = this.#list.children.length;
    const way = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (way && count) {
      event.preventDefault();
      this.#mark(this.#at < 0 ? (way > 0 ? 0 : count - 1) : (this.#at + way + count) % count);
    } else if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      const one = this.#list.children[this.#at];
      if (one instanceof HTMLElement) this.#choose(one.dataset.model ?? "");
    }
  }

  /** @param {string} model */
  #choose(model) {
    this.#close(false);
    this.#deeds.left();
    if (model && model !== this.#current) this.#deeds.choose(model);
  }
}
