"""What the shell needs of a window engine: the contract that one adapter per engine, beside this file, fulfils."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from desktop.window.placement import Place, Rect
from desktop.window.policy import Policy

EngineName = Literal["gtk", "qt", "edgechromium", "cocoa"]
Scheme = Literal["system", "light", "dark"]


@dataclass(frozen=True)
class MenuItem:
    """An entry of the menu bar. `shortcut` is written `Ctrl+,`; None is a separator's place."""

    id: str
    title: str
    run: Callable[[], None]
    shortcut: str = ""


def keys_of(shortcut: str) -> tuple[frozenset[str], str]:
    """`Ctrl+Shift+F` as its modifiers and its key; the key of `Ctrl++` is `+`."""
    if shortcut.endswith("++"):
        return frozenset(shortcut[:-2].split("+")), "+"
    *held, key = shortcut.split("+")
    return frozenset(held), key


@dataclass(frozen=True)
class Proxy:
    """The proxy that the settings name; without one the engine asks the system and the environment."""

    address: str
    """`scheme://host:port`, nobody's name in it."""
    user: str = ""
    password: str = field(default="", repr=False)


LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
"""Where our own pages are: no proxy is asked for them."""
MenuBar = Sequence[tuple[str, Sequence[MenuItem | None]]]


@dataclass(frozen=True)
class Dress:
    """What an adapter is told about a window before it is first shown."""

    policy: Policy
    own_url: Callable[[], str]
    """The address the window is meant to show now."""
    may_record: Callable[[], bool]
    """Whether the component may have the microphone now; the engine asks beside for a click and for who it is."""
    open_outside: Callable[[str], object]
    strayed: Callable[[], None]
    """The top frame shows something else than it is meant to."""
    crashed: Callable[[], None]
    failed: Callable[[], None]
    """The window's own page could not be loaded; whatever the engine would show of that is not shown."""
    lost: Callable[[], None]
    """The engine itself has ended or did not start: nothing can be shown in this window any more."""
    place: Place
    zoom: float
    colours: tuple[str, str]
    """Background before the first paint, light and dark, #rrggbb."""
    menu: MenuBar
    """What is shown above the page; empty: nothing is."""
    texts: Callable[[str], str]
    shortcuts: MenuBar = ()
    """The app's menu, whose keys every window obeys, with a bar or without."""
    first_frame: Callable[[bool], None] = lambda _painted: None
    """Told once for a page: that it was painted, or that it runs before a person's eyes and was not painted in time.
    Engines that can't tell never call it."""


Unmade = Callable[[Any, Exception], None]


class Engine(Protocol):
    """One window engine. Everything but `push`, `later`, `quit` runs on the window's own thread."""

    name: EngineName
    takes_proxy: bool
    """Whether it takes the proxy of the settings; else it follows the system's."""
    ending: Callable[[], None]
    """What has to be done before the process ends, set by the app: called by engines whose system ends it without
    coming back from the loop."""
    unmade: Unmade
    """Told, on the window's own thread, the window that could not be made and what was raised. Set by the shell; where
    the toolkit lets the error out of the loop, nothing calls it."""

    def load(self) -> None:
        """Load the toolkit's libraries ahead of everything else; pywebview is not imported yet."""

    def launch(self, storage: Path) -> None:
        """Start the engine's own processes ahead of the first window, which takes them over; nothing is shown or
        loaded yet. `storage` as pywebview gets it."""

    def bind(self) -> None:
        """Import what of the toolkit may not be imported beside anything else: no thread of ours imports now."""

    def version(self) -> str:
        """Of the engine, after `load`; empty where nobody asks."""

    def prepare(self, *, app_id: str, menu: MenuBar, proxy: Proxy | None, reach: Sequence[str]) -> None:
        """Once, after pywebview has imported its platform module and before the first window is made. `reach`: where
        the windows may connect to, for engines that can be told (`policy.reach`).
        Raises EngineChanged when an internal of pywebview that is relied on has changed."""

    def dress(self, window: Any, dress: Dress) -> None:
        """Before a window is first shown: lock it down, place it, colour it."""

    def later(self, run: Callable[[], None]) -> None:
        """Run on the window thread soon; callable from any thread."""

    def push(self, window: Any, script: str) -> None:
        """Run an ASCII script in the top frame of the window; nothing comes back."""

    def end_page(self, window: Any) -> None:
        """End the process of the window's page, which hangs; `Dress.crashed` is called when it has ended."""

    def show_plain(self, window: Any, html: str) -> None:
        """Show a text without scripts where the window's own page could not be loaded; its links lead to that page."""

    def dark(self) -> bool:
        """Whether windows are dark now."""

    def set_scheme(self, scheme: Scheme) -> None: ...

    def set_zoom(self, window: Any, factor: float) -> None: ...

    def place(self, window: Any) -> Place | None:
        """Where the window is now; None when that can't be told."""

    def screens(self) -> list[Rect]: ...

    def focus(self, window: Any) -> None: ...

    def screenshot(self, window: Any, file: Path, done: Callable[[bool], None]) -> None:
        """Save what the window shows as a PNG, then call `done`."""

    def quit(self) -> None:
        """Close every window; the loop ends. Callable from any thread."""
