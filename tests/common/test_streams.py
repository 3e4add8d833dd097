"""Letters in pipes: UTF-8 out, whatever the system's code page is; in, whatever a shell sends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORDS = "é 日本 🌿"


def app(*words: str, stdin: bytes = b"", **environ: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "desktop", *words],
        cwd=ROOT,
        env={**os.environ, **environ},
        input=stdin,
        capture_output=True,
        timeout=120,
    )


def test_json_is_utf8_in_a_pipe() -> None:
    done = app("ask", WORDS, "--demo", "--json")
    assert done.returncode == 0, done.stderr
    assert WORDS in json.loads(done.stdout.decode("utf-8"))["response"]
    assert done.stdout.endswith(b"}\n")
    assert b"\r" not in done.stdout


def test_what_people_read_is_utf8_in_a_pipe_too() -> None:
    done = app("ask", WORDS, "--demo")
    assert WORDS in done.stdout.decode("utf-8")
    assert b"\r" not in done.stdout


def test_an_error_is_utf8_in_a_pipe_too() -> None:
    done = app("--prompt", WORDS, "--wrong-é")
    assert "--wrong-é" in done.stderr.decode("utf-8")
    assert done.returncode == 2


@pytest.mark.parametrize("page", ["cp437", "cp1252", "cp932", "ascii"])
def test_where_only_an_old_code_page_is_wanted_nothing_fails_and_json_stays_json(page: str) -> None:
    done = app("ask", WORDS, "--demo", PYTHONIOENCODING=page)
    assert done.returncode == 0, done.stderr
    assert b"You wrote" in done.stdout
    done = app("ask", WORDS, "--demo", "--json", PYTHONIOENCODING=page)
    assert json.loads(done.stdout.decode("ascii"))["thread_id"]
    assert app("--help", PYTHONIOENCODING=page).returncode == 0
    assert app("--wrong-é", PYTHONIOENCODING=page).returncode == 2


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (WORDS.encode("utf-8"), WORDS),
        (WORDS.encode("utf-8-sig"), WORDS),
        (WORDS.encode("utf-16"), WORDS),
        (b"one\r\ntwo\xff", "two"),
    ],
    ids=["utf-8", "utf-8 with a mark", "utf-16", "neither"],
)
def test_a_question_from_a_pipe_is_read_in_the_letters_it_came_in(sent: bytes, read: str) -> None:
    environ = {} if os.name == "nt" else {"LC_ALL": "C.UTF-8"}
    done = app("ask", "-", "--demo", "--json", stdin=sent, **environ)
    assert done.returncode == 0, done.stderr
    assert read in json.loads(done.stdout)["response"]
