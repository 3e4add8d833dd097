// @ts-check
/** Where the list of chats stands and how wide it is: beside the chat where there is room, else over it. Knows nothing of its rows. */

import { button, el, show } from "../common/parts.js";

/** From this width on there is room for both. */
const WIDE = matchMedia("(min-width: 860px)");

/** The list's width, in pixels: bounds, what it is by itself, and a key's step. */
const WIDTH = { least: 200, most: 640, own: 280, step: 16 };

/** What is left for the chat, in pixels. */
const CHAT = 420;

export class Side {
  #list = el("history");
  #edge = el("edge");
  #width = WIDTH.own;
  #about;
  /** Whether the list is shown where there is room for it; the person's choice while the page is shown. */
  #isWanted = true;

  /**
   * @param {object} about
   * @param {() => boolean} about.exists whether there is a list at all
   * @param {() => void} about.entered the focus goes into it
   * @param {() => void} about.left the focus goes back to the chat
   * @param {(width: number) => void} about.sized the list was made this wide
   */
  constructor(about) {
    this.#about = about;
    button("history-open").addEventListener("click", () => {
      if (WIDE.matches) this.#isWanted = true;
      this.show(true, { focus: true });
    });
    button("history-close").addEventListener("click", () => {
      if (WIDE.matches) this.#isWanted = false;
      this.show(false);
      button("history-open").focus();
    });
    el("scrim").addEventListener("click", () => this.leave());
    WIDE.addEventListener("change", () => this.show(WIDE.matches && this.#isWanted));
    this.#listenToEdge();
  }

  /** @param {number | null} width in pixels, null for its own */
  resize(width) {
    const most = Math.max(WIDTH.least, Math.min(WIDTH.most, innerWidth - CHAT));
    this.#width = Math.round(Math.min(Math.max(width ?? WIDTH.own, WIDTH.least), most));
    document.documentElement.style.setProperty("--side", `${this.#width}px`);
    for (const [name, value] of Object.entries({ valuemin: WIDTH.least, valuemax: most, valuenow: this.#width })) {
      this.#edge.setAttribute(`aria-${name}`, `${value}`);
    }
  }

  #listenToEdge() {
    const isLeft = () => getComputedStyle(this.#edge).direction !== "rtl";
    /** @param {PointerEvent} event */
    const moved = (event) => this.resize(isLeft() ? event.clientX : innerWidth - event.clientX);
    this.#edge.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      this.#edge.setPointerCapture(event.pointerId);
      this.#edge.addEventListener("pointermove", moved);
      this.#edge.addEventListener(
        "lostpointercapture",
        () => {
          this.#edge.removeEventListener("pointermove", moved);
          this.#about.sized(this.#width);
        },
        { once: true },
      );
    });
    this.#edge.addEventListener("dblclick", () => {
      this.resize(null);
      this.#about.sized(this.#width);
    });
    this.#edge.addEventListener("keydown", ({ key }) => {
      const way = key === "ArrowRight" ? 1 : key === "ArrowLeft" ? -1 : 0;
      if (!way) return;
      this.resize(this.#width + (isLeft() ? way : -way) * WIDTH.step);
      this.#about.sized(this.#width);
    });
  }

  /** Whether it stands over the chat. */
  get covers() {
    return !WIDE.matches && !this.#list.hidden;
  }

  /** @param {boolean} shown @param {{focus?: boolean}} [options] */
  show(shown, { focus = false } = {}) {
    const exists = this.#about.exists();
    const really = shown && exists;
    this.#list.hidden = !really;
    this.#edge.hidden = !really || !WIDE.matches;
    show("scrim", really && !WIDE.matches);
    el("main").inert = really && !WIDE.matches;
    show("history-open", !really && exists);
    if (really && focus) this.#about.entered();
  }

  /** As it was, where what it lists may have changed. */
  refresh() {
    this.show(this.#list.hidden ? WIDE.matches && this.#isWanted : true);
  }

  /** Out of the chat's way where it covers it. */
  makeRoom() {
    if (!WIDE.matches) this.show(false);
  }

  leave() {
    this.show(false);
    this.#about.left();
  }
}
