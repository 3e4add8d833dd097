"""A stand-in for an OpenAI-compatible endpoint (Ollama, LM Studio, a gateway) over real HTTP: what a check asks of it.

`EndpointStandIn(models=…, protocols=…, keys=…, lists=…, root=…)`. Behaviour named by its source: [ollama] 0.12,
[vllm] 0.11, [lmstudio] 0.3, [azure] its reference of 2024-10-21, [ours] a choice. Answers nothing that streams.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qsl

Kind = Literal["api", "website", "lmstudio"]
PATHS = {"/chat/completions": "chat_completions", "/responses": "responses"}


class EndpointStandIn:
    """`kind` website: a web server that is no API at all; lmstudio: unknown paths are answered 200 with an error.

    `keys` None: none is asked for. `lists` False: a gateway that has no list of models; a number: the status it is
    refused with. `root`: where its API is, "" for the host itself; `query`: what every call has to bring [azure], and
    then the key stands in `api-key`. `listing`: what the list of models answers in place of OpenAI's shape; a function
    is given the query. `lax`: a model of any name answers. Attributes may be changed while it runs; `requests` are
    (method, path, authorization, body).
    """

    def __init__(
        self,
        models: tuple[str, ...] = ("llama3.2:latest", "qwen3:8b"),
        *,
        protocols: tuple[str, ...] = ("chat_completions",),
        keys: set[str] | None = None,
        lists: bool | int = True,
        kind: Kind = "api",
        root: str = "/v1",
        query: Mapping[str, str] | None = None,
        listing: Any = None,
        lax: bool = False,
        host: str = "127.0.0.1",
    ) -> None:
        self.root = root
        self.query = dict(query or {})
        self.listing = listing
        self.lax = lax
        self.models = models
        self.protocols = protocols
        self.keys = keys
        self.lists = lists
        self.kind = kind
        self.requests: list[tuple[str, str, str, Any]] = []
        self.hosts: list[str] = []
        standin = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                pass

            def do_GET(self) -> None:
                self._answer()

            def do_POST(self) -> None:
                self._answer()

            def _answer(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                body = json.loads(raw) if raw else None
                authorization = self.headers.get("api-key" if standin.query else "Authorization", "")
                standin.hosts.append(self.headers.get("Host", ""))
                standin.requests.append((self.command, self.path, authorization, body))
                status, said = standin.answer(self.command, self.path, authorization, body)
                data = said.encode() if isinstance(said, str) else json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Type", "text/html" if isinstance(said, str) else "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self._server = ThreadingHTTPServer((host, 0), Handler)
        self._server.daemon_threads = True

    def __enter__(self) -> EndpointStandIn:
        threading.Thread(target=self._server.serve_forever, args=(0.005,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def answer(self, method: str, target: str, authorization: str, body: Any) -> tuple[int, Any]:
        """Status, and JSON or a web page."""
        path, _, query = target.partition("?")
        asked = dict(parse_qsl(query))
        if self.kind == "website":
            return (200, "<!doctype html><title>Router</title>") if path == "/" else (404, "<!doctype html>not found")
        if self.keys is not None and authorization.removeprefix("Bearer ") not in self.keys:
            return 401, _error("Invalid API key", "invalid_api_key")
        if any(asked.get(name) != value for name, value in self.query.items()):
            return 404, _error("Resource not found", "404")  # [azure]
        within = path.removeprefix(self.root) if path.startswith(f"{self.root}/") else ""
        if (method, within) == ("GET", "/models") and self.lists is not True and self.lists is not False:
            return self.lists, _error("No list here", None)
        if (method, within) == ("GET", "/models") and self.listing is not None:
            return 200, self.listing(asked) if callable(self.listing) else self.listing
        if (method, within) == ("GET", "/models") and self.lists:
            return 200, {"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]}
        if method == "POST" and PATHS.get(within) in self.protocols and isinstance(body, dict):
            return self._call(body)
        if self.kind == "lmstudio":
            return 200, {"error": f"Unexpected endpoint or method. ({method} {path})"}
        return 404, {"detail": "Not Found"}  # [vllm]

    def _call(self, body: dict[str, Any]) -> tuple[int, Any]:
        if body.get("model") not in self.models and not self.lax:
            return 404, _error(f"model '{body.get('model')}' not found", "model_not_found")  # [ollama]
        if not body.get("messages") and not body.get("input"):
            return 400, _error("[] is too short - 'messages'", None)  # [ollama]
        return 200, {"id": "answer_1", "object": "answer"}


def _error(message: str, code: str | None) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}
