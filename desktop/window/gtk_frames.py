"""Whether WebKitGTK paints: a page says once when its first frames have come, or that it runs and none has.

The question is asked in the app's own world of scripts, where no page can answer in its place. Knows no page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from desktop.window.gtk_walls import WORLD

FIRST, MORE = 6_000, 2_000
"""Milliseconds that a visible page may take for its first frames: the second part begins when the page has had the
first, so that a computer that slept, or has much to do, is not taken for one that can't paint."""
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
    """Tells `told` of the frames of pywebview's `view`; `again` runs a script in the app's own world of its page.

    A window that nobody can see is asked once more when it has come forward: under Wayland one that is covered gets
    no frames at all.
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
    """Whether a person can see the window, as far as that can be told."""
    surface = window.get_window()
    hidden = gdk.WindowState.ICONIFIED | gdk.WindowState.WITHDRAWN
    if surface is None or not surface.is_visible() or surface.get_state() & hidden:
        return False
    return "Wayland" not in type(surface.get_display()).__name__ or bool(window.is_active())
