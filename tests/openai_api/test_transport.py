"""The way out: certificates, proxies, and an environment that is not as it should be."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.common.errors import AppError, FileUnreadable
from desktop.openai_api.client import ApiClient, Endpoint
from desktop.openai_api.errors import ClockWrong, ProxyAuthRequired, ProxyFailed, TlsUntrusted, TlsWrongHost
from desktop.openai_api.transport import choose_proxy, parse_proxy, tls_context
from tests.rig.systems import is_wine
from tests.standins.api import KEY, ApiStandIn
from tests.standins.proxy import Broken, ProxyStandIn
from tests.standins.tls import Authority, Kind

Make = Callable[..., ApiClient]
PASSWORD = "proxy-hunter2"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def ca_file(authority: Authority, tmp_path: Path) -> str:
    return str(authority.write(tmp_path / "ca.pem"))


# Windows refuses a chain that ends without a root (CERT_E_CHAINING); wine's crypt32 does not look
# (`verify_ssl_policy` asks for no CERT_TRUST_IS_PARTIAL_CHAIN). A certificate that is its own authority both refuse.
NOT_WINE = pytest.mark.skipif(is_wine(), reason="wine takes a chain without a root for a whole one, Windows does not")


@pytest.fixture
def named(authority: Authority) -> Iterator[ApiStandIn]:
    """A stand-in that is `https://api.test` to whoever comes through the proxy."""
    with ApiStandIn(tls=authority.context("good", "api.test")) as standin:
        yield standin


# --- certificates -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("self_signed", TlsUntrusted),
        pytest.param("unknown_authority", TlsUntrusted, marks=NOT_WINE),
        ("wrong_host", TlsWrongHost),
        ("expired", ClockWrong),
        ("not_yet_valid", ClockWrong),
    ],
)
def test_checklist_21_a_certificate_that_is_wrong_is_refused_with_its_own_error(
    authority: Authority, ca_file: str, make_client: Make, kind: Kind, expected: type[AppError]
) -> None:
    with ApiStandIn(tls=authority.context(kind)) as api:
        with pytest.raises(AppError) as caught:
            make_client(api.base, ca_file=ca_file).request("GET", "/models")
        assert type(caught.value) is expected
        assert caught.value.values["host"] == "localhost"
        assert api.requests == [], "nothing was sent, no key either"


@NOT_WINE
def test_checklist_21_a_ca_file_is_trusted_beside_the_systems_store(
    authority: Authority, ca_file: str, make_client: Make
) -> None:
    with ApiStandIn(tls=authority.context()) as api:
        with pytest.raises(TlsUntrusted):
            make_client(api.base).request("GET", "/models")
        assert make_client(api.base, ca_file=ca_file).request("GET", "/models")["object"] == "list"


def test_checklist_21_every_context_verifies_certificate_and_host(ca_file: str) -> None:
    for context in (tls_context(), tls_context(ca_file)):
        assert context.verify_mode == ssl.CERT_REQUIRED
        assert context.check_hostname


def test_checklist_21_the_environment_cannot_switch_verifying_off(
    authority: Authority, make_client: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("PYTHONHTTPSVERIFY", "0"), ("SSL_NO_VERIFY", "1"), ("NODE_TLS_REJECT_UNAUTHORIZED", "0")):
        monkeypatch.setenv(name, value)
    with ApiStandIn(tls=authority.context("self_signed")) as api, pytest.raises(TlsUntrusted):
        make_client(api.base).request("GET", "/models")


@NOT_WINE
@pytest.mark.parametrize("content", [None, "garbage"])
def test_an_environment_that_names_a_bad_certificate_file_stops_nothing(
    authority: Authority,
    ca_file: str,
    make_client: Make,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    content: str | None,
) -> None:
    named = tmp_path / "named.pem"
    if content is not None:
        named.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(named))
    with ApiStandIn(tls=authority.context()) as api:
        assert make_client(api.base, ca_file=ca_file).request("GET", "/models")["object"] == "list"
        with pytest.raises(TlsUntrusted):
            make_client(api.base).request("GET", "/models")


@pytest.mark.parametrize("content", [None, "", "garbage"])
def test_a_ca_file_that_is_none_is_named(make_client: Make, tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(FileUnreadable) as caught:
        make_client("https://api.test", ca_file=str(path)).request("GET", "/models")
    assert caught.value.values["path"] == str(path)
    assert caught.value.field == "network.ca_file"


def test_a_server_that_speaks_no_tls_is_an_error_of_ours(api: ApiStandIn, make_client: Make) -> None:
    with pytest.raises(AppError):
        make_client(api.base.replace("http:", "https:")).request("GET", "/models")


# --- proxies ----------------------------------------------------------------------------------


def test_checklist_22_a_proxy_of_the_settings_is_used_with_its_password_and_never_sees_the_key(
    named: ApiStandIn, ca_file: str, make_client: Make
) -> None:
    with ProxyStandIn(user="ann é", password=PASSWORD, routes={"api.test:443": named.port}) as proxy:
        address = proxy.url.replace("//", "//ann%20%C3%A9@")
        client = make_client("https://api.test", proxy=address, proxy_password=PASSWORD, ca_file=ca_file)
        assert client.request("GET", "/models")["object"] == "list"
        assert [(seen["method"], seen["path"]) for seen in proxy.requests] == [("CONNECT", "api.test:443")]
        assert all("authorization" not in seen["headers"] for seen in proxy.requests)
    assert "proxy-authorization" not in named.requests[0]["headers"]


def test_checklist_22_a_proxy_of_the_environment_is_used(
    named: ApiStandIn, ca_file: str, make_client: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ProxyStandIn(user="ann", password=PASSWORD, routes={"api.test:443": named.port}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", f"//ann:{PASSWORD}@"))
        assert make_client("https://api.test", ca_file=ca_file).request("GET", "/models")["object"] == "list"
        assert len(proxy.requests) == 1


def test_checklist_22_the_setting_wins_over_the_environment_and_its_password_goes_nowhere_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://bob@env.test:1")
    chosen = choose_proxy(Endpoint("https://api.test", proxy="http://set.test:2", proxy_password=PASSWORD))
    assert chosen is not None
    assert chosen.url == "http://set.test:2"
    other = choose_proxy(Endpoint("https://api.test", proxy_password=PASSWORD))
    assert other is not None
    assert (other.url, other.user, other.password) == ("http://env.test:1", "bob", "")


@pytest.mark.parametrize(
    ("environment", "base", "expected"),
    [
        ({"ALL_PROXY": "socks5://p.test:1080"}, "https://api.test", "socks5://p.test:1080"),
        ({"all_proxy": "socks://p.test:1080"}, "https://api.test", "socks5://p.test:1080"),
        ({"HTTP_PROXY": "http://p.test:1"}, "https://api.test", None),
        ({"HTTPS_PROXY": "p.test:3128"}, "https://api.test", "http://p.test:3128"),
        ({"HTTPS_PROXY": "http://p.test:1", "NO_PROXY": "api.test"}, "https://api.test", None),
        ({"HTTPS_PROXY": "http://p.test:1", "NO_PROXY": ".test"}, "https://api.test", None),
        ({"HTTPS_PROXY": "http://p.test:1", "NO_PROXY": "*"}, "https://api.test", None),
        ({"HTTPS_PROXY": "http://p.test:1", "HTTP_PROXY": "http://p.test:1"}, "http://127.0.0.1:8", None),
        ({"HTTP_PROXY": "http://p.test:1"}, "http://localhost:8", None),
        ({"HTTPS_PROXY": "http://[::1]:1"}, "https://api.test", "http://[::1]:1"),
    ],
)
def test_checklist_22_the_environments_rules_are_followed(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], base: str, expected: str | None
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    chosen = choose_proxy(Endpoint(base))
    assert (chosen.url if chosen else None) == expected


@pytest.mark.parametrize(("user", "password"), [("", ""), ("ann", "wrong")])
def test_checklist_22_a_proxy_that_wants_a_password_is_named_without_it(
    named: ApiStandIn, ca_file: str, make_client: Make, user: str, password: str
) -> None:
    with ProxyStandIn(user="ann", password=PASSWORD, routes={"api.test:443": named.port}) as proxy:
        address = proxy.url.replace("//", f"//{user}@") if user else proxy.url
        with pytest.raises(ProxyAuthRequired) as caught:
            make_client("https://api.test", proxy=address, proxy_password=password, ca_file=ca_file).request(
                "GET", "/x"
            )
        assert caught.value.values["proxy"] == proxy.url
        assert not password or password not in f"{caught.value.detail}{caught.value.values}"


@pytest.mark.parametrize("broken", ["refuses", "closes", "hangs"])
def test_checklist_22_a_broken_proxy_is_told_from_a_broken_api(make_client: Make, broken: Broken) -> None:
    with ProxyStandIn(broken=broken) as proxy:
        client = make_client("https://api.test", proxy=proxy.url, timeout=0.4 if broken == "hangs" else 10, retries=2)
        with pytest.raises(ProxyFailed) as caught:
            client.request("GET", "/models")
        assert caught.value.values["proxy"] == proxy.url
        assert len(proxy.requests) == 1, "a wrong setting is not tried again"


def test_checklist_22_a_proxy_that_is_not_there_is_named(make_client: Make) -> None:
    with ProxyStandIn() as gone:
        address = gone.url
    for proxy in (address, "http://no-such-name.invalid:3128"):
        with pytest.raises(ProxyFailed):
            make_client("https://api.test", proxy=proxy).request("GET", "/models")


def test_a_plain_request_goes_through_a_proxy_that_the_setting_names(api: ApiStandIn, make_client: Make) -> None:
    with ProxyStandIn(user="ann", password=PASSWORD) as proxy:
        address = proxy.url.replace("//", "//ann@")
        client = make_client(api.base, proxy=address, proxy_password=PASSWORD)
        assert client.request("GET", "/models")["object"] == "list"
        with pytest.raises(ProxyAuthRequired):
            make_client(api.base, proxy=address).request("GET", "/models")


def test_checklist_21_a_bad_certificate_behind_a_proxy_is_still_refused(
    authority: Authority, ca_file: str, make_client: Make
) -> None:
    with (
        ApiStandIn(tls=authority.context("wrong_host")) as api,
        ProxyStandIn(routes={"api.test:443": api.port}) as proxy,
    ):
        with pytest.raises(TlsWrongHost):
            make_client("https://api.test", proxy=proxy.url, ca_file=ca_file).request("GET", "/models")
        assert api.requests == []


@pytest.mark.parametrize(
    "text", ["ftp://p.test:1", "http://", "http://p.test:port", "http://[::1", "socks4://p:1", "//"]
)
def test_a_proxy_address_that_is_none_is_an_error_of_ours(make_client: Make, text: str) -> None:
    with pytest.raises(ProxyFailed):
        make_client("https://api.test", proxy=text).request("GET", "/models")


@given(st.text(max_size=60))
def test_any_text_as_proxy_is_read_or_refused_and_its_password_is_never_shown(text: str) -> None:
    try:
        found = parse_proxy(f"http://u:{PASSWORD}@{text}")
        shown = f"{found.url} {found.label} {found!r}"
    except ProxyFailed as error:
        shown = f"{error} {error.values}"
    assert PASSWORD not in shown


def test_nothing_is_opened_and_httpx_not_imported_before_the_first_request() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from desktop.openai_api.client import ApiClient, Endpoint;"
        "import desktop.openai_api.sessions, desktop.openai_api.threads;"
        f"ApiClient(Endpoint('https://api.test'), {KEY!r});"
        "print([name for name in ('httpx', 'truststore', 'urllib.request', 'asyncio') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr
