"""Requests, streams, attachments of a page whose agent runs inside the app: order, pace, an end that always comes."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from desktop.agents.chatkit.answers import Answer, Reply, Stream
from desktop.agents.errors import MessageEmpty, MessageTooLong
from desktop.common.errors import AppError, BadParams
from desktop.common.page import Method
from desktop.openai_api.errors import ThreadNotFound
from desktop.pages.common.agent_stream import AgentMethods
from desktop.settings.errors import AgentNotSet
from tests.pages.app_parts import House

DEMO = {"kind": "demo", "id": "demo"}
SOON = 30.0


class Host:
    """Answers with a stream that the test feeds by hand."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []
        self.on_data: Callable[[str], None] = lambda _piece: None
        self.on_end: Callable[[], None] = lambda: None
        self.before: Callable[[], None] = lambda: None
        self.answer: Answer = Stream("s1")

    def request(
        self,
        agent_id: str,
        body: str,
        *,
        on_data: Callable[[str], None],
        on_end: Callable[[], None],
        wanted: Callable[[], bool] = lambda: True,
        approves: bool = False,
    ) -> Answer:
        assert not approves, "this page runs somebody else's script"
        self.told.append(("request", (agent_id, body)))
        self.on_data, self.on_end = on_data, on_end
        self.before()
        return self.answer

    def ack(self, stream_id: str, count: int) -> None:
        self.told.append(("ack", count))

    def cancel(self, stream_id: str) -> None:
        self.told.append(("cancel", stream_id))


class Application:
    """Keeps what a page is sent; `wait` for it."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []
        self._changed = threading.Condition()

    def emit(self, page: str, event: str, data: Any) -> None:
        assert page == "chat"
        with self._changed:
            self.events.append((event, json.loads(json.dumps(data))))
            self._changed.notify_all()

    def wait(self, until: Callable[[list[tuple[str, Any]]], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: until(self.events), SOON), self.events

    def chunks(self) -> list[list[str]]:
        return [data["chunks"] for event, data in self.events if event == "stream.data"]


class Page:
    """The methods, called as the bridge calls them; the host is a stand-in unless `host` is one."""

    def __init__(self, house: House, host: Any = None) -> None:
        self.host = host or Host()
        self.app = Application()
        self.agents = AgentMethods(replace(house.services, agents=self.host, app=self.app), "chat")  # type: ignore[arg-type]

    def __call__(self, method: str, **params: Any) -> Any:
        asked: Method = self.agents.methods[method]
        return json.loads(json.dumps(asked.call(asked.params.model_validate(params))))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, command_line={"agents": [DEMO]})
    yield made
    made.close()


@pytest.fixture
def page(house: House) -> Page:
    """One with a stand-in for the host."""
    return Page(house)


def message(text: str, thread: str | None = None) -> str:
    content = [{"type": "input_text", "text": text}]
    asked: dict[str, Any] = {"content": content, "attachments": [], "inference_options": {}}
    if thread is None:
        return json.dumps({"type": "threads.create", "params": {"input": asked}})
    return json.dumps({"type": "threads.add_user_message", "params": {"thread_id": thread, "input": asked}})


# --- pace and order -------------------------------------------------------------------------------


def test_a_page_that_is_behind_says_that_it_lives(page: Page) -> None:
    page("stream.alive")
    page("chatkit.request", body="{}")
    page.host.told.clear()
    page("stream.alive")
    assert page.host.told == [("ack", 0)]


def test_what_a_text_would_load_is_held_back_until_the_person_allows_it(house: House, tmp_path: Path) -> None:
    message = {"content": [{"text": "![x](http://pictures.example/)", "annotations": []}]}
    allowed = House(tmp_path / "allowed", command_line={"agents": [DEMO], "privacy.remote_images": True})
    try:
        for made, shown in ((house, "[Image: x](http://pictures.example/)"), (allowed, message["content"][0]["text"])):
            page = Page(made)
            page.host.answer = Reply(json.dumps(message))
            reply = json.loads(page("chatkit.request", body="{}")["json"])
            assert reply["content"][0]["text"] == shown
            page.host.answer = Stream("s1")
            page("chatkit.request", body="{}")
            page.host.on_data(f"data: {json.dumps({'type': 'thread.item.done', 'item': message})}\n\n")
            assert shown in json.loads(page.app.chunks()[0][0][6:])["item"]["content"][0]["text"]
    finally:
        allowed.close()


def test_an_answer_that_does_not_stream_is_handed_on_as_it_is(page: Page) -> None:
    page.host.answer = Reply('{"data": []}')
    assert page("chatkit.request", body="{}") == {"json": '{"data": []}'}
    assert page.host.told == [("request", ("demo", "{}"))]


def test_the_first_piece_goes_at_once_and_those_that_gather_meanwhile_go_together(page: Page) -> None:
    assert page("chatkit.request", body="{}") == {"stream": "s1"}
    for piece in ("a", "b", "c"):
        page.host.on_data(piece)
    assert page.app.chunks() == [["a"]], "one batch is under way at most"
    page("stream.ack", id="s1", count=1)
    assert page.app.chunks() == [["a"], ["b", "c"]]
    page.host.on_data("d")
    page("stream.ack", id="s1", count=1)
    assert page.app.chunks() == [["a"], ["b", "c"]], "the batch is not taken yet"
    page("stream.ack", id="s1", count=1)
    page.host.on_end()
    assert page.app.chunks() == [["a"], ["b", "c"], ["d"]]
    assert [data["seq"] for event, data in page.app.events if event == "stream.data"] == [1, 2, 3]
    assert page.app.events[-1] == ("stream.end", {"id": "s1"})
    assert [told for told in page.host.told if told[0] == "ack"] == [("ack", 1), ("ack", 1), ("ack", 1)]


def test_the_end_brings_what_is_left_whether_the_page_has_taken_the_rest_or_not(page: Page) -> None:
    page("chatkit.request", body="{}")
    for piece in ("a", "b"):
        page.host.on_data(piece)
    page.host.on_end()
    assert page.app.chunks() == [["a"], ["b"]]
    assert [event for event, _ in page.app.events] == ["stream.data", "stream.data", "stream.end"]


def test_pieces_that_come_before_the_stream_has_a_name_wait_for_it(page: Page) -> None:
    def early() -> None:
        page.host.on_data("a")
        page.host.on_data("b")
        page.host.on_end()
        assert page.app.events == []

    page.host.before = early
    page("chatkit.request", body="{}")
    assert page.app.chunks() == [["a", "b"]]
    assert page.app.events[-1] == ("stream.end", {"id": "s1"})


def test_a_page_acknowledges_and_cancels_its_own_streams_alone(page: Page) -> None:
    page("stream.ack", id="another", count=3)
    page("stream.cancel", id="another")
    assert page.host.told == []
    page("chatkit.request", body="{}")
    page.host.on_data("a")
    page("stream.cancel", id="s1")
    page.host.on_data("b")
    page.host.on_end()
    assert page.host.told[1:] == [("cancel", "s1")]
    assert page.app.chunks() == [["a"]]
    page("stream.cancel", id="s1")
    assert page.host.told[1:] == [("cancel", "s1")], "once"


def test_a_page_that_is_gone_ends_its_runs_and_hears_nothing_more(page: Page) -> None:
    page("chatkit.request", body="{}")
    page.agents.gone()
    assert page.host.told[1:] == [("cancel", "s1")]
    page.host.on_data("a")
    page.host.on_end()
    assert page.app.events == []


def test_an_answer_that_begins_when_the_page_is_gone_already_is_cancelled(page: Page) -> None:
    page.host.before = page.agents.gone
    with pytest.raises(AppError) as raised:
        page("chatkit.request", body="{}")
    assert raised.value.code == "page_gone"
    assert page.host.told[1:] == [("cancel", "s1")]


def test_without_an_agent_inside_the_app_there_is_nothing_to_ask(tmp_path: Path) -> None:
    house = House(tmp_path, command_line={"agents": [{"workflow_id": "wf_abcdefgh"}]})
    page = Page(house)
    for method, params in (
        ("chatkit.request", {"body": "{}"}),
        ("attachment.begin", {"name": "a", "mime": "text/plain", "size": 1}),
        ("attachment.part", {"id": "a", "offset": 0, "data": ""}),
        ("attachment.end", {"id": "a"}),
    ):
        with pytest.raises(AgentNotSet):
            page(method, **params)
    with pytest.raises(AgentNotSet):
        page.agents.title("thr_1")
    assert page.host.told == []
    house.close()


def test_many_threads_at_once_lose_nothing_and_keep_the_order(page: Page) -> None:
    page("chatkit.request", body="{}")
    seen: list[str] = []
    done = threading.Event()

    def read() -> None:
        """A page that takes what there is and says so, until the end."""
        at = 0
        while not done.is_set():
            page.app.wait(lambda events, at=at: len(events) > at)  # type: ignore[misc]
            for event, data in page.app.events[at:]:
                at += 1
                if event == "stream.end":
                    done.set()
                    return
                seen.extend(data["chunks"])
                page("stream.ack", id="s1", count=len(data["chunks"]))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    for number in range(5_000):
        page.host.on_data(str(number))
    page.host.on_end()
    assert done.wait(SOON)
    assert seen == [str(number) for number in range(5_000)]


# --- with the real host ---------------------------------------------------------------------------


@pytest.fixture
def real(house: House) -> Page:
    return Page(house, house.agents)


def read_to_the_end(page: Page) -> list[dict[str, Any]]:
    """Every event of the stream that runs, acknowledged as it comes."""
    events: list[dict[str, Any]] = []
    at = 0
    while True:
        page.app.wait(lambda seen, at=at: len(seen) > at)  # type: ignore[misc]
        event, data = page.app.events[at]
        at += 1
        if event == "stream.end":
            return events
        for chunk in data["chunks"]:
            assert chunk.startswith("data: ")
            assert chunk.endswith("\n\n")
            events.append(json.loads(chunk[6:]))
        page("stream.ack", id=data["id"], count=len(data["chunks"]))


def test_the_demo_answers_through_the_methods_of_a_page(real: Page) -> None:
    assert set(real("chatkit.request", body=message("Good day"))) == {"stream"}
    events = read_to_the_end(real)
    kinds = [event["type"] for event in events]
    assert kinds[0] == "thread.created"
    assert kinds[-1] in ("thread.item.done", "thread.updated")
    deltas = [event["update"]["delta"] for event in events if event.get("update", {}).get("type", "").endswith("delta")]
    done = [event["item"] for event in events if event["type"] == "thread.item.done"][-1]
    assert "".join(deltas) == done["content"][0]["text"]
    thread = events[0]["thread"]["id"]
    assert real.agents.title(thread) == "Good day"
    listed = json.loads(real("chatkit.request", body='{"type": "threads.list", "params": {}}')["json"])
    assert [one["id"] for one in listed["data"]] == [thread]


@pytest.mark.parametrize("body", ["", "{", "[]", '{"type": "no.such"}', '{"type": "threads.create", "params": {}}'])
def test_a_request_that_can_not_be_understood_is_refused_with_a_sentence(real: Page, body: str) -> None:
    with pytest.raises(BadParams):
        real("chatkit.request", body=body)


def test_messages_that_are_empty_or_too_long_are_refused_before_a_stream_begins(real: Page, house: House) -> None:
    with pytest.raises(MessageEmpty):
        real("chatkit.request", body=message(" \n "))
    limit = house.settings.current.assistant.message_limit
    with pytest.raises(MessageTooLong):
        real("chatkit.request", body=message("x" * (limit + 1)))
    assert real.app.events == []


def test_a_chat_that_is_not_there_is_said_so(real: Page) -> None:
    with pytest.raises(ThreadNotFound):
        real("chatkit.request", body='{"type": "threads.get_by_id", "params": {"thread_id": "thr_none"}}')
    with pytest.raises(ThreadNotFound):
        real.agents.title("thr_none")


def test_an_attachment_comes_in_parts_and_is_described_as_the_protocol_has_it(real: Page, house: House) -> None:
    files = house.agents.call(_attachments)
    if files is None:
        pytest.skip("the host has no store of attachments yet")
    data = b"one line\n" * 200
    begun = real("attachment.begin", name="notes.txt", mime="text/plain", size=len(data))
    half = len(data) // 2
    assert real("attachment.part", id=begun["id"], offset=0, data=coded(data[:half])) == {"size": half}
    assert real("attachment.part", id=begun["id"], offset=half, data=coded(data[half:])) == {"size": len(data)}
    attachment = real("attachment.end", id=begun["id"])
    assert attachment["id"] == begun["id"]
    assert (attachment["name"], attachment["mime_type"]) == ("notes.txt", "text/plain")
    with pytest.raises(BadParams):
        real("attachment.part", id=begun["id"], offset=0, data="not base64!")
    with pytest.raises(BadParams):
        real("attachment.end", id="atc_unknown")


async def _attachments(stores: Any) -> Any:
    return stores.attachments


def coded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_the_limits_of_one_call_leave_room_for_a_whole_part(page: Page) -> None:
    part = page.agents.methods["attachment.part"]
    assert part.limit > len(coded(bytes(1024 * 1024)))
    assert page.agents.methods["chatkit.request"].limit == 2 * 1024 * 1024
