"""WebView2 (Edge) on Windows through pywebview. Written from Microsoft's reference; not run by this project yet.

Only what the safety promises need: navigation, new windows, permissions, the bridge. Downloads already ask in
pywebview, and developer tools are off in release builds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from desktop.errors import EngineChanged
from desktop.window import calls
from desktop.window.engine import EngineName, MenuBar, Proxy
from desktop.window.plain import PlainEngine

DENY = 2
"""CoreWebView2PermissionState.Deny."""


class EdgeEngine(PlainEngine):
    name: EngineName = "edgechromium"

    def prepare(self, *, app_id: str, menu: MenuBar, proxy: Proxy | None, reach: Sequence[str]) -> None:
        from webview.platforms import edgechromium as platform

        super().prepare(app_id=app_id, menu=menu, proxy=proxy, reach=reach)
        platform.json = calls.JSON
        chrome = platform.EdgeChrome
        for name in ("on_new_window_request", "on_navigation_start", "on_webview_ready"):
            if not hasattr(chrome, name):
                raise EngineChanged(problem=f"edgechromium.EdgeChrome.{name}")
        dresses = self._dresses
        stock_ready = chrome.on_webview_ready

        def on_new_window(view: Any, _sender: Any, args: Any) -> None:
            args.set_Handled(True)
            dress = dresses.get(view.pywebview_window.uid)
            if dress is not None:
                dress.open_outside(str(args.get_Uri()))

        def on_navigation(view: Any, _sender: Any, args: Any) -> None:
            # NavigationStarting of the control is for the top frame; frames have an event of their own.
            dress = dresses.get(view.pywebview_window.uid)
            url = str(args.get_Uri())
            if dress is not None and not dress.policy.may_show(url, dress.own_url()):
                args.set_Cancel(True)
                if args.get_IsUserInitiated():
                    dress.open_outside(url)

        def on_ready(view: Any, sender: Any, args: Any) -> None:
            stock_ready(view, sender, args)
            if args.IsSuccess:
                sender.CoreWebView2.PermissionRequested += lambda _s, request: request.set_State(DENY)
                dress = dresses.get(view.pywebview_window.uid)
                if dress is not None:
                    sender.CoreWebView2.ProcessFailed += lambda *_: dress.crashed()

        chrome.on_new_window_request = on_new_window
        chrome.on_navigation_start = on_navigation
        chrome.on_webview_ready = on_ready
