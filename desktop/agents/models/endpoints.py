"""Clients of model endpoints: OpenAI's, or any that speaks its protocol.

Everything is passed explicitly; the SDK's environment variables have no effect. A client only reaches its endpoint's
origin. `openai` is imported when the first client is made. Knows no settings and no keyring.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from desktop import __version__
from desktop.agents.models import failures
from desktop.agents.models.errors import EndpointUnfit
from desktop.agents.models.tolerant.refusals import Refusals
from desktop.common.errors import AppError
from desktop.openai_api import own_network
from desktop.openai_api.bounded import Bounds, guarded_async
from desktop.openai_api.errors import ProxyFailed
from desktop.openai_api.heads import limited
from desktop.openai_api.transport import CONNECT_LIMIT, choose_proxy, tls_context
from desktop.settings.agents import OPENAI_ENDPOINT, Endpoint
from desktop.settings.endpoint_addresses import Root, roots
from desktop.settings.origins import origin_of

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI

    from desktop.openai_api import transport

    Ways = Callable[[], httpx2.AsyncBaseTransport]
    """Makes a transport to an endpoint, with its own connections."""

NO_KEY = "no-key"
"""A placeholder key, which the SDK requires even if the endpoint needs none. It is not sent."""
RETRIES = 1
"""Retries by the SDK before an answer has begun. A person can always try again."""


def is_openai(endpoint: Endpoint) -> bool:
    """Whether sentences may mention OpenAI: for the built-in endpoint, unless its address was changed."""
    host = urlsplit(endpoint.base_url).hostname or ""
    return endpoint.id == OPENAI_ENDPOINT or host == "api.openai.com"


def asked_of(
    endpoint: Endpoint, model: str, key: str | None, route: transport.Endpoint, seconds: float
) -> failures.Asked:
    """Facts about a call, for explaining failures."""
    return failures.Asked(
        host=urlsplit(endpoint.base_url).hostname or endpoint.base_url,
        model=model,
        openai=is_openai(endpoint),
        proxy=_proxy_label(route),
        seconds=seconds,
        secrets=tuple(secret for secret in (key, route.proxy_password) if secret),
    )


def make_client(
    endpoint: Endpoint,
    key: str | None,
    route: transport.Endpoint,
    *,
    silence: float,
    retries: int = RETRIES,
    refusals: Refusals | None = None,
) -> AsyncOpenAI:
    """A client of `endpoint`. `silence`: seconds without a byte until it gives up. `refusals`: what models refused
    before, shared with other clients. Close it on the loop that used it.

    Raises SettingsInvalid (the address), FileUnreadable (the CA file), ProxyFailed, PlainUnasked.
    """
    from openai import AsyncOpenAI

    root, *others = roots(endpoint)
    # Empty strings, not None: for None the SDK (3.51) reads OPENAI_ADMIN_KEY, OPENAI_ORG_ID, OPENAI_PROJECT_ID and
    # OPENAI_WEBHOOK_SECRET. It always adds the headers in OPENAI_CUSTOM_HEADERS.
    client = AsyncOpenAI(
        api_key=key or NO_KEY,
        admin_api_key="",
        organization="",
        project="",
        webhook_secret="",
        base_url=root.url,
        websocket_base_url=root.url,
        default_query=dict(root.params),
        max_retries=retries,
        http_client=_http_client(root, others, route, silence, key, refusals),
    )
    client.admin_api_key = None
    client.organization = None
    client.project = None
    client.webhook_secret = None
    client._custom_headers = {}
    return client


def _http_client(
    root: Root,
    others: Sequence[Root],
    route: transport.Endpoint,
    silence: float,
    key: str | None,
    refusals: Refusals | None,
) -> httpx2.AsyncClient:
    """Like `transport.build`, for httpx2, which comes with `openai`: same certificates and proxies, no redirects.
    `others`: other addresses where the API may be."""
    import httpx2

    origin = origin_of(root.url)

    def check(request: httpx2.Request) -> None:
        """Refuse requests to any other origin, whatever the SDK does."""
        parts = request.url
        port = f":{parts.port}" if parts.port is not None else ""
        host = f"[{parts.host}]" if ":" in parts.host else parts.host
        if f"{parts.scheme}://{host}{port}" != origin:
            raise EndpointUnfit(f"a request to {host}", host=host)

    async def on_request(request: httpx2.Request) -> None:
        check(request)
        request.headers["User-Agent"] = f"chatkit-desktop/{__version__}"
        if not key:
            request.headers.pop("Authorization", None)
        elif root.azure:
            request.headers.update(root.key_headers(key))

    async def on_response(response: httpx2.Response) -> None:
        kind = response.headers.get("content-type", "").lower()
        if not response.is_success:
            if response.is_redirect:
                raise EndpointUnfit(f"{response.status_code} redirect", host=response.url.host)
            return
        if "html" in kind:
            raise EndpointUnfit(f"{response.status_code} {kind}"[:200], host=response.url.host)

    keep = httpx2.Limits(max_connections=20, max_keepalive_connections=5, keepalive_expiry=60.0)
    client = walled(route, silence, on_request, on_response, limits=keep, around=tolerant(refusals))
    return found_elsewhere(client, root, others[0]) if others else client


def found_elsewhere(client: httpx2.AsyncClient, root: Root, other: Root) -> httpx2.AsyncClient:
    """Make `client` also try `other` if `root` does not know a call, and stay there if `other` does. For unchecked
    addresses: from a settings file, a brand or a command line."""
    send, at = client.send, [root]

    async def find(request: httpx2.Request, **options: Any) -> httpx2.Response:
        first = await send(_moved(request, root, at[0]), **options)
        if at[0] is not root or first.status_code not in (404, 405) or not await _knows_nothing(first):
            return first
        if _content(request) is None:  # a file, streamed while it is sent
            return first
        second = await send(_moved(request, root, other), **options)
        if second.status_code in (404, 405):
            await second.aclose()
            return first  # neither has it: report the answer of the address that was typed
        at[0] = other
        return second

    client.send = find  # type: ignore[method-assign]
    return client


def _moved(request: httpx2.Request, root: Root, there: Root) -> httpx2.Request:
    import httpx2

    url = str(request.url)
    if there is root or not url.startswith(root.url):
        return request
    content = _content(request)
    sent: dict[str, Any] = {"stream": request.stream} if content is None else {"content": content}
    return httpx2.Request(
        request.method, there.url + url[len(root.url) :], headers=request.headers, extensions=request.extensions, **sent
    )


def _content(request: httpx2.Request) -> bytes | None:
    """The request's body; None if it is streamed."""
    import httpx2

    try:
        return request.content
    except httpx2.RequestNotRead:
        return None


_NO_SUCH_PLACE = re.compile(rb"\b(url|route|path|endpoint|resource|page|cannot (?:get|post))\b")


async def _knows_nothing(response: httpx2.Response) -> bool:
    """Whether a refusal does not mention what was asked for (a model or a stored prompt), so no API is there. Reads its
    body."""
    try:
        body = (await response.aread())[:20_000].lower()
        # An error in OpenAI's format that does not mention the address comes from an API.
        own = b'"error"' in body and b'"message"' in body and not _NO_SUCH_PLACE.search(body)
        return not own and b"model" not in body
    except Exception:  # noqa: BLE001 - a body that breaks off says nothing either
        return True


def tolerant(refusals: Refusals | None = None) -> Callable[[Ways], httpx2.AsyncBaseTransport]:
    """Wraps a transport so that unusual answers are understood (`agents/models/tolerant`)."""
    from desktop.agents.models.tolerant.transport import Tolerant

    return lambda way: Tolerant(way(), way, refusals or Refusals())


def walled(
    route: transport.Endpoint,
    silence: float,
    on_request: Callable[[httpx2.Request], Awaitable[None]],
    on_response: Callable[[httpx2.Response], Awaitable[None]],
    *,
    limits: httpx2.Limits | None = None,
    told: Callable[[AppError], AppError] = lambda error: error,
    around: Callable[[Ways], httpx2.AsyncBaseTransport] = lambda way: way(),
    **more: Any,
) -> httpx2.AsyncClient:
    """A client for this route with hooks for requests and answers: TLS, proxy and time limits as everywhere, nothing
    from the environment, answers limited by `bounded`. `told` turns a violation into the error to raise. `around` wraps
    the transport. `silence` in seconds.

    Raises ProxyFailed, FileUnreadable, PlainUnasked."""
    import httpx2

    inside = own_network.check(route)
    proxy = choose_proxy(route)
    context = tls_context(route.ca_file)
    try:
        through = None
        if proxy is not None:
            through = httpx2.Proxy(
                proxy.url,
                auth=(proxy.user, proxy.password) if proxy.user or proxy.password else None,
                ssl_context=context if proxy.url.startswith("https:") else None,
            )
        kept = limits or httpx2.Limits(max_connections=100, max_keepalive_connections=20)

        def way() -> httpx2.AsyncBaseTransport:
            made = limited(httpx2.AsyncHTTPTransport(verify=context, proxy=through, limits=kept, trust_env=False))
            bounded: httpx2.AsyncBaseTransport = guarded_async(
                httpx2, own_network.confined(httpx2, made) if inside else made, Bounds(), told
            )
            return bounded

        return httpx2.AsyncClient(
            transport=around(way),
            timeout=httpx2.Timeout(silence, connect=min(silence, CONNECT_LIMIT)),
            trust_env=False,
            follow_redirects=False,
            event_hooks={"request": [on_request], "response": [on_response]},
            **more,
        )
    except (ValueError, ImportError, httpx2.InvalidURL) as error:
        label = proxy.label if proxy else ""
        raise ProxyFailed(type(error).__name__, host=route.host, proxy=label) from None


def _proxy_label(route: transport.Endpoint) -> str:
    proxy = choose_proxy(route)
    return proxy.label if proxy else ""


class Clients:
    """The clients in use, one per endpoint, key and route, kept so that connections are reused. For one event loop."""

    def __init__(self, silence: float) -> None:
        self._silence = silence
        self._clients: dict[tuple[object, ...], AsyncOpenAI] = {}
        self._refusals = Refusals()

    def get(self, endpoint: Endpoint, key: str | None, route: transport.Endpoint) -> AsyncOpenAI:
        """Raises like `make_client`."""
        name = (endpoint.base_url, endpoint.whole, key, route)
        client = self._clients.get(name)
        if client is None:
            client = make_client(endpoint, key, route, silence=self._silence, refusals=self._refusals)
            self._clients[name] = client
        return client

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()
        self._clients.clear()
