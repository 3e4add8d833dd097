"""What is handed to the system: the right program, one argument, an environment without our own parts."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from desktop.common.programs import clean_environment
from desktop.window.outside import open_address, open_path

SOON = 20
pytestmark = pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="xdg-open is Linux's")


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[str]]]:
    """A real `xdg-open` of ours on PATH; gives the arguments and chosen variables of what it was started with."""
    folder, pipe = tmp_path / "bin", tmp_path / "pipe"
    folder.mkdir()
    os.mkfifo(pipe)
    program = folder / "xdg-open"
    program.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$#" "$@" "lib=${{LD_LIBRARY_PATH-none}}" "orig=${{LD_LIBRARY_PATH_ORIG-none}}" '
        f'"sid=$(cut -d" " -f6 /proc/$$/stat)" > "{pipe}"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    yield lambda: pipe.read_text().splitlines()  # opening a pipe waits for the other side: nothing polls
    end_of("outside")


def end_of(name: str) -> None:
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join(SOON)
            assert not thread.is_alive()


@pytest.mark.parametrize(
    "url", ["https://example.org/a?b=c&d=$(id)`id`#e", "mailto:a@b.example", "http://example.org/'\""]
)
def test_checklist_15_an_address_reaches_the_system_s_program_as_one_argument(
    opened: Callable[[], list[str]], url: str
) -> None:
    assert open_address(url)
    assert opened()[:2] == ["1", url]


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "javascript:alert(1)", "--version", "", "https://a.example/\x00", "https://a/\ud800"]
)
def test_checklist_15_what_is_refused_starts_no_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    program = tmp_path / "xdg-open"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path / 'started'}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert not open_address(url)
    assert not any(thread.name == "outside" for thread in threading.enumerate())
    assert not (tmp_path / "started").exists()


def test_a_folder_is_shown_by_the_same_program(opened: Callable[[], list[str]], tmp_path: Path) -> None:
    assert open_path(tmp_path)
    assert opened()[:2] == ["1", str(tmp_path)]


def test_the_program_lives_in_a_session_of_its_own(opened: Callable[[], list[str]]) -> None:
    open_address("https://example.org")
    session = opened()[-1].removeprefix("sid=")
    assert session.isdigit()
    assert int(session) != os.getsid(0), "closing the app must not close the browser"


def test_the_packaged_app_s_library_path_is_not_handed_on(
    opened: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/chatkit-desktop/_internal")
    monkeypatch.setenv("LD_LIBRARY_PATH_ORIG", "/usr/local/lib")
    open_address("https://example.org")
    assert opened()[2:4] == ["lib=/usr/local/lib", "orig=none"]


@pytest.mark.parametrize(
    ("frozen", "environ", "expected"),
    [
        (True, {"LD_LIBRARY_PATH": "/app"}, {}),
        (True, {"LD_LIBRARY_PATH": "/app", "LD_LIBRARY_PATH_ORIG": ""}, {}),
        (True, {"LD_LIBRARY_PATH": "/app", "LD_LIBRARY_PATH_ORIG": "/mine"}, {"LD_LIBRARY_PATH": "/mine"}),
        (False, {"LD_LIBRARY_PATH": "/mine"}, {"LD_LIBRARY_PATH": "/mine"}),
        (False, {"HOME": "/home/x"}, {"HOME": "/home/x"}),
    ],
)
def test_only_the_library_path_is_put_back(frozen: bool, environ: dict[str, str], expected: dict[str, str]) -> None:
    before = dict(environ)
    assert clean_environment(environ, frozen=frozen) == expected
    assert environ == before


def test_where_nothing_opens_addresses_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with caplog.at_level(logging.WARNING):
        assert not open_address("https://example.org/secret-path")
    assert "nothing opens addresses here" in caplog.text
    assert "secret-path" not in caplog.text


def test_a_program_that_fails_is_noted_without_the_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    program = tmp_path / "xdg-open"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with caplog.at_level(logging.WARNING):
        assert open_address("https://example.org/secret-path")
        end_of("outside")
    assert "xdg-open ended with code 3" in caplog.text
    assert "secret-path" not in caplog.text
