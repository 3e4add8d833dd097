"""Where the key goes and where it never goes, with the real app, a real keyring and a session full of trouble.

A sentinel key is typed, refused, taken, used, replaced, removed; what the app left everywhere is then searched for it
in every common spelling. Each search first finds what was planted for it.
"""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest

from tests.rig.display import Display
from tests.rig.driver import Driver
from tests.rig.scene import Scene
from tests.rig.scene import scene as made_scene
from tests.standins.api import KEY, ApiStandIn
from tests.standins.proxy import ProxyStandIn

pytestmark = [pytest.mark.window, pytest.mark.secret_service]

SENTINEL = "sk-Zq7Wn3Lk-sentinel-0123456789-Vx5Tb8Rd"
OTHER = "sk-Jm2Pc9Hy-another-0123456789-Gf4Ks6Nw"
PASSWORD = "Proxy-Pw 7/Qd&Zr+2"


def spellings(secret: str) -> list[bytes]:
    """Raw, URL-encoded, base64 at each alignment, repr, JSON, and of a key its first 8 characters after `sk-`."""
    data = secret.encode()
    found = {secret, quote(secret, safe=""), repr(secret)[1:-1], json.dumps(secret)[1:-1]}
    for encode in (b64encode, urlsafe_b64encode):
        for shift in range(3):
            found.add(encode(b"\0" * shift + data).decode()[4 if shift else 0 : -4].rstrip("="))
    if secret.startswith("sk-"):
        found.add(secret[3:11])
    return [spelling.encode() for spelling in found]


def holds(data: bytes, secret: str) -> bool:
    return any(spelling in data for spelling in spellings(secret))


def holders(folder: Path, secret: str) -> list[Path]:
    """The files below a folder that hold the secret, by name or in what they hold."""
    return [
        file
        for file in folder.rglob("*")
        if holds(str(file).encode(), secret) or (file.is_file() and holds(file.read_bytes(), secret))
    ]


@dataclass
class Evidence:
    """What a session left behind."""

    scene: Scene
    crossed: str = ""
    printed: str = ""
    diagnostics: str = ""
    processes: dict[str, bytes] = field(default_factory=dict)
    """Arguments and environment of each process below the app and of the app, by what it is."""

    def look_at_processes(self, app: Driver) -> None:
        for process in (psutil.Process(app.process.pid), *psutil.Process(app.process.pid).children(recursive=True)):
            try:
                name = f"{process.pid} {process.name()}"
                parts = [Path(f"/proc/{process.pid}/{what}").read_bytes() for what in ("cmdline", "environ")]
            except (psutil.NoSuchProcess, OSError):
                continue
            self.processes[name] = b"\0".join(parts)


@pytest.fixture(scope="module")
def evidence(engine: str, screen: Display, keyring: dict[str, str]) -> Iterator[Evidence]:
    """One long session with everything that goes wrong in it."""
    with made_scene(engine, screen, keyring) as scene:
        found = Evidence(scene)
        scene.api.world.keys = {KEY}
        with scene.launch() as app:
            scene.fill_in(app, key=SENTINEL)
            app.wait_call("setup.check")
            app.wait_text("setup", "OpenAI did not accept this key.")
            scene.api.world.keys = None
            app.click("setup", "#submit")
            scene.wait_chat(app)
            scene.component.do("send", text="Hello")
            scene.component.wait(lambda s: any("You said: Hello" in line["text"] for line in s["transcript"]))

            message = f"The key {SENTINEL} is not welcome."
            scene.api.fail("bad_request", times=1, on="sessions", message=message)
            scene.component.do("expire_secret_now")
            app.until("an error", lambda: any(r.get("fault") == "bad_request" for r in scene.api.requests))
            scene.component.forget()
            since = app.calls_so_far()
            app.ask("show", "reload")
            scene.wait_chat(app, since=since)

            scene.component.forget()
            since = app.calls_so_far()
            app.ask("crash", "chat")
            scene.wait_chat(app, since=since)
            app.ask("show", "settings")
            app.wait_window("settings")
            app.wait_call("key.status")
            app.click("settings", '[data-section="about"]')
            app.click("settings", "#diagnostics")
            app.wait_call("diagnostics.copy")
            found.diagnostics = app.ask("state")["diagnostics"]
            found.look_at_processes(app)

            remove_key(app)
            app.wait_window("setup")
            found.crossed = "".join(app.ask("crossed"))
            found.look_at_processes(app)
            found.printed = app.stop()
        yield found


def open_key_section(app: Driver) -> None:
    app.ask("show", "settings")
    app.wait_window("settings")
    app.wait_call("key.status")
    app.click("settings", '[data-section="key"]')


def remove_key(app: Driver) -> None:
    app.click("settings", '[data-section="key"]')
    app.click("settings", "#key-remove")
    app.click("settings", "#question-yes")
    app.wait_call("key.remove")


def replace_key(app: Driver, key: str) -> None:
    app.click("settings", "#key-replace")
    app.fill("settings", "#key-new", key)
    app.click("settings", "#key-save")


def test_checklist_01_no_value_that_crosses_to_a_page_holds_the_key(evidence: Evidence) -> None:
    secrets = {session["client_secret"] for session in evidence.scene.api.snapshot()["sessions"]}
    assert any(secret in evidence.crossed for secret in secrets), "the control: what crosses was heard"
    assert "app.open_settings" not in evidence.crossed
    assert not holds(evidence.crossed.encode(), SENTINEL)


def test_checklist_12_what_crosses_of_an_error_is_no_traceback(evidence: Evidence) -> None:
    assert '"ok": false' in evidence.crossed or '"error": {' in evidence.crossed, "the control: there were errors"
    assert "Traceback" not in evidence.crossed
    assert 'File "' not in evidence.crossed.replace("\\", "")


def test_checklist_07_the_key_is_in_no_file_no_process_and_no_text_that_the_app_left(evidence: Evidence) -> None:
    scene = evidence.scene
    bearers = {request["headers"].get("authorization") for request in scene.api.requests}
    assert f"Bearer {SENTINEL}" in bearers, "the control: the key was used"
    assert len(evidence.processes) > 1, "the control: there were processes below"
    assert len(list(scene.data.rglob("*"))) > 10, "the control: there are files"
    assert scene.log().count("\n") > 10

    assert holders(scene.folder, SENTINEL) == []
    for name, what in evidence.processes.items():
        assert not holds(what, SENTINEL), name
    assert not holds(evidence.printed.encode(), SENTINEL)
    assert not holds(evidence.diagnostics.encode(), SENTINEL)
    assert not holds("\n".join(scene.opened()).encode(), SENTINEL)
    for secret in (session["client_secret"] for session in scene.api.snapshot()["sessions"]):
        assert not holders(scene.profile / "logs", secret)
        assert not holds(evidence.diagnostics.encode(), secret)


def test_checklist_07_the_search_finds_what_is_planted(evidence: Evidence) -> None:
    planted = evidence.scene.profile / "web" / "planted"
    data = SENTINEL.encode()
    for hidden in (
        data,
        b"xx" + b64encode(data),
        b64encode(b"x" + data + b"yy"),
        urlsafe_b64encode(b"ab" + data),
        data[3:11],
        quote(SENTINEL, safe="").encode(),
    ):
        planted.write_bytes(b"\x00\xff before" + hidden + b"after")
        assert holders(evidence.scene.folder, SENTINEL) == [planted], hidden
    planted.unlink()
    assert holds(quote(PASSWORD, safe="").encode(), PASSWORD)
    assert holds(repr({"password": PASSWORD}).encode(), PASSWORD)


def test_checklist_08_removing_the_key_deletes_it_ends_the_sessions_and_a_fresh_read_finds_none(
    evidence: Evidence,
) -> None:
    scene = evidence.scene
    assert scene.stored_key() == ""
    assert {session["status"] for session in scene.api.snapshot()["sessions"]} <= {"cancelled", "expired"}
    before = len(scene.api.requests)
    with scene.launch() as app:
        app.wait_call("setup.key_status")
        app.wait_window("setup")
        assert list(app.ask("windows")) == ["setup"]
    assert len(scene.api.requests) == before, "nothing is asked of the API without a key"


def test_checklist_09_a_new_key_is_checked_first_and_a_failure_leaves_the_old_one(scene: Scene) -> None:
    scene.settle(key=SENTINEL)
    with scene.launch() as app:
        scene.wait_chat(app)
        open_key_section(app)
        replace_key(app, "sk-wrong-0123456789abcdefghijklmnop")
        app.wait_call("key.replace")
        app.until("said", lambda: app.js("settings", "!document.querySelector('#key-new-error').hidden"))
        assert scene.stored_key() == SENTINEL
        scene.component.do("send", text="Hello")
        scene.component.wait(lambda s: any("You said: Hello" in line["text"] for line in s["transcript"]))

        scene.component.forget()
        since = app.calls_so_far()
        app.fill("settings", "#key-new", OTHER)
        app.click("settings", "#key-save")
        app.wait_call("key.replace", since=since)
        scene.wait_chat(app, since=since)
        assert scene.stored_key() == OTHER
    assert holders(scene.folder, OTHER) == []


def test_checklist_22_the_proxy_password_lives_in_the_keyring(scene: Scene) -> None:
    with ProxyStandIn(user="someone", password=PASSWORD) as proxy:
        scene.settle(key=SENTINEL)
        with scene.launch() as app:
            scene.wait_chat(app)
            app.ask("show", "settings")
            app.wait_window("settings")
            app.wait_call("key.status")
            app.click("settings", '[data-section="network"]')
            app.fill("settings", "#password", PASSWORD)
            app.click("settings", "#password-save")
            app.wait_call("proxy.save_password")
            app.ask("update", {"network.proxy": proxy.url.replace("://", "://someone@")})
            crossed = "".join(app.ask("crossed"))
            found = Evidence(scene)
            found.look_at_processes(app)
            assert not holds(app.ask("state")["diagnostics"].encode(), PASSWORD)
        assert not holds(crossed.encode(), PASSWORD)
        for name, what in found.processes.items():
            assert not holds(what, PASSWORD), name
        assert holders(scene.folder, PASSWORD) == []
        assert "someone@" in json.dumps(scene.settings()), "the control: the proxy itself is in the settings"
        read = "import sys; from desktop.cli import parse; from desktop.app.context import Context;"
        kept = scene.python(f"{read} print(Context(parse(sys.argv[1:])).keys.secret('proxy'))", *scene.arguments)
        assert kept.strip() == PASSWORD


def test_checklist_31_a_key_goes_only_to_the_origin_it_was_entered_for(scene: Scene) -> None:
    scene.settle(key=SENTINEL)
    with ApiStandIn() as other:
        # The command line: the last one wins, so this start is for the other API.
        with scene.launch("--api-base", other.base) as app:
            app.wait_window("setup")
            app.wait_call("setup.key_status")
            assert "chat" not in app.ask("windows"), "the other API asks for its own key"
        with scene.launch() as app:
            scene.wait_chat(app)
            # A second launch can change nothing.
            done = scene.command("--api-base", other.base, "--prompt", "Hello")
            assert done.returncode == 0, done.stderr
            scene.component.wait(lambda s: s["composer"] == "Hello")
            scene.component.do("expire_secret_now")
            scene.component.wait(lambda s: len(s["secrets"]) == 2)
        assert other.requests == []
        # The settings: the address changes, the key stays behind.
        arguments = [one for one in scene.arguments if one not in ("--api-base", scene.api.base)]
        file = scene.settings()
        file.setdefault("network", {})["api_base"] = other.base
        (scene.profile / "settings.json").write_text(json.dumps(file), encoding="utf-8")
        for environ in ({}, {"CHATKIT_API_BASE": f"{other.base}/v1"}):
            with Driver(scene.engine, arguments, scene.environ | environ) as app:
                app.wait_window("setup")
                app.wait_call("setup.key_status")
        assert other.requests == []
    assert any(SENTINEL in request["headers"].get("authorization", "") for request in scene.api.requests), "the control"
