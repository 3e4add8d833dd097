"""A ChatKit server on Google's Agent Development Kit: sessions are its store, its events become ChatKit's. Runs in the
peer's Python.

python -m tests.peers.servers.google PORT
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from adk_chatkit import ADKAgentContext, ADKChatKitServer, ADKContext, ADKStore, ChatkitRunConfig, stream_agent_response
from google.adk.agents import BaseAgent
from google.adk.agents.run_config import StreamingMode
from google.adk.events import Event
from google.adk.runners import Runner
from google.adk.sessions import InMemorySessionService
from google.genai import types

from tests.peers.servers.serving import serve

EVERYBODY = ADKContext(app_name="team", user_id="user_1")


def content(text: str, role: str) -> types.Content:
    return types.Content(role=role, parts=[types.Part.from_text(text=text)])


class Echo(BaseAgent):
    """Says again what it was told, in pieces and whole, as a model that streams does."""

    async def _run_async_impl(self, ctx: Any) -> AsyncIterator[Event]:
        told = "".join(part.text or "" for part in ctx.user_content.parts)
        whole = f"You said: {told}"
        for piece, partial in ((whole[:8], True), (whole[8:], True), (whole, False)):
            yield Event(
                author=self.name,
                content=content(piece, "model"),
                partial=partial,
                invocation_id=ctx.invocation_id,
            )


sessions = InMemorySessionService()
runner = Runner(app_name="team", agent=Echo(name="echo"), session_service=sessions)


class Server(ADKChatKitServer):
    async def _adk_respond(self, thread: Any, input_user_message: Any, context: ADKContext) -> AsyncIterator[Any]:
        if input_user_message is None:
            return
        text = "".join(part.text for part in input_user_message.content if part.type == "input_text")
        own = ADKAgentContext(app_name=context.app_name, user_id=context.user_id, thread=thread)
        events = runner.run_async(
            user_id=context.user_id,
            session_id=thread.id,
            new_message=content(text, "user"),
            run_config=ChatkitRunConfig(streaming_mode=StreamingMode.SSE, context=own),
        )
        async for event in stream_agent_response(own, events):
            yield event


server = Server(ADKStore(sessions))


if __name__ == "__main__":
    serve(server, EVERYBODY)
