"""The archive of hosted chats: complete, incremental, safe to kill at any point, never deleting."""

from __future__ import annotations

import json
import os
import random
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop import archive
from desktop.archive import Summary, ThreadArchive, file_stem, to_json, to_markdown
from desktop.errors import FolderUnwritable, KeyRejected, QuotaExceeded, RequestRejected
from desktop.openai_api.client import ApiClient, Endpoint
from desktop.texts import Catalogue
from tests.standins.api import KEY, ApiStandIn

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def api() -> Iterator[ApiStandIn]:
    with ApiStandIn() as standin:
        yield standin


@pytest.fixture
def client(api: ApiStandIn) -> Iterator[ApiClient]:
    with ApiClient(Endpoint(api.base, timeout=10), KEY, sleep=lambda _: None) as made:
        yield made


def fill(api: ApiStandIn, count: int = 5) -> list[str]:
    made = [
        api.world.add_thread("me", f"Chat {number}", created_at=1_760_000_000 + number * 86_400, messages=number % 4)
        for number in range(count)
    ]
    api.world.add_one_of_each(made[0])
    api.world.add_thread("you", "Not mine")
    return made


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def run(folder: Path, client: ApiClient, **options: Any) -> Summary:
    return ThreadArchive(folder, client, "me", random=lambda: 0.0).run(**options)


def test_every_thread_is_written_whole_as_json_and_to_read(api: ApiStandIn, client: ApiClient, tmp_path: Path) -> None:
    made = fill(api)
    summary = run(tmp_path / "archive", client)
    assert (summary.total, summary.written, summary.unchanged, summary.ok) == (5, 5, 0, True)
    found = files(tmp_path / "archive")
    assert len(found) == 10
    documents = [json.loads(content) for name, content in found.items() if name.endswith(".json")]
    assert [document["thread"] for document in documents] == [api.world.threads[thread_id] for thread_id in made]
    assert [document["items"] for document in documents] == [api.world.items[thread_id] for thread_id in made]
    for document in documents:
        assert (document["schema"], document["version"]) == ("chatkit-desktop/thread", 1)
        assert document["source"] == {"kind": "openai", "host": "127.0.0.1"}


@pytest.mark.skipif(os.name != "posix", reason="modes are a matter of POSIX")
def test_checklist_24_the_archive_is_readable_by_its_owner_alone(
    api: ApiStandIn, client: ApiClient, tmp_path: Path
) -> None:
    fill(api)
    old = os.umask(0)
    try:
        run(tmp_path / "archive", client)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "archive").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "archive").iterdir()} == {0o600}


def test_a_second_run_asks_little_and_writes_nothing(api: ApiStandIn, client: ApiClient, tmp_path: Path) -> None:
    fill(api)
    run(tmp_path, client)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    api.requests.clear()
    summary = run(tmp_path, client)
    assert (summary.written, summary.unchanged) == (0, 5)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    assert len(api.requests) == 1 + 5


def test_what_is_new_or_changed_is_written_again(api: ApiStandIn, client: ApiClient, tmp_path: Path) -> None:
    made = fill(api)
    run(tmp_path, client)
    api.world.add_message(made[1], "one more")
    api.world.threads[made[2]]["title"] = "A better title"
    api.world.threads[made[3]]["status"] = {"type": "locked", "reason": "full"}
    (tmp_path / f"{file_stem(made[4], api.world.threads[made[4]]['created_at'])}.md").unlink()
    api.world.add_thread("me", "New")
    names = set(files(tmp_path))
    summary = run(tmp_path, client)
    assert (summary.written, summary.unchanged) == (5, 1)
    assert names < set(files(tmp_path)), "a new title makes no new name"
    assert any(b"A better title" in content for content in files(tmp_path).values())


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"schema": "other"}', b"\xff\xff", b'{"items": 7}'])
def test_a_damaged_file_is_written_again(api: ApiStandIn, client: ApiClient, tmp_path: Path, damage: bytes) -> None:
    fill(api, 1)
    run(tmp_path, client)
    before = files(tmp_path)
    next(tmp_path.glob("*.json")).write_bytes(damage)
    assert run(tmp_path, client).written == 1
    assert files(tmp_path) == before


def test_a_file_of_a_newer_version_is_not_overwritten(api: ApiStandIn, client: ApiClient, tmp_path: Path) -> None:
    fill(api, 1)
    run(tmp_path, client)
    path = next(tmp_path.glob("*.json"))
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "version": 2}))
    before = files(tmp_path)
    assert run(tmp_path, client).unchanged == 1
    assert files(tmp_path) == before


def test_nothing_is_ever_deleted(api: ApiStandIn, client: ApiClient, tmp_path: Path) -> None:
    made = fill(api)
    run(tmp_path, client)
    before = files(tmp_path)
    api.world.delete_thread(made[3])
    del api.world.items[made[0]][0]
    api.world.add_message(made[0], "said later")
    (tmp_path / "notes of my own.txt").write_text("keep")
    run(tmp_path, client)
    run(tmp_path, client)
    after = files(tmp_path)
    assert set(before) < set(after)
    assert after["notes of my own.txt"] == b"keep"
    aside = [name for name in after if ".before-" in name]
    assert len(aside) == 1, "what OpenAI no longer has was set aside, once"
    assert json.loads(after[aside[0]]) == json.loads(before[aside[0].replace(".before-1", "")])
    assert not [path for path in api.paths() if path.startswith("DELETE")]
    assert api.paths("DELETE") == []


def test_a_thread_deleted_while_it_is_read_is_counted_and_leaves_nothing(
    api: ApiStandIn, client: ApiClient, tmp_path: Path
) -> None:
    made = fill(api)

    def progress(done: int, total: int | None, _title: str) -> None:
        if total is not None and done == 2:
            with api.world.lock:
                api.world.delete_thread(made[2])  # newest first: this one is next

    summary = run(tmp_path, client, progress=progress)
    assert (summary.written, summary.vanished, summary.ok) == (4, 1, True)
    assert len(files(tmp_path)) == 8


def test_progress_is_told_from_the_start_to_the_end(api: ApiStandIn, client: ApiClient, tmp_path: Path) -> None:
    fill(api, 3)
    told: list[tuple[int, int | None, str]] = []
    run(tmp_path, client, progress=lambda *step: told.append(step))
    assert told == [(0, None, ""), (0, 3, "Chat 2"), (1, 3, "Chat 1"), (2, 3, "Chat 0"), (3, 3, "")]


def test_a_cancel_ends_it_and_the_next_run_goes_on(api: ApiStandIn, client: ApiClient, tmp_path: Path) -> None:
    fill(api)
    cancel = threading.Event()

    def progress(done: int, _total: int | None, _title: str) -> None:
        if done == 2:
            cancel.set()

    summary = run(tmp_path, client, progress=progress, cancel=cancel)
    assert summary.cancelled
    assert not summary.ok
    assert summary.written == 2
    again = run(tmp_path, client)
    assert (again.written, again.unchanged) == (3, 2)


def test_a_cancel_ends_a_wait_that_the_api_asked_for(api: ApiStandIn, client: ApiClient, tmp_path: Path) -> None:
    fill(api)
    api.fail("rate_limited", headers={"Retry-After": "500"})
    cancel = threading.Event()
    ended: list[Summary] = []
    worker = threading.Thread(target=lambda: ended.append(run(tmp_path, client, cancel=cancel)), daemon=True)
    worker.start()
    while not api.requests:
        worker.join(0.01)
    cancel.set()
    worker.join(30)
    assert ended[0].cancelled


class PatientEvent(threading.Event):
    """A cancel that is never set and writes down how long it was waited on."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout)
        return False


def test_rate_limits_are_obeyed_and_the_run_goes_on(api: ApiStandIn, client: ApiClient, tmp_path: Path) -> None:
    fill(api)
    api.fail("rate_limited", times=2, on="/items", headers={"Retry-After": "120"})
    api.fail("server_error_503", times=2, on="/items")
    cancel = PatientEvent()
    assert run(tmp_path, client, cancel=cancel).written == 5
    assert cancel.waits == [120.0, 120.0, 0.0, 0.0]


@pytest.mark.parametrize(("fault", "expected"), [("key_rejected", KeyRejected), ("quota_exceeded", QuotaExceeded)])
def test_what_will_not_pass_ends_the_run_and_keeps_what_is_written(
    api: ApiStandIn, client: ApiClient, tmp_path: Path, fault: str, expected: type[Exception]
) -> None:
    fill(api)

    def progress(done: int, _total: int | None, _title: str) -> None:
        if done == 2:
            api.fail(fault)

    summary = run(tmp_path, client, progress=progress)
    assert isinstance(summary.error, expected)
    assert not summary.ok
    assert len(files(tmp_path)) == 4
    api.heal()
    assert run(tmp_path, client).ok


def test_one_thread_that_cannot_be_read_does_not_stop_the_others(
    api: ApiStandIn, client: ApiClient, tmp_path: Path
) -> None:
    made = fill(api)
    api.fail("bad_request", on=f"{made[1]}/items")
    summary = run(tmp_path, client)
    assert (summary.written, summary.failed) == (4, 1)
    assert isinstance(summary.error, RequestRejected)


def test_a_folder_that_cannot_be_written_is_named(api: ApiStandIn, client: ApiClient, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    summary = run(tmp_path / "taken", client)
    assert isinstance(summary.error, FolderUnwritable)


def test_since_limit_and_ids_choose(api: ApiStandIn, client: ApiClient, tmp_path: Path) -> None:
    made = fill(api)
    assert run(tmp_path / "a", client, since=1_760_000_000 + 3 * 86_400).written == 2
    assert run(tmp_path / "b", client, limit=1).written == 1
    assert run(tmp_path / "c", client, ids=[made[2], made[2], "cthr_missing"]) == Summary(
        tmp_path / "c", total=2, written=1, vanished=1
    )


WORKER = """
import sys
from pathlib import Path
from desktop.archive import ThreadArchive
from desktop.openai_api.client import ApiClient, Endpoint
with ApiClient(Endpoint(sys.argv[1]), "sk-standin-x") as client:
    print(ThreadArchive(Path(sys.argv[2]), client, "me").run().ok)
"""


def test_checklist_24_killed_at_any_point_it_resumes_to_the_identical_result(tmp_path: Path) -> None:
    chance = random.Random(2026)
    with ApiStandIn(delay=0.03) as api:  # slow enough that the kills come in the middle on a busy machine too
        for number in range(40):
            api.world.add_thread("me", f"Chat {number}", created_at=1_760_000_000 + number, messages=1 + number % 5)
        folder = tmp_path / "killed"
        kills = 0
        for _ in range(10):
            worker = subprocess.Popen(
                [sys.executable, "-c", WORKER, api.base, str(folder)], cwd=ROOT, stdout=subprocess.DEVNULL
            )
            goal = len(api.requests) + 1 + len(list(folder.glob("*.json"))) + chance.randint(0, 4)
            while len(api.requests) < goal and worker.poll() is None:
                time.sleep(0.001)
            time.sleep(chance.random() * 0.01)
            if worker.poll() is None:
                os.kill(worker.pid, signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
                kills += 1
            worker.wait(60)
            for path in folder.glob("*.json"):
                assert json.loads(path.read_bytes())["schema"] == archive.SCHEMA, "no half-written file"
                assert path.with_suffix(".md").exists(), "where the JSON is, the thread is complete"
        assert kills >= 5
        assert 0 < len(list(folder.glob("*.json"))) < 40, "there was something left to resume"
        with ApiClient(Endpoint(api.base), KEY) as client:
            assert run(folder, client).ok
            assert run(tmp_path / "clean", client).ok
            for leftover in folder.glob(".*.tmp"):
                os.utime(leftover, (1, 1))  # as if ten minutes had gone by
            for thread in api.world.threads.values():
                thread["title"] += "!"
            assert run(folder, client).written == 40
            assert run(tmp_path / "clean", client).written == 40
    assert files(folder) == files(tmp_path / "clean")


# --- names and Markdown -----------------------------------------------------------------------


@given(st.text(min_size=1, max_size=300), st.one_of(st.integers(), st.floats(), st.none(), st.text()))
def test_any_id_makes_a_name_that_every_system_takes(thread_id: str, created_at: object) -> None:
    stem = file_stem(thread_id, created_at)
    assert len(stem) < 120
    assert all(char in "abcdefghijklmnopqrstuvwxyz0123456789_-" for char in stem)
    assert stem[0].isalnum()


@given(st.text(min_size=1, max_size=100), st.text(min_size=1, max_size=100))
def test_two_ids_never_share_a_name(one: str, other: str) -> None:
    if one != other:
        assert file_stem(one, 1) != file_stem(other, 1)
    assert file_stem("cthr_AB", 1) != file_stem("cthr_ab", 1)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8,
)  # fmt: skip


@given(st.lists(st.dictionaries(
    st.sampled_from(["type", "content", "text", "tasks", "attachments", "widget", "arguments", "output", "created_at"]),
    JSON_VALUES | st.sampled_from(["chatkit.user_message", "chatkit.assistant_message", "chatkit.task_group"])),
    max_size=4))  # fmt: skip
def test_any_items_can_be_written(items: list[dict[str, Any]]) -> None:
    document = {"schema": archive.SCHEMA, "version": 1, "thread": {"id": "x", "title": None}, "items": items}
    assert json.loads(to_json(document).encode()) == document
    assert to_markdown(document, Catalogue("fr")).encode()


def test_half_a_surrogate_pair_is_kept_in_json() -> None:
    document = {"schema": archive.SCHEMA, "version": 1, "thread": {"id": "x"}, "items": [{"text": "\ud83d"}]}
    assert json.loads(to_json(document).encode()) == document
    assert to_markdown(document, Catalogue("en")).encode()


def test_the_markdown_reads_well_and_keeps_who_said_what_apart(
    api: ApiStandIn, client: ApiClient, tmp_path: Path
) -> None:
    thread_id = api.world.add_thread("me", "Line one\n# not a heading", created_at=1_760_000_000)
    api.world.add_message(thread_id, "# Fake heading\n## Assistant\nI said nothing")
    api.world.add_answer(thread_id, "Use `code`:\n\n```py\nprint(1)\n```")
    api.world.add_one_of_each(thread_id)
    run(tmp_path, client)
    text = next(tmp_path.glob("*.md")).read_text("utf-8")
    assert text.startswith("# Line one # not a heading\n\n*Begun on 2025-10-09 08:53 UTC")
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert [line.split(" · ")[0] for line in headings[1:]] == [
        "## You", "## Assistant", "## You", "## Assistant", "## Widget", "## Tool switch_theme", "## Step", "## Steps",
    ]  # fmt: skip
    assert "> # Fake heading" in text
    assert "Attachment: plan.pdf" in text
    assert "- https://example.test/a" in text
    assert "> > what was said before" in text
