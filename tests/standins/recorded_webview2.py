"""Recorded stand-ins of what the adapter of Windows touches: WinForms, WebView2, and pywebview's two modules for them.

`tests/window/test_webview2_types.py` asks the real assemblies whether every member and number here is theirs.
"""

from __future__ import annotations

import enum
import sys
import types
from typing import Any, ClassVar

from tests.standins.recorded import Event, Loop, Recorded


class DotNetEnum(enum.Enum):
    """pythonnet 3 takes a member and no number, and writes it as its name."""

    def __str__(self) -> str:
        return self.name


class CoreWebView2PermissionState(DotNetEnum):
    Default, Allow, Deny = range(3)


class CoreWebView2PermissionKind(DotNetEnum):
    UnknownPermission, Microphone, Camera, Geolocation, Notifications, OtherSensors, ClipboardRead = range(7)


class CoreWebView2ProcessFailedKind(DotNetEnum):
    BrowserProcessExited = 0
    RenderProcessExited = 1
    RenderProcessUnresponsive = 2
    FrameRenderProcessExited = 3
    UtilityProcessExited = 4
    SandboxHelperProcessExited = 5
    GpuProcessExited = 6
    PpapiPluginProcessExited = 7
    PpapiBrokerProcessExited = 8
    UnknownProcessExited = 9


class CoreWebView2PreferredColorScheme(DotNetEnum):
    Auto, Light, Dark = range(3)


class CoreWebView2WebErrorStatus(DotNetEnum):
    Unknown = 0
    CannotConnect = 12
    OperationCanceled = 14


class FormWindowState(DotNetEnum):
    Normal, Minimized, Maximized = range(3)


class FormStartPosition(DotNetEnum):
    Manual, CenterScreen = range(2)


class DialogResult(DotNetEnum):
    OK, Cancel = 1, 2


class Keys(enum.IntFlag):
    D0, A, F, H, N, Q, R = 48, 65, 70, 72, 78, 81, 82
    NumPad0, Add, Subtract, F1 = 96, 107, 109, 112
    Oemplus, Oemcomma, OemMinus = 187, 188, 189
    Shift, Control, Alt = 1 << 16, 1 << 17, 1 << 18

    def __str__(self) -> str:
        return self.name or ""


# --- WebView2 -------------------------------------------------------------------------------------


class CoreWebView2Settings(Recorded):
    MEMBERS: ClassVar = {"IsBuiltInErrorPageEnabled": bool, "IsGeneralAutofillEnabled": bool}
    MEMBERS |= {"IsPasswordAutosaveEnabled": bool}


class CoreWebView2Profile(Recorded):
    MEMBERS: ClassVar = {"PreferredColorScheme": CoreWebView2PreferredColorScheme}


class CoreWebView2(Recorded):
    MEMBERS: ClassVar = {"Settings": CoreWebView2Settings, "Profile": CoreWebView2Profile, "Source": str}
    MEMBERS |= dict.fromkeys(("PermissionRequested", "ProcessFailed", "BasicAuthenticationRequested"), Event)

    def __init__(self) -> None:
        super().__init__(
            Settings=CoreWebView2Settings(),
            Profile=CoreWebView2Profile(),
            Source="about:blank",
            PermissionRequested=Event(),
            ProcessFailed=Event(),
            BasicAuthenticationRequested=Event(),
        )


class CoreWebView2PermissionRequestedEventArgs(Recorded):
    MEMBERS: ClassVar = {"Uri": str, "PermissionKind": CoreWebView2PermissionKind, "IsUserInitiated": bool}
    MEMBERS |= {"State": CoreWebView2PermissionState, "SavesInProfile": bool}


class CoreWebView2ProcessFailedEventArgs(Recorded):
    MEMBERS: ClassVar = {"ProcessFailedKind": CoreWebView2ProcessFailedKind}


class CoreWebView2NavigationStartingEventArgs(Recorded):
    MEMBERS: ClassVar = {"Uri": str, "Cancel": bool}


class CoreWebView2NavigationCompletedEventArgs(Recorded):
    MEMBERS: ClassVar = {"IsSuccess": bool, "WebErrorStatus": CoreWebView2WebErrorStatus}


class CoreWebView2NewWindowRequestedEventArgs(Recorded):
    MEMBERS: ClassVar = {"Uri": str, "IsUserInitiated": bool, "Handled": bool}


class CoreWebView2InitializationCompletedEventArgs(Recorded):
    MEMBERS: ClassVar = {"IsSuccess": bool, "InitializationException": None}


class CoreWebView2BasicAuthenticationResponse(Recorded):
    MEMBERS: ClassVar = {"UserName": str, "Password": str}


class CoreWebView2BasicAuthenticationRequestedEventArgs(Recorded):
    MEMBERS: ClassVar = {"Uri": str, "Cancel": bool, "Response": CoreWebView2BasicAuthenticationResponse}


class CoreWebView2Deferral(Recorded):
    MEMBERS: ClassVar = {"completed": bool}

    def Complete(self) -> None:
        self.completed = True


class CoreWebView2DownloadStartingEventArgs(Recorded):
    MEMBERS: ClassVar = {"ResultFilePath": str, "Cancel": bool, "deferral": CoreWebView2Deferral}

    def GetDeferral(self) -> CoreWebView2Deferral:
        self.deferral = CoreWebView2Deferral(completed=False)
        return self.deferral


# --- WinForms -------------------------------------------------------------------------------------


class Size(Recorded):
    MEMBERS: ClassVar = {"Width": int, "Height": int}

    def __init__(self, width: int, height: int) -> None:
        super().__init__(Width=width, Height=height)


class Point(Recorded):
    MEMBERS: ClassVar = {"X": int, "Y": int}

    def __init__(self, x: int, y: int) -> None:
        super().__init__(X=x, Y=y)


class Rectangle(Recorded):
    MEMBERS: ClassVar = {"X": int, "Y": int, "Width": int, "Height": int}

    def __init__(self, x: int, y: int, width: int, height: int) -> None:
        super().__init__(X=x, Y=y, Width=width, Height=height)


class Collection(list[Any]):
    Add = list.append


class ToolStripSeparator(Recorded):
    pass


class ToolStripMenuItem(Recorded):
    MEMBERS: ClassVar = {"Text": str, "ShortcutKeys": Keys, "ShortcutKeyDisplayString": str, "Click": Event}
    MEMBERS |= {"DropDownItems": Collection}

    def __init__(self, text: str) -> None:
        super().__init__(Text=text, Click=Event(), DropDownItems=Collection())


class MenuStrip(Recorded):
    MEMBERS: ClassVar = {"Items": Collection}

    def __init__(self) -> None:
        super().__init__(Items=Collection())


class KeyEventArgs(Recorded):
    MEMBERS: ClassVar = {"KeyCode": Keys, "Control": bool, "Shift": bool, "Alt": bool, "Handled": bool}


class SaveFileDialog(Recorded):
    MEMBERS: ClassVar = {"Title": str, "InitialDirectory": str, "FileName": str, "RestoreDirectory": bool}
    chosen: ClassVar[str | None] = None
    """What the person chooses; None: they close it."""
    shown: ClassVar[list[tuple[str, str, str]]] = []

    def ShowDialog(self, _owner: Any) -> DialogResult:
        held: Any = self
        self.shown.append((held.Title, held.InitialDirectory, held.FileName))
        if self.chosen is None:
            return DialogResult.Cancel
        held.FileName = self.chosen
        return DialogResult.OK


class WebView2(Recorded):
    """The control."""

    MEMBERS: ClassVar = {"CoreWebView2": None, "ZoomFactor": float, "DefaultBackgroundColor": str, "KeyDown": Event}
    MEMBERS |= {"Source": str, "scripts": list}

    def __init__(self) -> None:
        super().__init__(CoreWebView2=None, KeyDown=Event(), Source="about:blank", scripts=[])

    def BringToFront(self) -> None:
        pass

    def ExecuteScriptAsync(self, script: str) -> None:
        self.scripts.append(script)

    def NavigateToString(self, html: str) -> None:
        self.scripts.append(f"html {html}")


class Form(Recorded):
    """pywebview's form: WinForms', with what pywebview has put on it."""

    MEMBERS: ClassVar = {"StartPosition": FormStartPosition, "WindowState": FormWindowState, "Size": Size}
    MEMBERS |= {"Location": Point, "RestoreBounds": Rectangle, "BackColor": str, "Controls": Collection}
    MEMBERS |= {"webview": WebView2, "browser": None, "pywebview_window": None, "calls": list}
    _scale = 1.5

    @property
    def Bounds(self) -> Rectangle:
        return Rectangle(self.Location.X, self.Location.Y, self.Size.Width, self.Size.Height)

    @property
    def Handle(self) -> Any:
        return types.SimpleNamespace(ToInt32=lambda: 7)

    def is_dark_theme(self) -> bool:
        raise AssertionError("pywebview's own is replaced")

    def update_title_bar_theme(self) -> None:
        self.calls.append(f"title bar {'dark' if self.is_dark_theme() else 'light'}")

    def Show(self) -> None:
        self.calls.append("Show")

    def BringToFront(self) -> None:
        self.calls.append("BringToFront")

    def Activate(self) -> None:
        self.calls.append("Activate")

    def Close(self) -> None:
        window = self.pywebview_window
        if not window.events.closing.set():
            del BrowserView.instances[window.uid]
            window.events.closed.set()
            if not BrowserView.instances:
                LOOP.end()


# --- pywebview ------------------------------------------------------------------------------------

LOOP = Loop()


class EdgeChrome:
    """pywebview's object of a page, its handlers as 6.2.1 names and attaches them."""

    def __init__(self, form: Form, window: Any) -> None:
        self.form, self.pywebview_window, self.webview = form, window, WebView2()
        self.url, self.ishtml, self.injected = "", False, 0

    def on_webview_ready(self, sender: Any, args: Any) -> None:
        pass

    def on_navigation_start(self, sender: Any, args: Any) -> None:
        raise AssertionError("replaced")

    on_new_window_request = on_source_changed = on_download_starting = on_navigation_start

    def on_navigation_completed(self, sender: Any, args: Any) -> None:
        self.injected += 1


class BrowserView:
    instances: ClassVar[dict[str, Form]] = {}
    BrowserForm = Form


def create_window(window: Any) -> None:
    def create() -> None:
        form = Form(pywebview_window=window, calls=[], Controls=Collection())
        form.browser = EdgeChrome(form, window)
        form.webview = form.browser.webview
        form.Size, form.Location = Size(1, 1), Point(0, 0)
        form.WindowState = FormWindowState.Normal
        BrowserView.instances[window.uid] = form
        window.events.before_show.set()
        form.webview.CoreWebView2 = CoreWebView2()
        form.browser.on_webview_ready(form.webview, CoreWebView2InitializationCompletedEventArgs(IsSuccess=True))
        window.events.shown.set()

    if window.uid == "master":
        begun: Any = sys.modules["webview.platforms.winforms"]
        LOOP.post(begun.ThreadStart(create))
        LOOP.run()
    else:
        LOOP.post(create)


def load_url(url: str, uid: str) -> None:
    BrowserView.instances[uid].webview.Source = url


def destroy_window(uid: str) -> None:
    LOOP.post(BrowserView.instances[uid].Close)


class Context:
    """SynchronizationContext of the thread of windows."""

    Current: ClassVar[Any]

    def Post(self, callback: Any, state: None) -> None:
        LOOP.post(lambda: callback(state))


Context.Current = Context()
SHOWN: list[tuple[int, int]] = []
"""`ShowWindow(handle, how)`."""


def install() -> None:
    """From now on this process is taken for one on Windows by pywebview, and these are its modules."""
    import ctypes
    import platform

    def module(name: str, **members: Any) -> Any:
        made = types.ModuleType(name)
        made.__dict__.update(members)
        made.__path__ = []
        sys.modules[name] = made
        return made

    screen = types.SimpleNamespace(WorkingArea=Rectangle(0, 0, 1920, 1200))
    forms: dict[str, Any] = {
        cls.__name__: cls
        for cls in (Keys, MenuStrip, ToolStripMenuItem, ToolStripSeparator, FormStartPosition, FormWindowState)
    }
    forms |= {"SaveFileDialog": SaveFileDialog, "DialogResult": DialogResult, "KeyEventArgs": KeyEventArgs}
    windows = module("System.Windows.Forms", **forms, Screen=types.SimpleNamespace(AllScreens=[screen]))
    drawing = module(
        "System.Drawing", Size=Size, Point=Point, ColorTranslator=types.SimpleNamespace(FromHtml=lambda text: text)
    )
    threading = module("System.Threading", SynchronizationContext=Context, SendOrPostCallback=lambda run: run)
    module("System.Windows", Forms=windows)
    module("System", Drawing=drawing, Threading=threading)
    core = {name: value for name, value in globals().items() if name.startswith("CoreWebView2")}
    module("Microsoft")
    module("Microsoft.Web")
    module("Microsoft.Web.WebView2", Core=module("Microsoft.Web.WebView2.Core", **core))
    module("clr")
    import webview.platforms

    chromium = module("webview.platforms.edgechromium", EdgeChrome=EdgeChrome)
    winforms = module(
        "webview.platforms.winforms",
        renderer="edgechromium",
        ThreadStart=lambda run: run,
        BrowserView=BrowserView,
        setup_app=lambda: None,
        create_window=create_window,
        load_url=load_url,
        destroy_window=destroy_window,
    )
    for name, made in (("edgechromium", chromium), ("winforms", winforms)):
        setattr(webview.platforms, name, made)
    platform.system = lambda: "Windows"
    user = types.SimpleNamespace(ShowWindow=lambda handle, how: SHOWN.append((handle, how)))
    ctypes.windll = types.SimpleNamespace(user32=user)  # type: ignore[attr-defined]
