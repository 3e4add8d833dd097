"""A ChatKit server on Microsoft's Agent Framework: its own conversion of updates to events. Runs in the peer's Python.

python -m tests.peers.servers.microsoft PORT
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from agent_framework import AgentResponseUpdate, Content
from agent_framework_chatkit import simple_to_agent_input, stream_agent_response
from chatkit.server import ChatKitServer

from desktop.agents.chatkit.context import RequestContext
from tests.agents.reference import ReferenceStore
from tests.peers.servers.serving import serve

EVERYBODY = RequestContext("team", "user_1")


class Server(ChatKitServer[RequestContext]):
    """Says again what it was told, in pieces."""

    async def respond(self, thread: Any, input_user_message: Any, context: RequestContext) -> AsyncIterator[Any]:
        items = await self.store.load_thread_items(thread.id, None, 100, "asc", context)
        told = await simple_to_agent_input(items.data)

        async def updates() -> AsyncIterator[AgentResponseUpdate]:
            for piece in (f"You said: {told[-1].text}", f" (message {len(told)})"):
                yield AgentResponseUpdate(contents=[Content.from_text(piece)], role="assistant")

        async for event in stream_agent_response(updates(), thread.id):
            yield event


server = Server(ReferenceStore())


if __name__ == "__main__":
    serve(server, EVERYBODY)
