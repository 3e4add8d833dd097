// @ts-check
/** Shows one chat: its messages arrive as safe HTML from the app, page by page while scrolling. Changes nothing. */

import { call } from "../common/bridge.js";
import { button, described, el, make, show, SHOW_AFTER, told } from "../common/parts.js";
import { t } from "../common/texts.js";

/**
 * @typedef {import("./list.js").Chat} Chat
 * @typedef {{id: string, role: string, who: string, at: string | null, html: string, cut: boolean}} Entry
 */

/** Pages that are loaded to reach the message that a search found. */
const FAR = 30;

export class Reader {
  #entries = el("entries");
  #about;
  #time = new Intl.DateTimeFormat();
  /** @type {Chat | null} */
  #chat = null;
  /** @type {string | null} */
  #after = null;
  #isLoading = false;
  #asked = 0;

  /** @param {(chat: Chat) => string} about the line under a title */
  constructor(about) {
    this.#about = about;
    this.#entries.addEventListener("scroll", () => void this.#more(), { passive: true });
    this.#entries.addEventListener("click", (event) => {
      const link = event.target instanceof Element ? event.target.closest("a") : null;
      link?.setAttribute("target", "_blank"); // the window itself never leaves this page
    });
  }

  /** @param {string} language */
  speak(language) {
    this.#time = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  }

  get chat() {
    return this.#chat;
  }

  /** @param {Chat} chat @param {string | null} [item] the message to begin at */
  async read(chat, item = null) {
    this.#asked += 1;
    this.#after = null;
    this.#isLoading = false;
    this.#entries.replaceChildren();
    this.#entries.scrollTop = 0;
    this.head(chat);
    show("reader-none", false);
    show("reader-chat", true);
    const asked = this.#asked;
    await this.#load();
    for (let page = 1; item && page < FAR && asked === this.#asked && !this.#found(item) && this.#after !== null; page += 1) {
      await this.#load();
    }
    const found = item && asked === this.#asked ? this.#found(item) : null;
    if (item && !found && asked === this.#asked && this.#after === null) {
      this.#entries.prepend(make("p", { class: "soft", role: "status" }, [t("chats.other_version")]));
    }
    if (!found) return;
    found.classList.add("found");
    found.scrollIntoView({ block: "start" });
  }

  close() {
    this.#asked += 1;
    this.#chat = null;
    this.#entries.replaceChildren();
    show("reader-none", true);
    show("reader-chat", false);
  }

  /** @param {Chat} chat */
  head(chat) {
    this.#chat = chat;
    el("reader-title").textContent = chat.title || t("chats.untitled");
    el("reader-meta").textContent = this.#about(chat);
    el("reader-where").textContent = where(chat);
    button("open").hidden = !chat.opens;
    button("rename").hidden = chat.read_only;
  }

  /** @param {string} item */
  #found(item) {
    return [...this.#entries.children].find((one) => one instanceof HTMLElement && one.dataset.id === item) ?? null;
  }

  async #more() {
    const { scrollHeight, scrollTop, clientHeight } = this.#entries;
    if (this.#after !== null && scrollHeight - scrollTop - clientHeight < 800) await this.#load();
  }

  async #load() {
    const chat = this.#chat;
    if (!chat || this.#isLoading) return;
    this.#isLoading = true;
    const asked = this.#asked;
    const skeleton = make("div", { class: "skeleton", "aria-hidden": "true" });
    const timer = window.setTimeout(() => this.#entries.append(skeleton), SHOW_AFTER);
    const first = this.#entries.childElementCount === 0;
    try {
      const page = await call("chats.items", { id: chat.id, after: this.#after ?? "" });
      if (asked !== this.#asked) return;
      skeleton.remove();
      this.head(page.chat);
      this.#entries.append(...page.data.map((/** @type {Entry} */ entry) => this.#entry(entry)));
      this.#after = page.after;
      if (first && page.after === null && page.data.length === 0) this.#entries.append(make("p", { class: "soft" }, [t("chats.no_messages")]));
    } catch (error) {
      if (asked !== this.#asked) return;
      skeleton.remove();
      this.#fail(described(error));
    } finally {
      clearTimeout(timer);
      if (asked === this.#asked) this.#isLoading = false;
    }
    if (asked === this.#asked && this.#after !== null && !this.#entries.querySelector(".banner")) await this.#more();
  }

  /** @param {Entry} entry */
  #entry({ id, role, who, at, html, cut }) {
    const head = make("h3", { class: "small" }, [who]);
    if (at) head.append(" ", make("time", { class: "faint", datetime: at }, [this.#time.format(new Date(at))]));
    const body = make("div", { class: "body", dir: "auto" });
    body.innerHTML = html; // rendered, sanitised and escaped by the app; the page's policy runs no script in it
    for (const wide of body.querySelectorAll("pre, .table")) {
      wide.setAttribute("tabindex", "0"); // it scrolls, so the keyboard has to reach it
      wide.setAttribute("role", "group");
      wide.setAttribute("aria-label", who);
    }
    const made = make("article", { class: role, "data-id": id }, [head, body]);
    if (cut) made.append(make("p", { class: "small faint" }, [t("chats.cut")]));
    return made;
  }

  /** @param {import("../common/parts.js").Described} error */
  #fail(error) {
    const again = make("button", { type: "button" }, [t("common.try_again")]);
    const banner = make("div", { class: "banner danger", role: "alert" }, [make("p", { class: "words" }, told(error)), again]);
    again.addEventListener("click", () => {
      banner.remove();
      void this.#load();
    });
    this.#entries.append(banner);
  }
}

/** Where the chat is, in a sentence. @param {Chat} chat */
function where(chat) {
  if (chat.where === "in_app") return t("chats.where_in_app");
  if (chat.where === "hosted") return t("chats.where_hosted");
  if (chat.where === "server") return t("chats.where_server", { host: chat.server });
  return chat.gone ? t("chats.where_gone") : t("chats.where_archived");
}
