/**
 * What stands in for OpenAI's chatkit.js in the host page: defines <openai-chatkit>, whose chat lives in an iframe of
 * another origin and is reached by postMessage alone. Sources in brackets: [facts] the notes on ChatKit this project
 * was built from, [types] `@openai/chatkit` 1.9.0, [obs] the component as it was seen in June 2026. `FAULT` is put in
 * front by the server.
 */
(() => {
  "use strict";

  // [facts] it builds its iframe's address from document.currentScript.src
  const frameUrl = new URL("frame.html", document.currentScript.src);
  const frameOrigin = frameUrl.origin;

  /** [obs] What ends a chat, and much that doesn't, comes under this name. */
  class FatalAppError extends Error {
    constructor(message) {
      super(message);
      this.name = "FatalAppError";
    }
  }

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

  /** A form can't cross in a message: its entries do. */
  const bodyOf = (body) => {
    if (!body?.$form) return body;
    const form = new FormData();
    for (const [name, value] of body.$form) form.append(name, value);
    return form;
  };

  class OpenAIChatKit extends HTMLElement {
    #functions = new Map();
    #plain = null;
    #frame = null;
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
    }

    /**
     * [types] replaces everything, never merges. [obs] Nothing is checked here: the first options travel in the frame's
     * address, those that come later are a message, and what the frame refuses of them is a promise nobody holds.
     */
    setOptions(options) {
      if (FAULT.name === "throws_on_options") throw new TypeError("setOptions failed: the options could not be read");
      const functions = new Map();
      const plain = withoutFunctions(options, "", functions);
      if (!this.#frame) {
        this.#functions = functions;
        this.#plain = plain;
        if (this.isConnected) this.#mount();
        return;
      }
      void this.#renew(plain, functions);
    }

    async #renew(plain, functions) {
      await this.#ready;
      const before = this.#functions;
      this.#functions = functions;
      try {
        await this.#command("setOptions", [plain]);
        this.#plain = plain;
      } catch (error) {
        this.#functions = before;
        throw new IntegrationError(error.message);
      }
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
      // [obs] the options travel in the frame's address, and are checked there
      address.hash = encodeURIComponent(JSON.stringify({ options: this.#plain, fault: FAULT }));
      frame.src = address.href;
      frame.addEventListener("load", () => this.#arrived(frame));
      frame.title = this.#plain.frameTitle ?? "Chat";
      frame.allow = "clipboard-read; clipboard-write; microphone"; // [obs]
      this.#frame = frame;
      this.shadowRoot.append(frame);
      this.#verifyDomain();
    }

    /** [obs] `ready` is the frame's load and nothing more: an error page is loaded too. */
    async #arrived(frame) {
      if (FAULT.name === "never_ready") return;
      if (FAULT.name === "late_ready") await new Promise((resolve) => setTimeout(resolve, FAULT.ms ?? 12_000));
      if (frame !== this.#frame) return;
      this.#becomeReady();
      this.#emit("ready");
    }

    /**
     * [obs] verification is skipped on localhost, on 127.* and on any address with a port of its own; elsewhere an
     * unlisted name loses its frame after 1–2 s, and IntegrationError is only in the console.
     */
    #verifyDomain() {
      const isLocal = location.hostname === "localhost" || location.hostname.startsWith("127.");
      const refused = FAULT.name === "domain_gate" || !(isLocal || location.port);
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
        case "event":
          if (message.name === "error") this.#error(new FatalAppError(message.detail.message));
          else this.#emit(message.name, message.detail);
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
        const answer = await this.#functions.get("api.fetch")(url, { ...init, body: bodyOf(init.body), signal: abort.signal });
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
