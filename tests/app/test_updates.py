"""Looking for a newer version: a release page of our own over TLS, with an authority of our own."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from desktop.app import updates
from desktop.common.errors import AppError
from desktop.openai_api.errors import UpdatesUnreadable
from desktop.settings.brand import Brand
from desktop.settings.model import Settings
from desktop.settings.state import State
from tests.standins.tls import Authority, Kind

DAY = 24 * 3600


class ReleasePage:
    """Answers every GET with `status`, `headers` and `body`; notes what was asked."""

    def __init__(self, folder: Path, kind: Kind = "good") -> None:
        authority = Authority()
        self.ca = authority.write(folder / "ca.pem")
        self.status, self.body = 200, b"{}"
        self.headers: dict[str, str] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        page = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                self.send_response(page.status)
                for name, value in {"Content-Length": str(len(page.body)), **page.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(page.body)

            def log_message(self, *_: Any) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            def handle_error(self, *_: Any) -> None:
                pass  # a client that did not like the certificate, or the length

        self._server = Quiet(("127.0.0.1", 0), Handler)
        self._server.socket = authority.context(kind).wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.005})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"https://localhost:{self._server.server_port}/fern/releases.html"

    def says(self, tag: str, body: str = "") -> None:
        self.body = json.dumps({"tag_name": tag, "body": body}).encode()

    @property
    def brand(self) -> Brand:
        return Brand.model_validate({"app": {"id": "fern", "version": "1.4.0"}, "links": {"releases": self.url}})

    @property
    def settings(self) -> Settings:
        return Settings.model_validate({"network": {"ca_file": str(self.ca), "timeout_seconds": 60}})

    def check(self) -> updates.Release:
        return updates.check(self.brand, self.settings, lambda _proxy: "")

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def page(tmp_path: Path) -> Iterator[ReleasePage]:
    made = ReleasePage(tmp_path)
    yield made
    made.close()


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path / "profile" / "state.json")


@pytest.mark.parametrize(
    ("tag", "newer"),
    [
        ("v1.5.0", True),
        ("1.4.1", True),
        ("v1.10", True),
        ("2", True),
        ("v1.4.0", False),
        ("1.4", False),
        ("1.3.9", False),
    ],
)
def test_a_newer_version_is_told_from_others(page: ReleasePage, tag: str, newer: bool) -> None:
    page.says(tag, "## New\r\n- Ferns")
    found = page.check()
    assert (found.version, found.newer, found.notes) == (tag.removeprefix("v"), newer, "## New\n- Ferns")
    ((path, headers),) = page.asked
    assert path == "/fern/latest.json"
    assert headers["user-agent"] == "fern/1.4.0"
    assert not {"cookie", "authorization"} & set(headers)


def test_what_is_new_is_text_and_has_an_end(page: ReleasePage) -> None:
    page.says("2.0", "a\x1b[31mb\u202ec\x00" + "x" * 5_000)
    assert page.check().notes.startswith("a[31mbcxxx")
    assert len(page.check().notes) == updates.NOTES + 1


@pytest.mark.parametrize(
    ("release_page", "asked"),
    [
        ("https://github.com/fern/app", "https://api.github.com/repos/fern/app/releases/latest"),
        ("https://github.com/fern/app/releases/latest", "https://api.github.com/repos/fern/app/releases/latest"),
        ("https://fern.example.com/app/", "https://fern.example.com/app/latest.json"),
        ("mailto:fern@example.com", ""),
        ("", ""),
    ],
)
def test_a_release_page_tells_what_to_ask(release_page: str, asked: str) -> None:
    assert updates.address(release_page) == asked


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b'{"tag_name": "nightly"}', b'{"tag_name": 5e999}', b"[" * 50_000, b" " * 300_000],
)
def test_an_answer_that_is_none_is_an_error_with_its_reason_in_the_detail(page: ReleasePage, body: bytes) -> None:
    page.body = body
    with pytest.raises(UpdatesUnreadable) as raised:
        page.check()
    assert raised.value.values["host"] == "localhost"
    assert raised.value.detail


@pytest.mark.parametrize("status", [204, 404, 500])
def test_another_status_is_an_error(page: ReleasePage, status: int) -> None:
    page.status, page.body = status, b""
    with pytest.raises(UpdatesUnreadable, match=str(status)):
        page.check()


@pytest.mark.parametrize(("where", "said"), [("http://localhost:1/", "away from https"), ("/again", "without end")])
def test_redirects_stay_on_https_and_end(page: ReleasePage, where: str, said: str) -> None:
    page.status, page.headers = 302, {"Location": where}
    with pytest.raises(UpdatesUnreadable, match=said):
        page.check()
    assert len(page.asked) <= updates.REDIRECTS + 1


@pytest.mark.parametrize("kind", ["self_signed", "wrong_host", "expired"])
def test_a_certificate_that_is_wrong_is_not_believed(tmp_path: Path, kind: Kind) -> None:
    page = ReleasePage(tmp_path, kind)
    page.says("9.0")
    try:
        with pytest.raises(UpdatesUnreadable):
            page.check()
    finally:
        page.close()
    assert page.asked == []


def test_nobody_there_is_an_error_too(page: ReleasePage) -> None:
    page.close()
    with pytest.raises(UpdatesUnreadable):
        page.check()
    page._thread = threading.Thread()
    page._thread.start()


def test_a_check_that_nobody_asked_for_is_made_once_a_day_and_its_trouble_is_in_the_log_alone(
    page: ReleasePage, state: State, caplog: pytest.LogCaptureFixture
) -> None:
    def due(now: float) -> bool:
        return updates.is_due(page.brand, page.settings, state, packaged=True, now=now)

    page.status = 500
    assert due(state.updates_checked() + 10 * DAY)
    with caplog.at_level(logging.INFO):
        assert updates.look(page.brand, page.settings, state, lambda _proxy: "") is None
    assert "500" in caplog.text
    last = State(state._path).updates_checked()
    assert last > 0
    assert [due(last + passed) for passed in (1, DAY - 1, DAY + 1, -5)] == [False, False, True, True]


def test_only_a_newer_version_is_told(page: ReleasePage, state: State) -> None:
    for tag, told in (("1.4.0", None), ("1.5.0", "1.5.0")):
        page.says(tag)
        found = updates.look(page.brand, page.settings, state, lambda _proxy: "")
        assert (found.version if found else None) == told


@pytest.mark.parametrize(
    ("links", "package", "settings", "packaged"),
    [
        ({"releases": ""}, {}, {}, True),
        ({}, {"distribution": True}, {}, True),
        ({}, {}, {"check_for_updates": False}, True),
        ({}, {}, {}, False),
    ],
    ids=["no release page", "a distribution's package", "switched off", "from source"],
)
def test_nobody_is_asked(state: State, links: Any, package: Any, settings: Any, packaged: bool) -> None:
    brand = Brand.model_validate({"links": {"releases": "https://fern.example.com/"} | links, "package": package})
    assert not updates.is_due(brand, Settings.model_validate(settings), state, packaged=packaged)


def test_a_proxy_is_used_with_its_password(page: ReleasePage) -> None:
    asked: list[str] = []
    settings = page.settings.model_copy(deep=True)
    settings.network.proxy = "http://user@127.0.0.1:1"
    with pytest.raises(AppError):
        updates.check(page.brand, settings, lambda proxy: asked.append(proxy) or "secret")
    assert asked == [settings.network.proxy]
    assert page.asked == []
