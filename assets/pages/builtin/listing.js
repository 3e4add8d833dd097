// @ts-check
/**
 * Where the list's chats are asked for and changed: on this computer by methods of the app. A ChatKit server's own page asks
 * it in ChatKit's protocol, so that the person is asked for a token where one is wanted.
 */

import { ask } from "./protocol.js";
import { call } from "../common/bridge.js";

/**
 * @typedef {{id: string, agent: string, title: string | null, active_at: string, pinned: boolean}} Listed
 * @typedef {{chats: Listed[], after: string | null}} Page
 * @typedef {{id: string, agent: string}} Which
 */

const PAGE = 60;

export class Listing {
  /** The agent of this page, where it is a ChatKit server; else empty. */
  server = "";

  /**
   * @param {string} agent whose chats; empty for those of all agents on this computer
   * @param {string | null} after
   * @param {string} through a chat that has to be among them; empty for none
   * @returns {Promise<Page>}
   */
  async page(agent, after, through) {
    if (!agent || agent !== this.server) return call("history.list", { agent, ...(through ? { through } : { after }) });
    const page = await ask("threads.list", { limit: PAGE, order: "desc", ...(after ? { after } : {}) });
    const chats = page.data.map((/** @type {import("./protocol.js").Thread} */ { id, title, created_at: at }) => {
      return { id, agent, title: title ?? null, active_at: at, pinned: false };
    });
    return { chats, after: page.has_more ? page.after : null };
  }

  /** @param {Which} chat @param {string} title @returns {Promise<string>} as it was kept */
  async rename({ id, agent }, title) {
    if (agent !== this.server) return (await call("history.rename", { agent, id, title })).title;
    await ask("threads.update", { thread_id: id, title });
    return title;
  }

  /** @param {Which} chat */
  async remove({ id, agent }) {
    if (agent === this.server) await ask("threads.delete", { thread_id: id });
    else await call("history.delete", { agent, id });
  }
}
