"""Retries and edited messages through ChatKit's protocol: what was there stays as a version, whoever asks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import pytest

from desktop.agents.errors import AnswerUnderWay
from desktop.agents.host import AgentHost
from desktop.agents.models.names import DEFAULT_MODEL
from desktop.agents.store.branches import Versions
from desktop.agents.store.stores import Stores, open_stores
from desktop.agents.store.threads import SqliteStore
from desktop.common.errors import BadParams
from desktop.common.texts import Catalogue
from desktop.openai_api.errors import ThreadNotFound
from desktop.settings.agents import AssistantAgent, Endpoint
from tests.agents.reference import ReferenceStore
from tests.agents.talk import FAST, Given, Heard, Json, Page, make_host, message
from tests.standins.models_api import KEY, Answer, ModelsApi, error

SAYS = Catalogue("en").get


def kept_host(given: Given, **rest: Any) -> AgentHost:
    """A host with the store that keeps versions."""
    return make_host(given, open_stores=lambda: open_stores(None, None), **rest)


@pytest.fixture
def demo() -> Iterator[Page]:
    host = kept_host(Given())
    yield Page(host)
    host.close(10)


def ask(page: Page, kind: str, metadata: Json, /, **params: Any) -> Heard:
    """A request that streams, with what the protocol leaves to integrations."""
    heard = Heard()
    body = json.dumps({"type": kind, "params": params, "metadata": metadata})
    answer = page.host.request(page.agent, body, on_data=heard.on_data, on_end=heard.on_end)
    heard.stream = cast("Any", answer).id
    return page.read(heard)


def edit(page: Page, thread: str, item: object, text: str, **options: Any) -> Heard:
    given = message(text, **options)
    return ask(page, "threads.add_user_message", {"instead_of": item}, thread_id=thread, input=given)


def retry(page: Page, thread: str, item: str, **metadata: str) -> Heard:
    return ask(page, "threads.retry_after_item", metadata, thread_id=thread, item_id=item)


def versions(page: Page, thread: str) -> list[Versions]:
    context = page.host.context(page.agent)
    return page.host.call(lambda stores: cast("SqliteStore", stores.threads).versions(thread, context))


def show(page: Page, thread: str, item: str) -> bool:
    context = page.host.context(page.agent)

    async def work(stores: Stores) -> bool:
        return await cast("SqliteStore", stores.threads).show_version(thread, item, context)

    return page.host.call_quiet(thread, work)


def asked(page: Page, thread: str) -> list[Json]:
    return [item for item in page.items(thread) if item["type"] == "user_message"]


def words(page: Page, thread: str) -> list[str]:
    return [item["content"][0]["text"] for item in asked(page, thread)]


@pytest.mark.parametrize("approves", [True, False], ids=["the built-in view", "ChatKit's frame"])
def test_a_retry_keeps_the_answer_before_whoever_asks_for_it(demo: Page, approves: bool) -> None:
    demo.approves = approves
    thread = demo.say("help").thread
    [first] = demo.answers(thread)
    [question] = asked(demo, thread)
    demo.stream("threads.retry_after_item", thread_id=thread, item_id=question["id"])
    assert len(demo.answers(thread)) == 1
    [place] = versions(demo, thread)
    assert (place.after, len(place.items), place.shown) == (question["id"], 2, 1)
    assert show(demo, thread, place.items[0])
    assert demo.answers(thread) == [first]


def test_an_edited_message_is_answered_and_the_one_before_stays_with_all_that_followed(demo: Page) -> None:
    thread = demo.say("one").thread
    demo.say("two", thread)
    before = demo.items(thread)
    question = asked(demo, thread)[0]
    heard = edit(demo, thread, question["id"], "ONE")
    assert heard.errors == []
    assert words(demo, thread) == ["ONE"]
    assert len(demo.answers(thread)) == 1
    show(demo, thread, question["id"])
    assert demo.items(thread) == before


def test_what_is_no_message_of_the_shown_branch_is_not_replaced(demo: Page) -> None:
    thread = demo.say("one").thread
    question, answer = demo.items(thread)[0], demo.items(thread)[-1]
    for item in (answer["id"], "", 7, None, "x" * 300):
        with pytest.raises(BadParams):
            edit(demo, thread, item, "ONE")
    with pytest.raises(ThreadNotFound):
        edit(demo, thread, "msg_of_nobody", "ONE")
    edit(demo, thread, question["id"], "ONE")
    with pytest.raises(ThreadNotFound):
        edit(demo, thread, question["id"], "once more")
    other = demo.say("another chat").thread
    with pytest.raises(ThreadNotFound):
        edit(demo, other, asked(demo, thread)[0]["id"], "ONE")
    assert words(demo, other) == ["another chat"]


def test_a_version_can_only_be_chosen_while_nothing_is_written() -> None:
    slow = Page(kept_host(Given(), limits=replace(FAST, chunk=0.02)))
    try:
        thread = slow.say("one").thread
        question = asked(slow, thread)[0]["id"]
        slow.stream("threads.retry_after_item", thread_id=thread, item_id=question)
        heard = slow.begin("long", thread)
        heard.until(lambda: bool(heard.said))
        for refused in (
            lambda: retry(slow, thread, question),
            lambda: edit(slow, thread, question, "ONE"),
            lambda: show(slow, thread, versions(slow, thread)[0].items[0]),
        ):
            with pytest.raises(AnswerUnderWay):
                refused()
        # What was stopped is still keeping its text: that is waited for.
        slow.host.cancel(heard.stream)
        last = asked(slow, thread)[-1]["id"]
        retry(slow, thread, last)
        [_, place] = versions(slow, thread)
        assert (place.after, len(place.items)) == (last, 2)
        show(slow, thread, place.items[0])
        assert slow.answers(thread)[-1].startswith(heard.said[:20])
    finally:
        slow.host.close(10)


def test_a_store_without_versions_retries_as_the_sdk_does_and_takes_no_edited_message() -> None:
    page = Page(make_host(Given(), open_stores=lambda: Stores(ReferenceStore(), None, lambda: None)))
    try:
        thread = page.say("help").thread
        question = asked(page, thread)[0]["id"]
        retry(page, thread, question)
        assert len(page.answers(thread)) == 1
        with pytest.raises(BadParams):
            edit(page, thread, question, "ONE")
    finally:
        page.host.close(10)


# --- another model --------------------------------------------------------------------------------------------


@pytest.fixture
def api() -> Iterator[ModelsApi]:
    with ModelsApi() as server:
        yield server


@pytest.fixture
def assistant(api: ModelsApi) -> Iterator[Page]:
    given = Given(agents={}, keys={api.base: KEY})
    given.endpoints["e"] = Endpoint.model_validate({"id": "e", "base_url": api.base, "api": "chat_completions"})
    given.agents["mine"] = AssistantAgent(id="mine", endpoint="e", model="gpt-4.1", models=[DEFAULT_MODEL])
    host = kept_host(given)
    yield Page(host, "mine")
    host.close(10)


def bodies(api: ModelsApi) -> list[Json]:
    return [one.body for one in api.asked if one.path == "/v1/chat/completions"]


def test_a_retry_with_another_model_asks_that_one_and_leaves_the_message_as_it_was(
    api: ModelsApi, assistant: Page
) -> None:
    thread = assistant.say("hello").thread
    before = asked(assistant, thread)
    retry(assistant, thread, before[0]["id"], model=DEFAULT_MODEL)
    retry(assistant, thread, before[0]["id"], model="not offered")
    retry(assistant, thread, before[0]["id"])
    assert [body["model"] for body in bodies(api)] == ["gpt-4.1", DEFAULT_MODEL, "gpt-4.1", "gpt-4.1"]
    assert asked(assistant, thread) == before
    [place] = versions(assistant, thread)
    assert len(place.items) == 4


def test_the_model_reads_the_branch_that_is_shown(api: ModelsApi, assistant: Page) -> None:
    thread = assistant.say("one").thread
    assistant.say("two", thread)
    first = asked(assistant, thread)[0]["id"]
    edit(assistant, thread, first, "ONE")
    assistant.say("more", thread)
    read = [one["content"] for one in bodies(api)[-1]["messages"] if one["role"] == "user"]
    assert [part if isinstance(part, str) else part[0]["text"] for part in read] == ["ONE", "more"]


def test_a_retry_that_fails_leaves_the_answer_before_in_place(api: ModelsApi, assistant: Page) -> None:
    thread = assistant.say("hello").thread
    before = assistant.items(thread)
    api.answer(Answer(status=400, error=error("no")))
    heard = retry(assistant, thread, asked(assistant, thread)[0]["id"])
    assert heard.errors
    assert assistant.items(thread) == before
    assert versions(assistant, thread) == []
