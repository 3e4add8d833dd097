"""Attacks on every client of ours by what it is sent: packed many times, packed otherwise, or without end.

Each client is the app's own, over real HTTP; the server is whoever a person was talked into.
"""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import os
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.agents.code.clients import Given as CodeGiven
from desktop.agents.host import AgentHost
from desktop.agents.mcp.check import check as check_mcp
from desktop.agents.mcp.errors import McpFlood
from desktop.agents.models.endpoints import make_client
from desktop.agents.models.tracing import Tracing
from desktop.agents.remote.errors import ServerFlood
from desktop.app import updates
from desktop.common.errors import AppError
from desktop.common.texts import Catalogue
from desktop.openai_api import script_check
from desktop.openai_api.bounded import MB, PIECE, Bounds, Intake
from desktop.openai_api.client import ApiClient, Endpoint
from desktop.openai_api.errors import AnswerFlood, AnswerPacked, BadAnswer, UpdatesUnreadable
from desktop.settings.agents import Endpoint as ModelEndpoint
from desktop.settings.agents import ServerAgent
from desktop.settings.brand import Brand
from desktop.settings.mcp import McpServer
from desktop.settings.model import Settings
from tests.agents.assistant.test_assistant import House
from tests.agents.talk import FAST, Given, Page, make_host
from tests.standins.models_api import KEY
from tests.standins.raw import RawServer, bomb, endless, stacked
from tests.standins.tls import Authority

JSON = "application/json"
EVENTS = "text/event-stream"
ROOT = Path(__file__).resolve().parents[2]
LINE = "x" * (1 << 16)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def raw() -> Iterator[RawServer]:
    with RawServer() as server:
        yield server


# --- the clients, each asking for one thing ------------------------------------------------------


def by_rest(server: RawServer) -> object:
    return ApiClient(Endpoint(server.base), KEY, retries=0).request("GET", "/models")


def by_script_check(server: RawServer) -> object:
    return script_check.reach(f"{server.base}/chatkit.js")


def by_model(server: RawServer) -> object:
    async def once() -> object:
        route = Endpoint(server.base)
        endpoint = ModelEndpoint.model_validate({"id": "local", "base_url": server.base})
        client = make_client(endpoint, KEY, route, silence=20, retries=0)
        try:
            return await client.models.list()
        except openai.APIConnectionError as error:
            raise _cause(error) from None
        finally:
            await client.close()

    return asyncio.run(once())


def by_server(server: RawServer) -> object:
    """A ChatKit server's list of chats."""
    agent = ServerAgent.model_validate({"id": "team", "url": f"{server.base}/chatkit"})
    host = AgentHost(Given(servers={"team": agent}), Catalogue("en"), limits=FAST)
    try:
        return Page(host, "team").ask("threads.list")
    finally:
        host.close(20)


def by_mcp(server: RawServer) -> object:
    far = McpServer(id="far", name="Far", transport="http", url=f"{server.base}/mcp")
    return check_mcp(far, lambda _name: None, Endpoint, FAST)


def _code(server: RawServer) -> CodeGiven:
    endpoint = {"id": "local", "base_url": server.base}
    return CodeGiven({"endpoint": endpoint, "key": KEY, "route": {"base": server.base}}, 20)


def by_code(server: RawServer) -> object:
    with _code(server)._http() as client:
        return client.get(server.base)


def by_async_code(server: RawServer) -> object:
    async def once() -> object:
        async with _code(server)._async_http() as client:
            return await client.get(server.base)

    return asyncio.run(once())


def by_traces(server: RawServer) -> object:
    tracing = Tracing()
    endpoint = ModelEndpoint.model_validate({"id": "openai", "base_url": server.base})
    assert tracing.use(True, endpoint, KEY, Endpoint(server.base))
    try:
        return tracing._exporter._client.post(f"{server.base}/v1/traces/ingest")
    finally:
        tracing.close()


def _cause(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error


Ask = Callable[[RawServer], object]
ALL: list[Ask] = [
    *(by_rest, by_script_check, by_model, by_server, by_mcp),
    *(by_code, by_async_code, by_traces),
]
WHOLE: dict[Ask, type[AppError]] = {
    by_rest: BadAnswer,
    by_model: AnswerFlood,
    by_server: ServerFlood,
    by_mcp: McpFlood,
    by_code: AnswerFlood,
    by_async_code: AnswerFlood,
    by_traces: AnswerFlood,
}
"""Who reads a whole answer, and what it says of one that is too long."""


def named(value: object) -> str:
    return getattr(value, "__name__", "") or str(value)


# --- packed more than once, or otherwise ---------------------------------------------------------


@pytest.mark.parametrize("ask", ALL, ids=named)
def test_checklist_41_a_coding_stacked_on_another_is_not_opened(raw: RawServer, ask: Ask) -> None:
    raw.says(JSON, stacked(64 * MB, 3), "gzip, gzip, gzip")
    with pytest.raises(AnswerPacked) as caught:
        ask(raw)
    assert caught.value.values["host"] == "127.0.0.1"


@pytest.mark.parametrize(
    "codings",
    [
        ("gzip,gzip",),
        ("gzip", "gzip"),
        ("GZip , gzip",),
        ("identity, gzip, identity, gzip",),
        ("deflate, gzip",),
        ("x-gzip", "gzip"),
        ("gzip", "unheard-of"),
        ("br",),
        ("zstd",),
        ("deflate",),
        ("compress",),
        ("unheard-of",),
    ],
    ids=str,
)
@pytest.mark.parametrize("ask", [by_rest, by_model, by_server], ids=named)
def test_checklist_41_what_was_not_asked_for_is_not_opened_however_it_is_written(
    raw: RawServer, ask: Ask, codings: tuple[str, ...]
) -> None:
    raw.says(JSON, gzip.compress(gzip.compress(b'{"data": []}')), codings)
    with pytest.raises(AnswerPacked):
        ask(raw)


@pytest.mark.parametrize("ask", ALL, ids=named)
def test_checklist_41_every_client_asks_for_the_one_coding_that_is_opened(raw: RawServer, ask: Ask) -> None:
    raw.says(JSON, b'{"data": []}')
    try:
        ask(raw)
    except AppError:
        pass  # some want more of an answer than this
    assert {headers["accept-encoding"] for _method, _path, headers in raw.asked} == {"gzip"}


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP", "identity", "gzip, identity", "", "utf-8", "none"])
@pytest.mark.parametrize("ask", [by_rest, by_model, by_code, by_async_code], ids=named)
def test_an_answer_packed_once_or_not_at_all_is_read(raw: RawServer, ask: Ask, coding: str) -> None:
    body = json.dumps({"object": "list", "data": []}).encode()
    sent = gzip.compress(body) if "gzip" in coding.lower() else body
    raw.says(JSON, sent, coding)
    raw.headers.append(("Content-Length", str(len(sent))))
    ask(raw)


@pytest.mark.parametrize("ask", WHOLE, ids=named)
@pytest.mark.parametrize("packed", [True, False], ids=["bomb", "plain"])
def test_checklist_41_an_answer_that_is_larger_than_any_is_cut_off(raw: RawServer, ask: Ask, packed: bool) -> None:
    if packed:
        raw.says(JSON, bomb(1024 * MB, head=b'{"data": "'), "gzip")
    else:
        raw.says(JSON, endless(b'{"data": "', b"x" * MB))
    with pytest.raises(WHOLE[ask]):
        ask(raw)
    assert raw.sent < 300 * MB


@pytest.mark.parametrize("cut", [1, 9, 400])
@pytest.mark.parametrize("ask", [by_rest, by_model, by_server], ids=named)
def test_a_packed_answer_that_is_cut_is_told_and_never_taken_for_whole(raw: RawServer, ask: Ask, cut: int) -> None:
    body = json.dumps({"object": "list", "data": [], "more": os.urandom(600).hex()}).encode()
    raw.says(JSON, gzip.compress(body)[:-cut], "gzip")
    with pytest.raises(AppError):
        ask(raw)


def test_checklist_41_the_updates_page_is_read_the_same_way(authority: Authority, tmp_path: Path) -> None:
    with RawServer(authority.context("good")) as page:
        brand = Brand.model_validate({"app": {"id": "fern"}, "links": {"releases": f"{page.base}/releases.html"}})
        settings = Settings.model_validate({"network": {"ca_file": str(authority.write(tmp_path / "ca.pem"))}})
        page.says(JSON, stacked(64 * MB, 3), "gzip, gzip, gzip")
        with pytest.raises(AnswerPacked):
            updates.check(brand, settings, lambda _proxy: "")
        page.says(JSON, bomb(1024 * MB), "gzip")
        with pytest.raises(UpdatesUnreadable):
            updates.check(brand, settings, lambda _proxy: "")


MEMORY = """
import resource, sys
from tests.agents import test_bounds as attacks
from tests.standins.raw import RawServer, bomb
with RawServer() as server:
    server.says("application/json", bomb(4 << 30), "gzip")
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name in sys.argv[1:]:
        try:
            getattr(attacks, name)(server)
        except attacks.AppError as error:
            print(name, error.code)
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - used) // 1024)
"""


@pytest.mark.skipif(os.name == "nt", reason="counts memory as POSIX does")
def test_checklist_41_four_gigabytes_in_four_megabytes_cost_no_more_than_the_bound() -> None:
    asks = [named(ask) for ask in (by_model, by_mcp, by_server, by_rest)]
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, *asks], cwd=ROOT, capture_output=True, text=True, timeout=300, check=True
    )
    *told, grown = done.stdout.split()
    codes = dict(zip(told[::2], told[1::2], strict=True))
    assert codes["by_model"] == "answer_flood"
    assert codes["by_mcp"] == "mcp_flood"
    assert codes["by_server"] == "server_flood"
    assert codes["by_rest"] == "bad_answer"
    assert int(grown) < 700, "MB"


# --- a model's answer without end ----------------------------------------------------------------


class Flooded(House):
    """An assistant whose model sends events as the test says them."""

    def __init__(self, raw: RawServer, protocol: str) -> None:
        self.raw = raw
        self.given = Given(agents={}, endpoints={}, keys={raw.base: KEY})
        self.given.endpoints["local"] = ModelEndpoint.model_validate(
            {"id": "local", "base_url": raw.base, "api": protocol, "needs_key": True}
        )
        self.agent()
        self.host: AgentHost = make_host(self.given)
        self.page = Page(self.host, "mine")


@pytest.fixture(params=["responses", "chat_completions"])
def flooded(raw: RawServer, request: pytest.FixtureRequest) -> Iterator[Flooded]:
    made = Flooded(raw, str(request.param))
    yield made
    made.host.close(20)


@pytest.mark.parametrize(
    ("first", "piece"),
    [
        (b"data: ", LINE.encode()),
        (b'data: {"a": "', LINE.encode()),
        (b"", LINE.encode()),
        (b"event: ", LINE.encode()),
        (b"id: ", LINE.encode()),
        (b"", f"data: {LINE}\n".encode()),
        (b"", f": {LINE}\n".encode()),
        (b"", f"data: {LINE}\r\n".encode()),
    ],
    ids=["a line", "JSON", "no field", "a name", "an id", "an event of lines", "comments", "lines of Windows"],
)
def test_checklist_42_an_event_without_end_is_stopped_with_a_sentence(
    flooded: Flooded, first: bytes, piece: bytes
) -> None:
    flooded.raw.says(EVENTS, endless(first, piece))
    heard = flooded.page.say("Hello")
    (told,) = heard.errors
    assert "127.0.0.1 sent more than an answer can hold (32 MB)." in told["message"]
    assert flooded.raw.sent < 80 * MB


def test_checklist_42_pieces_without_end_are_stopped_and_what_was_said_stays(flooded: Flooded) -> None:
    """Every event is in order; only the answer never ends."""
    words = "word " * 20_000
    if flooded.given.endpoints["local"].api == "responses":
        place = {"item_id": "msg_1", "output_index": 0, "content_index": 0, "logprobs": []}
        begin = [
            {
                "type": "response.output_item.added",
                "output_index": 0,
                "sequence_number": 1,
                "item": {"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []},
            },
            {
                "type": "response.content_part.added",
                **place,
                "sequence_number": 2,
                "part": {"type": "output_text", "text": "", "annotations": []},
            },
        ]
        piece: object = {"type": "response.output_text.delta", **place, "sequence_number": 3, "delta": words}
    else:
        begin = []
        piece = {
            "id": "c",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m",
            "choices": [{"index": 0, "delta": {"content": words}, "finish_reason": None}],
        }
    first = "".join(f"data: {json.dumps(one)}\n\n" for one in begin).encode()
    flooded.raw.says(EVENTS, endless(first, f"data: {json.dumps(piece)}\n\n".encode()))
    heard = flooded.page.say("Hello")
    (told,) = heard.errors
    assert "127.0.0.1 sent more than an answer can hold (4 MB)." in told["message"]
    assert 1_000_000 < len(heard.said) <= 4_000_000
    assert flooded.raw.sent < 64 * MB


def test_checklist_42_a_packed_stream_has_the_same_bounds(flooded: Flooded) -> None:
    flooded.raw.says(EVENTS, bomb(1024 * MB, b"x", b"data: "), "gzip")
    (told,) = flooded.page.say("Hello").errors
    assert "sent more than an answer can hold (32 MB)." in told["message"]


# --- the rules themselves ------------------------------------------------------------------------


def taken(chunks: list[bytes], kind: str, bounds: Bounds, coding: str = "", method: str = "POST") -> list[bytes]:
    intake = Intake(method, {"content-type": kind, "content-encoding": coding}, "a.test", bounds)
    pieces = [piece for chunk in chunks for piece in intake.feed(chunk)]
    intake.end()
    return pieces


@given(
    data=st.binary(max_size=400) | st.integers(0, 300_000).map(bytes),
    cuts=st.lists(st.integers(0, 400), max_size=8),
    coded=st.booleans(),
)
def test_what_comes_in_is_what_was_sent_however_it_is_cut(data: bytes, cuts: list[int], coded: bool) -> None:
    sent = gzip.compress(data) if coded else data
    edges = [0, *sorted(min(cut, len(sent)) for cut in cuts), len(sent)]
    chunks = [sent[a:b] for a, b in itertools.pairwise(edges)]
    pieces = taken(chunks, JSON, Bounds(), "gzip" if coded else "")
    assert b"".join(pieces) == data
    assert all(len(piece) <= PIECE for piece in pieces) or not coded


@given(
    events=st.lists(st.integers(0, 90), max_size=8),
    end=st.sampled_from([b"\n\n", b"\r\n\r\n", b"\r\r", b"\n\r\n"]),
    cut=st.integers(1, 7),
)
def test_events_are_weighed_each_for_itself(events: list[int], end: bytes, cut: int) -> None:
    sent = b"".join(b"d" * size + end for size in events)
    chunks = [sent[at : at + cut] for at in range(0, len(sent), cut)]
    largest = max(events, default=0)
    assert b"".join(taken(chunks, EVENTS, Bounds(event=largest + 8))) == sent
    if largest > 8:
        with pytest.raises(AnswerFlood):
            taken(chunks, EVENTS, Bounds(event=largest - 8))


def test_a_whole_stream_has_a_bound_and_one_that_only_listens_has_none() -> None:
    chunks = [b"data: x\n\n"] * 1000
    with pytest.raises(AnswerFlood):
        taken(chunks, EVENTS, Bounds(stream=5000))
    assert len(taken(chunks, EVENTS, Bounds(stream=5000), method="GET")) == 1000


def test_deflate_is_refused_even_where_it_would_be_harmless() -> None:
    with pytest.raises(AnswerPacked):
        taken([zlib.compress(b"x")], JSON, Bounds(), "deflate")
