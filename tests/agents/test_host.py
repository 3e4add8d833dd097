"""The host of the agents: what it answers and when, the way of a stream, its ends, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from desktop.agents.chatkit.answers import Reply
from desktop.agents.errors import MessageEmpty, MessageTooLong
from desktop.agents.host import AgentHost, State
from desktop.agents.limits import Limits
from desktop.agents.store.stores import Stores
from desktop.common.errors import AgentsMissing, AppError, BadParams, PageGone
from desktop.common.installed import command_for
from desktop.common.texts import Catalogue
from desktop.openai_api.errors import ThreadNotFound
from desktop.settings.agents import AssistantAgent
from desktop.settings.errors import AgentNotSet
from tests.agents.reference import ReferenceStore
from tests.agents.talk import DEMO, FAST, Given, Heard, Page, make_host, message

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def given() -> Given:
    return Given()


@pytest.fixture
def page(given: Given) -> Iterator[Page]:
    host = make_host(given)
    yield Page(host)
    host.close(10)


def in_a_process(code: str) -> str:
    """What `code` prints, in a Python of its own."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# --- light ------------------------------------------------------------------------------------


def test_importing_the_host_imports_none_of_the_sdks() -> None:
    code = (
        "import sys, desktop.agents.host\n"
        "print([n for n in ('agents', 'chatkit', 'httpx2', 'openai') if n in sys.modules])"
    )
    assert in_a_process(code) == "[]"


def test_the_demo_answers_without_the_agent_stack() -> None:
    code = (
        "import sys\n"
        "from tests.agents.talk import Given, Page, make_host\n"
        "host = make_host(Given())\n"
        "host.warm('demo')\n"
        "page = Page(host)\n"
        "assert 'demo' in page.say('hello there').said\n"
        "assert len(page.ask('threads.list')['data']) == 1\n"
        "print(host.state, [n for n in ('agents', 'httpx2', 'mcp', 'openai') if n in sys.modules])\n"
        "host.close(10)\n"
    )
    assert in_a_process(code) == "light []"


def test_without_the_sdk_every_request_says_how_to_install_it() -> None:
    code = (
        "import sys\n"
        "for name in ('agents', 'chatkit', 'openai'): sys.modules[name] = None\n"
        "from desktop.agents.host import AgentHost\n"
        "from desktop.common.errors import AgentsMissing\n"
        "from desktop.common.texts import Catalogue\n"
        "class Nothing:\n"
        "    def server(self, agent_id): return None\n"
        "host = AgentHost(Nothing(), Catalogue('en'))\n"
        "try:\n"
        "    host.request('a', '{}', on_data=print, on_end=print)\n"
        "except AgentsMissing as error:\n"
        "    print(host.state, error.describe(Catalogue('en'))['hint'])\n"
        "host.close()\n"
    )
    assert in_a_process(code) == f"failed Install it with: {command_for('agents')}"


class SlowStack:
    """An agent stack whose import takes until it is told to end."""

    def __init__(self, error: Exception | None = None) -> None:
        self.begun = threading.Event()
        self.may_end = threading.Event()
        self.error = error

    def __call__(self) -> Any:
        self.begun.set()
        assert self.may_end.wait(30)
        if self.error is not None:
            raise self.error
        return Echo()


class Echo:
    """In the place of the assistants: says what was said, with the demo's voice."""

    async def respond(self, agent: Any, thread: Any, said: Any, store: Any, attachments: Any, context: Any) -> Any:
        from desktop.agents.demo import Demo

        text = said.content[0].text
        script = Demo(Catalogue("en"), 0.0)._say(
            thread, lambda kind: store.generate_item_id(kind, thread, context), text
        )
        async for event in script:
            yield event

    async def close(self) -> None:
        pass


@pytest.fixture
def both(given: Given) -> Given:
    given.agents = {"demo": DEMO, "mine": AssistantAgent(id="mine")}
    return given


def test_lists_and_the_demo_are_answered_while_the_agent_stack_is_imported(both: Given) -> None:
    stack = SlowStack()
    host = make_host(both, import_stack=stack)
    host.warm()
    assert stack.begun.wait(30)
    assert host.state == "loading"
    page = Page(host)
    assert page.ask("threads.list") == {"data": [], "has_more": False}
    assert page.say("hello").errors == []
    stack.may_end.set()
    host.close(10)


def test_a_message_sent_early_is_kept_at_once_waits_with_its_state_shown_and_is_answered(both: Given) -> None:
    states: list[State] = []
    stack = SlowStack()
    host = make_host(both, import_stack=stack, on_state=states.append)
    host.warm()
    page = Page(host, "mine")
    heard = page.begin("first words")
    heard.until(lambda: "progress_update" in heard.kinds)
    assert page.items(heard.thread)[0]["content"][0]["text"] == "first words"
    assert heard.events[-1]["text"] == "Getting the agent ready…"
    assert heard.said == ""
    stack.may_end.set()
    page.read(heard)
    assert heard.said == "first words"
    assert states == ["light", "loading", "ready"]
    host.close(10)


def test_a_message_sent_later_finds_no_waiting(both: Given) -> None:
    stack = SlowStack()
    stack.may_end.set()
    host = make_host(both, import_stack=stack)
    page = Page(host, "mine")
    page.say("wakes it up")
    assert "progress_update" not in page.say("hello").kinds
    host.close(10)


def test_where_the_agent_stack_is_missing_the_typed_text_stays_and_the_demo_goes_on(both: Given) -> None:
    stack = SlowStack(ModuleNotFoundError("No module named 'agents'"))
    stack.may_end.set()
    states: list[State] = []
    failed = threading.Event()

    def on_state(state: State) -> None:
        states.append(state)
        if state == "failed":
            failed.set()

    host = make_host(both, import_stack=stack, on_state=on_state)
    host.warm()
    assert failed.wait(30)
    assert isinstance(host.problem, AgentsMissing)
    with pytest.raises(AgentsMissing):
        Page(host, "mine").begin("hello")
    assert Page(host, "mine").ask("threads.list")["data"] == []
    assert Page(host, "demo").say("hello").errors == []
    host.close(10)


def test_a_message_that_waits_for_a_stack_that_fails_is_told_so(both: Given) -> None:
    stack = SlowStack(ModuleNotFoundError("No module named 'agents'"))
    host = make_host(both, import_stack=stack)
    page = Page(host, "mine")
    heard = page.begin("hello")
    heard.until(lambda: "progress_update" in heard.kinds)
    stack.may_end.set()
    page.read(heard)
    assert "not installed" in heard.errors[0]["message"]
    assert heard.errors[0]["allow_retry"] is False
    host.close(10)


def test_warming_again_changes_nothing(page: Page) -> None:
    page.host.warm("demo")
    page.host.warm("demo")
    assert page.say("hello").errors == []


# --- a stream ---------------------------------------------------------------------------------


def test_pieces_come_in_order_and_the_end_comes_once(page: Page) -> None:
    heard = page.say("markdown")
    assert heard.kinds[0] == "thread.created"
    assert heard.done("assistant_message")[0]["content"][0]["text"] == heard.said
    assert heard.ends == 1


@pytest.mark.parametrize(
    "text",
    [
        "emoji 👩‍👩‍👧‍👦 🌱",
        "right to left: שלום עולם، مرحبا",
        "combining: é ñ \u200d\u200f",
        "a\u2028b\u2029c\u0000d",
        '\\ " \n\r\n data: x',
    ],
)
def test_text_of_every_script_comes_through_whole(page: Page, text: str) -> None:
    heard = page.say(text)
    assert heard.done("user_message")[0]["content"][0]["text"] == text
    assert page.items(heard.thread)[0]["content"][0]["text"] == text


def test_two_answers_at_once_keep_apart(page: Page) -> None:
    first, second = page.begin("long"), page.begin("markdown")
    page.read(second)
    page.read(first)
    assert first.thread != second.thread
    assert first.said.startswith("A long answer")
    assert second.said.startswith("## Formatted text")


def test_a_page_that_acknowledges_nothing_gets_no_more_than_the_limit_and_then_all_of_it(given: Given) -> None:
    host = make_host(given, limits=Limits(pieces=20, chunk=0.0, unread=60))
    page = Page(host)
    heard = page.begin("long")
    heard.until(lambda: len(heard.pieces) == 20)
    assert page.ask("threads.list")["data"]  # the loop turns all the while
    assert len(heard.pieces) == 20
    host.ack(heard.stream, 5)
    heard.until(lambda: len(heard.pieces) == 25)
    page.read(heard)
    assert heard.said == heard.done("assistant_message")[0]["content"][0]["text"]
    host.close(10)


def test_a_page_that_is_behind_and_says_that_it_lives_is_waited_for(given: Given) -> None:
    host = make_host(given, limits=Limits(pieces=20, chunk=0.0, unread=0.6))
    page = Page(host)
    heard = page.begin("long")
    heard.until(lambda: len(heard.pieces) == 20)
    for _ in range(12):
        threading.Event().wait(0.15)
        host.ack(heard.stream, 0)
    page.read(heard)
    assert heard.errors == []
    assert heard.said == heard.done("assistant_message")[0]["content"][0]["text"]
    host.close(10)


def test_a_page_that_lives_and_never_takes_anything_is_not_waited_for_for_ever(given: Given) -> None:
    host = make_host(given, limits=Limits(pieces=20, chunk=0.0, unread=60, behind=0.3))
    page = Page(host)
    heard = page.begin("long")
    heard.until(lambda: len(heard.pieces) == 20)
    threading.Event().wait(0.5)
    host.ack(heard.stream, 0)
    heard.until(lambda: bool(heard.errors))
    assert "stopped responding" in heard.errors[0]["message"]
    host.close(10)


def test_the_limit_counts_bytes_too(given: Given) -> None:
    host = make_host(given, limits=Limits(size=3_000, chunk=0.0, unread=60))
    page = Page(host)
    heard = page.begin("long")
    heard.until(lambda: sum(map(len, heard.pieces)) >= 3_000)
    page.ask("threads.list")
    assert sum(map(len, heard.pieces[:-1])) < 3_000
    page.read(heard)
    assert heard.errors == []
    host.close(10)


def test_a_page_that_stops_taking_ends_the_run_with_a_sentence_and_the_text_is_kept(given: Given) -> None:
    host = make_host(given, limits=Limits(pieces=20, chunk=0.0, unread=0.3))
    page = Page(host)
    heard = page.begin("long")
    heard.until(lambda: heard.ends == 1)
    assert "stopped responding" in heard.errors[0]["message"]
    assert heard.kinds[-1] == "error"
    (kept,) = page.answers(heard.thread)
    assert kept == heard.said != ""
    host.close(10)


def test_a_slow_answer_is_no_reason_to_end_it_while_the_page_takes_all(both: Given) -> None:
    stack = SlowStack()
    host = make_host(both, import_stack=stack, limits=replace(FAST, unread=1.0))
    page = Page(host, "mine")
    heard = page.begin("hello")
    threading.Timer(1.5, stack.may_end.set).start()
    page.read(heard)
    assert (heard.said, heard.errors) == ("hello", [])
    host.close(10)


def test_a_page_that_breaks_while_it_is_told_ends_the_run(given: Given) -> None:
    host = make_host(given)
    ended = threading.Event()

    def on_data(piece: str) -> None:
        raise RuntimeError("the window is gone")

    body = json.dumps({"type": "threads.create", "params": {"input": message("long")}})
    host.request("demo", body, on_data=on_data, on_end=ended.set)
    assert ended.wait(30)
    assert Page(host).say("hello").errors == []
    host.close(10)


# --- its ends ---------------------------------------------------------------------------------


@pytest.fixture
def slow(given: Given) -> Iterator[Page]:
    """A demo that takes its time."""
    host = make_host(given, limits=replace(FAST, chunk=0.02))
    yield Page(host)
    host.close(10)


def test_stop_ends_the_run_and_what_was_said_so_far_is_a_finished_message(slow: Page) -> None:
    heard = slow.begin("long")
    heard.until_said("A long answer can be ")
    slow.host.cancel(heard.stream)
    heard.until(lambda: heard.ends == 1)
    (kept,) = slow.answers(heard.thread)
    assert kept == heard.said
    assert "error" not in heard.kinds


def test_after_stop_the_page_hears_nothing_more_and_the_chat_goes_on(slow: Page) -> None:
    heard = slow.begin("long")
    heard.until_said("A long ")
    slow.host.cancel(heard.stream)
    heard.until(lambda: heard.ends == 1)
    heard_by_then = len(heard.pieces)
    assert slow.say("emoji", heard.thread).errors == []
    assert len(heard.pieces) == heard_by_then
    assert heard.ends == 1
    assert len(slow.answers(heard.thread)) == 2


def test_stop_before_a_word_leaves_no_empty_message(both: Given) -> None:
    stack = SlowStack()
    host = make_host(both, import_stack=stack)
    page = Page(host, "mine")
    heard = page.begin("hello")
    heard.until(lambda: "progress_update" in heard.kinds)
    host.cancel(heard.stream)
    heard.until(lambda: heard.ends == 1)
    assert [item["type"] for item in page.items(heard.thread)] == ["user_message"]
    stack.may_end.set()
    host.close(10)


def test_stop_while_the_page_has_taken_nothing_keeps_what_was_said(given: Given) -> None:
    host = make_host(given, limits=Limits(pieces=30, chunk=0.0, unread=60))
    page = Page(host)
    heard = page.begin("long")
    heard.until(lambda: len(heard.pieces) == 30)
    host.cancel(heard.stream)
    heard.until(lambda: heard.ends == 1)
    (kept,) = page.answers(heard.thread)
    assert kept == heard.said
    host.close(10)


def test_stopping_in_a_workflow_keeps_its_steps(slow: Page) -> None:
    heard = slow.begin("steps")
    heard.until(lambda: "workflow.task.added" in heard.kinds)
    slow.host.cancel(heard.stream)
    heard.until(lambda: heard.ends == 1)
    (workflow,) = [item for item in slow.items(heard.thread) if item["type"] == "workflow"]
    assert workflow["workflow"]["summary"] == {"title": "Stopped"}
    assert [task["status_indicator"] for task in workflow["workflow"]["tasks"]] == ["none"]


def test_acknowledging_or_stopping_what_is_not_there_is_no_error(page: Page) -> None:
    page.host.ack("s0-nothing", 3)
    page.host.cancel("s0-nothing")
    heard = page.say("hello")
    page.host.ack(heard.stream, 3)
    page.host.cancel(heard.stream)
    assert heard.ends == 1


def test_closing_ends_what_runs_and_keeps_what_was_said(given: Given) -> None:
    store = ReferenceStore()
    closed: list[bool] = []
    host = make_host(
        given, limits=replace(FAST, chunk=0.02), open_stores=lambda: Stores(store, None, lambda: closed.append(True))
    )
    heard = Page(host).begin("long")
    heard.until_said("A long answer ")
    host.close(10)
    assert heard.ends == 1
    assert closed == [True]
    again = Page(make_host(given, open_stores=lambda: Stores(store, None, lambda: None)))
    (kept,) = again.answers(heard.thread)
    assert kept == heard.said
    again.host.close(10)


def test_closing_twice_or_before_anything_ran_is_fine_and_then_nothing_is_answered(given: Given) -> None:
    unused = make_host(given)
    unused.close()
    unused.close()
    with pytest.raises(PageGone):
        Page(unused).ask("threads.list")
    used = make_host(given)
    Page(used).say("hello")
    used.close(10)
    used.close(10)
    with pytest.raises(PageGone):
        Page(used).say("hello")


def test_what_fails_while_it_closes_leaves_nothing_else_open(both: Given) -> None:
    class Stuck(Echo):
        async def close(self) -> None:
            raise RuntimeError("the connections could not be closed")

    before = set(threading.enumerate())
    closed: list[bool] = []
    stores = Stores(ReferenceStore(), None, lambda: closed.append(True))
    host = make_host(both, import_stack=Stuck, open_stores=lambda: stores)
    assert Page(host, "mine").say("hello").errors == []
    host.close(60)
    assert closed == [True]
    assert [thread.name for thread in threading.enumerate() if thread not in before] == []


def test_stores_are_closed_where_what_stands_on_them_can_not_be_made(given: Given) -> None:
    def broken() -> Any:
        raise OSError("the list of what was approved can't be read")

    closed: list[bool] = []
    stores = Stores(ReferenceStore(), None, lambda: closed.append(True))
    host = make_host(given, open_stores=lambda: stores, code=broken)
    with pytest.raises(AppError):
        Page(host).ask("threads.list")
    assert closed == [True]
    host.close(10)


def test_no_thread_of_the_host_is_left_after_closing(given: Given) -> None:
    before = set(threading.enumerate())
    host = make_host(given)
    Page(host).say("hello")
    host.close(10)
    assert [thread.name for thread in threading.enumerate() if thread not in before] == []


# --- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
def test_an_empty_message_is_refused_and_makes_no_chat(page: Page, text: str) -> None:
    with pytest.raises(MessageEmpty):
        page.begin(text)
    assert page.ask("threads.list")["data"] == []


def test_a_message_over_the_limit_is_refused_with_both_numbers(page: Page, given: Given) -> None:
    given.message_limit = 10
    with pytest.raises(MessageTooLong) as told:
        page.begin("12345678901")
    assert dict(told.value.values) == {"length": 11, "limit": 10}
    assert page.ask("threads.list")["data"] == []
    assert page.say("1234567890").errors == []


def test_the_limit_holds_for_later_messages_and_quoted_text_too(page: Page, given: Given) -> None:
    thread = page.say("hello").thread
    given.message_limit = 10
    with pytest.raises(MessageTooLong):
        page.begin("12345678901", thread)
    with pytest.raises(MessageTooLong):
        page.open("threads.create", input={**message("123456"), "quoted_text": "12345"})


def test_an_agent_that_the_settings_do_not_have_is_refused(page: Page) -> None:
    with pytest.raises(AgentNotSet):
        Page(page.host, "nobody").ask("threads.list")


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("threads.add_user_message", {"input": message("hello")}),
        ("threads.get_by_id", {}),
        ("threads.update", {"title": "new"}),
        ("threads.delete", {}),
        ("items.list", {}),
        ("threads.retry_after_item", {"item_id": "msg_1"}),
        ("threads.add_client_tool_output", {"result": 1}),
        ("threads.custom_action", {"action": {"type": "x", "payload": {}}}),
    ],
)
def test_a_chat_that_is_not_there_is_refused_before_anything_streams(
    page: Page, kind: str, params: dict[str, Any]
) -> None:
    with pytest.raises(ThreadNotFound):
        page.ask(kind, thread_id="thr_nothing", **params)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not json",
        "[]",
        "{}",
        '{"type": "threads.invent", "params": {}}',
        '{"type": "threads.create", "params": {}}',
        '{"type": "threads.create", "params": {"input": {"content": "text"}}}',
        '{"type": "threads.update", "params": {"thread_id": 3}}',
        '{"type": "threads.list", "params": {"order": "sideways"}}',
    ],
)
def test_a_request_that_cannot_be_understood_is_refused(page: Page, body: str) -> None:
    with pytest.raises(BadParams):
        page.host.request("demo", body, on_data=print, on_end=print)


def test_every_refusal_is_a_sentence(page: Page) -> None:
    for body in ("{}", '{"type": "threads.get_by_id", "params": {"thread_id": "t"}}'):
        with pytest.raises(AppError) as told:
            page.host.request("demo", body, on_data=print, on_end=print)
        described = told.value.describe(Catalogue("fr"))
        assert described["message"]
        assert "Traceback" not in described["message"] + described["detail"]


def test_a_store_that_can_not_be_opened_is_the_answer_to_every_request(given: Given) -> None:
    from desktop.common.errors import FolderUnwritable

    def refuse() -> Stores:
        raise FolderUnwritable(path="/nowhere", problem="it is full")

    host = make_host(given, open_stores=refuse)
    for _ in range(2):
        with pytest.raises(FolderUnwritable):
            Page(host).ask("threads.list")
    assert host.state == "failed"
    host.close(10)


def test_the_stores_are_there_for_what_the_protocol_does_not_have(page: Page) -> None:
    thread = page.say("hello").thread
    context = page.host.context("demo")

    async def title(stores: Stores) -> str | None:
        return (await stores.threads.load_thread(thread, context)).title

    assert page.host.call(title) == "hello"


def test_requests_from_many_threads_are_all_answered(page: Page) -> None:
    heard: list[Heard] = []
    replies: list[bool] = []

    def talk() -> None:
        heard.append(page.say("emoji"))
        reply = page.host.request("demo", '{"type": "threads.list", "params": {}}', on_data=print, on_end=print)
        replies.append(isinstance(reply, Reply))

    threads = [threading.Thread(target=talk) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert replies == [True] * 8
    assert len({one.thread for one in heard}) == 8
    assert all(one.errors == [] and one.ends == 1 for one in heard)


def test_the_app_s_own_store_is_used_where_no_other_is_given(given: Given, tmp_path: Path) -> None:
    places = {"threads": tmp_path / "threads.sqlite", "attachments": tmp_path / "attachments"}
    host = AgentHost(given, Catalogue("en"), limits=FAST, **places)
    thread = Page(host).say("remember").thread
    host.close(10)
    again = AgentHost(given, Catalogue("en"), limits=FAST, **places)
    assert Page(again).items(thread)[0]["content"][0]["text"] == "remember"
    again.close(10)


def test_checklist_45_what_was_never_sent_is_swept_again_and_again_while_the_app_runs() -> None:
    swept: list[bool] = []
    thrice = threading.Event()

    async def sweep() -> None:
        swept.append(True)
        if len(swept) == 3:
            thrice.set()

    stores = Stores(ReferenceStore(), None, lambda: None, sweep=sweep)
    host = make_host(Given(), limits=replace(FAST, sweep=0.01), open_stores=lambda: stores)
    try:
        host.begin("demo")
        assert thrice.wait(60)
    finally:
        host.close(10)
