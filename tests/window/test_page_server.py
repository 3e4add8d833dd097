"""The loopback server: both addresses or another port, the exact Host, the listed files, and nothing else."""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from desktop.common.errors import InternalError
from desktop.common.page import Page, Sources
from desktop.window.connection_gate import MOST_WAITING
from desktop.window.page_server import (
    MOST_CONNECTIONS,
    PageServer,
    bound,
    content_security_policy,
    hold_both_addresses,
)
from desktop.window.showing import Showing

SOON = 20
"""Seconds within which something has to end at all."""
HTML = (
    '<!doctype html><html lang="__LANG__"><head><meta name="page-key" content="__PAGE_KEY__">'
    "<title>__TITLE__</title></head></html>"
)
PAGE = Page(
    "probe",
    "probe.html",
    ("pages/base.css", "pages/probe.js", "icons/app.svg", "icons/app.png", "pages/link.js", "pages/folder"),
    {},
    Sources(script=("https://cdn.example",), frame=("https://frame.example",)),
    title="Probe",
)


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


@pytest.fixture
def assets(tmp_path: Path) -> Path:
    """Listed files, unlisted ones, a link out of the folder, and a secret beside it."""
    folder = tmp_path / "assets"
    (folder / "pages" / "folder").mkdir(parents=True)
    (folder / "icons").mkdir()
    (tmp_path / "secret.txt").write_text("TOP-SECRET")
    (folder / "secret.js").write_text("TOP-SECRET")
    (folder / "brand.toml").write_text("TOP-SECRET")
    (folder / "pages" / "probe.html").write_text(HTML)
    (folder / "pages" / "settings.html").write_text("TOP-SECRET")
    (folder / "pages" / "base.css").write_text("body { color: black }")
    (folder / "pages" / "probe.js").write_text("export const key = '__PAGE_KEY__';")
    (folder / "pages" / "folder" / "inside.js").write_text("TOP-SECRET")
    (folder / "pages" / "link.js").symlink_to(tmp_path / "secret.txt")
    (folder / "icons" / "app.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "icons" / "app.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff")
    return folder


@pytest.fixture
def server(assets: Path) -> Iterator[PageServer]:
    made = PageServer(assets, "en")
    made.start()
    yield made
    made.close()


@pytest.fixture
def showing(server: PageServer) -> Showing:
    return server.show(PAGE)


def connect(server: PageServer, address: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection((address, server.port), timeout=SOON)


def raw(server: PageServer, text: str | bytes, address: str = "127.0.0.1") -> bytes:
    """Everything the server says to `text` until it closes the connection."""
    with connect(server, address) as sock:
        try:
            sock.sendall(text if isinstance(text, bytes) else text.encode("latin-1"))
        except OSError:
            pass  # it has stopped to listen, and may have answered before
        return read_all(sock)


def read_all(sock: socket.socket) -> bytes:
    got = b""
    try:
        while part := sock.recv(65536):
            got += part
    except ConnectionError:
        pass  # closed while we were still sending: what came before counts
    return got


def parsed(answer: bytes) -> Answer:
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Answer(int(first.split()[1]), headers, body)


def ask(
    server: PageServer, path: str, *, method: str = "GET", host: str | None = None, address: str = "127.0.0.1"
) -> Answer:
    host = f"localhost:{server.port}" if host is None else host
    return parsed(raw(server, f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n", address))


# --- what is given out ----------------------------------------------------------------------------


def test_the_page_is_given_out_with_its_key_language_and_title(server: PageServer, showing: Showing) -> None:
    answer = ask(server, f"/{showing.path}/probe.html")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.body.decode() == (
        f'<!doctype html><html lang="en"><head><meta name="page-key" content="{showing.key}">'
        "<title>Probe</title></head></html>"
    )
    assert server.url(showing) == f"http://localhost:{server.port}/{showing.path}/probe.html"


def test_a_title_cannot_break_out_of_the_page(server: PageServer) -> None:
    title = "</title><script src=x></script>&\"' __PAGE_KEY__"
    showing = server.show(Page("probe", "probe.html", (), {}, title=title))
    body = ask(server, f"/{showing.path}/probe.html").body.decode()
    assert "<script" not in body
    assert "&lt;/title&gt;&lt;script src=x&gt;" in body
    assert body.count(showing.key) == 1, "the key stands in its own place alone"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("base.css", "text/css; charset=utf-8"),
        ("probe.js", "text/javascript; charset=utf-8"),
        ("icons/app.svg", "image/svg+xml; charset=utf-8"),
        ("icons/app.png", "image/png"),
    ],
)
def test_the_listed_files_have_their_type(
    server: PageServer, showing: Showing, assets: Path, path: str, kind: str
) -> None:
    answer = ask(server, f"/{showing.path}/{path}")
    assert (answer.status, answer.headers["content-type"]) == (200, kind)
    file = assets / path if path.startswith("icons/") else assets / "pages" / path
    assert answer.body == file.read_bytes(), "only the page's own html is filled in"


def test_head_is_answered_without_a_body(server: PageServer, showing: Showing) -> None:
    answer = ask(server, f"/{showing.path}/probe.html", method="HEAD")
    assert answer.status == 200
    assert int(answer.headers["content-length"]) > 0
    assert answer.body == b""


def test_checklist_13_every_answer_carries_the_policy_word_for_word(server: PageServer, showing: Showing) -> None:
    for path in ("probe.html", "probe.js", "icons/app.png"):
        headers = ask(server, f"/{showing.path}/{path}").headers
        assert headers["content-security-policy"] == (
            "default-src 'none'; script-src 'self' https://cdn.example; style-src 'self'; img-src 'self' data:; "
            "font-src 'self'; connect-src 'self'; frame-src https://frame.example; base-uri 'none'; "
            "form-action 'none'; frame-ancestors 'none'"
        )
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"


def test_checklist_13_the_policy_is_strict_and_only_opens_what_a_page_lists() -> None:
    assert content_security_policy(Sources()) == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; frame-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    everything = Sources(("https://s",), ("https://f",), ("https://c",), ("https://i",), inline_style=True)
    policy = content_security_policy(everything)
    assert "unsafe-eval" not in policy
    assert "script-src 'self' https://s;" in policy
    assert "style-src 'self' 'unsafe-inline';" in policy
    assert "*" not in policy


# --- checklist 18: who is answered ----------------------------------------------------------------


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_checklist_18_both_loopback_addresses_answer(server: PageServer, showing: Showing, address: str) -> None:
    assert ask(server, f"/{showing.path}/probe.html", address=address).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "", "localhost", "localhost:1", "127.0.0.1:{port}", "[::1]:{port}", "LOCALHOST:{port}", "Localhost:{port}",
        "localhost.:{port}", "localhost:{port}.", "evil.example", "evil.example:{port}", "localhost:0{port}",
        "localhost:{port}, localhost:{port}", "user@localhost:{port}", "localhost:{port}/", "xlocalhost:{port}",
        "localhost:{port} evil",
    ],
)  # fmt: skip
def test_checklist_18_another_host_is_not_found(server: PageServer, showing: Showing, host: str) -> None:
    answer = ask(server, f"/{showing.path}/probe.html", host=host.format(port=server.port))
    assert (answer.status, answer.body) == (404, b"")


def test_checklist_18_without_a_host_or_with_two_nothing_is_found(server: PageServer, showing: Showing) -> None:
    line, good = f"GET /{showing.path}/probe.html HTTP/1.1\r\n", f"Host: localhost:{server.port}\r\n"
    for headers in ("", good + good, good + "Host: evil.example\r\n", "Host: evil.example\r\n" + good):
        answer = parsed(raw(server, f"{line}{headers}Connection: close\r\n\r\n"))
        assert (answer.status, answer.body) == (404, b"")


def test_checklist_18_an_absolute_address_in_the_request_is_not_found(server: PageServer, showing: Showing) -> None:
    assert ask(server, f"http://localhost:{server.port}/{showing.path}/probe.html").status == 404


def test_checklist_18_each_showing_has_a_path_and_a_key_of_its_own(server: PageServer) -> None:
    shown = [server.show(PAGE) for _ in range(50)]
    assert len({one.path for one in shown} | {one.key for one in shown}) == 100
    assert all(len(one.path) >= 32 and len(one.key) >= 32 for one in shown)


def test_checklist_18_the_path_dies_with_the_showing(server: PageServer, showing: Showing) -> None:
    other = server.show(PAGE)
    server.end(showing)
    assert ask(server, f"/{showing.path}/probe.html").status == 404
    assert ask(server, f"/{showing.path}/probe.js").status == 404
    assert ask(server, f"/{other.path}/probe.html").status == 200


def test_checklist_18_a_revoked_showing_is_not_found_even_before_it_ends(server: PageServer, showing: Showing) -> None:
    showing.revoke()
    assert ask(server, f"/{showing.path}/probe.html").status == 404


def test_checklist_10_one_page_does_not_give_out_another(server: PageServer, showing: Showing) -> None:
    other = server.show(Page("settings", "settings.html", ("pages/base.css",), {}))
    for path in (
        f"/{showing.path}/settings.html", f"/{other.path}/probe.html", f"/{other.path}/probe.js", "/settings.html",
        "/", "", f"/{showing.path}", f"/{showing.path}/", f"/{showing.path}/../{other.key}/settings.html",
        f"/{other.key}/settings.html",
    ):  # fmt: skip
        answer = ask(server, path or "*")
        assert (answer.status, answer.body) == (404, b"")


def test_checklist_18_no_answer_sets_a_cookie_or_names_the_server(server: PageServer, showing: Showing) -> None:
    for path in (f"/{showing.path}/probe.html", "/nothing"):
        headers = ask(server, path).headers
        assert "set-cookie" not in headers
        assert "python" not in str(headers).lower()
        assert "access-control-allow-origin" not in headers


# --- checklist 19: what is given out --------------------------------------------------------------

OUTSIDE = [
    "settings.html", "brand.toml", "secret.js", "../secret.js", "../../secret.txt", "..%2fsecret.js",
    "%2e%2e/secret.js",
    "..%5csecret.js", "..\\secret.js", "....//secret.js", "pages/probe.html", "pages/base.css", "./probe.html",
    "probe.html/", "probe.html/.", "/probe.html", "//probe.html", "\\probe.html", "probe%2ehtml", "PROBE.HTML",
    "probe.html%00", "probe.html%00.js", "probe.html;x", "probe.htm", "probe.html.", "icons", "icons/", "icons/..",
    "icons/../pages/settings.html", "icons/../probe.html", "icons//app.svg", "icons%2fapp.svg", "icons\\app.svg",
    "folder", "folder/", "folder/inside.js", "link.js", "file:///etc/passwd", "/etc/passwd", "C:/Windows/win.ini",
    ".", "..", "../", "%", "%zz", "\xe9", "~", "*",
]  # fmt: skip


@pytest.mark.parametrize("path", OUTSIDE)
def test_checklist_19_only_the_listed_files_are_given_out(server: PageServer, showing: Showing, path: str) -> None:
    answer = ask(server, f"/{showing.path}/{path}")
    assert (answer.status, answer.body) == (404, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/", "//", "/etc/passwd", "//etc/passwd", "/../../etc/passwd", "/pages/probe.html", "/probe.html", "*",
        "/%2e%2e/%2e%2e/etc/passwd", "/favicon.ico", "/robots.txt", "/api", "/__control", "//{path}/probe.html",
        "/x/../{path}/probe.html", "/./{path}/probe.html", "{path}/probe.html", "/{path}//probe.html",
        "/{PATH}/probe.html",
        "/{quoted}/probe.html", "///{path}/probe.html", "\\{path}\\probe.html",
    ],
)  # fmt: skip
def test_checklist_19_there_is_nothing_outside_a_showing(server: PageServer, showing: Showing, path: str) -> None:
    quoted = "".join(f"%{ord(char):02x}" for char in showing.path)
    answer = ask(server, path.format(path=showing.path, PATH=showing.path.swapcase(), quoted=quoted))
    assert (answer.status, answer.body) == (404, b"")


def test_checklist_19_a_link_that_leads_out_of_the_assets_is_not_followed(
    server: PageServer, showing: Showing, assets: Path
) -> None:
    assert (assets / "pages" / "link.js").read_text() == "TOP-SECRET"
    assert ask(server, f"/{showing.path}/link.js").status == 404


def test_checklist_19_a_folder_is_not_listed_even_where_a_page_names_it(server: PageServer, showing: Showing) -> None:
    assert "pages/folder" in PAGE.files
    assert ask(server, f"/{showing.path}/folder").status == 404


def test_a_listed_file_that_is_missing_is_not_found(server: PageServer, assets: Path, showing: Showing) -> None:
    (assets / "pages" / "base.css").unlink()
    assert ask(server, f"/{showing.path}/base.css").status == 404


def test_a_query_is_no_part_of_the_file(server: PageServer, showing: Showing) -> None:
    assert ask(server, f"/{showing.path}/probe.js?v=1").status == 200


@hypothesis(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(path=st.text(max_size=60))
def test_checklist_19_no_path_that_is_not_listed_finds_a_file(server: PageServer, showing: Showing, path: str) -> None:
    listed = {"probe.html", "base.css", "probe.js", "icons/app.svg", "icons/app.png", "link.js", "folder"}
    plain, encoded = path.split("?")[0], quote(path, safe="/.")
    if plain not in listed:
        assert server.find(f"/{showing.path}/{path}") is None
    if encoded not in listed:
        assert server.find(f"/{showing.path}/{encoded}") is None
    assert server.find(path) is None


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "PROPFIND"])
def test_checklist_19_other_methods_are_refused(server: PageServer, showing: Showing, method: str) -> None:
    answer = ask(server, f"/{showing.path}/probe.html", method=method)
    assert answer.status >= 400
    assert answer.body == b""
    assert "content-security-policy" not in answer.headers


@pytest.mark.parametrize(
    "request_",
    [
        "GET /" + "x" * 70_000 + " HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: " + "x" * 70_000 + "\r\n\r\n",
        "GET / HTTP/1.1\r\n" + "".join(f"X-{number}: 1\r\n" for number in range(5_000)) + "\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET / HTTP/x\r\n\r\n",
        "GET / / / HTTP/1.1\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
        "\x00" * 5_000 + "\r\n\r\n",
        "hello\r\n\r\n",
        "GET /\r\n\r\n",
        "POST /\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n",
    ],
    ids=range(12),
)
def test_what_is_no_request_or_too_large_is_cut_off_and_the_page_stays_there(
    server: PageServer, showing: Showing, request_: str
) -> None:
    answer = raw(server, request_)
    assert b"TOP-SECRET" not in answer
    assert not answer or parsed(answer).status >= 400
    assert len(answer) < 400, "a refusal repeats nothing"
    assert ask(server, f"/{showing.path}/probe.html").status == 200


# --- connections ----------------------------------------------------------------------------------


def test_requests_follow_each_other_on_one_connection(server: PageServer, showing: Showing) -> None:
    one = f"GET /{showing.path}/base.css HTTP/1.1\r\nHost: localhost:{server.port}\r\n"
    answer = raw(server, f"{one}\r\n{one}\r\n{one}Connection: close\r\n\r\n")  # all sent before the first is answered
    assert answer.count(b"HTTP/1.1 200 OK") == 3
    assert answer.count(b"body { color: black }") == 3


def test_a_connection_is_kept_for_the_next_request(server: PageServer, showing: Showing) -> None:
    one = f"GET /{showing.path}/base.css HTTP/1.1\r\nHost: localhost:{server.port}\r\n\r\n".encode()
    with connect(server) as sock:
        for _ in range(3):
            sock.sendall(one)
            got = b""
            while not got.endswith(b"body { color: black }"):
                got += sock.recv(65536)
            assert got.startswith(b"HTTP/1.1 200")


def test_a_connection_whose_window_has_closed_does_not_keep_its_place_for_long(assets: Path) -> None:
    server = PageServer(assets, "en", silence=300, kept=0.1)
    server.start()
    with closing(server):
        one = f"GET /{server.show(PAGE).path}/base.css HTTP/1.1\r\nHost: localhost:{server.port}\r\n\r\n"
        answer = raw(server, one)  # returns when the connection has ended
    assert answer.endswith(b"body { color: black }")


@pytest.mark.parametrize("version", ["", " HTTP/0.9"])
@pytest.mark.parametrize("with_host", [True, False])
def test_checklist_19_a_request_of_the_oldest_http_is_refused_since_its_answer_would_have_no_policy(
    server: PageServer, showing: Showing, version: str, with_host: bool
) -> None:
    host = f"Host: localhost:{server.port}\r\n"
    first = f"GET /{showing.path}/base.css HTTP/1.1\r\n{host}\r\n"
    second = f"GET /{showing.path}/probe.html{version}\r\n{host if with_host else ''}\r\n"
    answer = raw(server, first + second)
    begin, _, rest = answer.partition(b"body { color: black }")
    assert begin.startswith(b"HTTP/1.1 200 ")
    assert parsed(rest).status == 400
    assert parsed(rest).body == b""


def test_a_refusal_ends_the_connection(server: PageServer) -> None:
    answer = raw(server, f"GET /nothing HTTP/1.1\r\nHost: localhost:{server.port}\r\n\r\n" * 2)
    assert answer.count(b"HTTP/1.1 404") == 1


def test_a_connection_that_sends_nothing_is_ended(assets: Path) -> None:
    server = PageServer(assets, "en", silence=0.2)
    server.start()
    with closing(server):
        showing = server.show(PAGE)
        for beginning in (b"", b"GET /", f"GET /{showing.path}/base.css HTTP/1.1\r\nHost:".encode()):
            assert raw(server, beginning) == b""


def test_many_connections_at_once_leave_the_server_alive(server: PageServer, showing: Showing) -> None:
    with ExitStack() as stack:
        for _ in range(100):  # more than are served at a time
            stack.enter_context(connect(server))
    # Until the server has noticed that they have gone, it turns the next one away without a word.
    request = f"GET /{showing.path}/probe.html HTTP/1.1\r\nHost: localhost:{server.port}\r\nConnection: close\r\n\r\n"
    until = time.monotonic() + SOON
    while not (answer := raw(server, request)) and time.monotonic() < until:
        time.sleep(0.02)
    assert parsed(answer).status == 200


@pytest.mark.parametrize("beginning", [b"", b"G", b"GET /", b"GET /x HTTP/1.1\r\nHost: x\r\n", b"\n" * 3])
def test_checklist_26_half_open_connections_of_another_program_keep_no_window_from_its_page(
    server: PageServer, showing: Showing, beginning: bytes
) -> None:
    """64 of them once held all that were served, and every window stayed blank."""
    with ExitStack() as stack:
        for number in range(MOST_WAITING + 80):
            sock = stack.enter_context(connect(server, "::1" if number % 2 else "127.0.0.1"))
            with suppress(OSError):  # the first ones have had to make room
                sock.sendall(beginning)
            if number in (MOST_CONNECTIONS, MOST_WAITING, MOST_WAITING + 79):
                assert ask(server, f"/{showing.path}/probe.html").status == 200


def drip(server: PageServer, beginning: str) -> None:
    """Returns when the server ends a connection that goes on with one more character each time it is patient."""
    until = time.monotonic() + SOON
    with connect(server) as sock:
        sock.sendall(beginning.encode())
        sock.settimeout(0.02)
        with suppress(OSError):
            while time.monotonic() < until:
                sock.sendall(b"a")
                with suppress(TimeoutError):
                    if not sock.recv(1024):
                        return
            raise AssertionError("it is never ended")


def test_checklist_26_a_request_that_comes_by_drips_is_ended_as_a_whole(assets: Path) -> None:
    server = PageServer(assets, "en", silence=0.3, kept=0.2)
    server.start()
    with closing(server):
        path = server.show(PAGE).path
        one = f"GET /{path}/base.css HTTP/1.1\r\nHost: localhost:{server.port}\r\n"
        for beginning in ("", "GET /", one, f"{one}X-Drip: ", f"{one}\r\n", f"{one}\r\nGET /"):
            drip(server, beginning)
        assert raw(server, f"{one}\r\nGET /").count(b"HTTP/1.1 200 OK") == 1, "the next request has its own end"


def test_a_window_s_burst_of_requests_is_answered(server: PageServer, showing: Showing) -> None:
    results: list[int] = []
    threads = [
        threading.Thread(target=lambda: results.append(ask(server, f"/{showing.path}/probe.js").status))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
    assert results == [200] * 20


# --- checklist 20: the addresses ------------------------------------------------------------------


def held(family: socket.AddressFamily, address: str, port: int) -> bool:
    """True where nobody else can bind the address, not even with the options that share one."""
    for option in (None, socket.SO_REUSEADDR, socket.SO_REUSEPORT):
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            if option is not None:
                sock.setsockopt(socket.SOL_SOCKET, option, 1)
            try:
                sock.bind((address, port))
                sock.listen()
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    continue
                raise
            return False
    return True


def test_checklist_20_both_addresses_are_held_alone_before_anything_is_served(assets: Path) -> None:
    server = PageServer(assets, "en")
    try:
        assert held(socket.AF_INET, "127.0.0.1", server.port)
        assert held(socket.AF_INET6, "::1", server.port)
        assert held(socket.AF_INET, "0.0.0.0", server.port)
        assert held(socket.AF_INET6, "::", server.port)
    finally:
        server.close()


def test_checklist_18_nothing_but_loopback_is_listened_on(server: PageServer) -> None:
    assert {sock.getsockname()[:2] for sock in server._sockets} == {("127.0.0.1", server.port), ("::1", server.port)}


def first_on(port: int) -> Callable[[socket.AddressFamily, str, int], socket.socket]:
    """Binds, and gives out `port` as the first free one."""
    first = [port]

    def bind(family: socket.AddressFamily, address: str, wanted: int) -> socket.socket:
        return bound(family, address, first.pop() if first and wanted == 0 else wanted)

    return bind


def test_checklist_20_where_the_other_address_is_taken_another_port_is_chosen() -> None:
    with bound(socket.AF_INET6, "::1", 0) as thief:
        taken = thief.getsockname()[1]
        port, sockets = hold_both_addresses(bind=first_on(taken))
        with ExitStack() as stack:
            for sock in sockets:
                stack.enter_context(sock)
            assert port != taken
            assert [sock.getsockname()[:2] for sock in sockets] == [("127.0.0.1", port), ("::1", port)]
            with bound(socket.AF_INET, "127.0.0.1", taken):
                pass  # given back


def test_checklist_20_where_every_port_is_taken_it_says_so_instead_of_searching_for_ever() -> None:
    tried: list[socket.socket] = []

    def bind(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EADDRINUSE, "taken")
        tried.append(bound(family, address, port))
        return tried[-1]

    with pytest.raises(InternalError):
        hold_both_addresses(7, bind)
    assert len(tried) == 7
    assert all(sock.fileno() == -1 for sock in tried), "nothing is left open"


@pytest.mark.parametrize("code", [errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL])
def test_checklist_20_without_ipv6_there_is_nobody_to_take_the_other_address(code: int) -> None:
    def bind(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(code, "no IPv6 here")
        return bound(family, address, port)

    port, sockets = hold_both_addresses(bind=bind)
    [only] = sockets
    with only:
        assert only.getsockname() == ("127.0.0.1", port)


def test_checklist_20_an_address_that_is_forbidden_is_not_taken_for_one_that_is_missing() -> None:
    def bind(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EACCES, "forbidden")
        return bound(family, address, port)

    with pytest.raises(InternalError):
        hold_both_addresses(3, bind)


# --- the end --------------------------------------------------------------------------------------


def accepting() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "page-server"]


def test_closing_ends_the_threads_that_wait_for_connections_and_frees_the_port(assets: Path) -> None:
    before = set(accepting())
    server = PageServer(assets, "en")
    server.start()
    threads = [thread for thread in accepting() if thread not in before]
    assert len(threads) == 2
    server.close()
    for thread in threads:
        thread.join(SOON)
        assert not thread.is_alive()
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family) as sock, pytest.raises(ConnectionRefusedError):
            sock.connect((address, server.port))


class Flaky:
    """A listening socket whose client goes away before it is accepted; afterwards the server is closed."""

    def __init__(self, server: PageServer) -> None:
        self.server = server
        self.asked = 0

    def accept(self) -> None:
        self.asked += 1
        if self.asked == 3:
            self.server.close()
        raise OSError(errno.ECONNABORTED, "the client went away")


def test_a_client_that_goes_away_too_early_does_not_end_the_server(assets: Path) -> None:
    server = PageServer(assets, "en")
    flaky = Flaky(server)
    server._accept(flaky)  # type: ignore[arg-type]
    assert flaky.asked == 3


def test_closing_twice_or_before_the_start_is_no_matter(assets: Path) -> None:
    server = PageServer(assets, "en")
    server.close()
    server.close()
    server.start()
    for thread in accepting():
        thread.join(SOON)
    assert accepting() == []


def test_a_makers_own_picture_takes_the_place_of_an_asset_and_opens_no_other_file(assets: Path, tmp_path: Path) -> None:
    own = tmp_path / "maker.svg"
    own.write_text("<svg/>")
    server = PageServer(assets, "en", {"icons/app.svg": own, "elsewhere.svg": own})
    try:
        showing = server.show(PAGE)
        assert server.body(showing, "icons/app.svg") == b"<svg/>"
        assert server.body(showing, "../secret.txt") is None
        assert server.find(f"/{showing.path}/elsewhere.svg") is None, "the page does not list it"
    finally:
        server.close()
