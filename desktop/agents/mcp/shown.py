"""Shows MCP tool calls as steps of the chat, like the endpoint's tools. Imports the same as `steps.py`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from chatkit.types import CustomTask

from desktop.agents.assistant.steps import Steps
from desktop.agents.mcp.approvals import fenced, within
from desktop.agents.mcp.results import Outcome
from desktop.agents.mcp.toolbox import Toolbox
from desktop.common.texts import Catalogue
from desktop.common.unseen import written_out


def step(texts: Catalogue, server: str, tool: str, *, done: bool, given: Outcome | None = None) -> CustomTask:
    """A call as a step. `given`: its result, shown as plain text."""
    task = CustomTask(title=texts.get("mcp.uses", server=server, tool=tool)[:200], icon="square-code")
    task.status_indicator = "complete" if done else "loading"
    if given is not None and given.text:
        task.content = fenced(within(written_out(given.text)), "")
    return task


async def with_calls(
    events: AsyncIterator[Any], steps: Steps, box: Toolbox, texts: Catalogue, begun: dict[str, str]
) -> AsyncGenerator[Any, None]:
    """The `events` of a run, with None for a step in between. Running calls become steps, and their pictures items.

    `begun`: approved calls (id -> name) that run now.
    """
    calls = dict(begun)
    pictures: list[str] = []

    async def show(number: str, name: str, *, done: bool) -> None:
        known = box.of(name)
        if known is not None:
            given = box.outcomes.pop(number, None) if done else None
            pictures.extend(given.pictures if given is not None else ())
            shown = step(texts, known[0].server.label, known[1].name, done=done, given=given)
            await steps.show(f"mcp {number}", shown)

    for number, name in begun.items():
        await show(number, name, done=False)
        yield None
    async for event in events:
        if event.type == "raw_response_event" and event.data.type == "response.output_item.done":
            item = event.data.item
            if item.type == "function_call" and box.allowed(item.name):
                calls[item.call_id] = item.name
                await show(item.call_id, item.name, done=False)
        elif event.type == "run_item_stream_event" and event.name == "tool_output":
            raw = event.item.raw_item
            number = str(raw.get("call_id") if isinstance(raw, dict) else getattr(raw, "call_id", ""))
            if number in calls:
                await show(number, calls.pop(number), done=True)
            if pictures and not calls:  # after all steps
                await steps.pictures(pictures)
                pictures.clear()
        yield event
