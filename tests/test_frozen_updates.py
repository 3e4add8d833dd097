"""The frozen app looks for a newer version by itself: on its brand's release page, over TLS, once a day; and not where
a distribution brings updates. The page is a loopback one with an authority of its own, which the brand names.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop.settings.state import State
from tests.app.test_updates import ReleasePage
from tests.rig import secret_service
from tests.rig.display import stop, virtual_display
from tests.rig.processes import Child

pytestmark = [
    pytest.mark.window,
    pytest.mark.secret_service,
    pytest.mark.timeout(1200),  # the first of them waits for the build
    pytest.mark.skipif(sys.platform != "linux", reason="the frozen app is built on Linux only so far"),
]
BRAND = """
[app]
name = "Ask Fern"
id = "ask-fern"
version = "1.4.0"
icon = "icons/app.svg"
[links]
releases = "{url}"
[package]
distribution = {distribution}
[settings]
active_agent = "fern"
check_for_updates = {wanted}
[settings.network]
ca_file = "{ca}"
[[settings.agents]]
kind = "assistant"
id = "fern"
instructions = "Answer."
endpoint = "nobody"
[[settings.endpoints]]
id = "nobody"
base_url = "http://127.0.0.1:9"
"""
LIMIT = 120.0
"""Seconds until a frozen app has a chat and has asked; a busy machine included."""


class App:
    """The frozen app under a brand of its own, with nobody's profile. The chat is its own: no proxy lets it out."""

    def __init__(self, frozen: Path, folder: Path, environ: dict[str, str]) -> None:
        self._program = folder / "app" / frozen.name
        self._environ = environ
        self._data = folder / "data"
        shutil.copytree(frozen.parent, self._program.parent, copy_function=os.link, symlinks=True)

    def brand(
        self, page: ReleasePage, *, ca: Path | None = None, distribution: bool = False, wanted: bool = True
    ) -> None:
        file = self._program.parent / "_internal" / "assets" / "brand.toml"
        file.unlink()  # linked to the one that was built
        words = {"distribution": str(distribution).lower(), "wanted": str(wanted).lower()}
        file.write_text(BRAND.format(url=page.url, ca=ca or page.ca, **words), encoding="utf-8")

    @property
    def log(self) -> str:
        return "".join(path.read_text(encoding="utf-8") for path in self._data.rglob("*.log"))

    @property
    def looked(self) -> float:
        """When it last looked by itself, in seconds since 1970; 0 for never."""
        return State(self._data / "profiles" / "default" / "state.json").updates_checked()

    def open_until(self, what: str, seen: Callable[[], bool]) -> None:
        """Opens it as a person does, waits, closes it."""
        process = Child([self._program, "--data-dir", self._data], env=self._environ)
        try:
            end = time.monotonic() + LIMIT
            while not seen():
                assert process.poll() is None, f"it ended by itself: {self.log[-2000:]}"
                assert time.monotonic() < end, f"{what}: not in {LIMIT} s; {self.log[-2000:]}"
                time.sleep(0.1)
        finally:
            stop(process)

    def open_and_close(self) -> None:
        """Until the chat is there and painted."""
        words = ["smoke", "--screenshot", str(self._data.parent / "chat.png"), "--data-dir", str(self._data)]
        done = subprocess.run([self._program, *words], env=self._environ, capture_output=True, text=True, timeout=LIMIT)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def releases(tmp_path: Path) -> Iterator[ReleasePage]:
    page = ReleasePage(tmp_path)
    page.says("v1.5.0", "Ferns can be pressed")
    yield page
    page.close()


@pytest.fixture
def app(frozen: Path, tmp_path: Path) -> Iterator[App]:
    with virtual_display() as screen, secret_service.secret_service() as private:
        nowhere = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), "http://127.0.0.1:9")
        yield App(frozen, tmp_path, screen.environment(private) | nowhere)


def test_a_frozen_app_asks_its_makers_release_page_over_tls_once_a_day(app: App, releases: ReleasePage) -> None:
    app.brand(releases)
    app.open_until("it was told", lambda: "the newest version is 1.5.0" in app.log)
    ((path, headers),) = releases.asked
    assert path == "/fern/latest.json"
    assert headers["user-agent"] == "ask-fern/1.4.0"
    first = app.looked
    assert first > 0
    app.open_and_close()
    assert (app.looked, len(releases.asked)) == (first, 1), "not again on the same day"


def test_checklist_21_a_frozen_app_believes_no_release_page_whose_authority_it_does_not_know(
    app: App, releases: ReleasePage, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = ReleasePage(tmp_path / "other")
    try:
        app.brand(releases, ca=other.ca)
        app.open_until("its trouble is in the log", lambda: "new versions could not be looked for" in app.log)
    finally:
        other.close()
    assert releases.asked == []


@pytest.mark.parametrize(
    "changed", [{"distribution": True}, {"wanted": False}], ids=["a distribution's", "switched off"]
)
def test_a_frozen_app_asks_nobody_where_a_distribution_brings_updates_or_its_user_wants_none(
    app: App, releases: ReleasePage, changed: dict[str, Any]
) -> None:
    app.brand(releases, **changed)
    app.open_and_close()
    assert (app.looked, releases.asked) == (0, [])
