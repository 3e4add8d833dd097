"""A window of the real shell, for the contract of engines: `python -m tests.rig.engine_bench READ WRITE --engine NAME`.

GTK and Qt are the real ones; Windows and macOS are their real adapters on recorded stand-ins of the vendors' objects. A
thread answers one JSON line a command, as that of the app's probe does.
"""

from __future__ import annotations

import faulthandler
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from desktop.cli import leave
from desktop.common.page import Page
from desktop.common.texts import Catalogue
from desktop.window import engines
from desktop.window.bridge import Bridge
from desktop.window.engine import MenuBar, MenuItem, Proxy, keys_of
from desktop.window.page_server import PageServer
from desktop.window.placement import Place
from desktop.window.policy import Policy
from desktop.window.shell import Looks, Shell, WindowPlan
from tests.rig.serving import UNASKED_LIMIT, serve

F1 = "\uf704"
"""NSF1FunctionKey, of Apple's reference of NSEvent."""

COMPONENT = "https://component.example"
PAGE = "<!doctype html><html lang='__LANGUAGE__'><head><title>Bench</title></head><body>home</body></html>"
PROXY = Proxy("http://proxy.example:3128", "fern", "a secret")


class Bench:
    """What every engine is asked. What only one kind of them can be asked is in the classes below."""

    def __init__(self, name: Any, folder: Path) -> None:
        self.engine: Any = engines.adapter(name)
        self.heard: list[Any] = []
        """What the shell, the menu and the windows were told, in this order."""
        self._released = threading.Event()
        (folder / "pages").mkdir()
        (folder / "pages" / "bench.html").write_text(PAGE, encoding="utf-8")
        self.server = PageServer(folder, "en", {})
        self.server.start()
        texts = Catalogue("en")
        dress = self.engine.dress

        def dressed(window: Any, how: Any) -> None:
            told = ("open_outside", "strayed", "crashed", "failed", "lost")
            dress(window, replace(how, **{one: self._hears(one) for one in told}))

        setattr(self.engine, "dress", dressed)
        self.engine.ending = self._hears("ending")
        self.shell = Shell(
            engine=self.engine,
            server=self.server,
            bridge=Bridge(texts),
            storage=folder / "web",
            looks=Looks("bench", "Bench", None),
            scheme="light",
            zoom=1.25,
            texts=texts.get,
            proxy=PROXY if name in ("edgechromium", "cocoa") else None,
        )
        self.shell.menu = self.menu_bar()
        self.window = self.shell.open(
            WindowPlan(
                page=Page("bench", "bench.html", (), {}, title="Bench"),
                place=Place(640, 500, 60, 80),
                policy=Policy((COMPONENT,)),
                menu=True,
                may_record=lambda: True,
                on_closing=lambda place: self.heard.append(["closing", place is not None]),
                on_closed=lambda: self.heard.append(["closed"]),
            )
        )

    def _hears(self, what: str) -> Callable[..., None]:
        return lambda *values: self.heard.append([what, *values])

    def menu_bar(self) -> MenuBar:
        def item(name: str, title: str, shortcut: str = "") -> MenuItem:
            return MenuItem(name, title, self._hears(f"chose {name}"), shortcut)

        chat = (item("new", "New & old", "Ctrl+N"), item("chats", "All chats", "Ctrl+Shift+F"), None)
        zoom = (item("in", "Larger", "Ctrl++"), item("out", "Smaller", "Ctrl+-"), item("as-made", "As made", "Ctrl+0"))
        return (
            ("Chat", (*chat, item("settings", "Settings", "Ctrl+,"), item("bare", "No key"))),
            ("View", zoom),
            ("Help", (item("help", "Help", "F1"),)),
        )

    # --- what is asked ------------------------------------------------------------------------

    @property
    def native(self) -> Any:
        return self.window.native

    def on_loop(self, run: Callable[[], Any]) -> Any:
        """The value of `run` on the thread of the windows."""
        done, kept = threading.Event(), []

        def job() -> None:
            try:
                kept.append(run())
            except Exception as error:  # noqa: BLE001  # whatever goes wrong is the answer
                kept.append(error)
            done.set()

        self.shell.later(job)
        if not done.wait(20):
            raise TimeoutError("the loop did not answer")
        if isinstance(kept[0], Exception):
            raise kept[0]
        return kept[0]

    def shown(self) -> bool:
        return self.native is not None and self.native.events.shown.wait(20)

    def told(self) -> list[Any]:
        return self.heard

    def place(self) -> dict[str, Any]:
        found = self.on_loop(lambda: self.engine.place(self.native))
        return {**vars(found), "types": sorted({type(value).__name__ for value in vars(found).values()})}

    def screens(self) -> list[list[Any]]:
        return [list(vars(one).values()) for one in self.on_loop(self.engine.screens)]

    def zoom(self, factor: float | None = None) -> float:
        """As the engine has it, after setting it."""

        def ask() -> float:
            if factor is not None:
                self.engine.set_zoom(self.native, factor)
            return float(self.zoom_of(self.view()))

        return float(self.on_loop(ask))

    def scheme(self, wanted: Any) -> bool:
        """Whether it is dark then."""
        self.shell.set_scheme(wanted)
        return bool(self.on_loop(self.engine.dark))

    def order(self) -> list[Any]:
        """Whether what is asked for runs in its order, all of it on one thread."""
        ran: list[tuple[int, int | None]] = []
        for number in range(5):
            self.shell.later(lambda number=number: ran.append((number, threading.get_ident())))  # type: ignore[misc]
        self.shell.later(_fails)
        self.on_loop(lambda: None)
        return [[number for number, _ in ran], len({thread for _, thread in ran})]

    def focus(self) -> None:
        self.on_loop(lambda: self.engine.focus(self.native))

    def plain(self, text: str) -> None:
        self.on_loop(lambda: self.engine.show_plain(self.native, text))

    def url(self) -> str:
        return self.server.url(self.window.showing)

    def close_all(self) -> None:
        self.shell.quit()

    def quit(self) -> None:
        self.shell.quit()
        self._released.set()

    def view(self) -> Any:
        return self.engine._view(self.native)

    def zoom_of(self, view: Any) -> float:
        raise NotImplementedError

    def menu(self) -> list[Any]:
        """Titles, with the entries' titles and keys; a line between them is None."""
        raise NotImplementedError

    def press(self, shortcut: str) -> bool:
        """Whether somebody took these keys."""
        raise NotImplementedError

    def push(self, *scripts: str) -> Any:
        """Runs them as the channel does; what they left in the body's `data-said`, or the scripts as they came."""
        raise NotImplementedError

    # --- the process --------------------------------------------------------------------------

    def main(self, read: int, write: int) -> None:
        faulthandler.dump_traceback_later(UNASKED_LIMIT, exit=True)
        thread = threading.Thread(target=serve, args=(self, read, write), daemon=True)
        thread.start()
        self.shell.run()
        self.heard.append(["ended"])
        self._released.wait(20)  # what was heard last can still be asked for
        self.server.close()
        leave(0)


def _fails() -> None:
    """What nobody who asks after it may suffer from."""
    raise ValueError("asked of the window's thread")


class LinuxBench(Bench):
    def push(self, *scripts: str) -> Any:
        self.native.events.loaded.wait(20)
        for script in scripts:
            self.on_loop(lambda script=script: self.engine.push(self.native, script))  # type: ignore[misc]
        return self.native.run_js("document.body.dataset.said")


class GtkBench(LinuxBench):
    def zoom_of(self, view: Any) -> float:
        return float(view.webview.get_zoom_level())

    def _app(self) -> Any:
        from webview.platforms import gtk

        return gtk._app

    def menu(self) -> list[Any]:
        def entries(model: Any) -> list[Any]:
            found: list[Any] = []
            for at in range(model.get_n_items()):
                section = model.get_item_link(at, "section")
                if section is not None:
                    found += [None, *entries(section)] if found else entries(section)
                    continue
                title = model.get_item_attribute_value(at, "label", None).get_string()
                submenu = model.get_item_link(at, "submenu")
                if submenu is not None:
                    found.append([title, entries(submenu)])
                else:
                    name = model.get_item_attribute_value(at, "action", None).get_string()
                    found.append([title, _ours(next(iter(self._app().get_accels_for_action(name)), ""))])
            return found

        return list(self.on_loop(lambda: entries(self._app().get_menubar())))

    def press(self, shortcut: str) -> bool:
        from desktop.window.gtk import _accelerator

        def strike() -> bool:
            names = self._app().get_actions_for_accel(_accelerator(shortcut))
            for name in names:
                self._app().activate_action(name.removeprefix("app."), None)
            return bool(names)

        return bool(self.on_loop(strike))


def _ours(accelerator: str) -> str:
    """GTK's writing as ours."""
    names = {"comma": ",", "plus": "+", "minus": "-"}
    held = [mark for mark in ("Ctrl", "Shift") if {"Ctrl": "<Primary>"}.get(mark, f"<{mark}>") in accelerator]
    key = accelerator.rpartition(">")[2]
    return "+".join([*held, names.get(key, key.upper())]) if accelerator else ""


class QtBench(LinuxBench):
    def zoom_of(self, view: Any) -> float:
        return float(view.webview.page().zoomFactor())

    def menu(self) -> list[Any]:
        def entry(action: Any) -> Any:
            if action.isSeparator():
                return None
            if action.menu() is not None:
                return [action.text(), [entry(one) for one in action.menu().actions()]]
            return [action.text(), action.shortcut().toString()]

        return list(self.on_loop(lambda: [entry(action) for action in self.view().menuBar().actions()]))

    def press(self, shortcut: str) -> bool:
        def strike() -> bool:
            actions = [one for top in self.view().menuBar().actions() for one in top.menu().actions()]
            found = [one for one in actions if one.shortcut().toString() == shortcut]
            for one in found:
                one.trigger()
            return bool(found)

        return bool(self.on_loop(strike))


class RecordedBench(Bench):
    """On stand-ins: what the vendor's side would say can be said too."""

    def push(self, *scripts: str) -> Any:
        for script in scripts:
            self.engine.push(self.native, script)
        return self.on_loop(lambda: list(self.view().webview.scripts))


class WindowsBench(RecordedBench):
    def __init__(self, name: Any, folder: Path) -> None:
        from tests.standins import recorded_webview2

        self.fake: Any = recorded_webview2
        self.fake.install()
        super().__init__(name, folder)
        self.engine.load()
        self.engine.bind()

    def zoom_of(self, view: Any) -> float:
        return float(view.webview.ZoomFactor)

    def menu(self) -> list[Any]:
        def entry(item: Any) -> Any:
            if isinstance(item, self.fake.ToolStripSeparator):
                return None
            return [item.Text.replace("&&", "&"), getattr(item, "ShortcutKeyDisplayString", "")]

        bar = next(one for one in self.view().Controls if isinstance(one, self.fake.MenuStrip))
        return [[top.Text, [entry(item) for item in top.DropDownItems]] for top in bar.Items]

    def press(self, shortcut: str, alt: bool = False) -> bool:
        from desktop.window.windows_menu import KEYS

        held, key = keys_of(shortcut)
        event = self.fake.KeyEventArgs(
            KeyCode=self.fake.Keys[KEYS.get(key, (key,))[0]],
            Control="Ctrl" in held,
            Shift="Shift" in held,
            Alt=alt,
            Handled=False,
        )
        self.on_loop(lambda: self.view().webview.KeyDown.fire(None, event))
        return bool(event.Handled)

    # --- what only WebView2 says --------------------------------------------------------------

    def says(self, event: str, values: dict[str, Any]) -> dict[str, Any]:
        """An event of the page's object (`EdgeChrome.on_…`); what its arguments hold afterwards."""
        kinds = {
            "navigation_start": self.fake.CoreWebView2NavigationStartingEventArgs,
            "navigation_completed": self.fake.CoreWebView2NavigationCompletedEventArgs,
            "new_window_request": self.fake.CoreWebView2NewWindowRequestedEventArgs,
            "source_changed": self.fake.Recorded,
            "download_starting": self.fake.CoreWebView2DownloadStartingEventArgs,
            "webview_ready": self.fake.CoreWebView2InitializationCompletedEventArgs,
        }
        status = self.fake.CoreWebView2WebErrorStatus
        values = {name: status[value] if name == "WebErrorStatus" else value for name, value in values.items()}
        args = self.last = kinds[event](**values)
        page = self.view().browser
        self.on_loop(lambda: getattr(page, f"on_{event}")(page.webview, args))
        return _flat(args)

    def says_of_core(self, event: str, values: dict[str, Any]) -> dict[str, Any]:
        """An event of CoreWebView2; what its arguments hold afterwards."""
        fake = self.fake
        kinds = {
            "PermissionRequested": fake.CoreWebView2PermissionRequestedEventArgs,
            "ProcessFailed": fake.CoreWebView2ProcessFailedEventArgs,
            "BasicAuthenticationRequested": fake.CoreWebView2BasicAuthenticationRequestedEventArgs,
        }
        enums = {
            "PermissionKind": fake.CoreWebView2PermissionKind,
            "ProcessFailedKind": fake.CoreWebView2ProcessFailedKind,
        }
        args = kinds[event](**{name: enums[name][value] if name in enums else value for name, value in values.items()})
        if event == "BasicAuthenticationRequested":
            args.Response = fake.CoreWebView2BasicAuthenticationResponse()
        core = self.view().webview.CoreWebView2
        self.on_loop(lambda: getattr(core, event).fire(core, args))
        return _flat(args)

    def is_another_version(self) -> None:
        """A WebView2 that starts, and has not what is relied on."""
        self.view().webview.CoreWebView2 = self.fake.Recorded()
        self.says("webview_ready", {"IsSuccess": True})

    def afterwards(self) -> dict[str, Any]:
        """What the last arguments hold when the loop has gone on."""
        self.on_loop(lambda: None)
        return _flat(self.last)

    def shows(self, url: str) -> None:
        self.view().webview.Source = url

    def chooses(self, file: str | None) -> None:
        self.fake.SaveFileDialog.chosen = file

    def dialogs(self) -> list[Any]:
        return list(self.fake.SaveFileDialog.shown)

    def settings(self) -> dict[str, Any]:
        core = self.view().webview.CoreWebView2
        return {**_flat(core.Settings), **_flat(core.Profile)}

    def arguments(self) -> str:
        import os

        return os.environ["WEBVIEW2_ADDITIONAL_BROWSER_ARGUMENTS"]

    def minimized(self) -> list[Any]:
        """Minimized, then asked to come forward."""
        view = self.view()
        view.RestoreBounds = self.fake.Rectangle(90, 120, 960, 750)
        view.WindowState = self.fake.FormWindowState.Minimized
        kept = self.place()
        self.focus()
        return [kept, self.fake.SHOWN, view.calls[-3:]]


def _flat(args: Any) -> dict[str, Any]:
    return {
        name: _flat(value) if hasattr(value, "MEMBERS") else value if isinstance(value, bool | str) else str(value)
        for name, value in vars(args).items()
    }


class MacBench(RecordedBench):
    def __init__(self, name: Any, folder: Path) -> None:
        from tests.standins import recorded_cocoa

        self.fake: Any = recorded_cocoa
        self.fake.install()
        super().__init__(name, folder)

    def zoom_of(self, view: Any) -> float:
        return float(view.webview.zoom)

    def _bar(self) -> Any:
        return self.fake.BrowserView.app.menu

    def menu(self) -> list[Any]:
        def entry(item: Any) -> Any:
            if item is None:
                return None
            held = ["Ctrl"] * bool(item.mask & 1 << 20) + ["Shift"] * bool(item.mask & 1 << 17)
            key = "F1" if item.key == F1 else item.key.upper()
            return [item.title, "+".join([*held, key]) if key else ""]

        return [[top.title, [entry(item) for item in top.submenu.items]] for top in self._bar().items]

    def press(self, shortcut: str) -> bool:
        held, key = keys_of(shortcut)
        mask = sum({"Ctrl": 1 << 20, "Shift": 1 << 17}[name] for name in held)
        items = [item for top in self._bar().items for item in top.submenu.items if item is not None]
        found = [
            item for item in items if item.key and (item.key, item.mask) == (F1 if key == "F1" else key.lower(), mask)
        ]
        for item in found:
            self.on_loop(lambda item=item: getattr(item.target, item.action.replace(":", "_"))(item))  # type: ignore[misc]
        return bool(found)

    # --- what only WebKit and AppKit say ------------------------------------------------------

    def asks(self, selector: str, *arguments: Any) -> Any:
        """A question of WebKit's about the window; what was handed to its completion handler."""
        answers: list[Any] = []
        view = self.view()
        ask = getattr(view.delegate, selector)
        self.on_loop(lambda: ask(view.webview, *(self._object(one) for one in arguments), answers.append))
        return answers[-1] if answers else None

    def tells(self, selector: str, *arguments: Any) -> None:
        """Something that WebKit tells of the window and wants no answer to."""
        view = self.view()
        self.on_loop(lambda: getattr(view.delegate, selector)(view.webview, *(self._object(one) for one in arguments)))

    def _object(self, described: Any) -> Any:
        """An object of WebKit's as the dictionary of what its methods give; a dictionary in it is one too."""
        if not isinstance(described, dict):
            return described
        made = {name: self._object(value) for name, value in described.items()}
        if "url" in made:
            address = self.fake.NSURL(text=made.pop("url"))
            whole = _Answers({"URL": address})
            made |= {"request": whole, "response": whole}
        return _Answers(made)

    def shows(self, url: str) -> None:
        self.view().webview.url = url

    def downloads(self, name: str, chosen: str | None) -> list[Any]:
        """What is asked of the person, what is cleared away, and where it goes."""
        self.fake.NSSavePanel.chosen = chosen
        kept: list[Any] = []
        download = _Keeps(kept)
        self.tells("webView_navigationResponse_didBecomeDownload_", None, download)
        gone: list[Any] = []
        ask = kept[0].download_decideDestinationUsingResponse_suggestedFilename_completionHandler_
        self.on_loop(lambda: ask(download, None, name, gone.append))
        where = gone[0].text if gone[0] is not None else None
        return [self.fake.NSSavePanel.shown, self.fake.NSFileManager.removed, where]

    def is_stored(self) -> bool:
        """Whether the page's store lies on the disk."""
        return bool(self.view().store.persistent)

    def terminates(self) -> None:
        """Cmd+Q, or the person logs out."""

        def end() -> None:
            delegate = self.fake.AppDelegate()
            assert delegate.applicationShouldTerminate_(None)
            delegate.applicationWillTerminate_(None)

        self.on_loop(end)

    def minimized(self) -> list[Any]:
        view = self.view()
        view.window.miniaturized = True
        self.focus()
        return [view.window.miniaturized, view.window.calls[-1:], self.fake.BrowserView.app.active]


class _Answers:
    """Methods without arguments."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def __getattr__(self, name: str) -> Any:
        if name not in self._values:
            raise AttributeError(f"{name} is not recorded")
        return lambda: self._values[name]


class _Keeps:
    def __init__(self, kept: list[Any]) -> None:
        self._kept = kept

    def setDelegate_(self, delegate: Any) -> None:  # noqa: N802  # a selector's name
        self._kept.append(delegate)


BENCHES: dict[str, type[Bench]] = {
    "gtk": GtkBench,
    "qt": QtBench,
    "edgechromium": WindowsBench,
    "cocoa": MacBench,
}


if __name__ == "__main__":
    chosen = sys.argv[sys.argv.index("--engine") + 1]
    with tempfile.TemporaryDirectory() as temporary:
        BENCHES[chosen](chosen, Path(temporary)).main(int(sys.argv[1]), int(sys.argv[2]))
