"""Errors of windows and of the bridge."""

from __future__ import annotations

from desktop.common.errors import AppError, BridgeError
from desktop.openai_api.errors import ChatError


class UnknownMethod(BridgeError):
    """values: method."""

    code = "unknown_method"


class CallTooLarge(BridgeError):
    """values: limit (text with a unit)."""

    code = "call_too_large"


class TooManyCalls(BridgeError):
    code = "too_many_calls"
    retryable = True


class PageNotLoaded(ChatError):
    """The app's own server did not deliver a window's page."""

    code = "page_not_loaded"
    retryable = True


class EngineError(AppError):
    exit_code = 3


class EngineMissing(EngineError):
    """values: command (the exact install line)."""

    code = "engine_missing"


class EngineHidden(EngineError):
    """It is installed for the system's Python, but this environment does not see it. values: command (makes it
    visible), advice (installs the other engine)."""

    code = "engine_hidden"


class EngineChanged(EngineError):
    """values: problem (which internal of pywebview has changed)."""

    code = "engine_changed"


class EngineRefusesRoot(EngineError):
    code = "engine_refuses_root"


class EngineNotHere(EngineError):
    """values: engine (the one requested)."""

    code = "engine_not_here"
    exit_code = 2


class WebViewMissing(EngineError):
    """values: link (where Microsoft has it)."""

    code = "webview_missing"


class DotNetMissing(EngineError):
    """values: link (where Microsoft has it)."""

    code = "dotnet_missing"


class EngineLost(EngineError):
    code = "engine_lost"


class ProxyNotInWindow(EngineError):
    code = "proxy_not_in_window"


class WindowNotMade(EngineError):
    """values: problem (the engine's own words)."""

    code = "window_not_made"


class WindowBlank(EngineError):
    """values: tried (the variables tried, or set by the person)."""

    code = "window_blank"


class DisplayMissing(EngineError):
    code = "display_missing"
    exit_code = 4
