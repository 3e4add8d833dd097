"""A stand-in for OpenAI's ChatKit API over real HTTP: sessions, threads, items, models, and faults on demand.

In a test: `with ApiStandIn() as api: ... api.base`. For other processes: `python -m tests.standins.api --port N`,
driven over `GET`/`POST /__control`. Every behaviour names its source: [spec] OpenAI's API description of 2026-08,
[sdk] the `openai` package's types, [issue] a report of users, [ours] a choice where nothing is published.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

KEY = "sk-standin-0123456789abcdefghijklmnopqrstuvwxyz"
"""Accepted always. [ours] So is every other `sk-…` key, unless `keys` is given or it contains `wrong` or `revoked`."""
WORKFLOW = "wf_standin0001"
WORKFLOWS = (WORKFLOW, "wf_standin0002")
BODY_LIMIT = 1024 * 1024
Json = dict[str, Any]


@dataclass
class Fault:
    """One fault in force. `times` None: until healed. `on`: only for paths that contain it."""

    name: str
    times: int | None = None
    on: str = ""
    params: Json = field(default_factory=dict)


class Refused(Exception):
    """An error answer in OpenAI's shape: `{"error": {"message", "type", "param", "code"}}` [spec]."""

    def __init__(
        self, status: int, message: str, code: str | None = None, kind: str = "invalid_request_error",
        param: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.status = status
        self.body: Json = {"error": {"message": message, "type": kind, "param": param, "code": code}}


# --- the faults -------------------------------------------------------------------------------

HTML = "<!doctype html><html><head><title>Sign in</title></head><body>Welcome to the hotel network</body></html>"


def _error(message: str, code: str | None = None, kind: str = "invalid_request_error") -> Json:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


# name -> (status, body, headers). The texts are OpenAI's own where they are known.
ANSWERS: dict[str, tuple[int, Json | str, dict[str, str]]] = {
    # [spec] an invalid key: 401, code invalid_api_key; OpenAI repeats part of the key
    "key_rejected": (
        401, _error("Incorrect API key provided: sk-stand*********************wxyz. You can find your API key at "
                    "https://platform.openai.com/account/api-keys.", "invalid_api_key"), {}),
    # a restricted key without the scope
    "key_restricted": (
        403, _error("You have insufficient permissions for this operation. Missing scopes: chatkit.write.",
                    "missing_scope"), {}),
    # [issue starter#36 #37 #70] nearly always the key of another project
    "workflow_not_found": (404, _error("Workflow with id 'wf_standin0001' not found."), {}),
    # [?] what sessions answer after 2026-11-30 is unknown: three guesses
    "workflow_gone_404": (404, _error("Workflow with id 'wf_standin0001' not found."), {}),
    "workflow_gone_403": (403, _error("Hosted workflows are no longer available."), {}),
    "workflow_gone_410": (410, _error("This workflow is gone."), {}),
    # [spec] quota and rate are both 429
    "rate_limited": (
        429, _error("Rate limit reached for requests.", "rate_limit_exceeded", "requests"), {"Retry-After": "1"}),
    "rate_limited_no_header": (429, _error("Rate limit reached for requests.", "rate_limit_exceeded", "requests"), {}),
    "quota_exceeded": (
        429, _error("You exceeded your current quota, please check your plan and billing details.",
                    "insufficient_quota", "insufficient_quota"), {}),
    "bad_request": (400, _error("Invalid value for 'workflow.version'."), {}),
    "server_error_500": (
        500, _error("The server had an error while processing your request.", None, "server_error"), {}),
    "server_error_503": (503, _error("The engine is currently overloaded.", None, "server_error"), {}),
    "overloaded_html_502": (502, "<html><head><title>502 Bad Gateway</title></head><body>cloudflare</body></html>", {}),
    "not_json": (200, "this is not JSON", {"Content-Type": "application/json"}),
    "json_but_wrong": (200, {"object": "something.else"}, {}),
    "empty_body": (200, "", {"Content-Type": "application/json"}),
    "html_200": (200, HTML, {}),
    "html_403": (403, HTML, {}),
    "redirect_elsewhere": (302, "", {"Location": "http://login.portal.test/?next=1"}),
    "redirect_same": (307, "", {"Location": "/v1/elsewhere"}),
    "511": (511, HTML, {}),
    "proxy_auth": (407, "", {"Proxy-Authenticate": 'Basic realm="proxy"'}),
    # error texts as older proxies nest them: error (text), details, details.error(.message), message
    "nested_error_string": (400, {"error": "nested text one"}, {}),
    "nested_details_string": (400, {"details": "nested text two"}, {}),
    "nested_details_error": (400, {"details": {"error": "nested text three"}}, {}),
    "nested_details_error_message": (400, {"details": {"error": {"message": "nested text four"}}}, {}),
    "nested_message": (400, {"message": "nested text five"}, {}),
}  # fmt: skip
SPECIAL = ("slow", "dribble", "reset", "reset_midway", "truncated", "wrong_clock")
FAULTS = (*ANSWERS, *SPECIAL)


# --- what it keeps ----------------------------------------------------------------------------


class World:
    """Sessions, threads and items; every method is called under `lock`."""

    def __init__(self, workflows: tuple[str, ...], keys: tuple[str, ...] | None) -> None:
        self.lock = threading.RLock()
        self.workflows = set(workflows)
        self.keys = None if keys is None else set(keys)
        self.offset = 0.0
        self.counter = itertools.count(1)
        self.sessions: dict[str, Json] = {}
        self.uses: dict[str, list[float]] = {}
        self.threads: dict[str, Json] = {}
        self.items: dict[str, list[Json]] = {}
        self.drift: dict[str, int] = {}
        """By order: entries by which each further page begins too late (one is left out) or, below 0, too early (one
        comes twice): a list that moves while it is read."""

    def now(self) -> float:
        return time.time() + self.offset

    def check_key(self, key: str) -> None:
        known = key in self.keys if self.keys is not None else key.startswith("sk-")
        if not known or "wrong" in key or "revoked" in key:
            shown = f"{key[:8]}{'*' * 12}{key[-4:]}"
            raise Refused(401, f"Incorrect API key provided: {shown}.", "invalid_api_key")

    # -- sessions

    def create_session(self, body: Json) -> Json:
        wanted = check_session_body(body)
        if wanted["workflow"]["id"] not in self.workflows:
            raise Refused(404, f"Workflow with id '{wanted['workflow']['id']}' not found.")
        number = next(self.counter)
        config = wanted["chatkit_configuration"]
        rate = wanted["rate_limits"]["max_requests_per_1_minute"]
        session: Json = {  # [spec] the answer of a create
            "id": f"cksess_standin{number:06d}",
            "object": "chatkit.session",
            "client_secret": f"ek_standin_{number:06d}_secret",
            "expires_at": int(self.now()) + wanted["expires_after"]["seconds"],
            "status": "active",
            "user": wanted["user"],
            "workflow": {
                "id": wanted["workflow"]["id"],
                "version": wanted["workflow"]["version"],
                "state_variables": wanted["workflow"]["state_variables"],
                "tracing": wanted["workflow"]["tracing"],
            },
            "rate_limits": {"max_requests_per_1_minute": rate},
            "max_requests_per_1_minute": rate,
            "chatkit_configuration": config,
        }
        self.sessions[session["id"]] = session
        return session

    def status(self, session: Json) -> str:
        if session["status"] == "active" and self.now() >= session["expires_at"]:
            session["status"] = "expired"
        return str(session["status"])

    def cancel_session(self, session_id: str) -> Json:
        session = self.sessions.get(session_id)
        if session is None:
            raise Refused(404, f"Session with id '{session_id}' not found.")
        self.status(session)
        session["status"] = "cancelled"  # [spec] its secret is refused from then on
        return session

    def by_secret(self, secret: str) -> Json:
        for session in self.sessions.values():
            if session["client_secret"] == secret:
                if self.status(session) != "active":
                    raise Refused(401, f"The client secret is {session['status']}.", "invalid_client_secret")
                return session
        raise Refused(401, "The client secret is not known.", "invalid_client_secret")

    # -- threads

    def add_thread(self, user: str, title: str | None = None, created_at: int | None = None, messages: int = 0) -> str:
        number = next(self.counter)
        thread_id = f"cthr_standin{number:06d}"
        self.threads[thread_id] = {
            "id": thread_id,
            "object": "chatkit.thread",
            "created_at": int(self.now()) if created_at is None else created_at,
            "status": {"type": "active"},
            "title": title,
            "user": user,
        }
        self.items[thread_id] = []
        for index in range(messages):
            if index % 2 == 0:
                self.add_message(thread_id, f"Question {index // 2 + 1}")
            else:
                self.add_answer(thread_id, f"Answer {index // 2 + 1}")
        return thread_id

    def add_item(self, thread_id: str, kind: str, fields: Json) -> Json:
        item: Json = {
            "id": f"cthi_standin{next(self.counter):08d}",
            "object": "chatkit.thread_item",
            "created_at": self.threads[thread_id]["created_at"] + len(self.items[thread_id]),
            "thread_id": thread_id,
            "type": kind,
            **fields,
        }
        self.items[thread_id].append(item)
        return item

    def add_message(self, thread_id: str, text: str) -> Json:
        content = [{"type": "input_text", "text": text}]
        return self.add_item(
            thread_id, "chatkit.user_message", {"content": content, "attachments": [], "inference_options": None}
        )

    def add_answer(self, thread_id: str, text: str) -> Json:
        content = [{"type": "output_text", "text": text, "annotations": []}]
        return self.add_item(thread_id, "chatkit.assistant_message", {"content": content})

    def add_one_of_each(self, thread_id: str) -> None:
        """An item of every type that the API lists [spec]."""
        self.add_message(thread_id, "One of each, please: <b>bold</b> & *stars*")
        self.items[thread_id][-1]["content"].append({"type": "quoted_text", "text": "what was said before"})
        self.items[thread_id][-1]["attachments"].append(
            {"id": "file_1", "type": "file", "name": "plan.pdf", "mime_type": "application/pdf", "preview_url": None}
        )
        answer = self.add_answer(thread_id, "Here they are")
        answer["content"][0]["annotations"] = [
            {"type": "url", "source": {"type": "url", "url": "https://example.test/a"}},
            {"type": "file", "source": {"type": "file", "filename": "plan.pdf"}},
        ]
        self.add_item(thread_id, "chatkit.widget", {"widget": json.dumps({"type": "Card", "children": []})})
        self.add_item(
            thread_id,
            "chatkit.client_tool_call",
            {"arguments": '{"theme": "dark"}', "call_id": "call_1", "name": "switch_theme", "output": '{"ok": true}',
             "status": "completed"},
        )  # fmt: skip
        task = {"heading": "Thinking", "summary": "about it"}
        self.add_item(thread_id, "chatkit.task", {"task_type": "thought", **task})
        self.add_item(thread_id, "chatkit.task_group", {"tasks": [{"type": "custom", **task}]})

    def thread(self, thread_id: str) -> Json:
        if thread_id not in self.threads:
            raise Refused(404, f"Thread with id '{thread_id}' not found.")
        return self.threads[thread_id]

    def delete_thread(self, thread_id: str) -> Json:
        self.thread(thread_id)
        del self.threads[thread_id], self.items[thread_id]
        return {"id": thread_id, "object": "chatkit.thread.deleted", "deleted": True}  # [sdk]

    def list_threads(self, query: dict[str, str]) -> Json:
        user = query.pop("user", None)
        order = {thread_id: index for index, thread_id in enumerate(self.threads)}
        chosen = [thread for thread in self.threads.values() if user is None or thread["user"] == user]
        chosen.sort(key=lambda thread: (thread["created_at"], order[thread["id"]]))
        return page(chosen, query, self.drift)

    def list_items(self, thread_id: str, query: dict[str, str]) -> Json:
        self.thread(thread_id)
        return page(self.items[thread_id], query, self.drift)

    # -- what the component's frame calls

    def converse(self, session: Json, body: Json) -> Json:
        """[ours] The real frame speaks a protocol that is not published; this is enough to show that a secret works."""
        recent = [at for at in self.uses.get(session["id"], []) if at > self.now() - 60]
        if len(recent) >= session["max_requests_per_1_minute"]:
            raise Refused(429, "Rate limit reached for this session.", "rate_limit_exceeded", "requests")
        self.uses[session["id"]] = [*recent, self.now()]
        text = str(body.get("text") or "")
        thread_id = body.get("thread_id")
        if not text:  # a mount without a message
            return {"ok": True, "thread_id": thread_id, "text": "", "user": session["user"]}
        if thread_id is None:
            titled = session["chatkit_configuration"]["automatic_thread_titling"]["enabled"]
            thread_id = self.add_thread(session["user"], text[:40] if titled else None)
        elif self.thread(thread_id)["user"] != session["user"]:  # [spec] threads belong to their user
            raise Refused(404, f"Thread with id '{thread_id}' not found.")
        self.add_message(thread_id, text)
        answer = f"You said: {text}"
        self.add_answer(thread_id, answer)
        title = self.threads[thread_id]["title"]
        return {"ok": True, "thread_id": thread_id, "text": answer, "title": title, "user": session["user"]}


def page(entries: list[Json], query: dict[str, str], drift: dict[str, int] | None = None) -> Json:
    """A page of `entries` (oldest first). [spec] after, before, limit (at most 100, 20), order (asc | desc).

    [ours] `after` and `before` are read in the order asked for; `before` gives the entries just before it.
    """
    order = query.pop("order", "desc")
    limit_text = query.pop("limit", "20")
    after, before = query.pop("after", None), query.pop("before", None)
    if query:
        raise Refused(400, f"Unknown parameter: '{next(iter(query))}'.", "unknown_parameter")
    if order not in ("asc", "desc"):
        raise Refused(400, f"Invalid value: '{order}'.", "invalid_value", param="order")
    if not limit_text.isdigit() or not 0 <= int(limit_text) <= 100:
        raise Refused(400, f"Invalid 'limit': '{limit_text}'.", "invalid_value", param="limit")
    limit = int(limit_text)
    listed = entries if order == "asc" else entries[::-1]
    places = {entry["id"]: index for index, entry in enumerate(listed)}
    for name, cursor in (("after", after), ("before", before)):
        if cursor is not None and cursor not in places:
            raise Refused(400, f"Invalid '{name}': '{cursor}'.", "invalid_value", param=name)
    start = max(0, places[after] + 1 + (drift or {}).get(order, 0)) if after is not None else 0
    end = places[before] if before is not None else len(listed)
    window = listed[start:end]
    backwards = before is not None and after is None
    chosen = window[len(window) - limit if len(window) > limit else 0 :] if backwards else window[:limit]
    return {
        "object": "list",
        "data": chosen,
        "first_id": chosen[0]["id"] if chosen else None,
        "last_id": chosen[-1]["id"] if chosen else None,
        "has_more": len(window) > len(chosen),
    }


# --- the body of a session [spec] -------------------------------------------------------------


def check_session_body(body: Json) -> Json:
    """The body with the API's defaults filled in; Refused where it is not as the spec says."""
    _names(body, "", {"user", "workflow", "expires_after", "rate_limits", "chatkit_configuration"})
    user = body.get("user")
    if not isinstance(user, str) or not user:
        raise Refused(400, "Missing required parameter: 'user'.", "missing_required_parameter", param="user")
    workflow = _part(body, "workflow", {"id", "version", "state_variables", "tracing"})
    if not isinstance(workflow.get("id"), str) or not workflow["id"]:
        raise Refused(400, "Missing required parameter: 'workflow.id'.", "missing_required_parameter")
    version = workflow.get("version")
    if "version" in workflow and not isinstance(version, str):
        raise _invalid("workflow.version")
    variables = workflow.get("state_variables", {})
    if not isinstance(variables, dict) or len(variables) > 64:
        raise _invalid("workflow.state_variables")
    for name, value in variables.items():
        if len(name) > 64 or not isinstance(value, str | int | float | bool):
            raise _invalid(f"workflow.state_variables.{name[:70]}")
    tracing = _part(workflow, "tracing", {"enabled"}, "workflow.")
    expires = _part(body, "expires_after", {"anchor", "seconds"})
    if expires and expires.get("anchor") != "created_at":
        raise _invalid("expires_after.anchor")
    rates = _part(body, "rate_limits", {"max_requests_per_1_minute"})
    config = _part(body, "chatkit_configuration", {"automatic_thread_titling", "file_upload", "history"})
    where = "chatkit_configuration."
    titling = _part(config, "automatic_thread_titling", {"enabled"}, where)
    upload = _part(config, "file_upload", {"enabled", "max_file_size", "max_files"}, where)
    history = _part(config, "history", {"enabled", "recent_threads"}, where)
    return {
        "user": user,
        "workflow": {
            "id": workflow["id"],
            "version": version,
            "state_variables": variables or None,
            "tracing": {"enabled": _flag(tracing, "enabled", True)},
        },
        "expires_after": {"seconds": _number(expires, "seconds", 600, 1, 600)},
        "rate_limits": {
            "max_requests_per_1_minute": _number(rates, "max_requests_per_1_minute", 10, 1, None)  # only 10
        },
        "chatkit_configuration": {
            "automatic_thread_titling": {"enabled": _flag(titling, "enabled", True)},
            "file_upload": {
                "enabled": _flag(upload, "enabled", False),
                "max_file_size": _number(upload, "max_file_size", 512, 1, 512),
                "max_files": _number(upload, "max_files", 10, 1, None),
            },
            "history": {
                "enabled": _flag(history, "enabled", True),
                "recent_threads": _number(history, "recent_threads", None, 1, None),
            },
        },
    }


def _invalid(name: str) -> Refused:
    return Refused(400, f"Invalid value for '{name}'.", "invalid_value", param=name)


def _names(part: Json, where: str, known: set[str]) -> None:
    for name in part:
        if name not in known:
            raise Refused(400, f"Unknown parameter: '{where}{name}'.", "unknown_parameter", param=f"{where}{name}")


def _part(body: Json, name: str, known: set[str], where: str = "") -> Json:
    part = body.get(name, {})
    if not isinstance(part, dict):
        raise _invalid(where + name)
    _names(part, f"{where}{name}.", known)
    return part


def _flag(part: Json, name: str, default: bool) -> bool:
    value = part.get(name, default)
    if not isinstance(value, bool):
        raise _invalid(name)
    return value


def _number(part: Json, name: str, default: int | None, low: int, high: int | None) -> int | None:
    if name not in part:
        return default
    value = part[name]
    if not isinstance(value, int) or isinstance(value, bool) or value < low or (high is not None and value > high):
        raise _invalid(name)
    return value


# --- HTTP -------------------------------------------------------------------------------------


class Server(ThreadingHTTPServer):
    """Remembers its connections, so that closing it leaves no socket and no thread behind."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    allow_reuse_address = os.name == "posix"  # so that it can come back on its port; on Windows it means another thing

    def __init__(self, port: int, handler: Callable[..., BaseHTTPRequestHandler], tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", port), handler)
        self.tls = tls
        self.open: set[socket.socket] = set()
        self.open_lock = threading.Lock()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        sock: socket.socket = request
        try:
            if self.tls is not None:
                sock.settimeout(10)
                sock = self.tls.wrap_socket(sock, server_side=True)  # in the thread: a slow handshake stops nobody
                sock.settimeout(None)
            with self.open_lock:
                self.open.add(sock)
            self.finish_request(sock, client_address)
        except OSError:  # the client went away, or refused our certificate: both are wanted
            pass
        finally:
            with self.open_lock:
                self.open.discard(sock)
            self.shutdown_request(sock)

    def close_all(self) -> None:
        with self.open_lock:
            for sock in self.open:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)


class ApiStandIn:
    """The stand-in in this process. `base` is what goes into `network.api_base`."""

    def __init__(
        self,
        port: int = 0,
        *,
        delay: float = 0.0,
        workflows: tuple[str, ...] = WORKFLOWS,
        keys: tuple[str, ...] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.delay = delay
        self.world = World(workflows, keys)
        self.requests: list[Json] = []
        self.faults: list[Fault] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._options = (port, tls)
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    # -- life

    def __enter__(self) -> ApiStandIn:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        port, tls = self._options

        def handler(*args: Any) -> Handler:
            return Handler(self, *args)

        self._stopping.clear()
        self._server = Server(port, handler, tls)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.005}, name="api-standin", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Ends everything. The port can be taken again by `start` (`ApiStandIn(port=...)`)."""
        server, self._server = self._server, None
        if server is None or self._thread is None:
            return
        self._options = (server.server_port, self._options[1])
        self._stopping.set()
        server.shutdown()
        server.server_close()
        server.close_all()
        self._thread.join(5)

    @property
    def port(self) -> int:
        return self._server.server_port if self._server else self._options[0]

    @property
    def base(self) -> str:
        return f"https://localhost:{self.port}" if self._options[1] else f"http://127.0.0.1:{self.port}"

    # -- control

    def fail(self, name: str, times: int | None = None, *, on: str = "", **params: Any) -> None:
        """From now on (or `times` times) requests fail as `name`; `on` narrows it to paths that contain it.

        Params: `status`, `headers`, `seconds` (slow, dribble), `offset` (wrong_clock), `message`.
        """
        if name not in FAULTS:
            raise ValueError(f"no such fault: {name}")
        with self._lock:
            self.faults.append(Fault(name, times, on, params))

    def heal(self) -> None:
        with self._lock:
            self.faults.clear()

    def expire(self, session_id: str | None = None) -> None:
        """Ends the life of one session, or of all."""
        with self.world.lock:
            for session in self.world.sessions.values():
                if session_id in (None, session["id"]) and session["status"] == "active":
                    session["status"] = "expired"

    def paths(self, method: str = "") -> list[str]:
        """The paths asked for, in order."""
        return [seen["path"] for seen in list(self.requests) if method in ("", seen["method"])]

    def snapshot(self) -> Json:
        """What `GET /__control` answers."""
        with self.world.lock, self._lock:
            for session in self.world.sessions.values():
                self.world.status(session)
            return {
                "requests": list(self.requests),
                "sessions": list(self.world.sessions.values()),
                "threads": list(self.world.threads.values()),
                "faults": [vars(fault) for fault in self.faults],
                "delay": self.delay,
            }

    def control(self, body: Json) -> Json:
        """What `POST /__control` does: fail (with times, on, params), heal, delay, expire (true or an id), advance
        (seconds), workflows, keys, threads [{user, title, messages, created_at}], forget (the record of requests)."""
        if body.get("heal"):
            self.heal()
        if "fail" in body:
            self.fail(body["fail"], body.get("times"), on=body.get("on", ""), **body.get("params", {}))
        if "delay" in body:
            self.delay = float(body["delay"])
        if "expire" in body:
            self.expire(None if body["expire"] is True else str(body["expire"]))
        made: list[str] = []
        with self.world.lock:
            self.world.offset += float(body.get("advance", 0))
            if "workflows" in body:
                self.world.workflows = set(body["workflows"])
            if "keys" in body:
                self.world.keys = None if body["keys"] is None else set(body["keys"])
            made = [self.world.add_thread(**thread) for thread in body.get("threads", [])]
        if body.get("forget"):
            with self._lock:
                self.requests.clear()
        return {"ok": True, "threads": made}

    # -- used by the handler

    def record(self, entry: Json) -> None:
        with self._lock:
            self.requests.append(entry)

    def take_fault(self, path: str) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if fault.on in path:
                    if fault.times is not None:
                        fault.times -= 1
                        if fault.times <= 0:
                            self.faults.remove(fault)
                    return fault
        return None

    def wait(self, seconds: float | None) -> None:
        """Ends early when the stand-in stops."""
        if seconds is None or seconds > 0:
            self._stopping.wait(seconds)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "standin"
    sys_version = ""
    disable_nagle_algorithm = True
    timeout = 60

    def __init__(self, standin: ApiStandIn, *args: Any) -> None:
        self.standin = standin
        self.date: float | None = None
        super().__init__(*args)

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def date_time_string(self, timestamp: float | None = None) -> str:
        return formatdate(self.date if self.date is not None else timestamp, usegmt=True)

    def do_GET(self) -> None:
        self.handle_any()

    def do_POST(self) -> None:
        self.handle_any()

    def do_DELETE(self) -> None:
        self.handle_any()

    def do_PUT(self) -> None:
        self.handle_any()

    def do_OPTIONS(self) -> None:
        """The preflight of a frame on another origin; the frame itself talks to the API [docs]."""
        self.answer(204, None)

    def handle_any(self) -> None:
        self.date = None
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > BODY_LIMIT:
            self.close_connection = True
            self.answer(413, _error("Request too large."))
            return
        raw = self.rfile.read(int(length))
        parts = urlsplit(self.path)
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            body = raw.decode("utf-8", "replace")
        if parts.path == "/__control":
            self.handle_control(body)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        entry = {
            "method": self.command, "path": parts.path, "query": parts.query, "headers": headers, "body": body,
            "at": time.time(), "host": headers.get("host", ""),
        }  # fmt: skip
        self.standin.record(entry)
        self.standin.wait(self.standin.delay)
        fault = self.standin.take_fault(parts.path)
        if fault is not None:
            entry["fault"] = fault.name
            self.play(fault)
            return
        try:
            with self.standin.world.lock:
                found = json.dumps(self.route(parts.path, parts.query, body)).encode()
            self.answer(200, found)
        except Refused as refused:
            self.answer(refused.status, refused.body)

    def handle_control(self, body: Any) -> None:
        try:
            found = self.standin.control(body) if self.command == "POST" else self.standin.snapshot()
        except (ValueError, TypeError, KeyError) as error:
            self.answer(400, {"ok": False, "problem": repr(error)})
        else:
            self.answer(200, found)

    def route(self, path: str, query: str, body: Any) -> Json:
        world = self.standin.world
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        if kind != "Bearer" or not token:
            raise Refused(401, "You didn't provide an API key.")
        if self.command == "POST" and not isinstance(body, dict) and not path.endswith("/cancel"):
            raise Refused(400, "We could not parse the JSON body of your request.")
        if (self.command, path) == ("POST", "/v1/chatkit/conversation"):
            return world.converse(world.by_secret(token), body)
        world.check_key(token)
        asked = {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}
        if (self.command, path) == ("GET", "/v1/models"):  # [sdk]
            model = {"id": "gpt-standin", "object": "model", "created": 1_700_000_000, "owned_by": "standin"}
            return {"object": "list", "data": [model]}
        if self.headers.get("OpenAI-Beta") != "chatkit_beta=v1":  # [spec]
            raise Refused(400, "You must provide the 'OpenAI-Beta' header to access this API.", "invalid_beta")
        if (self.command, path) == ("POST", "/v1/chatkit/sessions"):
            return world.create_session(body)
        if self.command == "POST" and (found := re.fullmatch(r"/v1/chatkit/sessions/([^/]+)/cancel", path)):
            return world.cancel_session(unquote(found[1]))
        if (self.command, path) == ("GET", "/v1/chatkit/threads"):
            return world.list_threads(asked)
        if found := re.fullmatch(r"/v1/chatkit/threads/([^/]+)", path):
            if self.command == "GET":
                return world.thread(unquote(found[1]))
            if self.command == "DELETE":
                return world.delete_thread(unquote(found[1]))
        if self.command == "GET" and (found := re.fullmatch(r"/v1/chatkit/threads/([^/]+)/items", path)):
            return world.list_items(unquote(found[1]), asked)
        raise Refused(404, f"Invalid URL ({self.command} {path})")

    # -- answering

    def answer(self, status: int, body: Json | str | bytes | None, extra: dict[str, str] | None = None) -> None:
        raw, kind = self.encode(body)
        self.begin(status, {"Content-Type": kind, "Content-Length": str(len(raw)), **(extra or {})})
        if self.command != "HEAD":
            self.wfile.write(raw)

    def encode(self, body: Json | str | bytes | None) -> tuple[bytes, str]:
        if isinstance(body, str):
            return body.encode(), "text/html; charset=utf-8"
        if isinstance(body, bytes):
            return body, "application/json"
        return (b"" if body is None else json.dumps(body).encode()), "application/json"

    def begin(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        if status == 204:
            headers = {name: value for name, value in headers.items() if not name.startswith("Content-")}
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("x-request-id", f"req_standin{len(self.standin.requests)}")
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS")
        self.send_header("Access-Control-Allow-Headers", "authorization, content-type, openai-beta")
        self.send_header("Access-Control-Allow-Private-Network", "true")
        self.send_header("Access-Control-Max-Age", "600")
        self.end_headers()

    def play(self, fault: Fault) -> None:
        if fault.name in ANSWERS:
            status, body, headers = ANSWERS[fault.name]
            if "message" in fault.params:
                body = _error(fault.params["message"])
            self.answer(int(fault.params.get("status", status)), body, {**headers, **fault.params.get("headers", {})})
            return
        self.close_connection = True
        whole = json.dumps({"id": "cksess_x", "padding": "x" * 2000}).encode()
        begun = {"Content-Type": "application/json", "Content-Length": str(len(whole))}
        if fault.name == "slow":  # no answer for `seconds`, or until the stand-in stops
            self.standin.wait(fault.params.get("seconds"))
        elif fault.name == "dribble":  # an answer that does not end
            self.begin(200, begun)
            with contextlib.suppress(OSError):
                for byte in whole:
                    self.wfile.write(bytes([byte]))
                    self.standin.wait(float(fault.params.get("seconds", 0.05)))
        elif fault.name == "truncated":  # ends cleanly, before the length it promised
            self.begin(200, begun)
            self.wfile.write(whole[:500])
        elif fault.name == "reset_midway":
            self.begin(200, begun)
            self.wfile.write(whole[:500])
            self.wfile.flush()
            self.standin.wait(0.2)  # let the first part arrive: a reset throws away what is not yet read
            self.reset()
        elif fault.name == "reset":
            self.reset()
        elif fault.name == "wrong_clock":
            self.date = time.time() + float(fault.params.get("offset", 86_400 * 30))
            status, body, headers = ANSWERS["key_rejected"]
            self.answer(status, body, headers)

    def reset(self) -> None:
        """Closes with RST: no lingering."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if isinstance(self.connection, ssl.SSLSocket):
            socket.socket(fileno=self.connection.detach()).close()
        else:
            # rfile and wfile hold the descriptor too; only the last to close sends the reset.
            self.rfile.close()
            self.connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--workflow", action="append", help="a workflow id that exists; may be repeated")
    args = parser.parse_args()
    standin = ApiStandIn(args.port, delay=args.delay, workflows=tuple(args.workflow or WORKFLOWS))
    standin.start()
    print(
        json.dumps({"base": standin.base, "key": KEY, "workflow": args.workflow[0] if args.workflow else WORKFLOW}),
        flush=True,
    )
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        pass
    finally:
        standin.stop()


if __name__ == "__main__":
    main()
