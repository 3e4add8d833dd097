"""Maps a ChatKit server's answer, or its absence, to the error that explains it. Sends nothing."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from desktop.agents.remote.errors import (
    ServerBusy,
    ServerChatLost,
    ServerDown,
    ServerGone,
    ServerNotFound,
    ServerRefused,
    ServerTokenRefused,
    ServerTokenWanted,
    ServerUnfit,
)
from desktop.agents.remote.target import Target
from desktop.agents.remote.wire import Request
from desktop.common.errors import AppError
from desktop.openai_api import errors_map
from desktop.openai_api.errors import BadAnswer, CaptivePortal, ConnectionLost, ProxyAuthRequired

NO_WORDS = {"", "not found", "method not allowed", "404 page not found", "forbidden", "unauthorized", "403 forbidden"}
"""Default messages of frameworks, for an unknown path or a caller that is turned away."""
ABOUT_TOKENS = re.compile(
    r"token|auth|credential|api[ _-]?key|bearer|sign(?:ed)?[ _-]?in|log(?:ged)?[ _-]?in|session|jwt|csrf", re.IGNORECASE
)
"""Words in a 403 that suggest another token. Any other 403 is the server's own refusal."""


def about(target: Target, proxy: str, seconds: float) -> errors_map.About:
    return errors_map.About(host=target.host, proxy=proxy, seconds=seconds, secrets=(target.token,))


def refusal(status: int, headers: Mapping[str, str], body: bytes, asked: Request, target: Target) -> AppError:
    """The error for an answer other than 2xx. `body` may be only its beginning."""
    host = target.host
    words = _words(headers, body, target)
    detail = errors_map.scrub(f"{status} {words}", (target.token,))
    tells = words.lower().strip(" .!") not in NO_WORDS
    if status == 401 or (status == 403 and (not tells or ABOUT_TOKENS.search(words))):
        kind = ServerTokenRefused if target.token else ServerTokenWanted
        return kind(detail, host=host)
    if status == 407:
        return ProxyAuthRequired(detail, host=host, proxy=host)
    if status == 511:
        return CaptivePortal(detail, host=host)
    if status == 404 and asked.thread and tells:
        return ServerChatLost(detail, host=host, thread=asked.thread[:60])
    if status in (404, 405, 410, 501) and not tells:
        return ServerNotFound(detail, host=host, path=urlsplit(target.url).path)
    if status == 429:
        return ServerBusy(detail, host=host, words=words, retry_after=errors_map.retry_after(headers, time.time()))
    if status >= 500:
        return ServerDown(detail, host=host, status=status, words=words)
    if status < 400:
        return ServerUnfit(detail, host=host)
    return ServerRefused(detail, host=host, status=status, problem=words or str(status))


def unfit(target: Target, detail: str) -> ServerUnfit:
    return ServerUnfit(errors_map.scrub(detail, (target.token,)), host=target.host)


def broken(error: Exception, target: Target, proxy: str, seconds: float, *, reading: bool) -> AppError:
    """The error for a request without a complete answer. `reading`: the answer had begun."""
    import httpx

    if isinstance(error, AppError):
        return error
    if isinstance(error, AppError):
        return error
    known = about(target, proxy, seconds)
    if isinstance(error, httpx.InvalidURL | UnicodeError):
        return errors_map.of_name(error, known)
    if not isinstance(error, httpx.HTTPError):
        return ConnectionLost(errors_map.scrub(type(error).__name__), host=target.host)
    told = errors_map.of_exception(error, known, reading=reading)
    if reading and isinstance(told, ConnectionLost | BadAnswer):
        return ServerGone(told.detail, host=target.host)
    return told


def _words(headers: Mapping[str, str], body: bytes, target: Target) -> str:
    if errors_map.is_html(headers, body):
        return ""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    text = errors_map.error_text(parsed)
    if not text and isinstance(parsed, dict) and isinstance(parsed.get("detail"), str):
        text = parsed["detail"]  # FastAPI
    return errors_map.scrub(text, (target.token,))
