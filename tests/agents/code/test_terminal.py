"""A code agent in a terminal: what is shown before the yes, and that nothing runs without it."""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import pytest

from desktop.code_consent import settle
from desktop.context import Context
from desktop.errors import CodeConsentNeeded, CodeUnreadable
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
