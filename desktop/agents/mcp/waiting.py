"""Runs of assistants that wait for a person's yes to a tool. They wait in this process: a restart ends them.

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
from desktop.agents.mcp.connection import Tool
from desktop.agents.mcp.toolbox import Toolbox
from desktop.common.texts import Catalogue
from desktop.openai_api.errors import ThreadNotFound
from desktop.settings.mcp import McpServer

if TYPE_CHECKING:
    from chatkit.actions import Action
    from chatkit.store import Store

MOST = 100
"""Runs that wait; the one that waits longest is forgotten."""


@dataclass(frozen=True)
class Call:
    """A call that needs a yes."""

    item: Any
    """As the SDK has it (ToolApprovalItem)."""
    number: str
    """The model's id of the call."""
    name: str
    """What the model calls the tool."""
    server: McpServer
    tool: Tool
    """As its server described it when the question was asked."""
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
    """Those that are not decided, the next question first."""
    begun: dict[str, str] = field(default_factory=dict)
    """Approved calls: id -> name."""
    card: WidgetItem | None = None
    """The one that asks."""
    asked_as: str = ""
    """The number on it."""

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
    """A run that has stopped for `result.interruptions`. A call of nothing known is rejected at once."""
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
    """A run that has used tools as often in a row as it may; it may go on as often again. Nothing of it is lost."""
    state = result.to_state()
    # The state counts on where it stopped, and has no public way to give it more (openai-agents 0.24).
    state._max_turns = state._current_turn + rounds
    return Held(agent_id, thread_id, target, agent, box, state, [])


class Waiting:
    """All runs that wait, by the number on their cards."""

    def __init__(self, texts: Catalogue) -> None:
        self._texts = texts
        self._held: OrderedDict[str, Held] = OrderedDict()

    def ask(self, held: Held, item_id: str, *, apart: bool) -> ThreadStreamEvent:
        """The card of the next question; the run waits under its number. `apart`: it is asked in a window."""
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
        """The run waits from now on, under a number for the button of its card."""
        held.asked_as = secrets.token_hex(12)
        self._held[held.asked_as] = held
        while len(self._held) > MOST:
            self._held.popitem(last=False)
        return held.asked_as

    def of(self, action: Action[str, Any], sender: WidgetItem, thread_id: str, agent_id: str) -> Held | None:
        """The run that the button belongs to. None: there is none, or it is another's."""
        number = action.payload.get("id") if isinstance(action.payload, dict) else None
        held = self._held.get(number) if isinstance(number, str) else None
        if held is None or held.card is None:
            return None
        mine = (held.card.id, held.thread_id, held.agent_id) == (sender.id, thread_id, agent_id)
        return held if mine else None

    def take(self, held: Held) -> bool:
        """It waits no longer. False: it did not wait."""
        return self._held.pop(held.asked_as, None) is held

    async def give_up(
        self, thread: ThreadMetadata, store: Store[RequestContext], context: RequestContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        """The person went on writing in place of answering: what waited for that is over."""
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
