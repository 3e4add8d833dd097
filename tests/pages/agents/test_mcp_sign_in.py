"""Signing in at MCP servers from the page for agents: offered after a refusal, kept in the keyring, ended with a click.
Against a real authorization server; the browser is a person who says yes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from desktop.keys.errors import KeyringMissing
from desktop.pages.agents.page import AgentsPage
from desktop.settings.mcp import McpServer, mcp_grant
from tests.pages.app_parts import Asked, House, Keyring
from tests.standins.issuer import Browser, Issuer, protected
from tests.standins.mcp_http import McpHttp

LIMIT = 60


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as one:
        yield one


@pytest.fixture
def server(issuer: Issuer) -> Iterator[McpHttp]:
    with protected(issuer) as one:
        yield one


@pytest.fixture
def browser(house: House) -> Browser:
    return opened_by(house)


@pytest.fixture
def ask(house: House, browser: Browser) -> Asked:
    return Asked(AgentsPage(house.services).page(), house.texts)


def opened_by(house: House) -> Browser:
    made = Browser()
    house.app.open_external = made  # type: ignore[attr-defined]
    return made


def save(ask: Asked, server: McpHttp, **form: Any) -> dict[str, Any]:
    given = {"number": 1, "transport": "http", "url": server.url, "name": "Far"}
    return dict(ask("mcp.save", **(given | form)))


def saved(house: House) -> McpServer:
    [one] = house.settings.current.mcp_servers
    return one


def test_a_refusal_offers_a_sign_in_and_nobody_is_sent_anywhere_before_the_click(
    house: House, ask: Asked, server: McpHttp, browser: Browser
) -> None:
    answer = save(ask, server)
    assert (answer["error"]["code"], answer["sign_in"]) == ("mcp_sign_in_wanted", "browser")
    assert answer["error"]["hint"] == "Sign in with your browser."
    assert browser.seen == []
    assert house.settings.current.mcp_servers == []


def test_after_the_sign_in_the_server_is_checked_and_saved_with_its_token_in_the_keyring_alone(
    house: House, ask: Asked, server: McpHttp, issuer: Issuer
) -> None:
    save(ask, server)
    answer = save(ask, server, sign_in=True)
    assert answer["error"] is None
    assert [tool["name"] for tool in answer["tools"]] == ["echo"]
    one = saved(house)
    kept = house.keys.secret(mcp_grant(one)) or ""
    assert json.loads(kept)["tokens"]["access_token"] in issuer.valid
    assert ask("mcp.secrets", id=one.id)["signed_in"] == "keyring"
    assert not [secret for secret in issuer.given if ask.found(secret) or secret in house.on_disk()]
    assert save(ask, server, id=one.id)["error"] is None, "a later check needs no browser"


def test_checklist_47_signing_out_removing_and_another_address_delete_the_token(
    house: House, ask: Asked, server: McpHttp, issuer: Issuer
) -> None:
    save(ask, server, sign_in=True)
    one = saved(house)
    ask("mcp.sign_out", id=one.id)
    assert house.keys.secret(mcp_grant(one)) is None
    assert ask("mcp.secrets", id=one.id)["signed_in"] == "nowhere"
    assert save(ask, server, id=one.id)["error"]["code"] == "mcp_sign_in_wanted"

    save(ask, server, id=one.id, sign_in=True)
    assert house.keys.secret(mcp_grant(one))
    with McpHttp() as open_to_all:
        save(ask, open_to_all, id=one.id)
    assert house.keys.secret(mcp_grant(one)) is None, "it belonged to the other address"

    save(ask, server, id=one.id, sign_in=True)
    assert house.keys.secret(mcp_grant(one))
    ask("mcp.remove", id=one.id)
    assert house.keys.secret(mcp_grant(one)) is None


def test_a_client_id_is_asked_for_where_nobody_registers_by_himself(house: House) -> None:
    opened_by(house)
    ask = Asked(AgentsPage(house.services).page(), house.texts)
    secret = "typed-secret-never-to-be-seen"
    with Issuer(registers=403, known={"mine": secret}) as issuer, protected(issuer) as server:
        answer = save(ask, server, sign_in=True)
        assert (answer["sign_in"], answer["host"]) == ("client", "127.0.0.1")
        error = save(ask, server, sign_in=True, client_host="127.0.0.1")["error"]
        assert (error["field"], error["message"]) == ("client_id", "Enter the client ID.")
        typed = {"client_id": " mine ", "client_secret": secret, "client_host": "127.0.0.1"}
        assert save(ask, server, sign_in=True, **typed)["error"] is None
        assert not ask.found(secret)
        assert secret not in house.on_disk()
        assert save(ask, server, id=saved(house).id, sign_in=True)["error"] is None, "and not asked for again"


def test_a_denied_sign_in_says_so_and_offers_another(house: House, ask: Asked, server: McpHttp, issuer: Issuer) -> None:
    issuer.denies = True
    answer = save(ask, server, sign_in=True)
    assert "access was denied in the browser" in answer["error"]["message"]
    assert answer["sign_in"] == "browser"
    assert house.settings.current.mcp_servers == []


def test_a_sign_in_can_be_cancelled_while_the_browser_is_open(house: House, server: McpHttp) -> None:
    there = threading.Event()
    house.app.open_external = lambda _url: there.set()  # type: ignore[attr-defined]
    ask = Asked(AgentsPage(house.services).page(), house.texts)
    answers: list[dict[str, Any]] = []
    waits = threading.Thread(target=lambda: answers.append(save(ask, server, sign_in=True)))
    waits.start()
    assert there.wait(LIMIT)
    assert ask("mcp.cancel", number=1) == {"stopped": True}
    waits.join(LIMIT)
    assert answers[0]["cancelled"] is True
    assert house.settings.current.mcp_servers == []


def test_without_a_keyring_a_sign_in_can_be_kept_until_the_app_ends_and_is_not_asked_for_twice(
    make_house: Callable[..., House], server: McpHttp
) -> None:
    house = make_house(keyring=Keyring(trouble=KeyringMissing()))
    browser = opened_by(house)
    ask = Asked(AgentsPage(house.services).page(), house.texts)
    answer = save(ask, server, sign_in=True)
    assert answer["error"]["code"] == "keyring_missing"
    pages = len(browser.pages)
    assert save(ask, server, sign_in=True, keep="session")["error"] is None
    assert len(browser.pages) == pages
    assert ask("mcp.secrets", id=saved(house).id)["signed_in"] == "session"


def test_a_server_with_a_token_of_its_own_is_not_offered_a_sign_in(house: House, ask: Asked, server: McpHttp) -> None:
    header = {"name": "Authorization", "value": "ghp_WrongButSecret0123456789abcdef", "secret": True}
    answer = save(ask, server, headers=[header])
    assert (answer["error"]["code"], answer["sign_in"]) == ("mcp_refused", "")


def test_what_was_signed_in_and_not_saved_is_forgotten_with_the_page(house: House, server: McpHttp) -> None:
    opened_by(house)
    house.keyring.refuses = KeyringMissing()  # type: ignore[attr-defined]
    page = AgentsPage(house.services).page()
    ask = Asked(page, house.texts)
    assert save(ask, server, sign_in=True)["error"]["code"] == "keyring_missing"
    assert page.on_gone is not None
    page.on_gone()
    house.keyring.refuses = None  # type: ignore[attr-defined]
    assert save(ask, server)["error"]["code"] == "mcp_sign_in_wanted"
