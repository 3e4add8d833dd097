// @ts-check
/**
 * Options that a version of ChatKit may refuse, and the next attempt without them. It checks options strictly and ends on
 * the first unknown one; which it was, its error may say. Pure: knows no element.
 */

/**
 * Not in every version, newest first: `disableTelemetry` is in no published types (seen in June 2026), the others came
 * into `@openai/chatkit` after its first releases.
 */
const NEWER = ["disableTelemetry", "thread", "frameTitle", "composer.dictation", "threadItemActions"];

/** Without these there is no chat. */
const NEEDED = new Set(["api"]);

/** Attempts beside the first. */
const MOST = 2;

/** @typedef {Record<string, any>} Options */

export class Lean {
  #without = new Set();
  #attempts = 0;

  /** What is left out, as dotted names. @returns {string[]} */
  get names() {
    return [...this.#without];
  }

  /**
   * Prepares the last attempt, where ChatKit said nothing: without all that not every version knows.
   * @param {Options} given
   * @returns {boolean} false: it was made already
   */
  last(given) {
    if (this.#attempts >= MOST) return false;
    this.#attempts = MOST;
    const there = NEWER.filter((name) => has(given, name));
    for (const name of there) this.#without.add(name);
    return there.length > 0;
  }

  /**
   * Prepares another attempt.
   * @param {string} problem what ChatKit said
   * @param {Options} given the options it had
   * @returns {boolean} false: there is nothing more to be left out
   */
  next(problem, given) {
    if (this.#attempts >= MOST) return false;
    this.#attempts += 1;
    const there = NEWER.filter((name) => has(given, name));
    const named = namesIn(given).filter((name) => isNamed(problem, name));
    const first = there.includes("disableTelemetry") ? ["disableTelemetry"] : there;
    const out = named.length > 0 ? named : this.#attempts === MOST ? there : first;
    for (const name of out) this.#without.add(name);
    return out.length > 0;
  }

  /**
   * @template {Options} T
   * @param {T} options
   * @returns {T} the same without what is left out
   */
  of(options) {
    const lean = /** @type {Options} */ ({ ...options });
    for (const name of this.#without) {
      const [top, below] = name.split(".");
      if (!below) delete lean[top];
      else if (has(lean, name)) {
        lean[top] = { ...lean[top] };
        delete lean[top][below];
      }
    }
    return /** @type {T} */ (lean);
  }
}

/** @param {Options} options @param {string} name */
function has(options, name) {
  const [top, below] = name.split(".");
  return below ? Object.hasOwn(options[top] ?? {}, below) : Object.hasOwn(options, name);
}

/** The options there are, down to the second level; the deeper name first. @param {Options} options @returns {string[]} */
function namesIn(options) {
  const tops = Object.keys(options).filter((name) => !NEEDED.has(name));
  const isGroup = (/** @type {any} */ value) => value && typeof value === "object" && !Array.isArray(value);
  const below = tops.flatMap((top) => (isGroup(options[top]) ? Object.keys(options[top]).map((name) => `${top}.${name}`) : []));
  return [...below, ...tops];
}

/**
 * Whether an error names this option: in quotes, as a path, or before a colon. Words in a sentence are not names.
 * @param {string} problem
 * @param {string} name
 */
function isNamed(problem, name) {
  if (name.includes(".")) {
    const [top, below] = name.split(".");
    return problem.includes(name) || new RegExp(`["'\`]${top}["'\`]\\s*,\\s*["'\`]${below}["'\`]`).test(problem);
  }
  return new RegExp(`["'\`]${name}["'\`](?!\\s*,)|(^|\\s)${name}:`).test(problem);
}
