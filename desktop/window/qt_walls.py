"""What Qt WebEngine must not do by itself: reach other computers past a page's policy, save without a person.

Chromium opens connections ahead of need (`<link rel=preconnect>`) and those of calls (WebRTC) whatever a page's
Content-Security-Policy says, and Qt (6.11) has no setting for either. Its command line has: which hosts may be
connected to at all, and no datagrams. Knows no window of pywebview's.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from desktop.window import calls
from desktop.window.hand import LIMIT, Hand
from desktop.window.policy import ANYWHERE

log = logging.getLogger(__name__)

NO_DATAGRAMS = "--force-webrtc-ip-handling-policy=disable_non_proxied_udp"
NO_CALLS = "for (const name of ['RTCPeerConnection', 'webkitRTCPeerConnection']) delete globalThis[name];"
"""In every frame as it is made. A frame that is still empty has it a moment later, so this wall is not the only one."""
PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "ftp_proxy")


def network_flags(reach: Sequence[str], proxies: Sequence[str] | None) -> list[str]:
    """Chromium's switches for: no datagrams, and no connection but to `reach`, which are names with a port, or
    patterns of names that go for every port.

    `--host-rules` holds what is asked for by address, on the way through a proxy too; `--host-resolver-rules` what
    has no such way (WebRTC over TCP). The second would not let a proxy be found: `proxies` are the hosts of all that
    may be in use, None where that can't be told. Where `reach` is `policy.ANYWHERE` the policies of pages stand alone:
    Chromium can't be told of pictures apart from other things.
    """
    if tuple(reach) == ANYWHERE:
        return [NO_DATAGRAMS]
    rules = [NO_DATAGRAMS, _rules("host-rules", reach, ())]
    if proxies is not None:
        rules.append(_rules("host-resolver-rules", reach, proxies))
    return rules


def _rules(switch: str, reach: Sequence[str], more: Sequence[str]) -> str:
    exact = [f"MAP {host} {host}" for host in reach if _has_port(host)]
    patterns = [f"EXCLUDE {host}" for host in (*(host for host in reach if not _has_port(host)), *more)]
    return f'--{switch}="' + " , ".join([*exact, "MAP * ~NOTFOUND", *patterns]) + '"'


def _has_port(host: str) -> bool:
    return host.rpartition(":")[2].isdigit()


def proxy_hosts(environ: Mapping[str, str], configured: str = "") -> list[str] | None:
    """The hosts of the proxies that Chromium may ask: that of the settings, or else what it reads from the environment.
    None where it may find others: a script's choice, KDE's settings, a switch of a developer's."""
    if "--proxy" in environ.get("QTWEBENGINE_CHROMIUM_FLAGS", ""):
        return None
    found = [configured]
    if not configured:
        if "auto_proxy" in environ or "KDE" in environ.get("XDG_CURRENT_DESKTOP", "") or "KDE_FULL_SESSION" in environ:
            return None
        for name in PROXY_VARIABLES:
            found += [environ.get(name, ""), environ.get(name.upper(), "")]
    hosts: list[str] = []
    for address in filter(None, found):
        try:
            host = urlsplit(address if "://" in address else f"http://{address}").hostname
        except ValueError:
            return None
        if not host or not _PLAIN.fullmatch(host):
            return None
        hosts.append(f"[{host}]" if ":" in host else host)
    return list(dict.fromkeys(hosts))


_PLAIN = re.compile(r"[A-Za-z0-9._:-]+")
"""What a name or an address holds; anything else could end the list of rules."""


def no_calls(script_class: Any) -> Any:
    """The script that takes WebRTC away, of `QWebEngineScript`'s kind, for a profile."""
    script = script_class()
    script.setName("no-calls")
    script.setSourceCode(NO_CALLS)
    script.setInjectionPoint(script_class.InjectionPoint.DocumentCreation)
    script.setWorldId(script_class.ScriptWorldId.MainWorld.value)
    script.setRunsOnSubFrames(True)
    return script


def bridge(core: Any, receive: Callable[[Any, str, Any, str], object]) -> Any:
    """The class of what pages call, in the place of pywebview's, which reads JSON as deep as it comes, and lets any
    script of a page stop the app with boxes of messages. `receive(window, name, call, id)`. `core`: the module QtCore.
    """

    class JSBridge(core.QObject):
        def __init__(self, parent: Any) -> None:
            super().__init__()
            self.window = parent.pywebview_window

        @core.Slot(str, core.QJsonValue, str, result=str)  # type: ignore[untyped-decorator]
        def call(self, name: str, text: Any, call_id: str) -> None:
            # A page can send values of any kind; what is no text is none at all here.
            try:
                call = calls.read(text.toString())
            except ValueError:
                log.warning("a call that is not of the bridge's form was ignored")
                return
            receive(self.window, name, call, call_id)

    return JSBridge


def watch_hand(
    core: Any, view: Any, hand: Hand, near: Callable[[bool], object], is_shortcut: Callable[[Any], bool]
) -> Any:
    """Tells `hand` of the clicks and keys that Qt gives to this view; to be kept as long as the view lives.

    `near` is told True at each, and False when it is good for nothing any more: without the setting a script may write
    the clipboard in no modern way, with it (Qt 6.11) in the old way without any click. `is_shortcut(event)`: whether
    a key is one of the app's own: those a field would take for its editing first (Ctrl+Shift+A deselects).
    `core`: the module QtCore.
    """
    kinds, keys = core.QEvent.Type, core.Qt.Key
    setting_off = {keys.Key_Return.value, keys.Key_Enter.value, keys.Key_Space.value}
    over = core.QTimer(view)
    over.setSingleShot(True)
    over.setInterval(int(LIMIT * 1000))
    over.timeout.connect(lambda: near(False))

    def pressed() -> None:
        hand.pressed()
        near(True)
        over.start()

    def released() -> None:
        hand.released()
        if over.isActive():
            over.start()

    def leave(event: Any) -> bool:
        if not is_shortcut(event):
            return False
        event.ignore()
        return True  # the page is not asked whether it wants the key

    seen: dict[Any, Callable[[Any], object]] = {
        kinds.ShortcutOverride: leave,
        kinds.MouseButtonPress: lambda _event: pressed(),
        kinds.MouseButtonDblClick: lambda _event: pressed(),  # comes in the place of the second press
        kinds.MouseButtonRelease: lambda _event: released(),
        kinds.TouchBegin: lambda _event: pressed(),
        kinds.TouchEnd: lambda _event: released(),
        kinds.KeyPress: lambda event: pressed() if event.key() in setting_off else None,
    }

    class Watcher(core.QObject):
        def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802  # Qt's name
            kind = event.type()
            if kind in seen:
                return seen[kind](event) is True
            if kind == kinds.ChildAdded and watched is view:
                # What draws the page and gets its events is a widget of its own, another one after a crash.
                self.watch(event.child())
            return False

        def watch(self, child: Any) -> None:
            if child.isWidgetType():
                child.installEventFilter(self)

    watcher = Watcher(view)
    view.installEventFilter(watcher)
    for child in view.children():
        watcher.watch(child)
    return watcher
