"""An authorization server on this computer (OAuth 2.1 with PKCE, RFC 8414, 7591, 9207), and a protected MCP server
beside it; each can be told to do what an attacker's would."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import urllib.request
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.standins.mcp_http import Answer, Asked, McpHttp

Json = dict[str, Any]
RESOURCE = "/.well-known/oauth-protected-resource"


@dataclass
class Issuer:
    """Use it as a context manager; `base` is its issuer identifier."""

    metadata: Json = field(default_factory=dict)
    """In the place of what it would say; a value of None leaves the name out."""
    padding: int = 0
    """Characters that its metadata is longer."""
    openid: bool = False
    """Whether its metadata stands where OpenID Connect has it."""
    registers: int = 201
    """The status that a registration is answered with."""
    known: dict[str, str] = field(default_factory=dict)
    """Clients that somebody registered by hand: id -> secret, empty for none."""
    method: str = "none"
    """How clients that register prove themselves at the token endpoint."""
    denies: bool = False
    back: Json = field(default_factory=dict)
    """In the place of what it sends back with the browser; None leaves the name out."""
    redirects_to: str = ""
    """In the place of where the app wants the browser back."""
    lives: int | None = 3600
    """Seconds of a token; None: it does not say."""
    refresh: int = 200
    """The status that a renewal is answered with."""
    access: str = ""
    """In the place of a token of its own making."""
    answer: Answer | None = None
    """To everything."""

    def __post_init__(self) -> None:
        self.valid: dict[str, str] = {}
        """Access tokens that count, and their scopes."""
        self.clients: dict[str, Json] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.renewals: dict[str, str] = {}
        """Refresh tokens that count, and their scopes."""
        self.asked: list[tuple[str, dict[str, str]]] = []
        """Paths, and what was sent."""
        self.given: list[str] = []
        """Every secret that it ever gave."""
        self.headers: list[dict[str, str]] = []
        house = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                house._meet(self)

            do_POST = do_GET  # noqa: N815 - http.server's name

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Issuer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]

    def forget(self) -> None:
        """The access tokens that it gave count no more."""
        self.valid.clear()

    # --- HTTP -------------------------------------------------------------------------------------

    def _meet(self, handler: BaseHTTPRequestHandler) -> None:
        size = int(handler.headers.get("Content-Length") or 0)
        raw = handler.rfile.read(size).decode() if size else ""
        parts = urlsplit(handler.path)
        json_ = handler.headers.get("Content-Type", "").startswith("application/json")
        flat = json.loads(raw) if json_ else {k: v[0] for k, v in parse_qs(raw or parts.query).items()}
        self.asked.append((parts.path, flat))
        self.headers.append({name.lower(): value for name, value in handler.headers.items()})
        status, headers, body = self.answer or self._answer(parts.path, flat, handler)
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        try:
            handler.wfile.write(body)
        except OSError:
            pass  # it read as much as it wanted

    def _answer(self, path: str, given: Json, handler: BaseHTTPRequestHandler) -> Answer:
        where = "/.well-known/openid-configuration" if self.openid else "/.well-known/oauth-authorization-server"
        if path == where:
            return _json(self._metadata())
        if path == "/register":
            return self._register(given)
        if path == "/authorize":
            return self._authorize(given)
        if path == "/token":
            return self._token(given, handler.headers.get("Authorization", ""))
        return 404, {}, b"not here"

    def _metadata(self) -> Json:
        said = {
            "issuer": self.base,
            "authorization_endpoint": f"{self.base}/authorize",
            "token_endpoint": f"{self.base}/token",
            "registration_endpoint": f"{self.base}/register",
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": [self.method],
            "authorization_response_iss_parameter_supported": True,
            **self.metadata,
        }
        if self.padding:
            said["padding"] = "x" * self.padding
        return {name: value for name, value in said.items() if value is not None}

    def _register(self, given: Json) -> Answer:
        if self.registers not in (200, 201):
            return _json({"error": "access_denied", "error_description": "Registration is closed"}, self.registers)
        client = f"client-{secrets.token_hex(4)}"
        made = {**given, "client_id": client, "token_endpoint_auth_method": self.method}
        if self.method != "none":
            made["client_secret"] = secrets.token_urlsafe(24)
            self.given.append(made["client_secret"])
        self.clients[client] = made
        return _json(made, self.registers)

    def _authorize(self, given: Json) -> Answer:
        client, there = given.get("client_id", ""), given.get("redirect_uri", "")
        registered = self.clients.get(client)
        if registered is None and client not in self.known:
            return 400, {}, b"unknown client"
        if registered is not None and there not in registered["redirect_uris"]:
            return 400, {}, b"another redirect"
        if given.get("code_challenge_method") != "S256" or given.get("response_type") != "code":
            return 400, {}, b"no PKCE"
        code = secrets.token_urlsafe(24)
        self.given.append(code)
        self.codes[code] = {str(name): str(value) for name, value in given.items()}
        back: Json = {"code": code, "state": given.get("state"), "iss": self.base}
        if self.denies:
            back = {"error": "access_denied", "state": given.get("state"), "iss": self.base}
        back = {name: value for name, value in {**back, **self.back}.items() if value is not None}
        return 302, {"Location": f"{self.redirects_to or there}?{urlencode(back)}"}, b""

    def _token(self, given: Json, basic: str) -> Answer:
        client = given.get("client_id", "")
        secret = given.get("client_secret", "")
        if basic.startswith("Basic "):
            client, _, secret = base64.b64decode(basic[6:]).decode().partition(":")
        wanted = self.clients.get(client, {}).get("client_secret", self.known.get(client, ""))
        if (client not in self.clients and client not in self.known) or secret != wanted:
            return _json({"error": "invalid_client"}, 401)
        if given.get("grant_type") == "refresh_token":
            if self.refresh != 200:
                return _json({"error": "invalid_grant", "error_description": "The grant was withdrawn"}, self.refresh)
            scope = self.renewals.pop(given.get("refresh_token", ""), None)
            return self._tokens(scope) if scope is not None else _json({"error": "invalid_grant"}, 400)
        begun = self.codes.pop(given.get("code", ""), None)
        proof = base64.urlsafe_b64encode(hashlib.sha256(given.get("code_verifier", "").encode()).digest()).decode()
        if begun is None or begun["client_id"] != client or begun["redirect_uri"] != given.get("redirect_uri"):
            return _json({"error": "invalid_grant"}, 400)
        if proof.rstrip("=") != begun["code_challenge"] or begun.get("resource") != given.get("resource"):
            return _json({"error": "invalid_grant", "error_description": "PKCE"}, 400)
        return self._tokens(begun.get("scope", ""))

    def _tokens(self, scope: str) -> Answer:
        access, refresh = self.access or secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        self.valid[access] = scope
        self.renewals[refresh] = scope
        self.given += [access, refresh]
        said: Json = {"access_token": access, "token_type": "bearer", "refresh_token": refresh, "scope": scope}
        if self.lives is not None:
            said["expires_in"] = self.lives
        return _json(said)


def protected(
    issuer: Issuer, *, needs: str = "", resource: Json | None = None, header: str = "", **more: Any
) -> McpHttp:
    """An MCP server whose tools want a token of `issuer`. `needs`: a scope that calls of tools want beside. `resource`:
    in the place of what it says of itself; `header`: in the place of its challenge."""
    server = McpHttp(**more)

    def guard(asked: Asked) -> Answer | None:
        path = urlsplit(asked.path).path
        if path.startswith("/.well-known/"):
            if path != f"{RESOURCE}/mcp":
                return 404, {}, b"not here"
            said = {"resource": server.url, "authorization_servers": [issuer.base], "scopes_supported": ["read"]}
            return _json({**said, **(resource or {})})
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in issuer.valid:
            told = header or f'Bearer error="invalid_token", resource_metadata="{server.origin}{RESOURCE}/mcp"'
            return 401, {"WWW-Authenticate": told}, b'{"error": "invalid_token"}'
        if needs and asked.body.get("method") == "tools/call" and needs not in issuer.valid[token].split():
            told = (
                f'Bearer error="insufficient_scope", scope="{needs}", resource_metadata="{server.origin}{RESOURCE}/mcp"'
            )
            return 403, {"WWW-Authenticate": told}, b""
        return None

    server.guard = guard
    return server


def _json(said: Json, status: int = 200) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(said).encode()


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def get(url: str) -> tuple[int, dict[str, str], str]:
    """One request of a browser, no redirect followed: status, headers, body."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay)
    try:
        with opener.open(url, timeout=30) as answer:
            return answer.status, dict(answer.headers.items()), answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, dict(error.headers.items()), error.read().decode()


class Browser:
    """Follows where it is sent, as a person who says yes; `seen`: the addresses, `pages`: what it shows at the end."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.pages: list[tuple[int, str]] = []

    def __call__(self, url: str) -> None:
        for _ in range(5):
            self.seen.append(url)
            status, headers, body = get(url)
            if status not in (301, 302, 303, 307):
                self.pages.append((status, body))
                return
            url = headers["Location"]
