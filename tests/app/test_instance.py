"""One instance a profile: who is first, what a second launch can say, what becomes of a killed one."""

from __future__ import annotations

import json
import os
import queue
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing.connection import Client
from pathlib import Path
from typing import Any

import psutil
import pytest

from desktop.app.errors import ProfileBusy
from desktop.app.instance import PROMPT_LIMIT, Instance
from desktop.common.errors import FolderUnwritable, UsageError
from desktop.common.locations import Locations
from tests.rig.processes import Child
from tests.rig.systems import POSIX, private

LIMIT = 20.0
"""Patience of the tests themselves, in seconds."""


@pytest.fixture
def profile() -> Iterator[Locations]:
    """A folder with a short name: a socket's path has room for some hundred bytes, of which pytest's takes most."""
    with tempfile.TemporaryDirectory(prefix="ck-") as folder:
        yield Locations(Path(folder) / "profiles" / "default")


@pytest.fixture
def make(profile: Locations) -> Iterator[Callable[..., Instance]]:
    made: list[Instance] = []

    def instance(folder: Path = profile.instance, limit: float = LIMIT) -> Instance:
        made.append(Instance(folder, "default", limit=limit))
        return made[-1]

    yield instance
    for one in made:
        one.release()


def shown(instance: Instance) -> queue.Queue[str | None]:
    calls: queue.Queue[str | None] = queue.Queue()
    instance.serve(calls.put)
    return calls


def test_checklist_25_the_second_launch_brings_the_first_forward_and_ends(make: Callable[..., Instance]) -> None:
    first, second = make(), make()
    assert first.acquire()
    calls = shown(first)
    assert not second.acquire()
    assert second.hand_over()
    assert calls.get(timeout=LIMIT) is None


def test_checklist_25_a_prompt_is_handed_over(make: Callable[..., Instance]) -> None:
    first, second = make(), make()
    first.acquire()
    calls = shown(first)
    second.hand_over('What’s new? 🚀 "quoted"\nsecond line')
    assert calls.get(timeout=LIMIT) == 'What’s new? 🚀 "quoted"\nsecond line'


def test_a_launch_while_the_first_is_still_starting_is_not_lost(make: Callable[..., Instance]) -> None:
    first = make()
    first.acquire()
    make().hand_over("early")
    assert shown(first).get(timeout=LIMIT) == "early"


def test_a_prompt_that_is_too_long_is_refused_where_it_is_typed(make: Callable[..., Instance]) -> None:
    first = make()
    first.acquire()
    with pytest.raises(UsageError):
        make().hand_over("x" * (PROMPT_LIMIT + 1))


def say(folder: Path, message: bytes) -> bytes | None:
    """What an answer to any message is, said with the right key."""
    for _ in range(2000):
        if (folder / "address").exists():
            break
        time.sleep(0.01)
    authkey = (folder / "authkey").read_bytes()
    with Client((folder / "address").read_text(), authkey=authkey) as line:
        try:
            line.send_bytes(message)
            return line.recv_bytes(100)
        except (EOFError, OSError):
            return None


@pytest.mark.parametrize(
    "message",
    [
        {"prompt": None, "api_base": "http://evil.example", "profile": "x", "key": "sk-x"},
        {"prompt": 5},
        {"prompt": ["a"]},
        {"prompt": ""},
        {"prompt": "x" * (PROMPT_LIMIT + 1)},
        {"method": "eval", "params": "1"},
        {},
    ],
)
def test_checklist_25_a_message_can_carry_a_prompt_and_nothing_else(
    message: dict[str, Any], make: Callable[..., Instance], profile: Locations
) -> None:
    first = make()
    first.acquire()
    calls = shown(first)
    assert say(profile.instance, json.dumps(message).encode()) == b"ok"
    assert calls.get(timeout=LIMIT) is None


@pytest.mark.parametrize(
    "message",
    [b"not json", b"[]", b'"text"', b"\x80\x04\x95", b"x" * 100_000],
    ids=["no JSON", "a list", "a text", "a pickle", "too long"],
)
def test_checklist_25_what_is_no_message_is_hung_up_on_and_the_next_is_heard(
    message: bytes, make: Callable[..., Instance], profile: Locations
) -> None:
    first = make()
    first.acquire()
    calls = shown(first)
    assert say(profile.instance, message) is None
    make().hand_over("after")
    assert calls.get(timeout=LIMIT) == "after"


def test_checklist_25_without_the_key_nothing_is_heard(make: Callable[..., Instance], profile: Locations) -> None:
    from multiprocessing import AuthenticationError

    first = make()
    first.acquire()
    calls = shown(first)
    say(profile.instance, b"{}")
    calls.get(timeout=LIMIT)
    with pytest.raises((AuthenticationError, EOFError, OSError)):
        Client((profile.instance / "address").read_text(), authkey=b"guess")
    assert calls.empty()


def test_callers_who_say_nothing_do_not_keep_others_out(make: Callable[..., Instance], profile: Locations) -> None:
    first = make()
    first.acquire()
    calls = shown(first)
    say(profile.instance, b"{}")
    calls.get(timeout=LIMIT)
    address = (profile.instance / "address").read_text()
    silent = [Client(address) for _ in range(4)]  # without a key: they say nothing
    try:
        make().hand_over("heard")
        assert calls.get(timeout=LIMIT) == "heard"
    finally:
        for line in silent:
            line.close()


def test_checklist_25_everything_of_the_channel_is_private(make: Callable[..., Instance], profile: Locations) -> None:
    first = make()
    first.acquire()
    shown(first)
    say(profile.instance, b"{}")
    assert private(profile.instance)
    for name in ("lock", "authkey", "address"):
        assert private(profile.instance / name), name


def test_another_profile_is_another_instance(make: Callable[..., Instance], profile: Locations) -> None:
    assert make().acquire()
    assert make(profile.folder.parent / "work" / "instance").acquire()


def test_what_was_released_is_free(make: Callable[..., Instance]) -> None:
    first = make()
    first.acquire()
    first.release()
    first.release()
    assert make().acquire()


def test_a_first_that_ends_in_this_moment_is_followed(make: Callable[..., Instance]) -> None:
    first, second = make(), make()
    first.acquire()
    assert not second.acquire()
    first.release()
    assert second.hand_over("mine") is False
    calls = shown(second)
    assert make().hand_over("next")
    assert calls.get(timeout=LIMIT) == "next"


def test_a_profile_in_a_very_deep_folder_works_too(make: Callable[..., Instance], tmp_path: Path) -> None:
    folder = tmp_path / ("d" * 100) / ("é" * 60) / "instance"
    folder.parent.parent.mkdir()
    first = make(folder)
    first.acquire()
    calls = shown(first)
    make(folder).hand_over("deep")
    assert calls.get(timeout=LIMIT) == "deep"
    address = Path((folder / "address").read_text())
    if POSIX:  # elsewhere it is a pipe's name, in no folder
        assert private(address.parent)
    first.release()
    assert not POSIX or not address.parent.exists()


def test_a_folder_that_cannot_be_made_is_a_sentence(make: Callable[..., Instance], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderUnwritable):
        make(tmp_path / "file" / "instance").acquire()


# --- processes ---------------------------------------------------------------------------------------

FIRST = """
import sys, time
from pathlib import Path
from desktop.app.instance import Instance
instance = Instance(Path(sys.argv[1]), "default")
assert instance.acquire()
instance.serve(lambda prompt: print("shown", prompt, flush=True))
while not (Path(sys.argv[1]) / "address").exists():
    time.sleep(0.01)
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture
def other(profile: Locations) -> Iterator[Child]:
    """Another process that is the first."""
    process = Child(
        [sys.executable, "-c", FIRST, str(profile.instance)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.line() == "ready\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_checklist_25_it_holds_between_processes(other: Child, make: Callable[..., Instance]) -> None:
    second = make()
    assert not second.acquire()
    assert second.hand_over("hello")
    assert other.stdout is not None
    assert other.line() == "shown hello\n"


def test_checklist_25_the_lock_of_a_killed_process_is_recovered(
    other: Child, make: Callable[..., Instance], profile: Locations
) -> None:
    other.kill()
    other.wait()
    assert not POSIX or (profile.instance / "socket").exists()
    first = make()
    assert first.acquire()
    calls = shown(first)
    assert make().hand_over("after the crash")
    assert calls.get(timeout=LIMIT) == "after the crash"


def test_checklist_25_a_first_instance_that_hangs_is_said_within_the_limit(
    other: Child, make: Callable[..., Instance]
) -> None:
    psutil.Process(other.pid).suspend()
    try:
        second = make(limit=0.3)
        assert not second.acquire()
        with pytest.raises(ProfileBusy) as caught:
            second.hand_over("hello")
        assert caught.value.values["profile"] == "default"
    finally:
        psutil.Process(other.pid).resume()


@pytest.mark.skipif(os.name == "nt", reason="sockets of POSIX")
def test_checklist_45_silent_callers_however_many_keep_no_launch_out(
    profile: Locations, make: Callable[..., Instance]
) -> None:
    """Each would be listened to for five seconds; a launch waits three."""
    first, second = make(), make(limit=3.0)
    first.acquire()
    calls = shown(first)
    address = ""
    while not address:
        with suppress(OSError):
            address = (profile.instance / "address").read_text()
    silent = []
    try:
        for number in range(200):
            line = socket.socket(socket.AF_UNIX)
            line.connect(address)
            if number % 3 == 0:
                line.sendall(b"\x00\x00")  # the beginning of a message that never comes
            silent.append(line)
        assert second.hand_over("hello")
        assert calls.get(timeout=LIMIT) == "hello"
    finally:
        for line in silent:
            line.close()


def test_of_many_launches_at_once_one_is_first_and_all_others_reach_it(
    make: Callable[..., Instance],
) -> None:
    launches = [make() for _ in range(8)]
    calls: queue.Queue[str | None] = queue.Queue()
    firsts: list[Instance] = []

    def launch(one: Instance, number: int) -> None:
        if one.acquire() or not one.hand_over(f"launch {number}"):
            firsts.append(one)
            one.serve(calls.put)

    threads = [threading.Thread(target=launch, args=(one, number)) for number, one in enumerate(launches)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(firsts) == 1
    assert len({calls.get(timeout=LIMIT) for _ in range(7)}) == 7


def test_the_lock_is_not_inherited_by_children(make: Callable[..., Instance], profile: Locations) -> None:
    first = make()
    first.acquire()
    child = Child(
        [sys.executable, "-c", "print('here', flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        close_fds=False,
    )
    assert child.stdout is not None
    # Linux lets us go on before it has closed what a new program does not get: it has, once it speaks.
    assert child.line().strip() == b"here"
    try:
        first.release()
        assert make().acquire()
        assert os.listdir(profile.instance)
    finally:
        assert child.stdin is not None
        child.stdin.close()
        child.stdout.close()
        child.wait()
