"""The server inside the app beside a plain `ChatKitServer`: of every request type the same events, one by one."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from chatkit.agents import AgentContext  # noqa: F401 - brings the agent stack, as a plain server has it
from chatkit.server import ChatKitServer, StreamingResult
from chatkit.store import AttachmentStore
from chatkit.types import (
    Attachment,
    AttachmentCreateParams,
    ClientToolCallItem,
    FileAttachment,
    SyncCustomActionResponse,
    ThreadStreamEvent,
)

from desktop.agents.chatkit.context import RequestContext
from desktop.agents.demo import Demo
from desktop.agents.errors import DictationNotSet
from desktop.agents.host import AgentHost
from desktop.agents.store.stores import Stores
from desktop.common.errors import BadParams
from desktop.common.texts import Catalogue
from tests.agents.reference import ReferenceStore
from tests.agents.talk import FAST, Given, Json, Page, message, read
from tests.agents.things import NOON

ME = RequestContext("demo", "user_of_demo", "en")


class Files(AttachmentStore[RequestContext]):
    """Attachments without bytes."""

    async def create_attachment(self, input: AttachmentCreateParams, context: RequestContext) -> Attachment:  # noqa: A002
        return FileAttachment(id="atc_1", name=input.name, mime_type=input.mime_type, metadata={"size": input.size})

    async def delete_attachment(self, attachment_id: str, context: RequestContext) -> None:
        pass


class Plain(ChatKitServer[RequestContext]):
    """What the SDK makes of the same demo; the demo itself is the only thing of ours."""

    def __init__(self) -> None:
        super().__init__(ReferenceStore(), Files())
        self.demo = Demo(Catalogue("en"), 0.0)

    def _ids(self, thread: Any, context: RequestContext) -> Any:
        return lambda kind: self.store.generate_item_id(kind, thread, context)

    async def respond(self, thread: Any, input_user_message: Any, context: Any) -> AsyncIterator[ThreadStreamEvent]:
        async for event in self.demo.respond(thread, input_user_message, self._ids(thread, context)):
            yield event

    async def action(self, thread: Any, action: Any, sender: Any, context: Any) -> AsyncIterator[ThreadStreamEvent]:
        async for event in self.demo.action(thread, action, sender, self._ids(thread, context)):
            yield event

    async def sync_action(self, thread: Any, action: Any, sender: Any, context: Any) -> SyncCustomActionResponse:
        return SyncCustomActionResponse(updated_item=self.demo.changed(action, sender))


class Normal:
    """Ids and times by the order of their first appearance, so that two servers can be compared."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}

    def __call__(self, value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: self(part, name) for name, part in value.items()}
        if isinstance(value, list):
            return [self(part, key) for part in value]
        if key == "created_at":
            assert isinstance(value, str)
            return "time"
        if isinstance(value, str) and re.fullmatch(r"(thr|msg|wf|tc|shcx|atc)_(?:[0-9a-f]{8}){1,3}|ws_\d+", value):
            prefix = value.split("_")[0]  # a thread, a message and so on, of whoever gave the id
            return self.names.setdefault(value, f"{prefix}_{len(self.names)}")
        return value


class Both:
    """The same requests to the app's server and to a plain one. What is asked for by id is asked for in each one's."""

    def __init__(self) -> None:
        self.store = ReferenceStore()
        self.host = AgentHost(
            Given(), Catalogue("en"), open_stores=lambda: Stores(self.store, Files(), lambda: None), limits=FAST
        )
        self.page = Page(self.host)
        self.plain = Plain()
        self.runner = asyncio.Runner()
        self.ours, self.theirs = Normal(), Normal()

    def close(self) -> None:
        self.host.close(10)
        self.runner.close()

    def _in(self, normal: Normal, params: Any) -> Any:
        """`params` with a server's own ids for their normalised names."""
        back = {name: value for value, name in normal.names.items()}
        if isinstance(params, dict):
            return {key: self._in(normal, value) for key, value in params.items()}
        if isinstance(params, list):
            return [self._in(normal, value) for value in params]
        return back.get(params, params) if isinstance(params, str) else params

    async def _plain(self, body: str) -> Any:
        result = await self.plain.process(body, ME)
        if isinstance(result, StreamingResult):
            return [read(piece.decode()) async for piece in result]
        return json.loads(result.json)

    def stream(self, kind: str, /, **params: Any) -> list[Json]:
        """The events of both, which are the same."""
        heard = self.page.stream(kind, **self._in(self.ours, params))
        body = json.dumps({"type": kind, "params": self._in(self.theirs, params)})
        theirs = self.theirs(self.runner.run(self._plain(body)))
        ours = self.ours(heard.events)
        assert ours == theirs
        assert isinstance(ours, list)
        return ours

    def ask(self, kind: str, /, **params: Any) -> Json:
        """The answer of both, which is the same."""
        ours = self.ours(self.page.ask(kind, **self._in(self.ours, params)))
        body = json.dumps({"type": kind, "params": self._in(self.theirs, params)})
        assert ours == self.theirs(self.runner.run(self._plain(body)))
        assert isinstance(ours, dict)
        return ours

    def put(self, make: Any) -> None:
        """An item into the thread of both, made by `make(thread id, item id)`."""
        for normal, store in ((self.ours, self.store), (self.theirs, self.plain.store)):
            thread = next(value for value, name in normal.names.items() if name.startswith("thr_"))
            self.runner.run(store.add_thread_item(thread, make(thread), ME))


@pytest.fixture
def both() -> Iterator[Both]:
    made = Both()
    yield made
    made.close()


def created(both: Both, text: str = "hello") -> str:
    """A new chat's normalised id."""
    return str(both.stream("threads.create", input=message(text))[0]["thread"]["id"])


def item_of(events: list[Json], kind: str) -> str:
    return next(str(e["item"]["id"]) for e in events if "item" in e and e["item"]["type"] == kind)


# --- what streams -----------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["hello", "markdown", "widget", "steps", "question", "long", "anything else"])
def test_a_new_chat_streams_what_a_plain_server_streams(both: Both, text: str) -> None:
    kinds = [event["type"] for event in both.stream("threads.create", input=message(text))]
    assert kinds[:3] == ["thread.created", "thread.item.done", "stream_options"]
    assert kinds[-1] == "thread.item.done" or text == "question"


def test_a_further_message(both: Both) -> None:
    thread = created(both)
    events = both.stream("threads.add_user_message", thread_id=thread, input=message("markdown"))
    assert events[0]["item"]["type"] == "user_message"


def test_a_retry(both: Both) -> None:
    events = both.stream("threads.create", input=message("hello"))
    thread, said = events[0]["thread"]["id"], item_of(events, "user_message")
    both.stream("threads.retry_after_item", thread_id=thread, item_id=said)
    kept = both.ask("items.list", thread_id=thread, order="asc")["data"]
    assert [item["type"] for item in kept] == ["user_message", "assistant_message"]


def test_a_button_of_a_widget(both: Both) -> None:
    events = both.stream("threads.create", input=message("widget"))
    thread, widget = events[0]["thread"]["id"], item_of(events, "widget")
    action = {"type": "demo.pressed", "payload": {}}
    answered = both.stream("threads.custom_action", thread_id=thread, item_id=widget, action=action)
    assert answered[1]["type"] == "thread.item.replaced"
    kept = both.ask("items.list", thread_id=thread, order="asc")["data"]
    assert "Pressed" in str(next(item for item in kept if item["id"] == widget))


def test_a_button_that_belongs_to_no_widget(both: Both) -> None:
    events = both.stream("threads.create", input=message("hello"))
    thread, said = events[0]["thread"]["id"], item_of(events, "user_message")
    action = {"type": "demo.pressed", "payload": {}}
    both.stream("threads.custom_action", thread_id=thread, action=action)
    assert both.stream("threads.custom_action", thread_id=thread, item_id=said, action=action) == [
        {"type": "error", "code": "stream.error", "allow_retry": False}
    ]


def test_the_output_of_a_tool_in_the_page(both: Both) -> None:
    thread = created(both)
    both.put(
        lambda thread_id: ClientToolCallItem(
            id="tc_1", thread_id=thread_id, created_at=NOON, call_id="call_1", name="look", arguments={"a": 1}
        )
    )
    both.stream("threads.add_client_tool_output", thread_id=thread, result={"seen": True})
    kept = both.ask("items.list", thread_id=thread, order="asc")["data"]
    assert next(item for item in kept if item["id"] == "tc_1")["output"] == {"seen": True}


def test_an_answered_question(both: Both) -> None:
    events = both.stream("threads.create", input=message("question"))
    thread, question = events[0]["thread"]["id"], item_of(events, "structured_input")
    given = {"status": "answered", "answers": {"season": {"values": ["Spring"]}}}
    answered = both.stream("threads.add_structured_input", thread_id=thread, item_id=question, input=given)
    assert answered[1]["item"]["inputs"][0]["answer"]["values"] == ["Spring"]


# --- what is answered at once -----------------------------------------------------------------


def test_lists_of_chats_with_paging(both: Both) -> None:
    for number in range(5):
        created(both, f"number {number}")
    first = both.ask("threads.list", limit=2, order="desc")
    assert [thread["title"] for thread in first["data"]] == ["number 4", "number 3"]
    second = both.ask("threads.list", limit=2, order="desc", after=first["after"])
    assert [thread["title"] for thread in second["data"]] == ["number 2", "number 1"]
    assert both.ask("threads.list")["has_more"] is False
    assert both.ask("threads.list", order="asc")["data"][0]["title"] == "number 0"


def test_a_chat_with_its_items(both: Both) -> None:
    thread = created(both)
    assert len(both.ask("threads.get_by_id", thread_id=thread)["items"]["data"]) == 2


def test_items_with_paging_and_nothing_hidden_among_them(both: Both) -> None:
    thread = created(both)
    for _ in range(3):
        both.stream("threads.add_user_message", thread_id=thread, input=message("hello"))
    page = both.ask("items.list", thread_id=thread, limit=3, order="desc")
    assert page["has_more"] is True
    assert len(both.ask("items.list", thread_id=thread, limit=30, order="desc", after=page["after"])["data"]) == 5


def test_a_chat_is_renamed_and_deleted(both: Both) -> None:
    thread = created(both)
    assert both.ask("threads.update", thread_id=thread, title="Another name")["title"] == "Another name"
    assert both.ask("threads.delete", thread_id=thread) == {}
    assert both.ask("threads.list")["data"] == []


def test_an_attachment_is_announced_and_taken_back(both: Both) -> None:
    made = both.ask("attachments.create", name="a.txt", size=3, mime_type="text/plain")
    assert made == {"id": "atc_1", "name": "a.txt", "mime_type": "text/plain", "type": "file"}
    events = both.stream("threads.create", input=message("look", attachments=("atc_1",)))
    assert events[1]["item"]["attachments"][0]["id"] == "atc_1"
    assert both.ask("attachments.delete", attachment_id="atc_1") == {}


def test_a_button_that_is_answered_with_the_widget_alone(both: Both) -> None:
    events = both.stream("threads.create", input=message("widget"))
    thread, widget = events[0]["thread"]["id"], item_of(events, "widget")
    action = {"type": "demo.pressed", "payload": {}}
    answer = both.ask("threads.sync_custom_action", thread_id=thread, item_id=widget, action=action)
    assert answer["updated_item"]["id"] == widget


# --- what is ours -----------------------------------------------------------------------------


def test_feedback_is_kept_with_the_chat_and_goes_nowhere(both: Both) -> None:
    thread = both.page.say("hello").thread
    assert both.page.ask("items.feedback", thread_id=thread, item_ids=["msg_1"], kind="positive") == {}
    both.page.ask("items.feedback", thread_id=thread, item_ids=["msg_2", "msg_1"], kind="negative")
    kept = both.runner.run(both.store.load_thread(thread, ME))
    assert kept.metadata["feedback"] == {"msg_1": "negative", "msg_2": "negative"}


def test_dictation_without_a_model_for_it_says_so(both: Both) -> None:
    with pytest.raises(DictationNotSet):
        both.page.ask("input.transcribe", audio_base64="AAAA", mime_type="audio/webm")


def test_a_button_of_no_widget_has_no_answer_at_once(both: Both) -> None:
    thread = both.page.say("hello").thread
    with pytest.raises(BadParams):
        both.page.ask("threads.sync_custom_action", thread_id=thread, action={"type": "x", "payload": {}})


def test_a_question_that_was_answered_already_ends_with_a_sentence(both: Both) -> None:
    heard = both.page.say("question")
    (question,) = heard.done("structured_input")
    params = {"thread_id": heard.thread, "item_id": question["id"], "input": {"status": "skipped", "answers": {}}}
    both.page.stream("threads.add_structured_input", **params)
    again = both.page.stream("threads.add_structured_input", **params)
    assert again.errors[0]["message"]
    assert again.ends == 1
