// @ts-check
/** Which MCP servers an agent may use: a field of the agent's, with one box for each server. */

import { button, el, make } from "../common/parts.js";
import { fieldError, fields, hasError, idOf } from "../common/fields.js";
import { save } from "../common/saving.js";
import { t } from "../common/texts.js";

/** @typedef {import("./mcp.js").Server} Server */

const NAME = "agent.mcp_servers";

/** @type {Server[]} */
let servers = [];

/** @param {string} into @param {() => void} add opens the form of a new server */
export function buildUse(into, add) {
  const id = idOf(NAME);
  const boxes = make("div", { class: "toggles fields", role: "group", "aria-labelledby": `${id}-label` });
  const none = make("div", { class: "actions" }, [make("button", { type: "button", id: `${id}-add` }, [t("agents.mcp.add_first")])]);
  const error = make("p", { class: "error", id: `${id}-error`, role: "alert" });
  error.hidden = true;
  const root = make("div", { class: "field" }, [
    make("h3", { class: "group", id: `${id}-label` }, [t("agents.mcp.title")]),
    make("p", { class: "help", id: `${id}-help` }, [t("agents.mcp.use_help")]),
    error,
    boxes,
    none,
  ]);
  el(into).append(root);
  button(`${id}-add`).addEventListener("click", add);
  /** @type {import("../common/fields.js").Field} */
  const field = {
    name: NAME,
    root,
    controls: [],
    set: (value) => {
      const ids = /** @type {string[]} */ (value ?? []);
      const gone = ids.filter((one) => !servers.some((server) => server.id === one));
      const all = [...servers, ...gone.map((one) => ({ id: one, name: t("agents.endpoint_gone", { id: one }), below: "" }))];
      const focused = document.activeElement instanceof HTMLInputElement ? document.activeElement.value : "";
      const within = boxes.contains(document.activeElement);
      field.controls = all.map((one) => {
        const box = make("input", { type: "checkbox", value: one.id });
        box.checked = ids.includes(one.id);
        return box;
      });
      boxes.replaceChildren(
        ...all.map((one, n) =>
          make("label", { class: "choice" }, [field.controls[n], make("span", {}, [one.name]), make("span", { class: "soft small" }, [one.below])]),
        ),
      );
      if (within) field.controls.find((one) => one.value === focused)?.focus();
      none.hidden = all.length > 0;
    },
    get: () => field.controls.filter((one) => one instanceof HTMLInputElement && one.checked).map((one) => one.value),
    dirty: false,
    help: t("agents.mcp.use_help"),
  };
  fields.set(NAME, field);
  boxes.addEventListener("change", () => {
    fieldError(field, "");
    void save(NAME, field.get());
  });
}

/** The servers have changed. @param {Server[]} now */
export function fillUse(now) {
  servers = now;
  const field = fields.get(NAME);
  if (!field || hasError(field)) return;
  const off = field.controls.some((one) => one.disabled);
  field.set(field.get());
  for (const one of field.controls) one.disabled = off;
}
