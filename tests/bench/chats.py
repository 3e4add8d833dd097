"""The store of chats when there are many: how long its list and its search take, and how long filling it took."""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import cast

from desktop.agents.store import columns, database, documents, search
from desktop.agents.store.threads import SqliteStore
from tests.agents.things import ME, NOON, answer, said, thread
from tests.bench.figures import Figure, summary

THREADS, ITEMS = 10_000, 100
TIMES = 30
SHOWN = 60
"""Chats on a page of the list, as the built-in view asks for them."""
AT_ONCE = 200
"""Chats filled in one transaction."""
SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]
RARE = "quetzal"
"""A word of one message alone."""
OLD = "zebra"
"""A word of every message in a few old chats: many hits, few chats."""
OLD_SHARE = 1000
"""One chat of so many holds it."""
APART = ("evenly", "oddly")
"""Each stands in half of all messages, both together in none: the index has to look at all of them."""


def measure(threads: int = THREADS, items: int = ITEMS, times: int = TIMES) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="chatkit-desktop-bench-") as folder:
        path = Path(folder) / "threads.sqlite3"
        began = time.perf_counter()
        fill(path, threads, items)
        built: dict[str, object] = {
            "chats": threads,
            "items of each": items,
            "filled in (s)": round(time.perf_counter() - began, 1),
            "file (MB)": round(path.stat().st_size / 1e6, 1),
        }
        return asyncio.run(_measure(path, times, built))


async def _measure(path: Path, times: int, built: dict[str, object]) -> list[Figure]:
    before = time.perf_counter()
    store = SqliteStore(path)
    built["opened in (ms)"] = round((time.perf_counter() - before) * 1000, 1)
    try:
        common, other = words(random.Random(0))[:2]
        last = (await store.load_threads(SHOWN, None, "desc", ME)).after
        lists: dict[str, Callable[[], Awaitable[object]]] = {
            "the newest": lambda: store.load_threads(SHOWN, None, "desc", ME),
            "the next": lambda: store.load_threads(SHOWN, last, "desc", ME),
            "of all agents, with counts": lambda: store.records(limit=SHOWN),
        }
        searches: dict[str, Callable[[], Awaitable[object]]] = {
            what: lambda query=query: store.search(query, ME.agent_id)  # type: ignore[misc]
            for what, query in {
                "two letters": common[:2],
                "a common word": common,
                "two words": f"{common} {other}",
                "a rare word": RARE,
                "a word of old chats": OLD,
                "two words that never meet": " ".join(APART),
                "nothing": "xylophone",
            }.items()
        }
        listed = await _slowest("list of chats", lists, times, 20.0, built)
        found: dict[str, object] = {}
        searched = await _slowest("search in chats", searches, times, 50.0, {"chats found": found})
        found |= {what: len(cast("list[object]", await ask())) for what, ask in searches.items()}
        return [listed, searched]
    finally:
        store.close()


async def _slowest(
    name: str, asked: dict[str, Callable[[], Awaitable[object]]], times: int, target: float, details: dict[str, object]
) -> Figure:
    """The median of the slowest kind; what was never asked before is told as well."""
    taken: dict[str, list[float]] = {}
    first: dict[str, float] = {}
    for what, ask in asked.items():
        taken[what] = []
        for turn in range(times + 1):
            before = time.perf_counter()
            await ask()
            seconds = time.perf_counter() - before
            if turn:
                taken[what].append(seconds)
            else:
                first[what] = round(seconds * 1000, 1)
    slowest = max(median(values) for values in taken.values())
    told = {f"{what} (ms)": summary(values, 1000) for what, values in taken.items()}
    return Figure(name, slowest * 1000, "ms", target, {**details, "times": times, **told, "first time (ms)": first})


def words(choose: random.Random) -> list[str]:
    """Some thousand invented words, the frequent ones first."""
    return sorted({"".join(choose.choices(SYLLABLES, k=choose.randint(2, 4))) for _ in range(4000)}, key=len)


def fill(path: Path, threads: int, items: int) -> None:
    """As the store would have written it, many rows at a time: one by one it would take an hour."""
    choose = random.Random(0)
    known = words(choose)
    chances = [1 / (place + 10) for place in range(len(known))]  # words come as often as in a language
    agent = search.agent_word(ME.agent_id)
    marked = "\ue000"
    bodies = [
        (item.type, documents.item_body(item).split(json.dumps(marked, ensure_ascii=False)))
        for item in (said(marked), answer(marked))
    ]
    thread_body, noon = documents.thread_body(thread()), columns.to_microseconds(NOON)
    connection, _ = database.open_database(path)
    with closing(connection):
        connection.execute("PRAGMA secure_delete = OFF")  # nothing is deleted here, only merged
        for start in range(0, threads, AT_ONCE):
            chats = range(start, min(start + AT_ONCE, threads))
            connection.execute("BEGIN")
            titles = [" ".join(choose.choices(known, chances, k=4)) for _ in chats]
            connection.executemany(
                "INSERT INTO threads (seq, id, agent, title, created, updated, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (number + 1, f"thr_{number}", ME.agent_id, title, noon + number, noon + number, thread_body)
                    for number, title in zip(chats, titles, strict=True)
                ],
            )
            connection.executemany(
                "INSERT INTO thread_words (rowid, agent, words) VALUES (?, ?, ?)",
                [(number + 1, agent, title) for number, title in zip(chats, titles, strict=True)],
            )
            rows: list[tuple[object, ...]] = []
            texts: list[tuple[object, ...]] = []
            for number in chats:
                for turn in range(items):
                    seq = number * items + turn + 1
                    text = " ".join(choose.choices(known, chances, k=choose.randint(4, 16)))
                    text += f" {APART[turn % 2]}"
                    if seq == items:
                        text += f" {RARE}"
                    if number < threads // OLD_SHARE:
                        text += f" {OLD}"
                    kind, around = bodies[turn % 2]
                    body = f'"{text}"'.join(around)
                    rows.append((seq, f"msg_{number}_{turn}", number + 1, kind, noon + seq, body))
                    texts.append((seq, agent, text))
            connection.executemany(
                "INSERT INTO items (seq, id, thread, kind, created, body) VALUES (?, ?, ?, ?, ?, ?)", rows
            )
            connection.executemany("INSERT INTO item_words (rowid, agent, words) VALUES (?, ?, ?)", texts)
            connection.execute("COMMIT")
