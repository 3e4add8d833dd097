"""WKWebView on macOS through pywebview. Written from Apple's reference; not run by this project yet.

Only what the safety promises need: navigation, new windows, media permission, the bridge.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from desktop.errors import EngineChanged
from desktop.settings.locations import is_frozen
from desktop.window import calls
from desktop.window.engine import EngineName, MenuBar, Proxy
from desktop.window.macos_links import take_links
from desktop.window.plain import PlainEngine

CANCEL, ALLOW = 0, 1
"""WKNavigationActionPolicy."""
MEDIA_DENY = 2
"""WKPermissionDecision.deny."""
LINK_ACTIVATED = 0
"""WKNavigationType.linkActivated."""


class CocoaEngine(PlainEngine):
    name: EngineName = "cocoa"

    def prepare(self, *, app_id: str, menu: MenuBar, proxy: Proxy | None, reach: Sequence[str]) -> None:
        import objc
        from webview.platforms import cocoa as platform

        super().prepare(app_id=app_id, menu=menu, proxy=proxy, reach=reach)
        platform.json = calls.JSON
        if is_frozen():  # from source no bundle names a scheme
            take_links()
        view = platform.BrowserView
        if not hasattr(view, "BrowserDelegate") or not hasattr(view, "get_instance"):
            raise EngineChanged(problem="cocoa.BrowserView")
        dresses = self._dresses

        def dress_of(web: Any) -> Any:
            instance = view.get_instance("webview", web)
            return dresses.get(instance.pywebview_window.uid) if instance else None

        def webView_decidePolicyForNavigationAction_decisionHandler_(  # noqa: N802  # a selector's name
            _self: Any, web: Any, action: Any, handler: Any
        ) -> None:
            dress, target = dress_of(web), action.targetFrame()
            url = str(action.request().URL().absoluteString())
            within = target is not None and not target.isMainFrame()
            if dress is None or within or (target is not None and dress.policy.may_show(url, dress.own_url())):
                handler(ALLOW)
            else:
                handler(CANCEL)
                if action.navigationType() == LINK_ACTIVATED or target is None:
                    dress.open_outside(url)

        def webView_createWebViewWithConfiguration_forNavigationAction_windowFeatures_(  # noqa: N802
            _self: Any, web: Any, _configuration: Any, action: Any, _features: Any
        ) -> None:
            dress = dress_of(web)
            if dress is not None:
                dress.open_outside(str(action.request().URL().absoluteString()))

        def webView_requestMediaCapturePermissionForOrigin_initiatedByFrame_type_decisionHandler_(  # noqa: N802
            _self: Any, _web: Any, _origin: Any, _frame: Any, _kind: Any, handler: Any
        ) -> None:
            handler(MEDIA_DENY)

        def webViewWebContentProcessDidTerminate_(_self: Any, web: Any) -> None:  # noqa: N802
            dress = dress_of(web)
            if dress is not None:
                dress.crashed()

        objc.classAddMethods(
            view.BrowserDelegate,
            [
                webView_decidePolicyForNavigationAction_decisionHandler_,
                webView_createWebViewWithConfiguration_forNavigationAction_windowFeatures_,
                webView_requestMediaCapturePermissionForOrigin_initiatedByFrame_type_decisionHandler_,
                webViewWebContentProcessDidTerminate_,
            ],
        )
