"""WebView2 (Edge) on Windows through pywebview: lockdown, placement, zoom, theme, proxy, downloads.

This project runs it on Linux, with Mono's WinForms for window, menu and placement, pywebview's own form and control,
and the types and enums of the WebView2 assembly that pywebview ships (`tests/window/test_webview2_types.py`). The
engine itself is a recorded stand-in there, written from Microsoft's WebView2 reference. WebView2 and Windows have not
been run.
"""

from __future__ import annotations

import logging
import ntpath
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from desktop.window import webview2, windows_menu
from desktop.window.engine import Dress, EngineName, MenuBar, Proxy
from desktop.window.errors import DotNetMissing, EngineChanged, EngineMissing, WebViewMissing
from desktop.window.placement import Place, Rect
from desktop.window.policy import origin
from desktop.window.system_engine import SystemEngine

log = logging.getLogger(__name__)

RELIED_ON = (
    *("on_new_window_request", "on_navigation_start", "on_navigation_completed", "on_source_changed"),
    *("on_download_starting", "on_webview_ready"),
)
"""Handlers of pywebview's `EdgeChrome` replaced before it makes a window."""
ARGUMENTS = "WEBVIEW2_ADDITIONAL_BROWSER_ARGUMENTS"
MOST_LOGINS = 3
"""How often the proxy's login is sent. Chromium asks again if it was wrong."""
SW_RESTORE = 9
PERSONALIZE = r"Software\Microsoft\Windows\CurrentVersion\Themes\Personalize"
NO_SUCH_FOLDER = "not-a-runtime"


class EdgeEngine(SystemEngine):
    name: EngineName = "edgechromium"

    def load(self) -> None:
        try:
            import clr  # noqa: F401  # starts .NET
        except ImportError as error:
            raise EngineMissing(repr(error), command="pip install pythonnet") from None
        except Exception as error:
            raise DotNetMissing(repr(error), link=webview2.DOTNET_LINK) from error

    def bind(self) -> None:
        import webview

        # pywebview 6.2.1 looks for a runtime itself, and uses Internet Explorer's engine if it thinks there is none. We
        # have already checked (`webview2.require`); when a runtime folder is set, pywebview does not look.
        webview.settings["WEBVIEW2_RUNTIME_PATH"] = NO_SUCH_FOLDER

    def prepare(self, *, app_id: str, menu: MenuBar, proxy: Proxy | None, reach: Sequence[str]) -> None:
        import webview
        from webview.platforms import winforms

        super().prepare(app_id=app_id, menu=menu, proxy=proxy, reach=reach)
        webview.settings["WEBVIEW2_RUNTIME_PATH"] = None
        if winforms.renderer != "edgechromium":
            raise WebViewMissing(winforms.renderer, link=webview2.WEBVIEW2_LINK)
        from webview.platforms import edgechromium

        for owner, name in (
            *((edgechromium.EdgeChrome, name) for name in RELIED_ON),
            *(
                (winforms.BrowserView.BrowserForm, name)
                for name in ("_scale", "is_dark_theme", "update_title_bar_theme")
            ),
            (winforms.BrowserView, "instances"),
            (winforms, "ThreadStart"),
        ):
            if not hasattr(owner, name):
                raise EngineChanged(problem=f"{getattr(owner, '__name__', owner)}.{name}")
        import System
        from Microsoft.Web.WebView2 import Core
        from System import Drawing, Threading
        from System.Windows import Forms

        self._system, self._threading, self._drawing = System, Threading, Drawing
        self._forms, self._core, self._platform = Forms, Core, winforms
        self._context: Any = None
        self._unstarted: set[str] = set()
        if proxy is not None:
            # Chromium itself never uses the proxy for loopback addresses. pywebview's own arguments stay in effect.
            os.environ[ARGUMENTS] = f"{os.environ.get(ARGUMENTS, '')} --proxy-server={proxy.address}".strip()
        winforms.BrowserView.BrowserForm.is_dark_theme = lambda _form: self.dark()
        winforms.ThreadStart = self._telling(winforms.ThreadStart, lambda: webview.windows[0])
        self._replace(edgechromium.EdgeChrome)

    def _telling(self, start: Callable[..., Any], first: Callable[[], Any]) -> Callable[..., Any]:
        """Report exceptions: pywebview makes the first window at the start of a thread, where one ends the process."""

        def telling(create: Callable[[], None]) -> Any:
            def run() -> None:
                try:
                    create()
                except Exception as error:
                    if self._views():
                        raise
                    log.exception("the first window could not be made")
                    # .NET's message includes the stack trace in the following lines.
                    self.unmade(first(), RuntimeError(next(iter(str(error).splitlines()), type(error).__name__)))

            return start(run)

        return telling

    def _replace(self, chrome: Any) -> None:
        ready, completed = chrome.on_webview_ready, chrome.on_navigation_completed

        def on_ready(view: Any, sender: Any, args: Any) -> None:
            ready(view, sender, args)
            uid = view.pywebview_window.uid
            try:
                if args.IsSuccess:
                    self._lock_down(uid, sender.CoreWebView2)
                    return
                log.error("WebView2 did not start: %s", args.InitializationException)
            except Exception:  # never show a window that can't be locked down
                log.exception("WebView2 is not the one that this was made for")
            self._unstarted.add(uid)
            self._lose_unstarted()

        def on_navigation(view: Any, _sender: Any, args: Any) -> None:
            # The control's NavigationStarting is for the top frame; the page's CSP decides about frames. Nothing opens
            # outside here: WebView2 counts a script's `location = …` as a person's action.
            if not self._may_show(view.pywebview_window.uid, str(args.Uri)):
                args.Cancel = True

        def on_completed(view: Any, sender: Any, args: Any) -> None:
            completed(view, sender, args)
            # Forbidden pages were cancelled, so any other failure is the window's own page.
            stopped = self._core.CoreWebView2WebErrorStatus.OperationCanceled
            dress = self._dresses.get(view.pywebview_window.uid)
            if dress is not None and not args.IsSuccess and args.WebErrorStatus != stopped:
                dress.failed()

        def on_source_changed(view: Any, sender: Any, _args: Any) -> None:
            view.url, view.ishtml = str(sender.Source), False
            self._seen(view.pywebview_window.uid, view.url)

        def on_new_window(view: Any, _sender: Any, args: Any) -> None:
            args.Handled = True
            self._leave(view.pywebview_window.uid, str(args.Uri), bool(args.IsUserInitiated))

        def on_download(view: Any, _sender: Any, args: Any) -> None:
            dress = self._dresses.get(view.pywebview_window.uid)
            if dress is None or not self._takes(view.pywebview_window.uid, True):
                log.warning("a download that came too soon after another was not begun")
                args.Cancel = True
                return
            # Asked after this event: WebView2 sends nothing while one of its handlers waits.
            waiting = args.GetDeferral()
            self.later(lambda: self._ask_destination(view.form, args, waiting, dress))

        for name, handler in zip(
            RELIED_ON,
            (on_new_window, on_navigation, on_completed, on_source_changed, on_download, on_ready),
            strict=True,
        ):
            setattr(chrome, name, handler)

    def _lose_unstarted(self) -> None:
        """Report the engine as lost once the window is set up: without its library, WebView2 fails while being made."""
        for uid in self._unstarted & self._dresses.keys():
            self._unstarted.discard(uid)
            self._dresses[uid].lost()

    # --- one window ---------------------------------------------------------------------------

    def dress(self, window: Any, dress: Dress) -> None:
        super().dress(window, dress)
        self._lose_unstarted()

    def _view(self, window: Any) -> Any:
        return self._platform.BrowserView.instances.get(window.uid)

    def _views(self) -> list[Any]:
        return list(self._platform.BrowserView.instances.values())

    def _fit(self, view: Any, place: Place) -> None:
        """In physical pixels. pywebview makes the form before we can say where it goes."""
        scale = view._scale
        view.Size = self._drawing.Size(round(place.width * scale), round(place.height * scale))
        if place.x is not None and place.y is not None:
            view.StartPosition = self._forms.FormStartPosition.Manual
            view.Location = self._drawing.Point(round(place.x * scale), round(place.y * scale))
        if place.maximized:
            view.WindowState = self._forms.FormWindowState.Maximized

    def _furnish(self, view: Any, dress: Dress) -> None:
        # Belongs to the event loop, not to a form, which goes away with its window.
        self._context = self._context or self._threading.SynchronizationContext.Current
        if dress.menu:
            view.Controls.Add(windows_menu.strip(self._forms, dress.menu))
            view.webview.BringToFront()  # what is docked last gets the remaining space, below the menu
        windows_menu.take_keys(self._forms, view.webview, self._menu)

    def _zoom(self, view: Any, factor: float) -> None:
        view.webview.ZoomFactor = float(factor)

    def _colour(self, view: Any, dress: Dress) -> None:
        html = self._drawing.ColorTranslator.FromHtml
        view.BackColor = view.webview.DefaultBackgroundColor = html(dress.colours[1 if self.dark() else 0])
        view.update_title_bar_theme()
        if view.webview.CoreWebView2 is not None:
            self._set_scheme_of(view.webview.CoreWebView2)

    def _set_scheme_of(self, core: Any) -> None:
        kinds = self._core.CoreWebView2PreferredColorScheme
        core.Profile.PreferredColorScheme = {"system": kinds.Auto, "light": kinds.Light, "dark": kinds.Dark}[
            self._scheme
        ]

    def _lock_down(self, uid: str, core: Any) -> None:
        core.PermissionRequested += lambda _sender, asked: self._on_permission(uid, asked)
        core.ProcessFailed += lambda _sender, failed: self._on_failed(uid, failed.ProcessFailedKind)
        logins: list[str] = []
        core.BasicAuthenticationRequested += lambda _sender, asked: self._on_login(asked, logins)
        settings = core.Settings
        settings.IsBuiltInErrorPageEnabled = False
        # Nobody but the app keeps what is typed into our pages, such as a key.
        settings.IsGeneralAutofillEnabled = False
        settings.IsPasswordAutosaveEnabled = False
        self._set_scheme_of(core)

    def _on_permission(self, uid: str, asked: Any) -> None:
        # The app needs no camera, location, notifications or clipboard reading.
        dress = self._dresses.get(uid)
        states, kinds = self._core.CoreWebView2PermissionState, self._core.CoreWebView2PermissionKind
        is_given = (
            dress is not None
            and asked.PermissionKind == kinds.Microphone
            and origin(str(asked.Uri)) in dress.policy.frame_origins
            and dress.may_record()
            and self._takes(uid, bool(asked.IsUserInitiated))
        )
        asked.SavesInProfile = False  # it is asked again next time
        asked.State = states.Allow if is_given else states.Deny

    def _on_failed(self, uid: str, kind: Any) -> None:
        kinds, dress = self._core.CoreWebView2ProcessFailedKind, self._dresses.get(uid)
        log.error("WebView2: %s", kind)
        if dress is None:
            return
        if kind == kinds.BrowserProcessExited:
            dress.lost()
        elif kind in (kinds.RenderProcessExited, kinds.FrameRenderProcessExited):
            dress.crashed()
        # A page that does not respond is handled by its own watch. The engine restarts other processes.

    def _on_login(self, asked: Any, logins: list[str]) -> None:
        """Send the login to the proxy from the settings, and to nobody else."""
        proxy, address = self._proxy, str(asked.Uri)
        is_ours = proxy is not None and urlsplit(address).netloc == urlsplit(proxy.address).netloc
        if proxy is None or not is_ours or not proxy.user or len(logins) >= MOST_LOGINS:
            asked.Cancel = True
            return
        logins.append(address)
        asked.Response.UserName, asked.Response.Password = proxy.user, proxy.password

    def _ask_destination(self, form: Any, args: Any, waiting: Any, dress: Dress) -> None:
        try:
            folder, name = ntpath.split(str(args.ResultFilePath))
            dialog = self._forms.SaveFileDialog()
            dialog.Title = dress.texts("menu.save_download")
            dialog.InitialDirectory, dialog.FileName = folder, name
            dialog.RestoreDirectory = True
            if dialog.ShowDialog(form) == self._forms.DialogResult.OK:
                args.ResultFilePath = dialog.FileName
            else:
                args.Cancel = True
        finally:
            waiting.Complete()

    # --- at any time --------------------------------------------------------------------------

    def _post(self, run: Callable[[], None]) -> None:
        if self._context is not None:
            self._context.Post(self._threading.SendOrPostCallback(lambda _state: run()), None)

    def push(self, window: Any, script: str) -> None:
        # Not pywebview's `run_js`: it waits for the result, and for ever if the script fails.
        def run() -> None:
            view = self._view(window)
            if view is not None and view.webview.CoreWebView2 is not None:
                view.webview.ExecuteScriptAsync(script)

        self.later(run)

    def show_plain(self, window: Any, html: str) -> None:
        view = self._view(window)
        if view is not None and view.webview.CoreWebView2 is not None:
            self._plain.add(window.uid)
            view.webview.NavigateToString(html)

    def _system_dark(self) -> bool:
        if sys.platform != "win32":
            return False
        import winreg

        try:
            with winreg.OpenKey(winreg.HKEY_CURRENT_USER, PERSONALIZE) as key:
                return bool(winreg.QueryValueEx(key, "AppsUseLightTheme")[0] == 0)
        except OSError:
            return False

    def place(self, window: Any) -> Place | None:
        view = self._view(window)
        if view is None:
            return None
        states, scale = self._forms.FormWindowState, view._scale
        bounds = view.Bounds if view.WindowState == states.Normal else view.RestoreBounds
        return Place(
            round(bounds.Width / scale),
            round(bounds.Height / scale),
            round(bounds.X / scale),
            round(bounds.Y / scale),
            view.WindowState == states.Maximized,
        )

    def screens(self) -> list[Rect]:
        """In logical pixels of the first window: the process has one scale for all screens."""
        scale = next((view._scale for view in self._views()), 1.0)
        areas = [screen.WorkingArea for screen in self._forms.Screen.AllScreens]
        return [Rect(*(round(value / scale) for value in (a.X, a.Y, a.Width, a.Height))) for a in areas]

    def focus(self, window: Any) -> None:
        view = self._view(window)
        if view is None:
            return
        if view.WindowState == self._forms.FormWindowState.Minimized:
            import ctypes

            # Restore it as it was, for example maximized: WinForms has no call for that.
            ctypes.windll.user32.ShowWindow(view.Handle.ToInt32(), SW_RESTORE)  # type: ignore[attr-defined,unused-ignore]
        view.Show()
        view.BringToFront()
        view.Activate()

    def quit(self) -> None:
        def close_all() -> None:
            for view in self._views():
                view.Close()

        self.later(close_all)
