"""`threads` from a terminal: what it prints, what it writes, what it asks before it deletes."""

from __future__ import annotations

import argparse
import io
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop.agents.chatkit.context import RequestContext
from desktop.agents.host import AgentHost
from desktop.agents.store.ids import new_id
from desktop.agents.store.stores import Stores
from desktop.commands import threads
from desktop.common.errors import AppError
from desktop.common.locations import Locations
from desktop.common.texts import Catalogue
from desktop.keys.errors import KeyMissing
from desktop.openai_api.client import ApiClient, Endpoint
from desktop.settings.agents import AssistantAgent
from desktop.settings.model import Settings, WorkflowAgent
from tests.agents.talk import Given
from tests.agents.things import said, thread
from tests.standins.api import KEY, WORKFLOW, ApiStandIn

USER = "user-0001"


class Terminal(io.StringIO):
    """Standard error of a person who sits at a terminal."""

    def isatty(self) -> bool:
        return True


class Desk:
    """A small context: real settings, real texts, a real client and real agents; it keeps what was said."""

    def __init__(self, api: ApiStandIn, folder: Path, language: str = "en") -> None:
        self.json = False
        self.texts = Catalogue(language)
        self.settings = Settings(
            agents=[WorkflowAgent(workflow_id=WORKFLOW, name="Flow"), AssistantAgent(id="assistant", name="Ada")],
            user_ids={"workflow": USER},
        )
        self.locations = Locations(folder)
        self.key: str | None = KEY
        self.out: list[str] = []
        self.warned: list[str] = []
        self.failed: list[AppError] = []
        self._api = api

    def client(self) -> ApiClient:
        if self.key is None:
            raise KeyMissing(origin=self._api.base)
        return ApiClient(Endpoint(self._api.base, timeout=10), self.key, sleep=lambda _: None)

    def agent_host(self) -> AgentHost:
        return AgentHost(Given(), self.texts, threads=self.locations.threads, attachments=self.locations.attachments)

    def chat(self, title: str, text: str, agent: str = "assistant") -> str:
        """A chat of an agent in the app; gives its id."""
        made, context = thread(new_id("thread"), title), RequestContext(agent, "user")

        async def fill(stores: Stores) -> None:
            await stores.threads.save_thread(made, context)
            await stores.threads.add_thread_item(made.id, said(text), context)

        host = self.agent_host()
        host.call(fill)
        host.close(limit=10.0)
        return made.id

    def print(self, text: str = "") -> None:
        self.out.append(text)

    def print_data(self, text: str) -> None:
        self.print(text)

    def print_json(self, value: Any) -> None:
        self.out.append(json.dumps(value))

    def warn(self, text: str) -> None:
        self.warned.append(text)

    def fail(self, error: AppError) -> int:
        self.failed.append(error)
        assert error.describe(self.texts)["message"]
        if self.json:
            self.print_json({"ok": False, "error": error.describe(self.texts)})
        return error.exit_code


@pytest.fixture
def api() -> Iterator[ApiStandIn]:
    with ApiStandIn() as standin:
        yield standin


@pytest.fixture
def desk(api: ApiStandIn, tmp_path: Path) -> Desk:
    return Desk(api, tmp_path / "profile")


def call(desk: Desk, *words: str, typed: str = "", stderr: io.StringIO | None = None) -> int:
    parser = argparse.ArgumentParser()
    threads.arguments(parser, desk.texts)
    args = parser.parse_args(words)
    desk.json = getattr(args, "json", False)
    return threads.run(desk, args, stdin=io.StringIO(typed), stderr=stderr or io.StringIO())


def only(desk: Desk) -> Any:
    """What `--json` printed: exactly one object."""
    assert len(desk.out) == 1
    return json.loads(desk.out[0])


# --- list and search --------------------------------------------------------------------------


def test_list_shows_all_chats_of_the_profile_newest_first_and_where_they_are(api: ApiStandIn, desk: Desk) -> None:
    old = api.world.add_thread(USER, "Old", created_at=1_760_000_000)
    new = api.world.add_thread(USER, None, created_at=1_770_000_000)
    api.world.add_thread("somebody", "Private")
    mine = desk.chat("Ours", "hello")
    assert call(desk, "archive", "--since", "2026-01-01") == 0
    desk.out.clear()
    assert call(desk, "list") == 0
    assert [line.split()[0] for line in desk.out] == [mine, new, old]
    assert desk.out[0].endswith("in the app  Ada  Ours")
    assert desk.out[1].endswith("archived  Flow  Untitled chat")
    assert desk.out[2].endswith("at OpenAI  Flow  Old")


def test_list_as_json_is_one_object(api: ApiStandIn, desk: Desk) -> None:
    made = api.world.add_thread(USER, "é \x1b[31m", created_at=1_760_000_000)
    assert call(desk, "list", "--json") == 0
    told = only(desk)
    assert (told["ok"], told["error"]) == (True, None)
    assert told["threads"] == [
        {
            "id": made, "thread_id": made, "where": "hosted", "server": "",
            "agent": {"id": "workflow", "name": "Flow"}, "title": "é \x1b[31m",
            "created_at": "2025-10-09T08:53:20Z", "updated_at": "2025-10-09T08:53:20Z", "items": None, "user": USER,
            "copied_at": None, "gone": False, "read_only": True,
        }
    ]  # fmt: skip


def test_a_title_cannot_play_with_the_terminal(api: ApiStandIn, desk: Desk) -> None:
    api.world.add_thread(USER, "a\x1b[2Jb\r\nc\u202ed")
    call(desk, "list")
    assert len(desk.out) == 1
    assert desk.out[0].isprintable()


@pytest.fixture
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    if hasattr(time, "tzset"):
        time.tzset()
    yield
    monkeypatch.undo()
    if hasattr(time, "tzset"):
        time.tzset()


@pytest.mark.usefixtures("_utc")
def test_since_limit_agent_and_local_narrow_the_list(api: ApiStandIn, desk: Desk) -> None:
    for number in range(5):
        api.world.add_thread(USER, f"T{number}", created_at=1_760_000_000 + number * 86_400)
    desk.chat("Ours", "hello")

    def titles(*words: str) -> list[str]:
        desk.out.clear()
        assert call(desk, "list", *words) == 0
        return [line.split()[-1] for line in desk.out]

    assert titles("--limit", "2") == ["Ours", "T4"]
    assert titles("--since", "2025-10-12") == ["Ours", "T4", "T3"]
    assert titles("--agent", "assistant") == titles("--agent", "ADA") == titles("--local") == ["Ours"]
    assert titles("--agent", "Flow", "--limit", "1") == ["T4"]
    assert titles("--agent", "some/file.py") == ["chats."]


def test_an_agent_that_is_not_there_is_wrong_usage_unless_it_left_chats(desk: Desk) -> None:
    desk.chat("Old", "hello", agent="removed")
    assert call(desk, "list", "--agent", "removed", "--local") == 0
    assert call(desk, "list", "--agent", "nobody", "--local") == 2
    assert "assistant" in str(desk.failed[0].values["problem"])


@pytest.mark.parametrize(
    "words",
    [("--since", "yesterday"), ("--since", "2025-13-01"), ("--limit", "0"), ("--limit", "-1"), ("--limit", "many")],
)
@pytest.mark.parametrize("action", [("list",), ("archive",), ("search", "x"), ("export", "--all", "--out", "x")])
def test_a_wrong_value_is_wrong_usage_and_asks_nothing(
    api: ApiStandIn, desk: Desk, action: tuple[str, ...], words: tuple[str, str]
) -> None:
    assert call(desk, *action, *words) == 2
    assert words[1] in str(desk.failed[0].values["problem"])
    assert api.requests == []


def test_before_the_first_chat_nothing_is_asked(api: ApiStandIn, desk: Desk) -> None:
    api.world.add_thread("somebody", "Private")
    desk.settings.user_ids.clear()
    assert call(desk, "list") == 0
    assert call(desk, "archive") == 0
    assert desk.out == ["No chats.", "No chats."]
    assert api.requests == []
    assert not desk.locations.folder.exists()


def test_without_a_key_what_is_here_is_listed_and_the_rest_named(api: ApiStandIn, desk: Desk) -> None:
    mine = desk.chat("Ours", "hello")
    desk.key = None
    assert call(desk, "list") == 1
    assert [line.split()[0] for line in desk.out] == [mine]
    assert [error.code for error in desk.failed] == ["key_missing"]
    desk.out.clear()
    assert call(desk, "list", "--json") == 1
    told = only(desk)
    assert (told["ok"], told["error"]["code"], len(told["threads"])) == (False, "key_missing", 1)
    assert call(desk, "list", "--local") == 0


def test_a_key_without_access_is_a_sentence(api: ApiStandIn, desk: Desk) -> None:
    api.world.add_thread(USER, "One")
    api.fail("key_restricted")
    for words in (("list",), ("archive",), ("export", "cthr_1")):
        assert call(desk, *words) == 1
    assert [error.code for error in desk.failed] == ["key_restricted"] * 3


def test_search_finds_words_and_shows_the_passage(api: ApiStandIn, desk: Desk) -> None:
    mine = desk.chat("Ours", "a zebra crossed\nthe street")
    made = api.world.add_thread(USER, "Zebras")
    assert call(desk, "search", "zeb") == 0
    assert [desk.out[0].split()[0], desk.out[1].split()[0], desk.out[2]] == [
        made, mine, "    a zebra crossed the street",
    ]  # fmt: skip
    desk.out.clear()
    assert call(desk, "search", "the", "street", "--json") == 0
    assert [one["chat"]["id"] for one in only(desk)["threads"]] == [mine]
    desk.out.clear()
    assert call(desk, "search", "nothing such") == 0
    assert desk.out == ["No chats."]


def test_the_options_for_all_commands_are_taken_after_the_actions_name_too() -> None:
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--profile")
    common.add_argument("--agent")
    common.add_argument("--json", action="store_true")
    parser = argparse.ArgumentParser(parents=[common])
    threads.arguments(parser, Catalogue("en"))
    assert parser.parse_args(["list", "--profile", "x"]).profile == "x"
    assert parser.parse_args(["--profile", "x", "list"]).profile == "x"
    for words in (["list", "--agent", "x", "--json"], ["--agent", "x", "--json", "list"]):
        args = parser.parse_args(words)
        assert (args.agent, args.json) == ("x", True)


# --- export -----------------------------------------------------------------------------------


def test_export_goes_to_the_screen_a_file_or_a_folder(api: ApiStandIn, desk: Desk, tmp_path: Path) -> None:
    first, second = (api.world.add_thread(USER, title, messages=2) for title in ("One", "Two"))
    mine = desk.chat("Ours", "hello")
    assert call(desk, "export", first) == 0
    assert [item["raw"] for item in json.loads(desk.out[0])["items"]] == api.world.items[first]
    desk.out.clear()
    assert call(desk, "export", first, mine, "--format", "md") == 0
    assert desk.out[0].startswith("# One")
    assert desk.out[1].startswith("# Ours")
    assert call(desk, "export", first, "--out", str(tmp_path / "one.html"), "--format", "html") == 0
    assert "<h1" in (tmp_path / "one.html").read_text("utf-8")
    assert call(desk, "export", first, second, "--format", "md", "--out", str(tmp_path / "new" / "deep")) == 0
    assert len(list((tmp_path / "new" / "deep").glob("*.md"))) == 2


def test_export_all_writes_what_is_chosen(api: ApiStandIn, desk: Desk, tmp_path: Path) -> None:
    for number in range(3):
        api.world.add_thread(USER, f"Chat {number}", messages=2)
    desk.chat("Ours", "hello")
    out = tmp_path / "out"
    assert call(desk, "export", "--all", "--out", str(out), "--format", "html") == 0
    assert desk.out == [f"4 chats written, 0 unchanged, in {out}"]
    desk.out.clear()
    assert call(desk, "export", "--all", "--agent", "Ada", "--out", str(tmp_path / "ada"), "--json") == 0
    told = only(desk)
    assert (told["ok"], told["total"], told["written"], len(told["exported"])) == (True, 1, 1, 1)


@pytest.mark.parametrize(
    "words", [("export",), ("export", "--all"), ("export", "--all", "cthr_1", "--out", "x"), ("export", "a", "--all")]
)
def test_ids_or_all_of_them_into_a_folder(api: ApiStandIn, desk: Desk, words: tuple[str, ...]) -> None:
    assert call(desk, *words) == 2
    assert api.requests == []


def test_export_replaces_a_file_only_when_told(api: ApiStandIn, desk: Desk, tmp_path: Path) -> None:
    made = api.world.add_thread(USER, "One")
    path = tmp_path / "one.json"
    path.write_text("mine")
    assert call(desk, "export", made, "--out", str(path)) == 1
    assert desk.failed[0].code == "file_exists"
    assert path.read_text() == "mine"
    assert call(desk, "export", made, "--out", str(path), "--force") == 0
    assert path.read_text() != "mine"


def test_export_of_several_chats_into_a_file_is_wrong_usage(api: ApiStandIn, desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("mine")
    assert call(desk, "export", "cthr_1", "cthr_2", "--out", str(path)) == 2
    assert call(desk, "archive", "--out", str(path)) == 2
    assert api.requests == []


def test_an_unknown_id_among_others_writes_nothing(api: ApiStandIn, desk: Desk, tmp_path: Path) -> None:
    made = api.world.add_thread(USER, "One")
    assert call(desk, "export", made, "cthr_missing", "--out", str(tmp_path / "out")) == 1
    assert desk.failed[0].code == "thread_not_found"
    assert not (tmp_path / "out").exists()


def test_export_as_json_prints_one_object(api: ApiStandIn, desk: Desk, tmp_path: Path) -> None:
    made = api.world.add_thread(USER, "One")
    assert call(desk, "export", made, "--json") == 0
    assert only(desk)["threads"][0]["thread"]["id"] == made
    desk.out.clear()
    assert call(desk, "export", made, "--json", "--out", str(tmp_path / "x.json")) == 0
    told = only(desk)
    assert (told["ok"], told["exported"]) == (True, [{"id": made, "path": str(tmp_path / "x.json")}])
    desk.out.clear()
    assert call(desk, "export", "cthr_missing", "--json") == 1
    assert only(desk)["error"]["code"] == "thread_not_found"


# --- archive ----------------------------------------------------------------------------------


def test_archive_copies_to_this_computer_and_to_a_folder_where_told(
    api: ApiStandIn, desk: Desk, tmp_path: Path
) -> None:
    api.world.add_thread(USER, "One", messages=2)
    assert call(desk, "archive") == 0
    assert desk.out[0].startswith("1 chat copied, 0 unchanged.")
    assert desk.locations.copies.exists()
    desk.out.clear()
    assert call(desk, "archive", "--out", str(tmp_path / "other"), "--format", "md", "--json") == 0
    told = only(desk)
    assert told["exported"]["written"] == 1
    del told["exported"]
    assert told == {
        "ok": True, "total": 1, "written": 0, "unchanged": 1, "vanished": 0, "failed": 0, "cancelled": False,
        "error": None,
    }  # fmt: skip
    assert len(list((tmp_path / "other").glob("*.md"))) == 1


def test_archive_shows_its_progress_on_a_terminal_only(api: ApiStandIn, desk: Desk) -> None:
    api.world.add_thread(USER, "One\x1b[31m", messages=2)
    shown = Terminal()
    call(desk, "archive", stderr=shown)
    assert "[--------------------] 0 of 1 · One" in shown.getvalue()
    assert "[####################] 1 of 1" in shown.getvalue()
    assert "\x1b[31m" not in shown.getvalue()
    piped, quiet = io.StringIO(), Terminal()
    call(desk, "archive", stderr=piped)
    call(desk, "archive", "--json", stderr=quiet)
    assert piped.getvalue() == quiet.getvalue() == ""


def test_archive_that_fails_says_why_and_ends_with_1(api: ApiStandIn, desk: Desk) -> None:
    api.world.add_thread(USER, "One", messages=2)
    api.fail("key_rejected", on="/items")
    assert call(desk, "archive") == 1
    assert desk.failed[0].code == "key_rejected"
    desk.out.clear()
    assert call(desk, "archive", "--json") == 1
    assert only(desk)["error"]["code"] == "key_rejected"


def test_archive_without_a_hosted_agent_says_so(desk: Desk) -> None:
    desk.settings.agents.clear()
    assert call(desk, "archive") == 1
    assert desk.failed[0].code == "agent_not_set"


@pytest.mark.parametrize(("typed", "archived"), [("3\n", True), ("", False), ("y\n", False), ("4\n", False)])
def test_everybodys_chats_are_archived_only_after_the_number_of_users_was_typed(
    api: ApiStandIn, desk: Desk, typed: str, archived: bool
) -> None:
    for user in (USER, USER, "two", "three"):
        api.world.add_thread(user, f"Of {user}", messages=1)
    shown = io.StringIO()
    assert call(desk, "archive", "--all-users", typed=typed, stderr=shown) == (0 if archived else 1)
    assert "4 chats of 3 users" in shown.getvalue()
    assert "other people’s chats" in shown.getvalue()
    assert desk.locations.copies.exists() is archived
    desk.out.clear()
    if archived:
        assert call(desk, "list", "--local") == 0
        assert len(desk.out) == 2, "other people's chats are not among this person's"
        desk.out.clear()
        assert call(desk, "list", "--local", "--all-users") == 0
        assert len(desk.out) == 4


@pytest.mark.skipif(os.name != "posix", reason="a signal is sent")
@pytest.mark.parametrize("words", [("archive",), ("archive", "--all-users"), ("archive", "--json")])
def test_ctrl_c_ends_a_long_job_in_order(api: ApiStandIn, desk: Desk, words: tuple[str, ...]) -> None:
    for number in range(5):
        api.world.add_thread(USER, f"Chat {number}", messages=1)
    api.fail("slow", seconds=0.3)

    def interrupt() -> None:
        while not api.requests:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)
        api.heal()

    threading.Thread(target=interrupt, daemon=True).start()
    assert call(desk, *words) == 1
    if "--json" in words:
        assert only(desk)["cancelled"] is True
    else:
        assert desk.out == ["Stopped. What was written is kept; the next run continues from there."]
    assert desk.failed == []
    desk.out.clear()
    assert call(desk, "archive") == 0


# --- delete -----------------------------------------------------------------------------------


def test_delete_asks_for_a_typed_word_and_says_where(api: ApiStandIn, desk: Desk) -> None:
    mine = desk.chat("Ours", "hello")
    shown = io.StringIO()
    assert call(desk, "delete", mine, typed="delete\n", stderr=shown) == 0
    assert "from this computer" in shown.getvalue()
    assert "Ours" in shown.getvalue()
    assert desk.out == ["Deleted on this computer: Ours"]
    assert call(desk, "delete", mine, "--yes") == 1


def test_hosted_chats_are_deleted_at_openai_only_when_that_is_said(api: ApiStandIn, desk: Desk) -> None:
    made = api.world.add_thread(USER, "One", messages=1)
    assert call(desk, "delete", made, "--yes") == 1
    assert desk.failed[0].code == "chat_at_openai"
    call(desk, "archive")
    desk.out.clear()
    shown = io.StringIO()
    assert call(desk, "delete", made, "--hosted", typed="delete\n", stderr=shown) == 0
    assert made not in api.world.threads
    assert "OpenAI" in shown.getvalue()
    assert desk.out == ["Deleted at OpenAI: One"]
    desk.out.clear()
    assert call(desk, "list") == 0
    assert "archived" in desk.out[0]
    assert call(desk, "delete", made, "--yes") == 0
    assert call(desk, "delete", desk.chat("Ours", "x"), "--hosted", "--yes") == 2
    assert "is not there" in desk.failed[-1].describe(desk.texts)["message"]


@pytest.mark.parametrize("typed", ["", "\n", "y\n", "yes\n", "delet\n"])
def test_delete_without_the_word_deletes_nothing(api: ApiStandIn, desk: Desk, typed: str) -> None:
    made = api.world.add_thread(USER, "One")
    assert call(desk, "delete", made, "--hosted", typed=typed) == 1
    assert made in api.world.threads
    assert desk.out == ["Nothing was deleted."]


def test_the_word_is_in_the_persons_language(api: ApiStandIn, tmp_path: Path) -> None:
    desk = Desk(api, tmp_path / "profile", "fr")
    made = api.world.add_thread(USER, "One")
    assert call(desk, "delete", made, "--hosted", typed="delete\n") == 1
    assert call(desk, "delete", made, "--hosted", typed="supprimer\n") == 0


def test_delete_with_yes_does_not_ask_and_names_what_failed(api: ApiStandIn, desk: Desk) -> None:
    made = api.world.add_thread(USER, "One")
    assert call(desk, "delete", made, "cthr_missing", "--hosted", "--yes", "--json") == 1
    answer = only(desk)
    assert (answer["ok"], answer["deleted"]) == (False, [made])
    assert [(one["id"], one["error"]["code"]) for one in answer["failed"]] == [("cthr_missing", "thread_not_found")]


def test_delete_as_json_needs_yes(api: ApiStandIn, desk: Desk) -> None:
    assert call(desk, "delete", "cthr_1", "--json") == 2
    assert only(desk)["error"]["code"] == "usage"
    assert api.requests == []
