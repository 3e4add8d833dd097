"""Signing in at MCP servers: OAuth 2.1 over real HTTP, what is kept of it, how it is renewed, what attackers get."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from desktop.agents.mcp import grants
from desktop.agents.mcp.check import check
from desktop.agents.mcp.errors import (
    McpClientWanted,
    McpEnded,
    McpRefused,
    McpSignInFailed,
    McpSignInOver,
    McpSignInWanted,
)
from desktop.agents.mcp.grants import Grant
from desktop.agents.mcp.issuers import fits
from desktop.agents.mcp.loopback import Loopback
from desktop.agents.mcp.servers import OwnVault
from desktop.agents.mcp.sign_in import Client, sign_in, words
from desktop.common.errors import AppError, Phrase
from desktop.common.texts import Catalogue
from desktop.openai_api.transport import Endpoint
from desktop.settings.mcp import McpServer, mcp_grant
from tests.agents.mcp.conftest import LIMITS, PATIENCE, Chat, approved
from tests.agents.mcp.test_servers import http, none
from tests.agents.talk import Given
from tests.standins.issuer import RESOURCE, Browser, Issuer, get, protected
from tests.standins.mcp_http import McpHttp, text
from tests.standins.models_api import ModelsApi

TEXTS = Catalogue("en")


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as one:
        yield one


@pytest.fixture
def server(issuer: Issuer) -> Iterator[McpHttp]:
    with protected(issuer) as one:
        yield one


def signed(server: McpServer, browser: Callable[[str], object] | None = None, **more: Any) -> Grant:
    return sign_in(server, {}, Endpoint, browser or Browser(), TEXTS, name="Fern", limits=LIMITS, **more)


def kept(server: McpServer, grant: Grant | None) -> Given:
    """Settings with this server, and a keyring with this sign-in."""
    given = Given(mcp={server.id: server})
    if grant is not None:
        given.mcp_secrets[mcp_grant(server)] = grant.text()
    return given


def tools(server: McpServer, given: Given) -> list[str]:
    vault = OwnVault(given, server)
    return [tool.name for tool in check(server, none, Endpoint, LIMITS, vault=vault)]


def problem(error: AppError) -> str:
    value = error.values["problem"]
    return value.key if isinstance(value, Phrase) else str(value)


# --- signing in --------------------------------------------------------------------------------------


def test_a_server_that_wants_a_sign_in_says_so_and_has_its_tools_after_it(issuer: Issuer, server: McpHttp) -> None:
    far = http(server.url)
    with pytest.raises(McpSignInWanted):
        tools(far, kept(far, None))
    browser = Browser()
    grant = signed(far, browser)
    assert tools(far, kept(far, grant)) == ["echo"]
    [(status, page)] = browser.pages
    assert status == 200
    assert "close this tab" in page
    asked = parse_qs(urlsplit(browser.seen[0]).query)
    assert asked["resource"] == [server.url]
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["scope"] == ["read"]
    assert urlsplit(asked["redirect_uri"][0]).hostname == "127.0.0.1"
    [client] = issuer.clients.values()
    assert (client["client_name"], client["application_type"]) == ("Fern", "native")
    sent = next(given for path, given in issuer.asked if path == "/token")
    assert sent["resource"] == server.url
    assert "code_verifier" in sent


def test_two_sign_ins_have_nothing_in_common(server: McpHttp) -> None:
    first, second = Browser(), Browser()
    signed(http(server.url), first)
    signed(http(server.url), second)
    one, other = (parse_qs(urlsplit(browser.seen[0]).query) for browser in (first, second))
    assert one["state"] != other["state"]
    assert one["code_challenge"] != other["code_challenge"]
    assert one["redirect_uri"] != other["redirect_uri"]


@pytest.mark.parametrize("method", ["none", "client_secret_post", "client_secret_basic"])
@pytest.mark.parametrize("openid", [False, True])
def test_authorization_servers_of_every_kind_are_understood(method: str, openid: bool) -> None:
    with Issuer(method=method, openid=openid) as issuer, protected(issuer) as server:
        far = http(server.url)
        assert tools(far, kept(far, signed(far))) == ["echo"]


def test_without_metadata_of_its_own_the_server_is_its_authorization_server(issuer: Issuer) -> None:
    def guard(asked: Any) -> Any:
        path = urlsplit(asked.path).path
        if path == "/.well-known/oauth-authorization-server":
            said = {**issuer._metadata(), "issuer": server.origin}
            return 200, {"Content-Type": "application/json"}, json.dumps(said).encode()
        if path.startswith("/.well-known/"):
            return 404, {}, b""
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        return None if token in issuer.valid else (401, {"WWW-Authenticate": "Bearer"}, b"")

    issuer.metadata = {"authorization_response_iss_parameter_supported": None}
    issuer.back = {"iss": None}
    with McpHttp(guard=guard) as server:
        far = http(server.url)
        assert tools(far, kept(far, signed(far))) == ["echo"]


@pytest.mark.parametrize("secret", ["", "typed-by-hand-0123456789"])
@pytest.mark.parametrize("closed", [{"registration_endpoint": None}, {}])
def test_where_nobody_registers_by_himself_a_client_id_is_asked_for_and_typed(secret: str, closed: Any) -> None:
    with Issuer(metadata=closed, registers=403, known={"by-hand": secret}) as issuer, protected(issuer) as server:
        far = http(server.url)
        with pytest.raises(McpClientWanted) as caught:
            signed(far)
        assert caught.value.values["host"] == "127.0.0.1"
        if not closed:
            assert "Registration is closed" in caught.value.detail
        grant = signed(far, typed=Client("by-hand", secret, "127.0.0.1"))
        assert tools(far, kept(far, grant)) == ["echo"]
        again = signed(far, before=grant)
        assert again.client["client_id"] == "by-hand", "it is not asked for again"


def test_a_registration_is_used_again_where_the_same_port_is_free(issuer: Issuer, server: McpHttp) -> None:
    first = signed(http(server.url))
    second = signed(http(server.url), before=first)
    assert first.client["client_id"] == second.client["client_id"]
    assert len(issuer.clients) == 1


def test_a_server_that_offers_no_sign_in_says_so() -> None:
    with McpHttp(guard=lambda _asked: (401, {"WWW-Authenticate": "Bearer"}, b"")) as server:

        def guard(asked: Any) -> Any:
            at_mcp = urlsplit(asked.path).path == "/mcp"
            return (401, {"WWW-Authenticate": "Bearer"}, b"") if at_mcp else (404, {}, b"")

        server.guard = guard
        with pytest.raises(McpSignInFailed) as caught:
            signed(http(server.url))
        assert problem(caught.value) == "mcp.sign_in_none"


def test_who_gave_a_token_is_not_sent_to_sign_in(server: McpHttp) -> None:
    far = http(server.url, secrets=["Authorization"])
    with pytest.raises(McpRefused):
        check(far, lambda _name: "Bearer wrong", Endpoint, LIMITS, vault=OwnVault(kept(far, None), far))


# --- renewal -----------------------------------------------------------------------------------------


def test_a_token_that_ran_out_is_renewed_without_a_word_and_kept(issuer: Issuer, server: McpHttp) -> None:
    far = http(server.url)
    given = kept(far, signed(far).model_copy(update={"expires_at": 1.0}))
    assert tools(far, given) == ["echo"]
    assert [asked["grant_type"] for path, asked in issuer.asked if path == "/token"][1:] == ["refresh_token"]
    fresh = grants.read(given.mcp_secrets[mcp_grant(far)], far)
    assert fresh is not None
    assert fresh.access in issuer.valid
    assert tools(far, given) == ["echo"], "what is kept is what counts now"


def test_a_token_that_is_refused_before_its_time_is_renewed_too(issuer: Issuer, server: McpHttp) -> None:
    far = http(server.url)
    given = kept(far, signed(far))
    issuer.forget()
    assert tools(far, given) == ["echo"]


def test_many_calls_at_once_renew_once(issuer: Issuer, server: McpHttp) -> None:
    from desktop.agents.mcp.servers import Live
    from desktop.agents.mcp.types import Want

    far = http(server.url)
    given = kept(far, signed(far))

    async def run() -> None:
        live = Live(far, Want(far, {}, Endpoint(far.url)), LIMITS, {}, OwnVault(given, far))
        await live.ready()
        issuer.forget()
        made = await asyncio.gather(*(live.call("echo", {"text": str(number)}) for number in range(8)))
        assert [one.text for one in made] == [f"echo: {number}" for number in range(8)]
        await live.end(0.0)

    asyncio.run(run())
    assert len([1 for path, asked in issuer.asked if asked.get("grant_type") == "refresh_token"]) == 1


def test_a_token_that_another_process_renewed_is_taken_from_the_keyring(issuer: Issuer, server: McpHttp) -> None:
    far = http(server.url)
    old = signed(far)
    given = kept(far, old)
    tools(far, given)
    issuer.forget()
    tools(far, given)  # one that renews it: the old refresh token counts no more
    fresh = given.mcp_secrets[mcp_grant(far)]
    given.mcp_secrets[mcp_grant(far)] = old.text()
    vault = OwnVault(given, far)

    class Late(OwnVault):
        asked = 0

        def read(self) -> Grant | None:
            Late.asked += 1
            if Late.asked > 1:
                given.mcp_secrets[mcp_grant(far)] = fresh
            return vault.read()

    assert check(far, none, Endpoint, LIMITS, vault=Late(given, far))


@pytest.mark.parametrize("status", [400, 401, 403])
def test_where_nothing_is_renewed_any_more_one_is_asked_to_sign_in_again(
    issuer: Issuer, server: McpHttp, status: int
) -> None:
    far = http(server.url)
    given = kept(far, signed(far))
    issuer.forget()
    issuer.refresh = status
    with pytest.raises(McpSignInOver):
        tools(far, given)


def test_a_renewal_that_fails_for_the_moment_is_not_the_end_of_the_sign_in(issuer: Issuer, server: McpHttp) -> None:
    far = http(server.url)
    given = kept(far, signed(far))
    issuer.forget()
    issuer.refresh = 503
    with pytest.raises(AppError) as caught:
        tools(far, given)
    assert not isinstance(caught.value, McpSignInOver)
    issuer.refresh = 200
    assert tools(far, given) == ["echo"]


def test_another_address_of_the_server_asks_anew(server: McpHttp) -> None:
    far = http(server.url)
    grant = signed(far)
    moved = far.model_copy(update={"url": f"{server.origin}/other"})
    assert grants.read(grant.text(), moved) is None
    assert grants.read("{}", far) is None
    assert grants.read("no json", far) is None


def allowed(server: McpHttp) -> McpServer:
    """Whose tool runs without a question: what an open server says of it is what this one says."""
    with McpHttp() as open_to_all:
        return http(server.url).model_copy(update={"always": approved("echo", at=http(open_to_all.url))})


# --- in a chat ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_token_that_runs_out_in_a_chat_is_renewed_and_the_answer_goes_on(
    api: ModelsApi, issuer: Issuer, server: McpHttp
) -> None:
    far = allowed(server)
    chat = Chat(api, far)
    chat.given.mcp_secrets[mcp_grant(far)] = signed(far).text()
    try:
        for word in ("one", "two"):
            chat.calls("echo", text=word)
            chat.say()
            assert chat.outputs()[-1] == f"echo: {word}"
            assert chat.notices() == []
            issuer.forget()
    finally:
        chat.host.close(10)


@pytest.mark.slow
def test_a_sign_in_that_is_over_is_said_in_the_chat_which_goes_on_and_works_again_after_the_next(
    api: ModelsApi, issuer: Issuer, server: McpHttp
) -> None:
    far = allowed(server)
    chat = Chat(api, far)
    given = chat.given
    given.mcp_secrets[mcp_grant(far)] = signed(far).text()
    try:
        chat.calls("echo", text="one")
        chat.say()
        issuer.forget()
        issuer.refresh = 400
        chat.calls("echo", "Without it.", text="two")
        chat.say()
        assert "has expired" in chat.notices()[0]
        assert "Agents page" in chat.notices()[0]
        assert chat.page.answers(chat.thread)[-1] == "Without it."
        given.mcp_secrets[mcp_grant(far)] = signed(far).text()
        chat.calls("echo", text="three")
        chat.say()
        assert chat.outputs()[-1] == "echo: three"
        assert chat.notices() == []
    finally:
        chat.host.close(10)


@pytest.mark.slow
def test_a_tool_that_wants_more_rights_gets_them_with_the_next_sign_in(api: ModelsApi, issuer: Issuer) -> None:
    with protected(issuer, needs="write") as server:
        far = allowed(server)
        chat = Chat(api, far)
        chat.given.mcp_secrets[mcp_grant(far)] = signed(far).text()
        try:
            chat.calls("echo", "Not yet.", text="one")
            chat.say()
            assert "more permissions" in chat.notices()[0]
            before = grants.read(chat.given.mcp_secrets[mcp_grant(far)], far)
            assert before is not None
            browser = Browser()
            after = signed(far, browser, before=before)
            assert parse_qs(urlsplit(browser.seen[0]).query)["scope"] == ["read write"]
            chat.given.mcp_secrets[mcp_grant(far)] = after.text()
            chat.calls("echo", text="two")
            chat.say()
            assert chat.outputs()[-1] == "echo: two"
        finally:
            chat.host.close(10)


# --- attacks -----------------------------------------------------------------------------------------


def test_checklist_47_no_secret_of_a_sign_in_is_in_a_log_or_a_repr(
    issuer: Issuer, server: McpHttp, caplog: pytest.LogCaptureFixture
) -> None:
    from desktop.common import logs

    caplog.set_level(logging.DEBUG)
    issuer.method = "client_secret_basic"
    far = http(server.url)
    grant = signed(far)
    given = kept(far, grant)
    tools(far, given)
    issuer.forget()
    tools(far, given)
    issuer.refresh = 400
    issuer.forget()
    with pytest.raises(McpSignInOver):
        tools(far, given)
    said = logs.redact(caplog.text) + repr(grant)
    assert len(issuer.given) > 4
    assert not [secret for secret in issuer.given if secret in said]
    assert not [secret for secret in issuer.given if secret in caplog.text]


def test_checklist_48_a_token_goes_to_its_server_alone_and_the_servers_secrets_to_no_issuer(
    issuer: Issuer,
) -> None:
    with protected(issuer) as server:
        far = http(server.url, secrets=["X-Key"])
        grant = sign_in(far, {"X-Key": "hush-hush"}, Endpoint, Browser(), TEXTS, name="Fern", limits=LIMITS)
        given = kept(far, grant)
        assert check(far, lambda _name: "hush-hush", Endpoint, LIMITS, vault=OwnVault(given, far))
        assert all(one.headers.get("x-key") == "hush-hush" for one in server.asked if one.path == "/mcp")
        assert "hush-hush" not in json.dumps(issuer.headers)
        assert grant.access not in json.dumps(issuer.headers)


def test_checklist_48_an_answer_with_another_state_changes_nothing(server: McpHttp) -> None:
    pages: list[tuple[int, str]] = []
    followed = Browser()

    def browser(url: str) -> None:
        back = parse_qs(urlsplit(url).query)["redirect_uri"][0]
        for query in ("code=evil&state=evil", "code=evil", "state=", "error=access_denied&state=x", ""):
            status, _, body = get(f"{back}?{query}")
            pages.append((status, body))
        origin = back.removesuffix("/callback")
        pages.append(get(f"{origin}/?code=evil&state=evil")[::2])
        followed(url)

    assert signed(http(server.url), browser).access
    assert [status for status, _ in pages] == [400, 400, 400, 400, 400, 404]
    assert all("this is not one" in body for _, body in pages)


def test_checklist_48_the_page_is_reached_by_its_own_name_alone(server: McpHttp) -> None:
    import http.client

    seen: list[int] = []

    def browser(url: str) -> None:
        query = parse_qs(urlsplit(url).query)
        back = urlsplit(query["redirect_uri"][0])
        for host, method in (("evil.example", "GET"), (f"localhost:{back.port}", "GET"), (back.netloc, "POST")):
            line = http.client.HTTPConnection("127.0.0.1", back.port or 0, timeout=PATIENCE)
            line.request(method, f"/callback?code=x&state={query['state'][0]}", headers={"Host": host})
            seen.append(line.getresponse().status)
            line.close()
        Browser()(url)

    assert signed(globals()["http"](server.url), browser).access
    assert seen == [404, 404, 404]


def test_connections_that_a_browser_opened_ahead_of_need_end_with_the_sign_in() -> None:
    """From Python 3.12 on a server that is closed waits for them."""

    async def once() -> bytes:
        page = Loopback(words(TEXTS, "Notes"), patience=3600)
        await page.begin()
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(page.redirect).port)
        await asyncio.to_thread(get, page.redirect)  # who came later was met, so this one is
        await page.end()
        async with asyncio.timeout(PATIENCE):
            said = await reader.read()
        writer.close()
        return said

    assert asyncio.run(once()) == b""


MIXED: list[tuple[str, dict[str, Any]]] = [
    ("mcp.sign_in_mixed", {"back": {"iss": "https://honest.example"}}),
    ("mcp.sign_in_unreadable", {"back": {"iss": None}}),
    ("mcp.sign_in_mixed", {"metadata": {"issuer": "https://honest.example"}}),
    ("mcp.sign_in_unsafe", {"metadata": {"code_challenge_methods_supported": ["plain"]}}),
    ("mcp.sign_in_unsafe", {"metadata": {"authorization_endpoint": "http://192.0.2.1/authorize"}}),
    ("mcp.sign_in_unsafe", {"metadata": {"token_endpoint": "http://192.0.2.1/token"}}),
    ("mcp.sign_in_unsafe", {"metadata": {"registration_endpoint": "http://192.0.2.1/register"}}),
    ("mcp.sign_in_flood", {"padding": 5_000_000}),
    ("mcp.sign_in_denied", {"denies": True}),
    ("mcp.sign_in_unreadable", {"access": "line\nbreak"}),
    ("mcp.sign_in_unreadable", {"access": "x" * 20_000}),
]


@pytest.mark.parametrize(("why", "how"), MIXED)
def test_checklist_48_what_does_not_fit_together_gives_no_token(why: str, how: dict[str, Any]) -> None:
    with Issuer(**how) as issuer, protected(issuer) as server:
        browser = Browser()
        with pytest.raises(McpSignInFailed) as caught:
            signed(http(server.url), browser)
        said = problem(caught.value)
        assert said == why or (why == "mcp.sign_in_unreadable" and said == "mcp.sign_in_mixed")
        if why == "mcp.sign_in_unsafe":
            assert browser.seen == [], "nobody was sent anywhere"
        assert not [secret for secret in issuer.given if secret in repr(caught.value) + caught.value.detail]


def test_checklist_48_nobody_is_sent_to_an_issuer_that_is_not_safe(issuer: Issuer) -> None:
    for address in ("http://192.0.2.1/", "ftp://127.0.0.1/", "https://me:pw@issuer.example/"):
        browser = Browser()
        with protected(issuer, resource={"authorization_servers": [address]}) as server:
            with pytest.raises(AppError) as caught:
                signed(http(server.url), browser)
            assert isinstance(caught.value, McpSignInFailed)
        assert browser.seen == []
    assert issuer.asked == []


def test_checklist_48_metadata_of_the_server_come_from_the_server_alone(issuer: Issuer) -> None:
    with Issuer() as evil, protected(evil) as liar:
        there = f'Bearer resource_metadata="{liar.origin}{RESOURCE}/mcp"'
        with protected(issuer, header=there) as server:
            browser = Browser()
            grant = signed(http(server.url), browser)
        assert browser.seen[0].startswith(issuer.base), "its own are looked for"
        assert grant.issuer["issuer"].rstrip("/") == issuer.base
        assert liar.asked == []
        assert evil.asked == []


def test_checklist_48_metadata_for_another_resource_are_not_taken(issuer: Issuer) -> None:
    with protected(issuer, resource={"resource": "https://bank.example/mcp"}) as server:
        with pytest.raises(McpSignInFailed) as caught:
            signed(http(server.url))
        assert problem(caught.value) == "mcp.sign_in_mixed"


def test_checklist_48_a_typed_client_goes_to_no_other_issuer_than_it_was_typed_for() -> None:
    with Issuer(registers=403, known={"mine": "very-secret-0123456789"}) as evil, protected(evil) as server:
        with pytest.raises(McpSignInFailed) as caught:
            signed(http(server.url), typed=Client("mine", "very-secret-0123456789", "honest.example"))
        assert problem(caught.value) == "mcp.sign_in_mixed"
        assert "very-secret" not in json.dumps(evil.asked)


def test_checklist_48_a_redirect_of_the_token_endpoint_is_not_followed_elsewhere(issuer: Issuer) -> None:
    with Issuer() as evil:
        issuer.metadata = {"token_endpoint": f"{evil.base}/gone"}
        evil.answer = (307, {"Location": f"{issuer.base}/token"}, b"")
        with protected(issuer) as server, pytest.raises(McpSignInFailed):
            signed(http(server.url))
        assert "/token" not in issuer.paths()


def test_checklist_48_an_evil_redirect_of_the_browser_brings_nothing(issuer: Issuer, server: McpHttp) -> None:
    with Issuer() as evil:
        issuer.redirects_to = f"{evil.base}/steal"
        with pytest.raises(McpSignInFailed) as caught:
            signed_soon(http(server.url))
        assert problem(caught.value) == "mcp.sign_in_late"
        assert "/token" not in issuer.paths(), "a code alone is worth nothing without its verifier"


def signed_soon(server: McpServer) -> Grant:
    limits = replace(LIMITS, mcp_sign_in=1.5)
    return sign_in(server, {}, Endpoint, Browser(), TEXTS, name="Fern", limits=limits)


def test_a_sign_in_that_nobody_ends_has_a_time_limit_and_can_be_stopped(server: McpHttp) -> None:
    with pytest.raises(McpSignInFailed) as caught:
        sign_in(
            http(server.url),
            {},
            Endpoint,
            lambda _url: None,
            TEXTS,
            name="Fern",
            limits=replace(LIMITS, mcp_sign_in=1.0),
        )
    assert problem(caught.value) == "mcp.sign_in_late"
    stops: list[Callable[[], None]] = []
    with pytest.raises(McpEnded):
        signed(http(server.url), lambda _url: threading.Thread(target=stops[0]).start(), stops=stops.append)


@pytest.mark.parametrize(
    ("url", "home", "good"),
    [
        ("https://issuer.example/authorize", "https://mcp.example", True),
        ("http://issuer.example/authorize", "https://mcp.example", False),
        ("http://127.0.0.1:8/authorize", "https://mcp.example", False),
        ("https://127.0.0.1:8/authorize", "https://mcp.example", False),
        ("http://localhost/authorize", "https://mcp.example", False),
        ("http://127.0.0.1:8/authorize", "http://127.0.0.1:9", True),
        ("http://[::1]:8/authorize", "http://localhost:9", True),
        ("https://a@issuer.example/", "https://mcp.example", False),
        ("javascript:alert(1)", "https://mcp.example", False),
        ("file:///etc/passwd", "https://mcp.example", False),
        ("https:///x", "https://mcp.example", False),
        ("https://issuer.example/\u202e", "https://mcp.example", False),
        ("https://issuer.example:0/", "https://mcp.example", False),
        ("https://issuer.example:99999/", "https://mcp.example", False),
        (f"https://issuer.example/{'x' * 9000}", "https://mcp.example", False),
        ("chrome://settings", "http://127.0.0.1:9", False),
    ],
)
def test_checklist_48_only_safe_addresses_are_gone_to(url: str, home: str, good: bool) -> None:
    assert fits(url, home) is good


def test_the_stand_in_gives_nothing_away_without_a_token() -> None:
    with Issuer() as issuer, protected(issuer, tools={"secret": lambda _given: text("hidden")}) as server:
        status, headers, _ = get(f"{server.origin}/mcp")
        assert status == 401
        assert "resource_metadata" in headers["WWW-Authenticate"]
