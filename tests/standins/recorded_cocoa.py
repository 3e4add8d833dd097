"""Recorded stand-ins of what the adapter of macOS touches: AppKit, WebKit, PyObjC, and pywebview's module for them.

Nobody has compared them with macOS; their selectors are those of Apple's reference and of PyObjC's list.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from typing import Any, ClassVar

from tests.standins.recorded import Loop, Recorded

LOOP = Loop()
HEIGHT = 1200.0
"""Of the screen, whose upper 25 points are the menu bar's."""


class NSRect(Recorded):
    """A point and a size, all floats, counted from the lower left corner."""

    MEMBERS: ClassVar = {"origin": None, "size": None}

    def __init__(self, x: float, y: float, width: float, height: float) -> None:
        super().__init__(
            origin=types.SimpleNamespace(x=float(x), y=float(y)),
            size=types.SimpleNamespace(width=float(width), height=float(height)),
        )


class NSObject:
    """PyObjC's: a class of Python's may extend it."""

    @classmethod
    def alloc(cls) -> Any:
        return cls()

    def init(self) -> Any:
        return self


class NSURL(Recorded):
    MEMBERS: ClassVar = {"text": str}

    def absoluteString(self) -> str:
        return str(self.text)


class NSWindow(Recorded):
    MEMBERS: ClassVar = {"rect": NSRect, "zoomed": bool, "miniaturized": bool, "colour": str, "calls": list}
    MEMBERS |= {"owner": None}

    def frame(self) -> NSRect:
        return self.rect

    def setFrame_display_(self, rect: NSRect, display: bool) -> None:
        self.rect = rect

    def isZoomed(self) -> bool:
        return bool(self.zoomed)

    def zoom_(self, _sender: None) -> None:
        self.zoomed = True

    def isMiniaturized(self) -> bool:
        return bool(self.miniaturized)

    def deminiaturize_(self, _sender: None) -> None:
        self.miniaturized = False

    def makeKeyAndOrderFront_(self, _sender: None) -> None:
        self.calls.append("front")

    def setBackgroundColor_(self, colour: str) -> None:
        self.colour = colour

    def close(self) -> None:
        """Tells nobody of the closing, as AppKit's."""
        window = self.owner.pywebview_window
        del BrowserView.instances[window.uid]
        window.events.closed.set()
        if not BrowserView.instances:
            BrowserView.app.stopping = True


class WKWebView(Recorded):
    MEMBERS: ClassVar = {"zoom": float, "scripts": list, "url": str}

    def setPageZoom_(self, factor: float) -> None:
        self.zoom = factor

    def evaluateJavaScript_completionHandler_(self, script: str, handler: None) -> None:
        self.scripts.append(script)

    def URL(self) -> NSURL:
        return NSURL(text=self.url)


class NSMenuItem(Recorded):
    MEMBERS: ClassVar = {"title": str, "action": str, "key": str, "mask": int, "target": None, "number": int}
    MEMBERS |= {"submenu": None}

    @classmethod
    def alloc(cls) -> Any:
        return cls()

    @classmethod
    def separatorItem(cls) -> None:
        return None

    def init(self) -> NSMenuItem:
        return self

    def initWithTitle_action_keyEquivalent_(self, title: str, action: str, key: str) -> NSMenuItem:
        self.title, self.action, self.key, self.mask = title, action, key, 1 << 20
        return self

    def setTitle_(self, title: str) -> None:
        self.title = title

    def setSubmenu_(self, menu: NSMenu) -> None:
        self.submenu = menu

    def setKeyEquivalentModifierMask_(self, mask: int) -> None:
        self.mask = mask

    def setTarget_(self, target: Any) -> None:
        self.target = target

    def setTag_(self, number: int) -> None:
        self.number = number

    def tag(self) -> int:
        return int(self.number)


class NSMenu(Recorded):
    MEMBERS: ClassVar = {"title": str, "items": list}

    @classmethod
    def alloc(cls) -> Any:
        return cls(items=[])

    def init(self) -> NSMenu:
        return self

    def setTitle_(self, title: str) -> None:
        self.title = title

    def addItem_(self, item: NSMenuItem | None) -> None:
        self.items.append(item)


class NSApplication(Recorded):
    MEMBERS: ClassVar = {"appearance": None, "menu": NSMenu, "stopping": bool, "active": bool}

    def setAppearance_(self, appearance: Any) -> None:
        self.appearance = appearance

    def effectiveAppearance(self) -> Any:
        name = self.appearance or "NSAppearanceNameAqua"
        return types.SimpleNamespace(bestMatchFromAppearancesWithNames_=lambda names: name if name in names else None)

    def activateIgnoringOtherApps_(self, yes: bool) -> None:
        self.active = yes

    def postEvent_atStart_(self, event: Any, at_start: bool) -> None:
        """The loop ends after an event only."""

        def handled() -> None:
            if self.stopping:
                LOOP.end()

        LOOP.post(handled)


class NSSavePanel(Recorded):
    MEMBERS: ClassVar = {"name": str}
    chosen: ClassVar[str | None] = None
    shown: ClassVar[list[str]] = []

    @classmethod
    def savePanel(cls) -> Any:
        return cls()

    def setNameFieldStringValue_(self, name: str) -> None:
        self.shown.append(name)

    def runModal(self) -> int:
        return 0 if self.chosen is None else 1

    def URL(self) -> NSURL:
        return NSURL(text=f"file://{self.chosen}")


class NSFileManager(Recorded):
    removed: ClassVar[list[str]] = []

    @classmethod
    def defaultManager(cls) -> Any:
        return cls()

    def removeItemAtURL_error_(self, url: NSURL, _error: None) -> tuple[bool, None]:
        self.removed.append(url.text)
        return True, None


class WKWebsiteDataStore(Recorded):
    MEMBERS: ClassVar = {"persistent": bool}

    @classmethod
    def nonPersistentDataStore(cls) -> Any:
        return cls(persistent=False)

    @classmethod
    def defaultDataStore(cls) -> Any:
        return cls(persistent=True)


class WKWebViewConfiguration(Recorded):
    MEMBERS: ClassVar = {"store": WKWebsiteDataStore}

    @classmethod
    def alloc(cls) -> Any:
        return cls()

    def init(self) -> WKWebViewConfiguration:
        return self

    def setWebsiteDataStore_(self, store: WKWebsiteDataStore) -> None:
        self.store = store


# --- pywebview ------------------------------------------------------------------------------------


class AppDelegate(NSObject):
    def applicationShouldTerminate_(self, _app: Any) -> bool:
        return all(BrowserView.should_close(view.pywebview_window) for view in list(BrowserView.instances.values()))


class BrowserDelegate(NSObject):
    pass


class BrowserView:
    """pywebview's object of a window, as 6.2.1 has it."""

    instances: ClassVar[dict[str, BrowserView]] = {}
    app: ClassVar[NSApplication] = NSApplication(appearance=None, stopping=False)
    AppDelegate, BrowserDelegate = AppDelegate, BrowserDelegate

    def __init__(self, window: Any) -> None:
        BrowserView.instances[window.uid] = self
        self.pywebview_window, self.delegate = window, BrowserDelegate()
        cocoa: Any = sys.modules["webview.platforms.cocoa"]
        configuration = cocoa.WebKit.WKWebViewConfiguration.alloc().init()
        self.store = configuration.store if hasattr(configuration, "store") else None  # copied here, as WKWebView does
        configuration.setWebsiteDataStore_(cocoa.WebKit.WKWebsiteDataStore.defaultDataStore())
        self.window = NSWindow(rect=NSRect(100.5, 200.25, 1, 1), zoomed=False, miniaturized=False, calls=[], owner=self)
        self.webview = WKWebView(scripts=[], url="about:blank", zoom=1.0)
        window.events.before_show.set()
        if not hasattr(BrowserView.app, "menu"):
            bar = BrowserView.app.menu = NSMenu.alloc().init()
            self._add_view_menu(bar)
            self._add_custom_menu(bar, None)

    def _add_custom_menu(self, bar: NSMenu, menus: None) -> None:
        raise AssertionError("replaced")

    def _add_view_menu(self, bar: NSMenu) -> None:
        raise AssertionError("replaced")

    def load_html(self, html: str, base: str) -> None:
        self.webview.url = base
        self.webview.scripts.append(f"html {html}")

    @staticmethod
    def get_instance(attribute: str, value: Any) -> BrowserView | None:
        return next((v for v in BrowserView.instances.values() if getattr(v, attribute) == value), None)

    @staticmethod
    def should_close(window: Any) -> bool:
        return not window.events.closing.set()

    @staticmethod
    def nscolor_from_hex(text: str) -> str:
        return text


def create_window(window: Any) -> None:
    def create() -> None:
        BrowserView(window)
        window.events.shown.set()

    if window.uid == "master":
        create()
        LOOP.run()
    else:
        LOOP.post(create)


def load_url(url: str, uid: str) -> None:
    BrowserView.instances[uid].webview.url = url


def destroy_window(uid: str) -> None:
    LOOP.post(BrowserView.instances[uid].window.close)


def call_after(run: Callable[..., object], *arguments: Any) -> None:
    LOOP.post(lambda: run(*arguments))


def add_methods(kind: type, methods: list[Callable[..., Any]]) -> None:
    for method in methods:
        setattr(kind, method.__name__, method)


def install() -> None:
    """From now on this process is taken for one on macOS by pywebview, and these are its modules."""
    import platform

    def module(name: str, **members: Any) -> Any:
        made = types.ModuleType(name)
        made.__dict__.update(members)
        sys.modules[name] = made
        return made

    screen = types.SimpleNamespace(
        frame=lambda: NSRect(0, 0, 1920, HEIGHT), visibleFrame=lambda: NSRect(0, 0, 1920, HEIGHT - 25)
    )
    make_event = "otherEventWithType_location_modifierFlags_timestamp_windowNumber_context_subtype_data1_data2_"
    kit = {cls.__name__: cls for cls in (NSObject, NSMenu, NSMenuItem, NSSavePanel, NSFileManager)}
    module(
        "AppKit",
        **kit,
        NSScreen=types.SimpleNamespace(screens=lambda: [screen]),
        NSAppearance=types.SimpleNamespace(appearanceNamed_=lambda name: name),
        NSEvent=types.SimpleNamespace(**{make_event: lambda *values: values}),
        NSMakeRect=NSRect,
        NSMakePoint=lambda x, y: (x, y),
    )
    webkit = module(
        "WebKit",
        WKWebsiteDataStore=WKWebsiteDataStore,
        WKWebViewConfiguration=WKWebViewConfiguration,
        WKWebView=WKWebView,
    )
    module("objc", classAddMethods=add_methods)
    helper = module("PyObjCTools.AppHelper", callAfter=call_after)
    module("PyObjCTools", AppHelper=helper)
    import webview.platforms

    cocoa = module(
        "webview.platforms.cocoa",
        renderer="wkwebview",
        BrowserView=BrowserView,
        WebKit=webkit,
        setup_app=lambda: None,
        create_window=create_window,
        load_url=load_url,
        destroy_window=destroy_window,
    )
    setattr(webview.platforms, "cocoa", cocoa)
    platform.system = lambda: "Darwin"
