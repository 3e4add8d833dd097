"""A chat of a hundred thousand items, as a script or a server can make one: opened, found and taken along."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path

import pytest

from desktop.agents.chatkit.answers import Reply
from desktop.chats.types import Format
from desktop.common.texts import Catalogue
from tests.agents.things import said
from tests.chats.things import Desk

MANY = 100_000


@pytest.fixture
def large(desk: Desk) -> str:
    """The chat's id; its items lie in the database as the app would have written them."""
    chat = desk.chat("Large", said("fern number 0"), agent="demo")
    with sqlite3.connect(desk.locations.threads) as database:
        thread, kind, created, body = database.execute("SELECT thread, kind, created, body FROM items").fetchone()
        database.executemany(
            "INSERT INTO items (id, thread, kind, created, body) VALUES (?, ?, ?, ?, ?)",
            (
                (f"msg_many_{number}", thread, kind, created + number, body.replace("number 0", f"number {number}"))
                for number in range(1, MANY)
            ),
        )
    database.close()
    return chat


def test_checklist_46_its_first_page_is_a_page(desk: Desk, large: str) -> None:
    asked = {"type": "items.list", "params": {"thread_id": large, "limit": 20, "order": "desc"}}
    answer = desk.host.request("demo", json.dumps(asked), on_data=lambda _piece: None, on_end=lambda: None)
    assert isinstance(answer, Reply)
    page = json.loads(answer.json)
    assert len(page["data"]) == 20
    assert page["has_more"]
    assert "number 99999" in json.dumps(page["data"][0])


@pytest.mark.slow
@pytest.mark.parametrize("form", ["md", "html", "json"])
def test_checklist_46_it_is_taken_along_whole(desk: Desk, large: str, tmp_path: Path, form: Format) -> None:
    (chat,) = desk.library.all()
    assert chat.items == MANY
    done = desk.library.export([chat], tmp_path, form, Catalogue("en"))
    assert done.ok
    ((_, path),) = done.files
    text = path.read_text(encoding="utf-8")
    assert len(set(re.findall(r"fern number (\d+)", text))) == MANY
