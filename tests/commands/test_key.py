"""`key set|status|remove` in a terminal."""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from desktop.app.context import Context
from desktop.commands import key as command
from desktop.common.errors import UsageError
from desktop.keys import Keys, MemoryStore
from desktop.keys.errors import KeyringMissing
from desktop.settings.state import State

KEY = "sk-proj-Typ3dAtTheTerminal_0123456789"
ORIGIN = "https://api.openai.com"


class Screen:
    """What the person sees of one run."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err


Run = Callable[..., Screen]


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def run(tmp_path: Path, store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("LANG", "en_US.UTF-8")

    def go(*words: str, typed: str = "", keys: Keys | None = None, environ: dict[str, str] | None = None) -> Screen:
        parser = argparse.ArgumentParser()
        parser.add_argument("--json", action="store_true")
        command.arguments(parser)
        args = parser.parse_args([*words])
        args.data_dir = str(tmp_path)
        out, err = io.StringIO(), io.StringIO()
        context = Context(args, environ=environ or {}, out=out, err=err)
        context.keys = keys or Keys("default", "test", store)
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        code = command.run(context, args)
        return Screen(code, out.getvalue(), err.getvalue())

    return go


def test_a_key_from_standard_input_is_kept_for_the_origin_in_effect(run: Run, store: MemoryStore) -> None:
    screen = run("set", typed=f"OPENAI_API_KEY='{KEY}'\n")
    assert screen.code == 0
    assert store.get(f"default|{ORIGIN}") == KEY
    assert ORIGIN in screen.out
    assert KEY not in screen.out + screen.err


def test_checklist_31_the_key_is_kept_for_the_address_of_the_environment(run: Run, store: MemoryStore) -> None:
    run("set", typed=KEY, environ={"CHATKIT_API_BASE": "http://localhost:4000/v1"})
    assert store.get("default|http://localhost:4000") == KEY
    assert store.get(f"default|{ORIGIN}") is None


def test_a_key_is_never_taken_from_an_argument() -> None:
    parser = argparse.ArgumentParser(exit_on_error=False)
    command.arguments(parser)
    with pytest.raises((SystemExit, argparse.ArgumentError, UsageError)):
        parser.parse_args(["set", KEY])


@pytest.mark.parametrize("typed", ["", "wf_12345678", "sk-...abcd", "hello there"])
def test_what_is_no_key_is_refused_and_the_old_one_stays(typed: str, run: Run, store: MemoryStore) -> None:
    store.set(f"default|{ORIGIN}", KEY)
    screen = run("set", typed=typed)
    assert screen.code == 1
    assert "This is not an API key." in screen.err
    assert store.get(f"default|{ORIGIN}") == KEY


def test_status_says_whether_there_is_one(run: Run, store: MemoryStore) -> None:
    assert run("status").code == 1
    store.set(f"default|{ORIGIN}", KEY)
    screen = run("status")
    assert screen.code == 0
    assert KEY not in screen.out


def test_checklist_08_remove_removes_and_doing_it_again_is_fine(run: Run, store: MemoryStore) -> None:
    store.set(f"default|{ORIGIN}", KEY)
    assert run("remove").code == 0
    assert store.get(f"default|{ORIGIN}") is None
    assert run("remove").code == 0


@pytest.mark.parametrize("action", ["set", "status", "remove"])
def test_json_is_one_object_whatever_happens(action: str, run: Run) -> None:
    class Absent(MemoryStore):
        def get(self, entry: str) -> str | None:
            raise KeyringMissing("none")

        def set(self, entry: str, secret: str) -> None:
            raise KeyringMissing("none")

        def delete(self, entry: str) -> None:
            raise KeyringMissing("none")

    sound = json.loads(run("--json", action, typed=KEY).out)
    assert isinstance(sound["ok"], bool)
    assert KEY not in json.dumps(sound)
    screen = run("--json", action, typed=KEY, keys=Keys("default", "test", Absent()))
    assert screen.code == 1
    failed = json.loads(screen.out)
    problem = failed.get("error") or failed["problem"]
    assert (failed["ok"], problem["code"]) == (False, "keyring_missing")
    assert screen.err == ""


def test_what_is_set_and_removed_in_a_terminal_is_known_to_the_next_window(tmp_path: Path, run: Run) -> None:
    class Lasting(MemoryStore):
        persistent = True

    state = tmp_path / "state.json"
    keys = Keys("default", "test", Lasting(), remembers=State(state))
    assert run("set", typed=KEY, keys=keys).code == 0
    assert State(state).key_known(ORIGIN)
    assert run("remove", keys=keys).code == 0
    assert not State(state).key_known(ORIGIN)
