"""A showing: what it is reached by, and its end."""

from __future__ import annotations

import re

from desktop.common.page import Page
from desktop.window.showing import Showing

PAGE = Page("probe", "probe.html", (), {})


def test_path_and_key_are_random_and_fit_an_address() -> None:
    shown = [Showing(PAGE) for _ in range(200)]
    secrets = {one.path for one in shown} | {one.key for one in shown}
    assert len(secrets) == 400
    # 24 random bytes: nobody guesses them.
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{32}", secret) for secret in secrets)


def test_a_revoked_showing_stays_dead() -> None:
    showing = Showing(PAGE)
    assert showing.alive
    showing.revoke()
    showing.revoke()
    assert not showing.alive


def test_a_page_hears_once_that_it_is_no_longer_shown() -> None:
    heard: list[str] = []
    page = Page("clock", "clock.html", (), {}, on_gone=lambda: heard.append("gone"))
    showing = Showing(page)
    showing.revoke()
    showing.revoke()
    assert heard == ["gone"]
