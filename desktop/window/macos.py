"""WKWebView on macOS through pywebview: lockdown, placement, zoom, theme, downloads, quitting. Not run on macOS by this
project: written from Apple's reference, pywebview 6.2.1's source and PyObjC's list of selectors.
`tests/window/test_engine_contract.py` records its calls to Cocoa.

Nobody gets the microphone here, and the proxy is the system's: neither the bundle's Info.plist nor the PyObjC packages
that come with pywebview support more.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from desktop.common.locations import is_frozen
from desktop.window import macos_menu
from desktop.window.engine import Dress, EngineName, MenuBar, Proxy
from desktop.window.errors import EngineChanged
from desktop.window.macos_links import take_links
from desktop.window.placement import Place, Rect
from desktop.window.system_engine import SystemEngine

log = logging.getLogger(__name__)

CANCEL, ALLOW, DOWNLOAD = 0, 1, 2
"""WKNavigationActionPolicy and WKNavigationResponsePolicy."""
MEDIA_DENY = 2
"""WKPermissionDecision.deny."""
LINK_ACTIVATED = 0
"""WKNavigationType.linkActivated."""
STOPPED = (-999, 102)
"""NSURLErrorCancelled, and WebKit's own "frame load interrupted": neither is a failure."""
OK = 1
"""NSModalResponseOK."""
APPLICATION_DEFINED = 15
"""NSEventTypeApplicationDefined."""
LIGHT, DARK = "NSAppearanceNameAqua", "NSAppearanceNameDarkAqua"
RELIED_ON = (
    *("AppDelegate", "BrowserDelegate", "_add_custom_menu", "_add_view_menu"),
    *("get_instance", "instances", "should_close", "app"),
)


class CocoaEngine(SystemEngine):
    name: EngineName = "cocoa"
    takes_proxy = False

    def prepare(self, *, app_id: str, menu: MenuBar, proxy: Proxy | None, reach: Sequence[str]) -> None:
        import AppKit
        import objc
        import WebKit
        from PyObjCTools import AppHelper
        from webview.platforms import cocoa

        super().prepare(app_id=app_id, menu=menu, proxy=proxy, reach=reach)
        for name in RELIED_ON:
            if not hasattr(cocoa.BrowserView, name):
                raise EngineChanged(problem=f"cocoa.BrowserView.{name}")
        if not hasattr(cocoa, "WebKit"):
            raise EngineChanged(problem="cocoa.WebKit")
        if is_frozen():  # run from source, there is no bundle to declare a scheme
            take_links()
        self._kit, self._soon, self._browser = AppKit, AppHelper.callAfter, cocoa.BrowserView
        # The engine keeps nothing on disk: pywebview 6.2.1 accepts no folder here, so *Delete all data* would miss it.
        # pywebview sets a store too late, after the view has copied its configuration. Here it is set before.
        cocoa.WebKit = _InMemory(WebKit)
        self._menus = macos_menu.Menus(AppKit, menu)
        cocoa.BrowserView._add_custom_menu = lambda _view, bar, _menus: self._menus.add(bar)
        cocoa.BrowserView._add_view_menu = lambda _view, _bar: None  # our menu has one
        self._saver = _saver(AppKit)
        objc.classAddMethods(cocoa.BrowserView.AppDelegate, [self._terminating()])
        objc.classAddMethods(cocoa.BrowserView.BrowserDelegate, self._delegate())

    def _terminating(self) -> Callable[..., None]:
        def applicationWillTerminate_(_self: Any, _notification: Any) -> None:  # noqa: N802  # a selector's name
            # Cmd+Q, or logging out: AppKit ends the process inside `terminate:`, and the loop never returns.
            self.ending()

        return applicationWillTerminate_

    def _delegate(self) -> list[Callable[..., None]]:
        """The delegate that WebKit asks about a window. Its method names are selectors."""

        def uid_of(web: Any) -> str:
            view = self._browser.get_instance("webview", web)
            return str(view.pywebview_window.uid) if view is not None else ""

        def webView_decidePolicyForNavigationAction_decisionHandler_(  # noqa: N802
            _self: Any, web: Any, action: Any, handler: Any
        ) -> None:
            uid, target, url = uid_of(web), action.targetFrame(), _address(action)
            by_link = action.navigationType() == LINK_ACTIVATED
            if action.shouldPerformDownload():
                handler(DOWNLOAD if self._takes(uid, by_link) else CANCEL)
            elif target is not None and (not target.isMainFrame() or self._may_show(uid, url)):
                handler(ALLOW)
            else:
                handler(CANCEL)
                if target is None:
                    self._leave(uid, url, by_link)

        def webView_decidePolicyForNavigationResponse_decisionHandler_(  # noqa: N802
            _self: Any, web: Any, response: Any, handler: Any
        ) -> None:
            uid = uid_of(web)
            if response.isForMainFrame() and not self._may_show(uid, str(response.response().URL().absoluteString())):
                handler(CANCEL)
            elif response.canShowMIMEType():
                handler(ALLOW)
            else:
                handler(DOWNLOAD if self._takes(uid, True) else CANCEL)

        def webView_navigationAction_didBecomeDownload_(  # noqa: N802
            _self: Any, _web: Any, _action: Any, download: Any
        ) -> None:
            download.setDelegate_(self._saver)

        def webView_navigationResponse_didBecomeDownload_(  # noqa: N802
            _self: Any, _web: Any, _response: Any, download: Any
        ) -> None:
            download.setDelegate_(self._saver)

        def webView_createWebViewWithConfiguration_forNavigationAction_windowFeatures_(  # noqa: N802
            _self: Any, web: Any, _configuration: Any, action: Any, _features: Any
        ) -> None:
            self._leave(uid_of(web), _address(action), action.navigationType() == LINK_ACTIVATED)

        def webView_requestMediaCapturePermissionForOrigin_initiatedByFrame_type_decisionHandler_(  # noqa: N802
            _self: Any, _web: Any, _origin: Any, _frame: Any, _kind: Any, handler: Any
        ) -> None:
            handler(MEDIA_DENY)

        def webView_didCommitNavigation_(_self: Any, web: Any, _navigation: Any) -> None:  # noqa: N802
            address = web.URL()
            self._seen(uid_of(web), str(address.absoluteString()) if address is not None else "about:blank")

        def webView_didFailProvisionalNavigation_withError_(  # noqa: N802
            _self: Any, web: Any, _navigation: Any, error: Any
        ) -> None:
            dress = self._dresses.get(uid_of(web))
            if dress is not None and error.code() not in STOPPED:
                dress.failed()

        def webViewWebContentProcessDidTerminate_(_self: Any, web: Any) -> None:  # noqa: N802
            dress = self._dresses.get(uid_of(web))
            if dress is not None:
                dress.crashed()

        return [
            webView_decidePolicyForNavigationAction_decisionHandler_,
            webView_decidePolicyForNavigationResponse_decisionHandler_,
            webView_navigationAction_didBecomeDownload_,
            webView_navigationResponse_didBecomeDownload_,
            webView_createWebViewWithConfiguration_forNavigationAction_windowFeatures_,
            webView_requestMediaCapturePermissionForOrigin_initiatedByFrame_type_decisionHandler_,
            webView_didCommitNavigation_,
            webView_didFailProvisionalNavigation_withError_,
            webViewWebContentProcessDidTerminate_,
        ]

    # --- one window ---------------------------------------------------------------------------

    def dress(self, window: Any, dress: Dress) -> None:
        super().dress(window, dress)
        window.events.closed += self._wake

    def _wake(self) -> None:
        """Post an event: `stop:` ends AppKit's loop only after the next one, and closing a window sends none."""

        def post() -> None:
            make = self._kit.NSEvent.otherEventWithType_location_modifierFlags_timestamp_windowNumber_context_subtype_data1_data2_  # noqa: E501
            event = make(APPLICATION_DEFINED, self._kit.NSMakePoint(0, 0), 0, 0.0, 0, None, 0, 0, 0)
            self._browser.app.postEvent_atStart_(event, True)

        self._soon(post)

    def _view(self, window: Any) -> Any:
        return self._browser.instances.get(window.uid)

    def _views(self) -> list[Any]:
        return list(self._browser.instances.values())

    def _fit(self, view: Any, place: Place) -> None:
        frame = view.window.frame()
        x, y = place.x, place.y
        if x is None or y is None:
            old = self._upright(frame)
            x, y = old.x + (old.width - place.width) // 2, old.y + (old.height - place.height) // 2
        left, bottom = x, self._top() - y - place.height
        view.window.setFrame_display_(self._kit.NSMakeRect(left, bottom, place.width, place.height), True)
        if place.maximized and not view.window.isZoomed():
            view.window.zoom_(None)

    def _top(self) -> int:
        """The height of the first screen: AppKit counts upwards from the lower left corner, we count from the upper."""
        return round(self._kit.NSScreen.screens()[0].frame().size.height)

    def _upright(self, rect: Any) -> Rect:
        """AppKit's rectangle, which has floats and counts upwards, as ours."""
        width, height = round(rect.size.width), round(rect.size.height)
        return Rect(round(rect.origin.x), self._top() - round(rect.origin.y) - height, width, height)

    def _furnish(self, view: Any, dress: Dress) -> None:
        """All windows share one menu bar, which pywebview makes with the first."""

    def _zoom(self, view: Any, factor: float) -> None:
        view.webview.setPageZoom_(factor)

    def _colour(self, view: Any, dress: Dress) -> None:
        name = {"light": LIGHT, "dark": DARK}.get(self._scheme)
        appearance = self._kit.NSAppearance.appearanceNamed_(name) if name else None
        self._browser.app.setAppearance_(appearance)
        view.window.setBackgroundColor_(self._browser.nscolor_from_hex(dress.colours[1 if self.dark() else 0]))

    # --- at any time --------------------------------------------------------------------------

    def _post(self, run: Callable[[], None]) -> None:
        self._soon(run)

    def push(self, window: Any, script: str) -> None:
        # Not pywebview's `run_js`: it waits for the result, and for ever if its window has gone.
        def run() -> None:
            view = self._view(window)
            if view is not None:
                view.webview.evaluateJavaScript_completionHandler_(script, None)

        self.later(run)

    def show_plain(self, window: Any, html: str) -> None:
        view, dress = self._view(window), self._dresses.get(window.uid)
        if view is not None and dress is not None:
            view.load_html(html, dress.own_url())

    def _system_dark(self) -> bool:
        appearance = self._browser.app.effectiveAppearance()
        return bool(appearance.bestMatchFromAppearancesWithNames_([LIGHT, DARK]) == DARK)

    def place(self, window: Any) -> Place | None:
        view = self._view(window)
        if view is None:
            return None
        frame = self._upright(view.window.frame())
        return Place(frame.width, frame.height, frame.x, frame.y, bool(view.window.isZoomed()))

    def screens(self) -> list[Rect]:
        return [self._upright(screen.visibleFrame()) for screen in self._kit.NSScreen.screens()]

    def focus(self, window: Any) -> None:
        view = self._view(window)
        if view is not None:
            if view.window.isMiniaturized():
                view.window.deminiaturize_(None)
            view.window.makeKeyAndOrderFront_(None)
            self._browser.app.activateIgnoringOtherApps_(True)

    def quit(self) -> None:
        def close_all() -> None:
            for view in self._views():
                if self._browser.should_close(view.pywebview_window):  # sends the closing event, like the red button
                    view.window.close()

        self.later(close_all)


class _InMemory:
    """Replaces PyObjC's WebKit module in pywebview: every configuration shares one store, kept in memory."""

    def __init__(self, webkit: Any) -> None:
        self._webkit = webkit
        self._store = webkit.WKWebsiteDataStore.nonPersistentDataStore()
        self.WKWebsiteDataStore = self
        self.WKWebViewConfiguration = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._webkit, name)

    def defaultDataStore(self) -> Any:  # noqa: N802  # a selector's name
        return self._store

    def alloc(self) -> _InMemory:
        return self

    def init(self) -> Any:
        configuration = self._webkit.WKWebViewConfiguration.alloc().init()
        configuration.setWebsiteDataStore_(self._store)
        return configuration


def _address(action: Any) -> str:
    return str(action.request().URL().absoluteString())


def _saver(kit: Any) -> Any:
    """The delegate that a download asks for its destination."""

    class DownloadSaver(kit.NSObject):
        def download_decideDestinationUsingResponse_suggestedFilename_completionHandler_(  # noqa: N802
            self, _download: Any, _response: Any, name: Any, handler: Any
        ) -> None:
            panel = kit.NSSavePanel.savePanel()
            panel.setNameFieldStringValue_(name)
            if panel.runModal() != OK:
                handler(None)
                return
            # The panel has already asked about replacing. WebKit's download refuses to overwrite a file.
            kit.NSFileManager.defaultManager().removeItemAtURL_error_(panel.URL(), None)
            handler(panel.URL())

    return DownloadSaver.alloc().init()
