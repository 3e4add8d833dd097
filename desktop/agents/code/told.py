"""In the child: turns the events of one run into messages to the app."""

from __future__ import annotations

import json
from typing import Any

from chatkit.types import ThoughtTask
from pydantic import BaseModel

from desktop.agents.chatkit.tasks import MOST_CODE, tool_task
from desktop.agents.code.protocol import Message
from desktop.agents.code.turn import Turn
from desktop.agents.models.late_reasoning import Answered, Turned
from desktop.agents.models.streams import raise_if_failed, spoken


def plain(value: Any) -> Any:
    """A parsed output as JSON."""
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value


def fenced(value: Any) -> str:
    """A code block of JSON, within limits."""
    try:
        text = json.dumps(value, ensure_ascii=False, indent=2, default=lambda one: str(plain(one)))
    except (ValueError, TypeError, RecursionError):  # it contains itself, or is nested too deep to read
        text = f"({type(value).__name__})"
    return f"```json\n{text[:MOST_CODE]}\n```"


class Told:
    """Reports the events of one run to the app."""

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
        """Reasoning of the current answer, by the keys of its steps."""
        self._answer = turn.number("a")
        """Makes keys unique: a model may use the same reasoning id in each answer."""
        self._calls: dict[str, str] = {}
        turn.asks(_model(agent))
        self._asked = turn.asked(turn.model)

    @property
    def _speaks(self) -> bool:
        """Whether the agent's text is for the reader; its structured output for the workflow is not."""
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
                    self._turn.asks(_model(self._agent))
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
                self._turn.say(output)  # the model does not stream
            self._close_step(None)
            return
        if output is None:
            return
        value = plain(output)
        self._turn.structured.append(value)
        self._close_step(fenced(value))

    def _close_step(self, content: str | None) -> None:
        if self._node or content:
            self._turn.step(self._step, self._agent.name, done=True, content=content)
            self._node = False

    def _raw(self, event: Any) -> None:
        raise_if_failed(event, self._asked)
        match event.type:
            case "response.created":
                self._thoughts, self._answer = {}, self._turn.number("a")
            case Turned.type:
                self._turned()
            case Answered.type:
                self._answered()
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

    def _turned(self) -> None:
        """The message's text so far was reasoning. Its real text, if any, begins now."""
        if self._message:
            self._turn.send({"type": "turned", "key": self._message, "task": self._turn.number("t")})
        self._message, self._deltas, self._sources = "", [], []

    def _answered(self) -> None:
        """Text mistaken for reasoning follows as text."""
        for key in self._thoughts:
            self._turn.send({"type": "task_gone", "key": key})
        self._thoughts = {}

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
            return  # a handoff is shown as the next agent's step
        title = self._turn.texts.get("code.uses_tool", tool=item.name)
        self._calls[str(number)] = title
        self._turn.step(f"c{number}", title, done=done)

    def _think(self, event: Any, delta: str, *, done: bool) -> None:
        key = f"t{self._answer}.{event.item_id}.{event.summary_index}"
        text = event.text if done else self._thoughts.get(key, "") + delta
        self._thoughts[key] = text
        self._turn.task(key, ThoughtTask(content=text, status_indicator="complete" if done else "loading"))


def _model(agent: Any) -> str:
    model = getattr(agent, "model", None)
    return model if isinstance(model, str) else str(getattr(model, "model", ""))


def _source(annotation: Any) -> Message | None:
    """A citation for the app: {title, url} or {title, filename}, and its position."""
    given = annotation if isinstance(annotation, dict) else annotation.model_dump()
    kind = given.get("type")
    if kind == "url_citation":
        return {"title": given.get("title") or given["url"], "url": given["url"], "index": given.get("end_index")}
    if kind in ("file_citation", "container_file_citation") and given.get("filename"):
        index = given.get("index") if kind == "file_citation" else given.get("end_index")
        return {"title": given["filename"], "filename": given["filename"], "index": index}
    return None
