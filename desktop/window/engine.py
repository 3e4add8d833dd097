"""The contract between the shell and a window engine. Each engine has an adapter beside this file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from desktop.window.placement import Place, Rect
from desktop.window.policy import Policy

EngineName = Literal["gtk", "qt", "edgechromium", "cocoa"]
Scheme = Literal["system", "light", "dark"]


@dataclass(frozen=True)
class MenuItem:
    """A menu item. `shortcut` is written `Ctrl+,`."""

    id: str
    title: str
    run: Callable[[], None]
    shortcut: str = ""


def keys_of(shortcut: str) -> tuple[frozenset[str], str]:
    """Split `Ctrl+Shift+F` into modifiers and key; the key of `Ctrl++` is `+`."""
    if shortcut.endswith("++"):
        return frozenset(shortcut[:-2].split("+")), "+"
    *held, key = shortcut.split("+")
    return frozenset(held), key


@dataclass(frozen=True)
class Proxy:
    """The proxy from the settings. Without one, the engine uses the system's and the environment's."""

    address: str
    """`scheme://host:port`, without a user name."""
    user: str = ""
    password: str = field(default="", repr=False)


LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
"""Hosts of our own pages, which never go through a proxy."""
MenuBar = Sequence[tuple[str, Sequence[MenuItem | None]]]


@dataclass(frozen=True)
class Dress:
    """What an adapter needs to know about a window before it is first shown."""

    policy: Policy
    own_url: Callable[[], str]
    """The address the window is meant to show now."""
    may_record: Callable[[], bool]
    """Whether ChatKit may use the microphone now. The engine also checks who asks, and for a click."""
    open_outside: Callable[[str], object]
    strayed: Callable[[], None]
    """Called when the top frame shows anything but the intended page."""
    crashed: Callable[[], None]
    failed: Callable[[], None]
    """Called when the window's own page could not be loaded. The engine's error page is not shown."""
    lost: Callable[[], None]
    """Called when the engine has ended or did not start: this window can show nothing any more."""
    place: Place
    zoom: float
    colours: tuple[str, str]
    """Background before the first paint, light and dark, #rrggbb."""
    menu: MenuBar
    """The menus shown above the page; empty for none."""
    texts: Callable[[str], str]
    shortcuts: MenuBar = ()
    """The app's menus. Every window obeys their shortcuts, with or without a menu bar."""
    first_frame: Callable[[bool], None] = lambda _painted: None
    """Called once per page: it was painted, or it is visible and running but was not painted in time. Engines that
    can't tell never call it."""


Unmade = Callable[[Any, Exception], None]


def still_there(browser_view: Any, dresses: Mapping[str, Dress]) -> list[tuple[Any, Dress]]:
    """The windows that have not closed, each as pywebview's view with its dress. `dresses` is by the windows' uid,
    `browser_view` the class of pywebview that knows the views."""
    views = [(browser_view.instances.get(uid), dress) for uid, dress in list(dresses.items())]
    return [(view, dress) for view, dress in views if view is not None]


class Engine(Protocol):
    """One window engine. Everything but `push`, `later` and `quit` runs on the window's own thread."""

    name: EngineName
    takes_proxy: bool
    """Whether it uses the proxy from the settings. If not, it follows the system's."""
    ending: Callable[[], None]
    """What has to happen before the process ends; set by the app. Called by engines whose system ends the process
    inside the loop."""
    unmade: Unmade
    """Called on the window's own thread with a window that could not be made and the exception. Set by the shell. Not
    called where the toolkit lets the exception out of the loop."""

    def load(self) -> None:
        """Load the toolkit's libraries before anything else. pywebview is not imported yet."""

    def launch(self, storage: Path) -> None:
        """Start the engine's processes before the first window, which takes them over. Nothing is shown or loaded yet.
        `storage`: as passed to pywebview."""

    def bind(self) -> None:
        """Import those parts of the toolkit that must be imported alone. No thread of ours imports anything now."""

    def version(self) -> str:
        """The engine's version, after `load`; empty where nobody needs it."""

    def prepare(self, *, app_id: str, menu: MenuBar, proxy: Proxy | None, reach: Sequence[str]) -> None:
        """Called once, after pywebview has imported its platform module and before it makes the first window. `reach`:
        the hosts windows may connect to, for engines that can restrict this (`policy.reach`). Raises EngineChanged if a
        pywebview internal that the adapter relies on has changed."""

    def dress(self, window: Any, dress: Dress) -> None:
        """Called before a window is first shown: lock it down, place it, colour it."""

    def later(self, run: Callable[[], None]) -> None:
        """Run on the window's thread soon. Callable from any thread."""

    def push(self, window: Any, script: str) -> None:
        """Run an ASCII script in the window's top frame. Returns nothing."""

    def end_page(self, window: Any) -> None:
        """End the process of a page that hangs. `Dress.crashed` is called when it has ended."""

    def show_plain(self, window: Any, html: str) -> None:
        """Show a page without scripts because the window's own could not be loaded. Its links lead to that one."""

    def dark(self) -> bool:
        """Whether windows currently use the dark theme."""

    def set_scheme(self, scheme: Scheme) -> None: ...

    def set_zoom(self, window: Any, factor: float) -> None: ...

    def place(self, window: Any) -> Place | None:
        """The window's current place; None if unknown."""

    def screens(self) -> list[Rect]: ...

    def focus(self, window: Any) -> None: ...

    def screenshot(self, window: Any, file: Path, done: Callable[[bool], None]) -> None:
        """Save the window's content as a PNG, then call `done`."""

    def quit(self) -> None:
        """Close every window, which ends the loop. Callable from any thread."""
