"""Locks down a WebKitGTK view, and runs the app's scripts in it without giving pages user activation.

WebKit 2.50 runs every script of `evaluate_javascript` as if a person had clicked, so anything a page had hooked into it
could write to the clipboard and open windows. The app's scripts therefore run in their own script world, which pages
can't reach, and send their messages through a message port, which carries no activation. Knows no pywebview window.
"""

from __future__ import annotations

import logging
from typing import Any

from desktop.window.user_activation import UserActivation

log = logging.getLogger(__name__)

WORLD = "desktop"
"""The script world of the app's own scripts."""
FEATURES_OFF = (
    "LinkPreconnect",
    "LinkPreconnectEarlyHints",
    "LinkDNSPrefetch",
    "LinkPrefetch",
    "WebTransport",
    "PeerConnection",
)
"""Features that reach other computers despite the page's policy, or would once WebKit enables them."""
KEYS = frozenset({"Return", "KP_Enter", "ISO_Enter", "space", "KP_Space"})
"""Keys that activate a link or a button. Typing is no reason to open anything."""

PORT = """
(() => {
  let port = null;
  const kept = [];
  const take = (event) => {
    if (event.source !== window || event.data !== "bridge.port" || !event.ports[0]) return;
    removeEventListener("message", take, true);
    port = event.ports[0];
    for (const batch of kept.splice(0)) port.postMessage(batch);
  };
  addEventListener("message", take, true);
  window.bridge = { deliver: (batch) => void (port ? port.postMessage(batch) : kept.push(batch)) };
})();
"""
"""The app's end of the bridge, in its own world. The page sends the other end of the port (pages/common/bridge.js)."""


def shut(settings: Any) -> None:
    """Switch off what pywebview switches on, and what lets a page bypass its policy. `settings`: the view's."""
    off = (
        "javascript_can_access_clipboard",
        "allow_file_access_from_file_urls",
        "allow_universal_access_from_file_urls",
        "allow_top_navigation_to_data_urls",
        "enable_developer_extras",
        "enable_dns_prefetching",
        "enable_hyperlink_auditing",
        "enable_webrtc",
        "enable_fullscreen",
        # The back-forward cache would keep a revoked page alive.
        "enable_page_cache",
    )
    from gi.repository import GObject

    for name in off:
        known = settings.find_property(name.replace("_", "-"))
        # In a newer WebKitGTK, deprecated settings do nothing but print a warning.
        if known is not None and not known.flags & GObject.ParamFlags.DEPRECATED:
            setattr(settings.props, name, False)
    if not hasattr(settings, "set_feature_enabled"):
        log.warning("this WebKitGTK (before 2.42) can't be told to make no connections ahead of need")
        return
    features = type(settings).get_all_features()
    for index in range(features.get_length()):
        feature = features.get(index)
        if feature.get_identifier().removesuffix("Enabled") in FEATURES_OFF:
            settings.set_feature_enabled(feature, False)


def watch_activation(web: Any, activation: UserActivation) -> None:
    """Report the clicks and keys of this view to `activation`."""
    from gi.repository import Gdk

    def key(_web: Any, event: Any) -> bool:
        if Gdk.keyval_name(event.keyval) in KEYS:
            activation.pressed()
        return False

    def touch(_web: Any, event: Any) -> bool:
        if event.get_event_type() == Gdk.EventType.TOUCH_BEGIN:
            activation.pressed()
        elif event.get_event_type() == Gdk.EventType.TOUCH_END:
            activation.released()
        return False

    def press(_web: Any, event: Any) -> bool:
        if event.get_event_type() == Gdk.EventType.BUTTON_PRESS:  # a double click reports its second click twice
            activation.pressed()
        return False

    def release(_web: Any, _event: Any) -> bool:
        activation.released()
        return False

    web.connect("button-press-event", press)
    web.connect("button-release-event", release)
    web.connect("key-press-event", key)
    web.connect("touch-event", touch)


def add_scripts(webkit: Any, manager: Any, ours: str) -> None:
    """Add the app's end of the bridge, and `ours` in the page's own world, to every page of `manager`'s view."""
    top, start = webkit.UserContentInjectedFrames.TOP_FRAME, webkit.UserScriptInjectionTime.START
    manager.add_script(webkit.UserScript.new_for_world(PORT, top, start, WORLD, None, None))
    manager.add_script(webkit.UserScript.new(ours, top, webkit.UserScriptInjectionTime.END, None, None))


def run(web: Any, script: str) -> None:
    """Run an ASCII script in the app's world of the top frame. Returns nothing."""
    web.evaluate_javascript(script, len(script), WORLD, None, None, None)
