"""What a command prints goes to somebody who has left, to a full disk, or to nowhere: real processes, real pipes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rig.processes import Child, run
from tests.standins.models_api import Answer, ModelsApi

ROOT = Path(__file__).resolve().parents[2]
FULL = Path("/dev/full")
APP = [sys.executable, "-m", "desktop"]
GONE = 141
COMMANDS = (
    ["config"],
    ["config", "--json"],
    ["doctor"],
    ["doctor", "--json"],
    ["key", "remove"],
    ["threads", "list"],
    ["threads", "list", "--json"],
    ["ask", "--demo", "hello"],
    ["ask", "--demo", "hello", "--json"],
    ["--help"],
    ["threads", "list", "--help"],
    ["--version"],
    ["--engine"],
    ["--engine", "--json"],
)
"""All that print, mistakes among them; what goes to standard error alone is no case here."""
NOT_ON_OUTPUT = (["key", "remove"], ["--engine"])
"""What these say is a refusal, on standard error: their output is empty, so nothing is amiss with it."""

posix = pytest.mark.skipif(os.name != "posix", reason="a shell's redirections")
full = pytest.mark.skipif(not FULL.exists(), reason="a device that is always full is Linux's")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """No keyring, no network that leads anywhere, English."""
    base = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI", "CHATKIT", "LC_"))}
    closed = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), "http://127.0.0.1:9")
    home = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data"), "DBUS_SESSION_BUS_ADDRESS": "unix:path=/no"}
    return base | closed | home | {"LANG": "C.UTF-8", "PYTHONPATH": str(ROOT), "DISPLAY": "", "WAYLAND_DISPLAY": ""}


def with_reader_gone(words: list[str], environ: dict[str, str]) -> tuple[int, str]:
    """The exit code and the errors of a program whose output nobody reads."""
    read, write = os.pipe()
    os.close(read)
    try:
        with Child(words, env=environ, stdout=write, stderr=subprocess.PIPE, text=True) as child:
            _, errors = child.communicate()
    finally:
        os.close(write)
    return child.returncode, errors


@posix
@pytest.mark.slow
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_reader_who_has_left_ends_a_command_without_a_word(words: list[str], environ: dict[str, str]) -> None:
    code, errors = with_reader_gone([*APP, *words], environ)
    if words in NOT_ON_OUTPUT:
        assert code in (1, 2)
    else:
        assert (code, errors) == (GONE, "")


@posix
def test_both_outputs_into_a_pipe_that_nobody_reads_end_without_a_word(environ: dict[str, str]) -> None:
    for words in ("config", "doctor", "--engine"):
        shell = f'"$0" -m desktop {words} 2>&1 | true; echo "${{PIPESTATUS[0]}}"'
        done = run(["bash", "-c", shell, sys.executable], env=environ)
        assert done.stderr == ""
        assert done.stdout.strip() in (str(GONE), "0", "1", "2"), "it may have been written before the reader left"


@posix
def test_the_first_line_of_many_is_all_that_head_wants(environ: dict[str, str]) -> None:
    done = run(["bash", "-c", '"$0" -m desktop config | head -n 1', sys.executable], env=environ)
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 1)


@full
@pytest.mark.slow
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_full_disk_is_said_in_a_sentence(words: list[str], environ: dict[str, str]) -> None:
    with FULL.open("w") as nowhere:
        done = run([*APP, *words], env=environ, stdout=nowhere)
    assert "Traceback" not in done.stderr
    assert "Something went wrong" not in done.stderr
    assert "Exception ignored" not in done.stderr
    if words not in NOT_ON_OUTPUT:
        assert done.returncode == (2 if "--engine" in words else 1), "a failure keeps its own code, and is said as well"
        assert "The output can’t be written: the disk is full.\n" in done.stderr


@posix
@pytest.mark.slow
@pytest.mark.parametrize(
    "words", [["config"], ["doctor", "--json"], ["--version"], ["ask", "--demo", "x"]], ids=" ".join
)
def test_a_closed_output_is_said_and_never_becomes_another_files_place(
    words: list[str], environ: dict[str, str]
) -> None:
    done = run(["bash", "-c", '"$0" -m desktop "$@" >&-', sys.executable, *words], env=environ)
    assert (done.returncode, "standard output is closed" in done.stderr) == (1, True), done.stderr
    assert "Traceback" not in done.stderr


@posix
def test_nothing_is_opened_in_the_place_of_a_closed_stream(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "from desktop.common.output import fill_standard_places\n"
        "fill_standard_places()\n"
        "number = os.open(sys.argv[1], os.O_CREAT | os.O_RDWR)\n"
        "os.system('echo lost; echo lost >&2; cat')\n"
        "sys.exit(0 if number > 2 else 7)\n"
    )
    file = tmp_path / "database"
    shell = '"$0" -c "$1" "$2" <&- >&- 2>&-'
    assert run(["bash", "-c", shell, sys.executable, code, str(file)], cwd=ROOT).returncode == 0
    assert file.read_bytes() == b""


@full
def test_errors_that_can_not_be_written_change_no_result(environ: dict[str, str]) -> None:
    with FULL.open("w") as nowhere:
        done = run([*APP, "ask", "--demo", "hello", "--json"], env=environ, stderr=nowhere)
        assert (done.returncode, "response" in json.loads(done.stdout)) == (0, True)
        assert run([*APP, "--engine"], env=environ, stderr=nowhere).returncode == 2


@posix
def test_input_that_is_closed_is_empty_input(environ: dict[str, str]) -> None:
    shell = '"$0" -m desktop "$@" <&-'
    for words in (["ask", "--demo", "-"], ["key", "set"]):
        done = run(["bash", "-c", shell, sys.executable, *words], env=environ)
        assert done.returncode == 1
        assert "Something went wrong" not in done.stderr, done.stderr


@posix
def test_an_answer_that_nobody_reads_on_is_stopped(environ: dict[str, str], tmp_path: Path) -> None:
    """While it comes: the run ends, and with it the program."""
    with ModelsApi() as api:
        api.always(Answer("word " * 400, pause=0.02))
        settings = {
            "agents": [{"kind": "assistant", "id": "a", "name": "A", "endpoint": "here"}],
            "endpoints": [{"id": "here", "name": "Here", "base_url": api.base, "api": "responses"}],
            "active_agent": "a",
            "assistant": {"titles": False},
        }
        folder = tmp_path / "all" / "profiles" / "default"
        folder.mkdir(parents=True)
        (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
        words = [*APP, "ask", "--data-dir", str(tmp_path / "all"), "hello"]
        code, errors = with_reader_gone(words, environ)
    assert (code, errors) == (GONE, "")


@posix
def test_the_packager_is_no_exception(environ: dict[str, str]) -> None:
    words = [sys.executable, "-m", "desktop.packaging", "--format", "nothing-like-it", "--json"]
    code, errors = with_reader_gone(words, environ)
    assert (code, errors) == (GONE, "")
    if FULL.exists():
        with FULL.open("w") as nowhere:
            done = run(words, env=environ, stdout=nowhere)
        assert (done.returncode, "the disk is full" in done.stderr) == (10, True), done.stderr
