"""Detects whether WebKitGTK paints: a page reports once that its first frames were drawn, or that none was.

The check runs in the app's own script world, where no page can fake the answer. Knows no page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from desktop.window.gtk_lockdown import WORLD

FIRST, MORE = 6_000, 2_000
"""Milliseconds a visible page has for its first frames, in two parts. The second begins once the page has had the
first, so a computer that was asleep or busy is not mistaken for one that can't paint."""
HANDLER = "frames"
SCRIPT = (
    """
(() => {
  const tell = (word) => window.webkit.messageHandlers.HANDLER.postMessage(word);
  let timer = 0;
  let painted = false;
  const wait = () => {
    clearTimeout(timer);
    if (painted || document.visibilityState !== "visible") return;
    timer = setTimeout(() => { timer = setTimeout(tell, MORE, "blank"); }, FIRST);
  };
  const seen = () => {
    painted = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", wait);
    tell("painted");
  };
  // The second one comes when the first has been taken for showing.
  requestAnimationFrame(() => requestAnimationFrame(seen));
  document.addEventListener("visibilitychange", wait);
  window.waitForFrames = wait;
  wait();
})();
""".replace("HANDLER", HANDLER)
    .replace("FIRST", str(FIRST))
    .replace("MORE", str(MORE))
)


def watch(webkit: Any, gdk: Any, view: Any, told: Callable[[bool], None], again: Callable[[str], None]) -> None:
    """Report the frames of pywebview's `view` to `told`. `again` runs a script in the page's app world.

    A hidden window is checked again when it comes forward: under Wayland, a covered window gets no frames.
    """
    manager = view.webview.get_user_content_manager()
    top, start = webkit.UserContentInjectedFrames.TOP_FRAME, webkit.UserScriptInjectionTime.START
    waiting: list[int] = []

    def forward(window: Any, _: Any) -> None:
        if waiting and window.is_active():
            window.disconnect(waiting.pop())
            again("window.waitForFrames?.();")

    def on_message(_manager: Any, message: Any) -> None:
        painted = message.get_js_value().to_string() == "painted"
        if painted or before_eyes(gdk, view.window):
            told(painted)
        elif not waiting:
            waiting.append(view.window.connect("notify::is-active", forward))

    manager.connect(f"script-message-received::{HANDLER}", on_message)
    if manager.register_script_message_handler_in_world(HANDLER, WORLD):
        manager.add_script(webkit.UserScript.new_for_world(SCRIPT, top, start, WORLD, None, None))


def before_eyes(gdk: Any, window: Any) -> bool:
    """Whether a person can see the window, as far as we know."""
    surface = window.get_window()
    hidden = gdk.WindowState.ICONIFIED | gdk.WindowState.WITHDRAWN
    if surface is None or not surface.is_visible() or surface.get_state() & hidden:
        return False
    return "Wayland" not in type(surface.get_display()).__name__ or bool(window.is_active())
