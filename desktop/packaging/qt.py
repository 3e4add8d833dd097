"""Qt in packages for Linux: which of PySide6's files are included, and what its licences require.

`build.spec` asks for the files, contents.py for the notices. Knows no PyInstaller. Facts: PySide6 6.11.3.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Collection
from fnmatch import fnmatchcase
from pathlib import Path

from desktop.packaging.plan import Plan

MODULES = ("Core", "Gui", "Network", "PrintSupport", "WebChannel", "WebEngineCore", "WebEngineWidgets", "Widgets")
"""What pywebview and our adapter import of PySide6."""
LIBRARIES = (
    *(*MODULES, "DBus", "OpenGL", "Positioning"),
    # Qt WebEngine draws with Qt Quick's scene graph, with or without widgets; nothing in QML goes along.
    *("Qml", "QmlMeta", "QmlModels", "QmlWorkerScript", "Quick", "QuickWidgets"),
    *("WaylandClient", "XcbQpa"),
)
"""Those, and what these link to."""
KEPT = (
    *(f"Qt{name}.abi3.so" for name in MODULES),
    "libpyside6.abi3.so.*",
    *(f"Qt/lib/libQt6{name}.so.6" for name in LIBRARIES),
    "Qt/lib/libicu*.so.*",
    "Qt/libexec/QtWebEngineProcess",
    "Qt/libexec/qt.conf",
    "Qt/resources/icudtl.dat",
    "Qt/resources/qtwebengine_resources*.pak",
    "Qt/resources/v8_context_snapshot.bin",
    # X11, Wayland, and no screen at all
    "Qt/plugins/platforms/libqxcb.so",
    "Qt/plugins/platforms/libqwayland.so",
    "Qt/plugins/platforms/libqoffscreen.so",
    "Qt/plugins/xcbglintegrations/*.so",
    "Qt/plugins/wayland-graphics-integration-client/libqt-plugin-wayland-egl.so",
    "Qt/plugins/wayland-shell-integration/libxdg-shell.so",
    "Qt/plugins/wayland-decoration-client/libbradient.so",
    # The desktop's colours and file dialogs through its portal: the theme for GTK would need GTK.
    "Qt/plugins/platformthemes/libqxdgdesktopportal.so",
    "Qt/plugins/platforminputcontexts/libcomposeplatforminputcontextplugin.so",
    "Qt/plugins/platforminputcontexts/libibusplatforminputcontextplugin.so",
)
"""What stays of `PySide6/`, beside Chromium's words. Not: developer tools, QML, other plug-ins, Qt's own words."""
LOCALES = "Qt/translations/qtwebengine_locales/"
PROCESS = "QtWebEngineProcess"
"""The program that pages run in."""


def keeps(name: str, languages: Collection[str]) -> bool:
    """Whether a file of the bundle (`PySide6/Qt/lib/…`, or a link to it at the top) goes along; all that is not Qt's
    does. `languages` are the app's, `fr`."""
    folder, _, inner = name.partition("/")
    if folder == "PySide6":
        if inner.startswith(LOCALES):
            return _speaks(Path(inner).stem, languages)
        return _is_kept(inner)
    if not inner and name.startswith(("libQt6", "libpyside6")):
        return _is_kept(name) or _is_kept(f"Qt/lib/{name}")
    # Signatures of the distribution's NSS, whose libraries stay with it.
    return not (not inner and name.endswith(".chk"))


def _is_kept(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in KEPT)


def _speaks(locale: str, languages: Collection[str]) -> bool:
    """Chromium falls back to American English."""
    return locale == "en-US" or (locale.partition("-")[0] in languages and not locale.startswith("en"))


def wanted(plan: Plan) -> bool:
    """Whether this plan's packages bring Qt. Windows and macOS always have an engine of their own."""
    return bool(plan.variant)


# --- what the licences ask ------------------------------------------------------------------------

COPYRIGHT = Path("/usr/share/doc/libqt6webengine6-data/copyright")
"""Debian's list of everything in Qt WebEngine, Chromium's many parts included, with all their licences. PySide6's
wheels bring no such list."""
LGPL, GPL = (Path("/usr/share/common-licenses") / name for name in ("LGPL-3", "GPL-3"))
OFFER = "SOURCE-OFFER"
"""Name of the file that says where Qt's source is."""


def version() -> str:
    """Of the Qt that is installed here. Raises importlib.metadata.PackageNotFoundError."""
    return importlib.metadata.version("PySide6_Essentials")


def offer(plan: Plan) -> str:
    """The written offer of the source of Qt and PySide6, and how they are replaced (LGPL 3, 4)."""
    number = version()
    line = ".".join(number.split(".")[:2])
    app = plan.brand.app
    asked = (
        f"\nFor three years after you got this program, {plan.publisher} <{app.contact}>\n"
        "also gives the same sources to anybody who asks, for no more than the cost of sending them.\n"
        if app.contact
        else ""
    )
    return f"""{app.name} {plan.version} holds Qt {number}, Qt WebEngine {number} (with Chromium) and PySide6 {number},
as The Qt Company publishes them for Python; nothing was changed, what is not used and what only debuggers read was
left out. They are used under the GNU Lesser General Public License, version 3; parts of Chromium under other licences.
Their texts stand in NOTICES.

The source is at
  https://download.qt.io/official_releases/qt/{line}/{number}/submodules/
    (qtbase, qtdeclarative, qtpositioning, qtwayland, qtwebchannel, qtwebengine)
  https://download.qt.io/official_releases/QtForPython/pyside6/PySide6-{number}-src/
and, when a version has become old, below https://download.qt.io/archive/.
{asked}
You may replace these libraries by your own: they are the shared libraries below
  lib/{plan.name}/_internal/PySide6/ and lib/{plan.name}/_internal/shiboken6/
and the program takes whatever lies there under the same name. You may take the program apart as far as that needs.
"""


def texts(name: str) -> tuple[tuple[str, str], ...]:
    """(title, text) of the licences of one of PySide6's wheels, which bring none; nothing for other packages."""
    plain = name.lower().replace("_", "-")
    if plain not in ("shiboken6", "pyside6", "pyside6-essentials", "pyside6-addons", "pyside6-webengine"):
        return ()
    files = [LGPL, GPL]
    if plain in ("pyside6-addons", "pyside6-webengine"):
        files.append(COPYRIGHT)
    return tuple(
        (TITLES.get(path, path.name), path.read_text(encoding="utf-8", errors="replace"))
        for path in files
        if path.is_file()
    )


TITLES = {
    LGPL: "the GNU Lesser General Public License 3, of PySide6 and Qt",
    GPL: "the GNU General Public License 3, which the Lesser one refers to",
    COPYRIGHT: "Qt WebEngine and Chromium: whose work is in them under which licence, as Debian has listed it",
}
