"""What may be shown, what may be embedded, what may leave for the system's browser."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from desktop.window.policy import Policy, may_leave, origin

OWN = "http://localhost:4711/rAnDoM/chat.html"
OPENAI = "https://cdn.platform.openai.com"
CHAT = Policy((OPENAI,))
STANDIN = Policy(("http://127.0.0.1:9000",))
BARE = Policy()


@pytest.mark.parametrize("url", [OWN, OWN + "#", OWN + "#part"])
def test_checklist_14_the_top_frame_may_show_its_own_page(url: str) -> None:
    assert CHAT.may_show(url, OWN)


@pytest.mark.parametrize(
    "url",
    [
        "", "about:blank", "about:srcdoc", "data:text/html,x", "blob:http://localhost:4711/1", "javascript:alert(1)",
        "file:///etc/passwd", "http://localhost:4711/", "http://localhost:4711/rAnDoM/", OWN + "?x=1", OWN + "/",
        "http://localhost:4711/rAnDoM/settings.html", "http://localhost:4711/other/chat.html", OWN.upper(),
        "http://127.0.0.1:4711/rAnDoM/chat.html", "http://localhost:4712/rAnDoM/chat.html", "x" + OWN, " " + OWN,
        "https://localhost:4711/rAnDoM/chat.html", OPENAI + "/deployments/chatkit/index.html", "https://chatgpt.com/",
        "http://user@localhost:4711/rAnDoM/chat.html", "view-source:" + OWN, "chrome://settings", "https://evil.example",
    ],
)  # fmt: skip
def test_checklist_14_the_top_frame_may_show_nothing_else(url: str) -> None:
    assert not CHAT.may_show(url, OWN)


@given(url=st.text())
@example(url="#")
def test_checklist_14_no_text_is_taken_for_the_own_page(url: str) -> None:
    assert CHAT.may_show(url, OWN) == (url.split("#")[0] == OWN)


@pytest.mark.parametrize(
    "url",
    [
        OPENAI + "/deployments/chatkit/index-1.html", OPENAI, OPENAI + ":443/x", "HTTPS://CDN.platform.openai.com/x",
        "https://sandbox.openai.com/", "https://chatgpt.com/x", "https://ab.oaiusercontent.com/file",
        "about:blank", "about:srcdoc", "",
    ],
)  # fmt: skip
def test_checklist_14_the_component_s_own_frames_may_be_embedded(url: str) -> None:
    assert CHAT.may_embed(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/", "http://cdn.platform.openai.com/", "https://cdn.platform.openai.com:8443/",
        "https://evilopenai.com/", "https://openai.com.evil.example/", "https://cdn.platform.openai.com@evil.example/",
        "https://cdn.platform.openai.com\\@evil.example/", "https://evil.example\\@cdn.platform.openai.com/",
        "https://evil.example/?cdn.platform.openai.com", "https://evil.example#.openai.com", "data:text/html,x",
        "blob:https://cdn.platform.openai.com/1", "javascript:alert(1)", "file:///etc/passwd", "ftp://openai.com/",
        "//cdn.platform.openai.com/", "https:cdn.platform.openai.com", "https://", "https://[", "about:config",
        "https://cdn.platform.openai.com\n.evil.example/", "https://cdn.platform.openai.com\t/", "http://localhost:4711/",
        "https://openai.com\u2028.evil.example", "https://cdn.platform.openai.com:99999/", "https://chatgpt.com.",
    ],
)  # fmt: skip
def test_checklist_14_other_frames_may_not(url: str) -> None:
    assert not CHAT.may_embed(url)


def test_checklist_14_hosts_of_openai_are_embedded_only_beside_its_own_component() -> None:
    assert STANDIN.may_embed("http://127.0.0.1:9000/frame.html")
    for url in ("https://sandbox.openai.com/", "http://127.0.0.1:9001/", "http://localhost:9000/", OPENAI):
        assert not STANDIN.may_embed(url)


@pytest.mark.parametrize("url", [OPENAI, "https://chatgpt.com", "http://localhost:4711/x", "data:text/html,x"])
def test_checklist_14_a_page_without_a_component_embeds_nothing(url: str) -> None:
    assert not BARE.may_embed(url)


def test_checklist_14_an_origin_that_is_none_opens_nothing() -> None:
    assert not Policy((origin("not an address"),)).may_embed("data:text/html,x")
    assert not Policy(("",)).may_embed("file:///etc/passwd")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://A.Example/x?y#z", "https://a.example"),
        ("https://a.example:443", "https://a.example"),
        ("http://a.example:80/", "http://a.example"),
        ("http://a.example:443/", "http://a.example:443"),
        ("http://127.0.0.1:9000/x", "http://127.0.0.1:9000"),
        ("http://[::1]:9000/x", "http://[::1]:9000"),
        ("http://[::1]/", "http://[::1]"),
        ("ws://a.example", ""),
        ("a.example", ""),
        ("https://a.example;script-src/", ""),
        ("https://a.example 'unsafe-inline'/", ""),
        ("https://*/", ""),
        ("https://user@a.example/", ""),
    ],
)
def test_an_origin_is_written_as_engines_write_it(url: str, expected: str) -> None:
    assert origin(url) == expected


@given(url=st.text() | st.text().map(lambda rest: f"https://{rest}"))
def test_an_origin_is_the_same_twice_and_safe_in_a_policy_header(url: str) -> None:
    found = origin(url)
    assert origin(found) == found
    assert not set(found) & set(" ;,'\"*\r\n")


# --- checklist 15: what leaves the app --------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "https://platform.openai.com/api-keys", "http://example.org", "https://example.org:8443/a?b=c#d", "HTTPS://A.B/",
        "https://[2001:db8::1]/", "https://münchen.example/straße", "https://example.org/%20%0a", "https://a/@b",
        "mailto:a@b.example", "mailto:a@b.example?subject=Hello%20there&body=x&cc=c@d.example", "MAILTO:a@b.example",
        "https://" + "x" * 8000,
    ],
)  # fmt: skip
def test_checklist_15_web_and_mail_addresses_leave(url: str) -> None:
    assert may_leave(url)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "FILE:///etc/passwd", "file://server/share", "javascript:alert(1)", "JaVaScRiPt:alert(1)",
        "data:text/html,x", "blob:https://a/1", "about:blank", "vbscript:x", "ftp://a/", "smb://server/share", "ws://a/",
        "\\\\server\\share", "//server/share", "https:\\\\a.example", "https://a.example\\@b.example",
        "ms-settings:privacy", "ms-msdt:/id", "search-ms:query", "steam://run/1", "tel:+123", "sms:123", "chrome://flags",
        "view-source:https://a/", "custom-scheme://x", "jar:https://a!/b", "x-apple.systempreferences:", "vscode://file/x",
        "https://user@a.example/", "https://user:pass@a.example/", "http://openai.com@evil.example/", "https://@a.example/",
        "https://a.example/\x00", "https://a.example/\r\nX: y", "https://a.example/ b", "\thttps://a.example/",
        " https://a.example/", "https://a.example/\x7f", "https://a.example/\x85", "https://a.example/\u2028",
        "https://a.example/\u202egpj.exe", "https://a.example/\ud800", "java\nscript:alert(1)", "ht\ttps://a.example/",
        "", "a.example", "/etc/passwd", "-h", "--help", "C:\\Windows\\system32\\calc.exe", "C:/Windows/calc.exe",
        "https://", "https:", "https:a.example", "https:/a.example", "https://[", "https://[::1", "https://a.example:x/",
        "https://a.example:99999/", "http://:80/", "mailto:", "mailto:?subject=x", "mailto://a@b.example",
        "mailto:a@b.example?attach=/etc/passwd", "mailto:a@b.example?subject=x&Attachment=/etc/passwd",
        "https://" + "x" * 8200,
    ],
)  # fmt: skip
def test_checklist_15_nothing_else_does(url: str) -> None:
    assert not may_leave(url)


@given(scheme=st.from_regex(r"[A-Za-z][A-Za-z0-9+.-]{0,20}", fullmatch=True), rest=st.text(max_size=50))
def test_checklist_15_no_other_scheme_leaves_whatever_follows_it(scheme: str, rest: str) -> None:
    if may_leave(f"{scheme}:{rest}"):
        assert scheme.lower() in {"http", "https", "mailto"}


@given(url=st.text() | st.text().map(lambda rest: f"https://{rest}") | st.text().map(lambda rest: f"mailto:{rest}"))
def test_checklist_15_what_leaves_has_no_control_character_no_user_and_an_end(url: str) -> None:
    if may_leave(url):
        assert url.isprintable() or not url.isascii()
        assert not set(url) & {*map(chr, range(33)), "\x7f", "\\", "\u2028", "\u2029"}
        assert len(url) <= 8192
        assert url.encode()
        if not url.lower().startswith("mailto:"):
            assert "@" not in url.split("/")[2]
