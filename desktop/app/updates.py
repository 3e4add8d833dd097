"""Is there a newer version? Asks the brand's release page, over TLS; downloads and installs nothing.

Knows no window. httpx is imported when something is asked.

The answer is JSON with `tag_name` ("v1.5.0") and `body` (what is new, plain text or Markdown): GitHub's own form
(REST API, "Get the latest release": no drafts, no pre-releases). For a GitHub page that API is asked; for any other
page the file `latest.json` beside it.
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
"""Seconds between two checks that nobody asked for."""
LIMIT = 256 * 1024
"""Bytes of the answer that are read."""
WHOLE = 3.0
"""Times the limit for one step that the whole may take, redirects and all."""
REDIRECTS = 3
NOTES = 2_000
"""Characters of what is new that are kept."""
GITHUB = re.compile(r"^https://github\.com/([\w.-]+)/([\w.-]+?)(?:/releases(?:/.*)?)?/?$")
VERSION = re.compile(r"v?([0-9]{1,9}(?:\.[0-9]{1,9}){0,3})")


@dataclass(frozen=True)
class Release:
    version: str
    notes: str
    """Text; never markup that is acted on."""
    newer: bool
    """Than the app that runs."""


def address(page: str) -> str:
    """What is asked for a release page; empty where there is nothing to ask."""
    if not page.startswith("https://"):
        return ""
    found = GITHUB.match(page)
    if found:
        return f"https://api.github.com/repos/{found[1]}/{found[2]}/releases/latest"
    return urljoin(page, "latest.json")


def is_due(brand: Brand, settings: Settings, state: State, *, packaged: bool, now: float | None = None) -> bool:
    """Whether to look without being asked: once a day at most, in a packaged app whose updates nobody else brings."""
    if not (packaged and address(brand.links.releases) and settings.check_for_updates) or brand.package.distribution:
        return False
    passed = (time.time() if now is None else now) - state.updates_checked()
    return not 0 <= passed < BETWEEN  # a clock that was set back counts as a day


def look(brand: Brand, settings: Settings, state: State, password: Callable[[str], str]) -> Release | None:
    """For a check that nobody asked for: the newer version, else None. What goes wrong is in the log alone."""
    state.set_updates_checked(time.time())
    try:
        release = check(brand, settings, password)
    except AppError as error:
        log.info("new versions could not be looked for: %s %s", error.code, error.detail)
        return None
    log.info("the newest version is %s", release.version)
    return release if release.newer else None


def check(brand: Brand, settings: Settings, password: Callable[[str], str]) -> Release:
    """The newest version. `password` gives that of a proxy. Raises UpdatesUnreadable, FileUnreadable, ProxyFailed."""
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
    """1.4.0 -> (1, 4): versions as they are compared; zeros at the end say nothing, nor does what follows digits."""
    found = re.match(r"[0-9]+(\.[0-9]+)*", version)
    parts = [int(part) for part in found[0].split(".")] if found else []
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def plain(notes: str) -> str:
    """What is new, without characters that control a terminal or turn the line around, and not without end."""
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
