"""Which way WebKitGTK draws, and what follows where a window stays blank: another way, a new start, a memory of it.

WebKitGTK (2.42 and newer) hands its pictures from process to process by DMABUF. With some drivers (NVIDIA's, those of
virtual machines, some under Wayland) the page runs and nothing of it is ever seen (https://bugs.webkit.org/261874).
What helps is said by environment variables that it reads once, so the app starts itself again. Which of them helps is
not known beforehand, and each costs speed, so none is set where the usual way works. Knows no engine and no window.
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
    # Newer versions can end the app where the ways before are taken; this one keeps the transport and draws without
    # the graphics card.
    "software": {
        "WEBKIT_DMABUF_RENDERER_FORCE_SHM": "1",
        "WEBKIT_SKIA_ENABLE_CPU_RENDERING": "1",
        "LIBGL_ALWAYS_SOFTWARE": "1",
    },
}
"""In the order in which they are tried, each with what it needs in the environment."""
OWN = frozenset(name for way in WAYS.values() for name in way if name.startswith("WEBKIT_"))
"""Variables by which a person says how to draw: then nothing of ours is set."""
MARK = "CHATKIT_DESKTOP_DRAWING"
"""By this the app tells itself, at a new start, which way comes next."""
MOST_ENDS = 2
"""How often the page's process may end before anything was seen of it."""


class Memory(Protocol):
    def drawn(self) -> Drawn | None:
        """What was remembered last."""

    def set_drawn(self, drawn: Drawn | None) -> None:
        """Remember it; None forgets."""


class Drawing:
    """The way of this start. `version`: the engine's, another one begins with the usual way again."""

    def __init__(self, memory: Memory, version: str, environ: MutableMapping[str, str]) -> None:
        self._memory = memory
        self._version = version
        self._environ = environ
        self._is_seen = False
        self._ends = 0
        self._set: list[str] = []
        self._end: Callable[[], object] = lambda: None
        self.prompt = ""
        """What another launch has handed over meanwhile; the next start has it in the composer."""
        self.next = ""
        """The way to start again with; empty: no new start."""
        self.failed: list[str] = []
        """What was tried, where nothing is left to be tried."""
        marked = environ.pop(MARK, "")
        self.own = sorted(OWN & environ.keys())
        """The person's own variables."""
        self._kept = memory.drawn()
        if self.own:
            self.way = USUAL
        elif marked in WAYS:
            self.way = marked
        else:
            self.way = way_of(self._kept, version)

    def begin(self) -> None:
        """Sets what the way needs, before the engine's processes start."""
        if self.own:
            return
        for name, value in WAYS[self.way].items():
            if name not in self._environ:
                self._environ[name] = value
                self._set.append(name)

    def watch(self, end: Callable[[], object]) -> None:
        """`end` closes the windows; called where another start, or its failure, has to follow."""
        self._end = end
        if self.own or self._is_known() or self._has_given_up():
            return
        # The engine may take the whole app with it ("Error 71 (Protocol error)" under Wayland): then a later start
        # goes on from here. Where something was seen once with this version, a start writes nothing.
        ends = self._kept.ends + 1 if self._kept is not None and self._is_tried(self._kept) else 0
        self._remember(Drawn(self._version, self.way, settled=False, ends=ends))

    def first_frame(self, painted: bool) -> None:
        """What is known of the first page: it was painted, or runs before a person's eyes and was not."""
        if painted:
            self._seen()
        else:
            log.error("no frame of the window was painted (%s)", self.way)
            self._go_on()

    def page_ended(self) -> bool:
        """The page's process has ended. True: nothing was seen of it, and another start follows."""
        self._ends += 1
        return not self._is_seen and self._ends >= MOST_ENDS and self._go_on()

    def closed(self) -> None:
        """The windows have closed. A way of which nothing is known yet is not kept."""
        if not self._is_seen and not self.next and not self.failed and self._kept and not self._kept.settled:
            self._remember(None)

    def words(self) -> tuple[list[str], dict[str, str]]:
        """The command and the environment of the new start: those of this one, and the way that comes next."""
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
        # Where a person has said how to draw, what was remembered is forgotten.
        self._remember(None if self.own else Drawn(self._version, self.way, settled=True))

    def _go_on(self) -> bool:
        """True where the app ends now."""
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
        """Whether something was seen this way before."""
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
    """The way that a start takes by what was remembered."""
    if kept is None or kept.version != version or kept.way not in WAYS:
        return USUAL
    if kept.settled:
        return kept.way
    # The app ended while it tried that one, without a word. With the usual way that may have been a chance, once.
    if kept.way == USUAL and not kept.ends:
        return USUAL
    following = _after(kept.way)
    return USUAL if following == NONE else following


def _after(way: str) -> str:
    ways = [*WAYS, NONE]
    return ways[ways.index(way) + 1]


def with_prompt(given: Sequence[str], prompt: str) -> list[str]:
    """The arguments with another prompt in the composer; a link, which is one and stands alone, goes for it."""
    if not prompt:
        return list(given)
    is_link = len(given) == 1 and not given[0].startswith("-")
    return [*(() if is_link else given), "--prompt", prompt]
