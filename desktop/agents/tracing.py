"""Reports of runs to OpenAI's traces: off, and only for OpenAI's own endpoint when a person switches them on.

Switched on by itself is what openai-agents (0.24) comes with; importing this module ends that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import agents
import agents.tracing

from desktop.agents.endpoints import is_openai
from desktop.openai_api.transport import choose_proxy, tls_context
from desktop.settings.origins import normalise_api_base

if TYPE_CHECKING:
    from desktop.openai_api import transport
    from desktop.settings.agents import Endpoint

agents.set_tracing_disabled(True)
agents.tracing.set_trace_processors([])


class Tracing:
    """Which exporter is in place; one at a time, that of the last run that may be reported."""

    def __init__(self) -> None:
        self._exports_to: tuple[object, ...] | None = None

    def use(self, wanted: bool, endpoint: Endpoint, key: str | None, route: transport.Endpoint) -> bool:
        """Sets it for the run that follows; gives whether that run is reported."""
        on = wanted and is_openai(endpoint) and bool(key)
        agents.set_tracing_disabled(not on)
        if on and key and self._exports_to != (endpoint.base_url, key, route):
            self._exports_to = (endpoint.base_url, key, route)
            agents.tracing.set_trace_processors([_processor(endpoint, key, route)])
        return on


def _processor(endpoint: Endpoint, key: str, route: transport.Endpoint) -> agents.tracing.TracingProcessor:
    import httpx2
    from agents.tracing.processors import BackendSpanExporter, BatchTraceProcessor

    exporter = BackendSpanExporter(api_key=key, endpoint=f"{normalise_api_base(endpoint.base_url)}/v1/traces/ingest")
    # Both are otherwise read from OPENAI_ORG_ID and OPENAI_PROJECT_ID (openai-agents 0.24, cached properties).
    vars(exporter).update(organization=None, project=None)
    proxy = choose_proxy(route)
    through = None if proxy is None else httpx2.Proxy(proxy.url, auth=(proxy.user, proxy.password))
    exporter._client.close()
    exporter._client = httpx2.Client(
        verify=tls_context(route.ca_file), proxy=through, timeout=route.timeout, trust_env=False
    )
    return BatchTraceProcessor(exporter)
