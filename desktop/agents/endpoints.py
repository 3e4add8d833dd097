"""Clients of model endpoints: OpenAI's, or any that speaks its protocol. One way out of the machine for each.

Everything is passed explicitly; the SDK's own environment variables hold for nothing. A client reaches its endpoint's
origin and no other. `openai` is imported when the first client is made. Knows neither settings nor keyrings.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from desktop import __version__
from desktop.agents import failures
from desktop.agents.models import DEFAULT_MODEL, for_chat
from desktop.errors import AnswerEmpty, AppError, EndpointUnfit, KeyMissing, ModelNotFound, ProxyFailed, TimedOut
from desktop.openai_api.transport import CONNECT_LIMIT, choose_proxy, tls_context
from desktop.settings.agents import OPENAI_ENDPOINT, Endpoint
from desktop.settings.origins import normalise_api_base, origin_of

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI

    from desktop.openai_api import transport

NO_KEY = "no-key"
"""What the SDK insists on where an endpoint takes none. It is not sent."""
RETRIES = 1
"""By the SDK, before an answer has begun; a person can always try again."""
SAMPLE = "Answer with the one word: ready"


@dataclass(frozen=True)
class Checked:
    """What a real call found. `models`: those that can chat, empty where the endpoint lists none; `sample`: the
    beginning of the answer of `model`."""

    models: list[str]
    model: str
    sample: str


def is_openai(endpoint: Endpoint) -> bool:
    """Whether sentences may speak of OpenAI: the built-in endpoint, unless its address is another's."""
    host = urlsplit(endpoint.base_url).hostname or ""
    return endpoint.id == OPENAI_ENDPOINT or host == "api.openai.com"


def asked_of(
    endpoint: Endpoint, model: str, key: str | None, route: transport.Endpoint, seconds: float
) -> failures.Asked:
    """What failures are told about a call."""
    return failures.Asked(
        host=urlsplit(endpoint.base_url).hostname or endpoint.base_url,
        model=model,
        openai=is_openai(endpoint),
        proxy=_proxy_label(route),
        seconds=seconds,
        secrets=tuple(secret for secret in (key, route.proxy_password) if secret),
    )


def make_client(
    endpoint: Endpoint, key: str | None, route: transport.Endpoint, *, silence: float, retries: int = RETRIES
) -> AsyncOpenAI:
    """A client of `endpoint`; `silence`: seconds without a byte until it gives up. Close it on the loop that used it.

    Raises SettingsInvalid (the address), FileUnreadable (the CA file), ProxyFailed.
    """
    from openai import AsyncOpenAI

    base = normalise_api_base(endpoint.base_url)
    # Empty texts, not None: for None the SDK (3.51) reads OPENAI_ADMIN_KEY, OPENAI_ORG_ID, OPENAI_PROJECT_ID and
    # OPENAI_WEBHOOK_SECRET; headers of OPENAI_CUSTOM_HEADERS it adds always.
    client = AsyncOpenAI(
        api_key=key or NO_KEY,
        admin_api_key="",
        organization="",
        project="",
        webhook_secret="",
        base_url=f"{base}/v1",
        websocket_base_url=f"{base}/v1",
        max_retries=retries,
        http_client=_http_client(origin_of(base), route, silence, with_key=bool(key)),
    )
    client.admin_api_key = None
    client.organization = None
    client.project = None
    client.webhook_secret = None
    client._custom_headers = {}
    return client


def _http_client(origin: str, route: transport.Endpoint, silence: float, *, with_key: bool) -> httpx2.AsyncClient:
    """As `transport.build` for httpx2, which `openai` brings along: same certificates, same proxies, no redirect."""
    import httpx2

    def check(request: httpx2.Request) -> None:
        """The wall: whatever the SDK thinks of next, nothing goes elsewhere."""
        parts = request.url
        port = f":{parts.port}" if parts.port is not None else ""
        host = f"[{parts.host}]" if ":" in parts.host else parts.host
        if f"{parts.scheme}://{host}{port}" != origin:
            raise EndpointUnfit(f"a request to {host}", host=host)

    async def on_request(request: httpx2.Request) -> None:
        check(request)
        request.headers["User-Agent"] = f"chatkit-desktop/{__version__}"
        if not with_key:
            request.headers.pop("Authorization", None)

    async def on_response(response: httpx2.Response) -> None:
        kind = response.headers.get("content-type", "").lower()
        if not response.is_success:
            if response.is_redirect:
                raise EndpointUnfit(f"{response.status_code} redirect", host=response.url.host)
            return
        streams = b'"stream":true' in response.request.content.replace(b" ", b"")
        if "html" in kind or (streams and "json" in kind):
            raise EndpointUnfit(f"{response.status_code} {kind}"[:200], host=response.url.host)

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
        return httpx2.AsyncClient(
            verify=context,
            proxy=through,
            timeout=httpx2.Timeout(silence, connect=min(silence, CONNECT_LIMIT)),
            limits=httpx2.Limits(max_connections=20, max_keepalive_connections=5, keepalive_expiry=60.0),
            trust_env=False,
            follow_redirects=False,
            event_hooks={"request": [on_request], "response": [on_response]},
        )
    except (ValueError, ImportError, httpx2.InvalidURL) as error:
        label = proxy.label if proxy else ""
        raise ProxyFailed(type(error).__name__, host=route.host, proxy=label) from None


def _proxy_label(route: transport.Endpoint) -> str:
    proxy = choose_proxy(route)
    return proxy.label if proxy else ""


class Clients:
    """The clients in use, one for each endpoint, key and way there; kept so that connections are. One event loop's."""

    def __init__(self, silence: float) -> None:
        self._silence = silence
        self._clients: dict[tuple[object, ...], AsyncOpenAI] = {}

    def get(self, endpoint: Endpoint, key: str | None, route: transport.Endpoint) -> AsyncOpenAI:
        """Raises as `make_client`."""
        name = (endpoint.base_url, key, route)
        client = self._clients.get(name)
        if client is None:
            client = self._clients[name] = make_client(endpoint, key, route, silence=self._silence)
        return client

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()
        self._clients.clear()


# --- checking an endpoint -------------------------------------------------------------------------


def check_endpoint(
    endpoint: Endpoint, key: str | None, model: str, route: transport.Endpoint, *, limit: float = 60.0
) -> Checked:
    """Lists the models and has one of them say a word, as a chat would: streamed, and stopped at its beginning.

    Blocks, at most `limit` seconds: never on the window's thread, and not on the agents' thread. `model` empty: the
    app's default where the endpoint has it, else its first. Raises EndpointError and its children, ModelNotFound,
    KeyMissing, KeyRejected, RateLimited, NetworkError and what else `failures.of` gives.
    """
    if endpoint.needs_key and not key:
        raise KeyMissing(origin=origin_of(endpoint.base_url))
    failure: AppError | None = None
    asked = asked_of(endpoint, model or DEFAULT_MODEL, key, route, limit)
    try:
        return asyncio.run(_check(endpoint, key, model, route, limit))
    except TimeoutError:
        failure = TimedOut("the check", host=asked.host, seconds=round(limit))
    except Exception as error:  # noqa: BLE001 - every failure of a check is told as a sentence
        failure = failures.of(error, asked)
    raise failure  # outside of `except`: the SDK's exception holds the request, and that holds the key


async def _check(endpoint: Endpoint, key: str | None, model: str, route: transport.Endpoint, limit: float) -> Checked:
    client = make_client(endpoint, key, route, silence=limit, retries=0)
    try:
        async with asyncio.timeout(limit):
            models = await list_models(client)
            chosen = model or (DEFAULT_MODEL if DEFAULT_MODEL in models or not models else for_chat(models)[0])
            host = urlsplit(endpoint.base_url).hostname or ""
            if models and is_openai(endpoint) and chosen not in models:
                raise ModelNotFound("not in the list", model=chosen, host=host)
            sample = await _sample(client, endpoint, chosen)
            if not sample:
                raise AnswerEmpty(model=chosen)
            return Checked(models=for_chat(models), model=chosen, sample=sample)
    finally:
        await client.close()


async def list_models(client: AsyncOpenAI) -> list[str]:
    """The ids of `GET /v1/models`, sorted; empty where an endpoint has no such list. Raises EndpointUnfit."""
    import openai

    try:
        page = await client.models.list()
    except openai.NotFoundError:
        return []
    except (openai.APIResponseValidationError, AttributeError, TypeError, ValueError) as error:
        raise EndpointUnfit(type(error).__name__, host=client.base_url.host) from None
    entries: Any = getattr(page, "data", None)
    if not isinstance(entries, list):
        raise EndpointUnfit("no list of models", host=client.base_url.host)
    return sorted(str(entry.id) for entry in entries if getattr(entry, "id", None))


async def _sample(client: AsyncOpenAI, endpoint: Endpoint, model: str) -> str:
    """The first words of a streamed answer."""
    events = 0
    if endpoint.api == "responses":
        async with await client.responses.create(model=model, input=SAMPLE, stream=True, store=False) as stream:
            async for event in stream:
                events += 1
                if event.type == "response.output_text.delta" and event.delta.strip():
                    return event.delta.strip()
                if event.type in ("response.failed", "error"):
                    failed: Any = getattr(event, "response", event)
                    told = getattr(failed, "error", None) or failed
                    raise failures.of_body(
                        {"code": getattr(told, "code", None)},
                        str(getattr(told, "message", "")),
                        failures.Asked(client.base_url.host, model, is_openai(endpoint)),
                    )
    else:
        messages: Any = [{"role": "user", "content": SAMPLE}]
        async with await client.chat.completions.create(model=model, messages=messages, stream=True) as chunks:
            async for chunk in chunks:
                events += 1
                for choice in chunk.choices or []:
                    text = choice.delta.content or getattr(choice.delta, "reasoning_content", None) or ""
                    if text.strip():
                        return str(text).strip()
    if not events:
        raise EndpointUnfit("no event came", host=client.base_url.host)
    return ""
