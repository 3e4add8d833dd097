"""Hosted chats copied to disk: per thread one JSON file that loses nothing, and one Markdown file to read.

Only ever adds: nothing is deleted, here or at OpenAI. Knows no window and no terminal; whoever runs it is told
how far it is. What is on disk already is its memory: killed at any point, the next run goes on.

The JSON file, schema `chatkit-desktop/thread`, version 1:
    {"schema": "chatkit-desktop/thread", "version": 1,
     "source": {"kind": "openai", "host": "api.openai.com"},
     "thread": {…as the API gives it…}, "items": [{…as the API gives it…}, …oldest first]}
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from random import random as random_number
from typing import TYPE_CHECKING, Any

from desktop.errors import (
    AppError,
    BadAnswer,
    FileUnreadable,
    FolderUnwritable,
    RequestRejected,
    ThreadNotFound,
    TimedOut,
)
from desktop.files import ensure_private_dir, read_limited, write_private
from desktop.openai_api import threads
from desktop.openai_api.client import WORTH_RETRYING, Requests, with_retries

if TYPE_CHECKING:
    from desktop.errors import Catalogue
    from desktop.openai_api.wire import Thread

SCHEMA = "chatkit-desktop/thread"
VERSION = 1
RETRIES = 8
PATIENCE = 600.0
"""Seconds an archive run waits where the API asks for it: nobody sits in front of it."""
LARGEST = 512 * 1024 * 1024

Progress = Callable[[int, int | None, str], None]
"""(threads done, threads in all or None while they are counted, title of the next one)"""
Document = dict[str, Any]


@dataclass(frozen=True)
class Summary:
    """What a run did. `error` is what ended it early, or the first failure of a thread; None: all is well."""

    folder: Path
    total: int = 0
    written: int = 0
    unchanged: int = 0
    vanished: int = 0
    """Deleted at OpenAI while the run went on."""
    failed: int = 0
    cancelled: bool = False
    error: AppError | None = None

    @property
    def ok(self) -> bool:
        return self.error is None and not self.cancelled


# --- one thread -------------------------------------------------------------------------------


def read_document(client: Requests, thread: Thread) -> Document:
    """A thread with all its items. Raises ThreadNotFound, ApiError, NetworkError."""
    items = [item.raw() for item in threads.iter_items(client, thread.id)]
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "source": {"kind": "openai", "host": client.host},
        "thread": thread.raw(),
        "items": items,
    }


def to_json(document: Document) -> str:
    """The JSON file's content; the same for the same document."""
    text = json.dumps(document, ensure_ascii=False, indent=1)
    if any("\ud800" <= char <= "\udfff" for char in text):  # half a surrogate pair can't be written as UTF-8
        text = json.dumps(document, indent=1)
    return text + "\n"


def file_stem(thread_id: str, created_at: object) -> str:
    """A file name without its ending that holds on every system and never changes: the day and the id.

    Titles change, and capitals are not told apart everywhere, so neither is relied on.
    """
    try:
        day = datetime.fromtimestamp(float(str(created_at)), UTC).strftime("%Y-%m-%d")
    except (ValueError, OverflowError, OSError):
        day = "undated"
    safe = re.sub(r"[^a-z0-9_-]", "_", thread_id.lower())[:80]
    if safe != thread_id:
        safe = f"{safe[:60]}-{hashlib.sha256(thread_id.encode('utf-8', 'replace')).hexdigest()[:8]}"
    return f"{day}-{safe}"


# --- Markdown ---------------------------------------------------------------------------------


def to_markdown(document: Document, texts: Catalogue) -> str:
    """The chat to read, in the language of `texts`. Lossy; the JSON file is the record."""
    thread = document["thread"]
    title = _line(thread.get("title") or texts.get("threads.untitled"))
    about = texts.get("threads.md_about", day=_moment(thread.get("created_at")), id=thread.get("id", ""))
    parts = [f"# {title}", f"*{_line(about)}*"]
    parts += [part for item in document["items"] for part in _item(item, texts)]
    return "\n\n".join(parts).encode("utf-8", "replace").decode() + "\n"


def _item(item: Mapping[str, Any], texts: Catalogue) -> list[str]:
    kind = item.get("type")
    when = _moment(item.get("created_at"))
    if kind == "chatkit.user_message":
        return [_heading(texts.get("threads.md_you"), when), *_user_message(item, texts)]
    if kind == "chatkit.assistant_message":
        return [_heading(texts.get("threads.md_assistant"), when), *_assistant_message(item, texts)]
    if kind == "chatkit.widget":
        return [_heading(texts.get("threads.md_widget"), when), _code(item.get("widget"))]
    if kind == "chatkit.client_tool_call":
        heading = _heading(texts.get("threads.md_tool", name=_line(item.get("name", ""))), when)
        return [heading, _code(item.get("arguments")), *([_code(item["output"])] if item.get("output") else [])]
    if kind == "chatkit.task":
        return [_heading(texts.get("threads.md_task"), when), _task(item)]
    if kind == "chatkit.task_group":
        tasks = [_task(task) for task in _list(item.get("tasks")) if isinstance(task, Mapping)]
        return [_heading(texts.get("threads.md_tasks"), when), "\n".join(tasks)]
    return [_heading(_line(str(kind)), when), _code(dict(item))]


def _user_message(item: Mapping[str, Any], texts: Catalogue) -> list[str]:
    parts = []
    for content in _list(item.get("content")):
        if not isinstance(content, Mapping) or "text" not in content:
            parts.append(_code(content))
        elif content.get("type") == "quoted_text":
            parts.append(_quote(texts.get("threads.md_quoted") + "\n" + _quote(str(content["text"]))))
        else:
            parts.append(_quote(str(content["text"])))  # quoted, so that its own marks can't be taken for ours
    for file in _list(item.get("attachments")):
        name = file.get("name") or file.get("id") if isinstance(file, Mapping) else file
        parts.append(texts.get("threads.md_attachment", name=_line(name)))
    return parts


def _assistant_message(item: Mapping[str, Any], texts: Catalogue) -> list[str]:
    parts = []
    for content in _list(item.get("content")):
        if not isinstance(content, Mapping) or "text" not in content:
            parts.append(_code(content))
            continue
        parts.append(str(content["text"]))  # Markdown as it is
        sources = []
        for note in _list(content.get("annotations")):
            source = note.get("source") if isinstance(note, Mapping) else None
            if isinstance(source, Mapping):
                sources.append(f"- {_line(source.get('url') or source.get('filename') or source)}")
        if sources:
            parts.append(texts.get("threads.md_sources") + "\n\n" + "\n".join(sources))
    return parts


def _task(task: Mapping[str, Any]) -> str:
    words = [_line(task[name]) for name in ("heading", "summary") if task.get(name)]
    return "- " + " — ".join(words)


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else []


def _heading(who: str, when: str) -> str:
    return f"## {who}" + (f" · {when}" if when else "")


def _moment(created_at: object) -> str:
    try:
        return datetime.fromtimestamp(float(str(created_at)), UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return ""


def _line(value: object) -> str:
    return " ".join(str(value).split())


def _quote(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines() or [""])


def _code(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}json\n{text}\n{fence}"


# --- many threads -----------------------------------------------------------------------------


class _CancelledError(Exception):
    pass


class _Patient:
    """A client for long runs: waits as long as the API asks, and a cancel ends the wait."""

    def __init__(self, client: Requests, cancel: threading.Event, random: Callable[[], float]) -> None:
        self._client = client
        self._cancel = cancel
        self._random = random

    @property
    def host(self) -> str:
        return self._client.host

    def request(
        self,
        method: str,
        path: str,
        json: Mapping[str, Any] | None = None,
        params: Mapping[str, str | int | None] | None = None,
        retries: int | None = None,
        on_retry: Callable[[AppError], object] | None = None,
        largest: int | None = None,
    ) -> dict[str, Any]:
        def attempt() -> dict[str, Any]:
            if self._cancel.is_set():
                raise _CancelledError
            return self._client.request(method, path, json, params, retries=0, largest=largest)

        return with_retries(
            attempt,
            retries=RETRIES if retries is None else retries,
            sleep=self._cancel.wait,
            random=self._random,
            patience=PATIENCE,
            worth=(*WORTH_RETRYING, TimedOut),
            on_retry=on_retry,
        )


class ThreadArchive:
    """Copies the threads of `user` (None: everybody's in the key's project) into `folder`.

    `texts` gives the Markdown files their language.
    """

    def __init__(
        self,
        folder: Path,
        client: Requests,
        user: str | None,
        *,
        texts: Catalogue | None = None,
        random: Callable[[], float] = random_number,
    ) -> None:
        self.folder = folder
        self._client = client
        self._user = user
        self._random = random
        if texts is None:
            from desktop.texts import Catalogue as Texts

            texts = Texts("en")
        self._texts = texts

    def run(
        self,
        *,
        progress: Progress | None = None,
        cancel: threading.Event | None = None,
        since: float | None = None,
        limit: int | None = None,
        ids: Iterable[str] | None = None,
    ) -> Summary:
        """Reads the threads created at or after `since` (unix seconds), newest first, at most `limit`; or just `ids`.

        Never raises AppError: what stopped the run is the summary's `error`.
        """
        cancel = cancel or threading.Event()
        tell: Progress = progress or (lambda _done, _total, _title: None)
        client = _Patient(self._client, cancel, self._random)
        summary = Summary(self.folder)
        try:
            ensure_private_dir(self.folder)
            tell(0, None, "")
            if ids is None:
                chosen = list(threads_since(client, self._user, since, limit))
                missing = 0
            else:
                chosen, missing = _named(client, ids)
            summary = replace(summary, total=len(chosen) + missing, vanished=missing)
            for done, thread in enumerate(chosen):
                tell(done, len(chosen), thread.title or "")
                if cancel.is_set():
                    raise _CancelledError
                summary = self._one(client, thread, summary)
            tell(len(chosen), len(chosen), "")
        except _CancelledError:
            return replace(summary, cancelled=True)
        except AppError as error:
            return replace(summary, error=error)
        except OSError as error:
            problem = error.strerror or type(error).__name__
            return replace(summary, error=FolderUnwritable(repr(error), path=str(self.folder), problem=problem))
        return summary

    def _one(self, client: _Patient, thread: Thread, summary: Summary) -> Summary:
        stem = file_stem(thread.id, thread.created_at)
        try:
            old = self._kept(stem)
            if old is not None and self._is_current(client, thread, old, stem):
                return replace(summary, unchanged=summary.unchanged + 1)
            document = read_document(client, thread)
        except ThreadNotFound:
            return replace(summary, vanished=summary.vanished + 1)
        except (BadAnswer, RequestRejected) as error:
            return replace(summary, failed=summary.failed + 1, error=summary.error or error)
        if old is not None:
            self._set_aside(stem, old, document)
        # JSON last: where it is there, the thread is complete.
        write_private(self.folder / f"{stem}.md", to_markdown(document, self._texts))
        write_private(self.folder / f"{stem}.json", to_json(document))
        return replace(summary, written=summary.written + 1)

    def _kept(self, stem: str) -> Document | None:
        """The document on disk; None where there is none that can be read."""
        path = self.folder / f"{stem}.json"
        if not path.exists():
            return None
        try:
            document = json.loads(read_limited(path, LARGEST))
        except (ValueError, FileUnreadable):
            return None
        if not isinstance(document, dict) or document.get("schema") != SCHEMA:
            return None
        return document if isinstance(document.get("items"), list) else None

    def _is_current(self, client: _Patient, thread: Thread, old: Document, stem: str) -> bool:
        """Whether the file says what the API says, judged by the thread and its newest item: one request a thread.

        A file of a newer version of this app counts as current: it is not ours to overwrite.
        """
        version = old.get("version")
        if version != VERSION:
            return isinstance(version, int) and version > VERSION
        if old.get("thread") != thread.raw() or not (self.folder / f"{stem}.md").exists():
            return False
        newest = threads.list_items(client, thread.id, limit=1, order="desc").data
        return bool([item.raw() for item in newest] == old["items"][-1:])

    def _set_aside(self, stem: str, old: Document, new: Document) -> None:
        """Keeps the old file under a name of its own where the new one lacks something that is in it."""
        ids = {item.get("id") for item in new["items"]}
        if all(isinstance(item, dict) and item.get("id") in ids for item in old["items"]):
            return
        number = 1
        while (aside := self.folder / f"{stem}.before-{number}.json").exists():
            number += 1
        write_private(aside, to_json(old))


def threads_since(client: Requests, user: str | None, since: float | None, limit: int | None) -> Iterable[Thread]:
    """The newest threads first, down to `since` (unix seconds), at most `limit`."""
    for count, thread in enumerate(threads.iter_threads(client, user)):
        if (limit is not None and count >= limit) or (since is not None and thread.created_at < since):
            return
        yield thread


def _named(client: Requests, ids: Iterable[str]) -> tuple[list[Thread], int]:
    found: list[Thread] = []
    missing = 0
    for thread_id in dict.fromkeys(ids):
        try:
            found.append(threads.get_thread(client, thread_id))
        except ThreadNotFound:
            missing += 1
    return found, missing
