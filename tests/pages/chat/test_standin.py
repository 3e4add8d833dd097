"""The stand-in for the component keeps its word over HTTP: the window tests build on it."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.standins.api import KEY, WORKFLOW, ApiStandIn
from tests.standins.component import FILES, ComponentStandIn


@pytest.fixture
def component() -> Iterator[ComponentStandIn]:
    with ComponentStandIn() as made:
        yield made


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


def status(url: str) -> int:
    try:
        get(url)
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code
    return 200


def post(url: str, value: Any, headers: dict[str, str] | None = None) -> Any:
    request = urllib.request.Request(url, json.dumps(value).encode(), headers or {})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def test_the_script_and_its_frame_are_served_side_by_side(component: ComponentStandIn) -> None:
    assert component.url.endswith("/deployments/chatkit/chatkit.js")
    assert 'customElements.define("openai-chatkit"' in get(component.url)
    frame = component.url.replace("chatkit.js", "frame.html")
    assert "frame.js" in get(frame)
    for path in (
        "/",
        "/deployments/chatkit/",
        "/deployments/chatkit/../component.py",
        "/deployments/chatkit/loader.js",
    ):
        assert status(component.origin + path) == 404


@pytest.mark.parametrize("name", ["loader.js", "validate.js", "conversation.js", "frame.js"])
def test_the_scripts_can_be_read_by_an_engine(name: str) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    done = subprocess.run([node, "--check", str(FILES / name)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_faults_of_the_script_end_when_they_are_healed_or_used_up(component: ComponentStandIn) -> None:
    whole = get(component.url)
    component.fail("script_404")
    assert status(component.url) == 404
    component.fail("script_cut", times=1)
    with pytest.raises(http.client.IncompleteRead):
        get(component.url)
    assert get(component.url) == whole
    component.fail("script_syntax_error")
    assert "this is not a script" in get(component.url)
    component.heal()
    assert get(component.url) == whole
    assert component.loads == 6


def test_a_script_that_hangs_comes_once_it_is_healed(component: ComponentStandIn) -> None:
    component.fail("script_hangs")
    got: list[str] = []
    thread = threading.Thread(target=lambda: got.append(get(component.url)), daemon=True)
    thread.start()
    thread.join(0.2)
    assert got == []
    component.heal()
    thread.join(10)
    assert "customElements.define" in got[0]


def test_faults_of_the_frame_travel_inside_the_script(component: ComponentStandIn) -> None:
    component.fail("late_ready", ms=5)
    assert '{"name": "late_ready", "ms": 5}' in get(component.url)
    component.heal()
    assert "const FAULT = {};" in get(component.url)


def test_other_processes_drive_it_over_http(component: ComponentStandIn) -> None:
    post(f"{component.origin}/__control", {"fault": "never_ready"})
    assert '"never_ready"' in get(component.url)
    post(f"{component.origin}/__control", {"heal": True})
    assert "const FAULT = {};" in get(component.url)
    now = json.loads(get(f"{component.origin}/__commands?after=-1"))
    post(f"{component.origin}/__control", {"do": "send", "text": "hello"})
    told = json.loads(get(f"{component.origin}/__commands?after={now['seq']}"))
    assert told == {"seq": now["seq"] + 1, "commands": [{"do": "send", "text": "hello"}]}


def test_what_the_frame_reports_can_be_waited_for(component: ComponentStandIn) -> None:
    thread = threading.Thread(target=lambda: component.wait(lambda state: state["ready"], 10), daemon=True)
    thread.start()
    old, new = (json.loads(get(f"{component.origin}/__commands?after=-1"))["frame"] for _ in range(2))
    post(f"{component.origin}/__state", {"frame": new, "ready": True, "secret": "ek_1"})
    post(f"{component.origin}/__state", {"frame": old, "ready": False, "secret": "of the frame before"})
    thread.join(10)
    assert not thread.is_alive()
    assert json.loads(get(f"{component.origin}/__state"))["secret"] == "ek_1"
    component.forget()
    post(f"{component.origin}/__state", {"frame": new, "ready": True, "secret": "what it says last"})
    with pytest.raises(TimeoutError):
        component.wait(lambda state: state["ready"], 0.05)


def test_the_frame_reaches_the_api_with_a_secret_and_is_refused_without() -> None:
    with ApiStandIn() as api, ComponentStandIn(api_base=api.base) as component:
        body = {"user": "user_1", "workflow": {"id": WORKFLOW}}
        headers = {
            "Authorization": f"Bearer {KEY}",
            "OpenAI-Beta": "chatkit_beta=v1",
            "content-type": "application/json",
        }
        secret = post(f"{api.base}/v1/chatkit/sessions", body, headers)["client_secret"]
        talk = f"{component.origin}/__api/v1/chatkit/conversation"
        said = {"text": "hello", "thread_id": None}
        answer = post(talk, said, {"Authorization": f"Bearer {secret}"})
        assert answer["text"] == "You said: hello"
        with pytest.raises(urllib.error.HTTPError) as refused:
            post(talk, said, {"Authorization": "Bearer ek_made_up"})
        assert refused.value.code == 401
        refused.value.close()


def test_without_an_api_it_answers_by_itself(component: ComponentStandIn) -> None:
    answer = post(f"{component.origin}/__api/v1/chatkit/conversation", {"text": "hi", "thread_id": None})
    assert answer == {"ok": True, "thread_id": "cthr_standin", "text": "You said: hi"}


def test_an_error_page_is_a_page_that_loads(component: ComponentStandIn) -> None:
    frame = component.url.replace("chatkit.js", "frame.html")
    for fault, code in (("frame_400", 400), ("frame_404", 404)):
        component.fail(fault)
        assert status(frame) == code
    component.heal()
    assert status(frame) == 200


def test_options_are_checked_in_the_frame_and_not_where_they_are_set(component: ComponentStandIn) -> None:
    assert "validateChatKitOptions" not in get(component.url)
    frame = component.url.replace("chatkit.js", "frame.html")
    assert "validate.js" in get(frame)
    assert "validateChatKitOptions" in get(component.url.replace("chatkit.js", "validate.js"))


def test_what_the_frame_would_ask_others_for_is_told_to_it_alone(component: ComponentStandIn) -> None:
    asked = urllib.parse.urlencode({"kind": "favicon", "url": "https://pages.example/?a=b"})
    post(f"{component.origin}/__outside?{asked}", {})
    assert component.outside == [("favicon", "https://pages.example/?a=b")]
