"""Checks whether Windows has the .NET Framework and the WebView2 runtime, by the registry entries Microsoft documents.
Imports neither.

pywebview 6.2.1 checks too, but silently falls back to Internet Explorer's engine if it finds none, or if the first
entry it reads is empty. Tested on Linux with a made-up registry; this project has not read a real one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec

from desktop.window.errors import DotNetMissing, EngineMissing, WebViewMissing

Read = Callable[[str, str, str], object]
"""Reads the value for a hive (`HKLM`, `HKCU`), a key and a name; None if there is none."""

WEBVIEW2_LINK = "https://developer.microsoft.com/microsoft-edge/webview2/"
DOTNET_LINK = "https://dotnet.microsoft.com/download/dotnet-framework"
OLDEST = 114
"""The first version that can forget a permission (`SavesInProfile`). The runtime updates itself, like Edge."""
CHANNELS = (
    "{F3017226-FE2A-4295-8BDF-00C3A9A7E4C5}",
    "{2CD8A007-E189-409D-A2C8-9AF4EF3C72AA}",
    "{0D50BFEC-CD6A-4F9A-964C-C7416E3ACB10}",
    "{65C35B14-6C1D-4122-AC46-7148CC9D6497}",
)
"""The runtime, then Edge's beta, dev and canary, in the order of WebView2's loader."""
PLACES = (
    ("HKLM", r"SOFTWARE\WOW6432Node\Microsoft\EdgeUpdate\Clients"),
    ("HKLM", r"SOFTWARE\Microsoft\EdgeUpdate\Clients"),
    ("HKCU", r"Software\Microsoft\EdgeUpdate\Clients"),
)
"""For all users (64-bit and 32-bit Windows), and for one user."""
DOTNET = r"SOFTWARE\Microsoft\NET Framework Setup\NDP\v4\Full"
DOTNET_462 = 394802
"""The lowest value of `Release` for .NET Framework 4.6.2."""


def require(read: Read | None = None, *, has_pythonnet: Callable[[], bool] | None = None) -> str:
    """The runtime's version. Raises EngineMissing (pythonnet), DotNetMissing, WebViewMissing."""
    read = read or _registry
    if not (has_pythonnet or _has_pythonnet)():
        raise EngineMissing(command="pip install pythonnet")
    release = read("HKLM", DOTNET, "Release")
    if not isinstance(release, int) or release < DOTNET_462:
        raise DotNetMissing(f"Release {release!r}", link=DOTNET_LINK)
    found = version(read)
    if _main(found) < OLDEST:
        raise WebViewMissing(f"version {found or 'none'}", link=WEBVIEW2_LINK)
    return found


def version(read: Read | None = None) -> str:
    """The newest version installed; empty if there is none."""
    read = read or _registry
    values = (read(hive, rf"{key}\{channel}", "pv") for channel in CHANNELS for hive, key in PLACES)
    return max((value for value in values if isinstance(value, str) and _main(value)), key=_main, default="")


def _main(found: str) -> int:
    """`131` of `131.0.2903.86`; 0 for `0.0.0.0`, which uninstalling leaves behind, and for anything that isn't a
    version."""
    number = found.partition(".")[0]
    return int(number) if number.isascii() and number.isdigit() and len(number) < 6 else 0


def _has_pythonnet() -> bool:
    return find_spec("clr_loader") is not None


def _registry(hive: str, key: str, name: str) -> object:
    if sys.platform != "win32":
        return None
    import winreg

    try:
        with winreg.OpenKey({"HKLM": winreg.HKEY_LOCAL_MACHINE, "HKCU": winreg.HKEY_CURRENT_USER}[hive], key) as opened:
            return winreg.QueryValueEx(opened, name)[0]
    except OSError:
        return None
