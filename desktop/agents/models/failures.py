"""Maps exceptions of the SDKs and answers of a model's endpoint to the error that explains them.

Works without the SDKs: it looks at their classes only if they are already imported. Sends nothing, shows nothing.
"""

from __future__ import annotations

import json
import socket
import ssl
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from desktop.agents.errors import AnswerFailed, ContextTooLong, ModelNotFound
from desktop.agents.models.errors import (
    EndpointBusy,
    EndpointDown,
    EndpointKeyRejected,
    EndpointRefused,
    EndpointUnfit,
    RequestTooLarge,
)
from desktop.common.errors import AgentsMissing, AppError, BadParams, InternalError, Phrase
from desktop.openai_api import error_bodies, errors_map
from desktop.openai_api.errors import (
    BadAnswer,
    CaptivePortal,
    ConnectionLost,
    ConnectionRefused,
    KeyRejected,
    KeyRestricted,
    NameNotFound,
    ProxyAuthRequired,
    ProxyFailed,
    QuotaExceeded,
    RateLimited,
    RequestRejected,
    ServiceDown,
    ThreadNotFound,
    TimedOut,
    TlsToPlain,
    TlsUntrusted,
)

CONTEXT_CODES = {"context_length_exceeded", "string_above_max_length"}
CONTEXT_WORDS = (
    *("maximum context length", "context window", "exceeds the available context size", "context length exceeded"),
    *("prompt is too long", "longer than the model's context"),
)
MODEL_CODES = {"model_not_found"}


@dataclass(frozen=True)
class Asked:
    """Facts about a failed model call. `openai`: whether the endpoint is OpenAI's."""

    host: str = ""
    model: str = ""
    openai: bool = False
    proxy: str = ""
    seconds: float = 60.0
    secrets: tuple[str, ...] = field(default=(), repr=False)


def of(error: BaseException, asked: Asked | None = None) -> AppError:
    """The error to report. Its details are redacted; the rest of the exception belongs in the log."""
    asked = asked or Asked()
    if isinstance(error, AppError):
        return error
    if isinstance(error, ModuleNotFoundError):
        from desktop.agents.chatkit.without_stack import missing

        return missing(error)
    store = sys.modules.get("chatkit.store")
    if store is not None and isinstance(error, store.NotFoundError):
        return ThreadNotFound(_detail(error, asked), thread=errors_map.scrub(str(error))[:60])
    openai = sys.modules.get("openai")
    if openai is not None:
        if isinstance(error, openai.APIStatusError):
            return _of_status(error, asked)
        if isinstance(error, openai.APIConnectionError):
            return _of_connection(error, asked)
        if isinstance(error, openai.APIError):  # an `error` event within a stream
            return of_body(error.body, str(error.message), asked)
    http = sys.modules.get("httpx2")
    if http is not None and isinstance(error, http.HTTPError):
        return _of_connection(error, asked)
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
        return BadAnswer(_detail(error, asked), host=asked.host)
    agents = sys.modules.get("agents")
    if agents is not None and isinstance(error, agents.exceptions.ModelBehaviorError):
        return AnswerFailed(_detail(error, asked), host=asked.host, problem=_words(str(error), asked))
    if isinstance(error, ConnectionError | TimeoutError):
        return _of_connection(error, asked)
    return InternalError(_detail(error, asked))


def of_body(body: object, text: str, asked: Asked) -> AppError:
    """The error for one reported inside an answer: `{code, message, …}`, or `{error: {…}}`."""
    codes = errors_map.error_codes(body)
    said = errors_map.error_text(body) or error_bodies.plain(text)
    known = _by_code(codes, said, asked, "")
    if known is not None:
        return _with_words(known, said, asked)
    detail = errors_map.scrub(" ".join((*sorted(codes), said)), asked.secrets)
    return AnswerFailed(detail, host=asked.host, problem=_words(said, asked))


def _by_code(codes: set[str], text: str, asked: Asked, detail: str) -> AppError | None:
    if codes & CONTEXT_CODES or any(sign in text.lower() for sign in CONTEXT_WORDS):
        return ContextTooLong(detail, model=asked.model)
    if codes & MODEL_CODES:
        return ModelNotFound(detail, model=asked.model, host=asked.host)
    if "insufficient_quota" in codes:
        return QuotaExceeded(detail, status=429) if asked.openai else EndpointBusy(detail, host=asked.host)
    if "rate_limit_exceeded" in codes:
        return RateLimited(detail, status=429) if asked.openai else EndpointBusy(detail, host=asked.host)
    if codes & {"server_error", "internal_error"}:
        return _down(detail, 500, asked)
    return None


def _with_words(error: AppError, said: str, asked: Asked) -> AppError:
    """`error` with the endpoint's own words, if they say more than its status."""
    if error_bodies.tells(said) and "problem" not in error.values:
        error.said = _words(said, asked)
    return error


def _down(detail: str, status: int, asked: Asked) -> AppError:
    if not asked.openai:
        return EndpointDown(detail, host=asked.host, status=status)
    error = ServiceDown(detail, status=status)
    error.values = {**error.values, "status": status}
    return error


def _of_status(error: Any, asked: Asked) -> AppError:
    """The error for an answer other than 2xx (`openai.APIStatusError`)."""
    response = error.response
    status = int(response.status_code)
    headers = {str(name).lower(): str(value) for name, value in response.headers.items()}
    try:
        content: bytes = response.content
    except Exception:  # noqa: BLE001 - httpx2.ResponseNotRead: the connection broke before the body was there
        content = b""
    body = error_bodies.read(content) if content else error.body
    about = errors_map.About(host=asked.host, proxy=asked.proxy, seconds=asked.seconds, secrets=asked.secrets)
    told = errors_map.of_answer(status, headers, content or _as_bytes(body), about, time.time())
    codes = errors_map.error_codes(body)
    text = error_bodies.said(content) or errors_map.error_text(body)
    return _with_words(_of_answer(told, status, codes, text, asked), text, asked)


def _as_bytes(body: object) -> bytes:
    return json.dumps({"error": body} if isinstance(body, dict) and "error" not in body else body).encode()


def _of_answer(told: AppError, status: int, codes: set[str], text: str, asked: Asked) -> AppError:
    """The error that fits an endpoint best. `told`: what it would be at OpenAI's ChatKit API."""
    host, detail = asked.host, told.detail
    if status == 413:
        return RequestTooLarge(detail, host=host)
    known = _by_code(codes - {"server_error", "internal_error"}, text, asked, detail)
    if known is not None and not isinstance(told, RateLimited | QuotaExceeded):
        return known
    if status == 404 and asked.model and (asked.model in text or "model" in text.lower()):
        return ModelNotFound(detail, model=asked.model, host=host)
    if status in (404, 405) and not error_bodies.tells(text):
        return EndpointUnfit(detail, host=host)  # all we know is that nothing is there
    problem = _words(text, asked) if error_bodies.tells(text) else Phrase("agent_run.refused.no_words")
    if isinstance(told, KeyRestricted) or (status == 404 and isinstance(told, RequestRejected)):
        # The sentences for these are about ChatKit sessions. The endpoint's own words say more here.
        return EndpointRefused(detail, host=host, status=status, problem=problem)
    if asked.openai:
        if isinstance(told, RequestRejected):
            told.values = {**told.values, "problem": problem}
        return told
    if isinstance(told, CaptivePortal) and status not in (302, 303, 307, 511):
        return EndpointRefused(detail, host=host, status=status, problem=problem)
    if isinstance(told, KeyRejected):
        return EndpointKeyRejected(detail, host=host)
    if isinstance(told, RateLimited | QuotaExceeded):
        return EndpointBusy(detail, host=host)
    if isinstance(told, ServiceDown):
        return EndpointDown(detail, host=host, status=status)
    if isinstance(told, RequestRejected):
        return EndpointRefused(detail, host=host, status=status, problem=problem)
    return told


def _of_connection(error: BaseException, asked: Asked) -> AppError:
    """The error for an incomplete answer: an exception of `openai`, `httpx2` or the socket, by its cause."""
    detail = _detail(error, asked)
    host = asked.host
    causes = list(errors_map.chain(error))
    names = {kind.__name__ for cause in causes for kind in type(cause).__mro__}
    about = errors_map.About(host=host, proxy=asked.proxy, seconds=asked.seconds, secrets=asked.secrets)
    for cause in causes:
        if isinstance(cause, AppError):
            return cause
        if isinstance(cause, ssl.SSLCertVerificationError):
            return errors_map.of_tls(cause, about, detail)
    if not asked.proxy and errors_map.speaks_plainly(causes):
        return TlsToPlain(detail, host=host)
    if "ProxyError" in names:
        text = " ".join(str(cause) for cause in causes)
        refused = ProxyAuthRequired if "407" in text else ProxyFailed
        return refused(detail, host=host, proxy=asked.proxy)
    if asked.proxy and names & {"ConnectError", "ConnectTimeout"}:
        return ProxyFailed(detail, host=host, proxy=asked.proxy)
    if names & {"APITimeoutError", "TimeoutException", "TimeoutError"}:
        return TimedOut(detail, host=host, seconds=round(asked.seconds))
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return NameNotFound(detail, host=host)
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes) or "ConnectError" in names:
        if any(isinstance(cause, ssl.SSLError) for cause in causes):
            return TlsUntrusted(detail, host=host)
        return ConnectionRefused(detail, host=host)
    if "DecodingError" in names:
        return BadAnswer(detail, host=host)
    return ConnectionLost(detail, host=host)


def bad_request(error: BaseException) -> AppError:
    """The error for an invalid request (pydantic's ValidationError, the SDK's ValueError): a 4xx for the page."""
    if isinstance(error, AppError):
        return error
    problems = getattr(error, "errors", None)
    if callable(problems):
        found = problems(include_url=False, include_input=False)
        where = ".".join(str(part) for part in found[0].get("loc", ())) if found else ""
        return BadParams(problem=f"{where} {found[0].get('msg', '') if found else ''}".strip()[:200])
    return BadParams(problem=errors_map.scrub(str(error))[:200])


def _words(text: str, asked: Asked) -> str:
    return errors_map.scrub(text, asked.secrets) or "?"


def _detail(error: BaseException, asked: Asked) -> str:
    return errors_map.scrub(f"{type(error).__name__}: {error}", asked.secrets)


__all__ = ["AgentsMissing", "Asked", "bad_request", "of", "of_body"]
