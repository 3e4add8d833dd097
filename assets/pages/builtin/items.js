// @ts-check
/** What an update does to an item of a thread. Pure: knows the protocol, no view. */

/**
 * @typedef {import("./protocol.js").Item} Item
 * @typedef {import("./protocol.js").Part} Part
 * @typedef {import("./protocol.js").Component} Component
 * @typedef {{type: string} & Record<string, any>} Update
 */

/**
 * Changes `item` as `update` says; what is not known is left out, so that a newer agent stack breaks nothing.
 * @param {Item} item
 * @param {Update} update
 */
export function apply(item, update) {
  switch (update.type) {
    case "assistant_message.content_part.added":
      partOf(item, update.content_index);
      item.content[update.content_index] = { ...update.content, annotations: update.content.annotations ?? [] };
      break;
    case "assistant_message.content_part.text_delta":
      partOf(item, update.content_index).text += update.delta;
      break;
    case "assistant_message.content_part.annotation_added":
      partOf(item, update.content_index).annotations.splice(update.annotation_index, 0, update.annotation);
      break;
    case "assistant_message.content_part.done": {
      // "Done" may bring the text without the annotations that came before (openai-chatkit 1.6.5).
      const part = partOf(item, update.content_index);
      part.text = update.content.text;
      if (update.content.annotations?.length) part.annotations = update.content.annotations;
      break;
    }
    case "workflow.task.added":
    case "workflow.task.updated":
      if (item.workflow) item.workflow.tasks[update.task_index] = update.task;
      break;
    case "generated_image.updated":
      item.image = update.image;
      break;
    case "widget.root.updated":
      item.widget = update.widget;
      break;
    case "widget.component.updated":
      if (item.widget) item.widget = replaced(item.widget, update.component_id, () => update.component);
      break;
    case "widget.streaming_text.value_delta":
      if (item.widget) {
        item.widget = replaced(item.widget, update.component_id, (old) => ({
          ...old,
          value: `${old.value ?? ""}${update.delta}`,
        }));
      }
      break;
  }
}

/** @param {Item} item @param {number} index @returns {Part} */
function partOf(item, index) {
  item.content ??= [];
  while (item.content.length <= index) item.content.push({ text: "", annotations: [] });
  return item.content[index];
}

/**
 * @param {Component} component
 * @param {string} id
 * @param {(old: Component) => Component} change
 * @returns {Component}
 */
function replaced(component, id, change) {
  if (component.id === id) return change(component);
  const { children } = component;
  if (!children) return component;
  return {
    ...component,
    children: Array.isArray(children)
      ? children.map((child) => replaced(child, id, change))
      : replaced(children, id, change),
  };
}

/** What a person copies of an item. @param {Item} item @returns {string} */
export function textOf(item) {
  if (item.type === "widget") return item.copy_text ?? "";
  const parts = /** @type {{text?: string}[]} */ (Array.isArray(item.content) ? item.content : []);
  return parts
    .map((part) => part.text ?? "")
    .join("\n\n")
    .trim();
}
