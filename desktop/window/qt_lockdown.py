"""Locks down Qt WebEngine: no connections past a page's policy, and nothing saved without a person.

Chromium opens preconnections (`<link rel=preconnect>`) and WebRTC connections whatever a page's Content-Security-Policy
says, and Qt 6.11 has no setting for either. Its command line can restrict hosts and switch off datagrams. Knows no
pywebview window.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from desktop.window import calls
from desktop.window.policy import ANYWHERE
from desktop.window.user_activation import LIMIT, UserActivation

log = logging.getLogger(__name__)

NO_DATAGRAMS = "--force-webrtc-ip-handling-policy=disable_non_proxied_udp"
NO_CALLS = "for (const name of ['RTCPeerConnection', 'webkitRTCPeerConnection']) delete globalThis[name];"
"""Runs in every new frame. An empty frame gets it a moment later, so this is not the only protection."""
PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "ftp_proxy")


def network_flags(reach: Sequence[str], proxies: Sequence[str] | None) -> list[str]:
    """Chromium's switches that forbid datagrams, and connections to hosts not in `reach`: names with a port, or name
    patterns for every port.

    `--host-rules` covers requests by address, through a proxy too; `--host-resolver-rules` covers the rest (WebRTC over
    TCP). The second would also block a proxy, so `proxies` lists the hosts of all proxies in use, or is None if
    unknown. If `reach` is `policy.ANYWHERE`, only the pages' CSP applies: Chromium can't treat pictures separately.
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
    """The hosts of the proxies Chromium may use: the one in the settings, otherwise those in the environment. None if
    it may find others: a proxy script, KDE's settings, a developer's switch."""
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
"""The characters of a name or an address. Anything else could break out of the list of rules."""


def no_calls(script_class: Any) -> Any:
    """The script, a `QWebEngineScript`, that removes WebRTC from a profile's pages."""
    script = script_class()
    script.setName("no-calls")
    script.setSourceCode(NO_CALLS)
    script.setInjectionPoint(script_class.InjectionPoint.DocumentCreation)
    script.setWorldId(script_class.ScriptWorldId.MainWorld.value)
    script.setRunsOnSubFrames(True)
    return script


def bridge(core: Any, receive: Callable[[Any, str, Any, str], object]) -> Any:
    """The class that pages call. pywebview's own parses JSON to any depth, and lets any script block the app with
    message boxes. `receive(window, name, call, id)`. `core`: the module QtCore.
    """

    class JSBridge(core.QObject):
        def __init__(self, parent: Any) -> None:
            super().__init__()
            self.window = parent.pywebview_window

        @core.Slot(str, core.QJsonValue, str, result=str)  # type: ignore[untyped-decorator]
        def call(self, name: str, text: Any, call_id: str) -> None:
            # A page can send values of any type. Anything but text is treated as missing.
            try:
                call = calls.read(text.toString())
            except ValueError:
                log.warning("a call that is not of the bridge's form was ignored")
                return
            receive(self.window, name, call, call_id)

    return JSBridge


def watch_activation(
    core: Any, view: Any, activation: UserActivation, near: Callable[[bool], object], is_shortcut: Callable[[Any], bool]
) -> Any:
    """Report the clicks and keys of this view to `activation`. Keep the returned object as long as the view lives.

    `near` is called with True for each, and with False once it has expired. It controls a Qt setting: without it, a
    script can't write to the clipboard with the modern API; with it (Qt 6.11), the old API works without any click.
    `is_shortcut(event)`: whether a key is one of the app's shortcuts, which a text field would otherwise use for
    editing (Ctrl+Shift+A deselects). `core`: the module QtCore.
    """
    kinds, keys = core.QEvent.Type, core.Qt.Key
    setting_off = {keys.Key_Return.value, keys.Key_Enter.value, keys.Key_Space.value}
    over = core.QTimer(view)
    over.setSingleShot(True)
    over.setInterval(int(LIMIT * 1000))
    over.timeout.connect(lambda: near(False))

    def pressed() -> None:
        activation.pressed()
        near(True)
        over.start()

    def released() -> None:
        activation.released()
        if over.isActive():
            over.start()

    def leave(event: Any) -> bool:
        if not is_shortcut(event):
            return False
        event.ignore()
        return True  # the page doesn't get the key

    seen: dict[Any, Callable[[Any], object]] = {
        kinds.ShortcutOverride: leave,
        kinds.MouseButtonPress: lambda _event: pressed(),
        kinds.MouseButtonDblClick: lambda _event: pressed(),  # replaces the second press
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
                # The page is drawn by a child widget, which gets the events. After a crash it is a new one.
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
