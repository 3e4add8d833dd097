// @ts-check
/** Runs one check at a time, identified by a number: shows it, lets the person cancel it, asks its questions. */

import { call } from "./bridge.js";
import { CHECK_LIMIT, described } from "./parts.js";
import { answered } from "./http_question.js";

/** @typedef {import("./bridge.js").Described} Described */

/** @template {{error: Described | null, cancelled: boolean}} T what the app answers */
export class Check {
  #method;
  #stop;
  #show;
  #limit;
  #last = 0;
  /** The number of the one that goes on; 0: none does. */
  #number = 0;

  /**
   * @param {string} method that checks, e.g. "key.replace"
   * @param {string} stop the method that ends it
   * @param {(isBusy: boolean) => void} show
   * @param {number} [limit] longest wait in milliseconds, 0 for none
   */
  constructor(method, stop, show, limit = CHECK_LIMIT) {
    this.#method = method;
    this.#stop = stop;
    this.#show = show;
    this.#limit = limit;
  }

  get isOn() {
    return this.#number !== 0;
  }

  /**
   * @param {Record<string, unknown>} params
   * @returns {Promise<{outcome: T | null, error: Described | null} | null>} null: it was ended, and nothing more is to be said
   */
  async run(params) {
    let given = params;
    for (;;) {
      const ended = await this.#once(given);
      const more = ended?.error ? await answered(ended.error, given) : null;
      if (!more) return ended;
      given = more;
    }
  }

  /** @param {Record<string, unknown>} params @returns {Promise<{outcome: T | null, error: Described | null} | null>} */
  async #once(params) {
    if (this.isOn) return null;
    const mine = (this.#number = ++this.#last);
    this.#show(true);
    /** @type {T | null} */
    let outcome = null;
    /** @type {Described | null} */
    let error = null;
    try {
      outcome = /** @type {T} */ (await call(this.#method, { number: mine, ...params }, { limit: this.#limit }));
      error = outcome.cancelled ? null : outcome.error;
    } catch (thrown) {
      error = described(thrown);
    }
    return this.#ended(mine) ? { outcome, error } : null;
  }

  /** @returns {Promise<boolean>} false: none went on, or it is being saved and its answer is on the way */
  async stop() {
    const number = this.#number;
    if (number === 0) return false;
    const { stopped } = await call(this.#stop, { number });
    return stopped && this.#ended(number);
  }

  /** Its answer is not waited for. */
  leave() {
    if (this.isOn) void call(this.#stop, { number: this.#number }).catch(() => undefined);
    this.#number = 0;
  }

  /** @param {number} number @returns {boolean} whether it was the one that went on */
  #ended(number) {
    if (this.#number !== number) return false;
    this.#number = 0;
    this.#show(false);
    return true;
  }
}
