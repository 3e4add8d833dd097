"""What the app remembers by itself: where windows stood, which thread was open. Losing it costs nothing.

Damage is therefore not reported: the file is begun anew.
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
    """Where a window stood, in the screen's own pixels; the size is that of the restored window."""

    x: int
    y: int
    width: int
    height: int
    maximized: bool = False


@dataclass(frozen=True)
class Drawn:
    """The way in which windows are drawn."""

    version: str
    """Of the engine that it goes for."""
    way: str
    settled: bool
    """Whether something was seen that way; not: it was being tried."""
    ends: int = 0
    """How many starts before ended without a word while it was tried."""


class State:
    """`state.json` of one profile. Safe to use from every thread; what can't be written is kept in memory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._values = _read(path)

    def last_thread(self, agent: str) -> str | None:
        """The id of the thread that was open last with this agent."""
        found = self._part("last_threads").get(agent)
        return found if isinstance(found, str) and 0 < len(found) <= 200 else None

    def set_last_thread(self, agent: str, thread: str | None) -> None:
        """Remembers the open thread; None forgets it."""
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
        """Where `window` stood, or None. Whether that is still on a screen is the window's question."""
        found = self._part("places").get(window)
        if not isinstance(found, dict):
            return None
        numbers = [found.get(name) for name in ("x", "y", "width", "height")]
        if not all(isinstance(n, int) and not isinstance(n, bool) and abs(n) < 100_000 for n in numbers):
            return None
        x, y, width, height = (int(n) for n in numbers if n is not None)
        return Place(x, y, width, height, found.get("maximized") is True) if width > 0 and height > 0 else None

    def set_place(self, window: str, place: Place) -> None:
        """Remembers where `window` stands."""
        with self._lock:
            places = self._part("places")
            if places.get(window) != asdict(place):
                places[window] = asdict(place)
                self._write()

    def key_known(self, origin: str) -> bool:
        """Whether a key for this origin was kept in the keyring when the app last knew. The key itself is elsewhere."""
        return self._part("keys_known").get(origin) is True

    def set_key_known(self, origin: str, known: bool) -> None:
        """Remembers it, so that the next start knows which page to open before the keyring has answered."""
        with self._lock:
            if self.key_known(origin) != known:
                self._part("keys_known").pop(origin, None)
                if known:
                    self._part("keys_known")[origin] = True
                self._write()

    def notice_seen(self, name: str) -> bool:
        """Whether a notice that is given once has been put away."""
        return self._part("notices_seen").get(name) is True

    def set_notice_seen(self, name: str) -> None:
        """It is not given again."""
        with self._lock:
            self._part("notices_seen")[name] = True
            self._write()

    def updates_checked(self) -> float:
        """When new versions were last looked for without being asked, in seconds since 1970; 0 for never."""
        found = self._values.get("updates_checked")
        return float(found) if isinstance(found, (int, float)) and not isinstance(found, bool) else 0.0

    def set_updates_checked(self, when: float) -> None:
        """Also where nothing came of it: a page that is down is not asked at every start."""
        with self._lock:
            self._values["updates_checked"] = when
            self._write()

    def taking_over(self, agent: str) -> bool:
        """Whether this agent is to open once its code is approved."""
        return bool(agent) and self._values.get("taking_over") == agent

    def set_taking_over(self, agent: str) -> None:
        """Empty: nobody."""
        with self._lock:
            if self._values.get("taking_over", "") != agent:
                self._values["taking_over"] = agent
                self._write()

    def drawn(self) -> Drawn | None:
        """How windows are drawn; None: nothing is known of it."""
        found = self._part("drawn")
        version, way, ends = found.get("version"), found.get("way"), found.get("ends")
        if not (isinstance(version, str) and isinstance(way, str)):
            return None
        return Drawn(version[:40], way[:40], found.get("settled") is True, ends if isinstance(ends, int) else 0)

    def set_drawn(self, drawn: Drawn | None) -> None:
        """Remembers it for the next start; None forgets."""
        with self._lock:
            self._values["drawn"] = asdict(drawn) if drawn else {}
            self._write()

    def export_folder(self) -> str:
        """Where chats were exported to last; empty: nowhere yet."""
        found = self._values.get("export_folder")
        return found if isinstance(found, str) and len(found) <= 4096 else ""

    def set_export_folder(self, folder: str) -> None:
        with self._lock:
            if self._values.get("export_folder") != folder:
                self._values["export_folder"] = folder
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
