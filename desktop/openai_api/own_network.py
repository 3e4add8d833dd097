"""Restricts http to other computers: only if allowed, and only if the name resolves to a private network.

It resolves the name and connects to the address it has checked, so that the name can't lead elsewhere a moment later.
Works with `httpx` and with `httpx2`, which comes with `openai`; imports neither.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

from desktop.openai_api.errors import OutsideNetwork, PlainUnasked
from desktop.settings.origins import is_own_address, needs_yes, plain_origin

if TYPE_CHECKING:
    from desktop.openai_api.transport import Endpoint

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_INTERNET_6 = ipaddress.ip_network("2000::/3")
"""What of IPv6 is given out to computers of the internet (IANA, IPv6 Global Unicast Allocations)."""
_NOT_THE_INTERNET = tuple(
    ipaddress.ip_network(one)
    for one in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24"),
        *("203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        "2001::/23",  # protocols, Teredo among them, which holds an IPv4 address
        "2001:db8::/32",
        "2002::/16",  # 6to4: an IPv4 address again
        "3fff::/20",
    )
)
"""IANA's registries of special-purpose addresses, as of 2024, and multicast. Written out, since what `is_global` knows
of them differs between Python's releases, the security releases of one version among them."""
MOST_ADDRESSES = 4
"""Of a name, that are tried."""


def check(route: Endpoint) -> bool:
    """Whether the connection must stay on a private network. Raises PlainUnasked if http is not allowed there."""
    if not needs_yes(route.base):
        return False
    if not route.plain:
        raise unasked(route.base)
    return True


def unasked(address: str) -> PlainUnasked:
    """The error for an address not allowed yet; `detail` is its origin."""
    origin = plain_origin(address)
    return PlainUnasked(origin, host=origin.partition("//")[2], origin=origin)


def confined(http: ModuleType, inner: Any) -> Any:
    """Restrict `inner`, a transport of `http` (httpx or httpx2) without a proxy, to private networks."""
    return pinned(http, inner, is_own_address)


def abroad(http: ModuleType, inner: Any) -> Any:
    """The opposite, for addresses named by somebody on the internet."""
    return pinned(http, inner, is_public_address)


def is_public_address(address: str) -> bool:
    """Whether an IP address, as text, is on the internet: not this computer, a private network or a provider's internal
    network, in any notation."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    plain = getattr(ip, "ipv4_mapped", None) or ip
    if plain in _NAT64:
        plain = ipaddress.ip_address(int(plain) & 0xFFFFFFFF)
    if plain.version == 6 and plain not in _INTERNET_6:
        return False
    return not (any(plain in one for one in _NOT_THE_INTERNET) or is_own_address(str(plain)))


def pinned(http: ModuleType, inner: Any, fit: Callable[[str], bool]) -> Any:
    """`inner` for names whose addresses are `fit`. Requests raise OutsideNetwork where none is."""
    if isinstance(inner, http.AsyncBaseTransport):
        return _pinned_async(http, inner, fit)

    class OwnNetwork(http.BaseTransport):  # type: ignore[misc, name-defined]
        def handle_request(self, request: Any) -> Any:
            try:
                found = _written_out(request) or socket.getaddrinfo(*_place(request), type=socket.SOCK_STREAM)
            except OSError as error:
                raise http.ConnectError(str(error), request=request) from error
            failure: Exception | None = None
            for address in _fit(found, request.url.host, fit):
                try:
                    return inner.handle_request(_to(http, request, address))
                except (http.ConnectError, http.ConnectTimeout) as error:
                    failure = error
            raise failure or OutsideNetwork(host=request.url.host)

        def close(self) -> None:
            inner.close()

    return OwnNetwork()


def _pinned_async(http: ModuleType, inner: Any, fit: Callable[[str], bool]) -> Any:
    import asyncio

    class OwnNetwork(http.AsyncBaseTransport):  # type: ignore[misc, name-defined]
        async def handle_async_request(self, request: Any) -> Any:
            loop = asyncio.get_running_loop()
            try:
                found = _written_out(request) or await loop.getaddrinfo(*_place(request), type=socket.SOCK_STREAM)
            except OSError as error:
                raise http.ConnectError(str(error), request=request) from error
            failure: Exception | None = None
            for address in _fit(found, request.url.host, fit):
                try:
                    return await inner.handle_async_request(_to(http, request, address))
                except (http.ConnectError, http.ConnectTimeout) as error:
                    failure = error
            raise failure or OutsideNetwork(host=request.url.host)

        async def aclose(self) -> None:
            await inner.aclose()

    return OwnNetwork()


def _written_out(request: Any) -> list[Any]:
    """As a look-up gives it, for a host that is an address."""
    try:
        address = str(ipaddress.ip_address(request.url.host))
    except ValueError:
        return []
    return [(None, None, None, None, (address, 0))]


def _place(request: Any) -> tuple[str, int]:
    return request.url.host, request.url.port or (443 if request.url.scheme == "https" else 80)


def _fit(found: list[Any], host: str, fit: Callable[[str], bool]) -> list[str]:
    """The addresses of a lookup that may be used. Raises OutsideNetwork if there is none."""
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    chosen = [one for one in addresses if fit(one)]
    if not chosen:
        raise OutsideNetwork(" ".join(addresses)[:200], host=host)
    return chosen[:MOST_ADDRESSES]


def _to(http: ModuleType, request: Any, address: str) -> Any:
    """The request, to this very address; its `Host` header, and what TLS checks, still name the host."""
    url = request.url.copy_with(host=address)
    return http.Request(
        request.method,
        url,
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": request.url.host},
    )
