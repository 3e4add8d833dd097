"""Qt WebEngine (PySide6) through pywebview: lockdown, menus, theme, placement. Launched and tested on Debian 12.

pywebview grants camera and microphone to everybody, opens any scheme in the browser, and saves downloads with a call
that Qt 6 no longer has. Its classes are corrected here before it makes a window.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from desktop.window import qt_lockdown
from desktop.window.engine import Dress, EngineName, MenuBar, MenuItem, Proxy, Scheme, Unmade, still_there
from desktop.window.errors import EngineChanged
from desktop.window.libraries import load_library
from desktop.window.placement import Place, Rect, on_screen
from desktop.window.policy import origin
from desktop.window.user_activation import UserActivation

log = logging.getLogger(__name__)

WEBENGINE = "libQt6WebEngineWidgets.so.6"
MENU_GROUND = "#1c2330"
"""Background of menus and dialogs in the dark theme, if the desktop's theme has none."""
FAKE_MEDIA_FLAG = "--use-fake-ui-for-media-stream"


class QtEngine:
    name: EngineName = "qt"
    takes_proxy = True

    def __init__(self) -> None:
        self.ending: Callable[[], None] = lambda: None
        self.unmade: Unmade = lambda _window, _error: None
        self._dresses: dict[str, Dress] = {}
        self._scheme: Scheme = "system"
        self._kept: list[Any] = []

    def load(self) -> None:
        package = find_spec("PySide6")
        for folder in (package and package.submodule_search_locations) or ():
            load_library(os.path.join(folder, "Qt", "lib", WEBENGINE))  # this one loads all the others

    def launch(self, storage: Path) -> None:
        """Nothing to do: Qt starts its processes with the first page."""

    def bind(self) -> None:
        # The first import of PySide6 walks through `sys.modules`, and crashes the process if another thread imports #
        # something at that moment (shiboken6 6.11: `signature_bootstrap.py`, `ensure_shibokensupport`).
        import PySide6.QtCore  # noqa: F401

    def version(self) -> str:
        return ""

    # --- before the first window --------------------------------------------------------------

    def prepare(self, *, app_id: str, menu: MenuBar, proxy: Proxy | None, reach: Sequence[str]) -> None:
        from qtpy import QtCore, QtGui, QtWidgets
        from qtpy.QtWebEngineCore import QWebEngineScript, QWebEngineSettings
        from webview.platforms import qt as platform

        self._core, self._gui, self._widgets, self._platform = QtCore, QtGui, QtWidgets, platform
        self._settings = QWebEngineSettings
        view = platform.BrowserView
        for owner, name in (
            (view, "WebPage"),
            (getattr(view, "WebPage", None), "createWindow"),
            (view, "NavigationHandler"),
            (view, "JSBridge"),
            (view, "closeEvent"),
            (view, "instances"),
            (platform, "environ_append"),
            (platform, "QWebEngineProfile"),
            (platform, "js_bridge_call"),
        ):
            if not hasattr(owner, name):
                raise EngineChanged(problem=f"qt.{name}")
        platform.QWebEngineProfile = _one(platform.QWebEngineProfile, qt_lockdown.no_calls(QWebEngineScript))
        view.closeEvent = _once(view)
        view.JSBridge = qt_lockdown.bridge(QtCore, platform.js_bridge_call)
        append = platform.environ_append

        def without_fake_media(key: str, *values: str) -> None:
            # This switch grants every request for camera and microphone.
            append(key, *(value for value in values if value != FAKE_MEDIA_FLAG))

        platform.environ_append = without_fake_media
        proxies = qt_lockdown.proxy_hosts(os.environ, proxy.address if proxy is not None else "")
        append("QTWEBENGINE_CHROMIUM_FLAGS", *qt_lockdown.network_flags(reach, proxies))
        self._proxy = proxy
        if proxy is not None:
            # Chromium itself never uses the proxy for loopback addresses.
            append("QTWEBENGINE_CHROMIUM_FLAGS", f"--proxy-server={proxy.address}")

        def answer(page: Any, url: Any, feature: Any) -> None:
            may = getattr(page, "chatkit_may", None)
            policy = page.PermissionPolicy
            is_wanted = may is not None and may(url, feature)
            page.setFeaturePermission(
                url, feature, policy.PermissionGrantedByUser if is_wanted else policy.PermissionDeniedByUser
            )
            # Not remembered: it is asked again next time.
            page.setFeaturePermission(url, feature, policy.PermissionUnknown)

        view.WebPage.onFeaturePermissionRequested = answer

        # pywebview returns the same page for every new window, and the second `window.open` crashes with SIGSEGV
        # (PySide6 6.11.3, pywebview 6.2.1). Here it returns none; `newWindowRequested` has the address.
        view.WebPage.createWindow = lambda _page, _kind: None
        # That page belongs to Python alone: the garbage collector deletes it on whatever thread it runs on, and some
        # time after a window has closed the process crashes with SIGSEGV (same versions).
        view.NavigationHandler = lambda _page: None

        app = QtWidgets.QApplication.instance()
        if app is None:
            raise EngineChanged(problem="qt.QApplication")
        app.setApplicationName(app_id)
        app.setDesktopFileName(app_id)
        self._app = app

        class Loop(QtCore.QObject):
            run = QtCore.Signal(object)

            def __init__(self) -> None:
                super().__init__()
                self.run.connect(lambda job: job(), QtCore.Qt.ConnectionType.QueuedConnection)

        self._loop = Loop()
        signal.signal(signal.SIGTERM, lambda *_: self.quit())
        app.styleHints().colorSchemeChanged.connect(lambda _s: self._colour_all())

    # --- one window ---------------------------------------------------------------------------

    def dress(self, window: Any, dress: Dress) -> None:
        # pywebview replaces this with its own handler when it starts, so ours is set for each window.
        self._dresses[window.uid] = dress
        signal.signal(signal.SIGINT, lambda *_: self.quit())
        view = self._view(window)
        page = view.webview.page()
        attribute = self._settings.WebAttribute
        settings = page.profile().settings()
        settings.setAttribute(attribute.LocalContentCanAccessFileUrls, False)
        settings.setAttribute(attribute.LocalContentCanAccessRemoteUrls, False)
        for name in (
            "JavascriptCanAccessClipboard",
            "JavascriptCanOpenWindows",
            "ErrorPageEnabled",
            "JavascriptCanPaste",
            "ScreenCaptureEnabled",
            "FullScreenSupportEnabled",
            "DnsPrefetchEnabled",
            "HyperlinkAuditingEnabled",
            "NavigateOnDropEnabled",
        ):
            settings.setAttribute(getattr(attribute, name), False)
        activation = UserActivation()

        page.chatkit_may = lambda url, feature: (
            feature == page.Feature.MediaAudioCapture
            and origin(url.toString()) in dress.policy.frame_origins
            and dress.may_record()
            and activation.take()
        )

        def may_copy(is_near: bool) -> None:
            # Looked up each time: the page belongs to its view, not to us.
            view.webview.page().settings().setAttribute(attribute.JavascriptCanAccessClipboard, is_near)

        keys = {item.shortcut for _, items in dress.shortcuts for item in items if item is not None and item.shortcut}
        ours = [self._gui.QKeySequence(key) for key in sorted(keys)]
        view.chatkit_hand = qt_lockdown.watch_activation(
            self._core,
            view.webview,
            activation,
            may_copy,
            lambda event: self._gui.QKeySequence(event.keyCombination()) in ours,
        )
        page.newWindowRequested.connect(lambda request: self._on_new_window(request, dress, activation))
        view.chatkit_plain = False
        page.navigationRequested.connect(lambda request: self._on_navigation(view, request, dress))
        page.urlChanged.connect(lambda url: self._on_url(url, dress))
        page.loadingChanged.connect(lambda info: self._on_loading(info, dress))
        page.renderProcessTerminated.connect(lambda *_: dress.crashed())
        page.profile().downloadRequested.connect(lambda download: self._on_download(view, download, dress, activation))
        page.proxyAuthenticationRequired.connect(lambda _url, asked, _host: self._answer_proxy(asked))
        page.loadFinished.connect(lambda _ok: page.setZoomFactor(view.chatkit_zoom))
        view.chatkit_zoom = dress.zoom
        page.setZoomFactor(dress.zoom)
        # pywebview does this when the page has loaded, but the page's first script calls earlier.
        view.channel.registerObject("external", view.js_bridge)
        self._context_menu(view, dress)
        self._install_menu(view, dress)
        place = on_screen(dress.place, self.screens(), window.min_size)
        view.resize(place.width, place.height)
        if place.x is not None and place.y is not None:
            view.move(place.x, place.y)
        if place.maximized:
            window.maximized = True
        self._colour(self._view(window), dress)

    def _answer_proxy(self, asked: Any) -> None:
        if self._proxy is not None and self._proxy.user:
            asked.setUser(self._proxy.user)
            asked.setPassword(self._proxy.password)

    def _view(self, window: Any) -> Any:
        return self._platform.BrowserView.instances.get(window.uid)

    def _on_navigation(self, view: Any, request: Any, dress: Dress) -> None:
        if not request.isMainFrame():
            return  # the page's CSP decides about frames
        url = request.url().toString()
        if dress.policy.may_show(url, dress.own_url()):
            return
        if view.chatkit_plain and url.startswith("data:text/html"):
            view.chatkit_plain = False  # allowed once: `show_plain` has just asked for it
            return
        # Not opened outside either: for Qt, a script's `location = …` is a clicked link too, so a page could start the
        # browser without the person. Links that should open outside open a new window.
        request.reject()

    def _on_loading(self, info: Any, dress: Dress) -> None:
        failed = info.status() == info.LoadStatus.LoadFailedStatus
        if failed and dress.policy.may_show(info.url().toString(), dress.own_url()):
            dress.failed()

    def _on_new_window(self, request: Any, dress: Dress, activation: UserActivation) -> None:
        # Only after a person's click or key: a script can't start the browser by itself.
        if request.isUserInitiated() and activation.take():
            dress.open_outside(request.requestedUrl().toString())

    def _on_url(self, url: Any, dress: Dress) -> None:
        # Empty: the page could not be loaded, so nothing is shown.
        if not url.isEmpty() and not dress.policy.may_show(url.toString(), dress.own_url()):
            dress.strayed()

    def _on_download(self, view: Any, download: Any, dress: Dress, activation: UserActivation) -> None:
        if download.page() is not view.webview.page():
            return  # the profile is shared, so every window gets the signal; another window asks
        if not activation.take():
            log.warning("a download that no click asked for was not begun")
            download.cancel()
            return
        folder = self._core.QStandardPaths.writableLocation(self._core.QStandardPaths.StandardLocation.DownloadLocation)
        name = os.path.basename(download.downloadFileName() or "download")
        path, _ = self._widgets.QFileDialog.getSaveFileName(
            view, dress.texts("menu.save_download"), os.path.join(folder, name)
        )
        if path:
            download.setDownloadDirectory(os.path.dirname(path))
            download.setDownloadFileName(os.path.basename(path))
            download.accept()
        else:
            download.cancel()

    def _context_menu(self, view: Any, dress: Dress) -> None:
        """Outside debug mode, pywebview removes the context menu. Text needs cut, copy and paste."""
        web = view.webview
        web.setContextMenuPolicy(self._core.Qt.ContextMenuPolicy.CustomContextMenu)

        def show(position: Any) -> None:
            request = web.lastContextMenuRequest()
            page = web.page()
            action = type(page).WebAction
            menu = self._widgets.QMenu(view)
            if request.isContentEditable():
                for kind in (action.Cut, action.Copy, action.Paste, action.SelectAll):
                    menu.addAction(page.action(kind))
            elif request.selectedText():
                menu.addAction(page.action(action.Copy))
            if not menu.isEmpty():
                menu.popup(web.mapToGlobal(position))

        web.customContextMenuRequested.connect(show)

    def _install_menu(self, view: Any, dress: Dress) -> None:
        for title, items in dress.menu:
            submenu = view.menuBar().addMenu(title)
            for item in items:
                if item is None:
                    submenu.addSeparator()
                else:
                    submenu.addAction(self._action(view, item))
            self._kept.append(submenu)
        if not dress.menu:  # shortcuts belong to a window, and this one has no menu bar to bring them
            for _title, items in dress.shortcuts:
                view.addActions([self._action(view, item) for item in items if item is not None and item.shortcut])

    def _action(self, view: Any, item: MenuItem) -> Any:
        action = self._gui.QAction(item.title, view)
        if item.shortcut:
            action.setShortcut(self._gui.QKeySequence(item.shortcut))
        action.triggered.connect(lambda _checked=False, run=item.run: run())
        return action

    # --- colours ------------------------------------------------------------------------------

    def dark(self) -> bool:
        if self._scheme != "system":
            return self._scheme == "dark"
        return bool(self._app.styleHints().colorScheme() == self._core.Qt.ColorScheme.Dark)

    def set_scheme(self, scheme: Scheme) -> None:
        self._scheme = scheme
        kinds = self._core.Qt.ColorScheme
        wanted = {"system": kinds.Unknown, "light": kinds.Light, "dark": kinds.Dark}[scheme]
        hints = self._app.styleHints()
        hints.setColorScheme(wanted)
        if hints.colorScheme() == kinds.Unknown:
            # No desktop theme does this, so menus and dialogs get a palette. Qt finds a contrasting text colour.
            ground = self._gui.QColor(MENU_GROUND)
            dark = self._gui.QPalette(ground, ground)
            self._app.setPalette(dark if scheme == "dark" else self._app.style().standardPalette())
        self._colour_all()

    def _colour_all(self) -> None:
        for view, dress in still_there(self._platform.BrowserView, self._dresses):
            self._colour(view, dress)

    def _colour(self, view: Any, dress: Dress) -> None:
        colour = self._gui.QColor(dress.colours[1] if self.dark() else dress.colours[0])
        palette = view.palette()
        palette.setColor(view.backgroundRole(), colour)
        view.setPalette(palette)
        view.webview.page().setBackgroundColor(colour)

    # --- at any time --------------------------------------------------------------------------

    def later(self, run: Callable[[], None]) -> None:
        self._loop.run.emit(run)

    def push(self, window: Any, script: str) -> None:
        view = self._view(window)
        if view is not None:
            view.webview.page().runJavaScript(script)

    def end_page(self, window: Any) -> None:
        import os
        import signal

        view = self._view(window)
        process = int(view.webview.page().renderProcessPid()) if view is not None else 0
        if process > 0:
            os.kill(process, signal.SIGTERM if os.name == "nt" else signal.SIGKILL)

    def show_plain(self, window: Any, html: str) -> None:
        view, dress = self._view(window), self._dresses.get(window.uid)
        if view is not None and dress is not None:
            view.chatkit_plain = True
            view.webview.page().setHtml(html, self._core.QUrl(dress.own_url()))

    def set_zoom(self, window: Any, factor: float) -> None:
        view = self._view(window)
        if view is not None:
            view.chatkit_zoom = factor
            view.webview.page().setZoomFactor(factor)

    def place(self, window: Any) -> Place | None:
        view = self._view(window)
        if view is None:
            return None
        normal = view.normalGeometry() if view.isMaximized() else view.geometry()
        return Place(normal.width(), normal.height(), view.x(), view.y(), bool(view.isMaximized()))

    def screens(self) -> list[Rect]:
        areas = [screen.availableGeometry() for screen in self._app.screens()]
        return [Rect(a.x(), a.y(), a.width(), a.height()) for a in areas]

    def focus(self, window: Any) -> None:
        view = self._view(window)
        if view is not None:
            if view.isMinimized():
                view.showNormal()
            view.raise_()
            view.activateWindow()

    def screenshot(self, window: Any, file: Path, done: Callable[[bool], None]) -> None:
        view = self._view(window)
        done(view is not None and bool(view.grab().save(str(file), "PNG")))

    def quit(self) -> None:
        def close_all() -> None:
            for view in list(self._platform.BrowserView.instances.values()):
                view.close()

        self.later(close_all)


def _once(kind: Any) -> Callable[..., None]:
    """pywebview's `closeEvent`, unless the window has already closed. Closing a window closes others too, and pywebview
    6.2.1 raises KeyError for a window closed twice."""
    stock = kind.closeEvent

    def closes(view: Any, event: Any) -> None:
        if kind.instances.get(view.uid) is view:
            stock(view, event)
        else:
            event.accept()

    return closes


def _one(make: Callable[..., Any], script: Any) -> Callable[..., Any]:
    """Make one profile for all windows, with `script` in each page. pywebview makes a profile per window on the same
    folder, and then about every second further window never loads (PySide6 6.11.3, pywebview 6.2.1)."""
    made: list[Any] = []

    def profile(*args: Any) -> Any:
        if not made:
            made.append(make(*args))
            made[0].scripts().insert(script)
        return made[0]

    return profile
