"""The chats page: what it lists, finds and shows, and its jobs: export, archive, deletion."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from chatkit.types import ThreadItem
from pydantic import ValidationError

from desktop.agents.remote.errors import ServerTokenWanted
from desktop.chats.errors import ChatReadOnly, JobUnderWay
from desktop.chats.library import Library
from desktop.chats.types import Chat, Item
from desktop.common.page import Sources
from desktop.keys.errors import KeyMissing
from desktop.openai_api.errors import KeyRejected, ThreadNotFound
from desktop.pages.chats.page import LONGEST, ChatsPage
from desktop.pages.common import archiving
from desktop.settings.agents import AssistantAgent, DemoAgent, ServerAgent
from desktop.settings.errors import AgentNotSet, SettingsInvalid
from desktop.settings.model import WorkflowAgent
from desktop.settings.origins import origin_of
from desktop.settings.servers import server_secret
from tests.agents.things import answer, said, thread
from tests.pages.app_parts import SENTINEL, Asked, House
from tests.standins.api import KEY, WORKFLOW, ApiStandIn
from tests.standins.chatkit_server import EVERYBODY, ChatKitStandIn

ME = "user-0001"
Json = dict[str, Any]


class Case:
    """A house with an assistant, a demo and a hosted workflow, and the page of its chats."""

    def __init__(self, house: House, api: ApiStandIn) -> None:
        self.house, self.api = house, api
        agents = [
            AssistantAgent(id="assistant", name="Ada"),
            DemoAgent(id="demo"),
            WorkflowAgent(id="workflow", workflow_id=WORKFLOW, name="Flow"),
            ServerAgent(id="server", name="Team", url="https://chat.example.com/chatkit"),
        ]
        wanted = {"agents": agents, "active_agent": "assistant", "user_ids": {"workflow": ME}}
        house.settings.update({name: value for name, value in wanted.items() if not house.settings.is_fixed(name)})
        house.keys.save(origin_of(api.base), KEY)
        self.view = ChatsPage(house.services)
        self.ask = Asked(self.view.page(), house.texts)
        house.app.asked.clear()

    def chat(self, title: str | None, *items: ThreadItem, agent: str = "assistant") -> str:
        from desktop.agents.chatkit.context import RequestContext
        from desktop.agents.store.ids import new_id
        from desktop.agents.store.stores import Stores

        made = thread(new_id("thread"), title, datetime.now())  # noqa: DTZ005 - local, as the SDK makes them
        context = RequestContext(agent, "user")

        async def fill(stores: Stores) -> None:
            await stores.threads.save_thread(made, context)
            for item in items:
                await stores.threads.add_thread_item(made.id, item, context)

        self.house.agents.call(fill)
        return made.id

    def hosted(self, title: str | None, **options: Any) -> str:
        return str(self.api.world.add_thread(ME, title, **options))

    def events(self, name: str, page: str = "chats") -> list[Json]:
        return [args[2] for what, args in self.house.app.asked if what == "emit" and args[:2] == (page, name)]

    def end(self, count: int = 1) -> Json:
        """What the page was told when its job had ended for the `count`th time."""

        def over(_asked: object) -> bool:
            return sum(told["finished"] for told in self.events("chats.job")) >= count

        self.house.app.wait(over)
        return [told for told in self.events("chats.job") if told["finished"]][count - 1]

    def titles(self, **params: Any) -> list[str | None]:
        return [chat["title"] for chat in self.ask("chats.list", **params)["data"]]

    def export(self, folder: Path, ids: list[str] | None = None, form: str = "json", **more: Any) -> Json:
        count = sum(told["finished"] for told in self.events("chats.job"))
        assert self.ask("chats.export", ids=ids, format=form, folder=str(folder), **more) == {"started": True}
        return self.end(count + 1)


@pytest.fixture
def case(house: House, api: ApiStandIn) -> Iterator[Case]:
    made = Case(house, api)
    yield made
    made.view.page().on_gone()


# --- finding --------------------------------------------------------------------------------------


def test_it_starts_without_asking_anybody(case: Case) -> None:
    start = case.ask("chats.start")
    assert [(one["id"], one["name"]) for one in start["agents"]] == [
        ("assistant", "Ada"),
        ("demo", "ChatKit Desktop"),
        ("workflow", "Flow"),
        ("server", "Team"),
    ]
    assert start["sources"] == [{"id": "", "name": "OpenAI"}, {"id": "server", "name": "Team"}]
    assert (start["hosted"], start["offer"]) == (True, True)
    assert Path(start["folder"]).name == "ChatKit Desktop chats"
    assert case.api.paths() == []
    assert case.house.agents.state == "off"


def test_chats_of_all_agents_stand_in_one_list_and_hosted_ones_join_when_openai_has_told_of_them(case: Case) -> None:
    own = case.chat("Own")
    case.chat("Another’s", agent="demo")
    hosted = case.hosted("Hosted", created_at=1_700_000_000)
    assert set(case.titles()) == {"Own", "Another’s"}
    assert case.ask("chats.refresh") == {"count": 1}
    found = {chat["id"]: chat for chat in case.ask("chats.list")["data"]}
    assert (found[own]["where"], found[hosted]["where"]) == ("in_app", "hosted")
    assert [found[one]["opens"] for one in (own, hosted)] == [True, True]
    assert case.titles(agent="workflow") == ["Hosted"]
    assert set(case.titles(days=7)) == {"Own", "Another’s"}
    assert sorted(case.ask("chats.all", agent="workflow")["data"]) == [[hosted, "hosted", False, ""]]


def test_a_long_list_comes_in_pages_and_all_of_it_can_be_chosen(case: Case) -> None:
    for number in range(230):
        case.hosted(f"Chat {number}")
    case.ask("chats.refresh")
    seen, after, pages = [], "", 0
    while after is not None:
        page = case.ask("chats.list", after=after)
        seen += [chat["id"] for chat in page["data"]]
        after, pages = page["after"], pages + 1
    assert (len(seen), len(set(seen)), pages) == (230, 230, 3)
    assert [one[0] for one in case.ask("chats.all")["data"]] == seen


def test_what_keeps_openai_from_answering_is_said_and_the_rest_stays_usable(case: Case) -> None:
    case.chat("Own")
    case.api.fail("key_rejected")
    with pytest.raises(KeyRejected):
        case.ask("chats.refresh")
    assert case.titles() == ["Own"]


def test_a_search_marks_what_was_found_in_titles_and_messages(case: Case) -> None:
    case.chat("About zebras", said("hello"))
    case.chat("Other", said("two 🦓 zebras"), agent="demo")
    case.hosted("Zebra at OpenAI", created_at=1_700_000_000)
    case.ask("chats.refresh")
    found = case.ask("chats.search", query="zebr")["data"]
    assert [(one["chat"]["title"], one["passage"] is None) for one in found] == [
        ("About zebras", True),
        ("Zebra at OpenAI", True),
        ("Other", False),
    ]
    (begin, end), text = found[0]["title"]["ranges"][0], found[0]["title"]["text"]
    assert text[begin:end].casefold().startswith("zebr")
    passage = found[2]["passage"]
    begin, end = passage["ranges"][0]
    assert passage["text"].encode("utf-16-le")[2 * begin : 2 * end].decode("utf-16-le") == "zebr"
    assert case.ask("chats.search", query="zebr", agent="demo")["data"] == found[2:]
    assert case.ask("chats.search", query="")["data"] == []


# --- one chat -------------------------------------------------------------------------------------


def test_a_chat_is_read_page_by_page_and_nothing_in_it_is_markup(case: Case) -> None:
    hostile = "<script>x</script> [a](javascript:x) <img src=x onerror=x>"
    items = [said(f"q{n} {hostile}") for n in range(15)] + [answer(f"**a{n}** {hostile}") for n in range(15)]
    chat_id = case.chat(hostile, *items)
    first = case.ask("chats.items", id=chat_id)
    rest = case.ask("chats.items", id=chat_id, after=first["after"])
    entries = first["data"] + rest["data"]
    assert (len(first["data"]), len(entries), rest["after"]) == (20, 30, None)
    assert [entry["role"] for entry in entries] == ["person"] * 15 + ["agent"] * 15
    assert {entry["who"] for entry in entries} == {"You", "Ada"}
    html = "".join(entry["html"] for entry in entries)
    assert "<strong>a3</strong>" in html
    for bad in ("<script", "<img", 'href="javascript'):
        assert bad not in html
    assert not any(entry["cut"] for entry in entries)


def test_a_message_of_a_megabyte_is_shortened_and_says_so(case: Case) -> None:
    chat_id = case.chat("Long", said("x" * 1_000_000))
    (entry,) = case.ask("chats.items", id=chat_id)["data"]
    assert entry["cut"]
    assert LONGEST <= len(entry["html"]) < LONGEST + 1000


def test_an_unknown_chat_is_a_sentence(case: Case) -> None:
    with pytest.raises(ThreadNotFound):
        case.ask("chats.items", id="cthr_nowhere")


def test_a_chat_is_opened_where_its_agent_is_still_there(case: Case) -> None:
    own, hosted = case.chat("Own", agent="demo"), case.hosted("Hosted")
    case.ask("chats.open", id=own)
    case.ask("chats.open", id=hosted)
    assert [one for one in case.house.app.asked if one[0] == "open_chat"] == [
        ("open_chat", ("demo", own)),
        ("open_chat", ("workflow", hosted)),
    ]
    case.house.settings.update({"agents": [AssistantAgent(id="assistant", name="Ada")]})
    case.house.app.asked.clear()
    with pytest.raises(AgentNotSet):
        case.ask("chats.open", id=own)
    assert case.house.app.asked == []


def test_another_agents_chat_is_not_opened_where_the_agent_is_fixed(
    make_house: Callable[..., House], api: ApiStandIn
) -> None:
    house = make_house(base=api.base, brand={"fixed": ["active_agent"], "settings": {"active_agent": "assistant"}})
    case = Case(house, api)
    own, other = case.chat("Own"), case.chat("Other", agent="demo")
    opens = {chat["id"]: chat["opens"] for chat in case.ask("chats.list")["data"]}
    assert opens == {own: True, other: False}


def test_a_chat_in_the_app_is_renamed_and_the_open_chat_hears_of_it(case: Case) -> None:
    own, hosted = case.chat("Own"), case.hosted("Hosted")
    assert case.ask("chats.rename", id=own, title="  Mine \n now ")["title"] == "Mine now"
    assert case.events("thread.changed", "chat") == [{"agent": "assistant", "thread": own}]
    with pytest.raises(ChatReadOnly):
        case.ask("chats.rename", id=hosted, title="Mine")
    with pytest.raises(SettingsInvalid) as empty:
        case.ask("chats.rename", id=own, title=" ")
    assert empty.value.describe(case.house.texts)["message"] == "Enter a title."
    assert case.titles() == ["Mine now"]


# --- export ---------------------------------------------------------------------------------------


def test_one_some_or_all_are_exported_with_how_far_it_is(case: Case, tmp_path: Path) -> None:
    own = [case.chat(f"Own {n}", said("hello")) for n in range(3)]
    hosted = case.hosted("Hosted", messages=2)
    one = case.export(tmp_path / "one", own[:1], "md")
    assert (one["written"], one["error"], one["folder"]) == (1, None, str(tmp_path / "one"))
    assert [file.suffix for file in (tmp_path / "one").iterdir() if not file.name.startswith(".")] == [".md"]
    some = case.export(tmp_path / "some", [own[0], hosted], "html")
    assert some["written"] == 2
    case.ask("chats.refresh")
    every = case.export(tmp_path / "all")
    assert every["written"] == 4
    assert {json.loads(file.read_text("utf-8"))["chat"]["id"] for file in (tmp_path / "all").glob("*.json")} == {
        *own,
        hosted,
    }
    of_agent = case.export(tmp_path / "agent", agent="workflow")
    assert of_agent["written"] == 1
    told = [one for one in case.events("chats.job") if not one["finished"]]
    assert {one["kind"] for one in told} == {"export"}
    assert [one["done"] for one in told if one["total"] == 4][-1] == 4
    case.ask("chats.open_folder")
    assert case.house.app.asked[-1] == ("show_folder", (tmp_path / "agent",))
    assert case.ask("chats.start")["folder"] == str(tmp_path / "agent")


def test_a_folder_that_is_none_is_said_at_its_field(case: Case, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    for folder, says in (
        (" ", "Enter a folder, or choose one."),
        ("chats", "Enter the full path of the folder."),
        (str(tmp_path / "file"), "This is a file. Enter a folder."),
    ):
        with pytest.raises(SettingsInvalid) as refused:
            case.ask("chats.export", ids=None, format="json", folder=folder)
        assert refused.value.describe(case.house.texts)["message"] == says
    case.house.app.file = "/home/me/chats"
    assert case.ask("chats.pick_folder") == "/home/me/chats"


def test_a_folder_that_can_not_be_written_ends_the_export_with_a_sentence(case: Case, tmp_path: Path) -> None:
    chat_id = case.chat("Own")
    (tmp_path / "file").write_text("", "utf-8")
    done = case.export(tmp_path / "file" / "below", [chat_id])
    assert (done["written"], done["error"]["code"], done["folder"]) == (0, "folder_unwritable", "")


def test_a_chat_that_is_gone_is_left_out_and_said(case: Case, tmp_path: Path) -> None:
    chat_id = case.chat("Own")
    done = case.export(tmp_path / "out", [chat_id, "cthr_gone"])
    assert (done["written"], done["failed"], done["error"]["code"]) == (1, 1, "thread_not_found")


class Halting(Library):
    """Halts before the messages of the third chat that is written, until it is let go."""

    def __init__(self, house: House) -> None:
        services = house.services
        super().__init__(
            services.locations, lambda: services.settings.current, host=services.agents, client=services.keeper.api
        )
        self.read = 0
        self.halted, self.go = threading.Event(), threading.Event()
        self.closed = False

    def all_items(self, chat: Chat, cancel: threading.Event | None = None) -> Iterator[Item]:
        self.read += 1
        if self.read == 3:
            self.halted.set()
            assert self.go.wait(60)
        return super().all_items(chat, cancel)

    def close(self) -> None:
        self.closed = True
        super().close()


def test_an_export_is_cancelled_and_goes_on_where_it_stopped(case: Case, tmp_path: Path) -> None:
    library = Halting(case.house)
    case.view = ChatsPage(case.house.services, library)
    case.ask = Asked(case.view.page(), case.house.texts)
    ids = [case.chat(f"Chat {n}", said("hello")) for n in range(5)]
    ask = {"ids": ids, "format": "json", "folder": str(tmp_path / "out")}
    case.ask("chats.export", **ask)
    assert library.halted.wait(60)
    for method, params in (("chats.export", ask), ("chats.delete", {"here": ids}), ("chats.archive", {})):
        with pytest.raises(JobUnderWay):
            case.ask(method, **params)
    case.ask("chats.cancel")
    library.go.set()
    stopped = case.end()
    assert (stopped["cancelled"], stopped["written"]) == (True, 2)
    case.ask("chats.export", **ask)
    again = case.end(2)
    assert (again["cancelled"], again["written"], library.read) == (False, 5, 6)
    assert len(list((tmp_path / "out").glob("*.json"))) == 5


def test_closing_the_window_ends_its_job_and_then_closes_the_library(case: Case, tmp_path: Path) -> None:
    library = Halting(case.house)
    page = ChatsPage(case.house.services, library).page()
    ask = Asked(page, case.house.texts)
    ids = [case.chat(f"Chat {n}") for n in range(5)]
    ask("chats.export", ids=ids, format="md", folder=str(tmp_path / "out"))
    assert library.halted.wait(60)
    page.on_gone()
    assert not library.closed
    library.go.set()
    assert case.end()["cancelled"]
    case.house.app.wait(lambda _: library.closed, 60)


# --- archive --------------------------------------------------------------------------------------


def test_the_offer_to_archive_is_made_once_and_only_for_hosted_chats(case: Case) -> None:
    assert case.ask("chats.start")["offer"]
    case.ask("chats.offer_seen")
    assert not case.ask("chats.start")["offer"]
    case.house.settings.update({"agents": [DemoAgent(id="demo")], "active_agent": "demo"})
    start = case.ask("chats.start")
    assert (start["offer"], start["hosted"]) == (False, False)


def test_hosted_chats_are_archived_and_then_found_by_their_words(case: Case) -> None:
    ids = [case.hosted(f"Chat {n}", messages=3) for n in range(3)]
    assert case.ask("chats.archive", ids=None) == {"started": True}
    done = case.end()
    assert (done["kind"], done["written"], done["unchanged"], done["error"]) == ("archive", 3, 0, None)
    assert {(chat["id"], chat["where"]) for chat in case.ask("chats.list")["data"]} == {(i, "archived") for i in ids}
    assert len(case.ask("chats.search", query="question")["data"]) == 3
    assert not case.ask("chats.start")["offer"]
    case.ask("chats.archive", ids=None)
    assert (case.end(2)["written"], case.end(2)["unchanged"]) == (0, 3)


def test_an_archive_that_another_page_began_is_not_begun_twice(case: Case) -> None:
    folder = case.house.locations.archive
    assert archiving.runs.begin(folder) is not None
    try:
        with pytest.raises(JobUnderWay):
            case.ask("chats.archive", ids=None)
    finally:
        archiving.runs.end(folder)
    case.ask("chats.archive", ids=None)
    assert case.end()["error"] is None
    assert archiving.runs.begin(folder) is not None
    archiving.runs.end(folder)


def test_without_a_key_the_archive_says_so_at_once(case: Case) -> None:
    case.house.keys.remove(origin_of(case.api.base))
    with pytest.raises(KeyMissing):
        case.ask("chats.archive", ids=None)
    assert case.events("chats.job") == []


# --- deletion -------------------------------------------------------------------------------------


def test_deletion_is_where_it_was_asked_for_and_nowhere_else(case: Case) -> None:
    own, hosted, archived, both = case.chat("Own"), case.hosted("H"), case.hosted("A"), case.hosted("B")
    case.ask("chats.archive", ids=[archived, both])
    case.end()
    case.ask("chats.delete", here=[own, archived, both], openai=[both])
    done = case.end(2)
    assert (done["kind"], done["written"], done["failed"], done["error"]) == ("delete", 3, 0, None)
    assert (sorted(done["deleted"]), done["at_openai"]) == (sorted([own, archived, both]), [both])
    assert set(case.api.world.threads) == {hosted, archived}
    case.ask("chats.refresh")
    assert {(chat["id"], chat["where"]) for chat in case.ask("chats.list")["data"]} == {
        (hosted, "hosted"),
        (archived, "hosted"),
    }
    assert {"id": own} in case.events("chat.deleted", "chat")


def test_a_copy_stays_where_the_deletion_at_openai_fails(case: Case) -> None:
    hosted = case.hosted("A")
    case.ask("chats.archive", ids=[hosted])
    case.end()
    case.api.fail("key_rejected")
    case.ask("chats.delete", here=[hosted], openai=[hosted])
    done = case.end(2)
    assert (done["written"], done["failed"], done["error"]["code"]) == (0, 1, "key_rejected")
    assert [chat["where"] for chat in case.ask("chats.list")["data"]] == ["archived"]
    assert hosted in case.api.world.threads


# --- chats at a server ----------------------------------------------------------------------------


def test_a_servers_chats_are_listed_opened_renamed_and_deleted_there_by_their_own_ids(case: Case) -> None:
    with ChatKitStandIn(SENTINEL) as server:
        agent = ServerAgent(id="team", name="Team", url=server.url)
        case.house.settings.update({"agents": [DemoAgent(id="demo"), agent], "active_agent": "demo"})
        with pytest.raises(ServerTokenWanted):
            case.ask("chats.refresh", source="team")
        case.house.keys.save_secret(server_secret(agent), SENTINEL)
        asyncio.run(server.store.save_thread(thread("thr_z", "Zebras"), EVERYBODY))
        asyncio.run(server.store.add_thread_item("thr_z", said("Why stripes?"), EVERYBODY))
        assert case.ask("chats.refresh", source="team") == {"count": 1}
        assert case.events("chats.counted") == [{"source": "team", "count": 1}]
        (chat,) = case.ask("chats.list")["data"]
        assert (chat["id"], chat["where"], chat["opens"], chat["read_only"]) == ("team/thr_z", "server", True, False)
        assert "Why stripes?" in case.ask("chats.items", id="team/thr_z")["data"][0]["html"]
        case.ask("chats.open", id="team/thr_z")
        assert ("open_chat", ("team", "thr_z")) in case.house.app.asked
        assert case.ask("chats.rename", id="team/thr_z", title="Horses")["title"] == "Horses"
        assert case.events("thread.changed", "chat") == [{"agent": "team", "thread": "thr_z"}]
        case.ask("chats.delete", servers=["team/thr_z", "team/thr_no"])
        done = case.end()
        assert (done["deleted"], done["failed"], done["error"]["code"]) == (["team/thr_z"], 1, "thread_not_found")
        assert case.events("chat.deleted", "chat") == [{"id": "thr_z"}]
        assert server.store._threads == {}
        assert not case.ask.found(SENTINEL)
        assert SENTINEL not in json.dumps(case.house.app.asked, default=str)


# --- what crosses ---------------------------------------------------------------------------------


def test_checklist_1_no_answer_of_the_page_holds_the_key(case: Case) -> None:
    case.house.keys.save(origin_of(case.api.base), SENTINEL)
    case.hosted("Hosted", messages=2)
    case.ask("chats.start")
    assert case.ask("chats.refresh") == {"count": 1}  # with the planted key
    case.ask("chats.archive", ids=None)
    assert case.end()["written"] == 1
    case.ask("chats.list")
    case.api.fail("key_rejected")
    with pytest.raises(KeyRejected):
        case.ask("chats.refresh")
    assert not case.ask.found(SENTINEL)
    assert SENTINEL not in json.dumps(case.house.app.asked, default=str)


def test_checklist_3_no_script_from_elsewhere_runs_beside_the_chats(case: Case) -> None:
    page = case.view.page()
    assert page.sources == Sources()
    assert not [file for file in page.files if "://" in file]


def test_checklist_10_calls_are_bounded(case: Case) -> None:
    for method, params in (
        ("chats.search", {"query": "x" * 501}),
        ("chats.items", {"id": ""}),
        ("chats.delete", {"here": ["x"] * 100_001}),
        ("chats.export", {"ids": None, "format": "pdf", "folder": "/tmp"}),
        ("chats.list", {"days": -1}),
        ("chats.list", {"other": 1}),
    ):
        with pytest.raises(ValidationError):
            case.ask(method, **params)
