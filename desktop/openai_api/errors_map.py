"""Maps an answer or a network exception to the error that explains it (`desktop/common/errors.py`).

Pure: sends nothing. Errors never contain a secret: a server's texts are redacted first, because OpenAI itself repeats
part of a rejected key.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from desktop.common.errors import AppError
from desktop.openai_api import error_bodies
from desktop.openai_api.errors import (
    ApiError,
    BadAnswer,
    CaptivePortal,
    ClockWrong,
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
    TlsWrongHost,
    WorkflowGone,
    WorkflowNotFound,
)

SKEW_LIMIT = 300.0
"""Seconds this computer's clock may differ from the server's before it counts as the cause."""
TEXT_LIMIT = 300
"""Characters kept of a server's text."""

_EXPIRED = {9, 10, 0x800B0101, -67818, -67819}  # OpenSSL, Windows (CERT_E_EXPIRED), macOS (errSecCertificate…)
_WRONG_HOST = {62, 63, 64, 0x800B010F, -67602}  # OpenSSL, Windows (CERT_E_CN_NO_MATCH), macOS (errSecHostName…)
_SECRETS = re.compile(
    r"(?:sk|ek|sess|cs|ckses|eyJ)[-_.][^\s\"'<>,;:]+"  # keys and client secrets, starred ones too
    r"|(?<=[Bb]earer )\S+|(?<=[Bb]asic )\S+|(?<=key provided: )\S+|(?<=://)[^/\s@]+@"
)


@dataclass(frozen=True)
class About:
    """Facts about a failed call."""

    host: str
    path: str = ""
    """The path after `/v1`."""
    workflow: str = ""
    thread: str = ""
    proxy: str = ""
    """The proxy's label; empty if none was used."""
    seconds: float = 20.0
    """The time limit that applied."""
    secrets: tuple[str, ...] = field(default=(), repr=False)


PIECE = 2
"""Characters hidden of a secret's beginning or end next to a mask."""
LONG_PIECE = 8
"""The same without a mask."""
_PIECES = re.compile(r"([\w+/=-]*)((?:\*{2,}|\.{3,}|…|•{2,})?)([\w+/=-]*)")


def scrub(text: str, secrets: tuple[str, ...] = ()) -> str:
    """`text` on one line, shortened, without secrets or anything that looks like one."""
    for secret in secrets:
        if secret:
            text = _without_pieces(text.replace(secret, "…"), secret)
    return " ".join(_SECRETS.sub("…", text).split())[:TEXT_LIMIT]


def _without_pieces(text: str, secret: str) -> str:
    """`text` without the parts of a secret that servers show to identify it ("abcd****wxyz", "abcdefgh…")."""

    def hidden(found: re.Match[str]) -> str:
        head, mask, tail = found.groups()
        least = PIECE if mask else LONG_PIECE
        ends = (len(head) >= least and secret.startswith(head)) or (len(tail) >= least and secret.endswith(tail))
        whole = not mask and len(head) >= least and secret.endswith(head)
        return "…" if ends or whole else found[0]

    return _PIECES.sub(hidden, text)


def error_text(body: object) -> str:
    """The message in an error's JSON, whatever its format; empty if there is none."""
    return error_bodies.plain(error_bodies.words(body))


def error_codes(body: object) -> set[str]:
    """`code` and `type` of the error, wherever they are nested."""
    return error_bodies.codes(body)


def header_date(headers: Mapping[str, str], name: str) -> float | None:
    """A header's HTTP date in unix seconds, or None."""
    try:
        return parsedate_to_datetime(headers.get(name, "")).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds the server asks to wait (`retry-after-ms`, or `Retry-After` as seconds or as a date), or None.

    A date is measured against the answer's own `Date`, so a wrong clock here does no harm; `now` is unix seconds.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    at = header_date(headers, "retry-after")
    if at is None:
        return None
    sent = header_date(headers, "date")
    return max(0.0, at - (now if sent is None else sent))


def clock_skew(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds by which this computer's clock (`now`, unix) is ahead of the server's, or None."""
    sent = header_date(headers, "date")
    return None if sent is None else now - sent


def is_html(headers: Mapping[str, str], body: bytes) -> bool:
    """Whether an answer is a web page."""
    if "html" in headers.get("content-type", "").lower():
        return True
    return error_bodies.is_page(body)


def of_answer(status: int, headers: Mapping[str, str], body: bytes, about: About, now: float) -> AppError:
    """The error for an answer other than 2xx. `headers`: with lower-case names. `now`: unix seconds."""
    host = about.host
    page = is_html(headers, body)
    parsed = None if page else error_bodies.read(body)
    text = "" if page else scrub(error_bodies.said(body), about.secrets)
    codes = error_codes(parsed)
    request_id = scrub(headers.get("x-request-id", ""))
    detail = scrub(" ".join(part for part in (str(status), *sorted(codes), text, request_id) if part), about.secrets)
    base: dict[str, Any] = {"status": status, "request_id": request_id}
    minting = about.path == "/chatkit/sessions"

    if 300 <= status < 400:
        target = urlsplit(headers.get("location", "")).hostname
        if target and target != host:
            return CaptivePortal(f"{status} redirect to {scrub(target)}", host=host)
        return BadAnswer(f"{status} redirect", host=host)
    if status == 511:
        return CaptivePortal(detail, host=host)
    if status == 407:
        return ProxyAuthRequired(detail, host=host, proxy=about.proxy or host)  # or one that nobody named
    if status >= 500:
        down = _with_status(ServiceDown(detail, retry_after=retry_after(headers, now), **base))
        down.said = text if error_bodies.tells(text) else ""
        return down
    if status == 401:
        skew = clock_skew(headers, now)
        if skew is not None and abs(skew) > SKEW_LIMIT:
            return ClockWrong(f"{detail}; clock off by {skew:.0f} s", host=host)
        return _with_words(KeyRejected(detail, **base), text)
    if status == 429:
        if "insufficient_quota" in codes or "billing_not_active" in codes or "current quota" in text.lower():
            return QuotaExceeded(detail, **base)
        return RateLimited(detail, retry_after=retry_after(headers, now), **base)
    if page:  # OpenAI refuses with JSON; a web page comes from the network in between
        return CaptivePortal(f"{status} with a web page", host=host)
    if status == 403 and "unsupported_country_region_territory" not in codes:
        return _with_words(KeyRestricted(detail, **base), text)
    if status == 404 and about.thread:
        return ThreadNotFound(detail, thread=about.thread, **base)
    if status == 404 and minting and ("workflow" in text.lower() or not text):
        return WorkflowNotFound(detail, workflow=about.workflow, **base)
    if status == 410 and minting:
        return WorkflowGone(detail, workflow=about.workflow, **base)
    return _with_status(RequestRejected(detail, problem=text or _phrase(status), **base))


def _with_words(error: ApiError, text: str) -> ApiError:
    """`error` with the server's words, unless it is OpenAI, whose words say no more than our sentence."""
    error.words = text if error_bodies.tells(text) else ""
    return error


def _phrase(status: int) -> str:
    """The meaning of a status, for servers without a message."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return str(status)


def _with_status(error: ApiError) -> ApiError:
    """Add `status` to the sentence's values; ApiError itself keeps it only for code."""
    error.values = {**error.values, "status": error.status}
    return error


def chain(error: BaseException) -> Iterator[BaseException]:
    """An exception and all its causes."""
    seen: set[int] = set()
    todo: list[BaseException] = [error]
    while todo:
        one = todo.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        todo += [other for other in (one.__cause__, one.__context__, *one.args) if isinstance(other, BaseException)]


def of_tls(error: ssl.SSLCertVerificationError, about: About, detail: str) -> AppError:
    """The kind of TLS failure: a wrong clock, another host's certificate, or an untrusted one."""
    message = f"{getattr(error, 'verify_message', '')} {error}".lower()
    code = getattr(error, "verify_code", None)
    if code in _EXPIRED or "expired" in message or "not yet valid" in message:
        return ClockWrong(detail, host=about.host)
    if code in _WRONG_HOST or "hostname mismatch" in message or "doesn't match" in message or "not match" in message:
        return TlsWrongHost(detail, host=about.host)
    return TlsUntrusted(detail, host=about.host)


def speaks_plainly(causes: Iterable[BaseException]) -> bool:
    """Whether a handshake failed because the other side does not speak TLS (error names of OpenSSL 1.1 and 3)."""
    for cause in causes:
        if isinstance(cause, ssl.SSLError):
            said = f"{getattr(cause, 'reason', '')} {cause}".upper().replace(" ", "_")
            if any(one in said for one in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")):
                return True
    return False


def of_name(error: Exception, about: About) -> AppError:
    """The error for an invalid host name: an empty or too long part, or invalid letters.

    httpx and the resolver raise their own exceptions for these (InvalidURL, UnicodeError).
    """
    detail = scrub(f"{type(error).__name__}: {error}", about.secrets)
    if about.proxy:
        return ProxyFailed(detail, host=about.host, proxy=about.proxy)
    return NameNotFound(detail, host=about.host)


def of_exception(error: Exception, about: About, *, reading: bool = False, at_proxy: bool = False) -> AppError:
    """The error for a request without a complete answer.

    `error`: httpx's. `reading`: the answer had begun. `at_proxy`: the proxy had not yet opened the connection.
    """
    import httpx

    host = about.host
    causes = list(chain(error))
    detail = scrub(f"{type(error).__name__}: {error}", about.secrets)
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return of_tls(cause, about, detail)
    if isinstance(error, httpx.ProxyError):
        if str(error).strip().startswith("407"):
            return ProxyAuthRequired(detail, host=host, proxy=about.proxy)
        return ProxyFailed(detail, host=host, proxy=about.proxy)
    connecting = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
    over_tls = any(isinstance(cause, ssl.SSLError) for cause in causes)
    if about.proxy and (at_proxy or (connecting and not over_tls)):
        return ProxyFailed(detail, host=host, proxy=about.proxy)
    if speaks_plainly(causes):
        return TlsToPlain(detail, host=host)
    if isinstance(error, httpx.TimeoutException):
        return TimedOut(detail, host=host, seconds=round(about.seconds))
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return NameNotFound(detail, host=host)
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return ConnectionRefused(detail, host=host)
    if over_tls and not any(isinstance(cause, ssl.SSLEOFError) for cause in causes):
        return TlsUntrusted(detail, host=host)
    if isinstance(error, httpx.RemoteProtocolError) and (reading or "disconnected" not in str(error)):
        return BadAnswer(detail, host=host)  # cut short, or not HTTP
    if isinstance(error, httpx.DecodingError):
        return BadAnswer(detail, host=host)
    return ConnectionLost(detail, host=host)
