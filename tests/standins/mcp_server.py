"""A real MCP server, written with the `mcp` package: `python mcp_server.py [--http PORT_FILE] [--misbehave HOW]`.

Its tools: echo, add, environment (names and values of its variables), die, sleep, fail, refuse, grow, long, picture.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def misbehave(how: str) -> None:
    """What no server does. Never returns."""
    if how == "silent":
        time.sleep(600)
    if how == "flood":
        while True:
            os.write(1, b"x" * 65536)
    if how == "chatter":
        while True:
            os.write(1, b"Serving on port 7\n")
    if how == "errors":
        while True:
            os.write(2, b"something is wrong\n" * 1000)
    if how == "gone":
        sys.stderr.write("no such database\n")
        sys.exit(3)
    if how == "unasked":
        while True:
            os.write(1, b'{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}\n')
    if how == "hello":
        print("Usage: hello", flush=True)
        time.sleep(600)
    raise SystemExit(how)


def build(redescribe: Sequence[str] = ()) -> Any:
    """The server with its tools."""
    from mcp import MCPError
    from mcp.server import MCPServer
    from mcp.server.mcpserver import Context
    from mcp_types import ImageContent, ToolAnnotations

    server = MCPServer("tests")
    described, annotated, more = (*redescribe, "", "", "")[:3]

    def echo(text: str) -> str:
        """Says it again."""
        return f"echo: {text}"

    def echo_more(text: str, more: str = "") -> str:
        """Says it again."""
        return f"echo: {text}{more}"

    notes = ToolAnnotations(destructive_hint=True) if annotated else None
    server.tool("echo", description=described or "Says it again.", annotations=notes)(echo_more if more else echo)

    @server.tool()
    def add(a: int, b: int) -> int:
        """Adds two numbers."""
        return a + b

    @server.tool()
    def environment() -> str:
        """Its variables."""
        return json.dumps(dict(os.environ))

    @server.tool()
    def die() -> str:
        """Ends the server."""
        os._exit(7)

    @server.tool()
    async def sleep(seconds: float) -> str:
        """Waits."""
        import asyncio

        await asyncio.sleep(seconds)
        return "slept"

    @server.tool()
    def fail() -> str:
        """Goes wrong."""
        raise ValueError("the tool is broken")

    @server.tool()
    def long() -> str:
        """Says a lot."""
        return "long " * 100_000

    @server.tool()
    def refuse(code: int, words: str) -> str:
        """Answers with an error of JSON-RPC."""
        raise MCPError(code, words)

    @server.tool()
    async def grow(context: Context) -> str:
        """Brings another tool."""

        def grown() -> str:
            """Is new."""
            return "I am new"

        server.add_tool(grown)
        await context.session.send_tool_list_changed()
        await context.notify_tools_changed()
        return "grown"

    @server.tool()
    def picture() -> ImageContent:
        """Shows something."""
        return ImageContent(type="image", data=PICTURE, mime_type="image/png")

    return server


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("--http", default="")
    words.add_argument("--misbehave", default="")
    words.add_argument("--say", default="")
    words.add_argument("--token", default="")
    words.add_argument("--pids", default="")
    words.add_argument("--offspring", action="store_true")
    words.add_argument("--redescribe", nargs="*", default=[], help="of echo: description, annotation, parameter")
    given = words.parse_args()
    if given.pids:
        with Path(given.pids).open("a", encoding="utf-8") as file:
            file.write(f"{os.getpid()}\n")
    if given.offspring:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
        with Path(given.pids).open("a", encoding="utf-8") as file:
            file.write(f"{child.pid}\n")
    if given.say:
        sys.stderr.write(f"{given.say}\n")
        sys.stderr.flush()
    if given.misbehave:
        misbehave(given.misbehave)
    if not given.http:
        build(given.redescribe).run("stdio")
        return
    import uvicorn

    app = build(given.redescribe).streamable_http_app()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    Path(given.http).write_text(str(listener.getsockname()[1]), encoding="utf-8")
    uvicorn.Server(uvicorn.Config(guarded(app, given.token), log_level="error")).run(sockets=[listener])


def guarded(app: Any, token: str) -> Any:
    """`app`, which answers 401 to whoever does not know `token`."""

    async def ask(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and token:
            headers = {name.decode(): value.decode() for name, value in scope["headers"]}
            if headers.get("authorization") != f"Bearer {token}":
                await send({"type": "http.response.start", "status": 401, "headers": []})
                await send({"type": "http.response.body", "body": b"no"})
                return
        await app(scope, receive, send)

    return ask


if __name__ == "__main__":
    main()
