"""The Windows adapter on Linux: Mono's WinForms on a virtual screen, pywebview's own modules for Windows, the control
and the types of the WebView2 assemblies that pywebview ships. Started by `test_webview2_types.py` in a process of its
own, by `tests.rig.dotnet.environment`; prints one JSON object.

What is not here: WebView2 itself (its loader is missing, as on a computer without it), and the registry and Win32,
which are recorded stand-ins. Of pywebview's `winforms.py` one class is left out that reads the insides of .NET
Framework's folder dialog; the control is not shown, because it paints itself with Win32.
"""

from __future__ import annotations

import ctypes
import enum
import importlib
import json
import ntpath
import os
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

DPI = 144
SAID: list[str] = []
"""Calls of Win32."""


class Win32:
    def __init__(self, name: str = "") -> None:
        self._name = name

    def __getattr__(self, name: str) -> Win32:
        return Win32(name)

    def __call__(self, *arguments: Any, **_: Any) -> Any:
        SAID.append(self._name)
        return {"GetDpiForWindow": DPI}.get(self._name, 0)


def _no_registry(*_: Any) -> Any:
    raise OSError("no such key")


def pywebviews_modules() -> tuple[Any, Any]:
    """pywebview's `winforms` and `edgechromium`."""
    ntpath.__name__  # noqa: B018  # imported before there is a `getwindowsversion`, which it would ask
    registry = types.ModuleType("winreg")
    registry.__dict__.update(HKEY_LOCAL_MACHINE=1, HKEY_CURRENT_USER=2, KEY_READ=3, OpenKey=_no_registry)
    registry.__dict__.update(QueryValueEx=_no_registry, CloseKey=lambda _key: None)
    sys.modules["winreg"] = registry
    setattr(ctypes, "windll", Win32())
    setattr(ctypes, "WinDLL", lambda _name, **_: Win32())
    setattr(sys, "getwindowsversion", lambda: types.SimpleNamespace(major=10))
    os.environ["Path"] = ""  # noqa: SIM112  # as Windows writes it, and pywebview
    importlib.import_module("webview.guilib").forced_gui_ = "edgechromium"  # type: ignore[attr-defined]
    import webview

    file = Path(webview.__file__).parent / "platforms" / "winforms.py"
    source = file.read_text(encoding="utf-8")
    before, _, rest = source.partition("class OpenFolderDialog")
    after = rest.partition("_main_window_created = Event()")
    made = types.ModuleType("webview.platforms.winforms")
    made.__file__ = str(file)
    sys.modules[made.__name__] = made
    platforms: Any = importlib.import_module("webview.platforms")
    platforms.winforms = made
    exec(compile(before + after[1] + after[2], str(file), "exec"), made.__dict__)  # noqa: S102  # pywebview's own
    return made, importlib.import_module("webview.platforms.edgechromium")


def window(found: dict[str, Any]) -> None:
    """The adapter's window, menu, keys and place, by WinForms' own word."""
    from desktop.window.engine import Dress, MenuItem
    from desktop.window.placement import Place
    from desktop.window.policy import Policy
    from desktop.window.windows import EdgeEngine

    engine = EdgeEngine()
    engine.load()
    engine.bind()
    winforms, _ = pywebviews_modules()
    import webview
    from System import Array, Object
    from System.Reflection import BindingFlags
    from System.Windows import Forms

    told: list[str] = found.setdefault("told", [])
    items = (
        MenuItem("new", "New & old", lambda: told.append("new"), "Ctrl+N"),
        None,
        MenuItem("larger", "Larger", lambda: told.append("larger"), "Ctrl++"),
        MenuItem("settings", "Settings", lambda: told.append("settings"), "Ctrl+,"),
    )
    menu = (("Chat", items),)
    engine.prepare(app_id="fern", menu=menu, proxy=None, reach=())
    found["renderer"] = winforms.renderer
    native: Any = webview.create_window("Fern", html="x", text_select=True, background_color="#ffffff")
    native._initialize(winforms)
    dress = Dress(
        policy=Policy(()),
        own_url=lambda: "http://localhost:1/x",
        may_record=lambda: False,
        open_outside=lambda _url: None,
        strayed=lambda: told.append("strayed"),
        crashed=lambda: told.append("crashed"),
        failed=lambda: told.append("failed"),
        lost=lambda: told.append("lost"),
        place=Place(500, 400, 30, 40),
        zoom=1.5,
        colours=("#ffffff", "#141924"),
        menu=menu,
        texts=lambda key: key,
    )

    def dressed() -> None:
        engine.dress(native, dress)
        view = engine._view(native)
        view.webview.Visible = False
        found["zoom"] = view.webview.ZoomFactor

    def strike(view: Any, code: Any) -> bool:
        event = Forms.KeyEventArgs(code)
        raises = view.webview.GetType().GetMethod("OnKeyDown", BindingFlags.Instance | BindingFlags.NonPublic)
        raises.Invoke(view.webview, Array[Object]([event]))
        return bool(event.Handled)

    def look() -> None:
        view, keys = engine._view(native), Forms.Keys
        bounds = {one.GetType().Name: one.Bounds for one in view.Controls}
        found["menu_above_page"] = bounds["MenuStrip"].Bottom <= bounds["WebView2"].Top
        found["place"] = list(vars(engine.place(native)).values())
        found["screens"] = [list(vars(one).values()) for one in engine.screens()]
        (bar,) = (one for one in view.Controls if one.GetType().Name == "MenuStrip")
        entries = list(bar.Items[0].DropDownItems)
        found["entries"] = [[one.Text, str(getattr(one, "ShortcutKeys", ""))] for one in entries]
        entries[0].PerformClick()
        control, shift, alt = keys.Control, keys.Shift, keys.Alt
        taken = (control | keys.Oemplus, control | shift | keys.Oemplus, control | keys.Add, control | keys.Oemcomma)
        found["taken"] = [strike(view, code) for code in taken]
        found["not_taken"] = [strike(view, code) for code in (control | alt | keys.Oemplus, keys.N, control | keys.A)]
        engine.set_scheme("dark")
        found["dark"] = [engine.dark(), view.BackColor.R]
        engine.push(native, "1")
        engine.focus(native)
        found["win32"] = sorted(set(SAID))
        engine.quit()

    native.events.before_show += dressed
    native.events.shown += lambda: engine.later(look)
    winforms.create_window(native)
    found["ended"] = True


def unmade(found: dict[str, Any]) -> None:
    """What is told where pywebview's form raises: WinForms gets a PNG for an icon."""
    from desktop.window.windows import EdgeEngine

    engine = EdgeEngine()
    engine.load()
    engine.bind()
    winforms, _ = pywebviews_modules()
    import webview

    engine.prepare(app_id="fern", menu=(), proxy=None, reach=())
    engine.unmade = lambda native, error: found.update(unmade=[native.title, str(error)])
    native: Any = webview.create_window("Fern", html="x")
    native._initialize(winforms)
    webview._state["icon"] = str(Path(__file__).resolve().parents[2] / "assets" / "icons" / "app-256.png")
    winforms.create_window(native)
    found["came_back"] = True


def members(found: dict[str, Any]) -> None:
    """What the recorded stand-ins have that the real assemblies have not: names, and numbers of enums."""
    from tests.standins import recorded_webview2 as recorded

    forms, drawing, core, control = (
        importlib.import_module(name)
        for name in (
            *("System.Windows.Forms", "System.Drawing", "Microsoft.Web.WebView2.Core"),
            "Microsoft.Web.WebView2.WinForms",
        )
    )
    import System

    own = {"deferral", "completed", "scripts", "calls", "browser", "webview", "pywebview_window", "is_dark_theme"}
    own |= {"update_title_bar_theme", "chosen", "shown", "MEMBERS"}
    missing, compared = [], 0
    for name, kind in vars(recorded).items():
        if not isinstance(kind, type) or name.startswith("_") or kind.__module__ != recorded.__name__:
            continue
        real = next((getattr(space, name) for space in (core, control, forms, drawing) if hasattr(space, name)), None)
        if real is None:
            missing += (
                [name] if name not in ("DotNetEnum", "EdgeChrome", "BrowserView", "Context", "Collection") else []
            )
        elif issubclass(kind, enum.Enum):
            for member in kind:
                compared += 1
                if int(System.Convert.ToInt64(getattr(real, member.name, -1))) != member.value:
                    missing.append(f"{name}.{member.name}")
        else:
            wanted = {*getattr(kind, "MEMBERS", ()), *(one for one in vars(kind) if not one.startswith("_"))} - own
            compared += len(wanted)
            missing += [f"{name}.{one}" for one in sorted(wanted) if not hasattr(real, one)]
    if hasattr(core.CoreWebView2, "Nonsense") or hasattr(forms.Form, "Nonsense"):
        missing.append("this can't tell a member from none")
    found["missing"], found["compared"] = missing, compared
    states = core.CoreWebView2PermissionState
    found["permission"] = [str(states.Deny), int(System.Convert.ToInt64(states.Deny))]
    # pythonnet converts no number to an enum: what the adapter of before said to WebView2 was refused.
    taken = System.Collections.Generic.List[states]()
    taken.Add(states.Deny)
    try:
        taken.Add(2)
    except TypeError:
        found["number_refused"] = True


def icons(found: dict[str, Any]) -> None:
    """What System.Drawing says to a PNG and to our .ico."""
    from System.Drawing import Icon

    def load(name: str) -> str:
        try:
            Icon(str(Path(__file__).resolve().parents[2] / "assets" / "icons" / name))
        except Exception as error:  # noqa: BLE001  # .NET's
            return type(error).__name__
        return ""

    found["icons"] = [load("app-256.png"), load("app.ico")]


STEPS: dict[str, tuple[Callable[[dict[str, Any]], None], ...]]
STEPS = {"all": (window, members, icons), "unmade": (unmade,)}

if __name__ == "__main__":
    result: dict[str, Any] = {}
    for step in STEPS[sys.argv[1]]:
        step(result)
    print(json.dumps(result), flush=True)
    os._exit(0)  # Mono's own end waits for threads of its loop
