"""Loads ChatKit's server without the agent stack, so that lists and the demo work while `agents` is being imported.

In openai-chatkit 1.6.5, `chatkit.server` begins with `import agents` (1.1 s of its 1.3 s), but only uses a version and
two context variables for the user agent. Here its code runs with nothing in their place. Knows no agent.
"""

from __future__ import annotations

import importlib.util
import sys
import threading
from contextvars import ContextVar
from types import ModuleType, SimpleNamespace
from typing import Any

from desktop.common.errors import AgentsMissing
from desktop.common.installed import agents_missing

NAME = "desktop.agents._chatkit_server"
"""The module's name, so that its log records can't be mistaken for the package's."""
HEADERS: ContextVar[dict[str, str] | None] = ContextVar("chatkit_light_headers", default=None)

_lock = threading.Lock()


def chatkit_server() -> ModuleType:
    """`chatkit.server`, built only on `chatkit.types` and `chatkit.store`. Raises AgentsMissing.

    Its classes are different: `ChatKitServer` here is not `chatkit.server.ChatKitServer`. Requests, events and items
    are the package's.
    """
    with _lock:
        known = sys.modules.get(NAME)
        if known is not None:
            return known
        try:
            spec = importlib.util.find_spec("chatkit.server")
        except ModuleNotFoundError as error:
            raise missing(error) from None
        loader: Any = spec.loader if spec is not None else None
        if loader is None:
            raise missing(ModuleNotFoundError("chatkit.server"))
        module = ModuleType(NAME)
        # `__package__` makes `from .types import …` refer to chatkit; `import` looks up its function in `__builtins__`.
        vars(module).update(__package__="chatkit", __builtins__={**vars(_builtins()), "__import__": _import})
        try:
            exec(loader.get_code("chatkit.server"), vars(module))  # noqa: S102 - the installed package's own code
        except ModuleNotFoundError as error:
            raise missing(error) from None
        sys.modules[NAME] = module
        return module


def missing(error: ImportError) -> AgentsMissing:
    """The error for a part of the agent stack that is not installed."""
    return agents_missing(str(error))


def _builtins() -> ModuleType:
    import builtins

    return builtins


def _import(name: str, globals_: Any = None, locals_: Any = None, fromlist: Any = (), level: int = 0) -> Any:
    if level == 0 and name.split(".")[0] == "agents":
        return SimpleNamespace(__version__="0", HEADERS_OVERRIDE=HEADERS, _HEADERS_OVERRIDE=HEADERS)
    return __import__(name, globals_, locals_, fromlist, level)
