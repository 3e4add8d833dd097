"""Drafts last over the end of the app, belong to one chat of one agent, and never grow without end."""

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path

import pytest

from desktop.chats import drafts as module
from desktop.chats.drafts import KEPT, Drafts
from desktop.common.errors import FolderUnwritable


def test_a_draft_is_there_after_the_next_start_and_gone_once_it_is_empty(tmp_path: Path) -> None:
    file = tmp_path / "profile" / "drafts.json"
    Drafts(file).keep("mine", "thr_1", "half a thought")
    Drafts(file).keep("mine", "", "of a new chat")
    Drafts(file).keep("other", "thr_1", "somebody else's")
    assert Drafts(file).of("mine") == {"thr_1": "half a thought", "": "of a new chat"}
    Drafts(file).keep("mine", "thr_1", "")
    assert Drafts(file).of("mine") == {"": "of a new chat"}
    assert Drafts(file).of("nobody") == {}


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_only_the_person_reads_them(tmp_path: Path) -> None:
    file = tmp_path / "drafts.json"
    Drafts(file).keep("mine", "", "words")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["\ud800 half a pair", "\u2028\x00\U0001f600", "x" * 1_000_000])
def test_any_words_come_back_as_they_were(tmp_path: Path, text: str) -> None:
    file = tmp_path / "drafts.json"
    Drafts(file).keep("mine", "thr_1", text)
    assert Drafts(file).of("mine") == {"thr_1": text}


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"drafts": 5}', '{"drafts": [5, {"agent": 1, "chat": "a", "text": "b"}]}', "[" * 100_000],
)
def test_a_damaged_file_is_begun_anew(tmp_path: Path, content: str) -> None:
    file = tmp_path / "drafts.json"
    file.write_text(content)
    known = Drafts(file)
    assert known.of("mine") == {}
    known.keep("mine", "", "new")
    assert Drafts(file).of("mine") == {"": "new"}


def test_the_ones_touched_longest_ago_go_first(tmp_path: Path) -> None:
    file = tmp_path / "drafts.json"
    known = Drafts(file)
    for number in range(KEPT):
        known.keep("mine", f"thr_{number}", "words")
    known.keep("mine", "thr_0", "touched again")
    known.keep("mine", "thr_new", "words")
    assert "thr_1" not in known.of("mine")
    assert len(known.of("mine")) == KEPT
    assert Drafts(file).of("mine") == known.of("mine")


def test_long_ones_make_room_for_the_newest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FILE_LIMIT", 1000)
    known = Drafts(tmp_path / "drafts.json")
    for chat in ("a", "b"):
        known.keep("mine", chat, "x" * 400)
    assert known.of("mine") == {"b": "x" * 400}


def test_what_can_not_be_written_is_said_and_stays_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    known = Drafts(tmp_path / "file" / "drafts.json")
    with pytest.raises(FolderUnwritable):
        known.keep("mine", "", "words")
    assert known.of("mine") == {"": "words"}


def test_several_threads_lose_nothing(tmp_path: Path) -> None:
    known = Drafts(tmp_path / "drafts.json")

    def write(chat: str) -> None:
        for number in range(20):
            known.keep("mine", chat, f"{chat} {number}")

    threads = [threading.Thread(target=write, args=(f"thr_{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    told = {row["chat"]: row["text"] for row in json.loads((tmp_path / "drafts.json").read_text())["drafts"]}
    assert told == {f"thr_{number}": f"thr_{number} 19" for number in range(4)}
