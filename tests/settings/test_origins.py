"""API addresses: what is accepted and the origin it means; proxy addresses and their passwords."""

from __future__ import annotations

import pytest

from desktop.settings.errors import SettingsInvalid
from desktop.settings.origins import (
    check_proxy,
    is_loopback,
    is_own_address,
    is_own_host,
    normalise_api_base,
    origin_of,
    split_proxy,
    with_scheme,
)


@pytest.mark.parametrize(
    ("given", "base", "origin"),
    [
        ("https://api.openai.com", "https://api.openai.com", "https://api.openai.com"),
        (" https://api.openai.com/v1/ \n", "https://api.openai.com", "https://api.openai.com"),
        ("HTTPS://API.OpenAI.com:443/v1", "https://api.openai.com", "https://api.openai.com"),
        ("https://api.openai.com.", "https://api.openai.com", "https://api.openai.com"),
        ("https://gate.example:8443/openai/v1", "https://gate.example:8443/openai", "https://gate.example:8443"),
        ("https://gate.example/v1x", "https://gate.example/v1x", "https://gate.example"),
        ("http://localhost:4000/v1", "http://localhost:4000", "http://localhost:4000"),
        ("http://127.0.0.1", "http://127.0.0.1", "http://127.0.0.1"),
        ("http://[::1]:80", "http://[::1]", "http://[::1]"),
        ("https://bücher.example", "https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
    ],
)
def test_an_address_has_one_form_and_one_origin(given: str, base: str, origin: str) -> None:
    assert (normalise_api_base(given), origin_of(given)) == (base, origin)
    assert normalise_api_base(base) == base


@pytest.mark.parametrize(
    "given",
    [
        "",
        "  ",
        "api.openai.com",
        "localhost:8000",
        "http://api.openai.com",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://0x7f000001",
        "http://127.1",
        "http://2130706433",
        "http://0.0.0.0",
        "http://[::ffff:127.0.0.1]",
        "ftp://api.openai.com",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://",
        "https://user@api.openai.com",
        "https://user:pass@api.openai.com",
        "https://api.openai.com@evil.example",
        "https://api.openai.com\\@evil.example",
        "https://api.openai.com?x=1",
        "https://api.openai.com#x",
        "https://api.openai.com/../x",
        "https://api.openai.com/%2e%2e/x",
        "https://api openai.com",
        "https://api.openai.com\nHost: evil",
        "https://api.openai.com:99999",
        "https://api.openai.com:port",
        "https://[::1",
        "https://" + "ü" * 300,
    ],
)
def test_checklist_31_what_is_not_https_or_loopback_is_refused(given: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        normalise_api_base(given)
    assert caught.value.field == "network.api_base"


OWN = """
    ollama nas.local models.lan db.home.arpa api.internal 192.168.1.20 10.0.0.1 172.16.0.1 172.31.255.255 100.64.1.1
    169.254.3.4 fe80::1 fd12:3456::1 127.0.0.1 localhost
"""
NOT_OWN = """
    api.openai.com models.example 198.51.100.4 172.32.0.1 100.128.0.1 11.0.0.1 2001:db8::1 0.0.0.0 127.1 10.1 2130706433
    0x7f000001 a.0x1 ::ffff:10.0.0.1 169.254.169.254 fd00:ec2::254 192.168.1.020 local.example evil..local .local
    localhost.evil.example nas.local.evil.example
"""


@pytest.mark.parametrize("host", OWN.split())
def test_http_may_go_to_hosts_of_the_own_network(host: str) -> None:
    assert is_own_host(host)
    shown = f"[{host}]" if ":" in host else host
    assert origin_of(f"http://{shown}:8080/v1?x=1") == f"http://{shown}:8080"


@pytest.mark.parametrize("host", NOT_OWN.split())
def test_checklist_31_http_goes_to_no_other_host(host: str) -> None:
    assert not is_own_host(host)
    with pytest.raises(SettingsInvalid):
        normalise_api_base(f"http://{f'[{host}]' if ':' in host else host}:8080")


@pytest.mark.parametrize(
    ("address", "own"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("fe80::1%eth0", True),
        ("127.0.0.1", True),
        ("::ffff:198.51.100.7", False),
        ("198.51.100.7", False),
        ("169.254.169.254", False),
        ("::ffff:169.254.169.254", False),
        ("0.0.0.0", False),
        ("2001:db8::1", False),
        ("64:ff9b::a00:1", False),
        ("ollama", False),
    ],
)
def test_what_a_name_leads_to_is_in_the_own_network_or_not(address: str, own: bool) -> None:
    assert is_own_address(address) is own


@pytest.mark.parametrize(
    ("typed", "whole"),
    [
        ("ollama:11434", "http://ollama:11434"),
        ("192.168.1.20/v1", "http://192.168.1.20/v1"),
        ("api.example.com", "https://api.example.com"),
        ("fd00::1", "http://[fd00::1]"),
        ("HTTPS://x", "HTTPS://x"),
    ],
)
def test_a_host_alone_gets_the_scheme_it_means(typed: str, whole: str) -> None:
    assert with_scheme(typed) == whole


def test_only_this_computers_own_addresses_are_loopback() -> None:
    assert all(is_loopback(host) for host in ("localhost", "127.0.0.1", "127.8.9.255", "::1"))
    assert not any(
        is_loopback(host) for host in ("", "127.0.0.256", "127.0.0", "0127.0.0.1", "128.0.0.1", "a.localhost")
    )


@pytest.mark.parametrize(
    ("given", "address", "password"),
    [
        ("", "", ""),
        ("proxy:3128", "http://proxy:3128", ""),
        ("http://user:p%40ss@proxy:3128/", "http://user@proxy:3128", "p@ss"),
        ("user:secret@proxy:3128", "http://user@proxy:3128", "secret"),
        ("socks5://[::1]:1080", "socks5://[::1]:1080", ""),
        ("http://dom%5Cuser@proxy", "http://dom%5Cuser@proxy", ""),
    ],
)
def test_checklist_22_a_proxys_password_is_parted_from_its_address(given: str, address: str, password: str) -> None:
    assert split_proxy(given) == (address, password)


def test_checklist_22_an_address_with_a_password_is_never_a_setting() -> None:
    with pytest.raises(SettingsInvalid) as caught:
        check_proxy("http://user:secret@proxy:3128")
    assert "secret" not in f"{caught.value.detail} {caught.value.values}"


@pytest.mark.parametrize("given", ["gopher://proxy", "http://", "http://proxy/path", "http://proxy:port", "a b"])
def test_what_is_no_proxy_is_refused(given: str) -> None:
    with pytest.raises(SettingsInvalid):
        split_proxy(given)
