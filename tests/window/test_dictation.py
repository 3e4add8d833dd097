"""The microphone: had by the component after a click, where dictation is set up, and by nobody else at any time.

The devices are the engines' own made-up ones; promise 17 of the project's security checklist.
"""

from __future__ import annotations

import json
import time

import pytest

from tests.rig.scene import Scene
from tests.window.hall import Hall

pytestmark = [pytest.mark.window, pytest.mark.secret_service]

ASSISTANT = {"kind": "assistant", "id": "one", "name": "One", "endpoint": "none", "model": "m"}
ASSISTANT["view"] = "chatkit"
ENDPOINT = {"id": "none", "name": "None", "base_url": "http://127.0.0.1:9", "needs_key": False}
DEVICES = {"QTWEBENGINE_CHROMIUM_FLAGS": "--use-fake-device-for-media-stream"}
ASK = (
    "navigator.mediaDevices.getUserMedia({{{}: true}}).then((s) => {{ s.getTracks().forEach((t) => t.stop());"
    "return 'granted'; }}, (e) => e.name)"
)
REFUSED = {"NotAllowedError", "AbortError", "NotFoundError"}


def settle(scene: Scene, model: str) -> None:
    scene.profile.mkdir(parents=True, mode=0o700)
    values = {
        "version": 1,
        "agents": [ASSISTANT],
        "endpoints": [ENDPOINT],
        "assistant": {"transcription_model": model},
    }
    (scene.profile / "settings.json").write_text(json.dumps(values), encoding="utf-8")


def heard(hall: Hall, device: str) -> str:
    """What the component hears when a person clicks in it and it asks at once."""
    hall.in_frame("(window.got = '', 1)")
    hall.trap(f"{ASK.format(device)}.then((r) => {{ window.got = r; }})")
    return str(hall.app.until("an answer", lambda: hall.in_frame("window.got")))


def test_checklist_17_dictation_has_the_microphone_after_a_click_and_nothing_else_has(scene: Scene) -> None:
    settle(scene, "whisper-1")
    with scene.launch(environ=DEVICES) as app:
        app.wait_call("chat.ready")
        scene.component.wait(lambda state: state["ready"] and state["requests"])
        assert scene.component.state["options"]["composer"]["dictation"] == {"enabled": True}
        hall = Hall(scene, app)
        for ask in (hall.unprompted, hall.in_frame):
            for device in ("audio", "video"):
                assert ask(ASK.format(device)) in REFUSED, "no click stands behind it"
        assert heard(hall, "audio") == "granted"
        assert heard(hall, "audio") == "granted", "the next time too"
        assert heard(hall, "video") in REFUSED
        hall.outlast_the_click()
        # WebKit calls a recording under way for three seconds after its end: one begun then goes on with it.
        time.sleep(3)
        listening = (
            "navigator.mediaDevices.getUserMedia({audio: true}).then((s) => new Promise((done) => setTimeout(() => "
            "done(s.getTracks().some((t) => t.readyState === 'live' && !t.muted) ? 'granted' : 'AbortError'), 1000)),"
            "(e) => e.name)"
        )
        assert hall.in_frame(listening) in REFUSED, "a click of before is good for nothing"


def test_checklist_17_without_dictation_a_click_gives_no_microphone(scene: Scene) -> None:
    settle(scene, "")
    with scene.launch(environ=DEVICES) as app:
        app.wait_call("chat.ready")
        scene.component.wait(lambda state: state["ready"] and state["requests"])
        assert "dictation" not in scene.component.state["options"]["composer"]
        assert heard(Hall(scene, app), "audio") in REFUSED
