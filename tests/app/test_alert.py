"""A sentence reaches the person where there is neither a window nor a terminal."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from desktop.app import alert


@pytest.mark.skipif(sys.platform != "linux", reason="each system has its own message box")
def test_the_dialog_program_that_is_there_gets_title_and_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    program = tmp_path / "kdialog"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > "{log}"\n', encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path) + ":/bin")
    monkeypatch.setattr("shutil.which", lambda name: str(program) if name == "kdialog" else None)
    assert alert.show("ChatKit Desktop", "There is no screen; $(id) -- stays text")
    assert log.read_text(encoding="utf-8").splitlines() == [
        *("--title", "ChatKit Desktop", "--error", "There is no screen; $(id) -- stays text")
    ]


def test_where_no_dialog_program_is_installed_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _name: None)
    assert alert.command("title", "text", platform="linux") is None


def test_on_macos_the_words_are_arguments_and_no_script() -> None:
    words = alert.command('" & (do shell script "id") & "', "text", platform="darwin")
    assert words is not None
    assert words[-2:] == ['" & (do shell script "id") & "', "text"]
    assert "do shell script" not in words[2]
