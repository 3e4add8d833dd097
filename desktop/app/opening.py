"""The first steps of a start: take the profile and start the engine, while a thread imports the app.

An engine spends its start in its own libraries, which leave the interpreter free, so the app's Python modules are
imported meanwhile. This module imports nothing heavy, and knows no pages or windows.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from desktop.app.context import Context
from desktop.app.instance import Instance
from desktop.common.errors import AppError
from desktop.common.locations import is_frozen
from desktop.common.logs import quiet_pywebview
from desktop.window import engines
from desktop.window.engine import Engine

if TYPE_CHECKING:
    from desktop.app.drawing import Drawing

MODULES = (
    "multiprocessing.connection",
    "webview",
    "desktop.app.application",
    "desktop.settings.file",
    "desktop.settings.layers",
    "desktop.app.diagnostics",
    "desktop.keys",
    "desktop.agents.from_settings",
    "desktop.agents.host",
    "desktop.pages.common.services",
    "desktop.settings.state",
)
"""The modules imported before the window is made, in the order they are needed."""


class Opening:
    """One start of the app. `instance` and `engine` exist once `begin` has returned True."""

    instance: Instance
    engine: Engine

    def __init__(self, context: Context, engine: Callable[[Context], Engine] | None = None) -> None:
        """`engine`: finds the engine and makes its adapter; tests pass another one."""
        self._context = context
        self._engine_for = engine or _engine_for
        self._held = ExitStack()
        self.drawing: Drawing | None = None
        """How the engine draws, if it has several methods."""

    def begin(self) -> bool:
        """Call this on the main thread, before the app is imported. False if a running app has come forward instead.

        Raises whatever the brand, the profile's folder or the engine raises.
        """
        engines.scrub(os.environ, frozen=is_frozen())
        engines.spare_loopback(os.environ)
        context, failure = self._context, None
        located = threading.Event()
        imports = threading.Thread(target=_import_for, args=(context, located), name="imports", daemon=True)
        imports.start()
        try:
            self.engine = self._engine_for(context)
            self.engine.load()
        except AppError as error:
            failure = error  # unless another process already shows the window
        located.wait()
        self.instance = Instance(context.locations.instance, context.profile)
        if not self.instance.acquire():
            _let_others_come_forward()
            if self.instance.hand_over(context.prompt):
                return False
        with ExitStack() as undone:
            undone.callback(self.instance.release)
            if failure is not None:
                raise failure
            if self.engine.name == "gtk":
                from desktop.app.drawing import Drawing

                self.drawing = Drawing(context.state, self.engine.version(), os.environ)
                self.drawing.begin()
            # Only now does the storage belong to this process.
            self.engine.launch(context.locations.web)
            # The rest of these modules is needed next.
            imports.join()
            self.engine.bind()
            self._held = undone.pop_all()
        return True

    def close(self) -> None:
        """Free the profile."""
        self._held.close()


def _engine_for(context: Context) -> Engine:
    name = engines.choose(getattr(context.args, "engine", None), context.environ)
    engines.refuse_root(name, context.environ)
    return engines.adapter(name)


def _let_others_come_forward() -> None:
    """On Windows, only a program a person has just started may bring a window to the front, or pass that right on.
    Otherwise the running app's taskbar button just flashes. Written from Microsoft's reference
    (`AllowSetForegroundWindow`, `ASFW_ANY`)."""
    if sys.platform == "win32":
        import ctypes

        ctypes.windll.user32.AllowSetForegroundWindow(ctypes.c_ulong(0xFFFFFFFF))


def _import_for(context: Context, located: threading.Event) -> None:
    """`located` is set once the profile's folder is known, which depends on the brand."""
    with suppress(Exception):  # the next import of this module raises the same error
        try:
            is_first = not context.locations.settings.is_file()
        finally:
            located.set()
        quiet_pywebview()
        for name in MODULES:
            import_module(name)
        import_module("desktop.pages.setup.page" if is_first else _page_of_chats(context))


def _page_of_chats(context: Context) -> str:
    """The module of the page that the active agent's chats open in."""
    from desktop.settings.view import view_of

    agent = context.settings.agent()
    builtin = agent is not None and view_of(context.settings, agent) == "builtin"
    return "desktop.pages.builtin.page" if builtin else "desktop.pages.chat.page"


def window_icon(context: Context) -> Path | None:
    """The picture for windows. If a maker's icon can't be shown, the terminal says why and the app's own is used: GTK
    opens no window with an icon it can't read."""
    from desktop.settings.brand import icon_file

    own = icon_file(context.brand, None)
    if context.brand_file is None:
        return own if own.is_file() else None
    from desktop.common.files import ensure_private_dir
    from desktop.window.icon import NoPicture, as_png

    picture = icon_file(context.brand, context.brand_file)
    try:
        ensure_private_dir(context.locations.folder)
        return as_png(picture, context.locations.icon)
    except NoPicture as problem:
        context.warn(context.texts.get("cli.icon.not_shown", file=picture, problem=problem.why.spell(context.texts)))
        return own
