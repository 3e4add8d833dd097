// @ts-check
/** Copies text on every engine: with the clipboard API if allowed, otherwise with a selection and `execCommand`. */

/**
 * Copy a text. Call it inside the click: an engine may forget the click once something was awaited.
 * @param {string} text
 * @returns {Promise<boolean>} false where the engine refuses; show the text for copying by hand then
 */
export async function copyText(text) {
  if (copySelected(text)) return true;
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * Copy a text that has to be waited for. Call it inside the click: the engine is promised the text there and then.
 * @param {Promise<string>} text
 * @returns {Promise<boolean>} as `copyText`; rejects where the text does
 */
export async function copyPromised(text) {
  try {
    const blob = text.then((words) => new Blob([words], { type: "text/plain" }));
    await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
    return true;
  } catch {
    return copyText(await text);
  }
}

/**
 * @param {string} text
 * @returns {boolean}
 */
function copySelected(text) {
  const before = document.activeElement;
  const area = document.createElement("textarea");
  area.value = text;
  area.readOnly = true;
  area.className = "visually-hidden";
  area.setAttribute("aria-hidden", "true");
  document.body.append(area);
  area.select();
  let copied = false;
  try {
    copied = document.execCommand("copy");
  } catch {
    copied = false;
  }
  area.remove();
  if (before instanceof HTMLElement) before.focus({ preventScroll: true });
  return copied;
}
