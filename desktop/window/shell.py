"""Opens windows and knows what each one shows. The only module that starts pywebview.

`Shell` is made before the loop starts, and can open windows before and after that. Knows no page by name.
"""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desktop.common.page import Page
from desktop.window import engines, unloaded
from desktop.window.bridge import Bridge, Channel
from desktop.window.engine import Dress, Engine, MenuBar, Proxy, Scheme
from desktop.window.errors import EngineChanged, EngineError, EngineMissing, PageNotLoaded, WindowNotMade
from desktop.window.outside import open_address
from desktop.window.page_server import PageServer
from desktop.window.placement import Place
from desktop.window.policy import Policy
from desktop.window.showing import Showing

log = logging.getLogger(__name__)

MOST_STRAYS = 3
"""How often a window is returned to its page before it is closed as hostile."""


@dataclass(frozen=True)
class Looks:
    """What all windows of the app have in common."""

    app_id: str
    app_name: str
    icon: Path | None


@dataclass(frozen=True)
class WindowPlan:
    """How one window opens, and its callbacks."""

    page: Page
    place: Place
    policy: Policy
    colours: tuple[str, str] = ("#ffffff", "#000000")
    """Background before the first paint, light and dark, #rrggbb."""
    least: tuple[int, int] = (360, 480)
    menu: bool = False
    """Whether the window carries the app's menu bar."""
    may_record: Callable[[], bool] = lambda: False
    """Whether ChatKit may use the microphone now, after a click."""
    on_closing: Callable[[Place | None], None] = lambda _place: None
    on_closed: Callable[[], None] = lambda: None
    on_crash: Callable[[], None] = lambda: None
    on_lost: Callable[[], None] = lambda: None
    """Called when the engine has ended or did not start: this window shows nothing any more."""


@dataclass
class PageWindow:
    """One open window: its page, and its side of the bridge."""

    plan: WindowPlan
    shell: Shell
    channel: Channel
    showing: Showing
    native: Any = None
    closed: threading.Event = field(default_factory=threading.Event)
    strays: int = 0
    failures: int = 0
    """How many times in a row its page could not be loaded."""

    @property
    def page(self) -> Page:
        return self.showing.page

    def show(self, page: Page) -> None:
        """Show `page` with a new random path and a new key. The previous ones stop working."""
        self.failures = 0
        self.showing = self.shell.show_in(self, page)
        self.native.load_url(self.shell.server.url(self.showing))

    def end_page(self) -> None:
        """End the process of a page that hangs. `on_crash` is called afterwards."""
        self.shell.later(lambda: self.shell.engine.end_page(self.native))

    def emit(self, event: str, data: Any) -> None:
        """Send a named event to the page. Events are kept until the page has made its first call."""
        self.channel.post({"event": event, "data": data})

    def set_title(self, title: str) -> None:
        if self.native.events.shown.is_set():
            self.native.set_title(title)

    def focus(self) -> None:
        self.shell.later(lambda: self.shell.engine.focus(self.native))

    def set_zoom(self, factor: float) -> None:
        self.shell.later(lambda: self.shell.engine.set_zoom(self.native, factor))

    def close(self) -> None:
        if not self.closed.is_set():
            self.native.destroy()

    def give_up(self, title: str, text: str) -> None:
        """Show `text` in a system dialog, then close: for when no page can be shown any more."""
        self.native.create_confirmation_dialog(title, text)
        self.close()

    def screenshot(self, file: Path, limit: float = 10) -> bool:
        """Save a screenshot of the window; `limit` in seconds. False if that was not possible."""
        finished = threading.Event()
        result: list[bool] = []

        def done(saved: bool) -> None:
            result.append(saved)
            finished.set()

        self.shell.later(lambda: self.shell.engine.screenshot(self.native, file, done))
        return finished.wait(limit) and result[0]

    def pick_file(self, patterns: tuple[str, ...]) -> str | None:
        """Show the system's file dialog. None if it was cancelled."""
        import webview

        chosen = self.native.create_file_dialog(webview.FileDialog.OPEN, file_types=patterns)
        return str(chosen[0]) if chosen else None

    def pick_folder(self) -> str | None:
        """Show the system's folder dialog. None if it was cancelled."""
        import webview

        chosen = self.native.create_file_dialog(webview.FileDialog.FOLDER)
        return str(chosen[0]) if chosen else None


class Shell:
    """The windows of this process."""

    def __init__(
        self,
        *,
        engine: Engine,
        server: PageServer,
        bridge: Bridge,
        storage: Path,
        looks: Looks,
        scheme: Scheme,
        zoom: float,
        texts: Callable[..., str],
        proxy: Proxy | None = None,
        reach: Sequence[str] = (),
    ) -> None:
        self.engine = engine
        self.server = server
        self._bridge = bridge
        self._storage = storage
        self._looks = looks
        self._scheme: Scheme = scheme
        self._zoom = zoom
        self._texts = texts
        self._proxy = proxy
        self._reach = reach
        self._prepared = False
        self._settled = threading.Event()
        """Whether the engine has been prepared, successfully or not."""
        self._early: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._failure: EngineError | None = None
        self.menu: MenuBar = ()
        """The app's menu bar. Set before the first window opens, because GTK installs it with the loop."""
        self.words: Mapping[str, str] = {}
        """pywebview's own texts in the app's language, by its keys. Set before `run`."""
        self.windows: list[PageWindow] = []
        self.first_frame: Callable[[bool], None] = lambda _painted: None
        """Called with whether pages are painted, if the engine can tell. Set before the first window opens."""

    def open(self, plan: WindowPlan) -> PageWindow:
        """Open a window. Before `run`, it waits for the loop; afterwards it opens at once."""
        import webview

        showing = self.server.show(plan.page)
        channel: Channel
        window = PageWindow(plan, self, channel=None, showing=showing)  # type: ignore[arg-type]
        channel = Channel(self.later, lambda script: self.engine.push(window.native, script))
        channel.hold(showing)
        window.channel = channel
        dark = self._scheme == "dark"
        # Registered before the window is made, so that a page that calls early finds its window.
        self.windows.append(window)
        made = webview.windows
        before = len(made)
        handlers: dict[str, Callable[..., Any]] = {
            "initialized": lambda _renderer: self._prepare(native(), plan),
            "before_show": lambda: self._dress(window, native()),
            "closing": lambda: self._on_closing(window),
            "closed": lambda: self._on_closed(window),
        }

        def native() -> Any:
            return window.native

        window.native = _make_window(
            webview,
            handlers,
            title=plan.page.title or self._looks.app_name,
            url=self.server.url(showing),
            width=plan.place.width,
            height=plan.place.height,
            min_size=plan.least,
            background_color=plan.colours[1 if dark else 0],
            # Otherwise pywebview injects an inline style, which the CSP refuses.
            text_select=True,
            # WebView2 has its own zoom; on Linux, the adapters set it.
            zoomable=True,
            after=lambda made_window: setattr(window, "native", made_window),
        )
        log.debug("window %d of %d for page %s", before + 1, len(made), plan.page.name)
        return window

    def run(self) -> None:
        """Run the loop until the last window has closed. Must be called on the main thread. Raises EngineMissing if
        pywebview finds no engine after all, EngineChanged if it isn't the version we know."""
        import webview
        import webview.util

        for name in ("js_bridge_call", "Thread"):
            if not hasattr(webview.util, name):
                raise EngineChanged(problem=f"webview.util.{name}")
        # If a page is loading while its window closes, a pywebview thread waits for an answer that never comes, and the
        # interpreter waits for that thread: the process would never end (pywebview 6.2.1).
        webview.util.Thread = _Daemon
        # Before `start`, which imports the platform module, which copies this name.
        webview.util.js_bridge_call = self._receive
        webview.settings["ALLOW_DOWNLOADS"] = False  # the adapters ask for the destination
        webview.settings["ALLOW_FILE_URLS"] = False
        webview.settings["OPEN_DEVTOOLS_IN_DEBUG"] = False
        self.engine.unmade = self._on_unmade
        icon = engines.icon_for(self.engine.name, self._looks.icon)
        try:
            webview.start(
                gui=self.engine.name,
                private_mode=False,
                storage_path=str(self._storage),
                localization=dict(self.words),
                icon=str(icon) if icon else None,
            )
        except webview.WebViewException as error:
            raise EngineMissing(str(error), command=engines.install_line(self.engine.name)) from error
        if self._failure is not None:
            raise self._failure

    def quit(self) -> None:
        """Close every window; `run` returns."""
        self.later(self.engine.quit)

    def later(self, run: Callable[[], None]) -> None:
        """Run on the window's thread soon. Calls made before it exists wait for it."""
        with self._lock:
            if not self._prepared:
                self._early.append(run)
                return
        self.engine.later(run)

    def set_scheme(self, scheme: Scheme) -> None:
        self._scheme = scheme
        self.later(lambda: self.engine.set_scheme(scheme))

    def set_zoom(self, factor: float) -> None:
        self._zoom = factor
        for window in list(self.windows):
            window.set_zoom(factor)

    def show_in(self, window: PageWindow, page: Page) -> Showing:
        """Give `window` a new showing. The previous one stops working."""
        self.server.end(window.showing)
        showing = self.server.show(page)
        window.channel.hold(showing)
        return showing

    def _prepare(self, native: Any, plan: WindowPlan) -> bool:
        """Called when pywebview has imported its platform module and before it makes a window. False would stop it."""
        if threading.current_thread() is not threading.main_thread():
            # A window opened while `run` starts the engine: preparation happens once, on the toolkit's own thread.
            self._settled.wait()
        elif not self._settled.is_set():
            self._settle()
        if self._failure is not None:
            return False
        if native is not None and self.engine.dark():
            native.background_color = plan.colours[1]
        return True

    def _settle(self) -> None:
        """Prepare the engine. An error is kept for `run`, because pywebview would only log it."""
        try:
            self.engine.prepare(app_id=self._looks.app_id, menu=self.menu, proxy=self._proxy, reach=self._reach)
            self.engine.set_scheme(self._scheme)
        except EngineError as error:
            self._failure = error
            return
        finally:
            self._settled.set()
        with self._lock:
            self._prepared = True
            early, self._early = self._early, []
        for run in early:
            self.engine.later(run)

    def _dress(self, window: PageWindow, native: Any) -> None:
        self.engine.dress(
            native,
            Dress(
                policy=window.plan.policy,
                may_record=window.plan.may_record,
                own_url=lambda: self.server.url(window.showing),
                open_outside=open_address,
                strayed=lambda: self._on_strayed(window),
                crashed=window.plan.on_crash,
                failed=lambda: self._on_failed(window),
                lost=window.plan.on_lost,
                place=window.plan.place,
                zoom=self._zoom,
                colours=window.plan.colours,
                menu=self.menu if window.plan.menu else (),
                texts=self._texts,
                shortcuts=self.menu,
                first_frame=self.first_frame,
            ),
        )
        if not gc.isenabled():
            gc.freeze()  # objects made during the start live for ever, so the collector need not look at them
            gc.enable()

    def _receive(self, native: Any, name: object, params: object, call_id: object) -> None:
        """Every call of every engine arrives here. Replaces pywebview's `js_bridge_call`."""
        for window in self.windows:
            if window.native is native:
                window.failures = 0
                self._bridge.receive(window.channel, name, params, call_id)
                return

    def _on_strayed(self, window: PageWindow) -> None:
        """The top frame left our page. Revoke its rights at once, and show our page again."""
        window.strays += 1
        log.warning("the window of page %s left its page and is brought back", window.page.name)
        page = window.page
        self.server.end(window.showing)
        window.channel.hold(None)
        if window.strays > MOST_STRAYS:
            self.later(window.close)
            return
        self.later(lambda: threading.Thread(target=window.show, args=(page,), daemon=True).start())

    def _on_failed(self, window: PageWindow) -> None:
        """The window's page did not load. Try again, then say so."""
        window.failures += 1
        log.error("the page %s could not be loaded (%d in a row)", window.page.name, window.failures)
        url = self.server.url(window.showing)
        if window.failures <= len(unloaded.TRIES):

            def again() -> None:
                if not window.closed.is_set() and self.server.url(window.showing) == url:
                    window.native.load_url(url)

            timer = threading.Timer(unloaded.TRIES[window.failures - 1], again)
            timer.daemon = True
            timer.start()
            return
        dark = self.engine.dark()
        error = PageNotLoaded()
        text = unloaded.page(
            title=self._texts(f"errors.{error.code}.message"),
            text=self._texts(f"errors.{error.code}.hint"),
            again=self._texts("common.try_again"),
            address=url,
            ground=window.plan.colours[1 if dark else 0],
            dark=dark,
        )
        # Not inside the engine's signal.
        self.later(lambda: self.engine.show_plain(window.native, text))

    def _on_closing(self, window: PageWindow) -> bool:
        place = None
        try:
            place = self.engine.place(window.native)
        finally:
            window.plan.on_closing(place)
        return True

    def _on_unmade(self, native: Any, error: Exception) -> None:
        """A window could not be made. If it is the only one, the app fails; otherwise another window shows a dialog."""
        problem = str(getattr(error, "message", "")) or str(error) or type(error).__name__
        window = next((one for one in self.windows if one.native is native), None)
        if window is not None:
            self._on_closed(window)
        if not self.windows:
            self._failure = WindowNotMade(repr(error), problem=problem)
            return
        told = self._texts("errors.window_not_made.message", problem=problem)
        hint = self._texts("errors.window_not_made.hint")
        show = self.windows[0].native.create_confirmation_dialog
        threading.Thread(target=show, args=(told, hint), name="dialog", daemon=True).start()

    def _on_closed(self, window: PageWindow) -> None:
        window.closed.set()
        self.server.end(window.showing)
        window.channel.hold(None)
        if window in self.windows:
            self.windows.remove(window)
        window.plan.on_closed()


class _Daemon(threading.Thread):
    """A thread that does not keep the program from ending."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "daemon": True})


def _make_window(
    webview: Any, handlers: dict[str, Callable[..., Any]], *, after: Callable[[Any], None], **options: Any
) -> Any:
    """Like `webview.create_window`, but with the event handlers attached first.

    If the loop is already running, pywebview creates the window inside that call, so handlers added to its result would
    come too late. Both paths use its `Window` class.
    """
    stock = webview.Window

    def made(*args: Any, **kwargs: Any) -> Any:
        window = stock(*args, **kwargs)
        after(window)
        for name, handler in handlers.items():
            event = getattr(window.events, name)
            event += handler
        return window

    with _creating:
        webview.Window = made
        try:
            return webview.create_window(js_api=None, **options)
        finally:
            webview.Window = stock


_creating = threading.Lock()
