"""What Chromium is told on its command line: the hosts that may be reached, and no datagrams."""

from __future__ import annotations

import pytest

from desktop.window.policy import ANYWHERE, reach
from desktop.window.qt_lockdown import NO_DATAGRAMS, network_flags, proxy_hosts


def test_checklist_35_only_named_hosts_may_be_reached_loopback_by_port_alone() -> None:
    flags = network_flags(reach(["http://localhost:5000", "http://127.0.0.1:5001/x", "https://cdn.test/a.js"]), [])
    rules = "MAP localhost:5000 localhost:5000 , MAP 127.0.0.1:5001 127.0.0.1:5001 , MAP cdn.test:443 cdn.test:443"
    assert flags == [
        NO_DATAGRAMS,
        f'--host-rules="{rules} , MAP * ~NOTFOUND"',
        f'--host-resolver-rules="{rules} , MAP * ~NOTFOUND"',
    ]


def test_openai_s_component_reaches_openai_s_hosts_and_no_others() -> None:
    hosts = reach(["https://cdn.platform.openai.com/deployments/chatkit/chatkit.js"])
    assert {"cdn.platform.openai.com:443", "*.openai.com", "*.chatgpt.com", "chatgpt.com"} <= set(hosts)
    assert not any(host in ("*", "*.com") for host in hosts)


@pytest.mark.parametrize("address", ["", "file:///x", "javascript:1", 'https://a"b.test/', "https://a.test ,MAP * b/"])
def test_what_is_no_web_address_opens_nothing(address: str) -> None:
    assert reach([address]) == []


def test_where_pictures_are_loaded_from_anywhere_hosts_are_left_to_the_pages_policies() -> None:
    assert network_flags(ANYWHERE, []) == [NO_DATAGRAMS]
    assert network_flags(ANYWHERE, None) == [NO_DATAGRAMS]


def test_a_proxy_is_found_and_where_it_can_not_be_told_names_are_left_to_it() -> None:
    assert proxy_hosts({}) == []
    assert proxy_hosts({"https_proxy": "http://ann:pw@proxy.test:8080"}) == ["proxy.test"]
    assert proxy_hosts({"HTTP_PROXY": "proxy.test:1", "all_proxy": "socks5://[::1]:9"}) == ["proxy.test", "[::1]"]
    assert proxy_hosts({"https_proxy": "http://other.test"}, "http://own.test:3128") == ["own.test"]
    for unknown in (
        {"auto_proxy": ""},
        {"XDG_CURRENT_DESKTOP": "KDE"},
        {"QTWEBENGINE_CHROMIUM_FLAGS": "--proxy-server=a:1"},
        {"http_proxy": "http://a , MAP * b"},
    ):
        assert proxy_hosts(unknown) is None
    [_, by_address] = network_flags(["a:1"], None)
    assert by_address.startswith("--host-rules=")
    assert network_flags(["a:1"], ["proxy.test"])[2].endswith(', EXCLUDE proxy.test"')
