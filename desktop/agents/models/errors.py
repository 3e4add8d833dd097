"""Errors reported by a model's endpoint."""

from __future__ import annotations

from desktop.common.errors import AgentError


class EndpointError(AgentError):
    """values of every child: host."""


class EndpointKeyRejected(EndpointError):
    code = "endpoint_key_rejected"


class EndpointBusy(EndpointError):
    code = "endpoint_busy"
    retryable = True


class EndpointDown(EndpointError):
    """values: host, status."""

    code = "endpoint_down"
    retryable = True


class EndpointRefused(EndpointError):
    """values: host, status, problem (the endpoint's own words)."""

    code = "endpoint_refused"


class RequestTooLarge(EndpointError):
    """413: the same request will never be accepted."""

    code = "request_too_large"


class EndpointUnfit(EndpointError):
    code = "endpoint_unfit"
