"""Light or dark on GTK: the app's own choice, or the desktop's setting.

On GTK 3, WebKitGTK only knows the theme's name, so the desktop's setting is read from its portal over D-Bus.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from desktop.window.engine import Scheme


class GtkScheme:
    """`changed` is called when windows need another colour. Everything runs on GTK's thread."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._scheme: Scheme = "system"
        self._portal: Any = None
        """None until `watch`, False until the portal has answered."""

    def dark(self) -> bool:
        """Whether windows are dark now."""
        from gi.repository import Gtk

        if self._scheme != "system":
            return self._scheme == "dark"
        settings = Gtk.Settings.get_default()
        if settings is None:
            return False
        theme = str(settings.props.gtk_theme_name or "").lower()
        return bool(settings.props.gtk_application_prefer_dark_theme) or theme.endswith("-dark")

    def set(self, scheme: Scheme) -> None:
        from gi.repository import Gtk

        self._scheme = scheme
        settings = Gtk.Settings.get_default()
        if settings is not None:
            wanted = self._portal_dark() if scheme == "system" else scheme == "dark"
            if wanted is not None:
                settings.props.gtk_application_prefer_dark_theme = wanted
        self._changed()

    def watch(self) -> None:
        """Follow the desktop's setting from now on. May be called again."""
        from gi.repository import Gio, GLib

        if self._portal is not None:
            return
        self._portal = False

        def ready(_source: Any, result: Any) -> None:
            try:
                self._portal = Gio.DBusProxy.new_for_bus_finish(result)
            except GLib.Error:
                return  # no session bus or no portal: the theme's name has to do
            self._portal.connect("g-signal", lambda *_: self._again())
            self._again()

        Gio.DBusProxy.new_for_bus(
            Gio.BusType.SESSION,
            Gio.DBusProxyFlags.DO_NOT_AUTO_START,
            None,
            "org.freedesktop.portal.Desktop",
            "/org/freedesktop/portal/desktop",
            "org.freedesktop.portal.Settings",
            None,
            ready,
        )

    def _again(self) -> None:
        if self._scheme == "system":
            self.set("system")

    def _portal_dark(self) -> bool | None:
        """The desktop's colour-scheme setting (1 dark, 2 light, 0 no preference), None if unknown."""
        from gi.repository import Gio, GLib

        if not self._portal:
            return None
        try:
            answer = self._portal.call_sync(
                "Read",
                GLib.Variant("(ss)", ("org.freedesktop.appearance", "color-scheme")),
                Gio.DBusCallFlags.NO_AUTO_START,
                200,
                None,
            )
        except GLib.Error:
            return None
        value = answer.unpack()[0]
        return bool(value == 1) if value in (1, 2) else None
