"""The log: one rotating private file (`log_file.py`), and the one place that takes secrets out of any text.

`redact` is for everything that leaves the process as text: log lines, diagnostics, details of
errors. Secrets are registered with `add_secret` as soon as they are known. Knows no other part.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
from base64 import b64encode, urlsafe_b64encode
from functools import lru_cache
from urllib.parse import quote, quote_plus

from desktop.common.locations import Locations
from desktop.common.log_file import PrivateFileHandler

FORMAT = "%(asctime)s - %(name)s - %(levelname)s - %(message)s"
HIDDEN = "[hidden]"
SHORTEST_SECRET = 4
"""Shorter secrets are not searched for: hiding every "a" of a log hides nothing."""

_QUOTED = r"(?:b?\\*[\"'])?"
_VALUE = r"(?!\[hidden\])[^\s\"'\\,;&}\])]{3,}"
_NAMES = "client_?secret|api_?key|password|passwd|access_token|refresh_token|page_key|authkey"
# Any scheme, and all that follows to the end of the value.
_AUTHORIZATION = (
    rf"(?i)(authorization\\*[\"']?\s*[:=,]\s*+{_QUOTED}(?:(?:bearer|basic|digest|negotiate)\s+)?)"
    r"(?!(?:bearer |basic |digest |negotiate )?\[hidden\])[^\r\n\"'\\,;&}\])]{3,}"
)
_PATTERNS = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        # "client_secret": "…", 'api_key': '…', password=…, with whatever quotes and escapes JSON and repr put around
        (rf"(?i)((?:{_NAMES})\\*[\"']?\s*[:=]\s*{_QUOTED}){_VALUE}", rf"\1{HIDDEN}"),
        (_AUTHORIZATION, rf"\1{HIDDEN}"),
        (r"((?i:\bbearer)\s+)(?!\[hidden\])[A-Za-z0-9._~+/=-]{8,}", rf"\1{HIDDEN}"),
        (r"((?i:\bbasic)\s+)(?=\S*[A-Z0-9=])[A-Za-z0-9+/=_-]{8,}", rf"\1{HIDDEN}"),
        # keys and client secrets wherever they stand
        (r"(?<![A-Za-z0-9])sk-[A-Za-z0-9_-]{8,}", HIDDEN),
        (r"(?<![A-Za-z0-9_])(?:ek|cksess)_[A-Za-z0-9_-]{6,}", HIDDEN),
        # the password in scheme://user:password@host
        (r"(://[^/\s:@\"']*:)(?!\[hidden\])[^/\s@\"']+(?=@)", rf"\1{HIDDEN}"),
    )
)

_lock = threading.Lock()
_secrets: set[str] = set()
_known: re.Pattern[str] | None = None


def add_secret(secret: str) -> None:
    """From now on `redact` takes `secret` out in every common spelling."""
    global _known
    if len(secret) < SHORTEST_SECRET:
        return
    with _lock:
        if secret not in _secrets:
            _secrets.add(secret)
            _known = None  # made when it is needed: many tokens may come before the next line


def _pattern() -> re.Pattern[str] | None:
    """Finds every secret that is known; None where there is none."""
    global _known
    with _lock:
        if _known is None and _secrets:
            spellings = {spelling for known in _secrets for spelling in _spellings(known)}
            # The longest first: one spelling may be the beginning of another.
            parts = [re.escape(spelling) for spelling in sorted(spellings, key=len, reverse=True)]
            # Of a key also what remains when it is cut: the first 8 characters after sk-, and what follows.
            cut = [known[3:11] for known in _secrets if known.startswith("sk-")]
            parts += [rf"(?:sk-)?{re.escape(begin)}[A-Za-z0-9_-]*" for begin in cut]
            _known = re.compile("|".join(parts))
        return _known


@lru_cache(maxsize=256)
def _spellings(secret: str) -> frozenset[str]:
    """The secret raw, as URL, JSON and repr write it, and in base64 at each of its three alignments."""
    data = secret.encode("utf-8", "surrogatepass")
    found = {secret, quote(data, safe=""), quote(data), quote_plus(data), json.dumps(secret)[1:-1]}
    found |= {repr(secret)[1:-1], repr(data)[2:-1], json.dumps(secret, ensure_ascii=False)[1:-1], data.hex()}
    if len(data) >= 8:
        for encode in (b64encode, urlsafe_b64encode):
            for shift in range(3):
                # Only the characters that the secret alone decides.
                whole = encode(b"\0" * shift + data).decode("ascii").rstrip("=")
                first = (0, 2, 3)[shift]
                last = len(whole) if (len(data) + shift) % 3 == 0 else len(whole) - 1
                found.add(whole[first:last])
    return frozenset(spelling for spelling in found if len(spelling) >= SHORTEST_SECRET)


def redact(text: str) -> str:
    """`text` without registered secrets and without anything shaped like one."""
    known = _known or _pattern()
    if known is not None:
        text = known.sub(HIDDEN, text)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


class RedactingFormatter(logging.Formatter):
    """Redacts the finished line: message, arguments, exception and stack alike."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def set_up(locations: Locations, level: str = "INFO", *, console: bool = False) -> logging.Handler:
    """Sends the whole process's log to the profile's file, redacted; `console` also warnings to standard error.

    Calling it again replaces the earlier set-up. Returns the file's handler.
    """
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if isinstance(handler.formatter, RedactingFormatter)]:
        root.removeHandler(old)
        old.close()
    formatter = RedactingFormatter(FORMAT)
    file = PrivateFileHandler(locations.log)
    file.setFormatter(formatter)
    root.addHandler(file)
    root.setLevel(level)
    if console and sys.stderr is not None:  # None in a windowed app
        errors = logging.StreamHandler()
        errors.setFormatter(formatter)
        errors.setLevel(logging.WARNING)
        root.addHandler(errors)
    for noisy in ("httpx", "httpcore", "asyncio", "urllib3", "jeepney"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    quiet_pywebview()
    return file


def quiet_pywebview() -> None:
    """Sends pywebview's own log to our file, and nothing of it below WARNING to standard error.

    pywebview 6.2 adds a handler for standard error while it is imported, unless there is one already.
    """
    logger = logging.getLogger("pywebview")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    for handler in logger.handlers:
        handler.setLevel(max(handler.level, logging.WARNING))
        handler.setFormatter(RedactingFormatter(FORMAT))


def shut_down() -> None:
    """Closes the file, so that its folder can be deleted (Windows insists)."""
    root = logging.getLogger()
    for handler in [found for found in root.handlers if isinstance(found, PrivateFileHandler)]:
        root.removeHandler(handler)
        handler.close()
