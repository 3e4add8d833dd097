"""The way to a model: nothing from the environment, nowhere but the endpoint, the same certificates and proxies."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from desktop.agents.models import failures
from desktop.agents.models.endpoints import Clients, is_openai, make_client
from desktop.agents.models.errors import EndpointUnfit
from desktop.common.errors import FileUnreadable
from desktop.openai_api.errors import OutsideNetwork, PlainUnasked
from desktop.openai_api.transport import Endpoint as Route
from desktop.settings.agents import Endpoint
from desktop.settings.errors import SettingsInvalid
from tests.standins.models_api import KEY, Answer, ModelsApi
from tests.standins.proxy import ProxyStandIn

ROOT = Path(__file__).resolve().parents[3]
PLANTED = {
    "OPENAI_API_KEY": "sk-planted-0123456789",
    "OPENAI_ADMIN_KEY": "sk-admin-planted-0123",
    "OPENAI_ORG_ID": "org-planted",
    "OPENAI_ORGANIZATION": "org-planted",
    "OPENAI_PROJECT_ID": "proj-planted",
    "OPENAI_WEBHOOK_SECRET": "planted-secret",
    "OPENAI_BASE_URL": "http://planted.invalid/v1",
    "OPENAI_WEBSOCKET_BASE_URL": "ws://planted.invalid/v1",
    "OPENAI_CUSTOM_HEADERS": "X-Planted: yes\nAuthorization: Bearer planted",
    "OPENAI_DEFAULT_MODEL": "planted-model",
    "OPENAI_AGENT_HARNESS_ID": "planted-harness",
    "HTTP_PROXY": "http://planted.invalid:8080",
    "HTTPS_PROXY": "http://planted.invalid:8080",
    "ALL_PROXY": "http://planted.invalid:8080",
    "SSL_CERT_FILE": "/planted/no-such-file.pem",
}


@pytest.fixture
def api() -> Iterator[ModelsApi]:
    with ModelsApi() as server:
        yield server


def endpoint(api: ModelsApi, name: str = "local", protocol: str = "responses") -> Endpoint:
    return Endpoint.model_validate({"id": name, "base_url": api.base, "api": protocol})


def ask(api: ModelsApi, key: str | None = KEY, route: Route | None = None) -> str:
    """One question through a client of ours."""

    async def once() -> str:
        client = make_client(endpoint(api), key, route or Route(base=api.base), silence=20, retries=0)
        try:
            return (await client.responses.create(model="gpt-4.1", input="hello")).output_text
        finally:
            await client.close()

    return asyncio.run(once())


# --- the environment --------------------------------------------------------------------------


def test_a_client_reads_nothing_from_the_environment(api: ModelsApi, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in PLANTED.items():
        monkeypatch.setenv(name, value)
    assert ask(api) == "You said: hello"
    headers = api.asked[-1].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert "planted" not in str(headers).lower()
    assert {"openai-organization", "openai-project", "x-planted"} & set(headers) == set()


def test_the_planted_variables_would_have_held_for_the_sdk(api: ModelsApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """That the test above can fail: the SDK's own client takes every one of them."""
    for name, value in PLANTED.items():
        if "PROXY" not in name and name != "SSL_CERT_FILE":
            monkeypatch.setenv(name, value)
    with openai.OpenAI(max_retries=0) as client:
        assert client.api_key == PLANTED["OPENAI_API_KEY"]
        assert client.organization == "org-planted"
        assert client.project == "proj-planted"
        assert str(client.base_url) == "http://planted.invalid/v1/"
        assert client.default_headers["X-Planted"] == "yes"


def test_the_app_says_who_it_is(api: ModelsApi) -> None:
    ask(api)
    assert api.asked[-1].headers["user-agent"].startswith("chatkit-desktop/")


def test_without_a_key_no_header_pretends_one(api: ModelsApi) -> None:
    ask(api, key=None)
    assert "authorization" not in api.asked[-1].headers


# --- where the API is ---------------------------------------------------------------------------


def said_at(api: ModelsApi, key: str | None = KEY, times: int = 1, **more: Any) -> list[str]:
    """Where questions went, with an endpoint that nobody has checked."""
    one = Endpoint.model_validate({"id": "local", "api": "chat_completions", **more})
    hello: Any = [{"role": "user", "content": "hello"}]

    async def talk() -> None:
        client = make_client(one, key, Route(base=one.base_url), silence=20, retries=0)
        try:
            for _ in range(times):
                answer = await client.chat.completions.create(model="local-model", messages=hello)
                assert answer.choices[0].message.content == "You said: hello"
        finally:
            await client.close()

    before = len(api.asked)
    asyncio.run(talk())
    return [asked.target for asked in api.asked[before:]]


def test_an_address_of_a_settings_file_is_found_as_it_looks_and_else_elsewhere(api: ModelsApi) -> None:
    assert said_at(api, base_url=api.base) == ["/v1/chat/completions"]
    assert said_at(api, base_url=f"{api.base}/v1/") == ["/v1/chat/completions"]
    api.root = "/v1beta/openai"
    assert said_at(api, base_url=f"{api.base}/v1beta/openai/") == ["/v1beta/openai/chat/completions"]
    api.root = "/gateway"
    there = "/gateway/chat/completions"
    first = "/gateway/v1/chat/completions"
    assert said_at(api, base_url=f"{api.base}/gateway", times=3) == [first, there, there, there]
    assert said_at(api, base_url=f"{api.base}/gateway", whole=True) == [there]
    api.root = "/v4/v1"
    assert said_at(api, base_url=f"{api.base}/v4")[-1] == "/v4/v1/chat/completions"


def test_a_model_that_is_not_there_is_not_looked_for_elsewhere(api: ModelsApi) -> None:
    api.answer(Answer(status=404, error={"error": {"message": "model 'local-model' not found"}}))
    with pytest.raises(openai.NotFoundError):
        said_at(api, base_url=api.base)
    assert len(api.asked) == 1


def test_a_query_goes_along_with_every_call_and_the_key_in_azures_header_too(api: ModelsApi) -> None:
    api.root = "/openai/deployments/mine"
    address = f"{api.base}/openai/deployments/mine?api-version=2024-10-21"
    assert said_at(api, base_url=address) == ["/openai/deployments/mine/chat/completions?api-version=2024-10-21"]
    assert api.asked[-1].headers["api-key"] == KEY
    said_at(api, base_url=f"{api.base}/openai/deployments/mine", whole=True)
    assert "api-key" not in api.asked[-1].headers


def test_checklist_31_http_in_the_own_network_wants_a_yes_and_stays_inside(
    api: ModelsApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    leads = {"ollama": "127.0.0.1"}

    def lookup(host: str, port: Any, *_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (leads.get(host, host), port))]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    one = endpoint(api).model_copy(update={"base_url": f"http://ollama:{api.port}"})
    with pytest.raises(PlainUnasked):
        make_client(one, KEY, Route(base=one.base_url), silence=20)

    async def talk() -> str:
        client = make_client(one, KEY, Route(base=one.base_url, plain=True), silence=20, retries=0)
        try:
            return (await client.responses.create(model="gpt-4.1", input="hello")).output_text
        finally:
            await client.close()

    assert asyncio.run(talk()) == "You said: hello"
    assert api.asked[-1].headers["host"] == f"ollama:{api.port}"
    leads["ollama"] = "198.51.100.7"
    with pytest.raises((openai.APIConnectionError, OutsideNetwork)) as refused:
        asyncio.run(talk())
    assert isinstance(failures.of(refused.value), OutsideNetwork)
    assert len(api.asked) == 1


# --- nowhere else -----------------------------------------------------------------------------


def test_a_request_to_another_origin_is_refused(api: ModelsApi) -> None:
    with ModelsApi() as other:

        async def stray() -> None:
            client = make_client(endpoint(api), KEY, Route(base=api.base), silence=20, retries=0)
            try:
                await client.get(f"{other.base}/v1/models", cast_to=object)
            finally:
                await client.close()

        with pytest.raises(EndpointUnfit):
            asyncio.run(stray())
        assert other.asked == []


def test_a_redirect_is_not_followed(api: ModelsApi) -> None:
    with ModelsApi() as other:
        api.answer(Answer(status=307, error={}, headers={"Location": f"{other.base}/v1/responses"}))
        with pytest.raises(EndpointUnfit):
            ask(api)
        assert other.asked == []


WALLED = """
import json, sys
from tests.rig import wall
wall.build()

import socket
for host in ("api.openai.com", "203.0.113.9"):
    try:
        socket.create_connection((host, 443), timeout=1)
    except wall.ReachedOut:
        pass
planted = list(wall.reached_out)
wall.reached_out.clear()

from desktop.settings.agents import AssistantAgent, Endpoint
from tests.agents.talk import Given, Page, make_host

base, protocol = sys.argv[1:]
given = Given(
    agents={"mine": AssistantAgent.model_validate({"id": "mine", "endpoint": "local", "tools": {"web_search": True}})},
    endpoints={"local": Endpoint.model_validate(
        {"id": "local", "base_url": base, "api": protocol, "needs_key": True})},
    keys={base: "sk-mine-0123456789"},
    titles=True,
)
host = make_host(given)
host.warm()
page = Page(host, "mine")
heard = page.say("hello")
again = page.say("again", heard.thread)
host.close(10)
print(json.dumps({
    "planted": planted, "reached_out": wall.reached_out, "said": [heard.said, again.said],
    "errors": heard.errors + again.errors,
}))
"""


@pytest.mark.parametrize("protocol", ["responses", "chat_completions"])
def test_checklist_31_the_key_goes_to_its_endpoint_and_nothing_else_is_reached(api: ModelsApi, protocol: str) -> None:
    """In a process of its own, behind a wall that first catches what was planted; with every variable set."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WALLED, api.base, protocol],
        cwd=ROOT,
        env={**os.environ, **PLANTED},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert len(told["planted"]) == 2
    assert told["reached_out"] == []
    assert told["errors"] == []
    assert told["said"] == ["You said: hello", "You said: again"]
    assert {asked.path for asked in api.asked} == {
        "/v1/responses" if protocol == "responses" else "/v1/chat/completions"
    }
    assert {asked.headers["authorization"] for asked in api.asked} == {"Bearer sk-mine-0123456789"}
    assert "planted" not in str([asked.headers for asked in api.asked]).lower()


# --- tracing ----------------------------------------------------------------------------------


def test_tracing_is_off_and_nobody_gets_spans() -> None:
    code = (
        "import desktop.agents.models.tracing, agents.tracing\n"
        "from agents.tracing import get_trace_provider, trace\n"
        "with trace('x') as made: print(type(made).__name__, get_trace_provider()._multi_processor._processors)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "NoOpTrace ()", done.stderr


def test_tracing_that_is_switched_on_goes_to_openai_s_endpoint_alone(api: ModelsApi) -> None:
    import agents

    from desktop.agents.models.tracing import Tracing

    route = Route(base=api.base)
    tracing = Tracing()
    try:
        assert tracing.use(False, endpoint(api, "openai"), KEY, route) is False
        assert tracing.use(True, endpoint(api, "local"), KEY, route) is False
        assert tracing.use(True, endpoint(api, "openai"), None, route) is False
        assert tracing.use(True, endpoint(api, "openai"), KEY, route) is True
        with agents.trace("a run"):
            pass
        tracing.close(10)
        (sent,) = api.calls("/v1/traces/ingest")
        assert sent.headers["authorization"] == f"Bearer {KEY}"
    finally:
        tracing.close()


# --- the way ----------------------------------------------------------------------------------


def test_a_client_is_kept_for_each_endpoint_key_and_way(api: ModelsApi) -> None:
    async def made() -> None:
        clients = Clients(20)
        route = Route(base=api.base)
        first = clients.get(endpoint(api), KEY, route)
        assert clients.get(endpoint(api), KEY, route) is first
        assert clients.get(endpoint(api), "sk-another", route) is not first
        assert clients.get(endpoint(api), KEY, Route(base=api.base, timeout=3)) is not first
        await clients.close()
        assert clients.get(endpoint(api), KEY, route) is not first
        await clients.close()

    asyncio.run(made())


def test_a_proxy_of_the_settings_is_used(api: ModelsApi) -> None:
    with ProxyStandIn() as proxy:
        assert ask(api, route=Route(base=api.base, proxy=proxy.url)) == "You said: hello"
        assert proxy.requests


def test_a_ca_file_that_is_not_there_is_named(api: ModelsApi) -> None:
    with pytest.raises(FileUnreadable):
        ask(api, route=Route(base=api.base, ca_file="/nowhere/ca.pem"))


@pytest.mark.parametrize("base", ["http://example.org", "ftp://example.org", "", "https://user:secret@example.org"])
def test_an_address_that_would_send_the_key_in_the_open_is_refused(base: str) -> None:
    made = Endpoint.model_construct(id="x", name="", base_url=base, api="responses", needs_key=True)
    with pytest.raises(SettingsInvalid):
        make_client(made, KEY, Route(base="https://example.org"), silence=1)


def test_openai_is_the_built_in_endpoint_or_its_host() -> None:
    def named(name: str, base: str) -> bool:
        return is_openai(Endpoint(id=name, base_url=base))

    assert named("openai", "https://api.openai.com")
    assert named("openai", "http://127.0.0.1:1")
    assert named("mine", "https://api.openai.com")
    assert not named("mine", "https://gateway.example.org")
