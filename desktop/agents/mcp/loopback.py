"""The page the browser returns to after a sign-in: on 127.0.0.1, at a random port, only while the app waits for it.
Only the answer with this sign-in's state counts. Other requests get an explanation and change nothing.
"""

from __future__ import annotations

import asyncio
import hmac
import html
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

PATH = "/callback"
LONGEST = 16 * 1024
"""The largest request header, in bytes."""
MOST_CALLERS = 20
"""Connections at the same time."""

_PAGE = """<!doctype html><html lang="{lang}"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>:root{{color-scheme:light dark}}
body{{font:15px/1.5 system-ui,sans-serif;max-width:440px;margin:20vh auto;padding:0 24px}}
h1{{font-size:20px}}</style><h1>{title}</h1><p>{words}</p></html>"""


@dataclass(frozen=True)
class Words:
    """The page's texts in the app's language: a title and a sentence for each case."""

    lang: str
    done: tuple[str, str]
    refused: tuple[str, str]
    stranger: tuple[str, str]


@dataclass(frozen=True)
class Back:
    """What the browser returned with. `error` and `described` come from the authorization server."""

    code: str
    state: str
    iss: str | None
    error: str
    described: str


class Loopback:
    """Call `begin`, pass on `redirect`, `wait` for the browser, and always `end`. On one event loop.

    `patience`: seconds a client has for its request.
    """

    def __init__(self, words: Words, patience: float = 5.0) -> None:
        self._words = words
        self._patience = patience
        self._server: asyncio.Server | None = None
        self._port = 0
        self._state = ""
        self._back: asyncio.Future[Back] | None = None
        self._callers: set[asyncio.StreamWriter] = set()

    @property
    def redirect(self) -> str:
        return f"http://127.0.0.1:{self._port}{PATH}"

    async def begin(self, port: int = 0) -> None:
        """`port`: the preferred one, with which the app is registered. If it is taken, a random one is used."""
        for wanted in dict.fromkeys((port, 0)):
            try:
                self._server = await asyncio.start_server(self._meet, "127.0.0.1", wanted, limit=LONGEST)
                break
            except OSError:
                if wanted == 0:
                    raise
        if self._server is not None:
            self._port = self._server.sockets[0].getsockname()[1]
        self._back = asyncio.get_running_loop().create_future()

    async def wait(self, state: str, open_: Callable[[], object]) -> Back:
        """Wait for the answer with `state`. `open_` opens the browser once the page is being served."""
        if self._back is None or not state:
            raise RuntimeError("not begun")
        self._state = state
        await asyncio.to_thread(open_)
        return await self._back

    async def end(self) -> None:
        if self._server is not None:
            self._server.close()
            # Browsers keep spare connections open, and from Python 3.12 on `wait_closed` waits for them.
            for writer in self._callers:
                writer.close()  # pending answers are still sent
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._server.wait_closed()
            for writer in self._callers:
                writer.transport.abort()

    # --- inside -----------------------------------------------------------------------------------

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._callers.add(writer)
        try:
            if len(self._callers) <= MOST_CALLERS:
                async with asyncio.timeout(self._patience):
                    head = await reader.readuntil(b"\r\n\r\n")
                    writer.write(self._answer(head.decode("latin-1")))
                    await writer.drain()
        except (TimeoutError, OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            self._callers.discard(writer)

    def _answer(self, head: str) -> bytes:
        first, *rest = head.split("\r\n")
        method, _, target = first.partition(" ")
        target = target.partition(" ")[0]
        hosts = [line.partition(":")[2].strip() for line in rest if line.lower().startswith("host:")]
        parts = urlsplit(target)
        if method != "GET" or hosts != [f"127.0.0.1:{self._port}"] or parts.path != PATH or parts.netloc:
            return self._page("404 Not Found", self._words.stranger)
        back = _read(parts.query)
        known = back is not None and bool(self._state) and hmac.compare_digest(back.state, self._state)
        if back is None or not known or self._back is None:
            return self._page("400 Bad Request", self._words.stranger)
        if not self._back.done():
            self._back.set_result(back)
        return self._page("200 OK", self._words.refused if back.error or not back.code else self._words.done)

    def _page(self, status: str, words: tuple[str, str]) -> bytes:
        title, sentence = (html.escape(word) for word in words)
        body = _PAGE.format(lang=self._words.lang, title=title, words=sentence).encode()
        headers = (
            f"HTTP/1.1 {status}",
            "Content-Type: text/html; charset=utf-8",
            f"Content-Length: {len(body)}",
            "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
            "Referrer-Policy: no-referrer",
            "X-Content-Type-Options: nosniff",
            "Cache-Control: no-store",
            "Connection: close",
        )
        return "\r\n".join((*headers, "", "")).encode() + body


def _read(query: str) -> Back | None:
    """The answer in an address; None if it can't be one or has a parameter twice."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=20, errors="strict")
    except ValueError:
        return None
    given = dict(pairs)
    if len(given) != len(pairs) or not given.get("state", "").isascii():
        return None
    return Back(
        code=given.get("code", ""),
        state=given.get("state", ""),
        iss=given.get("iss"),
        error=given.get("error", "")[:200],
        described=given.get("error_description", "")[:500],
    )
