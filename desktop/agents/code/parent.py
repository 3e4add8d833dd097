"""Code agents in the app: runs their turns, shows what their processes send, and waits for approvals.

Lives on the agents' event loop. Needs `chatkit.types`, never the agent stack: that is in the child.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from chatkit.types import ProgressUpdateEvent, ThreadMetadata, ThreadStreamEvent, UserMessageItem, WidgetItem

from desktop.agents.chatkit import titles
from desktop.agents.chatkit.context import RequestContext
from desktop.agents.chatkit.prerequisites import Prerequisites
from desktop.agents.chatkit.questions import STEP, Choice, Question, Questions
from desktop.agents.code import conversation
from desktop.agents.code.errors import CodeConsentNeeded, CodeEnded, CodeEntryUnclear, CodeModelGone
from desktop.agents.code.live import Live, Want, choices_of
from desktop.agents.code.mcp_calls import Calls
from desktop.agents.code.place import Place
from desktop.agents.code.processes import Processes
from desktop.agents.code.protocol import Message, unpack
from desktop.agents.code.shown import APPROVE, REJECT, Shown, answered, chosen, is_asking, settled
from desktop.agents.errors import ModelEnds
from desktop.agents.limits import Limits
from desktop.agents.mcp import approvals as cards
from desktop.agents.mcp.approvals import Approvals
from desktop.agents.mcp.ready import until_ready
from desktop.agents.mcp.servers import McpServers, Ready
from desktop.agents.mcp.types import Tool
from desktop.agents.models import chat_input
from desktop.agents.sources import Sources
from desktop.common.errors import AppError
from desktop.common.texts import Catalogue
from desktop.common.unseen import written_out
from desktop.openai_api.errors import ThreadNotFound
from desktop.settings.agents import CodeAgent

if TYPE_CHECKING:
    from chatkit.actions import Action
    from chatkit.store import Store

log = logging.getLogger(__name__)

Events = AsyncGenerator[ThreadStreamEvent, None]
ANSWERS: Mapping[str, Choice] = {**cards.CHOICES, APPROVE: "approved", REJECT: "rejected"}
"""The answers of cards' buttons."""
MOST_HELD = 64
"""Messages held while an answer is on its way to the process."""


@dataclass(frozen=True)
class Parked:
    """A run that waits for a person."""

    live: Live
    shown: Shown
    card: WidgetItem
    thread_id: str
    question: Question
    """The question on its card, for our own window."""
    call: Message | None = None
    """The MCP tool call that needs approval."""
    tool: Tool | None = None
    """The tool, as described when the question was asked."""


@dataclass(frozen=True)
class Asked:
    """The question a run waits for, and its answer if already known."""

    number: str
    parked: Parked
    choice: Choice | None = None


class CodeAgents:
    """Runs all code agents; each call says which one."""

    def __init__(
        self,
        sources: Sources,
        texts: Catalogue,
        place: Place,
        silence: float,
        servers: McpServers | None = None,
        approvals: Approvals | None = None,
        prerequisites: Prerequisites | None = None,
        questions: Questions | None = None,
    ) -> None:
        """`prerequisites`: where a message waits for consent to changed code. `questions`: where a run waits for an
        answer no card may give. None if nobody can be asked."""
        self._questions = questions or Questions(None, 0.0)
        self._servers = servers or McpServers(sources, Limits())
        self._approvals = approvals or Approvals(sources)
        self._prerequisites = prerequisites or Prerequisites(None, 0.0)
        self._sources = sources
        self._texts = texts
        self._processes = Processes(sources, texts, place, silence)
        self._parked: dict[str, Parked] = {}
        self._chosen: dict[str, dict[str, Any]] = {}
        """Choices for agents whose settings can't be saved, kept while the app runs: {agent: {field: value}}."""

    # --- life ---------------------------------------------------------------------------------

    async def warm(self, agent: CodeAgent) -> None:
        """Start a process for the next new chat and load the file, if that is allowed. Reports nothing."""
        await self._processes.warm(self._as_chosen(agent))

    async def tidy(self) -> None:
        """End processes whose agent is gone, has another file, or lost its consent; busy ones after their turn."""
        await self._processes.tidy()

    async def close(self, limit: float = 1.0) -> None:
        """End every process."""
        self._parked.clear()
        await self._processes.close(limit)

    @property
    def processes(self) -> list[int]:
        """Their process ids, for tests and diagnostics."""
        return self._processes.ids

    def _as_chosen(self, agent: CodeAgent) -> CodeAgent:
        return agent.model_copy(update=self._chosen.get(agent.id))

    # --- turns --------------------------------------------------------------------------------

    async def respond(
        self,
        agent: CodeAgent,
        thread: ThreadMetadata,
        message: UserMessageItem | None,
        store: Store[RequestContext],
        attachments: object,
        context: RequestContext,
    ) -> Events:
        """The answer to `message`, or to the last one. Ends where the run waits for a person. Raises AppError."""
        new_id = _ids(store, thread, context)
        readable = cast("chat_input.Reads | None", attachments if hasattr(attachments, "read") else None)
        told = await conversation.told(store, readable, thread, message, context)
        if thread.title is None and told["text"]:
            thread.title = titles.first_words(told["text"]) or None
        async with aclosing(self._give_up(thread, store, context)) as events:
            async for event in events:
                yield event
        want: Want | None = None
        while want is None:
            since = self._prerequisites.given(agent.id)
            try:
                want = await self._processes.want(self._as_chosen(agent))
            except CodeConsentNeeded as reason:
                yield ProgressUpdateEvent(icon="clock", text=self._texts.get("code.waits"))
                await self._prerequisites.until_given(agent.id, reason, since=since, said=True, wanted=lambda: True)
        live = self._processes.take(agent.id, thread.id, want)
        try:
            if not live.loaded:
                yield ProgressUpdateEvent(icon="clock", text=self._texts.get("agent_run.loading"))
            await live.load()
        except BaseException as error:
            self._processes.end(live)
            if isinstance(error, AppError):
                shown = Shown(want.source.name, thread.id, self._texts, new_id)
                for event in self._offered(error, live.choices, shown):
                    yield event
            raise
        tools: list[Message] = []
        if agent.mcp_servers:
            try:
                async with aclosing(until_ready(self._servers, agent.id, self._texts)) as starts:
                    async for one in starts:
                        if isinstance(one, Ready):
                            live.calls = Calls(one.servers, live.child.send)
                            tools = live.calls.told
                        else:
                            yield one
            except BaseException:
                self._processes.rest(live)
                raise
        live.child.send({"type": "run", **told, "tools": tools})
        shown = Shown(want.source.name, thread.id, self._texts, new_id)
        async with aclosing(self._follow(live, shown, thread.id, apart=not context.approves)) as events:
            async for event in events:
                yield event

    async def action(
        self,
        agent: CodeAgent,
        thread: ThreadMetadata,
        action: Action[str, Any],
        sender: WidgetItem | None,
        context: RequestContext,
    ) -> Events:
        """A button on an approval card was pressed: the run continues. A card nobody waits for any more says so. On a
        page that may not approve, every button only brings our window forward."""
        number = action.payload.get("id") if isinstance(action.payload, dict) else None
        parked = self._parked.get(number) if isinstance(number, str) else None
        choice = ANSWERS.get(action.type)
        known = action.type == cards.OPEN or choice is not None
        if not known or sender is None or not isinstance(number, str):
            return
        if (
            parked is None
            or (parked.card.id, parked.thread_id, parked.live.agent_id) != (sender.id, thread.id, agent.id)
            or not parked.live.child.alive
        ):
            if parked is not None and not parked.live.child.alive:
                del self._parked[number]
            if is_asking(sender):
                yield answered(sender, self._texts, "expired", "again")
            elif cards.is_asking(sender):
                yield cards.answered(sender, self._texts, "expired", "again")
            return
        if self._questions.is_open(number):
            self._questions.bring_forward()
            return
        if not context.approves or action.type == cards.OPEN:
            choice = None
        elif choice not in parked.question.choices:
            return  # not a button of this card
        asked = Asked(number, parked, choice)
        follow = self._follow(parked.live, parked.shown, thread.id, apart=not context.approves, asked=asked)
        async with aclosing(follow) as events:
            async for event in events:
                yield event

    def _offered(self, error: AppError, choices: list[str], shown: Shown) -> list[ThreadStreamEvent]:
        """The card shown before a failure that a choice can fix."""
        if isinstance(error, CodeEntryUnclear) and choices:
            return shown.offering(self._texts.get("code.which_entry"), "entry", choices)
        if isinstance(error, CodeModelGone) and choices:
            model = str(error.values["model"])
            return shown.offering(self._texts.get("code.which_model", model=model), f"model.{model}", choices)
        return []

    async def choose(self, agent: CodeAgent, action: Action[str, Any], sender: WidgetItem) -> ThreadStreamEvent | None:
        """A choice was made on a card; it applies from the next run on. Returns the event that shows it; None if it
        isn't one of the card's buttons."""
        found = chosen(sender, action)
        if found is None:
            return None
        name, choice = found
        known = self._as_chosen(agent)
        model = name.removeprefix("model.")
        changes: dict[str, Any] = (
            {"entry": choice} if name == "entry" else {"model_overrides": {**known.model_overrides, model: choice}}
        )
        try:
            await asyncio.to_thread(self._sources.code_chosen, agent.model_copy(update=changes))
        except AppError as error:
            log.info("a choice was not saved: %s", error.code)
            self._chosen.setdefault(agent.id, {}).update(changes)
        return settled(sender, self._texts, choice)

    async def _decided(self, number: str, parked: Parked, choice: Choice) -> Events:
        """Send the person's answer to the process, and show it on the card of a call. The card of a step waits for
        `taken`."""
        del self._parked[number]
        live, call = parked.live, parked.call
        if call is None:
            live.child.send({"type": "answer", "id": number, "approved": choice == "approved"})
            return
        yield cards.answered(parked.card, self._texts, choice)
        called = live.calls.called(call)
        if called is None or parked.tool is None or choice == "rejected":
            live.calls.refuse(call)
            return
        unkept = self._approvals.remember(choice, parked.thread_id, called[0].server, parked.tool)
        if unkept is not None:
            yield cards.notice(unkept, self._texts)
        live.calls.make(called[0], call)

    async def _follow(
        self, live: Live, shown: Shown, thread_id: str, *, apart: bool, asked: Asked | None = None
    ) -> Events:
        """Follow a run until it ends, fails, or waits for a person. `apart`: questions are asked in our window, and the
        run continues in this stream. `asked`: the question it waits for."""
        over = False
        answer: tuple[Asked, Choice] | None = None
        """The answer on its way to the process, which may be dying. The card shows the answer once the process has it,
        or that nothing waits for one if the process has ended before."""
        try:
            while True:
                if asked is not None:
                    choice = asked.choice
                    if choice is None:
                        if self._questions.can_ask:
                            yield ProgressUpdateEvent(icon="clock", text=self._texts.get("approval.waits"))
                        choice = await self._questions.ask(asked.parked.question)
                    if choice is None or self._parked.get(asked.number) is not asked.parked:
                        over = asked.number not in self._parked  # it was abandoned and is being stopped
                        return
                    async with aclosing(self._decided(asked.number, asked.parked, choice)) as events:
                        async for event in events:
                            yield event
                    answer = (asked, choice) if asked.parked.call is None else None
                    asked = None
                try:
                    message = live.held.popleft() if live.held and not answer else await live.child.receive()
                except CodeEnded:
                    if answer is None:
                        raise
                    yield answered(answer[0].parked.card, self._texts, "expired", "again")
                    return
                while live.calls.problems:
                    yield cards.notice(live.calls.problems.pop(0), self._texts)
                while live.calls.pictures:
                    for shown_event in shown.picture(live.calls.pictures.pop(0)):
                        yield shown_event
                match message["type"]:
                    case "taken" if answer is not None and message.get("id") == answer[0].number:
                        yield answered(answer[0].parked.card, self._texts, answer[1])
                        answer = None
                    case "ask" | "call" if answer is not None and len(live.held) < MOST_HELD:
                        live.held.append(message)
                    case "end":
                        over = True
                        self._processes.rest(live)
                        break
                    case "failed":
                        over = True
                        self._processes.rest(live)
                        if answer is not None:
                            yield answered(answer[0].parked.card, self._texts, "expired", "again")
                        error = unpack(message.get("error"))
                        for shown_event in self._offered(error, choices_of(message), shown):
                            yield shown_event
                        raise error
                    case "model_ends":
                        ends = ModelEnds(model=str(message.get("model"))[:200], day=str(message.get("day"))[:20])
                        yield cards.notice(ends, self._texts)
                    case "ask" | "call":
                        put = self._question(live, shown, thread_id, message, apart=apart)
                        if put is None:
                            continue
                        parked, told = put
                        for shown_event in told:
                            yield shown_event
                        self._parked[parked.question.number] = parked
                        if not apart:
                            return
                        asked = Asked(parked.question.number, parked)
                    case _:
                        for shown_event in shown.see(message):
                            yield shown_event
            for shown_event in shown.close():
                yield shown_event
            if answer is not None:
                yield answered(answer[0].parked.card, self._texts, "expired", "again")
        finally:
            if not over and not any(one.live is live for one in self._parked.values()):
                self._processes.stop(live)

    def _question(
        self, live: Live, shown: Shown, thread_id: str, message: Message, *, apart: bool
    ) -> tuple[Parked, list[ThreadStreamEvent]] | None:
        """The process's question, and the events that show it. None if nobody has to answer: an allowed call is made,
        and one of an unknown tool refused."""
        agent_id = live.agent_id
        if message["type"] == "ask":
            number = str(message.get("id"))
            title, detail = str(message.get("title", "")), str(message.get("detail", ""))
            item, told = shown.card(title, detail, number, apart=apart)
            step = Question(
                number, agent_id, thread_id, STEP, text=written_out(title), arguments=cards.laid_out(detail)
            )
            return Parked(live, shown, item, thread_id, step), told
        called = live.calls.called(message)
        if called is None:
            live.calls.refuse(message)
            return None
        server, tool = called
        if self._approvals.allowed(agent_id, thread_id, server.server, tool):
            live.calls.make(server, message)
            return None
        number, arguments = secrets.token_hex(12), str(message.get("arguments") or "")
        item, told = shown.asking(server.server.label, tool.name, arguments, number, apart=apart)
        use = cards.question(agent_id, thread_id, number, server.server.label, tool.name, arguments)
        return Parked(live, shown, item, thread_id, use, message, tool), told

    async def _give_up(self, thread: ThreadMetadata, store: Store[RequestContext], context: RequestContext) -> Events:
        """The person wrote another message instead of answering: end the runs that waited."""
        for number, parked in list(self._parked.items()):
            if parked.thread_id != thread.id:
                continue
            del self._parked[number]
            self._processes.stop(parked.live)
            try:
                item = await store.load_item(thread.id, parked.card.id, context)
            except ThreadNotFound:
                continue
            if isinstance(item, WidgetItem):
                replaced = answered if parked.call is None else cards.answered
                yield replaced(item, self._texts, "expired")


def _ids(store: Store[RequestContext], thread: ThreadMetadata, context: RequestContext) -> Callable[[Any], str]:
    return lambda kind: store.generate_item_id(kind, thread, context)
