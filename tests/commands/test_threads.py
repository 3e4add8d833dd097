"""`threads` from a terminal: what it prints, what it writes, what it asks before it deletes."""

from __future__ import annotations

import argparse
import io
import json
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop.commands import threads
from desktop.errors import AppError, KeyMissing
from desktop.openai_api.client import ApiClient, Endpoint
from desktop.settings.locations import Locations
from desktop.settings.model import Settings, WorkflowAgent
from desktop.texts import Catalogue
from tests.standins.api import KEY, WORKFLOW, ApiStandIn

USER = "user-0001"


class Terminal(io.StringIO):
    """Standard error of a person who sits at a terminal."""

    def isatty(self) -> bool:
        return True


class Desk:
    """A small context: real settings, real texts, a real client; it keeps what was said."""

    def __init__(self, api: ApiStandIn, folder: Path, language: str = "en") -> None:
        self.json = False
        self.texts = Catalogue(language)
        self.settings = Settings(agents=[WorkflowAgent(workflow_id=WORKFLOW)], user_ids={"workflow": USER})
        self.locations = Locations(folder)
        self.key: str | None = KEY
        self.out: list[str] = []
        self.failed: list[AppError] = []
        self._api = api

    def client(self) -> ApiClient:
        if self.key is None:
            raise KeyMissing(origin=self._api.base)
        return ApiClient(Endpoint(self._api.base, timeout=10), self.key, sleep=lambda _: None)

    def print(self, text: str = "") -> None:
        self.out.append(text)

    def print_json(self, value: Any) -> None:
        self.out.append(json.dumps(value))

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


def test_list_shows_this_profiles_chats_newest_first(api: ApiStandIn, desk: Desk) -> None:
    old = api.world.add_thread(USER, "Old", created_at=1_760_000_000)
    new = api.world.add_thread(USER, None, created_at=1_770_000_000)
    api.world.add_thread("somebody", "Private")
    assert call(desk, "list") == 0
    assert [line.split()[0] for line in desk.out] == [new, old]
    assert desk.out[0].endswith("Untitled chat")
    assert desk.out[1].endswith("Old")
    desk.out.clear()
    assert call(desk, "list", "--all-users") == 0
    assert len(desk.out) == 3


def test_list_as_json_is_one_object_with_everything(api: ApiStandIn, desk: Desk) -> None:
    made = api.world.add_thread(USER, "é \x1b[31m")
    assert call(desk, "list", "--json") == 0
    assert only(desk) == {"ok": True, "threads": [api.world.threads[made]]}


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
def test_since_and_limit_narrow_the_list(api: ApiStandIn, desk: Desk) -> None:
    for number in range(5):
        api.world.add_thread(USER, f"T{number}", created_at=1_760_000_000 + number * 86_400)
    call(desk, "list", "--limit", "2")
    assert len(desk.out) == 2
    desk.out.clear()
    call(desk, "list", "--since", "2025-10-12")
    assert [line.split()[-1] for line in desk.out] == ["T4", "T3"]


@pytest.mark.parametrize(
    "words",
    [("--since", "yesterday"), ("--since", "2025-13-01"), ("--limit", "0"), ("--limit", "-1"), ("--limit", "many")],
)
@pytest.mark.parametrize("action", ["list", "archive"])
@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_wrong_value_is_wrong_usage_and_asks_nothing(
    api: ApiStandIn, tmp_path: Path, action: str, words: tuple[str, str], language: str
) -> None:
    desk = Desk(api, tmp_path, language)
    assert call(desk, action, *words) == 2
    assert words[1] in str(desk.failed[0].values["problem"])
    assert api.requests == []


def test_before_the_first_chat_nothing_is_asked(api: ApiStandIn, desk: Desk) -> None:
    api.world.add_thread("somebody", "Private")
    desk.settings.user_ids.clear()
    assert call(desk, "list") == 0
    assert call(desk, "archive") == 0
    assert desk.out == ["No chats.", "No chats."]
    assert api.requests == []


def test_without_agent_or_key_it_says_so(desk: Desk) -> None:
    desk.key = None
    assert call(desk, "list") == 1
    desk.settings.agents.clear()
    assert call(desk, "list") == 1
    assert [error.code for error in desk.failed] == ["key_missing", "agent_not_set"]


def test_the_options_for_all_commands_are_taken_after_the_actions_name_too() -> None:
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--profile")
    parser = argparse.ArgumentParser(parents=[common])
    threads.arguments(parser, Catalogue("en"))
    assert parser.parse_args(["list", "--profile", "x"]).profile == "x"
    assert parser.parse_args(["--profile", "x", "list"]).profile == "x"


# --- export -----------------------------------------------------------------------------------


def test_export_goes_to_the_screen_a_file_or_a_folder(api: ApiStandIn, desk: Desk, tmp_path: Path) -> None:
    first, second = (api.world.add_thread(USER, title, messages=2) for title in ("One", "Two"))
    assert call(desk, "export", first) == 0
    assert json.loads(desk.out[0])["items"] == api.world.items[first]
    desk.out.clear()
    assert call(desk, "export", first, second, "--format", "md") == 0
    assert "# One" in desk.out[0]
    assert "# Two" in desk.out[0]
    assert call(desk, "export", first, "--out", str(tmp_path / "one.json")) == 0
    assert json.loads((tmp_path / "one.json").read_bytes())["thread"]["title"] == "One"
    assert call(desk, "export", first, second, "--format", "md", "--out", str(tmp_path / "new" / "deep")) == 0
    assert len(list((tmp_path / "new" / "deep").glob("*.md"))) == 2


@pytest.mark.skipif(os.name != "posix", reason="modes are a matter of POSIX")
def test_an_exported_chat_is_private_and_a_folder_of_the_persons_keeps_its_mode(
    api: ApiStandIn, desk: Desk, tmp_path: Path
) -> None:
    made = api.world.add_thread(USER, "One")
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    call(desk, "export", made, "--out", str(shared))
    assert stat.S_IMODE(shared.stat().st_mode) == 0o755
    assert [stat.S_IMODE(path.stat().st_mode) for path in shared.iterdir()] == [0o600]


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
    assert api.requests == []


def test_export_as_json_prints_one_object(api: ApiStandIn, desk: Desk, tmp_path: Path) -> None:
    made = api.world.add_thread(USER, "One")
    assert call(desk, "export", made, "--json") == 0
    assert only(desk)["threads"][0]["thread"]["id"] == made
    desk.out.clear()
    assert call(desk, "export", made, "--json", "--out", str(tmp_path / "x.json")) == 0
    assert only(desk) == {"ok": True, "exported": [{"id": made, "path": str(tmp_path / "x.json")}]}
    desk.out.clear()
    assert call(desk, "export", "cthr_missing", "--json") == 1
    assert only(desk)["error"]["code"] == "thread_not_found"


# --- archive ----------------------------------------------------------------------------------


def test_archive_copies_to_the_profiles_folder_or_where_told(api: ApiStandIn, desk: Desk, tmp_path: Path) -> None:
    api.world.add_thread(USER, "One", messages=2)
    assert call(desk, "archive") == 0
    assert len(list(desk.locations.archive.iterdir())) == 2
    assert desk.out == [f"1 chats written, 0 unchanged, in {desk.locations.archive}"]
    desk.out.clear()
    assert call(desk, "archive", "--out", str(tmp_path / "other"), "--json") == 0
    assert only(desk) == {
        "ok": True, "folder": str(tmp_path / "other"), "total": 1, "written": 1, "unchanged": 0, "vanished": 0,
        "failed": 0, "cancelled": False, "error": None,
    }  # fmt: skip


def test_archive_shows_its_progress_on_a_terminal_only(api: ApiStandIn, desk: Desk) -> None:
    api.world.add_thread(USER, "One\x1b[31m", messages=2)
    shown = Terminal()
    call(desk, "archive", stderr=shown)
    assert "0 of 1: One" in shown.getvalue()
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


# --- delete -----------------------------------------------------------------------------------


def test_delete_asks_for_a_typed_word_and_says_that_it_is_at_openai(api: ApiStandIn, desk: Desk) -> None:
    made = api.world.add_thread(USER, "One")
    shown = io.StringIO()
    assert call(desk, "delete", made, typed="delete\n", stderr=shown) == 0
    assert made not in api.world.threads
    assert "OpenAI" in shown.getvalue()
    assert "One" in shown.getvalue()
    assert desk.out == ["Deleted at OpenAI: One"]


@pytest.mark.parametrize("typed", ["", "\n", "y\n", "yes\n", "delet\n"])
def test_delete_without_the_word_deletes_nothing(api: ApiStandIn, desk: Desk, typed: str) -> None:
    made = api.world.add_thread(USER, "One")
    assert call(desk, "delete", made, typed=typed) == 1
    assert made in api.world.threads
    assert desk.out == ["Nothing is deleted."]


def test_the_word_is_in_the_persons_language(api: ApiStandIn, tmp_path: Path) -> None:
    desk = Desk(api, tmp_path, "fr")
    made = api.world.add_thread(USER, "One")
    assert call(desk, "delete", made, typed="delete\n") == 1
    assert call(desk, "delete", made, typed="supprimer\n") == 0


def test_delete_with_yes_does_not_ask_and_names_what_failed(api: ApiStandIn, desk: Desk) -> None:
    made = api.world.add_thread(USER, "One")
    assert call(desk, "delete", made, "cthr_missing", "--yes", "--json") == 1
    answer = only(desk)
    assert (answer["ok"], answer["deleted"]) == (False, [made])
    assert [(one["id"], one["error"]["code"]) for one in answer["failed"]] == [("cthr_missing", "thread_not_found")]


def test_delete_as_json_needs_yes(api: ApiStandIn, desk: Desk) -> None:
    assert call(desk, "delete", "cthr_1", "--json") == 2
    assert only(desk)["error"]["code"] == "usage"
    assert api.requests == []
