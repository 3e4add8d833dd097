"""Counters of the running app, and the text of "Copy diagnostics".

The text helps with bug reports: versions, settings, counters, the last errors. Bug reports are public, so this module
lists what may be included. Everything else (chats, names, commands, addresses, variables, a server's words) is left
out, and so is any setting added later.
"""

from __future__ import annotations

import re
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from desktop import __version__
from desktop.common import logs
from desktop.common.errors import AppError

if TYPE_CHECKING:
    from desktop.settings.layers import Row, SettingsStore

LATENCIES_KEPT = 500
ERRORS_KEPT = 20

OPEN = frozenset(
    {
        "version",
        "language",
        "zoom",
        "log_level",
        "check_for_updates",
        "chat.theme.scheme",
        "chat.theme.radius",
        "chat.theme.density",
        "chat.theme.typography.base_size",
        "chat.locale",
        "network.timeout_seconds",
    }
)
"""Settings shown with their values, besides all booleans and numbers. Of the others, only that they are set."""
KINDS = ("assistant", "code", "demo", "server", "workflow", "stdio", "http", "sse")
"""Kinds of agents and MCP servers, which are shown."""
TOLD = re.compile(
    r"\b(?:[A-Z][A-Za-z]{2,40}(?:Error|Exception|Timeout|Warning)|Errno -?[0-9]{1,5}|errno [0-9]{1,5}|[1-5][0-9]{2})\b"
)
"""What is kept of an error's detail, which may quote anybody: exception classes, error numbers, a status."""

ALWAYS_SHOWN = ("sessions_minted", "active_streams", "messages")
PACKAGES = ("pywebview", "httpx", "keyring", "SecretStorage", "pydantic", "truststore", "PySide6-Addons", "qtpy")


class Counters:
    """The counters of one process. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()
        self._last_errors: deque[str] = deque(maxlen=ERRORS_KEPT)
        self._latencies: dict[str, deque[float]] = {}

    def add(self, name: str, amount: int = 1) -> None:
        """Add `amount`, which may be negative, to `name`: `sessions_minted`, `active_streams`, `messages`, …"""
        with self._lock:
            self._counts[name] += amount

    def latency(self, name: str, seconds: float) -> None:
        """Record that `name` took `seconds`. The last 500 values of each name are kept."""
        with self._lock:
            self._latencies.setdefault(name, deque(maxlen=LATENCIES_KEPT)).append(seconds)

    def error(self, error: AppError) -> None:
        """Count an error that was shown to a person."""
        line = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {error.code} {logs.redact(error.detail)[:300]}".rstrip()
        with self._lock:
            self._errors[error.code] += 1
            self._last_errors.append(line)

    def snapshot(self) -> dict[str, Any]:
        """`{uptime_seconds, sessions_minted, active_streams, messages, …, errors: {code: n}, last_errors,
        latencies: {name: {count, min_ms, median_ms, max_ms}}}`."""
        with self._lock:
            return {
                "uptime_seconds": round(self._clock() - self._began, 1),
                **dict.fromkeys(ALWAYS_SHOWN, 0),
                **self._counts,
                "errors": dict(self._errors),
                "last_errors": list(self._last_errors),
                "latencies": {name: _summary(sorted(times)) for name, times in self._latencies.items()},
            }


def _summary(times: list[float]) -> dict[str, float]:
    return {
        "count": len(times),
        "min_ms": round(times[0] * 1000, 1),
        "median_ms": round(times[len(times) // 2] * 1000, 1),
        "max_ms": round(times[-1] * 1000, 1),
    }


def diagnostics_text(
    *,
    settings: SettingsStore,
    counters: Counters,
    engine: str,
    profile: str,
    app: str = "ChatKit Desktop",
    facts: Mapping[str, object] | None = None,
) -> str:
    """The redacted text. `facts`: more lines (`{"key": "in the keyring"}`), never a secret."""
    import platform

    lines = [
        f"{app} {__version__}",
        f"time: {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        f"system: {platform.platform()}",
        f"python: {platform.python_version()}",
        f"engine: {engine}",
        f"profile: {profile}",
        f"packages: {', '.join(_packages())}",
        *(f"{name}: {value}" for name, value in (facts or {}).items()),
        "",
        "settings:",
        *(f"  {row.name} = {_shown(row)} ({row.layer})" for row in settings.rows() if row.layer != "default"),
        "",
        "counters:",
    ]
    found = counters.snapshot()
    last = found.pop("last_errors")
    lines += [f"  {name}: {value}" for name, value in found.items()]
    lines += [
        "",
        "last errors:",
        *(f"  {when} {code} {_told(detail)}".rstrip() for when, code, detail in map(_parts, last)),
    ]
    lines += [f"  at start: {notice.code} {_told(notice.detail)}".rstrip() for notice in settings.notices]
    return logs.redact(_without_home("\n".join(lines))) + "\n"


def _parts(line: str) -> tuple[str, str, str]:
    when, code, *detail = line.split(" ", 2)
    return when, code, "".join(detail)


def _told(detail: str) -> str:
    return " ".join(dict.fromkeys(TOLD.findall(detail[:2000])))[:200]


def _shown(row: Row) -> str:
    value = row.value
    if value is None or isinstance(value, (bool, int, float)) or (row.name in OPEN and isinstance(value, str)):
        return repr(value)[:60]
    if not isinstance(value, (list, dict)):
        return "(set)"
    found = [str(one.get("kind") or one.get("transport")) for one in value if isinstance(one, dict)]
    kinds = [kind for kind in KINDS for one in found if one == kind]
    return f"(set, {len(value)}) {' '.join(kinds)}".rstrip()


def _packages() -> list[str]:
    from importlib import metadata

    found: list[str] = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return found


def _without_home(text: str) -> str:
    from pathlib import Path

    try:
        home = str(Path.home())
    except RuntimeError:
        return text
    return text.replace(home, "~") if len(home) > 1 else text
