// @ts-check
/** The chat open in ChatKit: reports it to the app, and opens or leaves chats as the app asks. Knows no sessions. */

import { call, on } from "../common/bridge.js";
import { within } from "./component.js";

/** @typedef {import("@openai/chatkit").OpenAIChatKit} OpenAIChatKit */

export class OpenThread {
  #about;
  /** What is open, and whether its title is known. @type {{id: string | null, titled: boolean}} */
  #open = { id: null, titled: false };
  /** A prompt that another launch handed over before there was a composer. @type {string | null} */
  #prompt = null;
  /** What was chosen in the window of all chats, until it is shown. @type {{agent: string, id: string} | null} */
  #chosen = null;

  /**
   * @param {object} about
   * @param {() => OpenAIChatKit | null} about.component null until it is ready
   * @param {() => string} about.agent whose chats these are
   * @param {() => number} about.limit longest wait for one of its methods, in milliseconds
   * @param {(error: unknown) => void} about.report
   */
  constructor(about) {
    this.#about = about;
    on("prompt.handed_over", ({ text }) => {
      this.#prompt = String(text);
      void this.#handPrompt();
    });
    on("chat.open", (which) => {
      this.#chosen = which;
      this.#openChosen();
    });
    on("chat.deleted", ({ id }) => id === this.#open.id && this.#ask((component) => component.setThreadId(null)));
    on("chat.new", () => this.#ask((component) => component.setThreadId(null)));
    on("chat.history", () => this.#ask((component) => component.showHistory()));
    on("thread.changed", ({ agent, thread }) => {
      if (agent !== about.agent() || thread !== this.#open.id) return;
      void this.#follow();
      this.#ask((component) => component.fetchUpdates());
    });
    /* `smoke --say`: what a person would type and send. */
    on("prompt.send", ({ text }) => {
      about.component()?.sendUserMessage({ text: String(text), newThread: true }).catch(about.report);
    });
  }

  get isTitled() {
    return this.#open.titled;
  }

  /** @param {OpenAIChatKit} element */
  listen(element) {
    const { report } = this.#about;
    element.addEventListener("chatkit.thread.change", (event) => {
      this.#open = { id: event.detail.threadId, titled: false };
      void this.#follow();
    });
    element.addEventListener("chatkit.response.start", () => call("chat.response", { phase: "start" }).catch(report));
    element.addEventListener("chatkit.response.end", () => {
      call("chat.response", { phase: "end" }).catch(report);
      if (this.#open.id && !this.#open.titled) void this.#follow(); // OpenAI names a chat after its first answer
    });
  }

  /** The component works: what waited for it is done now. */
  begin() {
    void this.#handPrompt();
    this.#openChosen();
  }

  async #follow() {
    const asked = this.#open;
    try {
      const { title } = await call("chat.thread", { id: asked.id });
      asked.titled = Boolean(title);
    } catch (error) {
      this.#about.report(error);
    }
  }

  /** @param {(component: OpenAIChatKit) => Promise<unknown>} what */
  #ask(what) {
    const component = this.#about.component();
    if (component) within(what(component), this.#about.limit()).catch(this.#about.report);
  }

  /** The composer gets the prompt; nothing is sent. */
  async #handPrompt() {
    const component = this.#about.component();
    if (!component || this.#prompt === null) return;
    const text = this.#prompt;
    this.#prompt = null;
    const limit = this.#about.limit();
    try {
      await within(component.setComposerValue({ text }), limit);
      await within(component.focusComposer(), limit);
    } catch (error) {
      this.#about.report(error);
    }
  }

  #openChosen() {
    const chosen = this.#chosen;
    if (!chosen || !this.#about.component() || chosen.agent !== this.#about.agent()) return;
    this.#chosen = null;
    if (chosen.id !== this.#open.id) this.#ask((component) => component.setThreadId(chosen.id));
  }
}
