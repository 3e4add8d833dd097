"""Code that is brought, and what a workflow becomes: what is kept, what is refused at its field, who opens then."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from desktop.agents.code import brought
from desktop.agents.code.consent import MOST, Consents, read
from desktop.common.errors import AppError
from desktop.common.files import POSIX
from desktop.keys.errors import KeyMissing
from desktop.pages.agents.imports import WorkflowEnd
from desktop.pages.agents.page import AgentsPage
from desktop.pages.chat.options import chatkit_options
from desktop.pages.consent.page import ConsentPage
from desktop.settings.agents import AssistantAgent, CodeAgent
from desktop.settings.base import Prompt
from desktop.settings.errors import AgentNotSet, SettingsInvalid
from desktop.settings.model import WorkflowAgent
from tests.pages.app_parts import Asked, House
from tests.standins.api import KEY, WORKFLOW, ApiStandIn

EXPORT = """\
from agents import Agent, Runner, RunConfig
from pydantic import BaseModel


class WorkflowInput(BaseModel):
  input_as_text: str


async def run_workflow(workflow_input: WorkflowInput):
  return {"output_text": "Said."}
"""
TYPESCRIPT = 'import { Agent, Runner } from "@openai/agents";\n\nconst agent = new Agent({ name: "A" });\n'


@pytest.fixture
def settled(house: House) -> House:
    """A house with a workflow that opens, and a look of its own."""
    house.settings.replace_agent(WorkflowAgent(id="flow", name="Support", workflow_id=WORKFLOW))
    house.settings.update(
        {
            "chat.greeting": "Good day",
            "chat.prompts": [Prompt(label="Orders", prompt="Where is my order?")],
            "chat.theme.radius": "sharp",
        }
    )
    house.app.asked.clear()
    return house


def asked_of(house: House) -> Asked:
    return Asked(AgentsPage(house.services).page(), house.texts)


def paste(ask: Asked, text: str, **params: Any) -> dict[str, Any]:
    return dict(ask("agents.bring_code", way="text", text=text, **params))


def from_file(ask: Asked, file: Path | str, **params: Any) -> dict[str, Any]:
    return dict(ask("agents.bring_code", way="file", file=str(file), **params))


def refused(ask: Asked, bring: Callable[[], Any]) -> tuple[str | None, str]:
    """The field, and what is said at it."""
    with pytest.raises(AppError) as caught:
        bring()
    told = json.loads(ask.crossed[-1])
    assert told["field"] == caught.value.field
    return caught.value.field, f"{told['message']} {told['hint']}".strip()


def code_agent(house: House, agent_id: str) -> CodeAgent:
    found = next(one for one in house.settings.current.agents if one.id == agent_id)
    assert isinstance(found, CodeAgent)
    return found


# --- what is brought ----------------------------------------------------------------------------


def test_pasted_code_becomes_a_private_file_of_the_profile_and_is_shown_before_it_runs(house: House) -> None:
    answer = paste(asked_of(house), EXPORT)
    agent = code_agent(house, answer["id"])
    file = Path(agent.file)
    assert file == house.locations.code / answer["id"] / "agent.py"
    assert file.read_text(encoding="utf-8") == EXPORT
    if POSIX:
        assert [stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent)] == [0o600, 0o700]
    assert house.app.asked[-1] == ("show_consent", (answer["id"],))
    assert agent.packages == []


def test_a_file_stays_where_it_is(house: House, tmp_path: Path) -> None:
    file = tmp_path / "my agent.py"
    file.write_text("from agents import Agent\nfrom .help import words\nbot = Agent(name=words)\n", encoding="utf-8")
    (tmp_path / "help.py").write_text("words = 'Bot'\n", encoding="utf-8")
    answer = from_file(asked_of(house), f' "{file}" ')
    assert code_agent(house, answer["id"]) == CodeAgent(id=answer["id"], name="my agent", file=str(file))
    assert not house.locations.code.exists()


def test_checklist_28_bringing_code_runs_none_of_it_and_says_yes_for_nobody(house: House, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    text = EXPORT + f"\nopen({str(ran)!r}, 'w').write('ran')\n"
    agent = code_agent(house, paste(asked_of(house), text)["id"])
    assert not ran.exists()
    assert not Consents(house.locations.folder / "approved_code.json").given(read(agent.file))


def test_packages_that_are_not_there_are_named_with_the_agent(house: House) -> None:
    text = "import wordcloud\nimport json\ntry:\n    import never\nexcept ImportError:\n    never = None\n"
    agent = code_agent(house, paste(asked_of(house), text + EXPORT)["id"])
    assert agent.packages == ["wordcloud"]


@pytest.mark.parametrize(
    "text",
    [
        "```python\n" + EXPORT + "```\n",
        "\ufeff" + EXPORT,
        EXPORT.replace("\n", "\r\n"),
        "\n\n" + EXPORT + "\n\n\n",
    ],
    ids=["fenced", "with a mark", "lines of Windows", "with empty lines"],
)
def test_what_a_clipboard_adds_is_taken_off(house: House, text: str) -> None:
    agent = code_agent(house, paste(asked_of(house), text)["id"])
    assert Path(agent.file).read_text(encoding="utf-8").strip() == EXPORT.strip()


@pytest.mark.parametrize(
    "text",
    [
        EXPORT,
        "from agents import Agent\nagent = Agent(name='A')",
        "from agents import Agent\nhelper: Agent = Agent(name='A')",
        "import agents\nif True:\n    one = agents.Agent(name='A')",
        "from agents import Agent as A\ndef make_agent():\n    return A(name='A')",
        "from elsewhere import root_agent",
        "from elsewhere import *",
        "from flow import run_workflow",
    ],
)
def test_what_the_loader_would_take_is_taken(text: str, tmp_path: Path) -> None:
    assert brought.may_hold_an_agent(brought.of_text(text, tmp_path))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Paste the code first."),
        (" \n\t\n", "Paste the code first."),
        ("This is no code.", "Line 1 is not Python"),
        ("import os\n\ndef broken(:\n    pass\n", "Line 3 is not Python"),
        ("import agents\nx = 1\n", "It contains no agent."),
        ("print('hello')", "It contains no agent."),
        (TYPESCRIPT, "This is the TypeScript export."),
        ("null\x00byte", "Line 1 is not Python"),
        ("(" * 5_000, "is not Python"),
        ("# much\n" * (MOST // 7 + 1) + EXPORT, "is too large (976 KB at most)"),
    ],
    ids=[
        "nothing",
        "blank",
        "prose",
        "broken",
        "no agent",
        "hello",
        "TypeScript",
        "null",
        "deep",
        "large",
    ],
)
def test_what_can_not_be_an_agent_is_said_at_the_field_and_leaves_nothing(house: House, text: str, says: str) -> None:
    ask = asked_of(house)
    field, said = refused(ask, lambda: paste(ask, text))
    assert field == "text"
    assert says in said
    assert house.settings.current.agents == []
    assert not house.locations.code.exists() or list(house.locations.code.iterdir()) == []
    assert house.app.names() == []


def test_a_file_that_can_not_be_an_agent_is_said_at_the_field(house: House, tmp_path: Path) -> None:
    ask = asked_of(house)
    (tmp_path / "flow.ts").write_text(TYPESCRIPT, encoding="utf-8")
    (tmp_path / "notes.py").write_text("Dear diary,\n", encoding="utf-8")
    (tmp_path / "hello.py").write_text("print('hello')\n", encoding="utf-8")
    (tmp_path / "picture.py").write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    for name, says in {
        "gone.py": "This file does not exist.",
        "": "This file does not exist.",
        "flow.ts": "This is the TypeScript export.",
        "notes.py": "line 1",
        "picture.py": "is not valid Python",
        "hello.py": "It contains no agent.",
    }.items():
        field, said = refused(ask, lambda name=name: from_file(ask, tmp_path / name))  # type: ignore[misc]
        assert field == "file", name
        assert says in said, (name, said)
    assert refused(ask, lambda: from_file(ask, "  ")) == ("file", "Choose a file first.")
    assert house.settings.current.agents == []


def test_a_file_of_a_hundred_megabytes_is_refused_without_being_read_whole(house: House, tmp_path: Path) -> None:
    file = tmp_path / "large.py"
    with file.open("wb") as large:
        large.truncate(100 * 1024 * 1024)
    ask = asked_of(house)
    field, said = refused(ask, lambda: from_file(ask, file))
    assert field == "file"
    assert "larger than 976 KB" in said


@pytest.mark.skipif(sys.platform == "win32", reason="a file in the folder's place is refused in other words there")
def test_a_folder_that_can_not_be_written_is_said_at_the_field_and_no_agent_is_made(house: House) -> None:
    house.locations.folder.mkdir(parents=True, exist_ok=True)
    house.locations.code.write_text("in the way", encoding="utf-8")
    ask = asked_of(house)
    field, said = refused(ask, lambda: paste(ask, EXPORT))
    assert field == "text"
    assert str(house.locations.code) in said
    assert house.settings.current.agents == []


def test_settings_that_can_not_be_saved_leave_no_file_behind(house: House) -> None:
    house.settings.update({"agents": [{"kind": "demo", "id": f"d{n}"} for n in range(200)]})
    ask = asked_of(house)
    assert "200 agents already" in refused(ask, lambda: paste(ask, EXPORT))[1]
    assert not house.locations.code.exists()
    house.settings.update({"agents": []})
    house.locations.settings.write_text('{"version": 99}', encoding="utf-8")
    refused(ask, lambda: paste(ask, EXPORT))
    assert not house.locations.code.exists() or list(house.locations.code.iterdir()) == []


def test_the_file_dialog_only_names_a_file(house: House) -> None:
    ask = asked_of(house)
    assert ask("agents.pick_code") is None
    house.app.file = "/somewhere/agent.py"
    assert ask("agents.pick_code") == "/somewhere/agent.py"
    assert house.settings.current.agents == []


# --- in the place of a workflow -----------------------------------------------------------------


def options(house: House) -> dict[str, Any]:
    """What the chat looks like with the agent that opens."""
    settings = house.settings.current
    agent = settings.agent()
    assert agent is not None
    made = chatkit_options(settings, agent, house.texts, house.brand, None)
    return {name: made["options"][name] for name in ("startScreen", "header", "frameTitle")} | made["themes"]


def test_brought_code_opens_once_it_is_approved_and_looks_as_the_workflow_did(settled: House) -> None:
    before = options(settled)
    answer = paste(asked_of(settled), EXPORT, workflow="flow")
    assert settled.settings.current.active_agent == "flow", "nothing changes before the yes"
    consent = Asked(ConsentPage(settled.services, answer["id"]).page(), settled.texts)
    shown = consent("consent.start")
    assert shown["agent"]["active"], "with the yes it opens"
    settled.app.asked.clear()
    consent("consent.approve", digest=shown["source"]["digest"])
    assert settled.settings.current.active_agent == answer["id"]
    assert settled.app.names() == ["reload_chat", "code_approved"]
    assert options(settled) == before
    assert [one.id for one in settled.settings.current.agents] == ["flow", answer["id"]], "the workflow stays"


def test_code_that_is_approved_later_still_takes_the_place_unless_another_was_chosen(settled: House) -> None:
    ask = asked_of(settled)
    answer = paste(ask, EXPORT, workflow="flow")
    assert settled.services.state.taking_over(answer["id"])
    ask("agents.choose", id="flow")
    consent = Asked(ConsentPage(settled.services, answer["id"]).page(), settled.texts)
    shown = consent("consent.start")
    assert not shown["agent"]["active"]
    consent("consent.approve", digest=shown["source"]["digest"])
    assert settled.settings.current.active_agent == "flow"


def test_an_assistant_takes_the_workflows_place_at_once_with_its_look(settled: House) -> None:
    before = options(settled)
    answer = asked_of(settled)("agents.go_on", id="flow")
    agent = settled.settings.current.agent()
    assert agent == AssistantAgent(id=answer["id"], name="Support")
    assert answer["state"]["active"] == answer["id"]
    assert settled.app.names() == ["reload_chat"]
    assert options(settled) == before


@pytest.mark.parametrize("method", ["agents.go_on", "archive.start"])
def test_only_a_workflow_has_this_road(settled: House, method: str) -> None:
    settled.settings.update({"agents": [{"kind": "demo", "id": "demo"}]})
    for agent_id in ("demo", "nobody"):
        with pytest.raises(AgentNotSet):
            asked_of(settled)(method, id=agent_id)


def test_agents_that_come_with_the_app_can_not_be_taken_over(make_house: Callable[..., House]) -> None:
    brand = {"settings": {"agents": [{"id": "flow", "workflow_id": WORKFLOW}]}, "fixed": ["agents"]}
    house = make_house(brand=brand)
    ask = asked_of(house)
    with pytest.raises(SettingsInvalid):
        paste(ask, EXPORT, workflow="flow")
    with pytest.raises(SettingsInvalid):
        ask("agents.go_on", id="flow")
    assert not house.locations.code.exists()


def test_the_environments_workflow_keeps_its_place(make_house: Callable[..., House]) -> None:
    house = make_house(environ={"CHATKIT_WORKFLOW_ID": WORKFLOW})
    answer = paste(asked_of(house), EXPORT, workflow="environment")
    assert not house.services.state.taking_over(answer["id"])
    asked_of(house)("agents.go_on", id="environment")
    assert house.settings.current.active_agent == "environment"


# --- its chats, and the day ---------------------------------------------------------------------


def test_a_workflows_chats_are_archived_from_its_page_though_another_agent_opens(
    settled: House, api: ApiStandIn
) -> None:
    settled.keys.save(api.base, KEY)
    ask = asked_of(settled)
    ask("agents.add", kind="demo")
    settled.settings.update({"active_agent": "demo"})
    user = settled.settings.user_id("flow")
    for number in range(3):
        api.world.add_thread(user, title=f"Chat {number}", messages=2)
    api.world.add_thread("somebody-else")
    assert ask("archive.start", id="flow") == {"started": True}
    told = settled.app.wait(
        lambda asked: any(
            name == "emit" and args[1] == "archive.progress" and args[2]["finished"] for name, args in asked
        )
    )
    events = [args for name, args in told if name == "emit" and args[1] == "archive.progress"]
    assert {page for page, _, _ in events} == {"chat", "agents"}
    assert {data["agent"] for _, _, data in events} == {"flow"}
    assert (events[-1][2]["done"], events[-1][2]["error"]) == (3, None)
    assert len(list(settled.locations.archive.glob("*.json"))) == 3


def test_without_a_key_nothing_is_archived(settled: House) -> None:
    with pytest.raises(KeyMissing):
        asked_of(settled)("archive.start", id="flow")


@pytest.mark.parametrize(("day", "over"), [(date(2026, 11, 29), False), (date(2026, 11, 30), True)])
def test_the_page_knows_whether_the_last_day_has_passed(settled: House, day: date, over: bool) -> None:
    road = WorkflowEnd(settled.services, lambda _make: {}, lambda: "", today=lambda: day)
    assert road.told() == {"over": over, "largest_code": MOST}


def test_agent_builder_is_opened_in_the_browser(settled: House) -> None:
    asked_of(settled)("agents.open_builder")
    assert settled.app.asked == [("open_external", ("https://platform.openai.com/agent-builder",))]
