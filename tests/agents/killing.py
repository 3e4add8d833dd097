"""Kills the thread store at random moments, over and over, and looks whether anything acknowledged was lost.

`python -m tests.agents.killing --rounds 1000` prints one JSON object; exit code 1 where something was lost.
Children are forked from one process that has imported everything, so a round takes milliseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import select
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from chatkit.types import ThreadItem

from desktop.agents.store.attachments import AttachmentFiles
from desktop.agents.store.schema import STEPS, Step
from desktop.agents.store.threads import SqliteStore
from tests.agents import first_version
from tests.agents.things import ME, answer, said, thread

Acknowledge = Callable[[str], None]


def _content(name: str) -> str:
    """What an item of this name holds: between a few bytes and some pages."""
    length = random.Random(name).choice((5, 200, 3000, 30_000))
    return f"{name} {'lorem ipsum ' * (length // 12)}{name}"


# --- what is killed ---------------------------------------------------------------------------


async def write(path: Path, acknowledge: Acknowledge, seed: int) -> None:
    """Several chats at once add, change, rename and delete, and say what was done once it was."""
    store = SqliteStore(path)
    files = AttachmentFiles(store, path.parent / "attachments")
    assert store.notices == [], store.notices

    async def chat(number: int) -> None:
        choose = random.Random(f"{seed}.{number}")
        here = f"thr_{seed}_{number}"
        await store.save_thread(thread(here, "new"), ME)
        acknowledge(f"thread {here} new")
        alive: list[str] = []
        for turn in range(10_000):
            name = f"msg_{seed}_{number}_{turn}"
            what = choose.random()
            if what < 0.6 or not alive:
                await store.add_thread_item(here, (said if turn % 2 else answer)(_content(name), name), ME)
                acknowledge(f"item {name} {name}")
                alive.append(name)
            elif what < 0.75:
                known = choose.choice(alive)
                await store.save_item(here, said(_content(name), known), ME)
                acknowledge(f"item {known} {name}")
            elif what < 0.8:
                await _another_version(store, here, choose, said(_content(name), name), alive)
                acknowledge(f"item {name} {name}")
                alive.append(name)
            elif what < 0.85:
                await store.save_thread(thread(here, name), ME)
                acknowledge(f"thread {here} {name}")
            elif what < 0.95:
                known = alive.pop(choose.randrange(len(alive)))
                acknowledge(f"deleting {known}")
                await store.delete_thread_item(here, known, ME)
                acknowledge(f"deleted {known}")
            else:
                kept = await files.add(name, "text/plain", _content(name).encode(), ME)
                acknowledge(f"file {kept.id} {name}")

    await asyncio.gather(*(chat(number) for number in range(4)))


async def _another_version(
    store: SqliteStore, here: str, choose: random.Random, made: ThreadItem, alive: Sequence[str]
) -> None:
    """Shows one of the versions and begins another: after the last message of it, or in its place."""
    await store.show_version(here, choose.choice(alive), ME)
    shown = (await store.load_thread_items(here, None, 1000, "desc", ME)).data
    asked = next((item.id for item in shown if item.type == "user_message"), None)
    if asked is not None:
        await store.branch(here, asked, ME, instead=choose.random() < 0.5)
    await store.add_thread_item(here, made, ME)
    await store.branched(here, ME)


def _slowly(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE items ADD COLUMN starred INTEGER NOT NULL DEFAULT 0")
    connection.execute("UPDATE items SET starred = length(body)")
    connection.execute("CREATE INDEX items_starred ON items (starred, body)")


def _again(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE items SET starred = -starred, body = body || ' '")


OLD = 1
"""The version that is migrated."""
LATER: Sequence[Step] = (*STEPS, _slowly, _again)


async def migrate(path: Path, acknowledge: Acknowledge, seed: int) -> None:
    """Opens an older database."""
    store = SqliteStore(path, steps=LATER)
    acknowledge(f"version {len(LATER)}")
    store.close()


# --- what is looked at ------------------------------------------------------------------------


def _lost_by_writing(path: Path, said_: list[str]) -> list[str]:
    """What was acknowledged and is not so. What was being done when the kill came may have been done as well."""
    with closing(sqlite3.connect(path)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone():
            return ["no tables"] if said_ else []  # killed before the first table was made
        wrong = _unsound(connection) + _torn_branches(connection)
        now: dict[str, str] = dict(connection.execute("SELECT id, title FROM threads"))
        for item, body in connection.execute("SELECT id, body FROM items"):
            text = json.loads(body)["content"][0]["text"]
            now[item] = text.split(" ")[0]
            if text != _content(now[item]):
                wrong.append(f"{item} is torn")
    versions: dict[str, list[str]] = {}
    ends: dict[str, str] = {}
    for line in said_:
        what, name, *rest = line.split(" ")
        versions.setdefault(name, []).extend(rest)
        ends[name] = what
    for name, what in ends.items():
        if what in ("thread", "item") and name not in now:
            wrong.append(f"{name} is gone")
        elif what in ("thread", "item") and now[name] in versions[name][:-1]:
            wrong.append(f"{name} is what it was before")
        elif what == "deleted" and name in now:
            wrong.append(f"{name} is back")
        elif what == "file":
            file = path.parent.parent / "written" / "attachments" / name
            if not file.exists() or file.read_text() != _content(versions[name][-1]):
                wrong.append(f"file {name} is gone")
    return wrong


def _torn_branches(connection: sqlite3.Connection) -> list[str]:
    """In every chat what is shown is one branch: each item stands after the one before."""
    wrong = []
    for (thread_seq,) in connection.execute("SELECT seq FROM threads").fetchall():
        before = 0
        for seq, parent in connection.execute(
            "SELECT seq, parent FROM items WHERE thread = ? AND hidden = 0 ORDER BY seq", (thread_seq,)
        ):
            if parent != before:
                wrong.append(f"item {seq} stands after {parent}, not {before}")
            before = seq
    return wrong


def _lost_by_migrating(path: Path, said_: list[str], before: list[str]) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        wrong = _unsound(connection)
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        ids = [row[0] for row in connection.execute("SELECT id FROM items ORDER BY seq")]
        if not OLD <= version <= len(LATER) or (said_ and version != len(LATER)):
            wrong.append(f"version {version}")
        if ids != before:
            wrong.append(f"{len(ids)} of {len(before)} items")
        if version > len(STEPS):
            sign = -1 if version == len(LATER) else 1
            (half,) = connection.execute("SELECT count(*) FROM items WHERE starred * ? <= 0", (sign,)).fetchone()
            if half:
                wrong.append(f"{half} items are half migrated")
    copy = path.with_name(f"threads.before-version-{OLD + 1}.sqlite")
    if copy.exists():
        with closing(sqlite3.connect(copy)) as connection:
            wrong += _unsound(connection)
            if [row[0] for row in connection.execute("SELECT id FROM items ORDER BY seq")] != before:
                wrong.append("the copy is not whole")
    elif version > OLD:
        wrong.append("no copy")
    return wrong


def _unsound(connection: sqlite3.Connection) -> list[str]:
    wrong = [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
    wrong += [f"foreign key: {row}" for row in connection.execute("PRAGMA foreign_key_check")]
    for table in ("thread_words", "item_words"):
        try:
            connection.execute(f"INSERT INTO {table} ({table}) VALUES ('integrity-check')")  # noqa: S608 - ours
        except sqlite3.Error as error:
            wrong.append(f"{table}: {error}")
    (words,) = connection.execute("SELECT count(*) FROM item_words").fetchone()
    (messages,) = connection.execute("SELECT count(*) FROM items WHERE kind LIKE '%message'").fetchone()
    if words != messages:
        wrong.append(f"{words} indexed of {messages}")
    return wrong


# --- the killing ------------------------------------------------------------------------------


def _killed(job: Callable[[Acknowledge], None], after: float) -> list[str]:
    """Forks, lets `job` run for `after` seconds, kills it; gives the lines it acknowledged."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            job(lambda line: _say(writing, line))
            os._exit(0)
        except BaseException as error:  # noqa: BLE001 - told to the parent
            _say(writing, f"failed {type(error).__name__}:{error}".replace("\n", " "))
            os._exit(3)
    os.close(writing)
    ends = time.monotonic() + after
    got = b""
    while (left := ends - time.monotonic()) > 0:
        ready, _, _ = select.select([reading], [], [], left)
        piece = os.read(reading, 65536) if ready else b""
        if ready and not piece:
            break
        got += piece
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while piece := os.read(reading, 65536):
        got += piece
    os.close(reading)
    return got.decode().split("\n")[:-1]


def _say(handle: int, line: str) -> None:
    os.write(handle, f"{line}\n".encode())


def run(rounds: int, seed: int, folder: Path) -> dict[str, object]:
    """`rounds` kills, one in four of them across a migration. What was lost stands in `wrong`."""
    choose = random.Random(seed)
    wrong: list[str] = []
    acknowledged = kills_of_migrations = migrated = 0

    # Grown from kill to kill, and begun anew now and then, so that the making of the tables is killed too.
    path = folder / "written" / "threads.sqlite"
    lines: list[str] = []

    old = folder / "old"
    filled = folder / "filled.sqlite"
    _in_child(lambda: _fill(filled))
    with closing(sqlite3.connect(filled)) as connection:
        before = [row[0] for row in connection.execute("SELECT id FROM items ORDER BY seq")]

    for number in range(rounds):
        if number % 4 == 3:
            shutil.rmtree(old, ignore_errors=True)
            old.mkdir(mode=0o700)
            shutil.copy(filled, old / "threads.sqlite")
            said_ = _killed(lambda say: asyncio.run(migrate(old / "threads.sqlite", say, 0)), choose.uniform(0, 0.6))
            kills_of_migrations += 1
            migrated += bool(said_)
            wrong += [f"round {number}: {line}" for line in said_ if line.startswith("failed")]
            wrong += [f"round {number}: {line}" for line in _lost_by_migrating(old / "threads.sqlite", said_, before)]
            continue
        if number % 40 == 0:
            shutil.rmtree(path.parent, ignore_errors=True)
            lines = []
        here = seed * 1_000_000 + number
        said_ = _killed(lambda say, here=here: asyncio.run(write(path, say, here)), choose.uniform(0, 0.15))
        wrong += [f"round {number}: {line}" for line in said_ if line.startswith("failed")]
        acknowledged += len(said_)
        lines += [line for line in said_ if not line.startswith("failed")]
        # A copy is looked at: the next child is to find the file as the kill left it.
        seen = folder / "seen"
        shutil.rmtree(seen, ignore_errors=True)
        seen.mkdir()
        for file in path.parent.glob("threads.sqlite*"):
            if not file.name.endswith("-shm"):
                shutil.copy(file, seen)
        if (seen / path.name).exists():
            wrong += [f"round {number}: {line}" for line in _lost_by_writing(seen / path.name, lines)]
        elif lines:
            wrong.append(f"round {number}: no database")
    return {
        "ok": not wrong,
        "kills": rounds,
        "kills_while_migrating": kills_of_migrations,
        "migrations_finished": migrated,
        "acknowledged": acknowledged,
        "wrong": wrong[:50],
    }


def _fill(path: Path) -> None:
    items = [said(_content(f"msg_{number}"), f"msg_{number}") for number in range(400)]
    first_version.write(path, "thr_1", "Old", items)


def _in_child(job: Callable[[], None]) -> None:
    """Threads and `fork` don't go together: this process never opens a store itself."""
    child = os.fork()
    if child == 0:
        job()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = run(arguments.rounds, arguments.seed, Path(folder))
    print(json.dumps({**result, "seed": arguments.seed}))  # noqa: T201 - that is what it is for
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
