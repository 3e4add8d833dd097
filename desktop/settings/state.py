"""What the app remembers on its own: window places, the last thread, and so on. Losing it does no harm.

So damage is not reported, and the file starts over.
"""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from desktop.common.errors import AppError
from desktop.common.files import ensure_private_dir, read_limited, write_private

SIZE_LIMIT = 1024 * 1024
THREADS_KEPT = 500


@dataclass(frozen=True)
class Place:
    """A window's place in screen pixels. The size is that of the restored window."""

    x: int
    y: int
    width: int
    height: int
    maximized: bool = False


@dataclass(frozen=True)
class Drawn:
    """The drawing method of windows."""

    version: str
    """The engine's version."""
    way: str
    settled: bool
    """Whether it has worked; False while it is being tried."""
    ends: int = 0
    """How many earlier starts ended silently while trying it."""


class State:
    """A profile's `state.json`. Thread-safe. What can't be written is kept in memory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._values = _read(path)

    def last_thread(self, agent: str) -> str | None:
        """The id of the last thread open with this agent."""
        found = self._part("last_threads").get(agent)
        return found if isinstance(found, str) and 0 < len(found) <= 200 else None

    def set_last_thread(self, agent: str, thread: str | None) -> None:
        """Remember the open thread; None forgets it."""
        with self._lock:
            threads = self._part("last_threads")
            if threads.get(agent) == thread:
                return
            threads.pop(agent, None)
            if thread is not None:
                threads[agent] = thread
            while len(threads) > THREADS_KEPT:
                del threads[next(iter(threads))]
            self._write()

    def place(self, window: str) -> Place | None:
        """The last place of `window`, or None. The caller checks whether it is still on a screen."""
        found = self._part("places").get(window)
        if not isinstance(found, dict):
            return None
        numbers = [found.get(name) for name in ("x", "y", "width", "height")]
        if not all(isinstance(n, int) and not isinstance(n, bool) and abs(n) < 100_000 for n in numbers):
            return None
        x, y, width, height = (int(n) for n in numbers if n is not None)
        return Place(x, y, width, height, found.get("maximized") is True) if width > 0 and height > 0 else None

    def set_place(self, window: str, place: Place) -> None:
        """Remember the place of `window`."""
        with self._lock:
            places = self._part("places")
            if places.get(window) != asdict(place):
                places[window] = asdict(place)
                self._write()

    def key_known(self, origin: str) -> bool:
        """Whether, as far as the app knows, the keyring has a key for this origin. The key itself is not here."""
        return self._part("keys_known").get(origin) is True

    def set_key_known(self, origin: str, known: bool) -> None:
        """Remember it, so that the next start can choose its first page before the keyring answers."""
        with self._lock:
            if self.key_known(origin) != known:
                self._part("keys_known").pop(origin, None)
                if known:
                    self._part("keys_known")[origin] = True
                self._write()

    def notice_seen(self, name: str) -> bool:
        """Whether a notice that is shown once has been dismissed."""
        return self._part("notices_seen").get(name) is True

    def set_notice_seen(self, name: str) -> None:
        """Don't show it again."""
        with self._lock:
            self._part("notices_seen")[name] = True
            self._write()

    def updates_checked(self) -> float:
        """When the last automatic check for updates was, in seconds since 1970; 0 for never."""
        found = self._values.get("updates_checked")
        return float(found) if isinstance(found, (int, float)) and not isinstance(found, bool) else 0.0

    def set_updates_checked(self, when: float) -> None:
        """Remember a check even if it failed, so that an unreachable page is not asked at every start."""
        with self._lock:
            self._values["updates_checked"] = when
            self._write()

    def taking_over(self, agent: str) -> bool:
        """Whether this agent becomes the active one once its code is approved."""
        return bool(agent) and self._values.get("taking_over") == agent

    def set_taking_over(self, agent: str) -> None:
        """Empty for none."""
        with self._lock:
            if self._values.get("taking_over", "") != agent:
                self._values["taking_over"] = agent
                self._write()

    def drawn(self) -> Drawn | None:
        """The drawing method; None if unknown."""
        found = self._part("drawn")
        version, way, ends = found.get("version"), found.get("way"), found.get("ends")
        if not (isinstance(version, str) and isinstance(way, str)):
            return None
        return Drawn(version[:40], way[:40], found.get("settled") is True, ends if isinstance(ends, int) else 0)

    def set_drawn(self, drawn: Drawn | None) -> None:
        """Remember it for the next start; None forgets it."""
        with self._lock:
            self._values["drawn"] = asdict(drawn) if drawn else {}
            self._write()

    def export_folder(self) -> str:
        """The folder of the last export; empty if there was none."""
        found = self._values.get("export_folder")
        return found if isinstance(found, str) and len(found) <= 4096 else ""

    def set_export_folder(self, folder: str) -> None:
        with self._lock:
            if self._values.get("export_folder") != folder:
                self._values["export_folder"] = folder
                self._write()

    def side(self) -> tuple[int | None, str]:
        """The width of the list of chats in the built-in view, in pixels (None if it was never changed), and the agent
        whose chats alone it shows (empty for all)."""
        found = self._part("side")
        width, agent = found.get("width"), found.get("agent")
        known = isinstance(width, int) and not isinstance(width, bool)
        return (width if known else None), (agent if isinstance(agent, str) and len(agent) <= 64 else "")

    def set_side(self, width: int | None, agent: str | None) -> None:
        """Remember either; None leaves it as it is."""
        with self._lock:
            part = self._part("side")
            wanted = {name: value for name, value in (("width", width), ("agent", agent)) if value is not None}
            if not wanted.items() <= part.items():
                part.update(wanted)
                self._write()

    def _part(self, name: str) -> dict[str, Any]:
        part = self._values.get(name)
        if not isinstance(part, dict):
            part = self._values[name] = {}
        return part

    def _write(self) -> None:
        with suppress(OSError, AppError):
            ensure_private_dir(self._path.parent)
            write_private(self._path, json.dumps(self._values, ensure_ascii=False, indent=1))


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(read_limited(path, SIZE_LIMIT))
    except (AppError, ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}
