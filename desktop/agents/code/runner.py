"""In the child: one turn of a file's agent or workflow, told to the app as it happens.

`Runner` of the file is ours: its `run` streams. Messages to the app: task, text, text_done, ask, call, and the turn's
end.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import secrets
import threading
from collections.abc import Callable
from typing import Any

import agents
from chatkit.types import CustomTask, ThoughtTask
from pydantic import BaseModel

from desktop.agents.code.loader import APPROVAL, Beside, Held, replace, workflow_input
from desktop.agents.code.protocol import Message
from desktop.agents.code.tools import Tools
from desktop.agents.failures import Asked
from desktop.agents.model_streams import raise_if_failed, spoken
from desktop.agents.tasks import MOST_CODE, tool_task
from desktop.errors import CodeGuarded, CodeSilent
from desktop.texts import Catalogue

Send = Callable[[Message], object]
OriginalRunner = agents.Runner
WORDS = ("message", "text", "answer", "response", "reply")
"""What an end node of a workflow calls what it says to the reader."""

MOST_SAID = 1_000_000
"""Characters of a turn, as `shown.MOST_TEXT`."""
MOST_ASKED = 100_000
"""Characters of a question that go to the app, which says how much of them it shows."""


class Stopped(BaseException):
    """The person stopped the run while it waited; not for `except Exception` of the file."""


class Approvals:
    """Questions that are open. Asked on any thread, answered by the thread that reads the pipe."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._open: dict[str, tuple[threading.Event, list[bool]]] = {}
        self._lock = threading.Lock()
        self._stopped = False

    def begin(self) -> None:
        self._stopped = False

    def ask(self, title: str, detail: str = "") -> bool:
        """Blocks until the person has answered. Raises Stopped."""
        number = secrets.token_urlsafe(24)
        answered = threading.Event()
        answer: list[bool] = []
        with self._lock:
            if self._stopped:
                raise Stopped
            self._open[number] = (answered, answer)
        self._send({"type": "ask", "id": number, "title": title[:MOST_ASKED], "detail": detail[:MOST_ASKED]})
        answered.wait()
        if not answer:
            raise Stopped
        return answer[0]

    def answer(self, number: str, approved: bool) -> None:
        with self._lock:
            found = self._open.pop(number, None)
        if found is not None:
            found[1].append(approved)
            found[0].set()

    def stop(self) -> None:
        """Whoever waits stops waiting."""
        with self._lock:
            self._stopped = True
            waiting = list(self._open.values())
            self._open.clear()
        for answered, _ in waiting:
            answered.set()


class Turn:
    """What is said in one turn, and what was said before it."""

    def __init__(self, send: Send, texts: Catalogue, approvals: Approvals, asked: Callable[[str], Asked]) -> None:
        self.send = send
        self.texts = texts
        self.approvals = approvals
        self.tools = Tools(send)
        self.asked = asked
        self.text = ""
        self.message: Any = None
        self.history: list[Any] = []
        self.said: list[str] = []
        self.structured: list[Any] = []
        self.refused = False
        self.model = ""
        """The model that was asked last, as the file names it."""
        self._numbers = 0

    def begin(self, message: Message) -> None:
        self.text = str(message["text"])
        self.message = message["message"]
        self.history = message["history"]
        self.said = []
        self.structured = []
        self.refused = False
        self.approvals.begin()
        self.tools.begin(message.get("tools") or [])

    def number(self, kind: str) -> str:
        self._numbers += 1
        return f"{kind}{self._numbers}"

    # --- to the reader ------------------------------------------------------------------------

    def task(self, key: str, task: Any) -> None:
        self.send({"type": "task", "key": key, "task": task.model_dump(mode="json")})

    def step(self, key: str, title: str, *, done: bool, content: str | None = None) -> None:
        task = CustomTask(title=title[:200], content=content)
        task.status_indicator = "complete" if done else "loading"
        self.task(key, task)

    def say(self, text: str) -> None:
        """A whole message; beyond what a chat can hold, the app says so."""
        text = text[: MOST_SAID + 1]
        key = self.number("m")
        self.send({"type": "text", "key": key, "delta": text})
        self.send({"type": "text_done", "key": key, "text": text, "annotations": []})
        self.said.append(text)

    def approve(self, title: str, detail: str = "") -> bool:
        approved = self.approvals.ask(title, detail)
        self.refused = self.refused or not approved
        return approved

    # --- to the model -------------------------------------------------------------------------

    def remembered(self, given: Any) -> Any:
        """What goes to an agent: where it begins with this turn's message, with the chat so far before it."""
        if isinstance(given, str):
            return [*self.history, self.message] if given == self.text and self._more() else given
        if not isinstance(given, list) or not given or not self._is_message(given[0]):
            return given
        return [*self.history, self.message, *given[1:]]

    def _more(self) -> bool:
        return bool(self.history) or not isinstance(self.message.get("content"), str)

    def _is_message(self, item: Any) -> bool:
        if not isinstance(item, dict) or item.get("role") != "user":
            return False
        content = item.get("content")
        if isinstance(content, list):
            content = "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
        return content == self.text


async def run(held: Held, turn: Turn) -> None:
    """One turn. Raises what the file raises, CodeGuarded, CodeSilent."""
    try:
        if held.workflow is None:
            result = await _drain(turn, held.agent, turn.remembered([{"role": "user", "content": turn.text}]), {})
            returned: Any = result.final_output
        else:
            given = workflow_input(held, turn.text)
            if inspect.iscoroutinefunction(held.workflow):
                returned = await held.workflow(*given)
            else:
                returned = await asyncio.to_thread(_plainly, held.workflow, given)
            if inspect.isawaitable(returned):
                returned = await returned
    except (agents.InputGuardrailTripwireTriggered, agents.OutputGuardrailTripwireTriggered):
        raise CodeGuarded(file="") from None
    _conclude(turn, returned)


def _plainly(workflow: Callable[..., Any], given: list[Any]) -> Any:
    """A plain function, on a thread where no loop runs: it may run one itself."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        return workflow(*given)
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def _conclude(turn: Turn, returned: Any) -> None:
    """What the reader has not heard yet: `output_text`, or what came back in its place."""
    text: Any = returned
    if returned == {"input_as_text": turn.text}:
        text = None  # an end node that gives back what came in; who typed it has read it
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
        text = turn.structured[-1]  # an export without an end node gives back nothing of what its agents formed
    if not isinstance(text, str) or _is_structured(text, turn.structured):
        text = None if turn.said else _pretty(text)
    if text is not None and not any(text.strip() in said or said.strip() == text.strip() for said in turn.said):
        turn.say(text)


def _only_words(returned: dict[str, Any], structured: list[Any]) -> str | None:
    """The text of an end node, {"message": "Done."}: under a name that says so, or alone and of no agent's forming."""
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


def plain(value: Any) -> Any:
    """A parsed output as JSON knows it."""
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value


def _pretty(value: Any) -> str:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return str(value)
    value = plain(value)
    if isinstance(value, str):
        return value
    return _fenced(value)


def _fenced(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, indent=2, default=lambda one: str(plain(one)))
    except (ValueError, TypeError, RecursionError):  # it holds itself, or is deeper than anybody reads
        text = f"({type(value).__name__})"
    return f"```json\n{text[:MOST_CODE]}\n```"


# --- the file's Runner and its approvals --------------------------------------------------------


def take_over(beside: Beside, turn: Turn) -> type[OriginalRunner]:
    """The `Runner` that the file is to find; before it is loaded, and `settle` after."""

    class Runner(OriginalRunner):
        @classmethod
        async def run(cls, starting_agent: Any, input: Any, **options: Any) -> Any:  # noqa: A002 - the SDK's name
            return await _drain(turn, starting_agent, turn.remembered(input), options, node=True)

        @classmethod
        def run_sync(cls, starting_agent: Any, input: Any, **options: Any) -> Any:  # noqa: A002
            return apart(lambda: _drain(turn, starting_agent, turn.remembered(input), options, node=True))

        @classmethod
        def run_streamed(cls, starting_agent: Any, input: Any, *given: Any, **options: Any) -> Any:  # noqa: A002
            turn.tools.give(starting_agent)
            result = OriginalRunner.run_streamed(starting_agent, turn.remembered(input), *given, **options)
            told = _Told(turn, starting_agent, node=True)
            events = result.stream_events

            async def stream_events() -> Any:
                told.begin()
                async for event in events():
                    told.see(event)
                    yield event
                told.end(result)

            result.stream_events = stream_events  # type: ignore[method-assign]
            return result

    Runner.__module__ = OriginalRunner.__module__
    agents.Runner = Runner  # type: ignore[misc]
    return Runner


def settle(beside: Beside, turn: Turn, runner: type[OriginalRunner]) -> None:
    """In what was loaded: every way to the SDK's `Runner` is ours, every approval stub asks the person."""
    replace(beside, None, OriginalRunner, lambda _old: runner)
    replace(beside, APPROVAL, None, lambda old: _asking(old, turn))


def _asking(stub: Any, turn: Turn) -> Any:
    """In the place of a stub that would say yes: plain where it is plain, for a coroutine is always true."""

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


def apart(work: Callable[[], Any]) -> Any:
    """Runs a coroutine to its end on a loop of its own, from inside of a running loop or none."""
    outcome: list[Any] = []

    def body() -> None:
        try:
            outcome.extend((True, asyncio.run(work())))
        except BaseException as error:  # noqa: BLE001 - raised again by who waits
            outcome.extend((False, error))

    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    thread.join()
    if not outcome[0]:
        raise outcome[1]
    return outcome[1]


async def _drain(turn: Turn, agent: Any, given: Any, options: dict[str, Any], *, node: bool = False) -> Any:
    """As `Runner.run`, streamed; what needs a person's yes waits for it. Gives the run's result."""
    turn.tools.give(agent)
    while True:
        result = OriginalRunner.run_streamed(agent, given, **options)
        told = _Told(turn, agent, node=node)
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


class _Told:
    """The events of one run, as messages to the app."""

    def __init__(self, turn: Turn, agent: Any, *, node: bool) -> None:
        self._turn = turn
        self._agent = agent
        self._node = node
        self._step = turn.number("n")
        self._message = ""
        self._spoke = False
        self._deltas: list[str] = []
        self._sources: list[Message] = []
        self._thoughts: dict[str, str] = {}
        self._calls: dict[str, str] = {}
        turn.model = _model(agent)
        self._asked = turn.asked(turn.model)

    @property
    def _speaks(self) -> bool:
        """Whether the agent's words are for the reader: what it forms for the workflow is not."""
        return getattr(self._agent, "output_type", None) in (None, str)

    def begin(self) -> None:
        if self._node:
            self._turn.step(self._step, self._agent.name, done=False)

    def see(self, event: Any) -> None:
        match event.type:
            case "agent_updated_stream_event":
                if event.new_agent is not self._agent:
                    self._close_step(None)
                    self._agent = event.new_agent
                    self._turn.model = _model(self._agent)
                    self._asked = self._turn.asked(self._turn.model)
                    self._step = self._turn.number("n")
                    self._node = True
                    self._turn.step(self._step, self._agent.name, done=False)
            case "raw_response_event":
                self._raw(spoken(event.data))
            case "run_item_stream_event":
                self._item(event)
            case _:
                pass

    def end(self, result: Any) -> None:
        output = result.final_output
        if self._speaks:
            if isinstance(output, str) and output.strip() and not self._spoke:
                self._turn.say(output)  # a model that does not stream
            self._close_step(None)
            return
        if output is None:
            return
        value = plain(output)
        self._turn.structured.append(value)
        self._close_step(_fenced(value))

    def _close_step(self, content: str | None) -> None:
        if self._node or content:
            self._turn.step(self._step, self._agent.name, done=True, content=content)
            self._node = False

    def _raw(self, event: Any) -> None:
        raise_if_failed(event, self._asked)
        match event.type:
            case "response.output_item.added":
                self._added(event.item)
            case "response.output_text.delta" if self._message:
                self._deltas.append(event.delta)
                self._turn.send({"type": "text", "key": self._message, "delta": event.delta})
            case "response.output_text.annotation.added" if self._message:
                source = _source(event.annotation)
                if source is not None:
                    self._sources.append(source)
            case "response.reasoning_summary_text.delta":
                self._think(event, event.delta, done=False)
            case "response.reasoning_summary_text.done":
                self._think(event, "", done=True)
            case "response.output_item.done":
                self._done(event.item)
            case _:
                pass

    def _added(self, item: Any) -> None:
        if item.type == "message":
            self._finish_message()
            if self._speaks:
                self._close_step(None)
                self._message = self._turn.number("m")
        elif item.type in ("function_call", "mcp_call"):
            self._call(item, done=False)
        else:
            task = tool_task(item, self._turn.texts, done=False)
            if task is not None:
                self._turn.task(item.id, task)

    def _done(self, item: Any) -> None:
        if item.type == "message":
            if self._message and not self._deltas:
                text = "".join(getattr(part, "text", "") for part in item.content)
                if text:
                    self._deltas.append(text)
                    self._turn.send({"type": "text", "key": self._message, "delta": text})
            self._finish_message()
        elif item.type == "mcp_call":
            self._call(item, done=True)
        else:
            task = tool_task(item, self._turn.texts, done=True)
            if task is not None:
                self._turn.task(item.id, task)

    def _finish_message(self) -> None:
        text = "".join(self._deltas)
        if self._message and text.strip():
            done = {"type": "text_done", "key": self._message, "text": text, "annotations": self._sources}
            self._turn.send(done)
            self._turn.said.append(text)
            self._spoke = True
        self._message, self._deltas, self._sources = "", [], []

    def _item(self, event: Any) -> None:
        if event.name == "tool_output":
            raw = event.item.raw_item
            number = raw.get("call_id") if isinstance(raw, dict) else getattr(raw, "call_id", "")
            title = self._calls.pop(str(number), "")
            if title:
                self._turn.step(f"c{number}", title, done=True, content=None)

    def _call(self, item: Any, *, done: bool) -> None:
        number = getattr(item, "call_id", None) or item.id
        if getattr(item, "name", "").startswith("transfer_to_"):
            return  # a handover shows as the next agent's step
        title = self._turn.texts.get("code.uses_tool", tool=item.name)
        self._calls[str(number)] = title
        self._turn.step(f"c{number}", title, done=done)

    def _think(self, event: Any, delta: str, *, done: bool) -> None:
        key = f"t{event.item_id}.{event.summary_index}"
        text = event.text if done else self._thoughts.get(key, "") + delta
        self._thoughts[key] = text
        self._turn.task(key, ThoughtTask(content=text, status_indicator="complete" if done else "loading"))


def _model(agent: Any) -> str:
    model = getattr(agent, "model", None)
    return model if isinstance(model, str) else str(getattr(model, "model", ""))


def _source(annotation: Any) -> Message | None:
    """A citation, as the app takes it: {title, url} or {title, filename}, and where it stands."""
    given = annotation if isinstance(annotation, dict) else annotation.model_dump()
    kind = given.get("type")
    if kind == "url_citation":
        return {"title": given.get("title") or given["url"], "url": given["url"], "index": given.get("end_index")}
    if kind in ("file_citation", "container_file_citation") and given.get("filename"):
        index = given.get("index") if kind == "file_citation" else given.get("end_index")
        return {"title": given["filename"], "filename": given["filename"], "index": index}
    return None
