// @ts-check
/** Where the list of chats stands: beside the chat where there is room, else over it. Knows nothing of its rows. */

import { button, el, show } from "../common/parts.js";

/** From this width on there is room for both. */
const WIDE = matchMedia("(min-width: 860px)");

export class Side {
  #list = el("history");
  #about;
  /** Whether the list is shown where there is room for it; the person's choice while the page is shown. */
  #isWanted = true;

  /**
   * @param {object} about
   * @param {() => boolean} about.exists whether there is a list at all
   * @param {() => void} about.entered the focus goes into it
   * @param {() => void} about.left the focus goes back to the chat
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
