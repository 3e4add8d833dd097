"""Checks the brand's release page for a newer version, over TLS. Downloads and installs nothing.

Knows no window. httpx is imported only when a check is made.

The answer is JSON with `tag_name` ("v1.5.0") and `body` (the release notes, plain text or Markdown), as in GitHub's
REST API ("Get the latest release": no drafts, no pre-releases). For a page on GitHub, that API is asked; for any other
page, the file `latest.json` beside it.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import urljoin, urlsplit

from desktop.common.errors import AppError
from desktop.openai_api.errors import TimedOut, UpdatesUnreadable
from desktop.settings.brand import Brand
from desktop.settings.model import Settings
from desktop.settings.state import State

log = logging.getLogger(__name__)

BETWEEN = 24 * 3600.0
"""Seconds between two automatic checks."""
LIMIT = 256 * 1024
"""The most bytes read of the answer."""
WHOLE = 3.0
"""The whole check may take this many times the limit of one step, redirects included."""
REDIRECTS = 3
NOTES = 2_000
"""Characters kept of the release notes."""
GITHUB = re.compile(r"^https://github\.com/([\w.-]+)/([\w.-]+?)(?:/releases(?:/.*)?)?/?$")
VERSION = re.compile(r"v?([0-9]{1,9}(?:\.[0-9]{1,9}){0,3})")


@dataclass(frozen=True)
class Release:
    version: str
    notes: str
    """Plain text; never rendered as markup."""
    newer: bool
    """Newer than the running app."""


def address(page: str) -> str:
    """The address to ask for a release page; empty if there is none."""
    if not page.startswith("https://"):
        return ""
    found = GITHUB.match(page)
    if found:
        return f"https://api.github.com/repos/{found[1]}/{found[2]}/releases/latest"
    return urljoin(page, "latest.json")


def is_due(brand: Brand, settings: Settings, state: State, *, packaged: bool, now: float | None = None) -> bool:
    """Whether to check automatically: at most once a day, in a packaged app that no package manager updates."""
    if not (packaged and address(brand.links.releases) and settings.check_for_updates) or brand.package.distribution:
        return False
    passed = (time.time() if now is None else now) - state.updates_checked()
    return not 0 <= passed < BETWEEN  # if the clock was set back, check again


def look(brand: Brand, settings: Settings, state: State, password: Callable[[str], str]) -> Release | None:
    """An automatic check: the newer version, or None. Failures only go to the log."""
    state.set_updates_checked(time.time())
    try:
        release = check(brand, settings, password)
    except AppError as error:
        log.info("new versions could not be looked for: %s %s", error.code, error.detail)
        return None
    log.info("the newest version is %s", release.version)
    return release if release.newer else None


def check(brand: Brand, settings: Settings, password: Callable[[str], str]) -> Release:
    """The latest version. `password` returns the proxy's password. Raises UpdatesUnreadable, FileUnreadable,
    ProxyFailed."""
    asked = address(brand.links.releases)
    answer = _ask(asked, settings, password, f"{brand.app.id}/{brand.version}")
    try:
        values = json.loads(answer)
        tag, notes = str(values["tag_name"]), str(values.get("body") or "")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _unreadable(asked, "the answer is no JSON with a tag_name") from None
    match = VERSION.fullmatch(tag.strip())
    if match is None:
        raise _unreadable(asked, f"no version: {tag[:40]!a}")
    return Release(match[1], plain(notes), numbers(match[1]) > numbers(brand.version))


def numbers(version: str) -> tuple[int, ...]:
    """1.4.0 -> (1, 4): a version to compare. Zeros at the end are dropped, and so is whatever follows the digits."""
    found = re.match(r"[0-9]+(\.[0-9]+)*", version)
    parts = [int(part) for part in found[0].split(".")] if found else []
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def plain(notes: str) -> str:
    """The release notes, shortened, without characters that control a terminal or reverse the text."""
    lines = notes.replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(char for char in lines if char == "\n" or char.isprintable())
    return kept.strip() if len(kept) <= NOTES else kept[:NOTES].rstrip() + "…"


def _ask(url: str, settings: Settings, password: Callable[[str], str], agent: str) -> bytes:
    import httpx

    from desktop.openai_api.fetch import get
    from desktop.openai_api.transport import Endpoint

    network = settings.network
    endpoint = Endpoint(url, network.proxy, password(network.proxy), network.ca_file, network.timeout_seconds)
    headers = {"accept": "application/json", "user-agent": agent}
    end = time.monotonic() + WHOLE * network.timeout_seconds
    try:
        for _ in range(REDIRECTS + 1):
            left = max(0.0, end - time.monotonic())
            got = get(replace(endpoint, base=url), url, headers, most=LIMIT, limit=left)
            if got.status in (301, 302, 303, 307, 308):
                url = urljoin(url, got.headers.get("location", ""))
                if not url.startswith("https://"):
                    raise _unreadable(url, "it redirects away from https")
                continue
            if got.status != 200:
                raise _unreadable(url, f"status {got.status}")
            if len(got.body) > LIMIT:
                raise _unreadable(url, f"more than {LIMIT} bytes")
            return got.body
    except TimedOut:
        raise _unreadable(url, f"no whole answer within {WHOLE * network.timeout_seconds:.0f} s") from None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise _unreadable(url, f"{type(error).__name__}: {error}"[:200]) from None
    raise _unreadable(url, "it redirects without end")


def _unreadable(url: str, detail: str) -> UpdatesUnreadable:
    return UpdatesUnreadable(detail, host=urlsplit(url).hostname or url[:80])
