"""The consent page: what it shows, what a yes is for, and packages that are installed from it. And what the page for
agents tells of a code agent."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from desktop.agents.code.consent import LIST, Consents, read
from desktop.agents.code.errors import PackagesNotInstalled
from desktop.common.errors import BadParams
from desktop.common.page import Sources
from desktop.pages.agents.page import AgentsPage
from desktop.pages.consent.page import PIECE, ConsentPage
from desktop.settings.agents import CodeAgent, DemoAgent
from desktop.settings.errors import AgentNotSet, SettingsInvalid
from tests.pages.app_parts import Asked, House

AGENT = "from agents import Agent\nagent = Agent(name='Mine')\n"

_SERVERS = (("notes", "My notes"), ("bare", ""), ("other", "Not given to it"))


class Case:
    """A house whose active agent is a file, and the page for it."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house = house
        self.file = folder / "agent.py"
        self.file.write_text(AGENT, encoding="utf-8")
        self.put(CodeAgent(id="mine", name="Mine", file=str(self.file)))
        house.settings.update({"active_agent": "mine"})
        house.app.asked.clear()

    def put(self, agent: CodeAgent) -> None:
        self.house.settings.replace_agent(agent)

    def page(self, **options: Any) -> Asked:
        return Asked(ConsentPage(self.house.services, "mine", **options).page(), self.house.texts)

    @property
    def consents(self) -> Consents:
        return Consents(self.house.locations.folder / LIST)

    def told(self, event: str) -> list[Any]:
        """The data of the events of that name that were sent to the page."""
        return [args[2] for name, args in self.house.app.asked if name == "emit" and args[:2] == ("consent", event)]


@pytest.fixture
def case(house: House, tmp_path: Path) -> Case:
    (tmp_path / "code").mkdir()
    return Case(house, tmp_path / "code")


# --- the yes --------------------------------------------------------------------------------------


def test_checklist_28_the_yes_is_for_what_was_shown(case: Case) -> None:
    ask = case.page()
    source = ask("consent.start")["source"]
    assert (source["state"], source["digest"]) == ("new", read(case.file).digest)
    assert ask("consent.file", name="agent.py")["text"] == AGENT
    assert ask("consent.approve", digest=source["digest"]) == {"done": True, "state": None}
    assert case.consents.given(read(case.file))
    assert case.house.app.asked == [("code_approved", ("mine",))]
    assert case.page()("consent.start")["source"]["state"] == "approved"


def test_checklist_28_what_has_changed_since_the_yes_is_shown_line_by_line(case: Case) -> None:
    ask = case.page()
    with pytest.raises(BadParams):
        ask("consent.changes", name="agent.py")  # nothing was shown yet
    source = ask("consent.start")["source"]
    assert ask("consent.changes", name="agent.py") == {"lines": None, "cut": False}
    ask("consent.approve", digest=source["digest"])
    case.file.write_text(AGENT.replace("Mine", "\u202eYours"), encoding="utf-8")
    assert ask("consent.look")["source"]["files"] == [{"name": "agent.py", "mark": "changed"}]
    assert ask("consent.changes", name="agent.py") == {
        "lines": [
            {"kind": "same", "text": "from agents import Agent", "number": 1},
            {"kind": "gone", "text": "agent = Agent(name='Mine')", "number": 0},
            {"kind": "new", "text": "agent = Agent(name='⟨U+202E⟩Yours')", "number": 2},
        ],
        "cut": False,
    }
    with pytest.raises(BadParams):
        ask("consent.changes", name="/etc/passwd")


def test_checklist_28_a_hash_that_was_not_shown_is_no_yes(case: Case) -> None:
    ask = case.page()
    digest = read(case.file).digest
    with pytest.raises(BadParams):
        ask("consent.approve", digest=digest)  # nothing was shown yet
    ask("consent.start")
    with pytest.raises(BadParams):
        ask("consent.approve", digest="0" * 64)
    assert case.house.app.names() == []
    assert not case.consents.given(read(case.file))


def test_checklist_28_a_file_that_changes_while_it_is_read_is_shown_anew(case: Case) -> None:
    ask = case.page()
    digest = ask("consent.start")["source"]["digest"]
    case.file.write_text(AGENT + "import os\n")
    answer = ask("consent.approve", digest=digest)
    assert answer["done"] is False
    assert answer["state"]["source"]["digest"] == read(case.file).digest
    assert ask("consent.file", name="agent.py")["text"].endswith("import os\n")
    case.file.unlink()
    gone = ask("consent.approve", digest=answer["state"]["source"]["digest"])
    assert gone["state"]["source"] is None
    assert gone["state"]["problem"]["code"] == "code_unreadable"
    assert case.consents.problem(case.file) is not None
    assert case.house.app.names() == []


def test_what_has_changed_is_marked_by_file(case: Case) -> None:
    case.file.write_text("import near, gone\n" + AGENT)
    near, gone = (case.file.with_name(f"{name}.py") for name in ("near", "gone"))
    near.write_text("a = 1")
    gone.write_text("")
    case.consents.give(read(case.file))
    near.write_text("a = 2\nimport fresh")
    near.with_name("fresh.py").write_text("")
    gone.unlink()
    source = case.page()("consent.start")["source"]
    assert source["state"] == "changed"
    assert source["files"] == [
        {"name": "agent.py", "mark": ""},
        {"name": "near.py", "mark": "changed"},
        {"name": "fresh.py", "mark": "new"},
    ]
    assert source["gone"] == ["gone.py"]


def test_a_long_file_comes_in_pieces_and_whole(case: Case) -> None:
    text = AGENT + "# é\n" * 40_000
    case.file.write_text(text, encoding="utf-8")
    ask = case.page()
    ask("consent.start")
    whole, offset = "", 0
    while True:
        piece = ask("consent.file", name="agent.py", offset=offset)
        assert len(piece["text"]) <= PIECE
        assert piece["total"] == len(text)
        whole += piece["text"]
        if piece["next"] is None:
            break
        offset = piece["next"]
    assert whole == text
    with pytest.raises(BadParams):
        ask("consent.file", name="../settings.json")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"def f(:", "is not valid Python; error in line 1"),
        (b"\x00\x01", "is not valid Python"),
        (b"#" * 1_000_001, "larger than"),
        (None, "No such file"),
    ],
    ids=["syntax", "zeros", "too large", "gone"],
)
def test_what_can_not_be_read_is_a_sentence_and_another_file_can_be_chosen(
    case: Case, content: bytes | None, words: str
) -> None:
    if content is None:
        case.file.unlink()
    else:
        case.file.write_bytes(content)
    ask = case.page()
    told = ask("consent.start")
    assert told["source"] is None
    assert words.lower() in told["problem"]["message"].lower()
    assert told["agent"]["can_choose"]
    other = case.file.with_name("other.py")
    other.write_text(AGENT)
    case.house.app.file = str(other)
    told = ask("consent.choose_file")
    assert (told["path"], told["source"]["state"]) == (str(other), "new")
    assert [one.file for one in case.house.settings.current.agents if isinstance(one, CodeAgent)] == [str(other)]
    assert not case.consents.given(read(other)), "to choose is not to approve"


def test_no_leads_to_the_chat_that_says_why(case: Case) -> None:
    case.page()("consent.decline")
    assert case.house.app.asked == [("show_chat", (False,)), ("close_window", ("consent",))]
    case.house.settings.replace_agent(DemoAgent(id="demo"))
    case.house.settings.update({"active_agent": "demo"})
    case.house.app.asked.clear()
    case.page()("consent.decline")
    assert case.house.app.asked == [("close_window", ("consent",))]


def test_who_only_looked_at_what_is_approved_goes_back_to_the_same_chat(case: Case) -> None:
    case.consents.give(read(case.file))
    ask = case.page()
    ask("consent.start")
    ask("consent.decline")
    assert case.house.app.asked == [("code_approved", ("mine",))]


def test_the_file_of_a_command_line_can_not_be_exchanged(make_house: Callable[..., House], tmp_path: Path) -> None:
    file = tmp_path / "agent.py"
    file.write_text(AGENT)
    agent = {"kind": "code", "id": "mine", "file": str(file)}
    house = make_house(command_line={"agents": [agent], "active_agent": "mine"})
    ask = Asked(ConsentPage(house.services, "mine").page(), house.texts)
    assert not ask("consent.start")["agent"]["can_choose"]
    with pytest.raises(SettingsInvalid):
        ask("consent.choose_file")


def test_whose_key_it_gets_is_said_and_no_key_is(case: Case) -> None:
    ask = case.page()
    assert ask("consent.start")["endpoint"].startswith("127.0.0.1")
    case.house.settings.update({"endpoints": [{"id": "local", "base_url": "http://127.0.0.1:11434"}]})
    case.put(CodeAgent(id="mine", name="Mine", file=str(case.file), endpoint="local"))
    assert ask("consent.look")["endpoint"] == ""


def test_checklist_28_the_mcp_servers_that_it_may_use_are_named(case: Case) -> None:
    ask = case.page()
    assert ask("consent.start")["servers"] == []
    servers = [{"id": name, "name": shown, "transport": "stdio", "command": name} for name, shown in _SERVERS]
    case.house.settings.update({"mcp_servers": servers})
    case.put(CodeAgent(id="mine", name="Mine", file=str(case.file), mcp_servers=["notes", "bare", "gone"]))
    assert ask("consent.look")["servers"] == ["My notes", "bare"]


def test_checklist_03_the_page_runs_nothing_remote(case: Case) -> None:
    page = ConsentPage(case.house.services, "mine").page()
    assert page.sources == Sources()
    assert not {"consent.approve", "consent.start"} & set(AgentsPage(case.house.services).page().methods)


# --- packages -------------------------------------------------------------------------------------


def test_missing_packages_are_installed_while_pip_is_heard(case: Case) -> None:
    case.file.write_text("import youtube_transcript_api\n" + AGENT)
    case.put(CodeAgent(id="mine", file=str(case.file), packages=["quiet-of-mars>=2"]))
    asked: list[Any] = []

    def install(wanted: list[str], place: Path, *, on_line: Callable[[str], None], **_: Any) -> None:
        asked.append(wanted)
        on_line("Collecting youtube-transcript-api")
        place.mkdir(parents=True)
        (place / "youtube_transcript_api.py").write_text("")

    ask = case.page(packages=["later-of-mars"], install=install)
    wanted = ["quiet-of-mars>=2", "later-of-mars", "youtube-transcript-api"]
    assert ask("consent.start")["source"]["missing"] == wanted
    assert ask("consent.install") == {"started": True}
    wait(lambda: case.told("consent.installed"))
    assert asked == [wanted]
    assert case.told("consent.line") == [{"line": "Collecting youtube-transcript-api"}]
    assert case.told("consent.installed") == [{"error": None, "missing": ["quiet-of-mars>=2", "later-of-mars"]}]


def test_an_installation_that_fails_is_a_sentence_and_one_that_is_stopped_is_none(case: Case) -> None:
    case.file.write_text("import youtube_transcript_api\n" + AGENT)
    begun = Event()

    def fails(wanted: list[str], _place: Path, *, file: str, **_: Any) -> None:
        raise PackagesNotInstalled(file=file, packages=wanted[0], problem="no network")

    def waits(_wanted: list[str], _place: Path, *, cancel: Event, **_: Any) -> None:
        begun.set()
        assert cancel.wait(60)
        raise PackagesNotInstalled(file="", packages="", problem="stopped")

    ask = case.page(install=fails)
    ask("consent.start")
    ask("consent.install")
    wait(lambda: case.told("consent.installed"))
    assert "packages_installed" not in case.house.app.names()
    assert "youtube-transcript-api could not be installed" in case.told("consent.installed")[0]["error"]["message"]

    page = ConsentPage(case.house.services, "mine", install=waits).page()
    ask = Asked(page, case.house.texts)
    ask("consent.start")
    ask("consent.install")
    assert begun.wait(60)
    assert ask("consent.install") == {"started": False}
    assert ask("consent.look")["source"]["installing"]
    ask("consent.cancel")
    wait(lambda: len(case.told("consent.installed")) == 2)
    assert case.told("consent.installed")[1] == {"error": None, "missing": ["youtube-transcript-api"]}
    ask("consent.install")
    page.on_gone()  # the window was closed: pip ends, and nobody is told
    wait(lambda: not ask("consent.look")["source"]["installing"])
    assert len(case.told("consent.installed")) == 2


def wait(condition: Callable[[], object]) -> None:
    never = Event()
    for _ in range(6_000):
        if condition():
            return
        never.wait(0.01)
    raise AssertionError("not within a minute")


# --- the page for agents --------------------------------------------------------------------------


def test_the_page_for_agents_says_how_the_file_stands_and_takes_the_yes_back(case: Case) -> None:
    ask = Asked(AgentsPage(case.house.services).page(), case.house.texts)
    assert ask("agents.code_state", id="mine")["state"] == "new"
    case.consents.give(read(case.file))
    assert ask("agents.code_state", id="mine")["state"] == "approved"
    case.file.write_text("import youtube_transcript_api\n" + AGENT)
    state = ask("agents.code_state", id="mine")
    assert (state["state"], state["missing"]) == ("changed", ["youtube-transcript-api"])
    case.consents.give(read(case.file))
    assert ask("agents.code_revoke", id="mine")["state"] == "new"
    assert not case.consents.given(read(case.file))
    case.file.unlink()
    assert ask("agents.code_state", id="mine")["state"] == "unreadable"
    ask("agents.code_look", id="mine")
    assert case.house.app.asked == [("show_consent", ("mine",))]
    with pytest.raises(AgentNotSet):
        ask("agents.code_look", id="other")


def test_what_is_typed_of_a_code_agent_is_saved_or_refused_at_its_field(case: Case) -> None:
    ask = Asked(AgentsPage(case.house.services).page(), case.house.texts)
    fields = ask("agents.get", id="mine")["fields"]
    assert fields["agent.file"]["value"] == str(case.file)
    assert fields["agent.endpoint"]["value"] == "openai"
    ask("agents.save", id="mine", changes={"agent.packages": "pandas>=2,<3\n\nrequests "})
    assert case.house.app.asked == []
    agent = case.house.settings.current.agents[-1]
    assert isinstance(agent, CodeAgent)
    assert agent.packages == ["pandas>=2,<3", "requests"]
    for name, value in (("agent.packages", "--index-url=http://x"), ("agent.file", "agent.py"), ("agent.file", "")):
        with pytest.raises(SettingsInvalid) as refused:
            ask("agents.save", id="mine", changes={name: value})
        assert refused.value.field == name
    other = str(case.file.with_name("other.py"))
    case.house.app.file = other
    assert ask("agents.code_choose", id="mine")["fields"]["agent.file"]["value"] == other
    assert case.house.app.names() == ["pick_file", "reload_chat"], "the active agent's chat asks before it runs"
    case.house.app.file = None
    assert ask("agents.code_choose", id="mine") is None
    assert json.loads(case.house.on_disk())["agents"][0]["file"] == other
