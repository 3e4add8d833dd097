"""Ids of a turn: what a model calls its messages never reaches page or store."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest
from chatkit.types import (
    AssistantMessageContentPartTextDelta,
    ClientToolCallItem,
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemRemovedEvent,
    ThreadItemReplacedEvent,
    ThreadItemUpdatedEvent,
    ThreadStreamEvent,
)

from desktop.agents.store.ids import FAKE, TurnIds, derived, is_ours, new_id
from tests.agents.things import NOON, answer


def delta(item_id: str, text: str) -> ThreadItemUpdatedEvent:
    update = AssistantMessageContentPartTextDelta(content_index=0, delta=text)
    return ThreadItemUpdatedEvent(item_id=item_id, update=update)


def turn(*events: ThreadStreamEvent) -> list[tuple[str, str]]:
    """(type of event, id) of what comes out; ids are counted."""
    count = itertools.count(1)
    ids = TurnIds(lambda kind: f"{kind}-{next(count)}")

    async def given() -> AsyncIterator[ThreadStreamEvent]:
        for event in events:
            yield event

    async def everything() -> list[tuple[str, str]]:
        return [
            (event.type.rpartition(".")[2], event.item.id if hasattr(event, "item") else getattr(event, "item_id", ""))
            async for event in ids.stream(given())
        ]

    return asyncio.run(everything())


@pytest.mark.parametrize("foreign", [FAKE, "msg_0", "msg_68f0" + "0" * 44])
def test_each_message_has_one_id_of_ours_from_its_first_event_to_its_last(foreign: str) -> None:
    message = answer(item_id=foreign)
    one = (
        ThreadItemAddedEvent(item=message),
        delta(foreign, "a"),
        delta(foreign, "b"),
        ThreadItemDoneEvent(item=message),
    )
    events = [event.model_copy(deep=True) for event in (*one, *one)]
    assert turn(*events) == [
        *(("added", "message-1"), ("updated", "message-1"), ("updated", "message-1"), ("done", "message-1")),
        *(("added", "message-2"), ("updated", "message-2"), ("updated", "message-2"), ("done", "message-2")),
    ]
    assert message.id == foreign


def test_our_own_ids_stay() -> None:
    ours = new_id("message")
    events = (
        ThreadItemAddedEvent(item=answer(item_id=ours)),
        delta(ours, "x"),
        ThreadItemDoneEvent(item=answer(item_id=ours)),
    )
    assert [item_id for _, item_id in turn(*events)] == [ours] * 3


def test_a_tool_call_that_is_only_ever_done_gets_an_id_of_its_own_kind() -> None:
    call = ClientToolCallItem(id=FAKE, thread_id="thr_1", created_at=NOON, call_id="c", name="n", arguments={})
    message = answer(item_id=FAKE)
    out = turn(ThreadItemAddedEvent(item=message), ThreadItemDoneEvent(item=message), ThreadItemDoneEvent(item=call))
    assert [item_id for _, item_id in out] == ["message-1", "message-1", "tool_call-2"]


def test_a_removal_takes_every_message_that_had_the_id() -> None:
    message = answer(item_id=FAKE)
    events = [ThreadItemAddedEvent(item=message), ThreadItemDoneEvent(item=message), ThreadItemAddedEvent(item=message)]
    out = turn(*(event.model_copy(deep=True) for event in events), ThreadItemRemovedEvent(item_id=FAKE))
    assert out[3:] == [("removed", "message-1"), ("removed", "message-2")]


def test_a_replacement_has_the_id_of_what_it_replaces_and_what_is_not_known_stays() -> None:
    message = answer(item_id=FAKE)
    out = turn(
        ThreadItemAddedEvent(item=message),
        ThreadItemReplacedEvent(item=answer(item_id=FAKE)),
        ThreadItemReplacedEvent(item=answer(item_id="msg_old")),
        ThreadItemRemovedEvent(item_id="msg_older"),
    )
    assert [item_id for _, item_id in out] == ["message-1", "message-1", "msg_old", "msg_older"]


def test_a_derived_id_is_always_the_same_and_of_our_form() -> None:
    assert derived("assistant_message", "thr_1", 3) == derived("assistant_message", "thr_1", 3)
    assert derived("assistant_message", "thr_1", 3) != derived("assistant_message", "thr_13")
    for kind, prefix in (
        ("assistant_message", "msg"),
        ("client_tool_call", "tc"),
        ("workflow", "wf"),
        ("hologram", "msg"),
    ):
        assert derived(kind, "x").startswith(f"{prefix}_")
        assert is_ours(derived(kind, "x"))
