// @ts-check
/**
 * Loads OpenAI's component and watches whether it lives: a script that fails or is late, a chat that is blanked.
 * Says what it sees as a `Trouble`; knows neither the bridge nor a view.
 */

/** What is wrong with the component: a code of the app's error tree and a technical detail. */
export class Trouble extends Error {
  /**
   * @param {"component_unreachable" | "component_late" | "component_failed" | "component_blank"} code
   * @param {string} detail
   */
  constructor(code, detail) {
    super(detail);
    this.name = "Trouble";
    this.code = code;
    this.detail = detail;
  }
}

/** How long a script that has loaded may take to define its element, in milliseconds. */
const DEFINE_LIMIT = 3_000;

const TAG = "openai-chatkit";

/**
 * Loads the script with a plain tag: the component builds its iframe's address from `document.currentScript.src`,
 * so neither a module nor an inlined script will do.
 * @param {string} url
 * @param {number} limit in milliseconds
 * @returns {Promise<void>} when the element is defined; rejects with `Trouble`
 */
export function loadComponent(url, limit) {
  return new Promise((resolve, reject) => {
    if (customElements.get(TAG)) return resolve();
    const script = document.createElement("script");
    let problem = "";
    // The messages of a script of another origin are muted by the engine ("Script error."), that there was one is not.
    const note = (/** @type {ErrorEvent} */ event) => {
      problem ||= event.message || "script error";
    };
    const end = (/** @type {Trouble | null} */ trouble) => {
      clearTimeout(timer);
      window.removeEventListener("error", note);
      script.onload = script.onerror = null;
      if (trouble) {
        script.remove();
        reject(trouble);
      } else resolve();
    };
    const timer = setTimeout(() => end(new Trouble("component_late", `${url}: no answer in ${limit} ms`)), limit);
    window.addEventListener("error", note);
    script.onerror = () => end(new Trouble("component_unreachable", `${url}: could not be loaded`));
    script.onload = async () => {
      if (!customElements.get(TAG) && !problem) {
        await Promise.race([customElements.whenDefined(TAG), pause(DEFINE_LIMIT)]);
      }
      if (customElements.get(TAG)) end(null);
      // Cut short on the way, or broken where it comes from: engines tell the two apart differently, a person can't.
      else end(new Trouble("component_unreachable", `${url}: ${problem || "no element was defined"}`));
    };
    script.src = url;
    document.head.append(script);
  });
}

/** @param {number} ms */
export function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * The promise, or `null` when it takes longer: the component's methods wait for a `ready` that may never come.
 * @template T
 * @param {Promise<T>} promise
 * @param {number} ms
 * @returns {Promise<T | null>}
 */
export function within(promise, ms) {
  return Promise.race([promise, pause(ms).then(() => null)]);
}

/** A failed check of the page's domain: it takes the frame away, and says so only in the console. */
const GATE = /domain|verif|allow-?list/i;

/**
 * Watches a chat that works for being blanked: the domain check takes 1–2 s. An iframe of another origin can't be looked
 * into: what is seen is an IntegrationError in the console, and an element or iframe that has gone or has no size.
 * An IntegrationError of another kind (options that are refused later, a rejected promise) blanks nothing.
 */
export class BlankWatch {
  #element;
  #about;
  #since = 0;
  #timer = 0;
  #ended = false;

  /**
   * @param {HTMLElement} element
   * @param {object} about
   * @param {number} about.limit how long a chat that works is watched, in milliseconds
   * @param {(trouble: Trouble) => void} about.blank called at most once
   * @param {(detail: string) => void} about.failed an IntegrationError that says nothing of a domain, whenever it comes
   */
  constructor(element, about) {
    this.#element = element;
    this.#about = about;
    listeners.add(this);
    listenToErrors();
  }

  /** The chat works: from now on it must stay. */
  begin() {
    if (this.#since || this.#ended) return;
    this.#since = performance.now();
    this.#timer = window.setInterval(() => this.#look(), 250);
  }

  /** Its element is no longer the one that counts. */
  end() {
    this.#stop();
    listeners.delete(this);
  }

  #stop() {
    this.#ended = true;
    clearInterval(this.#timer);
  }

  /** @param {unknown} what */
  hear(what) {
    const named = what instanceof Error ? `${what.name}: ${what.message}` : typeof what === "string" ? what : "";
    if (!/\bIntegrationError\b/.test(named)) return;
    if (!GATE.test(named)) this.#about.failed(named);
    else if (!this.#ended) this.#blank(named);
  }

  #look() {
    if (performance.now() - this.#since > this.#about.limit) return this.#stop();
    const element = this.#element;
    if (!element.isConnected) return this.#blank("the element was taken out of the page");
    if (!hasSize(element)) return this.#blank("the element has no size");
    const root = element.shadowRoot; // null where it is closed
    if (!root) return;
    const frame = root.querySelector("iframe") ?? element.querySelector("iframe");
    if (!frame) return this.#blank("the iframe has gone");
    if (!hasSize(frame)) return this.#blank("the iframe has no size");
  }

  /** @param {string} detail */
  #blank(detail) {
    if (this.#ended) return;
    this.#stop();
    this.#about.blank(new Trouble("component_blank", detail));
  }
}

/** @type {Set<BlankWatch>} */
const listeners = new Set();
let isListening = false;

/** The error's own way out is the console: so the console is listened to, and still says everything it said. */
function listenToErrors() {
  if (isListening) return;
  isListening = true;
  const tell = (/** @type {unknown} */ what) => [...listeners].forEach((one) => one.hear(what));
  const original = console.error;
  console.error = (/** @type {unknown[]} */ ...args) => {
    original.apply(console, args);
    for (const arg of args) tell(arg);
  };
  window.addEventListener("error", (event) => tell(event.error));
  window.addEventListener("unhandledrejection", (event) => tell(event.reason));
}

/** @param {Element} element */
function hasSize(element) {
  const box = element.getBoundingClientRect();
  return box.width >= 40 && box.height >= 40;
}
