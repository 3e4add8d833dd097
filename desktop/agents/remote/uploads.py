"""Uploads files to a ChatKit server (two-phase upload), part by part as they arrive. Lives on the loop.

The server says where it wants the file; the page never learns that address. Nothing is written to the disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urljoin, urlsplit

from desktop.agents.remote import forms, replies, wire
from desktop.agents.remote.bounds import Bounds
from desktop.agents.remote.errors import ServerElsewhere, ServerRefused, ServerUploadUnnamed
from desktop.agents.remote.exchange import REFUSAL, Line
from desktop.agents.remote.target import Target
from desktop.agents.store.errors import AttachmentDamaged
from desktop.common.errors import AppError, BadParams
from desktop.openai_api.errors import OutsideNetwork, TimedOut
from desktop.settings.servers import origin_of_url

AHEAD = 2
"""Parts that may wait for the network."""


class Uploads:
    """The files of all agents, by their servers' ids."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._files: dict[str, _File] = {}
        self._took: dict[str, forms.Way] = {}
        """The way each origin accepted last."""

    async def begin(self, line: Callable[[str, bool], Line], target: Target, made: dict[str, Any], size: int) -> str:
        """`made`: the server's attachment. `line` returns the connection to an origin. Raises ServerElsewhere, and
        ServerUploadUnnamed if it names no address."""
        attachment_id, name = str(made["id"]), str(made.get("name", ""))
        descriptor = made.get("upload_descriptor")
        missing = "" if isinstance(descriptor, dict) else "upload_descriptor"
        if not isinstance(descriptor, dict):
            descriptor = {"url": made.get("upload_url")}  # openai-chatkit before 1.4
        url, method = descriptor.get("url"), str(descriptor.get("method") or "PUT").upper()
        given = descriptor.get("headers")
        if not isinstance(url, str) or not url.strip():
            raise ServerUploadUnnamed(host=target.host, name=name, problem=missing or "upload_descriptor.url")
        if method not in ("PUT", "POST"):
            raise ServerUploadUnnamed(method[:20], host=target.host, name=name, problem="upload_descriptor.method")
        url = urljoin(target.url, url.strip())
        headers = target.upload(url, {str(k): str(v) for k, v in given.items()} if isinstance(given, dict) else {})
        origin = origin_of_url(url)
        asked = forms.wanted(descriptor, self._took.get(origin))

        def took(way: forms.Way) -> None:
            self._took[origin] = way

        file = _File(made, size, self._bounds, asked, took)
        self._files[attachment_id] = file
        file.task = asyncio.create_task(file.send(line(origin, target.sends_abroad(url)), target, method, url, headers))
        return attachment_id

    async def part(self, attachment_id: str, offset: int, data: bytes) -> int:
        return await self._known(attachment_id).put(offset, data)

    async def end(self, attachment_id: str) -> dict[str, Any]:
        file = self._known(attachment_id)
        try:
            return await file.finish()
        finally:
            self._files.pop(attachment_id, None)

    def _known(self, attachment_id: str) -> _File:
        if attachment_id not in self._files:
            raise BadParams(problem=f"id: {attachment_id}")
        return self._files[attachment_id]


class _File:
    def __init__(
        self,
        made: dict[str, Any],
        size: int,
        bounds: Bounds,
        asked: forms.Wanted,
        took: Callable[[forms.Way], None],
    ) -> None:
        self._made = made
        self._asked = asked
        self._told = took
        self._sent: list[bytes] = []
        """The bytes sent, as long as they may have to be sent again."""
        self._is_whole = False
        self._name = str(made.get("name", ""))
        self._size = size
        self._bounds = bounds
        self._taken = 0
        self._parts: asyncio.Queue[bytes | None] = asyncio.Queue(AHEAD)
        self.task: asyncio.Task[None] | None = None

    async def put(self, offset: int, data: bytes) -> int:
        if offset != self._taken or offset + len(data) > self._size:
            raise AttachmentDamaged(f"{offset} of {self._size}", name=self._name)
        self._taken += len(data)
        await self._hand(data)
        return self._taken

    async def finish(self) -> dict[str, Any]:
        if self._taken != self._size:
            if self.task is not None:
                self.task.cancel()
            raise AttachmentDamaged(f"{self._taken} of {self._size}", name=self._name)
        await self._hand(None)
        if self.task is not None:
            await self.task
        return {**self._made, "upload_descriptor": None}

    async def _hand(self, data: bytes | None) -> None:
        """Pass data to the request if it is still going. Raises whatever ended it."""
        putting = asyncio.ensure_future(self._parts.put(data))
        tasks = {putting} | ({self.task} if self.task is not None else set())
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED, timeout=self._bounds.upload)
        if not putting.done():
            putting.cancel()
        if self.task is not None and self.task.done() and data is not None:
            await self.task  # raises its error; if there is none, the server needed no more data
            raise AttachmentDamaged("the server answered early", name=self._name)
        if putting.cancelled() or not putting.done():
            if self.task is not None and self.task.done():
                await self.task
                return
            raise TimedOut("the file does not go out", host="", seconds=round(self._bounds.upload))

    async def _content(self, frame: forms.Frame, *, keep: bool) -> AsyncIterator[bytes]:
        """The request's content: what was sent before, then new parts. `keep`: it may have to be sent again."""
        if frame.head:
            yield frame.head
        for part in list(self._sent):
            yield part
        while not self._is_whole:
            part_or_end = await asyncio.wait_for(self._parts.get(), self._bounds.upload)
            if part_or_end is None:
                self._is_whole = True
                break
            if keep:
                self._sent.append(part_or_end)
            yield part_or_end
        if frame.foot:
            yield frame.foot

    async def send(self, line: Line, target: Target, method: str, url: str, headers: dict[str, str]) -> None:
        """Raises ServerError, NetworkError."""
        refusal: AppError | None = None
        for number, way in enumerate(self._asked.ways, 1):
            again = number < len(self._asked.ways)
            status, failure = await self._once(line, target, method, url, headers, way, keep=again)
            if failure is None:
                self._told(way)
                return
            refusal = refusal or failure
            if status not in forms.REFUSED_FORM:
                break
        if refusal is not None:
            raise refusal  # report the first error: the second way was our own idea

    async def _once(
        self, line: Line, target: Target, method: str, url: str, headers: dict[str, str], way: forms.Way, *, keep: bool
    ) -> tuple[int, AppError | None]:
        """The status (0 for no answer) and the error."""
        mime = str(self._made.get("mime_type") or "application/octet-stream")
        frame = forms.frame(way, self._asked, self._name, mime)
        dressed = {name: value for name, value in headers.items() if name.lower() != "content-type"}
        given = next((value for name, value in headers.items() if name.lower() == "content-type"), mime)
        dressed["Content-Type"] = frame.content_type or given
        dressed["Content-Length"] = str(len(frame.head) + self._size + len(frame.foot))
        failure: AppError | None = None
        status = 0
        try:
            request = line.http.build_request(method, url, content=self._content(frame, keep=keep), headers=dressed)
            response = await line.http.send(request, stream=True)
            try:
                status, answered = response.status_code, response.headers
                body = b""
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > REFUSAL:
                        break
            finally:
                await response.aclose()
            if 300 <= status < 400:
                failure = ServerElsewhere(f"{status} redirect of a file", host=target.host, target=urlsplit(url).netloc)
            elif not 200 <= status < 300 and origin_of_url(url) != target.origin:
                failure = ServerRefused(str(status), host=urlsplit(url).netloc, status=status, problem=str(status))
            elif not 200 <= status < 300:
                failure = replies.refusal(status, answered, body, wire.request("attachments.create"), target)
        except TimeoutError:
            failure = TimedOut("the page sends no more of the file", host=target.host, seconds=0)
        except OutsideNetwork as error:  # its name resolves to this computer or a private network
            failure = ServerElsewhere(error.detail, host=target.host, target=origin_of_url(url)[:100])
        except Exception as error:  # noqa: BLE001 - httpx's own, and what lies beneath it
            failure = replies.broken(error, target, line.proxy, self._bounds.upload, reading=False)
        return status, failure  # not raised here: httpx's exception contains the token
