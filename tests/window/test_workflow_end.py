"""The way on from a hosted workflow, in a real window: its chats kept, its code brought, an assistant in its place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.rig.driver import Driver
from tests.rig.scene import Scene
from tests.window.test_agent_chat import ready
from tests.window.test_agents import focused, shown

pytestmark = [pytest.mark.window, pytest.mark.secret_service]

EXPORT = """\
from agents import Agent, Runner
from pydantic import BaseModel


class WorkflowInput(BaseModel):
  input_as_text: str


async def run_workflow(workflow_input: WorkflowInput):
  return {"output_text": "The code heard: " + workflow_input.input_as_text}
"""


def settle(scene: Scene, **chat: Any) -> None:
    """A workflow in use, with a name and a greeting."""
    scene.settle()
    file = scene.profile / "settings.json"
    values = json.loads(file.read_text(encoding="utf-8"))
    values["agents"][0] |= {"id": "workflow", "name": "Support"}
    file.write_text(json.dumps(values | {"chat": {"greeting": "How can we help?", **chat}}), encoding="utf-8")


def agents(scene: Scene) -> list[tuple[str, str]]:
    return [(one.get("kind", "workflow"), one.get("name", "")) for one in scene.settings()["agents"]]


def on_the_road(app: Driver, focus: str) -> None:
    """The window for agents is there, at the workflow's ways on."""
    app.wait_window("agents")
    app.until(f"focus at {focus}", lambda: focused(app, "agents") == focus)
    assert shown(app, "agents", "#road")


def gone(scene: Scene, app: Driver) -> None:
    """The workflow has worked, and is there no more."""
    scene.wait_chat(app)
    scene.api.fail("workflow_gone_404", on="/sessions")
    scene.component.do("expire_secret_now")
    app.until("the page of a workflow that is gone", lambda: shown(app, "chat", "#gone"))


def approve(app: Driver) -> None:
    """Say yes; until the chat is there anew, with the code, in the view that shows such agents."""
    since = app.calls_so_far()
    app.click("consent", "#yes")
    app.wait_no_window("consent")
    app.wait_call("builtin.ready", since=since)


def answers_as_the_code(app: Driver) -> None:
    app.wait_text("chat", "How can we help?")
    app.fill("chat", "#text", "Good day")
    app.click("chat", "#send")
    app.wait_text("chat", "The code heard: Good day")


def greeting(scene: Scene) -> str:
    state = scene.component.wait(lambda s: s["options"])
    return str(state["options"]["startScreen"]["greeting"])


def test_a_notice_over_the_chat_leads_to_the_ways_on_and_is_given_once(scene: Scene) -> None:
    settle(scene)
    with scene.launch() as app:
        scene.wait_chat(app)
        app.until("the notice", lambda: shown(app, "chat", "#ahead .banner"))
        app.click("chat", "#ahead button")
        on_the_road(app, "road-title")
        app.ask("close", "agents")
        app.wait_no_window("agents")
        app.click("chat", "#ahead button:last-child")
        app.until("put away", lambda: not shown(app, "chat", "#ahead .banner"))
    scene.component.forget()
    with scene.launch() as app:
        scene.wait_chat(app)
        assert not shown(app, "chat", "#ahead .banner")


def test_code_is_brought_by_pasting_it_is_approved_and_answers_in_the_workflows_place(scene: Scene) -> None:
    settle(scene)
    with scene.launch() as app:
        scene.wait_chat(app)
        app.ask("show", "agents")
        app.wait_call("agents.get")
        app.click("agents", "#bring")
        app.click("agents", "#open-builder")
        app.until("the browser", lambda: scene.opened() == ["https://platform.openai.com/agent-builder"])

        broken = EXPORT.replace("BaseModel):", "BaseModel:")
        app.fill("agents", "#bring-text", broken)
        app.click("agents", "#bring-submit")
        app.wait_text("agents", "Line 5 is not Python")
        app.until("focus at the error", lambda: focused(app, "agents") == "bring-text")
        app.click("agents", "#add")
        app.click("agents", "[data-id=workflow]")
        app.until("its page again", lambda: shown(app, "agents", "#bring-text"))
        app.wait_value("agents", "#bring-text", broken)

        app.fill("agents", "#bring-text", EXPORT)
        app.click("agents", "#bring-submit")
        app.wait_window("consent")
        app.wait_text("consent", "run_workflow")
        assert agents(scene) == [("workflow", "Support"), ("code", "Support")]
        assert scene.settings().get("active_agent", "workflow") == "workflow"
        approve(app)
        assert scene.settings()["active_agent"] != "workflow"
        answers_as_the_code(app)
        app.until("the list says which", lambda: "Active" in app.text("agents"))
        assert agents(scene) == [("workflow", "Support"), ("code", "Support")]


def test_an_assistant_takes_the_place_and_waits_for_its_instructions(scene: Scene) -> None:
    settle(scene)
    with scene.launch() as app:
        scene.wait_chat(app)
        app.ask("show", "agents")
        app.wait_call("agents.get")
        since = app.calls_so_far()
        scene.component.forget()
        app.click("agents", "#go-on")
        app.until("focus in its instructions", lambda: focused(app, "agents") == "f-agent-instructions")
        app.fill("agents", "#f-agent-instructions", "Be brief.")
        app.until("saved", lambda: scene.settings()["agents"][-1].get("instructions") == "Be brief.")
        assert agents(scene) == [("workflow", "Support"), ("assistant", "Support")]
        assert scene.settings()["active_agent"] == scene.settings()["agents"][-1]["id"]
        ready(scene, app, since=since)
        assert greeting(scene) == "How can we help?"


def test_chats_are_archived_from_the_workflows_page(scene: Scene) -> None:
    settle(scene)
    with scene.launch() as app:
        scene.wait_chat(app)
        user = scene.api.snapshot()["sessions"][-1]["user"]
        for number in range(3):
            scene.api.world.add_thread(user, title=f"Chat {number}", messages=2)
        app.ask("show", "agents")
        app.wait_call("agents.get")
        app.click("agents", "#archive-start")
        app.wait_text("agents", "Done: 3 chats saved.")
        assert len(list((scene.profile / "archive").rglob("*.html"))) == 3
        app.click("agents", "#archive-open")
        app.until("the folder", lambda: scene.opened() == [str(scene.profile / "archive")])


def test_what_can_not_become_an_agent_is_said_at_its_field_and_stays_typed(scene: Scene) -> None:
    settle(scene)
    (scene.folder / "large.py").touch()
    with (scene.folder / "large.py").open("wb") as large:
        large.truncate(100 * 1024 * 1024)
    with scene.launch() as app:
        scene.wait_chat(app)
        app.ask("show", "agents")
        app.wait_call("agents.get")
        app.click("agents", "#add")
        app.click("agents", "#add-code")
        for file, says in (
            ("", "Choose a file first."),
            (str(scene.folder / "gone.py"), "This file does not exist."),
            (str(scene.folder / "large.py"), "it is larger than 976 KB"),
        ):
            app.fill("agents", "#add-code-file", file)
            app.click("agents", "#add-code-submit")
            app.wait_text("agents", says)
            app.wait_value("agents", "#add-code-file", file)
        app.click("agents", "#add-code-form input[value=text]")
        app.click("agents", "#add-code-submit")
        app.wait_text("agents", "Paste the code first.")
        # Typed in the page: megabytes are not sent through the probe.
        pasted = "('#'.padEnd(31, '-') + '\\n').repeat(64 * 1024)"
        app.js("agents", f"(document.querySelector('#add-code-text').value = {pasted}, true)")
        app.click("agents", "#add-code-submit")
        app.wait_text("agents", "The code is too large (976 KB at most).")
        assert app.js("agents", "document.querySelector('#add-code-text').value.length") == 2 * 1024 * 1024
        (scene.profile / "code").write_text("in the way", encoding="utf-8")
        app.fill("agents", "#add-code-text", EXPORT)
        app.click("agents", "#add-code-submit")
        app.wait_text("agents", "The folder", "can’t be used")
        app.wait_value("agents", "#add-code-text", EXPORT)
        (scene.profile / "code").unlink()
        app.click("agents", "#add-code-submit")
        app.wait_window("consent")
        app.until("saved", lambda: agents(scene) == [("workflow", "Support"), ("code", "New code agent")])


def test_the_page_of_a_workflow_that_is_gone_offers_the_same_three_ways(scene: Scene) -> None:
    settle(scene)
    with scene.launch() as app:
        gone(scene, app)
        app.click("chat", "#gone-assistant")
        on_the_road(app, "go-on")
        app.click("chat", "#gone-code")
        on_the_road(app, "bring-text")
        user = scene.api.snapshot()["sessions"][-1]["user"]
        scene.api.world.add_thread(user, title="Mine", messages=2)
        app.click("chat", "#archive-start")
        app.wait_text("chat", "Done: 1 chat saved.")
        app.wait_text("agents", "Done: 1 chat saved.")
        app.fill("agents", "#bring-text", EXPORT)
        app.click("agents", "#bring-submit")
        app.wait_window("consent")
        approve(app)
        answers_as_the_code(app)
