"""http to another computer: only after a yes, and only to where the name leads inside the own network.

A name is looked up here and the connection goes to the very address that was looked at, so that no name can lead
elsewhere a moment later. Works with `httpx` and with `httpx2`, which `openai` brings along; imports neither.
"""

from __future__ import annotations

import socket
from types import ModuleType
from typing import TYPE_CHECKING, Any

from desktop.errors import OutsideNetwork, PlainUnasked
from desktop.settings.origins import is_own_address, needs_yes, plain_origin

if TYPE_CHECKING:
    from desktop.openai_api.transport import Endpoint

MOST_ADDRESSES = 4
"""Of a name, that are tried."""


def check(route: Endpoint) -> bool:
    """Whether the connection has to stay in the own network. Raises PlainUnasked where nobody has said yes."""
    if not needs_yes(route.base):
        return False
    if not route.plain:
        raise unasked(route.base)
    return True


def unasked(address: str) -> PlainUnasked:
    """That nobody has said yes to an address yet; `detail` is its origin."""
    origin = plain_origin(address)
    return PlainUnasked(origin, host=origin.partition("//")[2], origin=origin)


def confined(http: ModuleType, inner: Any) -> Any:
    """`inner`, a transport of `http` (httpx or httpx2) without a proxy, kept inside the own network."""
    if isinstance(inner, http.AsyncBaseTransport):
        return _confined_async(http, inner)

    class OwnNetwork(http.BaseTransport):  # type: ignore[misc, name-defined]
        def handle_request(self, request: Any) -> Any:
            try:
                found = socket.getaddrinfo(*_place(request), type=socket.SOCK_STREAM)
            except OSError as error:
                raise http.ConnectError(str(error), request=request) from error
            failure: Exception | None = None
            for address in _own(found, request.url.host):
                try:
                    return inner.handle_request(_to(http, request, address))
                except (http.ConnectError, http.ConnectTimeout) as error:
                    failure = error
            raise failure or OutsideNetwork(host=request.url.host)

        def close(self) -> None:
            inner.close()

    return OwnNetwork()


def _confined_async(http: ModuleType, inner: Any) -> Any:
    import asyncio

    class OwnNetwork(http.AsyncBaseTransport):  # type: ignore[misc, name-defined]
        async def handle_async_request(self, request: Any) -> Any:
            loop = asyncio.get_running_loop()
            try:
                found = await loop.getaddrinfo(*_place(request), type=socket.SOCK_STREAM)
            except OSError as error:
                raise http.ConnectError(str(error), request=request) from error
            failure: Exception | None = None
            for address in _own(found, request.url.host):
                try:
                    return await inner.handle_async_request(_to(http, request, address))
                except (http.ConnectError, http.ConnectTimeout) as error:
                    failure = error
            raise failure or OutsideNetwork(host=request.url.host)

        async def aclose(self) -> None:
            await inner.aclose()

    return OwnNetwork()


def _place(request: Any) -> tuple[str, int]:
    return request.url.host, request.url.port or 80


def _own(found: list[Any], host: str) -> list[str]:
    """The addresses of a lookup that may be used. Raises OutsideNetwork where there is none."""
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    own = [one for one in addresses if is_own_address(one)]
    if not own:
        raise OutsideNetwork(" ".join(addresses)[:200], host=host)
    return own[:MOST_ADDRESSES]


def _to(http: ModuleType, request: Any, address: str) -> Any:
    """The request, to this very address; its `Host` header still names the host."""
    url = request.url.copy_with(host=address)
    return http.Request(
        request.method, url, headers=request.headers, stream=request.stream, extensions=request.extensions
    )
