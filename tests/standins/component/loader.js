/**
 * What stands in for OpenAI's chatkit.js in the host page: defines <openai-chatkit>, whose chat lives in an iframe of
 * another origin and is reached by postMessage alone. Sources in brackets: [facts] the notes on ChatKit this project
 * was built from, [types] `@openai/chatkit` 1.9.0. `FAULT` is put in front by the server.
 */
(() => {
  "use strict";

  // [facts] it builds its iframe's address from document.currentScript.src
  const frameUrl = new URL("frame.html", document.currentScript.src);
  const frameOrigin = frameUrl.origin;

  class IntegrationError extends Error {
    constructor(message) {
      super(message);
      this.name = "IntegrationError";
    }
  }

  /** [facts] functions stay in the host page; the frame sees a placeholder. */
  const withoutFunctions = (value, path, functions) => {
    if (typeof value === "function") {
      functions.set(path, value);
      return { $function: path };
    }
    if (Array.isArray(value)) return value.map((entry, at) => withoutFunctions(entry, `${path}.${at}`, functions));
    if (value && typeof value === "object") {
      return Object.fromEntries(
        Object.entries(value).map(([name, entry]) => [name, withoutFunctions(entry, path ? `${path}.${name}` : name, functions)]),
      );
    }
    return value;
  };

  class OpenAIChatKit extends HTMLElement {
    #functions = new Map();
    #plain = null;
    #frame = null;
    #loaded = false;
    #ready;
    #becomeReady;
    #commands = new Map();
    #count = 0;
    #fetches = new Map();

    constructor() {
      super();
      this.#ready = new Promise((resolve) => (this.#becomeReady = resolve));
      const root = this.attachShadow({ mode: "open" });
      // [facts] the element's shadow style is inline: without style-src 'unsafe-inline' it has no height
      const style = document.createElement("style");
      style.textContent = ":host{display:block;width:100%;height:100%}iframe{display:block;width:100%;height:100%;border:0}";
      root.append(style);
    }

    connectedCallback() {
      window.addEventListener("message", this.#heard);
      if (this.#plain && !this.#frame) this.#mount();
    }

    disconnectedCallback() {
      window.removeEventListener("message", this.#heard);
      this.#frame?.remove();
      this.#frame = null;
      this.#loaded = false;
    }

    /** [types] replaces everything, never merges. */
    setOptions(options) {
      if (FAULT.name === "throws_on_options") throw new TypeError("setOptions failed: the options could not be read");
      globalThis.validateChatKitOptions(options);
      this.#functions = new Map();
      this.#plain = withoutFunctions(options, "", this.#functions);
      if (this.#loaded) this.#post({ type: "options", options: this.#plain });
      else if (this.isConnected && !this.#frame) this.#mount();
    }

    // [types] the methods; [facts] every one waits for ready
    focusComposer = () => this.#command("focusComposer", []);
    setThreadId = (id) => this.#command("setThreadId", [id]);
    sendUserMessage = (params) => this.#command("sendUserMessage", [params]);
    setComposerValue = (params) => this.#command("setComposerValue", [params]);
    sendCustomAction = (action, itemId) => this.#command("sendCustomAction", [action, itemId]);
    showHistory = () => this.#command("showHistory", []);
    hideHistory = () => this.#command("hideHistory", []);
    fetchUpdates = () => this.#command("fetchUpdates", []);

    #mount() {
      // [facts] postMessage origin `null` (file://, html= string) is broken
      if (location.origin === "null") {
        queueMicrotask(() => this.#error(new IntegrationError("the page has no origin")));
        return;
      }
      const frame = document.createElement("iframe");
      const address = new URL(frameUrl);
      address.searchParams.set("origin", location.origin);
      frame.src = address.href;
      frame.title = this.#plain.frameTitle ?? "Chat";
      frame.allow = "clipboard-read; clipboard-write";
      this.#frame = frame;
      this.shadowRoot.append(frame);
      this.#verifyDomain();
    }

    /**
     * [facts] verification is skipped on http://localhost, and only reported on 127.0.0.1; elsewhere an unlisted name
     * blanks the chat after 1–2 s and raises IntegrationError only in the console.
     */
    #verifyDomain() {
      const refused = FAULT.name === "domain_gate" || !["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
      if (!refused) return;
      setTimeout(() => {
        if (FAULT.silent !== true) console.error(new IntegrationError(`Domain verification failed for ${location.origin}`));
        this.#frame?.remove();
      }, FAULT.ms ?? 1200);
    }

    #post(message) {
      this.#frame?.contentWindow?.postMessage({ chatkit: true, ...message }, frameOrigin);
    }

    #emit(name, detail) {
      this.dispatchEvent(new CustomEvent(`chatkit.${name}`, { detail, bubbles: true, composed: true }));
    }

    #error(error) {
      this.#emit("error", { error });
    }

    async #command(name, args) {
      await this.#ready;
      const id = ++this.#count;
      const done = new Promise((resolve, reject) => this.#commands.set(id, { resolve, reject }));
      this.#post({ type: "command", id, name, args });
      return done;
    }

    #heard = async (event) => {
      if (event.origin !== frameOrigin || event.source !== this.#frame?.contentWindow) return;
      const message = event.data;
      if (!message || message.chatkit !== true) return;
      switch (message.type) {
        case "loaded":
          this.#loaded = true;
          this.#post({ type: "options", options: this.#plain, fault: FAULT });
          break;
        case "ready":
          this.#becomeReady();
          this.#emit("ready");
          break;
        case "event":
          if (message.name === "error") {
            const error = new Error(message.detail.message);
            error.name = message.detail.name ?? "Error";
            this.#error(error);
          } else this.#emit(message.name, message.detail);
          break;
        case "gone":
          this.#frame?.remove();
          break;
        case "gate":
          console.error(new IntegrationError(`Domain verification failed for ${location.origin}`));
          this.#frame?.remove();
          break;
        case "done": {
          const asked = this.#commands.get(message.id);
          this.#commands.delete(message.id);
          if (message.ok) asked?.resolve(message.value);
          else asked?.reject(new Error(message.error));
          break;
        }
        case "invoke":
          await this.#invoke(message);
          break;
        case "fetch":
          await this.#fetch(message);
          break;
        case "fetch.cancel":
          this.#fetches.get(message.id)?.abort();
          break;
      }
    };

    async #invoke({ id, path, args }) {
      try {
        const value = await this.#functions.get(path)(...args);
        this.#post({ type: "invoked", id, ok: true, value });
      } catch (error) {
        this.#post({ type: "invoked", id, ok: false, error: String(error?.message ?? error), name: error?.name ?? "Error" });
      }
    }

    /** [facts] with a custom `fetch` the frame's requests are tunnelled and our function runs in the host page. */
    async #fetch({ id, url, init }) {
      const abort = new AbortController();
      this.#fetches.set(id, abort);
      try {
        const answer = await this.#functions.get("api.fetch")(url, { ...init, signal: abort.signal });
        this.#post({
          type: "fetch.head",
          id,
          status: answer.status,
          contentType: answer.headers.get("content-type") ?? "",
        });
        const reader = answer.body?.getReader();
        const decoder = new TextDecoder();
        for (;;) {
          const { done, value } = reader ? await reader.read() : { done: true, value: undefined };
          if (done) break;
          this.#post({ type: "fetch.chunk", id, text: decoder.decode(value, { stream: true }) });
        }
        this.#post({ type: "fetch.end", id });
      } catch (error) {
        this.#post({ type: "fetch.failed", id, error: String(error?.message ?? error) });
      } finally {
        this.#fetches.delete(id);
      }
    }
  }

  customElements.define("openai-chatkit", OpenAIChatKit);
})();
