"""Full-text search of chats: what goes into the index, what a query finds, and the passage shown.

Each word typed matches the beginning of a word ("wor" finds "world"). Accents and case are ignored. All words must
match. Knows the tables, not the store.
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from desktop.agents.store.columns import clean, text_of, utc

WORDS = 12
"""The most words used of a query."""
LONGEST = 500
"""The most characters used of a query."""
WALKED = 10_000
"""Hits examined per search: enough for a hundred chats with a hundred hits each."""
BEFORE, AFTER = 40, 120
"""Characters of a passage before and after the first match."""

# SQLite's tokenizer separates words by spaces and knows letters up to Unicode 6.1. Text in scripts without spaces is
# split into single characters, and an emoji becomes a word such as u1f44d.
_ALONE = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_PICTURE = re.compile("[\u2190-\u2bff\U0001f000-\U0001faff]")
_MARKS = "[\u0300-\u036f]*"
_WORD = re.compile(r"[^\W_]")
_FORMATTING = re.compile(r"^[-:| \t]+$|^[ \t]*#{1,6}[ \t]+|\*\*|`+|\|", re.MULTILINE)
"""Markdown syntax removed from passages."""
_START, _END = rf"(?:(?<![^\W_])|(?<={_ALONE.pattern}))", r"(?![^\W_])"


@dataclass(frozen=True)
class Passage:
    """A piece of text with its matches: pairs of start and end, in characters."""

    text: str
    ranges: tuple[tuple[int, int], ...] = ()

    def wire(self) -> dict[str, Any]:
        """For a page, with ranges in UTF-16 units: an emoji counts as two."""
        at = [0]
        for character in self.text:
            at.append(at[-1] + (2 if ord(character) > 0xFFFF else 1))
        return {"text": self.text, "ranges": [[at[start], at[end]] for start, end in self.ranges]}


@dataclass(frozen=True)
class Hit:
    """A thread found by its title (`item_id` is None), or by its newest matching message."""

    thread_id: str
    agent_id: str
    title: Passage
    created_at: datetime
    """The thread's time, in UTC."""
    item_id: str | None = None
    passage: Passage | None = None
    hidden: bool = False
    """Whether the message is of a version of the chat that is not shown."""


def indexed(text: str) -> str:
    """`text` as it goes into the index."""
    text = _ALONE.sub(r" \g<0> ", clean(text))
    return _PICTURE.sub(lambda found: f" u{ord(found[0]):x} ", text)


def agent_word(agent_id: str) -> str:
    """The word for an agent in the index."""
    return "x" + clean(agent_id).encode().hex()


def index(
    connection: sqlite3.Connection,
    table: Literal["thread_words", "item_words"],
    seq: int,
    agent_id: str,
    text: str | None,
) -> None:
    """Index the row `seq` by the words of `text`, replacing its previous words."""
    connection.execute(f"DELETE FROM {table} WHERE rowid = ?", (seq,))  # noqa: S608 - one of two names
    if text:
        connection.execute(
            f"INSERT INTO {table} (rowid, agent, words) VALUES (?, ?, ?)",  # noqa: S608 - as above
            (seq, agent_word(agent_id), indexed(text)),
        )


def words_of(query: str) -> list[str]:
    """The usable words of a query; empty if it has no letter, digit or emoji."""
    typed = clean(query)[:LONGEST].replace("\0", " ").split()
    return [word for word in typed if _WORD.search(indexed(word))][:WORDS]


def match(words: list[str], agent_id: str | None) -> str:
    """The query in FTS5 syntax. Words are quoted, so nothing typed acts as an operator."""
    quoted = []
    for word in words:
        inside = indexed(word).strip().replace('"', " ")
        # A single letter is searched as a whole word; as a prefix it would match nearly everything.
        quoted.append(f'"{inside}"' if len(inside) == 1 and inside.isascii() else f'"{inside}"*')
    asked = f"words : ({' AND '.join(quoted)})"
    return asked if agent_id is None else f"agent : {agent_word(agent_id)} AND {asked}"


def find(
    connection: sqlite3.Connection, query: str, agent_id: str | None, limit: int, *, versions: bool = False
) -> list[Hit]:
    """One hit per thread: first those found by title, newest first, then those found by a message, newest message
    first. `versions`: whether these chats have any."""
    words = words_of(query)
    if not words or limit < 1:
        return []
    asked, pattern = match(words, agent_id), pattern_of(words)
    hits: dict[int, Hit] = {}
    for seq, thread, agent, title, created in connection.execute(
        "SELECT t.seq, t.id, t.agent, t.title, t.created "
        "FROM thread_words JOIN threads t ON t.seq = thread_words.rowid "
        "WHERE thread_words MATCH ? ORDER BY thread_words.rowid DESC LIMIT ?",
        (asked, limit),
    ):
        hits[seq] = Hit(thread, agent, _whole(title or "", pattern), utc(created))
    newest: dict[int, int] = {}
    column = "i.hidden" if versions else "0"
    walk = connection.execute(
        "SELECT i.thread, i.seq FROM item_words JOIN items i ON i.seq = item_words.rowid "
        "WHERE item_words MATCH ? ORDER BY item_words.rowid DESC LIMIT ?",
        (asked, WALKED),
    )
    for thread_seq, item_seq in walk:
        if len(hits) + len(newest) >= limit:
            break
        if thread_seq not in hits:
            newest.setdefault(thread_seq, item_seq)
    walk.close()
    for thread_seq, item_seq in newest.items():
        thread, agent, title, created, item, kind, body, hidden = connection.execute(
            f"SELECT t.id, t.agent, t.title, t.created, i.id, i.kind, i.body, {column} "  # noqa: S608 - ours
            "FROM items i JOIN threads t ON t.seq = i.thread WHERE i.seq = ?",
            (item_seq,),
        ).fetchone()
        text = text_of(kind, body)
        passage = passage_of(_FORMATTING.sub("", text) if kind == "assistant_message" else text, pattern)
        hits[thread_seq] = Hit(thread, agent, _whole(title or "", pattern), utc(created), item, passage, bool(hidden))
    return list(hits.values())


def title_finder(query: str) -> Callable[[str], Passage | None]:
    """A function that finds every word of `query` in a title, for titles not in the index."""
    words = words_of(query)
    each, all_of_them = [pattern_of([word]) for word in words], pattern_of(words) if words else None

    def look(title: str) -> Passage | None:
        folded = fold(title)
        if all_of_them is None or not all(one.search(folded) for one in each):
            return None
        return _whole(title, all_of_them)

    return look


# --- the passage ------------------------------------------------------------------------------


class _Fold(dict[int, str]):
    """Maps each character to one character: its lower-case letter without accent. White space becomes a space."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        base = unicodedata.normalize("NFD", character)[0]
        folded = " " if character.isspace() else (base.lower()[:1] or character)
        self[code] = folded
        return folded


_FOLD = _Fold()


def fold(text: str) -> str:
    """`text` folded for comparison, with the same length."""
    return text.lower() if text.isascii() else text.translate(_FOLD)


def pattern_of(words: list[str]) -> re.Pattern[str]:
    """A pattern for the words in a folded text. Combining accents may be in between."""
    parts = []
    for word in words:
        inner = [p for p in re.split(r"[\W_]+", fold(unicodedata.normalize("NFC", word))) if p] or [word]
        spelled = r"[\W_]+".join(_MARKS.join(map(re.escape, part)) for part in inner)
        starts_alone = _ALONE.match(inner[0]) or not _WORD.match(inner[0])
        whole = len(word) == 1 and word.isascii()
        parts.append(("" if starts_alone else _START) + spelled + _MARKS + (_END if whole else ""))
    return re.compile("|".join(sorted(parts, key=len, reverse=True)))


def _whole(text: str, pattern: re.Pattern[str]) -> Passage:
    return Passage(text, tuple(found.span() for found in pattern.finditer(fold(text))))


def passage_of(text: str, pattern: re.Pattern[str]) -> Passage:
    """The part of `text` around the first match, on one line, with "…" where it was cut."""
    folded = fold(text)
    first = pattern.search(folded)
    start = 0 if first is None else max(0, first.start() - BEFORE)
    end = min(len(text), AFTER if first is None else max(first.start() + AFTER, first.end()))
    if start:
        space = folded.find(" ", start, first.start() if first else end)
        start = space + 1 if space >= 0 else start
    if end < len(text):
        space = folded.rfind(" ", max(start, end - 20), end)
        end = space if space > (first.end() if first else start) else end
    piece = "".join(" " if character.isspace() else character for character in text[start:end])
    lead = "…" if start else ""
    ranges = tuple(
        (found.start() - start + len(lead), found.end() - start + len(lead))
        for found in pattern.finditer(folded, start, end)
    )
    return Passage(f"{lead}{piece}{'…' if end < len(text) else ''}", ranges)
