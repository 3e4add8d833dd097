"""Chats at ChatKit servers in the library: OpenAI's SDK behind uvicorn, as a team runs it, and what goes wrong."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from chatkit.server import NonStreamingResult
from chatkit.types import ThreadItem

from desktop.agents.host import AgentHost
from desktop.agents.remote.errors import ServerDown, ServerTokenRefused, ServerTokenWanted, ServerUnfit
from desktop.chats.errors import ArchiveNewer
from desktop.chats.library import Library
from desktop.chats.types import Chat
from desktop.common.errors import AgentsMissing, AppError
from desktop.common.locations import Locations, assets_dir
from desktop.common.texts import Catalogue
from desktop.openai_api.errors import ConnectionRefused, ThreadNotFound
from desktop.settings.agents import DemoAgent, ServerAgent
from desktop.settings.model import Settings
from desktop.settings.servers import server_secret
from tests.agents.talk import Given
from tests.agents.things import answer, one_of_each, said, thread
from tests.standins.chatkit_server import EVERYBODY, ChatKitStandIn

SCHEMA = json.loads((assets_dir() / "schemas" / "chat-1.schema.json").read_bytes())
FIRST = datetime(2026, 11, 1, 12, 0, 0)  # noqa: DTZ001 - as the SDK makes them
ONE, TWO = "team", "lab"


@pytest.fixture
def server() -> Iterator[ChatKitStandIn]:
    with ChatKitStandIn() as standin:
        yield standin


class Desk:
    """A profile with the demo and two agents that are servers, and the library of their chats."""

    def __init__(self, server: ChatKitStandIn, other: str, folder: Path) -> None:
        self.server = server
        agents = {
            ONE: ServerAgent(id=ONE, name="Team", url=server.url, headers={"X-Tenant": "seven"}),
            TWO: ServerAgent(id=TWO, name="Lab", url=other),
        }
        self.given = Given(servers=agents)
        self.locations = Locations(folder)
        self.host = AgentHost(self.given, Catalogue("en"), threads=self.locations.threads)
        self.settings = Settings(agents=[DemoAgent(id="demo"), *agents.values()])
        self.library = Library(self.locations, lambda: self.settings, host=self.host)

    def close(self) -> None:
        self.library.close()
        self.host.close(limit=10.0)

    def keep(self, token: str) -> None:
        self.given.keys[server_secret(self.given.servers[ONE])] = token

    def put(self, thread_id: str, title: str | None, *items: ThreadItem, day: int = 0) -> str:
        """A chat at the server; gives its id in the library."""

        async def fill() -> None:
            made = thread(thread_id, title, FIRST + timedelta(days=day))
            await self.server.store.save_thread(made, EVERYBODY)
            for item in items:
                await self.server.store.add_thread_item(thread_id, item, EVERYBODY)

        asyncio.run(fill())
        return f"{ONE}/{thread_id}"

    def listed(self, **chosen: Any) -> list[Chat]:
        self.library.refresh(source=ONE)
        return list(self.library.all(**chosen))


@pytest.fixture
def desk(server: ChatKitStandIn, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(server, "http://127.0.0.1:9/chatkit", tmp_path / "profile")
    yield made
    made.close()


# --- lists ------------------------------------------------------------------------------------


def test_chats_of_a_server_stand_in_the_list_once_it_was_asked(desk: Desk) -> None:
    older = desk.put("thr_a", "Zebras", day=0)
    newer = desk.put("thr_b", None, day=1)
    assert list(desk.library.all()) == []
    found = desk.listed()
    assert [(chat.id, chat.title, chat.where) for chat in found] == [
        (newer, None, "server"),
        (older, "Zebras", "server"),
    ]
    chat = found[1]
    assert (chat.thread_id, chat.agent_id, chat.agent_name) == ("thr_a", ONE, "Team")
    assert chat.server == f"127.0.0.1:{desk.server.port}"
    assert (chat.items, chat.read_only) == (None, False)
    assert chat.created_at == FIRST.astimezone(UTC)
    assert desk.library.sources() == (ONE, TWO)
    assert desk.library.sources(agent=TWO) == (TWO,)
    assert desk.library.sources(agent="demo") == ()
    assert {one["headers"].get("x-tenant") for one in desk.server.heard} == {"seven"}


def test_a_list_of_many_pages_is_whole_and_the_same_in_pages_of_every_size(desk: Desk) -> None:
    for number in range(250):
        desk.put(f"thr_{number:03}", f"T{number}", day=number // 3)
    counted: list[int] = []
    assert desk.library.refresh(told=counted.append, source=ONE) == 250
    assert counted == [100, 200, 250]
    whole = [chat.id for chat in desk.library.all()]
    assert len(set(whole)) == len(whole) == 250
    walked: list[str] = []
    after: str | None = None
    while True:
        page = desk.library.chats(limit=7, after=after)
        walked += [chat.id for chat in page.data]
        after = page.after
        if after is None:
            break
    assert walked == whole


def test_they_are_narrowed_and_found_by_their_titles(desk: Desk) -> None:
    desk.put("thr_a", "About zebras", day=0)
    desk.put("thr_b", "About horses", day=5)
    desk.listed()
    since = (FIRST + timedelta(days=2)).astimezone()
    assert [chat.title for chat in desk.library.all(since=since)] == ["About horses"]
    assert [chat.title for chat in desk.library.all(agent="demo")] == []
    assert [chat.title for chat in desk.library.all(agent=ONE)] == ["About horses", "About zebras"]
    found = desk.library.search("zebr")
    assert [(one.chat.title, one.item_id) for one in found] == [("About zebras", None)]
    assert desk.library.search("zebr", agent="demo") == ()


def test_what_the_server_no_longer_lists_goes_at_the_next_look(desk: Desk) -> None:
    desk.put("thr_a", "Stays")
    desk.put("thr_b", "Goes")
    assert len(desk.listed()) == 2
    asyncio.run(desk.server.store.delete_thread("thr_b", EVERYBODY))
    assert [chat.title for chat in desk.listed()] == ["Stays"]


def test_one_server_that_is_not_there_leaves_the_other_and_what_was_known(desk: Desk) -> None:
    desk.put("thr_a", "Zebras")
    with pytest.raises(ConnectionRefused):
        desk.library.refresh(source=TWO)
    assert len(desk.listed()) == 1
    desk.server.mode = "down"
    with pytest.raises(ServerDown):
        desk.library.refresh(source=ONE)
    assert len(list(desk.library.all())) == 1


def test_a_token_that_lacks_or_is_refused_is_said_and_nobody_is_asked_for_it(desk: Desk) -> None:
    desk.put("thr_a", "Zebras")
    desk.server.token = "tk-right"
    with pytest.raises(ServerTokenWanted):
        desk.library.refresh(source=ONE)
    desk.keep("tk-wrong")
    with pytest.raises(ServerTokenRefused):
        desk.library.refresh(source=ONE)
    desk.keep("tk-right")
    assert len(desk.listed()) == 1


@pytest.mark.parametrize("mode", ["html", "other_json", "text", "other_events"])
def test_what_is_no_chatkit_server_is_a_sentence(desk: Desk, mode: Any) -> None:
    desk.server.mode = mode
    if mode == "other_json":
        with pytest.raises(ServerUnfit):
            desk.library.refresh(source=ONE)
        return
    with pytest.raises(AppError) as raised:
        desk.library.refresh(source=ONE)
    assert raised.value.describe(Catalogue("en"))["message"]


def test_a_list_that_never_ends_is_left(desk: Desk) -> None:
    desk.put("thr_a", "Zebras")
    _always(desk, {"data": [{"id": "thr_a", "title": "Zebras", "created_at": "x"}], "has_more": True, "after": "thr_a"})
    with pytest.raises(ServerUnfit):
        desk.library.refresh(source=ONE)
    _always(desk, {"data": [], "has_more": True, "after": None})
    with pytest.raises(ServerUnfit):
        desk.library.refresh(source=ONE)


def _always(desk: Desk, reply: dict[str, Any]) -> None:
    """The server gives this answer to everything."""

    async def process(_body: bytes, _context: object) -> Any:
        return NonStreamingResult(json.dumps(reply).encode())

    desk.server.server.process = process  # type: ignore[method-assign, assignment]


def test_threads_of_a_strange_shape_are_listed_as_far_as_they_go(desk: Desk) -> None:
    threads = [
        {"id": "thr_1", "title": 7, "created_at": 1_760_000_000},
        {"id": "thr_2", "title": "é", "created_at": "2026-11-20T12:00:00.5+02:00"},
        {"id": "a/b", "title": None},
        {"id": "x" * 5000, "title": "too long"},
    ]
    _always(desk, {"data": threads, "has_more": False})
    found = {chat.thread_id: chat for chat in desk.listed()}
    assert sorted(found) == ["a/b", "thr_1", "thr_2"]
    assert found["thr_1"].title is None
    assert found["thr_2"].created_at == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert found["a/b"].created_at.year == 1970


def test_a_cancelled_look_ends_while_the_server_is_silent(desk: Desk) -> None:
    desk.server.mode = "silent"
    cancel = threading.Event()
    threading.Timer(0.2, cancel.set).start()
    assert desk.library.refresh(cancel, source=ONE) == 0


# --- reading, taking along --------------------------------------------------------------------


def test_a_chat_is_read_in_pages(desk: Desk) -> None:
    chat_id = desk.put("thr_a", "Zebras", *(said(f"number {number}") for number in range(7)))
    desk.listed()
    page = desk.library.items(chat_id, limit=5)
    rest = desk.library.items(chat_id, limit=5, after=page.after)
    texts = [item.raw["content"][0]["text"] for item in (*page.data, *rest.data)]
    assert texts == [f"number {number}" for number in range(7)]
    assert rest.after is None
    assert page.data[0].kind == "user_message"
    assert page.data[0].created_at is not None


def test_an_export_holds_every_item_as_the_server_gave_it(desk: Desk, tmp_path: Path) -> None:
    items = [*one_of_each("thr_a"), *(answer(f"answer {number}") for number in range(130))]
    desk.put("thr_a", "Zebras", *items)
    chat = desk.listed()[0]
    done = desk.library.export([chat], tmp_path / "out", "json", Catalogue("en"))
    assert done.ok
    document = json.loads(done.files[0][1].read_bytes())
    jsonschema.validate(document, SCHEMA)
    assert document["source"] == {
        "kind": "server", "copied_at": None, "gone": False, "server": f"127.0.0.1:{desk.server.port}"
    }  # fmt: skip
    assert document["thread"]["id"] == "thr_a"
    assert "items" not in document["thread"]
    body = {"type": "items.list", "params": {"thread_id": "thr_a", "limit": 1000, "order": "asc"}}
    reply = asyncio.run(desk.server.server.process(json.dumps(body), EVERYBODY))
    assert isinstance(reply, NonStreamingResult)
    wanted = json.loads(reply.json)["data"]
    assert [item["raw"] for item in document["items"]] == wanted
    assert len(wanted) > 130
    for form in ("md", "html"):
        assert desk.library.export([chat], tmp_path / "out", form, Catalogue("en")).ok  # type: ignore[arg-type]
        assert "answer 129" in next((tmp_path / "out").glob(f"*.{form}")).read_text(encoding="utf-8")


def test_entries_of_one_id_are_all_kept_unless_they_are_the_same(desk: Desk) -> None:
    same = {"id": "__fake_id__", "type": "assistant_message", "content": []}
    _always(desk, {"data": [same, same | {"content": [{"text": "two"}]}, same], "has_more": False})
    chat = Chat(f"{ONE}/thr_a", "server", ONE, "Team", None, FIRST, FIRST)
    assert len(list(desk.library.all_items(chat))) == 2


def test_long_entries_are_asked_for_in_smaller_pages(desk: Desk) -> None:
    chat_id = desk.put("thr_a", "Long", *(said("x" * 600_000) for _ in range(70)))  # 42 MB; an answer has 32
    chat = desk.library.chat(chat_id)
    assert len(list(desk.library.all_items(chat))) == 70
    page = desk.library.items(chat_id, limit=60)  # what is shown is less, and goes on
    assert (len(page.data), page.after is not None) == (1, True)


def test_a_server_that_goes_away_fails_its_own_chats_and_the_others_are_exported(desk: Desk, tmp_path: Path) -> None:
    for number in range(5):
        desk.put(f"thr_{number}", f"T{number}", said())
    chats = desk.listed()
    lab = Chat(f"{TWO}/thr_x", "server", TWO, "Lab", "Gone", FIRST, FIRST)
    done = desk.library.export([lab, *chats, lab], tmp_path / "out", "md", Catalogue("en"))
    assert (done.written, done.failed, done.cancelled) == (5, 2, False)
    assert isinstance(done.error, ConnectionRefused)
    assert len(list((tmp_path / "out").glob("*.md"))) == 5


def test_a_passing_failure_is_tried_again_by_an_export(desk: Desk, tmp_path: Path) -> None:
    desk.put("thr_a", "Zebras", said())
    chat = desk.listed()[0]
    desk.server.mode = "busy"
    threading.Timer(0.5, lambda: setattr(desk.server, "mode", "chatkit")).start()
    assert desk.library.export([chat], tmp_path / "out", "md", Catalogue("en")).ok


# --- changing ---------------------------------------------------------------------------------


def test_a_chat_is_renamed_and_deleted_at_the_server(desk: Desk) -> None:
    chat_id = desk.put("thr_a", "Zebras", said())
    other = desk.put("thr_b", "Stays", said())
    desk.listed()
    assert desk.library.rename(chat_id, " Horses ").title == "Horses"
    assert desk.server.store._threads["thr_a"].thread.title == "Horses"
    assert {chat.title for chat in desk.library.all()} == {"Horses", "Stays"}
    assert desk.library.delete([other], at_openai=True).deleted == ()
    assert sorted(desk.server.store._threads) == ["thr_a", "thr_b"]
    assert desk.library.delete([chat_id]).deleted == (chat_id,)
    assert sorted(desk.server.store._threads) == ["thr_b"]
    assert [chat.title for chat in desk.library.all()] == ["Stays"]
    assert desk.library.thread_id(other) == "thr_b"
    assert desk.library.thread_id("thr_b") == "thr_b"


@pytest.mark.parametrize("status", [404, 500])
def test_an_unknown_chat_is_said_to_be_gone(desk: Desk, status: int) -> None:
    desk.put("thr_a", "Zebras")
    desk.server.unknown = status
    ways: list[Callable[[], object]] = [
        lambda: desk.library.chat(f"{ONE}/thr_no"),
        lambda: desk.library.items(f"{ONE}/thr_no"),
        lambda: desk.library.rename(f"{ONE}/thr_no", "x"),
    ]
    for way in ways:
        with pytest.raises(ThreadNotFound):
            way()
    assert [type(error) for _, error in desk.library.delete([f"{ONE}/thr_no"]).failed] == [ThreadNotFound]
    with pytest.raises(ThreadNotFound):
        desk.library.chat("nobody/thr_a")
    desk.server.mode = "down"
    with pytest.raises(ServerDown):
        desk.library.chat(f"{ONE}/thr_no")


# --- parts that can't be read -----------------------------------------------------------------


def test_an_archive_of_a_newer_version_hides_itself_alone(desk: Desk) -> None:
    desk.put("thr_a", "Zebras")
    desk.locations.folder.mkdir(parents=True, mode=0o700)
    with sqlite3.connect(desk.locations.copies) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = desk.locations.copies.read_bytes()
    with pytest.raises(ArchiveNewer):  # there is nothing else to show yet
        desk.library.chats()
    assert [chat.title for chat in desk.listed()] == ["Zebras"]
    assert [type(error) for error in desk.library.problems] == [ArchiveNewer]
    assert len(desk.library.search("zebras")) == 1
    assert [type(error) for error in desk.library.problems] == [ArchiveNewer]
    with pytest.raises(ArchiveNewer):  # it may be in there
        desk.library.chat("cthr_1")
    assert desk.locations.copies.read_bytes() == before


def test_a_build_without_the_agent_stack_shows_the_chats_of_servers(desk: Desk) -> None:
    def missing() -> Any:
        raise AgentsMissing(advice="pip install")

    desk.locations.folder.mkdir(parents=True, mode=0o700)
    desk.locations.threads.touch()
    desk.put("thr_a", "Zebras", said())
    host = AgentHost(desk.given, Catalogue("en"), open_stores=missing)
    library = Library(desk.locations, lambda: desk.settings, host=host)
    try:
        library.refresh(source=ONE)
        found = list(library.all())
        assert [chat.title for chat in found] == ["Zebras"]
        assert [error.code for error in library.problems] == [AgentsMissing.code]
        assert len(list(library.all_items(found[0]))) == 1
    finally:
        library.close()
        host.close(limit=10.0)
