"""One library over chats in the app, hosted ones and archived ones: lists, reads, searches, renames, deletes."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from desktop.chats.errors import ChatAtOpenAI, ChatReadOnly
from desktop.chats.library import Library
from desktop.chats.types import Chat
from desktop.common.errors import BadParams
from desktop.keys.errors import KeyMissing
from desktop.openai_api.client import ApiClient
from desktop.openai_api.errors import ThreadNotFound
from tests.agents.things import answer, one_of_each, said
from tests.chats.things import ME, Desk, fill
from tests.standins.api import ApiStandIn

ROOT = Path(__file__).resolve().parents[2]


def titles(desk: Desk, **chosen: object) -> list[str | None]:
    return [chat.title for chat in desk.library.all(**chosen)]


def walked(desk: Desk, limit: int) -> list[str]:
    """The ids of all chats, read in pages of `limit`."""
    found: list[str] = []
    after: str | None = None
    while True:
        page = desk.library.chats(limit=limit, after=after)
        assert len(page.data) <= limit
        found += [chat.id for chat in page.data]
        after = page.after
        if after is None:
            return found


# --- lists ------------------------------------------------------------------------------------


def test_before_the_first_chat_there_is_nothing_and_looking_makes_no_file(desk: Desk, api: ApiStandIn) -> None:
    assert titles(desk) == []
    assert desk.library.search("anything") == ()
    assert not desk.locations.folder.exists()
    assert api.requests == []


def test_chats_of_all_kinds_stand_in_one_list_the_newest_first(desk: Desk, api: ApiStandIn) -> None:
    made = fill(api)
    desk.library.archive(ids=made[:2])
    mine = desk.chat("In the app", said("hello"))
    desk.library.refresh()
    found = list(desk.library.all())
    assert [(chat.title, chat.where) for chat in found] == [
        ("In the app", "in_app"),
        ("Chat 4", "hosted"),
        ("Chat 3", "hosted"),
        ("Chat 2", "hosted"),
        ("Chat 1", "archived"),
        ("Chat 0", "archived"),
    ]
    assert (found[0].id, found[0].agent_name, found[0].items) == (mine, "Ada", 1)
    assert (found[1].agent_name, found[1].items, found[1].user) == ("Flow", None, ME)
    assert (found[5].items, found[5].copied_at is not None, found[5].read_only) == (6, True, True)


def test_a_list_is_the_same_in_pages_of_every_size(desk: Desk, api: ApiStandIn) -> None:
    made = [api.world.add_thread(ME, f"H{number}", created_at=1_760_000_000 + number // 3) for number in range(20)]
    desk.library.archive(ids=made[::3])
    for number in range(7):
        desk.chat(f"A{number}", said())
    desk.library.refresh()
    whole = walked(desk, 100)
    assert len(set(whole)) == len(whole) == 27
    for size in (1, 2, 3, 10, 26, 27):
        assert walked(desk, size) == whole


def test_agent_since_and_where_narrow_it(desk: Desk, api: ApiStandIn) -> None:
    made = fill(api)
    desk.library.archive(ids=made[:2])
    desk.chat("Ours", said())
    desk.chat("Of the demo", said(), agent="demo")
    desk.library.refresh()
    assert titles(desk, agent="demo") == ["Of the demo"]
    assert titles(desk, agent="workflow") == ["Chat 4", "Chat 3", "Chat 2", "Chat 1", "Chat 0"]
    assert titles(desk, where=("archived",)) == ["Chat 1", "Chat 0"]
    day = datetime.fromtimestamp(1_760_000_000 + 86_400, UTC)
    assert titles(desk, since=day, where=("hosted", "archived")) == ["Chat 4", "Chat 3", "Chat 2", "Chat 1"]


def test_what_was_deleted_at_openai_is_no_longer_listed_and_what_is_renamed_has_its_new_title(
    desk: Desk, api: ApiStandIn
) -> None:
    made = fill(api)
    assert desk.library.refresh() == 5
    api.world.delete_thread(made[4])
    api.world.threads[made[3]]["title"] = "Renamed"
    assert desk.library.refresh() == 4
    assert titles(desk) == ["Renamed", "Chat 2", "Chat 1", "Chat 0"]


@pytest.mark.parametrize(
    "after", ["x", "[]", '{"in_app": 3}', '{"nowhere": "1"}', '{"archived": "a.b"}', '{"hosted": "x"}']
)
def test_a_cursor_that_is_none_of_ours_is_refused(desk: Desk, api: ApiStandIn, after: str) -> None:
    fill(api)
    desk.library.archive()
    desk.library.refresh()
    with pytest.raises(BadParams):
        desk.library.chats(after=after)


def test_other_peoples_chats_are_listed_only_when_asked_for(desk: Desk, api: ApiStandIn) -> None:
    fill(api)
    assert desk.library.users_in_project() == (6, 2)
    assert desk.library.archive(everybody=True).written == 6
    assert "Not mine" not in titles(desk)
    assert "Not mine" in titles(desk, everybody=True)
    assert desk.library.search("Not mine") == ()


# --- one chat ---------------------------------------------------------------------------------


def test_a_chat_is_found_wherever_it_is(desk: Desk, api: ApiStandIn) -> None:
    made = fill(api)
    mine = desk.chat("Ours", said())
    desk.library.archive(ids=made[:1])
    assert [desk.library.chat(one).where for one in (mine, made[0], made[1])] == ["in_app", "archived", "hosted"]
    with pytest.raises(ThreadNotFound):
        desk.library.chat("cthr_missing")
    with pytest.raises(ThreadNotFound):
        desk.library.chat("../../etc/passwd")


def test_items_of_every_type_are_read_whole_from_the_app(desk: Desk) -> None:
    chat = desk.chat("Each", *(items := one_of_each("thr_x")))
    read = list(desk.library.all_items(desk.library.chat(chat)))
    assert [one.kind for one in read] == [one.type for one in items]
    for one, item in zip(read, items, strict=True):
        given = item.model_dump(mode="json", exclude={"created_at", "thread_id", "id"})
        assert {name: one.raw[name] for name in given} == given
        assert one.raw["thread_id"] == chat


def test_items_come_in_pages_from_everywhere(desk: Desk, api: ApiStandIn) -> None:
    hosted = api.world.add_thread(ME, "Long", messages=25)
    archived = api.world.add_thread(ME, "Kept", messages=25)
    desk.library.archive(ids=[archived])
    mine = desk.chat("Ours", *(said(f"{number}") for number in range(25)))
    for chat in (hosted, archived, mine):
        found: list[str] = []
        after: str | None = None
        while True:
            page = desk.library.items(chat, after=after, limit=10)
            found += [item.id for item in page.data]
            after = page.after
            if after is None:
                break
        assert len(found) == len(set(found)) == 25
        assert found == [item.id for item in desk.library.all_items(desk.library.chat(chat))]


# --- search -----------------------------------------------------------------------------------


def test_the_search_looks_into_messages_here_and_titles_at_openai(desk: Desk, api: ApiStandIn) -> None:
    copied = api.world.add_thread(ME, "Copied", created_at=1_760_000_000)
    api.world.add_message(copied, "a zebra crossed the street")
    api.world.add_thread(ME, "Zebras at OpenAI", created_at=1_750_000_000)
    api.world.add_message(api.world.add_thread(ME, "Not copied"), "zebra")
    desk.library.archive(ids=[copied])
    desk.library.refresh()
    desk.chat("Ours", answer("no horse but a zébra 🦓"))
    found = desk.library.search("zebr")
    assert [(one.chat.title, one.item_id is None) for one in found] == [
        ("Zebras at OpenAI", True),
        ("Ours", False),
        ("Copied", False),
    ]
    passage = found[2].passage
    assert passage is not None
    assert [passage.text[start:end] for start, end in passage.ranges] == ["zebr"]
    assert [one.chat.title for one in desk.library.search("zebra", where=("archived",))] == ["Copied"]
    assert [one.chat.title for one in desk.library.search("zebra", agent="assistant")] == ["Ours"]
    assert json.dumps([one.wire() for one in found])
    assert desk.library.search("   ") == ()


# --- rename and delete ------------------------------------------------------------------------


def test_only_chats_in_the_app_are_renamed(desk: Desk, api: ApiStandIn) -> None:
    made = fill(api)
    desk.library.archive(ids=made[:1])
    mine = desk.chat("Old", said())
    assert desk.library.rename(mine, "  New \n title ").title == "New title"
    assert desk.library.chat(mine).title == "New title"
    assert [one.chat.id for one in desk.library.search("title")] == [mine]
    assert desk.library.search("Old") == ()
    for chat in made[:2]:
        with pytest.raises(ChatReadOnly):
            desk.library.rename(chat, "New")
    with pytest.raises(BadParams):
        desk.library.rename(mine, " ")


def test_deleting_here_deletes_nothing_at_openai(desk: Desk, api: ApiStandIn) -> None:
    made = fill(api)
    desk.library.archive(ids=made[:1])
    mine = desk.chat("Ours", said())
    done = desk.library.delete([mine, made[0], made[1], "thr_missing"])
    assert done.deleted == (mine, made[0])
    assert [(chat, type(error)) for chat, error in done.failed] == [
        (made[1], ChatAtOpenAI),
        ("thr_missing", ThreadNotFound),
    ]
    assert set(made) <= set(api.world.threads)
    assert api.paths("DELETE") == []
    assert titles(desk, where=("in_app", "archived")) == []


def test_deleting_at_openai_keeps_the_copy(desk: Desk, api: ApiStandIn) -> None:
    made = fill(api)
    desk.library.archive(ids=made[:1])
    desk.library.refresh()
    mine = desk.chat("Ours", said())
    done = desk.library.delete([made[0], made[1], mine], at_openai=True)
    assert done.deleted == (made[0], made[1])
    assert [chat for chat, _ in done.failed] == [mine]
    assert not {made[0], made[1]} & set(api.world.threads)
    assert desk.library.chat(made[0]).gone
    assert titles(desk) == ["Ours", "Chat 4", "Chat 3", "Chat 2", "Chat 0"]


def test_an_attachment_goes_with_its_chat(desk: Desk) -> None:
    file = desk.attach("a.txt", "text/plain", b"hello")
    message = said("look")
    message.attachments = [file]
    chat = desk.library.chat(desk.chat("Ours", message))
    assert desk.library.attachment(chat, file.id) == b"hello"
    assert desk.library.attachment(chat, "atc_000000000000000000000000") is None


# --- the archive of earlier versions ----------------------------------------------------------


def test_an_archive_of_files_is_read_and_searched_and_stays_where_it_is(desk: Desk, api: ApiStandIn) -> None:
    made = fill(api)
    folder = desk.locations.archive
    folder.mkdir(parents=True)
    for number, chat in enumerate(made[:3]):
        document = {
            "schema": "chatkit-desktop/thread",
            "version": 1,
            "source": {"kind": "openai", "host": "api.openai.com"},
            "thread": api.world.threads[chat],
            "items": api.world.items[chat],
        }
        (folder / f"2025-10-0{number}-{chat}.json").write_text(json.dumps(document))
    (folder / "broken.json").write_text("{")
    (folder / "other.json").write_text('{"schema": "other"}')
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert titles(desk) == ["Chat 2", "Chat 1", "Chat 0"]
    assert [one.chat.id for one in desk.library.search("one of each")] == [made[0]]
    chat = desk.library.chat(made[0])
    assert [item.raw for item in desk.library.all_items(chat)] == api.world.items[made[0]]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert desk.library.delete([made[1]]).deleted == (made[1],)
    desk.library.close()
    assert titles(desk) == ["Chat 2", "Chat 0"], "what was deleted does not come back"
    assert desk.library.archive().unchanged == 2


# --- around it --------------------------------------------------------------------------------


def test_without_a_key_the_rest_works(desk: Desk, api: ApiStandIn) -> None:
    fill(api)
    desk.library.archive()
    desk.chat("Ours", said())

    def no_key() -> ApiClient:
        raise KeyMissing(origin="x")

    library = Library(desk.locations, lambda: desk.settings, host=desk.host, client=no_key)
    try:
        assert len(list(library.all())) == 6
        assert isinstance(library.archive().error, KeyMissing)
        with pytest.raises(KeyMissing):
            library.refresh()
    finally:
        library.close()


def test_an_unknown_agent_has_no_name(desk: Desk) -> None:
    chat = desk.library.chat(desk.chat("Ours", said(), agent="removed"))
    assert (chat.agent_id, chat.agent_name) == ("removed", "")
    assert json.dumps(chat.wire())
    assert desk.library.agents() == {"assistant": "Ada", "demo": "ChatKit", "workflow": "Flow"}


def test_the_library_of_hosted_chats_needs_no_sdk() -> None:
    """A build for a hosted workflow has none; and none may be on the way of a start."""
    code = (
        "import sys\n"
        "import desktop.chats.library, desktop.chats.export.exporting\n"
        "import desktop.chats.archive.archiving, desktop.agents.store.search\n"
        "heavy = ('chatkit', 'agents', 'openai', 'mcp', 'asyncio', 'markdown_it', 'httpx')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_chat_on_the_wire_is_plain() -> None:
    moment = datetime(2026, 11, 20, 12, tzinfo=UTC)
    chat = Chat("x", "archived", "a", "A", None, moment, moment, copied_at=moment)
    assert chat.wire()["created_at"] == "2026-11-20T12:00:00Z"
