"""In the child: gives the SDKs' clients their endpoint and key directly. The environment never has the key, only a
placeholder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

from desktop.agents.code import hearing
from desktop.agents.models import failures
from desktop.agents.models.endpoints import NO_KEY, asked_of, make_client
from desktop.agents.models.tolerant.refusals import Refusals
from desktop.openai_api import own_network
from desktop.openai_api.bounded import MB, Bounds, guarded, guarded_async
from desktop.openai_api.heads import limited
from desktop.openai_api.transport import Endpoint as Route
from desktop.openai_api.transport import choose_proxy, tls_context
from desktop.settings.agents import Endpoint
from desktop.settings.endpoint_addresses import roots
from desktop.settings.origins import origin_of

STANDS_FOR_KEY = "given-by-chatkit-desktop"
"""The value of OPENAI_API_KEY in the file's environment, since many files check that it is set. A client made with it
gets the real key."""
LARGE = Bounds(answer=256 * MB)
"""Large, because a person's code may download files with its client."""


class Given:
    """Endpoint, key and route as received over the pipe, and the defaults made from them."""

    def __init__(self, message: dict[str, Any], silence: float) -> None:
        self.endpoint = Endpoint.model_validate(message["endpoint"])
        self.key: str | None = message["key"]
        self.route = Route(**message["route"])
        self.silence = silence
        self._refusals = Refusals()
        self.root = roots(self.endpoint)[0]
        self.models: dict[str, str] = dict(message.get("models") or {})
        """Models to use instead of those named in the file."""
        self.on_model: Callable[[str], None] = lambda _model: None
        """Called with the model a request names, as written in the file."""

    @property
    def secrets(self) -> tuple[str, ...]:
        return tuple(secret for secret in (self.key, self.route.proxy_password) if secret)

    def asked(self, model: str = "") -> failures.Asked:
        """Facts for explaining a failure."""
        return asked_of(self.endpoint, self.models.get(model, model), self.key, self.route, self.silence)

    def install(self) -> None:
        """From now on, clients made without a key, here or in the file, use this endpoint and key."""
        import agents
        import openai

        os.environ["OPENAI_API_KEY"] = STANDS_FOR_KEY
        import desktop.agents.models.tracing  # noqa: F401 - importing it switches traces off

        self.client = make_client(self.endpoint, self.key, self.route, silence=self.silence, refusals=self._refusals)
        self.client.__class__ = self._renaming(type(self.client))
        agents.set_default_openai_client(self.client, False)
        agents.set_default_openai_api("responses" if self.endpoint.api == "responses" else "chat_completions")
        openai.AsyncOpenAI = self._filled(openai.AsyncOpenAI, self._async_http)  # type: ignore[misc]
        openai.OpenAI = self._filled(openai.OpenAI, self._http)  # type: ignore[misc]

        hearing.install()
        self._give_lists()

    def _give_lists(self) -> None:
        """Agent Builder exports a file search node with a plain `for`, but the client's lists only support `async
        for`."""
        from openai._base_client import AsyncPaginator

        from desktop.agents.code.runner import apart

        given = self

        def at_once(asked: Any) -> Iterator[Any]:
            async def listed() -> list[Any]:
                # A separate loop needs its own connections.
                async with asked._client.copy(http_client=given._async_http()) as client:
                    pages = AsyncPaginator(
                        client=client, options=asked._options, page_cls=asked._page_cls, model=asked._model
                    )
                    return [one async for one in pages]

            return iter(apart(listed))

        AsyncPaginator.__iter__ = at_once  # type: ignore[attr-defined]

    def _filled(self, kind: Any, http: Callable[[], Any]) -> Any:
        """`kind` with our endpoint and key as defaults. A key or an address set in the file is kept."""
        given = self

        class Filled(self._renaming(kind)):  # type: ignore[misc]
            def __init__(self, **options: Any) -> None:
                base = options.get("base_url")
                own = base is not None and origin_of(str(base)) != origin_of(given.endpoint.base_url)
                if options.get("api_key") in (None, "", STANDS_FOR_KEY) and not own:
                    options["api_key"] = given.key or NO_KEY
                    if base is None:
                        options["base_url"] = given.root.url
                        options["default_query"] = {**given.root.params, **(options.get("default_query") or {})}
                        if given.key and given.root.azure:
                            azure = given.root.key_headers(given.key)
                            options["default_headers"] = {**azure, **(options.get("default_headers") or {})}
                    if options.get("http_client") is None:
                        options["http_client"] = http()
                super().__init__(**options)

        Filled.__name__ = Filled.__qualname__ = kind.__name__
        return Filled

    def _renaming(self, kind: Any) -> Any:
        """`kind` whose requests name the replacement model, through the SDK's own hook (`_prepare_options`)."""
        given = self

        class Renaming(kind):  # type: ignore[misc]
            def _prepare_options(self, options: Any) -> Any:
                return super()._prepare_options(given._renamed(options))  # of AsyncOpenAI: a coroutine

        Renaming.__name__ = Renaming.__qualname__ = kind.__name__
        return Renaming

    def _renamed(self, options: Any) -> Any:
        body = options.json_data
        model = body.get("model") if isinstance(body, dict) else None
        if not isinstance(model, str):
            return options
        self.on_model(model)
        if model not in self.models:
            return options
        # A copy, because a retry starts from the original and would be renamed again.
        return options.model_copy(update={"json_data": {**body, "model": self.models[model]}})

    def _options(self, kind: Callable[..., Any], guard: Callable[..., Any]) -> dict[str, Any]:
        import httpx2

        proxy = choose_proxy(self.route)
        through = None
        if proxy is not None:
            through = httpx2.Proxy(proxy.url, auth=(proxy.user, proxy.password) if proxy.user else None)
        way = limited(kind(verify=tls_context(self.route.ca_file), proxy=through, trust_env=False))
        if own_network.check(self.route):
            way = own_network.confined(httpx2, way)
        return {
            "transport": guard(httpx2, way, LARGE),
            "timeout": httpx2.Timeout(self.silence, connect=10.0),
            "trust_env": False,
        }

    def _http(self) -> Any:
        import httpx2

        from desktop.agents.models.tolerant.transport_sync import TolerantSync

        def options() -> dict[str, Any]:
            return self._options(httpx2.HTTPTransport, guarded)

        made = options()
        way = TolerantSync(made["transport"], lambda: options()["transport"], self._refusals)
        return httpx2.Client(**{**made, "transport": way})

    def _async_http(self) -> Any:
        import httpx2

        from desktop.agents.models.tolerant.transport import Tolerant

        def options() -> dict[str, Any]:
            return self._options(httpx2.AsyncHTTPTransport, guarded_async)

        made = options()
        way = Tolerant(made["transport"], lambda: options()["transport"], self._refusals)
        return httpx2.AsyncClient(**{**made, "transport": way})
