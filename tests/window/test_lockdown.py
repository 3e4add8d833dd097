"""The walls around the pages, tried from inside real windows: the bridge, the policy, navigation, the local server.

Numbers are those of the project's security checklist. What a script of OpenAI's could try in the chat page is tried
by a script in the top frame and by one in the component's frame, which is of another origin.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.rig.display import Display
from tests.rig.driver import Driver
from tests.rig.scene import Scene
from tests.rig.scene import scene as made_scene
from tests.standins.api import KEY
from tests.window.hall import Hall

pytestmark = [pytest.mark.window, pytest.mark.secret_service]

VIOLATION = "Content Security Policy"
"""What both engines' consoles say of one."""


@pytest.fixture(scope="module")
def hall(engine: str, screen: Display, keyring: dict[str, str]) -> Iterator[Hall]:
    with made_scene(engine, screen, keyring) as scene:
        scene.settle()
        with scene.launch() as app:
            scene.wait_chat(app)
            yield Hall(scene, app)


# --- the bridge -----------------------------------------------------------------------------------


def test_checklist_10_a_script_in_the_chat_page_gets_404_for_every_other_page(hall: Hall) -> None:
    app = hall.app
    for name in ("settings", "setup"):
        app.ask("show", name)
        app.wait_window(name)
    own = app.ask("showing", "chat")["path"]
    names = [
        *("setup/setup.html", "settings/settings.html", "consent/consent.html"),
        *("consent/consent.js", "setup/setup.js", "settings/settings.js", "settings/updates.js"),
        "texts/en/setup.json",
    ]
    paths = [
        *("/", "/chat/chat.html", f"/{own}", f"/{own}/", f"/{own}/common/", f"/{own}/chat.html"),
        *(f"/{own}/../setup/setup.html", f"/{own}/chat/%2e%2e/settings/settings.html"),
        *(f"/{name}" for name in names),
        *(f"/{own}/{name}" for name in names),
        *(f"/{'A' * len(own)}/{name}" for name in names),
    ]
    fetched = f"Promise.all({json.dumps(paths)}.map((path) => fetch(path).then((r) => r.status)))"
    assert hall.promised(f"fetch('/{own}/chat/chat.js').then((r) => r.status)") == 200, "the control"
    assert hall.promised(fetched) == [404] * len(paths)

    known = {app.ask("showing", name)["path"] for name in ("settings", "setup")}
    told = hall.promised(
        "JSON.stringify([document.referrer, [...document.querySelectorAll('*')].map((e) => e.outerHTML),"
        "performance.getEntries().map((e) => e.name), Object.keys(localStorage), Object.keys(sessionStorage)])"
    )
    assert not any(path in told for path in known)
    assert app.ask("showing", "chat")["key"] not in told, "not even the page's own key lies about"
    for name in ("settings", "setup"):
        app.ask("close", name)
        app.wait_no_window(name)


def test_checklist_10_the_key_of_a_page_no_longer_shown_is_refused(hall: Hall) -> None:
    app = hall.app
    app.ask("show", "settings")
    app.wait_window("settings")
    app.wait_call("settings.start")
    stolen = app.ask("showing", "settings")
    app.ask("close", "settings")
    app.wait_no_window("settings")
    before, since = hall.refused(), app.calls_so_far()
    hall.call(stolen["key"], "settings.save", {"changes": {"chat.greeting": "stolen"}})
    app.until("refused", lambda: hall.refused() > before)
    assert hall.promised(f"fetch('/{stolen['path']}/settings/settings.html').then((r) => r.status)") == 404

    old = app.ask("showing", "chat")
    hall.scene.component.forget()
    app.ask("show", "reload")
    hall.scene.wait_chat(app, since=since)
    before = hall.refused()
    hall.call(old["key"], "app.open_settings")
    app.until("refused", lambda: hall.refused() > before)
    assert hall.promised(f"fetch('/{old['path']}/chat/chat.html').then((r) => r.status)") == 404
    assert "settings" not in app.ask("windows")
    assert "stolen" not in json.dumps(hall.scene.settings())


def test_checklist_45_twenty_thousand_calls_without_the_key_leave_the_log_and_the_next_call_alone(hall: Hall) -> None:
    before = hall.refused()
    body = json.dumps({"page_key": "x" * 43, "id": "1", "method": "chat.start", "params": {}})
    hall.app.js(
        "chat", f"(() => {{ for (let i = 0; i < 20000; i++) window.pywebview._jsApiCallback('call', {body}, 'x') }})()"
    )
    key = hall.app.ask("showing", "chat")["key"]
    assert hall.answer(hall.call(key, "no.such"))["error"]["code"] == "unknown_method"
    hall.app.until("all were refused", lambda: hall.refused() >= before + 20_000)
    assert hall.scene.log().count("without the key of the page shown") < 40


def test_checklist_10_a_page_has_its_own_methods_and_nothing_else(hall: Hall) -> None:
    key = hall.app.ask("showing", "chat")["key"]
    for method in ("settings.save", "key.remove", "setup.check", "__init__", "_start", "__class__.__bases__", ""):
        assert hall.answer(hall.call(key, method))["error"]["code"] == "unknown_method", method
    other = hall.call(key, "chat.start", name="pywebview.window.gui.os.system")
    assert hall.answer(other)["error"]["code"] == "unknown_method"
    assert hall.answer(hall.call(key, "chat.thread", {"id": 7}))["error"]["code"] == "bad_params"
    assert hall.answer(hall.call(key, "chat.thread", {"id": "x" * 300_000}))["error"]["code"] == "call_too_large"
    assert "Traceback" not in "".join(hall.app.ask("crossed"))


@pytest.mark.parametrize("levels", [1_000, 30_000])
def test_checklist_40_a_call_nested_as_deep_as_a_script_likes_is_answered_under_its_id(hall: Hall, levels: int) -> None:
    key, before = hall.app.ask("showing", "chat")["key"], hall.refused()
    deep = f"'['.repeat({levels}) + ']'.repeat({levels})"
    call = {"page_key": key, "method": "chat.thread", "params": {"id": "DEEP"}}
    for place, code in (("params", "bad_params"), ("method", "unknown_method"), ("more", "unknown_method")):
        number = f"deep-{place}-{levels}"
        text = json.dumps(json.dumps({**call, "id": number, place: "DEEP"}))
        hall.send_text(f"{text}.replaceAll('\"DEEP\"', {deep})")
        answer = hall.answer(number)
        assert answer["error"]["code"] == code, place
        assert answer["error"]["message"]
    hall.send_text(f"{json.dumps(json.dumps({**call, 'page_key': 'x', 'id': '1'}))}.replace('\"DEEP\"', {deep})")
    hall.app.until("refused without the key", lambda: hall.refused() > before)
    assert hall.answer(hall.call(key, "no.such"))["error"]["code"] == "unknown_method"


def test_checklist_40_a_page_of_ours_that_sends_what_can_not_be_read_is_told_so(hall: Hall) -> None:
    """As an error of its call, at once: never as an app that does not answer."""
    bridge = "import(new URL('../common/bridge.js', location.href).href)"
    nest = "((levels) => { let deep = 1; for (let i = 0; i < levels; i++) deep = [deep]; return deep; })"
    ways = {
        f"{nest}(1_000)": "bad_params",
        f"{nest}(900_000)": "bad_params",
        "(() => { const round = {}; round.round = round; return round; })()": "bad_params",
        "12n": "bad_params",
        "({ toJSON() { throw new Error('own') } })": "bad_params",
        "'x'.repeat(20_000_000)": "call_too_large",
        "'x'.repeat(300_000)": "call_too_large",
    }
    for value, code in ways.items():
        asked = f"{bridge}.then((b) => b.call('chat.thread', {{ id: {value} }}, {{ limit: 20_000 }}))"
        told = f"{asked}.then(() => 'fine', (e) => [e.code, e.message.length > 20])"
        assert hall.promised(told) == [code, True], value
    told = f"{bridge}.then((b) => b.call('chat.thread', () => 1)).then(() => 'fine', (e) => e.code)"
    assert hall.promised(told) == "bad_params"


def test_checklist_10_a_call_too_large_to_be_read_at_all_is_answered_under_its_id(hall: Hall) -> None:
    key = hall.app.ask("showing", "chat")["key"]
    call = {"page_key": key, "id": "large", "method": "chat.thread", "params": {"id": "LARGE"}}
    hall.send_text(f"{json.dumps(json.dumps(call))}.replace('LARGE', 'x'.repeat(30_000_000))")
    assert hall.answer("large")["error"]["code"] == "call_too_large"


def test_checklist_02_the_names_that_pywebview_s_own_dispatcher_knows_do_nothing(hall: Hall) -> None:
    """Its part of Qt shows a box of its own for the first of them, and all windows wait until that is closed."""
    key = hall.app.ask("showing", "chat")["key"]
    for name in ("_pywebviewAlert", "pywebviewMoveWindow", "pywebviewEventHandler"):
        assert hall.answer(hall.call(key, "chat.thread", name=name))["error"]["code"] == "unknown_method"


def test_checklist_11_a_call_from_an_embedded_frame_does_nothing(hall: Hall) -> None:
    """On GTK a frame of another origin reaches the engine's message handler; on Qt there is nothing to reach."""
    since, before = hall.app.calls_so_far(), hall.refused()
    calls = [
        {
            "funcName": "call",
            "params": {"page_key": key, "id": "1", "method": "app.open_settings", "params": {}},
            "id": "1",
        }
        for key in ("", "guess", None, ["x"])
    ] + [
        {"funcName": "os.system", "params": "true", "id": "2"},
        {"funcName": "pywebviewEventHandler", "params": {}, "id": "3"},
    ]
    reach = hall.in_frame(
        "[typeof window.webkit?.messageHandlers?.jsBridge?.postMessage, typeof window.qt, typeof window.pywebview]"
    )
    assert reach[1:] == ["undefined", "undefined"]
    if reach[0] == "function":
        for call in calls:
            hall.in_frame(f"window.webkit.messageHandlers.jsBridge.postMessage({json.dumps(json.dumps(call))})")
        hall.in_frame("window.webkit.messageHandlers.jsBridge.postMessage('no JSON')")
        hall.app.until("refused", lambda: hall.refused() >= before + len(calls))
    else:
        assert hall.app.engine == "qt"
    for reach_up in ("top.bridge", "parent.pywebview", "top.document", "parent.location.href"):
        assert str(hall.in_frame(reach_up)).startswith("!SecurityError"), reach_up
    assert "settings" not in hall.app.ask("windows")
    assert all(call["method"] != "app.open_settings" for call in hall.app.ask("calls", since))


def test_checklist_11_a_call_with_a_wrong_page_key_does_nothing(hall: Hall) -> None:
    before = hall.refused()
    right = hall.app.ask("showing", "chat")["key"]
    for wrong in ("", "x", right[:-1], right.swapcase(), right + "A", hall.app.ask("showing", "chat")["path"]):
        hall.call(wrong, "app.open_settings")
    hall.app.until("refused", lambda: hall.refused() >= before + 6)
    hall.app.js("chat", "(window.pywebview._jsApiCallback('call', 'text', 'x'), 1)")
    hall.app.js("chat", "(window.pywebview._jsApiCallback('call', [1], 'x'), 1)")
    hall.app.until("refused", lambda: hall.refused() >= before + 8)
    assert "settings" not in hall.app.ask("windows")


# --- where the top frame can go -----------------------------------------------------------------------


def away(hall: Hall) -> dict[str, str]:
    """Script expressions of addresses that the top frame must never show."""
    component = hall.scene.component.origin
    port = hall.app.ask("url", "chat").split(":")[2].split("/")[0]
    return {
        "component": f"'{component}/deployments/chatkit/frame.html'",
        "remote": "'http://127.0.0.1:9/away'",
        "own, other host": f"'http://127.0.0.1:{port}/'",
        "own, other path": f"'http://localhost:{port}/elsewhere'",
        "data": "'data:text/html,<h1>away</h1>'",
        "blob": "URL.createObjectURL(new Blob(['<h1>away</h1>'], {type: 'text/html'}))",
        "file": "'file:///etc/hostname'",
        "custom": "'x-evil:run'",
    }


def stays(hall: Hall, how: str) -> None:
    """Given the time to leave, the window shows our page and nothing else."""
    rested = "((window.__rest ??= (setTimeout(() => { window.__rest = 2; }, 150), 1)) === 2)"
    hall.app.until(f"at home after {how}", lambda: hall.at_home() and hall.app.js("chat", rested))
    hall.app.js("chat", "(window.__rest = undefined, 1)")
    assert hall.at_home(), how


def strays(hall: Hall) -> int:
    """How often the window was brought back to its page."""
    return int(hall.app.ask("windows")["chat"]["strays"])


def test_checklist_14_the_top_frame_cannot_leave_our_page(hall: Hall) -> None:
    before = strays(hall)
    for name, address in away(hall).items():
        hall.app.ask("raw_js", "chat", f"location.href = {address}")
        stays(hall, f"location = {name}")
        hall.in_frame(f"(() => {{ try {{ top.location.href = {address}; }} catch (e) {{ return String(e); }} }})()")
        stays(hall, f"top.location = {name} from the frame")
    assert strays(hall) == before
    hall.in_frame(
        "new Promise((done) => { const f = document.createElement('iframe'); f.id = 'nested';"
        'f.srcdoc = \'<script>try { top.location.href = "http://127.0.0.1:9/nested" } catch (e) {}'
        'document.title = 1; parent.postMessage("tried", "*")</\' + \'script>\';'
        "addEventListener('message', (e) => e.data === 'tried' && (f.remove(), done(1)));"
        "document.body.append(f); })"
    )
    stays(hall, "top.location from a nested frame")


def test_checklist_14_a_click_takes_the_top_frame_nowhere_either(hall: Hall) -> None:
    """Engines let a frame move the top where a person has just clicked in it."""
    before, opened = strays(hall), hall.scene.opened()
    for name, address in away(hall).items():
        hall.trap(f"top.location.href = {address}")
        stays(hall, f"a click for {name}")
    assert strays(hall) == before
    assert hall.scene.opened() == opened


def test_checklist_14_about_blank_takes_the_rights_of_the_page_with_it(hall: Hall) -> None:
    """Engines show it whatever they are told; then the key dies and our page is shown anew."""
    app = hall.app
    old, since, before = app.ask("showing", "chat"), app.calls_so_far(), hall.refused()
    hall.scene.component.forget()
    app.ask("raw_js", "chat", "location.href = 'about:blank'")
    app.until("shown anew", lambda: app.ask("showing", "chat")["key"] != old["key"])
    hall.scene.wait_chat(app, since=since)
    hall.call(old["key"], "app.open_settings")
    app.until("refused", lambda: hall.refused() > before)
    stays(hall, "about:blank")
    assert "settings" not in app.ask("windows")


# --- what leaves for the system --------------------------------------------------------------------------

LEAVE = ("https://example.test/a?b=c#d", "http://example.test/", "mailto:someone@example.test?subject=Hello")
STAY = (
    *("javascript:alert(1)", "file:///etc/hostname", "data:text/html,x", "x-evil:run", "smb://host/share"),
    *(
        "vscode://file/etc/hostname",
        "mailto:someone@example.test?attach=/etc/hostname",
        "https://user:pw@example.test/",
    ),
    *("about:blank", "ms-msdt:/id", "ftp://example.test/"),
)


def test_checklist_15_links_open_outside_and_only_http_https_and_mailto(hall: Hall) -> None:
    app, scene = hall.app, hall.scene
    before = scene.opened()
    app.js(
        "chat",
        "(() => { const a = document.createElement('a'); a.id = 'link'; a.target = '_blank'; a.textContent = 'link';"
        "for (const [n, v] of [['position', 'fixed'], ['inset', '0'], ['zIndex', '9999']]) a.style[n] = v;"
        "a.addEventListener('click', () => { window.__clicks = (window.__clicks ?? 0) + 1; });"
        "document.body.append(a); })()",
    )
    # Over a frame of another process a click finds what has been drawn, not what has just been put there.
    hall.promised(
        "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 100))))"
    )
    for clicks, address in enumerate((*LEAVE, *STAY, "https://example.test/last"), 1):
        app.js("chat", f"(document.querySelector('#link').href = {json.dumps(address)}, 1)")
        hall.click_here()
        app.until(f"clicked {address}", lambda: app.js("chat", "window.__clicks") == clicks)  # noqa: B023
    app.until("the last one outside", lambda: scene.opened()[-1:] == ["https://example.test/last"])
    assert scene.opened() == [*before, *LEAVE, "https://example.test/last"]
    app.js("chat", "(document.querySelector('#link').remove(), 1)")
    for number in (1, 2):  # pywebview's own way through ended Qt's process at the second one
        hall.trap(f"window.open('https://example.test/opened/{number}')")
        app.until("window.open after a click", lambda: scene.opened()[-1].endswith(f"opened/{number}"))  # noqa: B023
    assert list(app.ask("windows")) == ["chat"]
    assert hall.at_home()


def test_checklist_15_a_script_opens_nothing_outside_without_a_click(hall: Hall) -> None:
    """Neither the component's frame nor the top can start the browser by themselves."""
    before = hall.scene.opened()
    app = hall.app
    opened = "(window.open('https://example.test/popup'), 1)"
    clicked = (
        "(() => { const a = document.createElement('a'); a.href = 'https://example.test/link'; a.target = '_blank';"
        "document.body.append(a); a.click(); a.remove(); return 1; })()"
    )
    hall.scene.component.forget()
    since = app.calls_so_far()
    app.ask("show", "reload")  # a page on which nobody has clicked
    hall.scene.wait_chat(app, since=since)
    # By way of a message: WebKitGTK takes what the app runs in a page for a person's doing.
    app.js(
        "chat", f"(addEventListener('message', (e) => e.data === 'go' && ({opened}, {clicked}, window.__went = 1)), 1)"
    )
    for _ in range(3):
        hall.in_frame(opened)
        hall.in_frame(clicked)
        hall.in_frame("parent.postMessage('go', '*')")
        app.until("tried in the top frame", lambda: app.js("chat", "window.__went"))
    stays(hall, "window.open")
    assert hall.scene.opened() == before


# --- what a page may ask of the machine ---------------------------------------------------------------------


def test_checklist_17_camera_microphone_location_and_notifications_are_denied(hall: Hall) -> None:
    media = "navigator.mediaDevices.getUserMedia({{{}: true}}).then(() => 'granted', (e) => e.name)"
    place = (
        "new Promise((done) => navigator.geolocation.getCurrentPosition(() => done('granted'),"
        "(e) => done(e.code === e.PERMISSION_DENIED ? 'denied' : 'failed')))"
    )
    for ask in (hall.promised, hall.in_frame):
        for device in ("audio", "video"):
            # NotFoundError: Qt looks for a device first, and there is none here.
            wanted = {"NotAllowedError", "NotFoundError"} if hall.app.engine == "qt" else {"NotAllowedError"}
            assert ask(media.format(device)) in wanted
        assert ask(place) == "denied"
        assert ask("Notification.requestPermission()") == "denied"


def test_checklist_17_a_microphone_that_is_there_is_denied_on_qt_too(hall: Hall) -> None:
    if hall.app.engine != "qt":
        return  # WebKitGTK's made-up devices were there in the test above
    with made_scene("qt", hall.scene.screen, hall.scene.environ) as scene:
        scene.settle()
        flags = {"QTWEBENGINE_CHROMIUM_FLAGS": "--use-fake-device-for-media-stream"}
        with scene.launch(environ=flags) as app:
            scene.wait_chat(app)
            other = Hall(scene, app)
            for ask in (other.promised, other.in_frame):
                asked = "navigator.mediaDevices.getUserMedia({audio: true})"
                # What Chromium says when Qt hands it a refusal.
                assert ask(f"{asked}.then(() => 'granted', (e) => e.name)") in ("NotAllowedError", "AbortError")


# --- the policy ----------------------------------------------------------------------------------------------


def test_checklist_13_a_normal_session_violates_no_policy(scene: Scene) -> None:
    with scene.launch() as app:
        hall = Hall(scene, app)
        scene.fill_in(app, key="sk-wrong-0123456789abcdefghijklmnop")
        app.wait_call("setup.check")
        app.wait_text("setup", "OpenAI did not accept this key")
        app.fill("setup", "#key", KEY)
        app.click("setup", "#submit")
        scene.wait_chat(app)
        scene.component.do("send", text="Hello")
        scene.component.wait(lambda s: any("You said" in line["text"] for line in s["transcript"]))
        scene.component.do("client_tool", name="switch_theme", params={"theme": "dark"})
        scene.component.wait(lambda s: s["theme"] == "dark")
        app.ask("show", "settings")
        app.wait_window("settings")
        app.wait_call("key.status")
        sections = app.js(
            "settings", "[...document.querySelectorAll('#nav [data-section]')].map((e) => e.dataset.section)"
        )
        assert len(sections) > 5
        for section in sections:
            app.click("settings", f'[data-section="{section}"]')
        app.click("settings", "#diagnostics")
        app.wait_call("diagnostics.copy")
        app.ask("update", {"chat.theme.scheme": "dark", "chat.greeting": "Good day"})
        scene.component.wait(lambda s: s["options"]["startScreen"]["greeting"] == "Good day")
        assert "csp_violations: 0" in app.ask("state")["diagnostics"] or "csp" not in app.ask("state")["diagnostics"]
        assert VIOLATION not in app.output()

        # The control: one that is made is seen by the page and in the engine's console.
        inline = (
            "(() => { const s = document.createElement('script'); s.textContent = '1'; document.head.append(s); })()"
        )
        hall.promised(inline)
        app.until("counted", lambda: "csp_violations: 1" in app.ask("state")["diagnostics"])
        app.until("in the console", lambda: VIOLATION in app.output())
        assert hall.promised("(() => { try { return eval('1') } catch (e) { return e.name } })()") == "EvalError"


# --- the engine's own doors -----------------------------------------------------------------------------------


def test_checklist_16_a_packaged_app_opens_no_debugger_whatever_the_environment_says(scene: Scene) -> None:
    port = free_port()
    doors = {
        "QTWEBENGINE_REMOTE_DEBUGGING": str(port),
        "QTWEBENGINE_CHROMIUM_FLAGS": f"--remote-debugging-port={port}",
        "WEBKIT_INSPECTOR_SERVER": f"127.0.0.1:{port}",
        "WEBKIT_INSPECTOR_HTTP_SERVER": f"127.0.0.1:{port}",
    }
    arguments = ["--data-dir", str(scene.data), "--api-base", scene.api.base]
    with Driver(scene.engine, arguments, scene.environ | doors | {"RIG_FROZEN": "1"}) as app:
        app.wait_window("setup")
        app.wait_call("setup.start")
        assert not answers(port)
    with Driver(scene.engine, arguments, scene.environ | doors) as app:
        app.wait_window("setup")
        app.until("the control: from source the door opens", lambda: answers(port))


def test_checklist_16_no_developer_tools_and_no_files(hall: Hall) -> None:
    app = hall.app
    title = app.ask("windows")["chat"]["title"]
    before = app.xdotool("search", "--onlyvisible", "--name", ".").split()
    app.press(title, "F12", "ctrl+shift+i", "ctrl+u")
    stays(hall, "F12")
    assert app.xdotool("search", "--onlyvisible", "--name", ".").split() == before
    assert str(hall.promised("fetch('file:///etc/hostname').then((r) => r.text())")).startswith("!")
    frame = (
        "(() => { const f = document.createElement('iframe'); f.src = 'file:///etc/hostname'; document.body.append(f);"
    )
    hall.in_frame(frame + "return new Promise((d) => setTimeout(() => { f.remove(); d(1); }, 200)); })()")
    assert hall.at_home()


@pytest.mark.parametrize(
    "address", ["'chatkit.js'", "URL.createObjectURL(new Blob(['text'], {type: 'text/plain'}))"], ids=["http", "blob"]
)
def test_checklist_16_a_download_asks_where(hall: Hall, address: str) -> None:
    app = hall.app
    if app.engine == "gtk" and "blob" in address.lower():
        return  # WebKit holds the page's frame-src against a frame's own blob: nothing is saved, unasked or asked
    windows = set(app.xdotool("search", "--onlyvisible", "--name", ".").split())
    hall.trap(
        "const a = document.createElement('a'); a.download = 'letter.txt';"
        f"a.href = {address}; document.body.append(a); a.click(); a.remove()"
    )

    def asked() -> str:
        found = set(app.xdotool("search", "--onlyvisible", "--name", ".").split()) - windows
        return next(iter(found), "")

    def dismissed() -> bool:
        if dialog := asked():
            app.xdotool("windowfocus", "--sync", dialog)
            app.xdotool("key", "Escape")
        return not asked()

    app.until("a dialog", asked)
    app.until("the dialog closed", dismissed)
    assert not list(hall.scene.folder.rglob("letter*"))
    stays(hall, "a download")


# --- the local server ---------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as sock:
        sock.settimeout(1)
        return sock.connect_ex(("127.0.0.1", port)) == 0


def listen(family: socket.AddressFamily, address: str, port: int, option: int | None) -> None:
    """As another process would try to share a port. Raises OSError where it can't."""
    with socket.socket(family) as sock:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if option is not None:
            sock.setsockopt(socket.SOL_SOCKET, option, 1)
        sock.bind((address, port))
        sock.listen()


def raw(address: tuple[str, int], request: str) -> str:
    with socket.create_connection(address, timeout=10) as line:
        line.sendall(request.encode())
        answer = b""
        while data := line.recv(65536):
            answer += data
    return answer.decode(errors="replace")


def test_checklist_18_both_loopback_addresses_are_held_and_answer_to_the_exact_host_alone(hall: Hall) -> None:
    url = hall.app.ask("url", "chat")
    port = int(url.split(":")[2].split("/")[0])
    path = url.split(str(port), 1)[1]
    for family, address in (
        (socket.AF_INET, "127.0.0.1"),
        (socket.AF_INET6, "::1"),
        (socket.AF_INET, "0.0.0.0"),
        (socket.AF_INET6, "::"),
    ):
        for option in (None, socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            with pytest.raises(OSError, match="in use"):
                listen(family, address, port, option)
    for address in ("127.0.0.1", "::1"):
        right = raw((address, port), f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n")
        assert right.startswith("HTTP/1.1 200")
        assert "set-cookie" not in right.lower()
        for host in (f"127.0.0.1:{port}", f"[::1]:{port}", "localhost", f"evil.test:{port}", f"localhost.:{port}"):
            wrong = raw((address, port), f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
            assert wrong.startswith("HTTP/1.1 404"), host
            assert len(wrong.partition("\r\n\r\n")[2]) == 0
    with socket.socket() as sock:  # another address of this computer
        sock.settimeout(2)
        assert sock.connect_ex(("127.0.0.2", port)) != 0


class Thief:
    """Another process's server on `::1`, with a page that waits for our bridge."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        thief = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                thief.asked.append(self.path)
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(b"<title>thief</title><h1>Enter your key</h1>")

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            address_family = socket.AF_INET6

        self._server = Server(("::1", 0), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True)
        self._thread.start()

    def __enter__(self) -> Thief:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def test_checklist_20_another_process_on_the_other_address_gets_no_page_of_ours(scene: Scene) -> None:
    """The theft of a prototype: with `[::1]:P` another's and `127.0.0.1:P` ours, `localhost:P` was the other's page."""
    with Thief() as thief, scene.launch(environ={"RIG_FIRST_PORT": str(thief.port)}) as app:
        port = thief.port
        app.wait_window("setup")
        app.wait_call("setup.start")
        url = app.ask("url", "setup")
        assert f":{port}/" not in url, "another port was chosen, with both addresses"
        assert app.js("setup", "location.href") == url
        assert app.js("setup", "document.title") != "thief"
        assert raw(("::1", port), "GET / HTTP/1.0\r\n\r\n").count("thief"), "the control: it was there"
        assert thief.asked == ["/"], "and nobody else has asked it"
