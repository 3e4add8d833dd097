// @ts-check
/**
 * Widgets of an agent in a plain, readable form: words, lists, fields, buttons. What is only decoration is left out, and
 * a component that is not known shows what it holds. Nothing an agent sends becomes markup.
 */

import { isPicture, outside } from "./addresses.js";
import { renderAll } from "./markdown.js";
import { make } from "../common/parts.js";
import { t } from "../common/texts.js";

/**
 * @typedef {import("./protocol.js").Component} Component
 * @typedef {import("./protocol.js").Action} Action
 * @typedef {(action: Action & {handler?: string, streaming?: boolean}) => void} Act
 */

/** Widgets nest; deeper than this nobody reads. */
const DEEPEST = 20;

/** Rows of a list that are shown at first. */
const ROWS = 12;

/** Fields and the ids of their labels. */
let fields = 0;

/**
 * @param {Component} root
 * @param {Act} act
 * @returns {HTMLElement}
 */
export function widget(root, act) {
  const card = make("div", { class: "widget" });
  const status = root.status?.text;
  if (typeof status === "string") card.append(make("p", { class: "small faint" }, [status]));
  card.append(...build(root, act, 0));
  const actions = ["confirm", "cancel"].flatMap((name) => {
    const choice = root[name];
    if (!choice?.action) return [];
    const button = make("button", { type: "button", class: name === "confirm" ? "primary" : "" }, [text(choice.label)]);
    button.addEventListener("click", () => act(withValues(choice.action, card)));
    return [button];
  });
  if (actions.length) card.append(make("div", { class: "actions" }, actions));
  return card;
}

/**
 * @param {Component} component
 * @param {Act} act
 * @param {number} depth
 * @returns {HTMLElement[]}
 */
function build(component, act, depth) {
  if (depth > DEEPEST) return [];
  const inside = () => below(component).flatMap((child) => build(child, act, depth + 1));
  switch (component.type) {
    case "Text":
    case "Label":
      return [make("p", { class: component.weight === "bold" || component.weight === "semibold" ? "strong" : "" }, [text(component.value)])];
    case "Title":
      return [make("h3", {}, [text(component.value)])];
    case "Caption":
      return [make("p", { class: "small soft" }, [text(component.value)])];
    case "Badge":
      return [make("span", { class: "badge" }, [text(component.label)])];
    case "Markdown": {
      const place = make("div", { class: "markdown" });
      void renderAll([{ place, text: text(component.value) }]);
      return [place];
    }
    case "Divider":
      return [make("hr")];
    case "Row":
      return [make("div", { class: "row" }, inside())];
    case "Form": {
      const form = make("form", { class: "stack" }, inside());
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        if (component.onSubmitAction) act(withValues(component.onSubmitAction, form));
      });
      return [form];
    }
    case "ListView":
      return [list(component, act, depth)];
    case "Button":
      return [button(component, act)];
    case "Image":
      return [picture(component)];
    case "Select":
    case "RadioGroup":
      return [choice(component)];
    case "Input":
    case "Textarea":
    case "DatePicker":
      return [field(component)];
    case "Checkbox":
      return [checkbox(component)];
    case "Chart":
      return [table(component)];
    case "Icon":
    case "Spacer":
      return [];
    default: {
      const children = inside();
      if (children.length) return [make("div", { class: "stack" }, children)];
      const words = text(component.value ?? component.label ?? "");
      return words ? [make("p", {}, [words])] : [];
    }
  }
}

/** @param {Component} component @returns {Component[]} */
function below({ children }) {
  if (!children) return [];
  return (Array.isArray(children) ? children : [children]).filter((child) => child && typeof child === "object");
}

/** @param {Component} component @param {Act} act @param {number} depth */
function list(component, act, depth) {
  const rows = below(component).map((child) => {
    const inside = below(child).flatMap((inner) => build(inner, act, depth + 2));
    const action = child.onClickAction;
    if (!action) return make("li", {}, inside);
    const press = make("button", { type: "button", class: "quiet" }, inside);
    press.addEventListener("click", () => act(action));
    return make("li", {}, [press]);
  });
  const limit = typeof component.limit === "number" ? component.limit : ROWS;
  const all = make("ul", { class: "rows" }, rows.slice(0, limit));
  const box = make("div", { class: "stack" }, [all]);
  if (rows.length > limit) {
    const more = make("button", { type: "button", class: "link small" }, [t("builtin.show_all", { count: rows.length })]);
    more.addEventListener("click", () => {
      all.append(...rows.slice(limit));
      more.remove();
      rows[limit].querySelector("button")?.focus();
    });
    box.append(more);
  }
  return box;
}

/** @param {Component} component @param {Act} act */
function button(component, act) {
  const words = text(component.label) || t("builtin.widget_button");
  const primary = component.style === "primary" ? "primary" : "";
  const made = make("button", { type: component.submit ? "submit" : "button", class: primary }, [words]);
  made.disabled = component.disabled === true;
  made.addEventListener("click", () => {
    if (component.onClickAction) act(component.onClickAction);
  });
  return made;
}

/** A picture that is in the widget itself is shown; one from elsewhere is a link, and loads nothing by itself. @param {Component} component */
function picture(component) {
  const source = text(component.src);
  const words = text(component.alt);
  if (isPicture(source)) return make("img", { src: source, alt: words });
  return outside(source, words);
}

/** @param {Component} component @param {HTMLElement} control */
function labelled(component, control) {
  fields += 1;
  control.id = `widget-${fields}`;
  const words = text(component.label ?? component.placeholder ?? component.name);
  return make("div", { class: "field" }, [make("label", { for: control.id }, [words]), control]);
}

/** @param {Component} component */
function choice(component) {
  const options = /** @type {{value: string, label: string, disabled?: boolean}[]} */ (component.options ?? []);
  const select = make("select", { name: text(component.name) });
  if (component.placeholder || component.clearable) select.append(make("option", { value: "" }, [text(component.placeholder)]));
  for (const option of options) {
    const made = make("option", { value: text(option.value) }, [text(option.label)]);
    made.disabled = option.disabled === true;
    select.append(made);
  }
  if (component.defaultValue !== undefined) select.value = text(component.defaultValue);
  select.disabled = component.disabled === true;
  return labelled(component, select);
}

/** @param {Component} component */
function field(component) {
  const control = component.type === "Textarea" ? make("textarea") : make("input");
  control.name = text(component.name);
  control.placeholder = text(component.placeholder);
  control.required = component.required === true;
  control.disabled = component.disabled === true;
  if (control instanceof HTMLInputElement) {
    const kinds = ["date", "email", "number", "password", "tel", "text", "url"];
    const kind = component.type === "DatePicker" ? "date" : text(component.inputType);
    control.type = kinds.includes(kind) ? kind : "text";
  }
  control.value = text(component.defaultValue);
  return labelled(component, control);
}

/** @param {Component} component */
function checkbox(component) {
  const control = make("input", { type: "checkbox", name: text(component.name) });
  control.checked = component.defaultChecked === true;
  control.disabled = component.disabled === true;
  return make("label", { class: "choice" }, [control, text(component.label ?? component.name)]);
}

/** A chart's numbers. @param {Component} component */
function table(component) {
  const rows = /** @type {Record<string, string | number>[]} */ (component.data ?? []);
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const titles = new Map(
    /** @type {{dataKey?: string, label?: string}[]} */ (component.series ?? []).map((one) => [one.dataKey, one.label]),
  );
  const head = names.map((name) => make("th", { scope: "col" }, [titles.get(name) ?? name]));
  const body = rows.slice(0, 200).map((row) => make("tr", {}, names.map((name) => make("td", {}, [text(row[name])]))));
  const made = make("table", {}, [make("thead", {}, [make("tr", {}, head)]), make("tbody", {}, body)]);
  return make("div", { class: "table", tabindex: "0", role: "group", "aria-label": t("builtin.table") }, [made]);
}

/**
 * The action with what the fields beside it hold.
 * @param {Action} action
 * @param {HTMLElement} place
 * @returns {Action}
 */
function withValues(action, place) {
  /** @type {Record<string, unknown>} */
  const values = {};
  for (const control of place.querySelectorAll("input, select, textarea")) {
    if (control instanceof HTMLInputElement && control.type === "checkbox") values[control.name] = control.checked;
    else if (control instanceof HTMLInputElement || control instanceof HTMLSelectElement || control instanceof HTMLTextAreaElement) {
      values[control.name] = control.value;
    }
  }
  return { ...action, payload: { ...(action.payload ?? {}), ...values } };
}

/** @param {unknown} value */
function text(value) {
  return value === undefined || value === null ? "" : String(value);
}

