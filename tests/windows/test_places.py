"""Where and for whom the app runs on Windows: a Japanese name, a share of the network, a full disk, files that others
hold. Run under wine by `make test-windows`, with the checkout and CPython for Windows.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.standins.models_api import KEY
from tests.windows.place import NOBODY, PYTHON, WORDS, Said, Windows, not_made

pytestmark = [
    pytest.mark.packaging,
    pytest.mark.timeout(5400),
    pytest.mark.skipif(bool(not_made()), reason=not_made() or "-"),
]
AGENT = """
async def run_workflow(given):
    return {"output_text": "fine: " + given["input_as_text"]}
"""
PROFILE = "profiles/default"
APP = """
import ctypes, json, os, pathlib, subprocess, sys

def app(*words):
    '''(exit code, the object it prints, what it says beside)'''
    command = [sys.executable, "-m", "desktop", *words, "--json"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=300)
    said = done.stdout.decode("utf-8").splitlines()
    return done.returncode, json.loads(said[-1]) if said else None, done.stderr.decode("utf-8")

place = sys.argv[1]
"""
"""The beginning of a script that starts the app there: what lasts from one start to the next is in one session."""


@pytest.fixture(scope="module")
def on_windows() -> Iterator[Windows]:
    """A second Windows, whose user has a Japanese name and a key."""
    windows = Windows("日本 太郎")
    windows.system.make_windows()
    windows.system.link(windows.system.drive / "Python313", Windows().system.drive / "Python313")
    with windows.with_key():
        yield windows


def agent(windows: Windows, folder: Path) -> Path:
    """The file of one, in a folder of the user's that is new."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "agent.py"
    file.write_text(AGENT, encoding="utf-8")
    windows.own(folder)
    return file


def scripted(windows: Windows, text: str, place: str) -> list[Any]:
    """What a script prints, one object a line."""
    file = windows.shared / "script.py"
    file.write_text(APP + textwrap.dedent(text), encoding="utf-8")
    done = windows.run(PYTHON, "-X", "utf8", windows.system.path(file), place)
    assert done.code == 0, done.out[-3000:]
    return [json.loads(line) for line in done.out.splitlines()]


def answered(done: Said) -> None:
    assert (done.code, done.object().get("response")) == (0, f"fine: {WORDS}"), done.out


# --- a name in Japanese ---------------------------------------------------------------------------


def test_a_user_with_a_japanese_name_asks_a_code_agent_and_all_lies_in_that_users_folder(on_windows: Windows) -> None:
    file = on_windows.system.path(agent(on_windows, on_windows.user / "書類"))
    words = ("ask", WORDS, "--agent", file, "--json", *NOBODY)
    answered(on_windows.desktop(*words, "--yes"))
    answered(on_windows.desktop(*words))  # what was approved is found again
    kept = on_windows.user / "AppData/Local/chatkit-desktop" / PROFILE / "approved_code.json"
    approved = json.dumps(json.loads(kept.read_text(encoding="utf-8")), ensure_ascii=False)
    assert file in approved.replace("\\\\", "\\")


def test_a_user_with_a_japanese_name_keeps_a_key_and_removes_it(on_windows: Windows) -> None:
    saved = on_windows.desktop("key", "set", "--json", stdin=f"{KEY}\n".encode())
    assert (saved.code, saved.object()["where"]) == (0, "keyring")
    try:
        assert on_windows.desktop("key", "status", "--json").object()["present"]
    finally:
        assert on_windows.desktop("key", "remove", "--json").code == 0
    assert not on_windows.desktop("key", "status", "--json").object()["present"]


# --- a share of the network -----------------------------------------------------------------------


def test_profile_and_agent_may_lie_on_a_share_of_the_network(on_windows: Windows) -> None:
    share = on_windows.shared / "share"
    agent(on_windows, share / "agents é")
    on_windows.own(share)
    on_windows.system.link(on_windows.system.prefix / "dosdevices/unc/office/people", share)
    file, data = "\\\\office\\people\\agents é\\agent.py", "\\\\office\\people\\profile"
    words = ("ask", WORDS, "--agent", file, "--json", "--data-dir", data, *NOBODY)
    answered(on_windows.desktop(*words, "--yes"))
    assert (share / "profile" / PROFILE / "approved_code.json").is_file()
    answered(on_windows.desktop(*words))


def test_a_share_that_is_not_there_is_a_sentence(on_windows: Windows) -> None:
    file = on_windows.system.path(agent(on_windows, on_windows.shared / "agents"))
    words = ("ask", WORDS, "--agent", file, "--yes", "--json", "--data-dir", r"\\nowhere\people\profile", *NOBODY)
    done = on_windows.desktop(*words)
    assert (done.code, done.object()["error"]["code"]) == (1, "folder_unwritable")


# --- a full disk ----------------------------------------------------------------------------------


def test_a_full_disk_is_a_sentence_and_what_was_there_before_is_there_after(on_windows: Windows) -> None:
    disk = on_windows.shared / "small"
    disk.mkdir(exist_ok=True)
    on_windows.system.disks = {disk: 2}
    script = f"""
        file = pathlib.Path(place) / "agent.py"
        file.write_text({AGENT!r})
        words = ("ask", "hello", "--agent", str(file), "--data-dir", place + "\\\\data", *{NOBODY!r})
        print(json.dumps(app(*words, "--yes")))
        kept = pathlib.Path(place) / "data/profiles/default/approved_code.json"
        before = kept.read_bytes()
        with open(place + "\\\\fill", "wb", buffering=0) as fill:
            for size in (65536, 4096, 512, 1):
                try:
                    while fill.write(b"x" * size) == size:
                        pass
                except OSError as error:
                    print(json.dumps(error.errno))
        print(json.dumps(app(*words)))
        print(json.dumps(app("threads", "list", "--data-dir", place + "\\\\data")))
        os.unlink(place + "\\\\fill")
        print(json.dumps(kept.read_bytes() == before))
        print(json.dumps(app(*words)))
    """
    try:
        first, *full, full_ask, full_list, same, again = scripted(on_windows, script, on_windows.system.path(disk))
    finally:
        on_windows.system.disks = {}
    assert (first[0], first[1].get("response")) == (0, "fine: hello"), first
    assert full != [], "the disk was never full"
    for code, told, beside in (full_ask, full_list):
        assert "Traceback" not in beside
        if code:
            assert told["error"]["code"] in ("folder_unwritable", "settings_unwritable"), told
    assert full_ask[0] or full_ask[1]["response"] == "fine: hello"
    assert same, "what was approved"
    assert (again[0], again[1].get("response")) == (0, "fine: hello"), again


# --- what others hold -----------------------------------------------------------------------------


def test_settings_that_another_program_holds_are_a_sentence_and_are_read_when_it_lets_go(on_windows: Windows) -> None:
    folder = on_windows.shared / "held" / PROFILE
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.json").write_text('{"version": 1}', encoding="utf-8")
    on_windows.own(on_windows.shared / "held")
    script = """
        settings = place + "\\\\profiles\\\\default\\\\settings.json"
        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        kernel.CreateFileW.restype = ctypes.c_void_p
        # To read it, nobody beside: as a program does that makes a copy of the profile.
        held = kernel.CreateFileW(settings, 0x80000000, 0, None, 3, 0, None)
        assert held not in (None, 2**64 - 1), ctypes.get_last_error()
        print(json.dumps(app("config", "--data-dir", place)))
        assert kernel.CloseHandle(ctypes.c_void_p(held))
        print(json.dumps(app("config", "--data-dir", place)))
    """
    held, free = scripted(on_windows, script, on_windows.system.path(on_windows.shared / "held"))
    (notice,) = held[1]["notices"]
    assert "settings.json" in notice["message"]
    assert (held[0], "Traceback" in held[2]) == (1, False)
    assert (free[0], free[1]["notices"]) == (0, [])
