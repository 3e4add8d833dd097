"""Assistant runs that wait for approval of a tool. They wait in this process, so a restart ends them.

Imports the agent stack.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agents import Agent, RunResultStreaming, RunState
from chatkit.types import ThreadItemDoneEvent, ThreadMetadata, ThreadStreamEvent, WidgetItem

from desktop.agents.chatkit import unfinished
from desktop.agents.chatkit.context import RequestContext
from desktop.agents.mcp import approvals as cards
from desktop.agents.mcp.toolbox import Toolbox
from desktop.agents.mcp.types import Tool
from desktop.common.texts import Catalogue
from desktop.openai_api.errors import ThreadNotFound
from desktop.settings.mcp import McpServer

if TYPE_CHECKING:
    from chatkit.actions import Action
    from chatkit.store import Store

MOST = 100
"""The most waiting runs; beyond that, the oldest is dropped."""


@dataclass(frozen=True)
class Call:
    """A call that needs approval."""

    item: Any
    """The SDK's ToolApprovalItem."""
    number: str
    """The model's id of the call."""
    name: str
    """The model's name for the tool."""
    server: McpServer
    tool: Tool
    """The tool as described when the question was asked."""
    arguments: str


@dataclass
class Held:
    """A run between a question and its answer."""

    agent_id: str
    thread_id: str
    target: Any
    agent: Agent[Any]
    box: Toolbox | None
    state: RunState[Any, Agent[Any]]
    calls: list[Call]
    """Undecided calls, the next question first."""
    begun: dict[str, str] = field(default_factory=dict)
    """Approved calls: id -> name."""
    card: WidgetItem | None = None
    """The card that asks."""
    asked_as: str = ""
    """Its number."""

    def decide(self, call: Call, *, approved: bool) -> None:
        self.calls.remove(call)
        if approved:
            self.state.approve(call.item)
            self.begun[call.number] = call.name
        else:
            self.state.reject(call.item)


def waiting_for(
    agent_id: str, thread_id: str, way: Any, agent: Agent[Any], box: Toolbox, result: RunResultStreaming
) -> Held:
    """A run that stopped for `result.interruptions`. Calls of unknown tools are rejected at once."""
    held = Held(agent_id, thread_id, way, agent, box, result.to_state(), [])
    for item in result.interruptions:
        raw = item.raw_item
        get = raw.get if isinstance(raw, dict) else lambda name, raw=raw: getattr(raw, name, None)
        known = box.of(item.tool_name or "")
        if known is None:
            held.state.reject(item)
            continue
        number, arguments = str(get("call_id") or ""), str(get("arguments") or "")
        held.calls.append(Call(item, number, item.tool_name or "", known[0].server, known[1], arguments))
    return held


def after_its_limit(
    agent_id: str,
    thread_id: str,
    target: Any,
    agent: Agent[Any],
    box: Toolbox | None,
    result: RunResultStreaming,
    rounds: int,
) -> Held:
    """A run that has reached its limit for tools in a row. It may continue for as many again, without losing
    anything."""
    state = result.to_state()
    # The state keeps counting, and has no public way to raise its limit (openai-agents 0.24).
    state._max_turns = state._current_turn + rounds
    return Held(agent_id, thread_id, target, agent, box, state, [])


class Waiting:
    """All waiting runs, by the number on their cards."""

    def __init__(self, texts: Catalogue) -> None:
        self._texts = texts
        self._held: OrderedDict[str, Held] = OrderedDict()

    def ask(self, held: Held, item_id: str, *, apart: bool) -> ThreadStreamEvent:
        """The card for the next question; the run waits under its number. `apart`: asked in a separate window."""
        number = self.keep(held)
        call = held.calls[0]
        held.card = cards.item(
            self._texts,
            held.thread_id,
            item_id,
            call.server.label,
            call.tool.name,
            call.arguments,
            number,
            apart=apart,
        )
        return ThreadItemDoneEvent(item=held.card)

    def keep(self, held: Held) -> str:
        """Let the run wait, under a number for its card's button."""
        held.asked_as = secrets.token_hex(12)
        self._held[held.asked_as] = held
        while len(self._held) > MOST:
            self._held.popitem(last=False)
        return held.asked_as

    def of(self, action: Action[str, Any], sender: WidgetItem, thread_id: str, agent_id: str) -> Held | None:
        """The run for a button; None if there is none or it belongs to another chat."""
        number = action.payload.get("id") if isinstance(action.payload, dict) else None
        held = self._held.get(number) if isinstance(number, str) else None
        if held is None or held.card is None:
            return None
        mine = (held.card.id, held.thread_id, held.agent_id) == (sender.id, thread_id, agent_id)
        return held if mine else None

    def take(self, held: Held) -> bool:
        """Remove a waiting run. False if it wasn't waiting."""
        return self._held.pop(held.asked_as, None) is held

    async def give_up(
        self, thread: ThreadMetadata, store: Store[RequestContext], context: RequestContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        """The person wrote another message instead of answering: end the runs that waited."""
        for number, held in list(self._held.items()):
            if held.thread_id != thread.id:
                continue
            del self._held[number]
            if held.card is None:
                continue
            try:
                item = await store.load_item(thread.id, held.card.id, context)
            except ThreadNotFound:
                continue
            if isinstance(item, WidgetItem) and unfinished.reason_of(item):
                yield unfinished.answered(item, self._texts, "passed")
            elif isinstance(item, WidgetItem):
                yield cards.answered(item, self._texts, "expired")
