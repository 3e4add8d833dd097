"""An MCP server with the habits of real ones, without the `mcp` package: raw lines on its standard input and output.

`python mcp_habits.py [--tools FILE] [--protocol VERSION] [--banner N] [--noise] [--asks] [--dies-at METHOD]
[--mute METHOD] [--list-takes SECONDS] [--say TEXT] [--exit CODE] [--works SECONDS] [--pids FILE] [--wraps]`.
Its tools: `heard`, which tells what the client answered to the server's own questions, `words`, which tells what it was
started with, and those of the file, which echo.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

ASKED: dict[str, dict[str, Any]] = {
    "roots/list": {},
    "sampling/createMessage": {
        "messages": [{"role": "user", "content": {"type": "text", "text": "x"}}],
        "maxTokens": 5,
    },
    "elicitation/create": {"message": "Your name?", "requestedSchema": {"type": "object", "properties": {}}},
    "ping": {},
}
OPEN = {"type": "object", "properties": {}}


class Server:
    """One conversation."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.given = given
        self.heard: dict[str, str] = {}
        self.raw: list[Any] = json.loads(Path(given.tools).read_text(encoding="utf-8")) if given.tools else []

    def send(self, message: dict[str, Any]) -> None:
        if self.given.noise:
            print("[info] about to answer", flush=True)
        text = json.dumps({"jsonrpc": "2.0", **message})
        print(f"[{text}]" if self.given.wraps else text, flush=True)

    def take(self, message: dict[str, Any]) -> None:
        method = message.get("method")
        if method is None:
            known = "result" in message
            self.heard[str(message.get("id"))] = "result" if known else str(message["error"]["code"])
        elif method == self.given.dies_at:
            sys.stderr.write(f"Error: unknown method {method}\n")
            sys.exit(1)
        elif method == self.given.mute:
            pass
        elif method == "initialize":
            version = self.given.protocol or message["params"]["protocolVersion"]
            about = {"name": "habits", "version": "1"}
            result = {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": about}
            self.send({"id": message["id"], "result": result})
        elif method == "notifications/initialized" and self.given.asks:
            for name, params in ASKED.items():
                self.send({"id": name, "method": name, "params": params})
        elif method == "tools/list":
            time.sleep(self.given.list_takes)
            own = [{"name": "heard", "inputSchema": OPEN}, {"name": "words", "inputSchema": OPEN}]
            self.send({"id": message["id"], "result": {"tools": [*self.raw, *own]}})
        elif method == "tools/call":
            self.send({"id": message["id"], "result": {"content": [{"type": "text", "text": self.call(message)}]}})
        elif "id" in message:
            self.send({"id": message["id"], "error": {"code": -32601, "message": "Method not found"}})

    def call(self, message: dict[str, Any]) -> str:
        name = message["params"]["name"]
        if name == "heard":
            return json.dumps(self.heard)
        if name == "words":
            return json.dumps({"args": sys.argv[1:], "environ": dict(os.environ)})
        return f"{name} {json.dumps(message['params'].get('arguments') or {}, sort_keys=True)}"


def main() -> None:
    words = argparse.ArgumentParser()
    for name in ("tools", "protocol", "dies-at", "mute", "say", "pids"):
        words.add_argument(f"--{name}", default="")
    for name in ("list-takes", "works"):
        words.add_argument(f"--{name}", type=float, default=0.0)
    for name in ("banner", "exit"):
        words.add_argument(f"--{name}", type=int, default=-1)
    for name in ("noise", "asks", "wraps"):
        words.add_argument(f"--{name}", action="store_true")
    given, _others = words.parse_known_args()
    if given.pids:
        with Path(given.pids).open("a", encoding="utf-8") as file:
            file.write(f"{os.getpid()}\n")
    if given.say:
        sys.stderr.write(f"{given.say}\n")
        sys.stderr.flush()
    ends = time.monotonic() + given.works
    while time.monotonic() < ends:  # at work, and says nothing
        sum(range(10_000))
        time.sleep(0.002)
    if given.exit >= 0:
        sys.exit(given.exit)
    for number in range(given.banner):
        print(f"*** Welcome, line {number} ***", flush=True)
    server = Server(given)
    for line in sys.stdin:
        if line.strip():
            server.take(json.loads(line))


if __name__ == "__main__":
    main()
