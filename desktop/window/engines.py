"""Finds the engines of this computer, chooses one, and removes unsafe environment variables."""

from __future__ import annotations

import importlib.util
import os
import re
import socket
import sys
from collections.abc import Callable, Mapping
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from desktop.common import installed
from desktop.common.locations import is_frozen
from desktop.window import webview2
from desktop.window.engine import LOOPBACK_HOSTS, Engine, EngineName
from desktop.window.errors import DisplayMissing, EngineHidden, EngineMissing, EngineNotHere, EngineRefusesRoot

GTK_PACKAGES = "gir1.2-webkit2-4.1 gir1.2-gtk-3.0 python3-gi python3-gi-cairo"
COCOA_LINE = "pip install pyobjc-framework-WebKit"
# Variables that would open a packaged app to a debugger or replace parts of it.
DEBUG_VARIABLES = (
    "QTWEBENGINE_REMOTE_DEBUGGING",
    "QTWEBENGINE_CHROMIUM_FLAGS",
    "WEBKIT_INSPECTOR_SERVER",
    "WEBKIT_INSPECTOR_HTTP_SERVER",
    "WEBVIEW2_ADDITIONAL_BROWSER_ARGUMENTS",
    "WEBVIEW2_BROWSER_EXECUTABLE_FOLDER",
    "WEBVIEW2_PIPE_FOR_SCRIPT_DEBUGGER",
    "WEBVIEW2_WAIT_FOR_SCRIPT_DEBUGGER",
    "WEBVIEW2_USER_DATA_FOLDER",
    "WEBVIEW2_RELEASE_CHANNEL_PREFERENCE",
    "WEBVIEW2_RELEASE_CHANNELS",
    "WEBVIEW2_CHANNEL_SEARCH_KIND",
    "PYTHONNET_RUNTIME",
    "PYTHONNET_PYDLL",
    "COR_ENABLE_PROFILING",
    "COR_PROFILER",
    "COR_PROFILER_PATH",
    "PYWEBVIEW_GUI",
    "PYWEBVIEW_LOG",
    "GTK_DEBUG",
)
# Variables that would make a packaged app's Qt use other programs and plug-ins than its own.
QT_PARTS = (
    "QT_PLUGIN_PATH",
    "QT_QPA_PLATFORM_PLUGIN_PATH",
    "QTWEBENGINEPROCESS_PATH",
    "QTWEBENGINE_RESOURCES_PATH",
    "QTWEBENGINE_LOCALES_PATH",
    "QML_IMPORT_PATH",
    "QML2_IMPORT_PATH",
)


def has_gtk() -> bool:
    if importlib.util.find_spec("gi") is None:
        return False
    try:
        import gi

        gi.require_version("Gtk", "3.0")
        gi.require_version("WebKit2", "4.1")
    except (ValueError, AttributeError, ImportError):
        return False  # ImportError: the distribution's gi was built for another Python version
    return True


def has_qt() -> bool:
    package = importlib.util.find_spec("PySide6")
    if package is None or importlib.util.find_spec("qtpy") is None:
        return False
    # Not `find_spec`: with a dotted name it imports PySide6, which takes longer than everything before it.
    found = PathFinder.find_spec("PySide6.QtWebEngineWidgets", package.submodule_search_locations)
    return found is not None


def has_cocoa() -> bool:
    return importlib.util.find_spec("objc") is not None and importlib.util.find_spec("WebKit") is not None


def install_line(wanted: str | None) -> str:
    """The exact command that installs an engine on this computer."""
    if sys.platform == "win32":
        return webview2.WEBVIEW2_LINK
    if sys.platform == "darwin":
        return COCOA_LINE
    # Nothing installed by apt-get is visible in an environment without the system's packages.
    if wanted == "qt" or (wanted is None and not _takes_from_the_system()) or not installed.is_of_the_system():
        return installed.command_for("qt") or f"sudo apt-get install {GTK_PACKAGES}"
    line = f"sudo apt-get install {GTK_PACKAGES}"
    return line if _takes_from_the_system() else f"{line} && {installed.command_to_see_system_packages()}"


def missing(wanted: str | None) -> EngineMissing | EngineHidden:
    """The error for a requested engine that is missing, or when there is no engine at all."""
    if wanted != "qt" and not _takes_from_the_system() and installed.is_of_the_system() and system_has_gtk():
        command, other = installed.command_to_see_system_packages(), installed.command_for("qt")
        return EngineHidden(command=command, advice=other)
    return EngineMissing(command=install_line(wanted))


def _takes_from_the_system() -> bool:
    return is_frozen() or installed.sees_system_packages()


def system_has_gtk(root: Path = Path("/")) -> bool:
    """Whether the distribution's packages for WebKitGTK and its Python bindings are installed for this Python version.
    Looks for their files, because this environment can't import them."""
    version = f"{sys.version_info.major}{sys.version_info.minor}"
    folders = ("lib/python3/dist-packages", *(f"{lib}/python3.*/site-packages" for lib in ("lib", "lib64")))
    bindings = (file for folder in folders for file in root.glob(f"usr/{folder}/gi/_gi.cpython-{version}*.so"))
    places = ("lib", "lib64", "lib/*-linux-*")
    types = (file for place in places for file in root.glob(f"usr/{place}/girepository-1.0/WebKit2-4.1.typelib"))
    return next(bindings, None) is not None and next(types, None) is not None


def choose(
    wanted: str | None,
    environ: Mapping[str, str] = os.environ,
    *,
    gtk: Callable[[], bool] = has_gtk,
    qt: Callable[[], bool] = has_qt,
    system: str = sys.platform,
    windows: Callable[[], object] = webview2.require,
    cocoa: Callable[[], bool] = has_cocoa,
) -> EngineName:
    """The engine to start. `gtk`, `qt`, `windows` and `cocoa` say whether each can run here. Raises EngineMissing with
    the install command, DisplayMissing without a screen, EngineNotHere for an engine of another system, and whatever
    `windows` raises."""
    if system in ("win32", "darwin"):
        if wanted is not None:
            raise EngineNotHere(engine=wanted)
        if system == "darwin":
            if not cocoa():
                raise EngineMissing(command=COCOA_LINE)
            return "cocoa"
        windows()
        return "edgechromium"
    offscreen = wanted == "qt" and environ.get("QT_QPA_PLATFORM") == "offscreen"
    if not offscreen and not display_answers(environ):
        raise DisplayMissing()
    order: tuple[EngineName, ...] = ("qt", "gtk") if environ.get("KDE_FULL_SESSION") else ("gtk", "qt")
    there = {"gtk": gtk, "qt": qt}
    for name in order if wanted is None else (name for name in order if name == wanted):
        if there[name]():
            return name
    raise missing(wanted)


def refuse_root(name: EngineName, environ: Mapping[str, str] = os.environ, *, root: bool | None = None) -> None:
    """Raises EngineRefusesRoot where Qt WebEngine would end the process silently: Chromium has no sandbox for root.
    Does nothing if the sandbox was switched off, as in a container."""
    if root is None:
        root = hasattr(os, "geteuid") and os.geteuid() == 0
    without = environ.get("QTWEBENGINE_DISABLE_SANDBOX") or "--no-sandbox" in environ.get(
        "QTWEBENGINE_CHROMIUM_FLAGS", ""
    )
    if name == "qt" and root and not without:
        raise EngineRefusesRoot()


def display_answers(environ: Mapping[str, str]) -> bool:
    """Whether a Wayland or X11 display accepts connections. Checked first, because Qt aborts the process if none
    does."""
    wayland = environ.get("WAYLAND_DISPLAY")
    if wayland:
        path = Path(environ.get("XDG_RUNTIME_DIR", "/"), wayland)
        if _connects(socket.AF_UNIX, str(path)):
            return True
    host, _, number = environ.get("DISPLAY", "").rpartition(":")
    number = number.split(".")[0]
    if not re.fullmatch("[0-9]{1,5}", number) or 6000 + int(number) > 65535:
        return False
    if host in ("", "unix"):
        path_x = f"/tmp/.X11-unix/X{number}"  # noqa: S108  # where X11 listens
        return _connects(socket.AF_UNIX, path_x) or _connects(socket.AF_UNIX, "\0" + path_x)
    return _connects(socket.AF_INET, (host, 6000 + int(number)))


def _connects(family: int, address: Any) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.settimeout(1)
        try:
            sock.connect(address)
        except OSError:
            return False
    return True


def scrub(environ: Any, *, frozen: bool, qt: Callable[[], bool] = has_qt) -> None:
    """Remove variables that would open a packaged app to a debugger or replace its Qt. A packaged app without Qt keeps
    Qt's variables for the programs it starts."""
    if frozen:
        for name in (*DEBUG_VARIABLES, *(QT_PARTS if qt() else ())):
            environ.pop(name, None)


def spare_loopback(environ: Any) -> None:
    """Keep our own pages away from a proxy set in the environment.

    WebKitGTK would use it even for `http://localhost`: the window would stay blank, and the proxy would see the page's
    secret path.
    """
    if any(environ.get(name) for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")):
        for name in ("no_proxy", "NO_PROXY"):
            known = [host for host in environ.get(name, "").split(",") if host.strip()]
            environ[name] = ",".join([*known, *(host for host in LOOPBACK_HOSTS if host not in known)])


def icon_for(name: EngineName, picture: Path | None) -> Path | None:
    """The app's icon in a format the engine accepts. WinForms accepts an .ico, and a PNG ends the process (pywebview
    6.2.1). Without one it shows the program's icon, which in a packaged app is the brand's."""
    if name != "edgechromium" or picture is None:
        return picture
    beside = picture.with_name("app.ico")
    return beside if beside.is_file() else None


def adapter(name: EngineName) -> Engine:
    """Import and make the adapter of an engine."""
    if name == "gtk":
        from desktop.window.gtk import GtkEngine

        return GtkEngine()
    if name == "qt":
        from desktop.window.qt import QtEngine

        return QtEngine()
    if name == "edgechromium":
        from desktop.window.windows import EdgeEngine

        return EdgeEngine()
    from desktop.window.macos import CocoaEngine

    return CocoaEngine()
