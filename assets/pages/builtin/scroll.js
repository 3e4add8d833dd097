// @ts-check
/** Keeps the end of the chat in sight while it grows, until the person scrolls away. Knows nothing of what the chat holds. */

import { button, el, show } from "../common/parts.js";

/** Nearer to the end than this, in pixels, the chat follows what is added. */
const NEAR_END = 80;

/** Nearer to the beginning than this, in pixels, older items are loaded. */
const NEAR_START = 400;

export class Follower {
  /** The part that scrolls, and what grows in it. */
  #scroller = el("scroll");
  #place = el("thread");
  #wanted;
  #isFollowing = true;
  #isMovePlanned = false;
  #lastTop = 0;

  /**
   * @param {object} about
   * @param {() => boolean} about.wanted whether the chat is to follow at all
   * @param {(scroller: HTMLElement) => void} about.early the beginning of what is loaded is near
   * @param {() => void} about.newest the person went to the end by the button
   */
  constructor({ wanted, early, newest }) {
    this.#wanted = wanted;
    this.#scroller.addEventListener("scroll", () => this.#moved(early), { passive: true });
    // What is rendered later than it was added makes the chat taller without an event of its own; a taller composer
    // leaves less room for it.
    const sizes = new ResizeObserver(() => this.follow());
    sizes.observe(this.#place);
    sizes.observe(this.#scroller);
    button("newest").addEventListener("click", () => {
      this.begin();
      this.toEnd();
      newest();
    });
  }

  /** From now on the end is followed again. */
  begin() {
    this.#isFollowing = true;
  }

  /** One look at the layout for all that arrives together; a timer, because a hidden window gets no frames. */
  follow() {
    if (this.#isMovePlanned || !this.#isFollowing || !this.#wanted()) return;
    this.#isMovePlanned = true;
    setTimeout(() => {
      this.#isMovePlanned = false;
      // The person may have moved just now; the event that says so is on its way.
      const isLeft = this.#scroller.scrollTop < this.#lastTop && this.#left() >= NEAR_END;
      if (this.#isFollowing && !isLeft) this.toEnd();
    });
  }

  toEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#lastTop = this.#scroller.scrollTop;
  }

  /** What lies below what is seen, in pixels. */
  #left() {
    return this.#scroller.scrollHeight - this.#scroller.scrollTop - this.#scroller.clientHeight;
  }

  /** @param {(scroller: HTMLElement) => void} early */
  #moved(early) {
    const { scrollTop, clientHeight } = this.#scroller;
    const left = this.#left();
    // The chat may have grown since it was moved to its end: only a move upwards is the person's.
    this.#isFollowing = left < NEAR_END || (this.#isFollowing && scrollTop >= this.#lastTop);
    this.#lastTop = scrollTop;
    show("newest", left > clientHeight / 2);
    if (scrollTop < NEAR_START) early(this.#scroller);
  }
}
