"""A framework's ChatKit server behind an address, as its makers' examples put it there. Runs in the peer's Python."""

from __future__ import annotations

import sys
from typing import Any

import uvicorn
from chatkit.server import ChatKitServer, StreamingResult
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route


def serve(server: ChatKitServer[Any], context: Any) -> None:
    """Answers at /chatkit of the port that the command line names, everybody with the same `context`. Never returns."""

    async def chatkit(request: Request) -> Response:
        result = await server.process(await request.body(), context)
        if isinstance(result, StreamingResult):
            return StreamingResponse(result, media_type="text/event-stream")
        return Response(result.json, media_type="application/json")

    app = Starlette(routes=[Route("/chatkit", chatkit, methods=["POST"])])
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
