"""Makes a WebKitGTK view before pywebview asks for one, so that its processes start while the app is imported.

pywebview 6.2 makes context, script manager and view for each window. The first window gets these prepared ones. If
pywebview asks for them in any other order, everything is made as usual.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

FOLDERS = {
    "base_cache_directory": "cache",
    "local_storage_directory": "localstorage",
    "indexeddb_directory": "indexeddb",
    "websql_directory": "websql",
    "hsts_cache_directory": "hsts",
    "itp_directory": "itp",
    "service_worker_registrations_directory": "serviceworkers",
    "dom_cache_directory": "domcache",
}
"""The folders pywebview gives WebKit, below the storage."""


class EarlyView:
    """Replaces `WebKit2` in pywebview's module: passes everything on, and hands out the prepared parts in order."""

    def __init__(self, webkit: Any, storage: Path) -> None:
        self._webkit = webkit
        self._folders = {"base_data_directory": str(storage)}
        self._folders |= {name: str(storage / folder) for name, folder in FOLDERS.items()}
        data = webkit.WebsiteDataManager(**self._folders)
        context = webkit.WebContext.new_with_website_data_manager(data)
        manager = webkit.UserContentManager()
        view = webkit.WebView(user_content_manager=manager, web_context=context)
        # Nothing is loaded. For an empty view, WebKit starts its processes when any script is run.
        view.evaluate_javascript("0", 1, None, None, None, None)
        self._ready = {"data": data, "context": context, "manager": manager, "view": view}
        self._wanted = list(self._ready)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._webkit, name)

    @property
    def taken(self) -> bool:
        """Whether the first window has taken all the parts."""
        return not self._wanted

    def WebsiteDataManager(self, **folders: Any) -> Any:  # noqa: N802  # WebKit's names
        fits = folders == self._folders
        return self._next("data", fits, lambda: self._webkit.WebsiteDataManager(**folders))

    @property
    def WebContext(self) -> Any:  # noqa: N802
        return _Contexts(self._webkit.WebContext, self.context_for)

    def UserContentManager(self) -> Any:  # noqa: N802
        return self._next("manager", True, self._webkit.UserContentManager)

    def WebView(self, **parts: Any) -> Any:  # noqa: N802
        asked = [parts.get("user_content_manager"), parts.get("web_context")]
        fits = len(parts) == 2 and asked == [self._ready.get("manager"), self._ready.get("context")]
        return self._next("view", fits, lambda: self._webkit.WebView(**parts))

    def context_for(self, data: Any) -> Any:
        stock = self._webkit.WebContext.new_with_website_data_manager
        return self._next("context", data is self._ready.get("data"), lambda: stock(data))

    def _next(self, part: str, fits: bool, make: Callable[[], Any]) -> Any:
        """The prepared part if it is the next one expected, otherwise a new one from `make`."""
        if self._wanted[:1] != [part] or not fits:
            return make()
        del self._wanted[0]
        found = self._ready[part]
        if not self._wanted:
            self._ready = {}  # they live as long as their window
        return found


class _Contexts:
    """Replaces the class `WebContext`."""

    def __init__(self, stock: Any, context_for: Callable[[Any], Any]) -> None:
        self._stock = stock
        self.new_with_website_data_manager = context_for

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stock, name)
