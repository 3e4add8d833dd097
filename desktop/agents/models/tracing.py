"""Sends traces of runs to OpenAI: off by default, and only for OpenAI's own endpoint when a person switches it on.

openai-agents 0.24 has tracing on by default, with a client configured by the environment. Importing this module before
the first run switches that off.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import agents
import agents.tracing
from agents.tracing.provider import DefaultTraceProvider

from desktop.agents.models.endpoints import is_openai
from desktop.openai_api import own_network
from desktop.openai_api.bounded import Bounds, guarded
from desktop.openai_api.heads import limited
from desktop.openai_api.transport import choose_proxy, tls_context
from desktop.settings.origins import normalise_api_base

if TYPE_CHECKING:
    from agents.tracing.processors import BatchTraceProcessor

    from desktop.openai_api import transport
    from desktop.settings.agents import Endpoint

log = logging.getLogger(__name__)

# Our own provider, without exporters. Using the default one would create its HTTP client, which reads SSL_CERT_FILE and
# the environment's proxies.
agents.tracing.set_trace_provider(DefaultTraceProvider())
agents.set_tracing_disabled(True)


class Tracing:
    """Manages the exporter. There is one at a time, for the last run that may be traced."""

    def __init__(self) -> None:
        self._way: tuple[object, ...] | None = None
        self._exporter: Any = None  # `BackendSpanExporter`, which has no type annotations
        self._processor: BatchTraceProcessor | None = None

    def use(self, wanted: bool, endpoint: Endpoint, key: str | None, route: transport.Endpoint) -> bool:
        """Set it up for the next run. Returns whether that run is traced."""
        on = wanted and is_openai(endpoint) and bool(key)
        if on and key and self._way != (endpoint.base_url, key, route):
            self.close()
            try:
                self._begin(endpoint, key, route)
            except (OSError, ValueError) as error:  # it first makes a client from the environment
                log.warning("runs are not reported: %s", error)
                on = False
            else:
                self._way = (endpoint.base_url, key, route)
        agents.set_tracing_disabled(not on)
        return on

    def close(self, limit: float = 1.0) -> None:
        """Send what is queued, within `limit` seconds, and end the exporter."""
        agents.set_tracing_disabled(True)
        agents.tracing.set_trace_processors([])
        if self._processor is not None and self._exporter is not None:
            self._processor.shutdown(timeout=limit)
            self._exporter.close()
        self._way = self._exporter = self._processor = None

    def _begin(self, endpoint: Endpoint, key: str, route: transport.Endpoint) -> None:
        import httpx2
        from agents.tracing.processors import BackendSpanExporter, BatchTraceProcessor

        base = normalise_api_base(endpoint.base_url)
        exporter = BackendSpanExporter(api_key=key, endpoint=f"{base}/v1/traces/ingest")
        # Otherwise both are read from OPENAI_ORG_ID and OPENAI_PROJECT_ID (openai-agents 0.24, cached properties).
        vars(exporter).update(organization=None, project=None)
        exporter._client.close()
        proxy = choose_proxy(route)
        through = None if proxy is None else httpx2.Proxy(proxy.url, auth=(proxy.user, proxy.password))
        inside = own_network.check(route)
        way = limited(httpx2.HTTPTransport(verify=tls_context(route.ca_file), proxy=through, trust_env=False))
        exporter._client = httpx2.Client(
            transport=guarded(httpx2, own_network.confined(httpx2, way) if inside else way, Bounds()),
            timeout=route.timeout,
            trust_env=False,
        )
        self._exporter, self._processor = exporter, BatchTraceProcessor(exporter)
        agents.tracing.set_trace_processors([self._processor])
