"""The archive of hosted chats: complete, incremental, safe to kill at any point, deleting nothing at OpenAI."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from desktop.chats.archive.copies import Copies
from desktop.chats.types import Archived, Progress
from desktop.openai_api.client import ApiClient
from desktop.openai_api.errors import KeyRejected, QuotaExceeded, RequestRejected, ServiceDown
from tests.chats.things import ME, archive, at_openai, content, fill
from tests.rig import forks
from tests.rig.systems import private
from tests.standins import many
from tests.standins.api import ApiStandIn

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]


def test_every_thread_of_this_user_is_copied_whole(api: ApiStandIn, client: ApiClient, copies: Copies) -> None:
    fill(api)
    done = archive(copies, client)
    assert (done.total, done.written, done.unchanged, done.ok) == (5, 5, 0, True)
    assert content(copies) == at_openai(api)
    newest = copies.rows(limit=1)[0]
    assert (newest.title, newest.items, newest.agent, newest.host) == ("Chat 4", 0, "workflow", "127.0.0.1")


@pytest.mark.skipif(os.name != "posix", reason="modes are a matter of POSIX")
def test_checklist_24_the_archive_is_readable_by_its_owner_alone(
    api: ApiStandIn, client: ApiClient, copies: Copies
) -> None:
    fill(api)
    archive(copies, client)
    assert copies.path is not None
    files = list(copies.path.parent.iterdir())
    assert all(private(path) for path in files)
    assert private(copies.path.parent)


def test_a_second_run_asks_little_and_writes_nothing(api: ApiStandIn, client: ApiClient, copies: Copies) -> None:
    fill(api)
    archive(copies, client)
    before = content(copies)
    api.requests.clear()
    done = archive(copies, client)
    assert (done.written, done.unchanged) == (0, 5)
    assert content(copies) == before
    assert len(api.requests) == 1 + 5


def test_what_is_new_or_changed_is_copied_again(api: ApiStandIn, client: ApiClient, copies: Copies) -> None:
    made = fill(api)
    archive(copies, client)
    api.world.add_message(made[1], "one more")
    api.world.threads[made[2]]["title"] = "A better title"
    api.world.threads[made[3]]["status"] = {"type": "locked", "reason": "full"}
    api.world.add_thread(ME, "New")
    done = archive(copies, client)
    assert (done.written, done.unchanged) == (4, 2)
    assert content(copies) == at_openai(api)


def test_nothing_is_ever_lost_here_and_nothing_deleted_there(
    api: ApiStandIn, client: ApiClient, copies: Copies
) -> None:
    made = fill(api)
    archive(copies, client)
    api.world.delete_thread(made[3])
    lost = api.world.items[made[0]].pop(1)
    api.world.add_message(made[0], "said later")
    archive(copies, client)
    archive(copies, client)
    assert api.paths("DELETE") == []
    gone = copies.row(made[3])
    assert gone is not None
    assert gone.gone is not None
    kept = copies.row(made[0])
    assert kept is not None
    assert kept.gone is None
    assert [line.raw for line in copies.lines(kept.seq)] == api.world.items[made[0]]
    assert [line.raw for line in copies.lines(kept.seq, gone=True)] == [lost]


def test_again_finds_a_change_in_the_middle_of_an_old_chat(api: ApiStandIn, client: ApiClient, copies: Copies) -> None:
    made = fill(api)
    archive(copies, client)
    api.world.items[made[3]][0]["content"][0]["text"] = "said otherwise"
    lost = api.world.items[made[0]].pop(1)
    assert archive(copies, client).written == 0
    assert content(copies) != at_openai(api)
    done = archive(copies, client, again=True)
    assert (done.written, done.unchanged, done.ok) == (2, 3, True)
    assert content(copies) == at_openai(api)
    kept = copies.row(made[0])
    assert kept is not None
    assert [line.raw for line in copies.lines(kept.seq, gone=True)] == [lost]
    done = archive(copies, client, again=True)
    assert (done.written, done.unchanged) == (0, 5)


def test_reading_again_goes_on_where_it_was_cut_off(api: ApiStandIn, client: ApiClient, copies: Copies) -> None:
    made = fill(api)
    archive(copies, client)
    api.fail("key_rejected", on=f"/{made[1]}/items")  # the newest first: three have been read by then
    assert archive(copies, client, again=True).error is not None
    api.heal()
    before = len(api.paths("GET"))
    assert archive(copies, client, again=True).unchanged == 5
    assert len(api.paths("GET")) - before == 3  # the list, and the two chats that were left


def test_a_run_over_some_says_nothing_of_the_others(api: ApiStandIn, client: ApiClient, copies: Copies) -> None:
    made = fill(api)
    archive(copies, client)
    assert archive(copies, client, since=1_760_000_000 + 3 * 86_400).total == 2
    assert archive(copies, client, limit=1).total == 1
    done = archive(copies, client, ids=[made[2], made[2], "cthr_missing"])
    assert (done.total, done.unchanged, done.vanished, done.ok) == (2, 1, 1, True)
    assert [row.id for row in copies.rows() if row.gone] == []


def test_a_thread_deleted_while_it_is_read_is_counted_and_leaves_nothing(
    api: ApiStandIn, client: ApiClient, copies: Copies
) -> None:
    made = fill(api)

    def tell(progress: Progress) -> None:
        if progress.total is not None and progress.done == 0:
            with api.world.lock:
                api.world.delete_thread(made[4])  # newest first: this one is next

    done = archive(copies, client, tell=tell)
    assert (done.written, done.vanished, done.ok) == (4, 1, True)
    assert content(copies) == at_openai(api)


def test_progress_is_told_from_the_start_to_the_end(api: ApiStandIn, client: ApiClient, copies: Copies) -> None:
    fill(api, 3)
    told: list[Progress] = []
    archive(copies, client, tell=told.append)
    assert told[0] == Progress(0)
    assert (told[-1].done, told[-1].total, told[-1].seconds_left) == (3, 3, 0.0)


def test_a_cancel_ends_it_and_the_next_run_goes_on(api: ApiStandIn, client: ApiClient, copies: Copies) -> None:
    fill(api)
    cancel = threading.Event()
    done = archive(copies, client, tell=lambda one: cancel.set() if one.total else None, cancel=cancel)
    assert (done.cancelled, done.ok, done.written) == (True, False, 0)
    assert archive(copies, client).written == 5


def test_a_cancel_ends_a_wait_that_the_api_asked_for(api: ApiStandIn, client: ApiClient, copies: Copies) -> None:
    fill(api)
    api.fail("rate_limited", headers={"Retry-After": "500"})
    cancel = threading.Event()
    ended: list[Archived] = []
    worker = threading.Thread(target=lambda: ended.append(archive(copies, client, cancel=cancel)), daemon=True)
    worker.start()
    while not api.requests:
        worker.join(0.01)
    cancel.set()
    worker.join(60)
    assert ended[0].cancelled


def test_many_chats_are_copied_whole_through_every_kind_of_trouble(
    api: ApiStandIn, client: ApiClient, copies: Copies
) -> None:
    """`make bench` does it with 5,000."""
    made = many.fill(api.world, ME, 250, 60)
    for place, fault in enumerate(("rate_limited", "server_error_500", "reset_midway", "truncated") * 3):
        api.fail(fault, times=2, on=f"{made[place * 20]}/items", headers={"Retry-After": "0"})
    api.world.drift = {"desc": -1}
    done = archive(copies, client, cancel=PatientEvent())
    assert (done.written, done.failed, done.ok) == (250, 0, True)
    assert content(copies) == {one: (api.world.threads[one], api.world.items[one]) for one in made}
    assert {line.kind for line in copies.lines(copies.rows(limit=1)[0].seq)} == {
        *("user_message", "assistant_message", "widget", "client_tool_call", "task", "task_group")
    }
    api.requests.clear()
    assert archive(copies, client).unchanged == 250
    assert len(api.requests) <= 6 + 250


class PatientEvent(threading.Event):
    """A cancel that is never set and writes down how long it was waited on."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout)
        return False


def test_checklist_23_rate_limits_are_obeyed_and_the_run_goes_on(
    api: ApiStandIn, client: ApiClient, copies: Copies
) -> None:
    fill(api)
    api.fail("rate_limited", times=2, on="/items", headers={"Retry-After": "120"})
    api.fail("server_error_500", times=2, on="/items")
    cancel = PatientEvent()
    assert archive(copies, client, cancel=cancel).written == 5
    assert cancel.waits == [120.0, 120.0, 0.0, 0.0]


@pytest.mark.parametrize("fault", ["reset", "reset_midway", "truncated", "not_json", "server_error_503"])
def test_an_answer_that_is_cut_off_is_asked_for_again(
    api: ApiStandIn, client: ApiClient, copies: Copies, fault: str
) -> None:
    fill(api)
    api.fail(fault, times=2)
    api.fail(fault, times=2, on="/items")
    assert archive(copies, client, cancel=PatientEvent()).ok
    assert content(copies) == at_openai(api)


@pytest.mark.parametrize("drift", [{"desc": 1}, {"asc": 1}, {"desc": -1}, {"asc": -1}])
def test_lists_that_move_while_they_are_read_are_copied_whole(
    api: ApiStandIn, client: ApiClient, copies: Copies, drift: dict[str, int]
) -> None:
    for number in range(230):
        api.world.add_thread(ME, f"Chat {number}", created_at=1_760_000_000 + number)
    long = api.world.add_thread(ME, "Long", messages=330)
    api.world.drift = drift
    assert archive(copies, client).ok
    assert content(copies) == at_openai(api)
    assert len(content(copies)[long][1]) == 330


def test_items_of_a_megabyte_come_in_small_pages(api: ApiStandIn, client: ApiClient, copies: Copies) -> None:
    thread_id = api.world.add_thread(ME, "Large")
    for number in range(12):
        api.world.add_answer(thread_id, f"{number}" * 1_000_000)
    assert archive(copies, client).ok
    assert content(copies) == at_openai(api)
    assert archive(copies, client).unchanged == 1


@pytest.mark.parametrize(
    "title", ["👩‍👩‍👧‍👦 🏳️‍🌈", "שלום \u202eabc", "../../etc/passwd", "C:\\CON", "", None, "a\x00b", "\ud83d"]
)
def test_any_title_and_any_text_is_kept(api: ApiStandIn, client: ApiClient, copies: Copies, title: str | None) -> None:
    thread_id = api.world.add_thread(ME, title)
    api.world.add_message(thread_id, f"{title}")
    assert archive(copies, client).ok
    assert content(copies) == at_openai(api)


@pytest.mark.parametrize(("fault", "expected"), [("key_rejected", KeyRejected), ("quota_exceeded", QuotaExceeded)])
def test_what_will_not_pass_ends_the_run_and_keeps_what_is_copied(
    api: ApiStandIn, client: ApiClient, copies: Copies, fault: str, expected: type[Exception]
) -> None:
    made = fill(api)
    api.fail(fault, on=f"{made[2]}/items")
    done = archive(copies, client)
    assert isinstance(done.error, expected)
    assert done.ended is done.error
    assert (done.written, done.ok) == (2, False)
    api.heal()
    assert archive(copies, client).ok
    assert content(copies) == at_openai(api)


def test_one_thread_that_cannot_be_read_does_not_stop_the_others(
    api: ApiStandIn, client: ApiClient, copies: Copies
) -> None:
    made = fill(api)
    api.fail("bad_request", on=f"{made[1]}/items")
    done = archive(copies, client)
    assert (done.written, done.failed, done.ended) == (4, 1, None)
    assert isinstance(done.error, RequestRejected)


def test_a_service_that_is_down_for_good_ends_the_run(api: ApiStandIn, client: ApiClient, copies: Copies) -> None:
    fill(api)
    api.fail("server_error_503", on="/items")
    done = archive(copies, client, cancel=PatientEvent())
    assert isinstance(done.ended, ServiceDown)
    assert done.failed == 3


WORKER = """
import sys
from pathlib import Path
from desktop.chats.archive.copies import Copies
from desktop.openai_api.client import ApiClient, Endpoint
from tests.chats.things import archive
with ApiClient(Endpoint(sys.argv[1]), "sk-standin-x") as client:
    copies = Copies(Path(sys.argv[2]))
    print("ready", flush=True)
    sys.stdin.readline()
    print(archive(copies, client).ok)
"""
ROUNDS = 50


def test_checklist_24_killed_at_any_point_it_resumes_to_the_identical_result(
    tmp_path: Path, client: ApiClient, api: ApiStandIn
) -> None:
    """The processes are started a few at a time, so that what is killed is the run and not the start."""
    chance = random.Random(2026)
    path = tmp_path / "archive.sqlite"
    api.delay = 0.003
    for number in range(60):
        thread_id = api.world.add_thread(ME, f"Chat {number}", created_at=1_760_000_000 + number, messages=number % 7)
        api.world.add_one_of_each(thread_id)
    Copies(path).close()
    kills = 0
    for _ in range(ROUNDS // 5):
        workers = [
            forks.child(
                [sys.executable, "-c", WORKER, api.base, str(path)],
                "desktop.chats.archive.copies", "tests.chats.things",
                cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
            for _ in range(5)
        ]  # fmt: skip
        for worker in workers:
            assert worker.stdin is not None
            assert worker.stdout is not None
            assert worker.line() == "ready\n"
            worker.stdin.write("go\n")
            worker.stdin.flush()
            goal = len(api.requests) + chance.randint(1, 6)
            while len(api.requests) < goal and worker.poll() is None:
                time.sleep(0.0005)
            time.sleep(chance.random() * 0.004)
            kills += worker.poll() is None
            worker.kill()
            worker.communicate()
            with_whole_threads_only(path, api)
    assert kills >= ROUNDS // 2
    api.delay = 0.0
    copies = Copies(path)
    try:
        assert copies.notices == []
        assert archive(copies, client).ok
        assert content(copies) == at_openai(api)
        assert list(tmp_path.glob("*.damaged*")) == []
    finally:
        copies.close()


def with_whole_threads_only(path: Path, api: ApiStandIn) -> None:
    copies = Copies(path)
    try:
        there = at_openai(api)
        for thread_id, found in content(copies).items():
            assert found == there[thread_id], "what is there is whole"
    finally:
        copies.close()
