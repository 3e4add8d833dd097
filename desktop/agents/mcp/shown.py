"""Calls of MCP tools as steps of the chat, beside those of the endpoint's tools. Imports what `steps.py` does."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from chatkit.types import CustomTask

from desktop.agents.mcp.toolbox import Toolbox
from desktop.agents.steps import Steps
from desktop.texts import Catalogue


def step(texts: Catalogue, server: str, tool: str, *, done: bool) -> CustomTask:
    """A call, as a step."""
    task = CustomTask(title=texts.get("mcp.uses", server=server, tool=tool)[:200], icon="square-code")
    task.status_indicator = "complete" if done else "loading"
    return task


async def with_calls(
    events: AsyncIterator[Any], steps: Steps, box: Toolbox, texts: Catalogue, begun: dict[str, str]
) -> AsyncGenerator[Any, None]:
    """`events` of a run, None for a step between; calls that run become steps.

    `begun`: approved ones (call id -> name) that run from now on.
    """
    calls = dict(begun)

    async def show(number: str, name: str, *, done: bool) -> None:
        known = box.of(name)
        if known is not None:
            await steps.show(f"mcp {number}", step(texts, known[0].server.label, known[1].name, done=done))

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
        yield event
