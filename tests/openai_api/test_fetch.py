"""Attacks by slowness: a server that sends a byte now and then keeps within every limit for a step."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from desktop.app import updates
from desktop.openai_api import fetch, script_check
from desktop.openai_api.errors import TimedOut, UpdatesUnreadable
from desktop.openai_api.transport import Endpoint
from desktop.settings.brand import Brand
from desktop.settings.model import Settings
from tests.standins.tls import Authority

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/javascript\r\n"


class Trickle:
    """Answers with `first`, then a byte every so often, until the other side hangs up."""

    def __init__(self, first: bytes, authority: Authority | None = None) -> None:
        self.first = first
        self.over = threading.Event()
        self.hung_up = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._tls = authority.context("good") if authority else None
        self.base = f"{'https://localhost' if authority else 'http://127.0.0.1'}:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                line, _ = self._socket.accept()
                threading.Thread(target=self._answer, args=(line,), daemon=True).start()

    def _answer(self, line: socket.socket) -> None:
        with suppress(OSError):
            if self._tls is not None:
                line = self._tls.wrap_socket(line, server_side=True)
            line.recv(65536)
            line.sendall(self.first)
            while not self.over.wait(0.02):
                line.sendall(b"x")
        self.hung_up.set()
        line.close()

    def close(self) -> None:
        self.over.set()
        self._socket.close()


@pytest.fixture(params=["in the head", "in the body", "never in the head"])
def slow(request: pytest.FixtureRequest) -> Iterator[Trickle]:
    firsts = {"in the head": HEAD + b"X-Slow: ", "in the body": HEAD + b"\r\n", "never in the head": b"HTTP/1.1 200 O"}
    made = Trickle(firsts[str(request.param)])
    yield made
    made.close()


def test_checklist_45_a_get_has_a_limit_for_all_of_it(slow: Trickle) -> None:
    """Each step is far below its own limit of 600 s."""
    with pytest.raises(TimedOut) as caught:
        fetch.get(Endpoint(slow.base, timeout=600), slow.base, {}, most=1 << 20, limit=0.7)
    assert caught.value.values["host"] == "127.0.0.1"
    assert slow.hung_up.wait(30), "nothing is left behind"


def test_checklist_45_doctor_s_look_at_the_script_ends_too(slow: Trickle) -> None:
    with pytest.raises(TimedOut):
        script_check.reach(slow.base, timeout=0.4)


# A head that trickles meets the limit of a head before that of the whole.
@pytest.mark.parametrize(("more", "ends"), [(b"X-Slow: ", "ReadTimeout"), (b"\r\n", "no whole answer")])
def test_checklist_45_the_look_for_a_newer_version_ends_redirects_and_all(
    tmp_path: Path, more: bytes, ends: str
) -> None:
    authority = Authority()
    page = Trickle(HEAD + more, authority)
    try:
        brand = Brand.model_validate({"app": {"id": "fern"}, "links": {"releases": f"{page.base}/releases.html"}})
        settings = Settings.model_validate(
            {"network": {"ca_file": str(authority.write(tmp_path / "ca.pem")), "timeout_seconds": 2}}
        )
        with pytest.raises(UpdatesUnreadable, match=ends):
            updates.check(brand, settings, lambda _proxy: "")
        assert page.hung_up.wait(30)
    finally:
        page.close()
