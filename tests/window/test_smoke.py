"""`smoke` against real windows: what it says is what a person would see."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.rig.driver import ROOT
from tests.rig.scene import Scene
from tests.standins.chatkit_server import ChatKitStandIn
from tests.standins.models_api import KEY, Answer, ModelsApi
from tests.window.test_agent_chat import settle

pytestmark = [pytest.mark.window, pytest.mark.secret_service]


@pytest.fixture
def server() -> Iterator[ChatKitStandIn]:
    with ChatKitStandIn("") as standin:
        yield standin


def smoked(scene: Scene, *words: str) -> tuple[int, dict[str, Any]]:
    done = scene.command("smoke", "--json", *words, limit=180)
    assert done.stdout.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr
    return done.returncode, dict(json.loads(done.stdout))


def test_it_waits_for_the_painted_answer(scene: Scene) -> None:
    settle(scene)
    exit_code, report = smoked(scene, "--say", "help")
    assert (exit_code, report["ok"], report["component"], report["errors"]) == (0, True, "chatkit", [])
    assert report["answer"].startswith("This demo runs on this computer")
    assert report["painted"] is True


def test_a_chatkit_server_answers_too(scene: Scene, server: ChatKitStandIn) -> None:
    settle(scene, {"kind": "server", "id": "team", "name": "Team", "url": server.url})
    exit_code, report = smoked(scene, "--say", "Good day")
    assert (exit_code, report["ok"], report["errors"]) == (0, True, [])
    assert report["answer"].startswith("You said: Good day.")


def test_a_code_agent_answers_once_its_key_was_set_in_a_terminal(scene: Scene) -> None:
    file = scene.folder / "agent.py"
    file.write_text("from agents import Agent\nagent = Agent(name='Mine', model='gpt-4.1')", encoding="utf-8")
    with ModelsApi() as models:
        scene.options += ["--api-base", models.base]
        models.answer(Answer("Good day."))
        subprocess.run(
            [sys.executable, "-m", "desktop", "key", "set", *scene.arguments],
            cwd=ROOT,
            env=scene.environ,
            input=KEY,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        exit_code, report = smoked(scene, "--agent", str(file), "--say", "hello", "--yes")
    assert (exit_code, report["ok"], report["answer"], report["errors"]) == (0, True, "Good day.", [])


def test_a_hosted_chat_that_stays_white_is_not_ok_and_says_why(scene: Scene) -> None:
    scene.settle()
    scene.component.fail("refuses_all", message="the options could not be read")
    exit_code, report = smoked(scene)
    assert (exit_code, report["ok"], report["component"]) == (1, False, "")
    assert [one["code"] for one in report["errors"]] == ["component_failed"]


def test_where_chatkit_stays_white_an_agent_here_answers_in_the_basic_view(scene: Scene) -> None:
    settle(scene)
    scene.component.fail("refuses_all")
    exit_code, report = smoked(scene, "--say", "help")
    assert (exit_code, report["ok"], report["component"]) == (0, True, "builtin")
    assert report["answer"].startswith("This demo runs on this computer")
