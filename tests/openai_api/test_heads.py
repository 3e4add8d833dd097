"""Heads of answers that come a byte at a time, over real HTTP: they have one limit, told as a time-out."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator

import httpx
import pytest

from desktop.agents.models import failures
from desktop.agents.models.endpoints import asked_of, make_client
from desktop.openai_api.client import ApiClient
from desktop.openai_api.errors import TimedOut
from desktop.openai_api.transport import Endpoint as Route
from desktop.openai_api.transport import build
from desktop.settings.agents import Endpoint

LIMIT = 0.6
EVERY = 0.1
"""Far within the limit of a single byte."""
MOST = 600
"""Bytes of a head that never ends: a minute, if nobody gives up."""
BODY = b'{"object": "list", "data": []}'
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY)
INTERIM = b"HTTP/1.1 103 Early Hints\r\n\r\n"


class Slow:
    """Answers each request with `pieces`, one every `EVERY` seconds, over connections that stay open."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces
        self._over = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(0.05)
        self.base = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(5)
        self._socket.close()

    def _accept(self) -> None:
        while not self._over.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _ = self._socket.accept()
                thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(5)
        with connection, contextlib.suppress(OSError):
            while not self._over.is_set():
                asked = b""
                while b"\r\n\r\n" not in asked:
                    piece = connection.recv(65536)
                    if not piece:
                        return
                    asked += piece
                for piece in self.pieces:
                    connection.sendall(piece)
                    if self._over.wait(EVERY):
                        return


@pytest.fixture
def serve() -> Iterator[type[Slow]]:
    made: list[Slow] = []

    class Served(Slow):
        def __init__(self, *pieces: bytes) -> None:
            super().__init__(*pieces)
            made.append(self)

    yield Served
    for server in made:
        server.close()


def endless() -> list[bytes]:
    return [b"HTTP/1.1 200 OK\r\nX-Slow: ", *([b"a"] * MOST)]


ENDLESS = {
    "a line without an end": endless(),
    "lines": [b"HTTP/1.1 200 OK\r\n", *([b"X-A: 1\r\n"] * MOST)],
    "interim answers": [INTERIM] * MOST,
}


@pytest.mark.parametrize("name", ENDLESS)
def test_the_client_of_the_api_gives_up_a_head_that_trickles(serve: type[Slow], name: str) -> None:
    server = serve(*ENDLESS[name])
    with ApiClient(Route(base=server.base, timeout=LIMIT), "sk-test-of-a-head", retries=0) as client:
        with pytest.raises(TimedOut):
            client.request("GET", "/models")


@pytest.mark.parametrize("name", ENDLESS)
def test_a_call_of_a_model_gives_it_up_too(serve: type[Slow], name: str) -> None:
    server = serve(*ENDLESS[name])
    endpoint, route = Endpoint(id="slow", base_url=server.base), Route(base=server.base)

    async def ask() -> None:
        client = make_client(endpoint, None, route, silence=LIMIT, retries=0)
        try:
            await client.models.list()
        finally:
            await client.close()

    with pytest.raises(Exception) as caught:
        asyncio.run(ask())
    assert isinstance(failures.of(caught.value, asked_of(endpoint, "m", None, route, LIMIT)), TimedOut)


def test_a_slow_body_has_its_own_limits_and_a_kept_connection_begins_anew(serve: type[Slow]) -> None:
    # Each answer takes longer than the limit of a head; each head comes in time.
    half = len(BODY) // 8
    server = serve(INTERIM, WHOLE, *(BODY[at : at + half] for at in range(0, len(BODY), half)))
    assert len(server.pieces) * EVERY > LIMIT
    http, _ = build(Route(base=server.base, timeout=LIMIT))
    with http:
        for _ in range(2):
            answer = http.get(f"{server.base}/v1/models")
            assert answer.content == BODY


def test_a_single_wait_is_as_long_as_before(serve: type[Slow]) -> None:
    server = serve(*([b""] * 3), WHOLE + BODY)
    http, _ = build(Route(base=server.base, timeout=LIMIT))
    with http:
        assert http.get(server.base).json()["data"] == []
        server.pieces = (b"",) * 10
        with pytest.raises(httpx.ReadTimeout):
            http.get(server.base)
