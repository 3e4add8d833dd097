"""In the child: runs one turn of a file's agent or workflow, and reports it to the app as it happens.

The file gets our `Runner`, whose `run` streams. Messages to the app: task, task_gone, text, text_done, turned, ask,
taken, call, and the turn's end.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import re
import threading
from collections.abc import Callable
from typing import Any

import agents
from agents.run import DEFAULT_MAX_TURNS

from desktop.agents.code.entry import Held, workflow_call
from desktop.agents.code.errors import CodeEndless, CodeGuarded, CodeSilent
from desktop.agents.code.hearing import is_ours
from desktop.agents.code.loader import APPROVAL, Beside, replace
from desktop.agents.code.told import Told, fenced, plain
from desktop.agents.code.turn import Endless, Turn
from desktop.common.errors import Phrase

OriginalRunner = agents.Runner
WORDS = ("message", "text", "answer", "response", "reply")
"""Names for the reader's text in a workflow's end node."""


async def run(held: Held, turn: Turn) -> None:
    """Run one turn. Raises whatever the file raises, CodeGuarded, CodeSilent, CodeEndless."""
    try:
        if held.workflow is None:
            result = await _drain(turn, held.agent, turn.remembered([{"role": "user", "content": turn.text}]), {})
            returned: Any = result.final_output
        else:
            call = workflow_call(held, turn.text)
            if inspect.iscoroutinefunction(held.workflow):
                returned = await call()
            else:
                returned = await asyncio.to_thread(_plainly, call)
            if inspect.isawaitable(returned):
                returned = await returned
    except (agents.InputGuardrailTripwireTriggered, agents.OutputGuardrailTripwireTriggered):
        raise CodeGuarded(file="") from None
    except Endless as end:
        raise CodeEndless(file="", problem=Phrase(end.key, {"count": end.limit})) from None
    except agents.MaxTurnsExceeded as error:
        problem = Phrase("code.endless_turns", {"count": _limit_of(error)})
        raise CodeEndless(str(error)[:200], file="", problem=problem) from None
    _conclude(turn, returned)


def _limit_of(error: agents.MaxTurnsExceeded) -> int:
    """The number in "Max turns (10) exceeded": the file's, or the SDK's (`agents.run.DEFAULT_MAX_TURNS`)."""
    found = re.search(r"\((\d{1,9})\)", str(error))
    return int(found[1]) if found else DEFAULT_MAX_TURNS


def _plainly(call: Callable[[], Any]) -> Any:
    """Call a plain function on a thread without an event loop, since it may run one itself."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        return call()
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def _conclude(turn: Turn, returned: Any) -> None:
    """Send what the reader has not seen yet: `output_text`, or whatever was returned instead."""
    text: Any = returned
    if returned == {"input_as_text": turn.text}:
        text = None  # an end node that returns its input, which the person has typed
    elif isinstance(returned, dict):
        text = returned.get("output_text")
        if text is None:
            text = _only_words(returned, turn.structured)
        if text is None and not turn.said:
            text = returned or None
    elif isinstance(returned, agents.result.RunResultBase):
        text = returned.final_output
    if text is None or (isinstance(text, str) and not text.strip()):
        if turn.said or turn.refused:
            return
        if not turn.structured:
            raise CodeSilent(file="")
        text = turn.structured[-1]  # an export without an end node does not return its agents' output
    if not isinstance(text, str) or _is_structured(text, turn.structured):
        text = None if turn.said else _pretty(text)
    if text is not None and not any(text.strip() in said or said.strip() == text.strip() for said in turn.said):
        turn.say(text)


def _only_words(returned: dict[str, Any], structured: list[Any]) -> str | None:
    """The text of an end node, as in {"message": "Done."}: under one of these names, or the only value and not an
    agent's structured output."""
    named = [returned[name] for name in WORDS if isinstance(returned.get(name), str)]
    formed = [value for output in structured if isinstance(output, dict) for value in output.values()]
    alone = [value for value in returned.values() if len(returned) == 1 and value not in formed]
    return next((text for text in [*named, *alone] if isinstance(text, str)), None)


def _is_structured(text: str, outputs: list[Any]) -> bool:
    try:
        value = json.loads(text)
    except ValueError:
        return text in outputs
    return isinstance(value, dict | list) or value in outputs


def _pretty(value: Any) -> str:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return str(value)
    value = plain(value)
    if isinstance(value, str):
        return value
    return fenced(value)


# --- the file's Runner and its approvals --------------------------------------------------------


def take_over(beside: Beside, turn: Turn) -> type[OriginalRunner]:
    """Install the `Runner` for the file, before it is loaded. Call `settle` afterwards."""

    class Runner(OriginalRunner):
        @classmethod
        async def run(cls, starting_agent: Any, input: Any, **options: Any) -> Any:  # noqa: A002 - the SDK's name
            return await _drain(turn, starting_agent, turn.remembered(input), options, node=True)

        @classmethod
        def run_sync(cls, starting_agent: Any, input: Any, **options: Any) -> Any:  # noqa: A002
            return apart(lambda: _drain(turn, starting_agent, turn.remembered(input), options, node=True))

        @classmethod
        def run_streamed(cls, starting_agent: Any, input: Any, *given: Any, **options: Any) -> Any:  # noqa: A002
            turn.runs()
            turn.tools.give(starting_agent)
            result = OriginalRunner.run_streamed(starting_agent, turn.remembered(input), *given, **options)
            told = Told(turn, starting_agent, node=True)
            events = result.stream_events

            async def stream_events() -> Any:
                told.begin()
                async for event in events():
                    told.see(event)
                    if not is_ours(event):
                        yield event
                told.end(result)

            result.stream_events = stream_events  # type: ignore[method-assign]
            return result

    Runner.__module__ = OriginalRunner.__module__
    agents.Runner = Runner  # type: ignore[misc]
    return Runner


def settle(beside: Beside, turn: Turn, runner: type[OriginalRunner]) -> None:
    """In the loaded modules, replace the SDK's `Runner` by ours, and make every approval stub ask the person."""
    replace(beside, None, OriginalRunner, lambda _old: runner)
    replace(beside, APPROVAL, None, lambda old: _asking(old, turn))


def _asking(stub: Any, turn: Turn) -> Any:
    """Replaces a stub that would always approve. A plain function stays one, because a coroutine is always true."""

    def words(given: tuple[Any, ...], named: dict[str, Any]) -> str:
        said = "\n".join(str(value) for value in (*given, *named.values()))
        return said if said.strip() else turn.texts.get("code.goes_on")

    if inspect.iscoroutinefunction(stub):

        async def asks(*given: Any, **named: Any) -> bool:
            return await asyncio.to_thread(turn.approve, words(given, named))

        return asks

    def ask(*given: Any, **named: Any) -> bool:
        return turn.approve(words(given, named))

    return ask


class Apart:
    """An event loop on its own thread, for synchronous calls. One for all calls, because a client's connections belong
    to the loop that opened them."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    def run(self, work: Callable[[], Any]) -> Any:
        """Run a coroutine to its end, whether or not a loop is running. Raises whatever it raises."""
        if self._loop is not None and asyncio._get_running_loop() is self._loop:
            return Apart().run(work)  # a tool of such a run starts another run, and this loop waits for it
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, daemon=True).start()
        ended, value = asyncio.run_coroutine_threadsafe(_outcome(work), self._loop).result()
        if not ended:
            raise value
        return value


async def _outcome(work: Callable[[], Any]) -> tuple[bool, Any]:
    """(True, result) or (False, exception): the file's exit must not end the loop."""
    try:
        return True, await work()
    except BaseException as error:  # noqa: BLE001 - raised again by who waits
        return False, error


apart = Apart().run


async def _drain(turn: Turn, agent: Any, given: Any, options: dict[str, Any], *, node: bool = False) -> Any:
    """Like `Runner.run`, but streamed. Tools that need approval wait for it. Returns the run's result."""
    turn.runs()
    turn.tools.give(agent)
    while True:
        result = OriginalRunner.run_streamed(agent, given, **options)
        told = Told(turn, agent, node=node)
        told.begin()
        try:
            async for event in result.stream_events():
                told.see(event)
        finally:
            if not result.is_complete:
                result.cancel()
        told.end(result)
        if not result.interruptions:
            return result
        state = result.to_state()
        for item in result.interruptions:
            raw = item.raw_item
            arguments = raw.get("arguments") if isinstance(raw, dict) else getattr(raw, "arguments", None)
            words = {"agent": item.agent.name, "tool": item.tool_name or "?"}
            server = raw.get("server_label") if isinstance(raw, dict) else getattr(raw, "server_label", None)
            title = (
                turn.texts.get("code.wants_tool_of", server=str(server), **words)
                if server
                else turn.texts.get("code.wants_tool", **words)
            )
            if await asyncio.to_thread(turn.approve, title, str(arguments or "")):
                state.approve(item)
            else:
                state.reject(item)
        given = state
