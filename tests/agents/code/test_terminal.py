"""A code agent in a terminal: what is shown before the yes, and that nothing runs without it."""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import pytest

from desktop.agents.code.errors import CodeConsentNeeded, CodeUnreadable
from desktop.app.code_consent import settle
from desktop.app.context import Context
from desktop.common.unseen import RESET
from desktop.settings.agents import CodeAgent


def context(tmp_path: Path, **options: object) -> tuple[Context, io.StringIO]:
    said = io.StringIO()
    given = {"data_dir": str(tmp_path / "data"), "agent": str(tmp_path / "agent.py"), "json": False, **options}
    return Context(argparse.Namespace(**given), environ={}, out=io.StringIO(), err=said), said


def test_checklist_28_without_a_terminal_and_without_a_yes_it_is_refused_with_path_and_hash(tmp_path: Path) -> None:
    (tmp_path / "agent.py").write_text("x = 1")
    made, said = context(tmp_path)
    with pytest.raises(CodeConsentNeeded) as told:
        settle(made)
    assert str(tmp_path / "agent.py") in said.getvalue()
    assert str(told.value.values["digest"]) in said.getvalue()


def test_yes_is_kept_for_this_content_and_said_no_more(tmp_path: Path) -> None:
    (tmp_path / "agent.py").write_text("x = 1")
    settle(context(tmp_path, yes=True)[0])
    again, said = context(tmp_path)
    settle(again)
    assert said.getvalue() == ""
    (tmp_path / "agent.py").write_text("x = 2")
    changed, said = context(tmp_path)
    with pytest.raises(CodeConsentNeeded):
        settle(changed)
    assert "changed since" in said.getvalue()


def test_checklist_28_where_a_window_opens_the_window_asks_and_nothing_is_approved_before(tmp_path: Path) -> None:
    (tmp_path / "agent.py").write_text("x = 1")
    made, said = context(tmp_path)
    settle(made, window=True)
    assert said.getvalue() == ""
    assert made.consents().problem(tmp_path / "agent.py") is not None
    settle(context(tmp_path, yes=True)[0], window=True)
    assert made.consents().problem(tmp_path / "agent.py") is None


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CodeUnreadable):
        settle(context(tmp_path)[0])


def test_the_file_is_the_agent_of_this_launch_and_finds_its_chats_again(tmp_path: Path) -> None:
    first, second = (context(tmp_path)[0].settings.agent() for _ in range(2))
    assert isinstance(first, CodeAgent)
    assert (first.file, first.name) == (str(tmp_path / "agent.py"), "agent")
    assert second is not None
    assert first.id == second.id


class Keyboard(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_checklist_28_37_who_is_asked_has_source_path_and_hash_in_sight_and_nothing_in_them_hides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "agent.py").write_text("x = 1\nprint('\x1b[8mhidden\u200b')\n" + "y = 2\n" * 5_000, encoding="utf-8")
    made, _ = context(tmp_path)
    screen = made._err = Keyboard()
    monkeypatch.setattr("sys.stdin", Keyboard("yes\n"))
    monkeypatch.setattr("sys.stderr", screen)
    settle(made)
    source, _, rest = screen.getvalue().partition("This file will run")
    assert "    1  x = 1\n" in source
    assert "⟨U+001B⟩[8mhidden⟨U+200B⟩" in source
    assert "more lines, in" in source, "what is not shown is said"
    assert str(tmp_path / "agent.py") in rest
    assert "SHA-256" in rest
    assert rest.rstrip().endswith("Run it? Type yes:")
    assert f"{RESET}Run it?" in rest
    assert screen.getvalue().count("\x1b") == RESET.count("\x1b")
