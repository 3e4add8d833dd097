"""WebKitGTK through pywebview: lockdown, menus, theme, placement. Launched and tested on Debian 12 (WebKitGTK 2.50).

Replaces the methods of pywebview's `BrowserView` that handle navigation and calls, before it makes a window. Its own
handlers open any scheme in the browser, let every frame navigate the top frame, and show message boxes.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from desktop.common.files import ensure_private_dir
from desktop.window import calls, gtk_frames, gtk_lockdown
from desktop.window.engine import (
    LOOPBACK_HOSTS,
    Dress,
    EngineName,
    MenuBar,
    Proxy,
    Scheme,
    Unmade,
    keys_of,
    still_there,
)
from desktop.window.errors import EngineChanged
from desktop.window.gtk_early_view import EarlyView
from desktop.window.gtk_failed_window import tell_unmade
from desktop.window.gtk_scheme import GtkScheme
from desktop.window.libraries import load_library
from desktop.window.placement import Place, Rect, on_screen
from desktop.window.user_activation import LIMIT, UserActivation

log = logging.getLogger(__name__)

WEBKIT = "libwebkit2gtk-4.1.so.0"
EDITING = {"cut", "copy", "paste", "delete", "select-all", "undo", "redo"}


class GtkEngine:
    name: EngineName = "gtk"
    takes_proxy = True

    def __init__(self) -> None:
        self.ending: Callable[[], None] = lambda: None
        self.unmade: Unmade = lambda _window, _error: None
        self._dresses: dict[str, Dress] = {}
        self._activations: dict[str, UserActivation] = {}
        self._may_listen: dict[str, float] = {}
        """Until when (monotonic seconds) a window's microphone may come on, after its page was given permission."""
        self._hushing: set[str] = set()
        """Windows whose microphone is being switched off."""
        self._scheme = GtkScheme(self._colour_all)
        self._early_view: EarlyView | None = None

    # --- before the first window --------------------------------------------------------------

    def load(self) -> None:
        import gi

        for name, version in (("Gtk", "3.0"), ("WebKit2", "4.1")):
            gi.require_version(name, version)
        from gi.repository import Gtk  # noqa: F401  # importing it sets it up

        load_library(WEBKIT)

    def launch(self, storage: Path) -> None:
        from gi.repository import WebKit2

        os.environ["EGL_LOG_LEVEL"] = "fatal"  # for the processes, as pywebview sets it
        ensure_private_dir(storage)
        self._early_view = EarlyView(WebKit2, storage)

    def bind(self) -> None:
        """Nothing to do: PyGObject can be imported at any time."""

    def version(self) -> str:
        return webkit_version()

    def prepare(self, *, app_id: str, menu: MenuBar, proxy: Proxy | None, reach: Sequence[str]) -> None:
        self._proxy = proxy

        from gi.repository import Gdk, Gio, GLib, GObject, Gtk, WebKit2
        from webview.platforms import gtk as platform
        from webview.util import load_js_files

        self._gdk, self._gio, self._glib, self._gobject = Gdk, Gio, GLib, GObject
        self._gtk, self._webkit, self._platform = Gtk, WebKit2, platform
        view = platform.BrowserView
        for name in ("on_navigation", "on_js_bridge_call", "on_download_started", "close_window", "instances"):
            if not hasattr(view, name):
                raise EngineChanged(problem=f"gtk.BrowserView.{name}")
        if not hasattr(platform, "inject_pywebview"):
            raise EngineChanged(problem="gtk.inject_pywebview")
        # pywebview runs its script once the page has loaded, as if a person had clicked. Here it is injected together #
        # with the page.
        self._own_part = load_js_files
        platform.inject_pywebview = _loaded
        if self._early_view is not None:
            platform.webkit = self._early_view
        tell_unmade(view, lambda window, error: self.unmade(window, error))  # noqa: PLW0108  # set later
        view.on_navigation = self._navigation_handler()
        view.on_js_bridge_call = self._call_handler()
        view.close_window = _once(view)
        GLib.set_prgname(app_id)
        app = platform._app
        if app is None:
            raise EngineChanged(problem="gtk._app")
        if menu:
            app.connect("startup", lambda app: self._install_menu(app, menu))
        for number in (signal.SIGINT, signal.SIGTERM):
            GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, number, self._on_signal)

    def _on_signal(self) -> bool:
        self.quit()
        return True

    def _install_menu(self, app: Any, menu: MenuBar) -> None:
        bar = self._gio.Menu()
        for title, items in menu:
            submenu = self._gio.Menu()
            section = self._gio.Menu()
            for item in items:
                if item is None:
                    submenu.append_section(None, section)
                    section = self._gio.Menu()
                    continue
                action = self._gio.SimpleAction.new(item.id, None)
                action.connect("activate", lambda _a, _p, run=item.run: run())
                app.add_action(action)
                section.append(item.title, f"app.{item.id}")
                if item.shortcut:
                    app.set_accels_for_action(f"app.{item.id}", [_accelerator(item.shortcut)])
            submenu.append_section(None, section)
            bar.append_submenu(title, submenu)
        app.set_menubar(bar)

    # --- one window ---------------------------------------------------------------------------

    def dress(self, window: Any, dress: Dress) -> None:
        self._dresses[window.uid] = dress
        view = self._view(window)
        web = view.webview
        activation = self._activations[window.uid] = UserActivation()
        gtk_lockdown.shut(web.get_settings())
        gtk_lockdown.watch_activation(web, activation)
        own, _ = self._own_part(window, self._platform.renderer)
        gtk_lockdown.add_scripts(self._webkit, web.get_user_content_manager(), own)
        gtk_frames.watch(self._webkit, self._gdk, view, dress.first_frame, lambda script: gtk_lockdown.run(web, script))
        web.connect("load-changed", lambda web, event: self._on_load(window, web, event, dress))
        web.connect("load-failed", lambda _web, _event, url, error: self._on_failed(url, error, dress))
        web.connect("create", lambda _web, action: self._leave(window, action, dress))
        web.connect("print", lambda *_: True)  # our pages never print, and a script could open print dialogs endlessly
        uid = window.uid
        self._may_listen[uid] = 0.0
        web.connect("notify::microphone-capture-state", lambda *_: self._on_listening(uid, web, dress, activation))
        web.connect("permission-request", lambda _web, request: self._on_permission(uid, request, dress, activation))
        web.connect("web-process-terminated", lambda *_: dress.crashed())
        web.get_context().connect(
            "download-started", lambda _c, download: self._on_download(view, download, activation)
        )
        self._use_proxy(web)
        self._restore_context_menu(web)
        if not dress.menu:
            view.window.set_show_menubar(False)
        place = on_screen(dress.place, self.screens(), window.min_size)
        view.window.resize(place.width, place.height)
        if place.x is not None and place.y is not None:
            view.window.move(place.x, place.y)
        if place.maximized:
            view.window.maximize()
        web.set_zoom_level(dress.zoom)
        self._scheme.watch()
        self._colour(self._view(window), dress)

    def _use_proxy(self, web: Any) -> None:
        if self._proxy is None:
            return
        scheme, _, host = self._proxy.address.partition("://")
        who = ""
        if self._proxy.user:
            who = f"{quote(self._proxy.user, safe='')}:{quote(self._proxy.password, safe='')}@"
        settings = self._webkit.NetworkProxySettings.new(f"{scheme}://{who}{host}", list(LOOPBACK_HOSTS))
        web.get_context().get_website_data_manager().set_network_proxy_settings(
            self._webkit.NetworkProxyMode.CUSTOM, settings
        )

    def _view(self, window: Any) -> Any:
        return self._platform.BrowserView.instances.get(window.uid)

    def _on_load(self, window: Any, web: Any, event: Any, dress: Dress) -> None:
        # `about:blank` is committed whatever the policy says (measured), so the address is checked again here.
        if event == self._webkit.LoadEvent.COMMITTED and not dress.policy.may_show(
            web.get_uri() or "", dress.own_url()
        ):
            dress.strayed()
        if event == self._webkit.LoadEvent.STARTED:
            web.set_zoom_level(web.get_zoom_level())

    def _on_failed(self, url: str, error: Any, dress: Dress) -> bool:
        if not dress.policy.may_show(url, dress.own_url()):
            return False
        stopped = (
            (self._webkit.NetworkError, self._webkit.NetworkError.CANCELLED),
            (self._webkit.PolicyError, self._webkit.PolicyError.FRAME_LOAD_INTERRUPTED_BY_POLICY_CHANGE),
        )
        if not any(error.matches(kind.quark(), code) for kind, code in stopped):
            dress.failed()
        return True  # WebKit's own error page is blank

    def _leave(self, window: Any, action: Any, dress: Dress) -> None:
        """Open an address outside the app, if a person has just clicked or pressed a key in that window."""
        activation = self._activations.get(window.uid)
        if action.is_user_gesture() and activation is not None and activation.take():
            dress.open_outside(action.get_request().get_uri())

    def _on_listening(self, uid: str, web: Any, dress: Dress, activation: UserActivation) -> None:
        """Switch off a microphone that came on without a click: WebKit remembers a permission as long as the page lives
        and does not ask again."""
        if web.get_microphone_capture_state() != self._webkit.MediaCaptureState.ACTIVE or uid in self._hushing:
            return
        # WebKit does not report a recording that ends at once. Its permission must not carry over to the next one.
        until, self._may_listen[uid] = self._may_listen.get(uid, 0.0), 0.0
        if time.monotonic() > until and not (dress.may_record() and activation.take()):
            log.warning("the microphone came on without a click and was switched off")
            self._hush(uid, web)

    def _hush(self, uid: str, web: Any) -> None:
        """Switch the microphone off, repeatedly until it is: WebKit reports a change before it is complete."""
        states = self._webkit.MediaCaptureState
        self._hushing.add(uid)

        def off() -> bool:
            if web.get_microphone_capture_state() == states.ACTIVE:
                web.set_microphone_capture_state(states.NONE)
                return True
            self._hushing.discard(uid)
            return False

        off()
        self._glib.timeout_add(50, off)

    def _on_permission(self, uid: str, request: Any, dress: Dress, activation: UserActivation) -> bool:
        # The app needs no camera, location, notifications or clipboard reading. The microphone is for dictation. WebKit
        # doesn't say which frame asks, so permission always takes a click.
        kind = self._webkit.UserMediaPermissionRequest
        if isinstance(request, kind):
            sound = self._webkit.user_media_permission_is_for_audio_device(request)
            sight = self._webkit.user_media_permission_is_for_video_device(request)
            if sound and not sight and dress.may_record() and activation.take():
                self._may_listen[uid] = time.monotonic() + LIMIT
                request.allow()
                return True
        request.deny()
        return True

    def _navigation_handler(self) -> Callable[..., bool]:
        kinds = self._webkit.PolicyDecisionType
        dresses, leave = self._dresses, self._leave

        def on_navigation(view: Any, web: Any, decision: Any, kind: Any) -> bool:
            dress = dresses.get(view.uid)
            if dress is None:
                decision.ignore()
                return True
            if kind == kinds.NEW_WINDOW_ACTION:
                # A new window, or `window.open`, which comes here first. No window is made.
                decision.ignore()
                leave(view, decision.get_navigation_action(), dress)
                return True
            if kind == kinds.NAVIGATION_ACTION:
                # This step can't tell the top frame from an inner one, so both lists apply. The next step is exact.
                action = decision.get_navigation_action()
                url = action.get_request().get_uri()
                if dress.policy.may_show(url, dress.own_url()) or dress.policy.may_embed(url):
                    return False
                decision.ignore()
                if action.get_navigation_type() == self._webkit.NavigationType.LINK_CLICKED:
                    leave(view, action, dress)
                return True
            if kind == kinds.RESPONSE:
                url = decision.get_request().get_uri()
                if decision.is_main_frame_main_resource() and not dress.policy.may_show(url, dress.own_url()):
                    decision.ignore()
                    return True
                if not decision.is_mime_type_supported():
                    decision.download()
                    return True
            return False

        return on_navigation

    def _call_handler(self) -> Callable[..., None]:
        platform = self._platform

        def on_js_bridge_call(view: Any, _manager: Any, message: Any) -> None:
            try:
                body = calls.read(message.get_js_value().to_string())
                platform.js_bridge_call(view.pywebview_window, body["funcName"], body["params"], body["id"])
            except (ValueError, TypeError, KeyError):
                log.warning("a call that is not of the bridge's form was ignored")

        return on_js_bridge_call

    def _on_download(self, view: Any, download: Any, activation: UserActivation) -> None:
        if not activation.take():
            log.warning("a download that no click asked for was not begun")
            download.cancel()
            return
        download.connect("decide-destination", lambda d, name: self._ask_destination(view, d, name))

    def _ask_destination(self, view: Any, download: Any, name: str) -> bool:
        chosen = view.create_file_dialog(
            self._platform.FileDialog.SAVE,
            self._glib.get_user_special_dir(self._glib.UserDirectory.DIRECTORY_DOWNLOAD) or str(Path.home()),
            False,
            os.path.basename(name or "download"),
            (),
        )
        if chosen:
            download.set_allow_overwrite(True)  # the dialog has asked
            download.set_destination(self._glib.filename_to_uri(chosen[0]))
        else:
            download.cancel()
        return True

    def _restore_context_menu(self, web: Any) -> None:
        """Outside debug mode, pywebview removes the whole context menu. Text fields need cut, copy and paste."""
        signal_id = self._gobject.signal_lookup("context-menu", web)
        handler = self._gobject.signal_handler_find(
            web, self._gobject.SignalMatchType.ID, signal_id, 0, None, None, None
        )
        if handler:
            web.disconnect(handler)
        actions = self._webkit.ContextMenuAction
        kept = {
            getattr(actions, name)
            for name in (
                "CUT",
                "COPY",
                "PASTE",
                "DELETE",
                "SELECT_ALL",
                "COPY_LINK_TO_CLIPBOARD",
                "PASTE_AS_PLAIN_TEXT",
            )
            if hasattr(actions, name)
        }

        def on_menu(_web: Any, menu: Any, _event: Any, _hit: Any) -> bool:
            for item in list(menu.get_items()):
                if not item.is_separator() and item.get_stock_action() not in kept:
                    menu.remove(item)
            items = menu.get_items()
            if not any(not item.is_separator() for item in items):
                return True
            while items and items[0].is_separator():
                menu.remove(items[0])
                items = menu.get_items()
            return False

        web.connect("context-menu", on_menu)

    # --- colours ------------------------------------------------------------------------------

    def dark(self) -> bool:
        return self._scheme.dark()

    def set_scheme(self, scheme: Scheme) -> None:
        self._scheme.set(scheme)

    def _colour_all(self) -> None:
        for view, dress in still_there(self._platform.BrowserView, self._dresses):
            self._colour(view, dress)

    def _colour(self, view: Any, dress: Dress) -> None:
        colour = self._gdk.RGBA()
        colour.parse(dress.colours[1] if self.dark() else dress.colours[0])
        view.webview.set_background_color(colour)

    # --- at any time --------------------------------------------------------------------------

    def later(self, run: Callable[[], None]) -> None:
        def once() -> bool:
            run()
            return False

        self._glib.idle_add(once, priority=self._glib.PRIORITY_DEFAULT)

    def push(self, window: Any, script: str) -> None:
        view = self._view(window)
        if view is not None:
            gtk_lockdown.run(view.webview, script)

    def end_page(self, window: Any) -> None:
        view = self._view(window)
        if view is not None:
            view.webview.terminate_web_process()

    def show_plain(self, window: Any, html: str) -> None:
        view, dress = self._view(window), self._dresses.get(window.uid)
        if view is not None and dress is not None:
            view.webview.load_alternate_html(html, dress.own_url(), None)

    def set_zoom(self, window: Any, factor: float) -> None:
        view = self._view(window)
        if view is not None:
            view.webview.set_zoom_level(factor)

    def place(self, window: Any) -> Place | None:
        view = self._view(window)
        if view is None:
            return None
        width, height = view.window.get_size()
        x, y = view.window.get_position()
        return Place(width, height, x, y, bool(view.window.is_maximized()))

    def screens(self) -> list[Rect]:
        display = self._gdk.Display.get_default()
        areas = [display.get_monitor(i).get_workarea() for i in range(display.get_n_monitors())]
        return [Rect(a.x, a.y, a.width, a.height) for a in areas]

    def focus(self, window: Any) -> None:
        view = self._view(window)
        if view is not None:
            view.window.deiconify()
            view.window.present()

    def screenshot(self, window: Any, file: Path, done: Callable[[bool], None]) -> None:
        view = self._view(window)

        def ready(web: Any, result: Any) -> None:
            try:
                web.get_snapshot_finish(result).write_to_png(str(file))
            except (self._glib.Error, OSError):
                log.warning("no picture of the window could be taken")
                done(False)
                return
            done(True)

        view.webview.get_snapshot(self._webkit.SnapshotRegion.VISIBLE, self._webkit.SnapshotOptions.NONE, None, ready)

    def quit(self) -> None:
        def close_all() -> None:
            for view in list(self._platform.BrowserView.instances.values()):
                view.close_window()

        self.later(close_all)


def _once(kind: Any) -> Callable[..., bool]:
    """pywebview's `close_window`, unless the window has already closed. Closing a window closes others too, and
    pywebview 6.2.1 raises KeyError for a window closed twice."""
    stock = kind.close_window

    def close_window(view: Any, *event: Any) -> bool:
        return kind.instances.get(view.uid) is view and bool(stock(view, *event))

    return close_window


def webkit_version() -> str:
    """The version as the library reports it, which needs no display. Empty if it is not installed."""
    try:
        library = ctypes.CDLL(WEBKIT)
    except OSError:
        return ""
    numbers = (getattr(library, f"webkit_get_{part}_version")() for part in ("major", "minor", "micro"))
    return ".".join(str(number) for number in numbers)


def _loaded(_renderer: str, window: Any) -> None:
    """Replaces pywebview's `inject_pywebview`: sends its events when a page has loaded, but injects no script."""
    for event in (window.events.before_load, window.events._pywebviewready, window.events.loaded):
        event.set()


def _accelerator(shortcut: str) -> str:
    """`Ctrl+,` as GTK writes it."""
    held, key = keys_of(shortcut)
    names = {",": "comma", "+": "plus", "-": "minus", "0": "0", "=": "equal"}
    marks = {"Ctrl": "<Primary>", "Shift": "<Shift>", "Alt": "<Alt>"}
    return "".join(mark for name, mark in marks.items() if name in held) + names.get(key, key)


if sys.platform == "win32":  # pragma: no cover - GTK is not an engine there
    raise ImportError("GTK is not an engine on Windows")
