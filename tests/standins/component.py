"""A stand-in for OpenAI's ChatKit component: a script and an iframe page on an origin of their own, over real HTTP.

`with ComponentStandIn(api_base=...) as component:` in a test, or
`python -m tests.standins.component --port N --api URL`.
Behaviour and its sources are in component/*.js; this file serves them, breaks them on demand, and keeps what the
frame reports. Knows nothing of the app.

Faults (`fail(name, times=None, **params)` or `POST /__control {"fault": name, "times": N, ...}`; `heal()` or
`{"heal": true}` ends them). Of the script: script_404, script_hangs, script_syntax_error, script_cut. Of the element:
throws_on_options, domain_gate (ms, silent), never_ready, late_ready (ms). Of the frame: error_before_ready (message),
refuses_all (message; told 0.3 s after `ready`), knows_less (unknown: names of options), dead_frame (loads and never
lives), hanging_frame (ms; hangs its process), error_after_ready (the next answers fail), slow_render (ms an event),
frame_404, frame_400 (an error page that loads).
Commands to the frame that is open (`do(name, **params)` or `POST /__control {"do": name, ...}`): send (text), stop,
retry, attach (name, mime_type, text or size), choose (model, tool), history (open), filter (text),
rename (thread, title), remove (thread), press (label),
answer (values), feedback (kind), dictate (audio_base64, mime_type), expire_secret_now, client_tool (name, params),
header_action (side), open_thread (thread), emit_error (message), iframe_gone, domain_gate, run (id, code): the value
or the error is then in the state under `ran`.
"""

from __future__ import annotations

import argparse
import http.client
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

FILES = Path(__file__).parent / "component"
SCRIPT = "/deployments/chatkit/chatkit.js"
FOLDER = "/deployments/chatkit/"
HOLD = 20.0
"""How long a question for commands is held open, in seconds."""
FRAME_FILES = ("frame.html", "frame.js", "frame.css", "conversation.js", "validate.js")
BEFORE_THE_SCRIPT = ("script_404", "script_hangs", "script_syntax_error", "script_cut")


class ComponentStandIn:
    """Serves from a thread of its own while the `with` block lasts. `api_base`: the API the frame talks to
    (without `/v1`); empty: this server answers the frame itself, with an echo."""

    def __init__(self, api_base: str = "", port: int = 0) -> None:
        self.api_base = api_base.rstrip("/")
        self._changed = threading.Condition()
        self._state: dict[str, Any] = {}
        self._fault: dict[str, Any] = {}
        self._times: int | None = None
        self._commands: list[dict[str, Any]] = []
        self._frames = 0
        self._forgotten = 0
        self._closed = False
        self.loads = 0
        """How often the script was asked for."""
        self.outside: list[tuple[str, str]] = []
        """What the frame would have asked other hosts for: (telemetry, image or favicon; address). It asks none."""
        stand_in = self

        class Handler(_Handler):
            owner = stand_in

        self._server = _Server(("127.0.0.1", port), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True)

    def __enter__(self) -> ComponentStandIn:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """What the app is given as the component's address."""
        return f"{self.origin}{SCRIPT}"

    @property
    def state(self) -> dict[str, Any]:
        """What the newest frame last reported; see `state` in component/frame.js."""
        with self._changed:
            return {**self._state, "loads": self.loads}

    def forget(self) -> None:
        """Drop what was reported, and what the frames so far still report, before a page is shown again."""
        with self._changed:
            self._state = {}
            self._forgotten = self._frames

    def wait(self, until: Callable[[dict[str, Any]], Any], limit: float = 60.0) -> dict[str, Any]:
        """The state once `until(state)` is true. Raises TimeoutError after `limit` seconds, with the state in it."""
        deadline = time.monotonic() + limit
        with self._changed:
            while not (self._state and until(self._state)):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"not within {limit} s; last state: {json.dumps(self._state)[:2000]}")
                self._changed.wait(left)
            return dict(self._state)

    def fail(self, name: str, times: int | None = None, **params: Any) -> None:
        """Break from now on, or for the next `times` loads of the script."""
        with self._changed:
            self._fault = {"name": name, **params}
            self._times = times

    def heal(self) -> None:
        with self._changed:
            self._fault = {}
            self._times = None
            self._changed.notify_all()

    def do(self, command: str, **params: Any) -> None:
        """Ask the frame that is open for something, as a person or the API would cause it."""
        with self._changed:
            self._commands.append({"do": command, **params})
            self._changed.notify_all()

    # --- for the handler ---------------------------------------------------------------------------

    def reported(self, state: dict[str, Any]) -> None:
        """Of the newest frame alone: what an earlier one said last may come after the first words of the next."""
        with self._changed:
            if self._forgotten < state["frame"] == self._frames:
                self._state = state
                self._changed.notify_all()

    def commands(self, after: int) -> dict[str, Any]:
        """The commands after number `after`, held until there is one; -1, of a new frame: where the numbers stand now,
        and the frame's own."""
        with self._changed:
            if after < 0:
                self._frames += 1
                self._state = {}
                return {"seq": len(self._commands), "frame": self._frames, "commands": []}
            deadline = time.monotonic() + HOLD
            while len(self._commands) <= after and not self._closed and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            return {"seq": len(self._commands), "commands": self._commands[after:]}

    def fault_for_load(self) -> dict[str, Any]:
        """The fault that this load of the script meets; counts it."""
        with self._changed:
            self.loads += 1
            if self._times is not None:
                self._times -= 1
                if self._times < 0:
                    self._fault, self._times = {}, None
            return dict(self._fault)

    def wait_until_healed(self) -> None:
        with self._changed:
            while self._fault.get("name") == "script_hangs" and not self._closed:
                self._changed.wait(HOLD)

    def frame_status(self) -> int:
        with self._changed:
            return {"frame_404": 404, "frame_400": 400}.get(str(self._fault.get("name")), 200)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A window that closes drops its connections: nothing to say."""


class _Handler(BaseHTTPRequestHandler):
    owner: ClassVar[ComponentStandIn]
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == SCRIPT:
            self._script()
        elif path == "/__state":
            self._json(self.owner.state)
        elif path == "/__commands":
            after = int(parse_qs(urlsplit(self.path).query).get("after", ["-1"])[0])
            self._json(self.owner.commands(after))
        elif path.startswith(FOLDER) and path.removeprefix(FOLDER) in FRAME_FILES:
            name = path.removeprefix(FOLDER)
            if name == "frame.html" and (status := self.owner.frame_status()) != 200:
                self._send(status, b"<!doctype html><h1>Bad request</h1>", "text/html")
                return
            kind = {"html": "text/html", "js": "text/javascript", "css": "text/css"}[name.rsplit(".", 1)[1]]
            self._send(200, (FILES / name).read_bytes(), f"{kind}; charset=utf-8")
        else:
            self._send(404, b"not found", "text/plain")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = urlsplit(self.path).path
        if path == "/__state":
            self.owner.reported(json.loads(body))
            self._json({})
        elif path == "/__outside":
            asked = parse_qs(urlsplit(self.path).query)
            self.owner.outside.append((asked["kind"][0], asked["url"][0]))
            self._json({})
        elif path == "/__control":
            order = json.loads(body)
            if order.pop("heal", False):
                self.owner.heal()
            if "fault" in order:
                self.owner.fail(order.pop("fault"), order.pop("times", None), **order)
            elif "do" in order:
                self.owner.do(order.pop("do"), **order)
            self._json(self.owner.state)
        elif path.startswith("/__api/"):
            self._api(path.removeprefix("/__api"), body)
        else:
            self._send(404, b"not found", "text/plain")

    # --- the script and its faults --------------------------------------------------------------------

    def _script(self) -> None:
        fault = self.owner.fault_for_load()
        name = fault.get("name", "")
        if name == "script_hangs":
            self.owner.wait_until_healed()
            fault, name = {}, ""
        if name == "script_404":
            self._send(404, b"not found", "text/plain")
            return
        told = {} if name in BEFORE_THE_SCRIPT else fault
        source = (
            f"const FAULT = {json.dumps(told)};\n"
            if name != "script_syntax_error"
            else "const FAULT = {};\nthis is not a script;\n"
        )
        source = f"(() => {{\n{source}{_read('loader.js')}\n}})();\n"
        data = source.encode()
        if name == "script_cut":
            self.send_response(200)
            self.send_header("content-type", "text/javascript; charset=utf-8")
            self.send_header("content-length", str(len(data)))
            self.send_header("connection", "close")
            self.end_headers()
            self.wfile.write(data[: len(data) // 2])
            self.close_connection = True
            return
        # [facts] rolling and unversioned: never from a cache here, so that a fault shows on the next load
        self._send(200, data, "text/javascript; charset=utf-8", {"cache-control": "no-store"})

    # --- the API, as the frame sees it --------------------------------------------------------------------

    def _api(self, path: str, body: bytes) -> None:
        if not self.owner.api_base:
            asked = json.loads(body)
            text = f"You said: {asked['text']}" if asked["text"] else ""
            thread = asked["thread_id"] or ("cthr_standin" if text else None)
            self._json({"ok": True, "thread_id": thread, "text": text})
            return
        base = urlsplit(self.owner.api_base)
        made = http.client.HTTPSConnection if base.scheme == "https" else http.client.HTTPConnection
        connection = made(base.hostname or "", base.port, timeout=60)
        try:
            headers = {
                "content-type": "application/json",
                "authorization": self.headers.get("authorization") or "",
                "openai-beta": "chatkit_beta=v1",
            }
            connection.request("POST", f"{base.path}{path}", body, headers)
            answer = connection.getresponse()
            self.send_response(answer.status)
            self.send_header("content-type", answer.headers.get("content-type") or "application/json")
            self.send_header("connection", "close")
            self.end_headers()
            while data := answer.read1(65536):
                self.wfile.write(data)
                self.wfile.flush()
            self.close_connection = True
        except OSError as error:
            self._send(502, json.dumps({"error": {"message": str(error)}}).encode(), "application/json")
        finally:
            connection.close()

    # --- answers ---------------------------------------------------------------------------------------------

    def _json(self, value: Any, status: int = 200) -> None:
        self._send(status, json.dumps(value).encode(), "application/json")

    def _send(self, status: int, data: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


def _read(name: str) -> str:
    return (FILES / name).read_text(encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description="a stand-in for OpenAI's ChatKit component")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--api", default="", help="the API the chat talks to, without /v1; none: messages are echoed")
    args = parser.parse_args()
    with ComponentStandIn(api_base=args.api, port=args.port) as component:
        print(component.url, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
