"""How WebKitGTK draws, and what to do if a window stays blank: restart with another method, and remember what works.

WebKitGTK 2.42 and newer passes pictures between its processes by DMABUF. With some drivers (NVIDIA's, those of virtual
machines, some under Wayland) the page runs but is never seen (https://bugs.webkit.org/261874). Environment variables
choose other methods. WebKitGTK reads them once, so the app has to restart. Nobody knows beforehand which one helps, and
each costs speed, so none is set while the default works. Knows no engine and no window.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Protocol

from desktop.common.locations import is_frozen
from desktop.common.programs import clean_environment
from desktop.settings.state import Drawn

log = logging.getLogger(__name__)

USUAL, NONE = "usual", "none"
WAYS: Mapping[str, Mapping[str, str]] = {
    USUAL: {},
    "no_dmabuf": {"WEBKIT_DISABLE_DMABUF_RENDERER": "1"},
    "no_compositing": {"WEBKIT_DISABLE_DMABUF_RENDERER": "1", "WEBKIT_DISABLE_COMPOSITING_MODE": "1"},
    # With newer versions, the methods above can crash the app. This one keeps the transport and draws without the #
    # graphics card.
    "software": {
        "WEBKIT_DMABUF_RENDERER_FORCE_SHM": "1",
        "WEBKIT_SKIA_ENABLE_CPU_RENDERING": "1",
        "LIBGL_ALWAYS_SOFTWARE": "1",
    },
}
"""The methods in the order they are tried, each with its environment variables."""
OWN = frozenset(name for way in WAYS.values() for name in way if name.startswith("WEBKIT_"))
"""If a person sets one of these variables, the app sets none."""
MARK = "CHATKIT_DESKTOP_DRAWING"
"""Tells the restarted app which method to try next."""
MOST_ENDS = 2
"""How often the page's process may end before anything is drawn."""


class Memory(Protocol):
    def drawn(self) -> Drawn | None:
        """What was remembered last time."""

    def set_drawn(self, drawn: Drawn | None) -> None:
        """Remember it; None forgets it."""


class Drawing:
    """The drawing method of this start. `version`: the engine's; a new version begins with the default again."""

    def __init__(self, memory: Memory, version: str, environ: MutableMapping[str, str]) -> None:
        self._memory = memory
        self._version = version
        self._environ = environ
        self._is_seen = False
        self._ends = 0
        self._set: list[str] = []
        self._end: Callable[[], object] = lambda: None
        self.prompt = ""
        """The prompt another launch handed over meanwhile. The restarted app puts it into the composer."""
        self.next = ""
        """The method to restart with; empty for no restart."""
        self.failed: list[str] = []
        """The methods tried, once none is left."""
        marked = environ.pop(MARK, "")
        self.own = sorted(OWN & environ.keys())
        """The variables the person set."""
        self._kept = memory.drawn()
        if self.own:
            self.way = USUAL
        elif marked in WAYS:
            self.way = marked
        else:
            self.way = way_of(self._kept, version)

    def begin(self) -> None:
        """Set the variables of this method, before the engine's processes start."""
        if self.own:
            return
        for name, value in WAYS[self.way].items():
            if name not in self._environ:
                self._environ[name] = value
                self._set.append(name)

    def watch(self, end: Callable[[], object]) -> None:
        """`end` closes the windows. It is called when the app must restart, or report that no method works."""
        self._end = end
        if self.own or self._is_known() or self._has_given_up():
            return
        # The engine may crash the whole app ("Error 71 (Protocol error)" under Wayland). The next start then continues
        # from here. Nothing is written once this version has drawn something.
        ends = self._kept.ends + 1 if self._kept is not None and self._is_tried(self._kept) else 0
        self._remember(Drawn(self._version, self.way, settled=False, ends=ends))

    def first_frame(self, painted: bool) -> None:
        """The first page was painted, or it is visible and running but was not painted."""
        if painted:
            self._seen()
        else:
            log.error("no frame of the window was painted (%s)", self.way)
            self._go_on()

    def page_ended(self) -> bool:
        """The page's process has ended. True if nothing was drawn and the app will restart."""
        self._ends += 1
        return not self._is_seen and self._ends >= MOST_ENDS and self._go_on()

    def closed(self) -> None:
        """The windows have closed. A method that was never confirmed is not remembered."""
        if not self._is_seen and not self.next and not self.failed and self._kept and not self._kept.settled:
            self._remember(None)

    def words(self) -> tuple[list[str], dict[str, str]]:
        """The command and environment of the restart: those of this start, with the next method."""
        given = sys.argv[1:]
        program = [] if is_frozen() else sys.orig_argv[1 : len(sys.orig_argv) - len(given)]
        environ = {name: value for name, value in self._environ.items() if name not in self._set}
        return [sys.executable, *program, *with_prompt(given, self.prompt)], clean_environment(environ) | {
            MARK: self.next
        }

    def _seen(self) -> None:
        if self._is_seen:
            return
        self._is_seen = True
        # The person's own choice replaces what was remembered.
        self._remember(None if self.own else Drawn(self._version, self.way, settled=True))

    def _go_on(self) -> bool:
        """True if the app ends now."""
        if self._is_seen or self.next or self.failed:
            return bool(self.next or self.failed)
        following = _after(self.way)
        if self.own or self._has_given_up() or following == NONE:
            self.failed = self.own or sorted(OWN)
            if not self.own:
                self._remember(Drawn(self._version, NONE, settled=True))
        else:
            self.next = following
        self._end()
        return True

    def _is_known(self) -> bool:
        """Whether this method has worked before."""
        return self._kept == Drawn(self._version, self.way, settled=True)

    def _is_tried(self, kept: Drawn) -> bool:
        return (kept.version, kept.way, kept.settled) == (self._version, self.way, False)

    def _has_given_up(self) -> bool:
        return self._kept is not None and (self._kept.version, self._kept.way) == (self._version, NONE)

    def _remember(self, drawn: Drawn | None) -> None:
        if self._kept != drawn:
            self._kept = drawn
            self._memory.set_drawn(drawn)


def way_of(kept: Drawn | None, version: str) -> str:
    """The method to start with, given what was remembered."""
    if kept is None or kept.version != version or kept.way not in WAYS:
        return USUAL
    if kept.settled:
        return kept.way
    # The app ended without a word while it tried this method. For the default, one such end may be chance.
    if kept.way == USUAL and not kept.ends:
        return USUAL
    following = _after(kept.way)
    return USUAL if following == NONE else following


def _after(way: str) -> str:
    ways = [*WAYS, NONE]
    return ways[ways.index(way) + 1]


def with_prompt(given: Sequence[str], prompt: str) -> list[str]:
    """The arguments with another prompt for the composer. It replaces a link, which is a prompt in its own right."""
    if not prompt:
        return list(given)
    is_link = len(given) == 1 and not given[0].startswith("-")
    return [*(() if is_link else given), "--prompt", prompt]
