"""The door between a page and Python: what comes through, what does not, and that everything is answered."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.common.errors import Catalogue
from desktop.common.page import Method, NoParams, Page, Params
from desktop.common.texts import Catalogue as Texts
from desktop.openai_api.errors import KeyRejected
from desktop.window import calls
from desktop.window.bridge import (
    MOST_HELD,
    MOST_IN_FLIGHT,
    MOST_OPENINGS,
    OPENING_SECONDS,
    Answered,
    Bridge,
    Channel,
    weighs_over,
)
from desktop.window.calls import DEEPEST
from desktop.window.showing import Showing

SOON = 20
"""Seconds within which a thread has to have answered at all."""

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=20), inner, max_size=5),
    max_leaves=20,
)
"""Whatever JSON can hold."""


class Window:
    """A window's loop, turned by hand, and what was pushed into its page."""

    def __init__(self) -> None:
        self.turns: list[Callable[[], None]] = []
        self.scripts: list[str] = []
        self._new = threading.Condition()
        self.channel = Channel(self._later, self.scripts.append)

    def _later(self, flush: Callable[[], None]) -> None:
        with self._new:
            self.turns.append(flush)
            self._new.notify_all()

    def turn(self) -> None:
        """One turn of the loop: what was planned until now runs."""
        with self._new:
            due, self.turns = self.turns, []
        for flush in due:
            flush()

    def delivered(self) -> list[dict[str, Any]]:
        """The entries of every script so far, in order."""
        found: list[dict[str, Any]] = []
        for script in self.scripts:
            assert script.startswith("window.bridge&&window.bridge.deliver(")
            assert script.endswith(");0")
            found += json.loads(script.removeprefix("window.bridge&&window.bridge.deliver(").removesuffix(");0"))
        return found

    def answers(self, count: int) -> list[dict[str, Any]]:
        """The first `count` entries, waited for."""
        while True:
            self.turn()
            if len(self.delivered()) >= count:
                return self.delivered()
            with self._new:
                assert self.turns or self._new.wait(SOON), "no answer came"


class Text(Params):
    text: str


class Number(Params):
    n: int


class Desk:
    """A page with a few methods, shown in a window."""

    def __init__(
        self,
        texts: Catalogue,
        methods: dict[str, Method] | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.calls: list[Any] = []
        self.answered: queue.SimpleQueue[Answered] = queue.SimpleQueue()
        self.window = Window()
        self.bridge = Bridge(texts, on_answered=self.answered.put, clock=clock)
        self.page = Page("probe", "probe.html", (), {"echo": Method(Text, self._echo), **(methods or {})})
        self.showing = Showing(self.page)
        self.window.channel.hold(self.showing)

    def _echo(self, params: Text) -> str:
        self.calls.append(params.text)
        return params.text

    def call(self, method: object = "echo", params: object = None, call_id: object = "1", **more: object) -> None:
        body: dict[str, object] = {"page_key": self.showing.key, "id": call_id, "method": method, **more}
        if params is not None:
            body["params"] = params
        self.send(body)

    def send(self, body: object, name: object = "call") -> None:
        self.bridge.receive(self.window.channel, name, body, "engine-id")

    def answer(self, method: object = "echo", params: object = None, **more: object) -> dict[str, Any]:
        """Call, and the one answer to it."""
        before = len(self.window.delivered())
        self.call(method, params, **more)
        return self.window.answers(before + 1)[before]


@pytest.fixture
def desk(texts: Texts) -> Desk:
    return Desk(texts)


# --- what may be asked for ------------------------------------------------------------------------


def test_a_listed_method_is_answered_with_its_value(desk: Desk) -> None:
    assert desk.answer(params={"text": "hello"}) == {"id": "1", "ok": True, "value": "hello"}


@pytest.mark.parametrize(
    "method",
    [
        "nothing", "_echo", "_x", "__init__", "__class__", "__dict__", "echo.__globals__", "echo.__call__", "os.system",
        "_window.gui.os.system", "page.methods", "Echo", "echo ", " echo", "echo\n", "", "constructor", "toString",
        "x" * 10_000, "\ud800", "écho", None, 0, 1, True, 1.5, [], ["echo"], {}, {"echo": 1}, "get", "items", "keys",
    ],
)  # fmt: skip
def test_checklist_02_what_is_not_listed_is_refused_at_once_with_an_answer(desk: Desk, method: object) -> None:
    desk.call(method, {"text": "x"})
    desk.window.turn()  # at once: no thread was needed
    [answer] = desk.window.delivered()
    assert answer["id"] == "1"
    assert answer["ok"] is False
    assert answer["error"]["code"] == "unknown_method"
    assert len(answer["error"]["message"]) < 300
    assert desk.calls == []


@pytest.mark.parametrize("depth", [200, 900])
@pytest.mark.parametrize("place", ["name", "method", "params", "text"])
def test_checklist_40_a_call_nested_as_deep_as_json_goes_is_answered(desk: Desk, depth: int, place: str) -> None:
    deep: Any = "x"
    for _ in range(depth):
        deep = [deep]
    call = {"page_key": desk.showing.key, "id": "1", "method": "echo", "params": {"text": "x"}}
    changed = {"method": {"method": deep}, "params": {"params": deep}, "text": {"params": {"text": deep}}}
    desk.send({**call, **changed.get(place, {})}, deep if place == "name" else "call")
    assert desk.window.answers(1)[0]["error"]["code"] in ("unknown_method", "bad_params")
    assert desk.calls == []


@pytest.mark.parametrize("levels", [DEEPEST, 1_000, 50_000])
def test_checklist_40_a_call_that_was_too_deep_to_be_read_is_answered_under_its_id(desk: Desk, levels: int) -> None:
    deep = "[" * levels + "]" * levels
    call = f'{{"page_key": "{desk.showing.key}", "id": "1", "method": "echo", "params": {{"text": {deep}}}}}'
    desk.send(calls.read(call))
    desk.window.turn()  # at once: no thread was needed
    [answer] = desk.window.delivered()
    assert (answer["id"], answer["error"]["code"]) == ("1", "bad_params")
    assert str(DEEPEST) in answer["error"]["message"]
    desk.send(calls.read(call.replace(desk.showing.key, "another key")))
    desk.send(calls.read(call.replace('"echo"', '"no.such"')))
    desk.window.turn()
    assert [entry["error"]["code"] for entry in desk.window.delivered()] == ["bad_params", "unknown_method"]
    assert desk.bridge.refused == 1
    assert desk.calls == []
    assert desk.answer(params={"text": "next"}, call_id="2")["value"] == "next"


def test_checklist_10_a_call_that_was_too_large_to_be_read_is_answered_under_its_id(desk: Desk) -> None:
    body = {"page_key": desk.showing.key, "id": "1", "method": "echo", "params": {"text": "x" * 500_000}}
    desk.send(calls.read(json.dumps(body), 400_000))
    desk.window.turn()
    assert [entry["error"]["code"] for entry in desk.window.delivered()] == ["call_too_large"]
    assert desk.calls == []


@pytest.mark.parametrize("name", ["pywebviewEventHandler", "pywebviewMoveWindow", "echo", "", None, 5, ["call"], {}])
def test_checklist_02_only_the_one_call_of_the_wire_is_known(desk: Desk, name: object) -> None:
    desk.send({"page_key": desk.showing.key, "id": "1", "method": "echo", "params": {"text": "x"}}, name)
    desk.window.turn()
    assert desk.window.delivered()[0]["error"]["code"] == "unknown_method"
    assert desk.calls == []


def test_checklist_02_a_call_with_more_than_its_four_parts_is_refused(desk: Desk) -> None:
    assert desk.answer(params={"text": "x"}, callback="alert")["error"]["code"] == "unknown_method"
    assert desk.calls == []


@given(method=ANYTHING.filter(lambda found: found != "echo"))
def test_checklist_02_whatever_stands_for_the_method_there_is_one_answer(method: object) -> None:
    desk = Desk(Texts("en"))
    desk.call(method, {"text": "x"})
    desk.window.turn()
    assert [entry["ok"] for entry in desk.window.delivered()] == [False]
    assert desk.calls == []


def test_checklist_10_a_page_has_its_own_methods_and_no_others(texts: Texts) -> None:
    chat, settings = Desk(texts), Desk(texts, {"key.remove": Method(NoParams, lambda _none: "gone")})
    assert chat.answer("key.remove")["error"]["code"] == "unknown_method"
    assert settings.answer("key.remove")["value"] == "gone"


@pytest.mark.parametrize(
    "params",
    [
        {}, {"text": 1}, {"text": None}, {"text": ["x"]}, {"text": "x", "more": 1}, {"Text": "x"}, "text", 5, [], ["x"],
        True, {"text": {"text": "x"}},
    ],
)  # fmt: skip
def test_checklist_10_arguments_of_another_type_are_refused(desk: Desk, params: object) -> None:
    assert desk.answer(params=params)["error"]["code"] == "bad_params"
    assert desk.calls == []


def test_checklist_10_numbers_written_as_text_are_not_taken_for_numbers(texts: Texts) -> None:
    desk = Desk(texts, {"double": Method(Number, lambda params: params.n * 2)})
    assert desk.answer("double", {"n": 4})["value"] == 8
    for wrong in ("4", 4.5, True, None):
        assert desk.answer("double", {"n": wrong})["error"]["code"] == "bad_params"


def test_checklist_10_no_params_at_all_are_an_empty_set(texts: Texts) -> None:
    desk = Desk(texts, {"ping": Method(NoParams, lambda _none: "pong")})
    assert desk.answer("ping")["value"] == "pong"
    assert desk.answer("ping", {"x": 1})["error"]["code"] == "bad_params"


@given(params=ANYTHING.filter(lambda found: not (isinstance(found, dict) and set(found) == {"text"})))
def test_checklist_10_whatever_stands_for_the_parameters_there_is_one_answer(params: object) -> None:
    desk = Desk(Texts("en"))
    answer = desk.answer(params=params)
    assert answer["ok"] is False
    assert answer["error"]["code"] == "bad_params"
    assert len(desk.window.delivered()) == 1


# --- sizes and numbers ----------------------------------------------------------------------------


def test_checklist_10_a_call_of_ten_megabytes_is_refused_with_a_sentence(desk: Desk) -> None:
    desk.call(params={"text": "x" * 10_000_000})
    desk.window.turn()
    [answer] = desk.window.delivered()
    assert answer["error"]["code"] == "call_too_large"
    assert "64 KB" in answer["error"]["message"]
    assert desk.calls == []
    assert desk.answer(params={"text": "small"}, call_id="2")["value"] == "small"


@pytest.mark.parametrize(
    "params",
    [
        {"text": ["y"] * 3_000_000},
        {f"name{number}": None for number in range(500_000)},
        {"x" * 10_000_000: 1},
        {"text": "\U0001f600" * 2_600_000},
        [10**4000] * 3_000,
    ],
    ids=["list", "names", "one name", "emoji", "numbers"],
)
def test_checklist_10_however_ten_megabytes_are_made_up_they_are_refused(desk: Desk, params: object) -> None:
    desk.call(params=params)
    desk.window.turn()
    assert desk.window.delivered()[0]["error"]["code"] == "call_too_large"


def test_checklist_10_each_method_has_a_limit_of_its_own(texts: Texts) -> None:
    desk = Desk(texts, {"short": Method(Text, lambda params: len(params.text), limit=1024)})
    assert desk.answer("short", {"text": "x" * 1000})["value"] == 1000
    assert desk.answer("short", {"text": "x" * 1100})["error"]["code"] == "call_too_large"
    assert desk.answer("echo", {"text": "x" * 1100})["ok"] is True


@given(value=ANYTHING, limit=st.integers(0, 300))
def test_what_is_found_too_large_is_larger_and_little_that_is_larger_goes_unfound(value: object, limit: int) -> None:
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    size = len(written.encode("utf-8", "surrogatepass"))
    if weighs_over(value, limit):
        assert size > limit
    else:
        # Escapes make six characters of one at most, numbers with a fraction up to 24 of three.
        assert size <= limit * 8 + 24


def test_checklist_10_calls_in_flight_are_limited_and_the_rest_is_answered(texts: Texts) -> None:
    gate = threading.Event()
    desk = Desk(texts, {"wait": Method(NoParams, lambda _none: gate.wait(SOON))})
    for number in range(MOST_IN_FLIGHT + 3):
        desk.call("wait", call_id=str(number))
    refused = desk.window.answers(3)
    assert {entry["error"]["code"] for entry in refused} == {"too_many_calls"}
    assert all(entry["error"]["retryable"] for entry in refused)
    gate.set()
    everything = desk.window.answers(MOST_IN_FLIGHT + 3)
    assert sorted(int(entry["id"]) for entry in everything) == list(range(MOST_IN_FLIGHT + 3))
    assert desk.answer(params={"text": "room again"}, call_id="x")["ok"] is True


@pytest.mark.parametrize("method", ["app.open_link", "update.open", "chats.open_folder", "settings.pick_ca_file"])
def test_checklist_34_what_brings_up_a_window_or_the_browser_is_limited_in_rate(texts: Texts, method: str) -> None:
    """A call needs no click: without a limit a script has the browser, our windows or a dialog again and again."""
    now = [0.0]
    opened: list[str] = []
    desk = Desk(texts, {method: Method(Text, lambda params: opened.append(params.text))}, clock=lambda: now[0])

    def tried(count: int) -> list[str]:
        before = len(opened)
        answers = [desk.answer(method, {"text": "x"}) for _ in range(count)]
        refused = [answer["error"]["code"] for answer in answers if not answer["ok"]]
        assert len(opened) - before + len(refused) == count
        return refused

    assert tried(MOST_OPENINGS) == []
    assert tried(20) == ["too_many_calls"] * 20
    desk.showing = Showing(desk.page)  # shown anew
    desk.window.channel.hold(desk.showing)
    assert len(tried(3)) == 3
    assert desk.answer("echo", {"text": "other methods are not held up"})["ok"]
    now[0] += OPENING_SECONDS
    assert len(tried(3)) == 2
    now[0] += 1e6
    assert len(tried(MOST_OPENINGS + 1)) == 1


@pytest.mark.parametrize("method", ["app.reopened", "items.opens", "chat.start", "openly"])
def test_a_method_that_opens_nothing_has_no_such_limit(texts: Texts, method: str) -> None:
    desk = Desk(texts, {method: Method(Text, lambda params: params.text)})
    assert all(desk.answer(method, {"text": "x"})["ok"] for _ in range(3 * MOST_OPENINGS))


def test_checklist_10_calls_of_the_page_before_do_not_count_for_the_next(texts: Texts) -> None:
    gate = threading.Event()
    desk = Desk(texts, {"wait": Method(NoParams, lambda _none: gate.wait(SOON))})
    for number in range(MOST_IN_FLIGHT):
        desk.call("wait", call_id=str(number))
    desk.showing = Showing(desk.page)
    desk.window.channel.hold(desk.showing)
    try:
        assert desk.answer(params={"text": "new page"})["value"] == "new page"
    finally:
        gate.set()


# --- who may call ---------------------------------------------------------------------------------


def test_checklist_10_the_key_of_a_page_no_longer_shown_is_refused(desk: Desk) -> None:
    stolen = desk.showing.key
    desk.showing = Showing(desk.page)
    desk.window.channel.hold(desk.showing)
    desk.send({"page_key": stolen, "id": "1", "method": "echo", "params": {"text": "x"}})
    assert desk.window.turns == []
    assert desk.calls == []
    assert desk.bridge.refused == 1


def test_checklist_45_a_flood_of_calls_without_the_key_costs_no_line_of_the_log_each(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(20_000):
        desk.send({"page_key": "x" * 43, "id": str(number), "method": "echo", "params": {"text": "x"}})
    assert desk.bridge.refused == 20_000
    assert len(caplog.records) < 20
    assert "16384" in caplog.records[-1].message
    assert desk.window.turns == []
    assert desk.answer(params={"text": "after"})["value"] == "after"


def test_checklist_10_the_key_of_another_window_is_refused(texts: Texts) -> None:
    chat, settings = Desk(texts), Desk(texts)
    chat.send({"page_key": settings.showing.key, "id": "1", "method": "echo", "params": {"text": "x"}})
    assert chat.window.turns == settings.window.turns == []
    assert chat.calls == settings.calls == []


def test_checklist_11_a_revoked_page_is_not_answered_even_while_it_is_still_there(desk: Desk) -> None:
    desk.showing.revoke()
    desk.call(params={"text": "x"})
    assert desk.window.turns == []
    assert desk.calls == []


@pytest.mark.parametrize("showing", [True, False])
@pytest.mark.parametrize("key", ["", "x", None, 0, True, [], {}, "missing"])
def test_checklist_11_a_wrong_page_key_does_nothing(desk: Desk, key: object, showing: bool) -> None:
    if not showing:
        desk.window.channel.hold(None)
    body = {"page_key": key, "id": "1", "method": "echo", "params": {"text": "x"}}
    if key == "missing":
        del body["page_key"]
    desk.send(body)
    assert desk.window.turns == []
    assert desk.window.scripts == []
    assert desk.calls == []
    assert desk.bridge.refused == 1


@pytest.mark.parametrize("call_id", [None, 1, True, [], {}, "", "x" * 65, "x" * 10_000_000])
def test_checklist_11_a_call_whose_id_is_no_short_text_does_nothing(desk: Desk, call_id: object) -> None:
    desk.call(params={"text": "x"}, call_id=call_id)
    assert desk.window.turns == []
    assert desk.calls == []


@given(name=ANYTHING, body=ANYTHING, engine_id=ANYTHING)
def test_checklist_11_whatever_comes_without_the_key_nothing_happens(
    name: object, body: object, engine_id: object
) -> None:
    desk = Desk(Texts("en"))
    desk.bridge.receive(desk.window.channel, name, body, engine_id)
    assert desk.window.turns == []
    assert desk.calls == []
    assert desk.bridge.refused == 1


@given(
    body=st.fixed_dictionaries(
        {"page_key": st.just("the key")},
        optional={"id": ANYTHING, "method": ANYTHING | st.just("echo"), "params": ANYTHING, "more": ANYTHING},
    )
)
def test_whatever_comes_with_the_key_and_an_id_is_answered_once(body: dict[str, Any]) -> None:
    desk = Desk(Texts("en"))
    desk.showing.key = "the key"
    desk.send(body)
    if isinstance(body.get("id"), str) and 0 < len(body["id"]) <= 64:
        assert [entry["id"] for entry in desk.window.answers(1)] == [body["id"]]
    else:
        assert desk.window.turns == []


# --- what comes back ------------------------------------------------------------------------------


class Secretive(Exception):
    """Its text must not be seen by a page."""


def _burst(_params: NoParams) -> None:
    secret = "sk-planted-0123456789"
    raise Secretive(f"boom {secret}")


def test_checklist_12_a_defect_is_told_without_a_traceback(texts: Texts) -> None:
    desk = Desk(texts, {"burst": Method(NoParams, _burst)})
    answer = desk.answer("burst")
    assert answer["error"]["code"] == "internal"
    assert set(answer["error"]) == {"code", "message", "hint", "retryable", "field", "detail"}
    for leak in ("Traceback", "Secretive", "boom", "sk-planted", ".py", "_burst"):
        assert leak not in desk.window.scripts[0]


def test_checklist_12_an_expected_failure_is_code_sentence_and_hint(texts: Texts) -> None:
    def refuse(_params: NoParams) -> None:
        raise KeyRejected("401 req_1", status=401)

    answer = Desk(texts, {"mint": Method(NoParams, refuse)}).answer("mint")
    assert answer["error"]["code"] == "key_rejected"
    assert answer["error"]["message"] == texts.get("errors.key_rejected.message")
    assert answer["error"]["hint"] == texts.get("errors.key_rejected.hint")
    assert answer["error"]["detail"] == "401 req_1"


def test_checklist_12_a_wrong_parameter_is_named_and_its_value_is_not_repeated(desk: Desk) -> None:
    answer = desk.answer(params={"text": ["sk-planted-0123456789"]})
    assert "text" in answer["error"]["message"]
    assert "sk-planted" not in desk.window.scripts[0]


def test_checklist_12_a_long_name_that_is_not_known_is_cut(desk: Desk) -> None:
    desk.answer(params={"n" * 50_000: 1})
    assert len(desk.window.scripts[0]) < 1000


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", float("nan"), float("inf"), {"deep": [object()]}])
def test_checklist_12_a_value_that_json_cannot_hold_is_our_defect_and_is_answered(texts: Texts, value: object) -> None:
    desk = Desk(texts, {"odd": Method(NoParams, lambda _none: value)})
    assert desk.answer("odd")["error"]["code"] == "internal"
    assert desk.answer(params={"text": "still here"}, call_id="2")["ok"] is True


@pytest.mark.parametrize("levels", [DEEPEST, 900, 100_000])
@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: {"a": inner}], ids=["lists", "objects"])
def test_checklist_40_a_value_nested_too_deep_is_our_defect_and_spoils_nothing_else(
    texts: Texts, levels: int, wrap: Callable[[Any], Any]
) -> None:
    """An engine that can't read one entry of a batch reads none."""
    deep: Any = 1
    for _ in range(levels):
        deep = wrap(deep)
    desk = Desk(texts, {"deep": Method(NoParams, lambda _none: deep)})
    assert desk.answer("deep")["error"]["code"] == "internal"
    with pytest.raises(ValueError, match="deeper"):
        desk.window.channel.post({"event": "deep", "data": deep})
    assert desk.answer(params={"text": "still here"}, call_id="2")["ok"] is True


def test_a_value_as_deep_as_calls_may_be_comes_back_whole(texts: Texts) -> None:
    deep: Any = "[{" * 500
    for _ in range(DEEPEST - 1):
        deep = [deep]
    desk = Desk(texts, {"deep": Method(NoParams, lambda _none: deep)})
    assert desk.answer("deep")["value"] == deep


class Wordless:
    """A catalogue that has lost its words."""

    def get(self, key: str, /, **values: object) -> str:
        raise KeyError(key)


def test_checklist_12_even_an_error_without_words_is_answered_with_its_code() -> None:
    desk = Desk(Wordless())
    assert desk.answer("nothing")["error"]["code"] == "unknown_method"
    assert desk.answer(params={})["error"]["code"] == "bad_params"


@pytest.mark.parametrize(
    "text",
    [
        "é ü ß",
        "日本語",
        "\u2028\u2029",
        "😀👩‍👩‍👧",
        "\ud800 alone",
        "\udfff",
        "</script>",
        "\x00\x07\n",
        "\\\"'`${}",
        "\u202f",
    ],
)
def test_what_is_pushed_is_ascii_and_comes_back_whole(desk: Desk, text: str) -> None:
    assert desk.answer(params={"text": text})["value"] == text
    desk.window.channel.post({"event": "said", "data": text})
    assert desk.window.answers(2)[1] == {"event": "said", "data": text}
    assert all(script.isascii() for script in desk.window.scripts)
    assert not any(char in script for script in desk.window.scripts for char in "\n\r\x00")


@given(text=st.text(alphabet=st.characters()))
def test_any_text_at_all_comes_back_whole(text: str) -> None:
    desk = Desk(Texts("en"))
    assert desk.answer(params={"text": text})["value"] == text
    assert desk.window.scripts[0].isascii()


# --- events and batches ---------------------------------------------------------------------------


def test_events_wait_until_the_page_has_spoken(desk: Desk) -> None:
    for number in range(3):
        desk.window.channel.post({"event": "early", "data": number})
    desk.window.turn()
    assert desk.window.scripts == []
    desk.call(params={"text": "I am here"})
    entries = desk.window.answers(4)
    assert [entry.get("data") for entry in entries if "event" in entry] == [0, 1, 2]


def test_of_many_events_for_a_silent_page_the_oldest_go_first(desk: Desk) -> None:
    for number in range(MOST_HELD + 5):
        desk.window.channel.post({"event": "early", "data": number})
    desk.call("nothing")
    entries = desk.window.answers(MOST_HELD)
    held = [entry["data"] for entry in entries if "event" in entry]
    assert held[-1] == MOST_HELD + 4
    assert held[0] == 5


def test_what_waited_is_dropped_with_its_showing(desk: Desk) -> None:
    desk.window.channel.post({"event": "for the first page", "data": 1})
    desk.showing = Showing(desk.page)
    desk.window.channel.hold(desk.showing)
    assert desk.answer(params={"text": "second page"}) == {"id": "1", "ok": True, "value": "second page"}
    assert len(desk.window.delivered()) == 1


def test_an_answer_that_is_ready_after_its_page_has_gone_is_dropped(texts: Texts) -> None:
    gate = threading.Event()
    ended = threading.Event()
    desk = Desk(texts, {"wait": Method(NoParams, lambda _none: gate.wait(SOON))})
    desk.bridge = Bridge(texts, on_answered=lambda _answered: ended.set())
    desk.call("wait")
    desk.showing = Showing(desk.page)
    desk.window.channel.hold(desk.showing)
    gate.set()
    assert ended.wait(SOON)
    desk.window.turn()
    assert desk.window.scripts == []


def test_a_turn_planned_for_one_page_brings_the_next_nothing_before_it_speaks(desk: Desk) -> None:
    desk.call("nothing")
    desk.showing = Showing(desk.page)
    desk.window.channel.hold(desk.showing)
    desk.window.channel.post({"event": "for the second page", "data": 2})
    desk.window.turn()  # was planned while the first page was shown
    assert desk.window.scripts == []
    desk.call("nothing")
    desk.window.turn()
    assert desk.window.delivered()[0] == {"event": "for the second page", "data": 2}


def test_a_closed_window_takes_nothing_and_complains_of_nothing(desk: Desk) -> None:
    desk.call("nothing")
    desk.window.channel.hold(None)
    desk.window.channel.post({"event": "late", "data": 1})
    desk.window.turn()
    assert desk.window.scripts == []


def test_everything_posted_between_two_turns_goes_out_as_one_script(desk: Desk) -> None:
    desk.call("nothing")
    desk.window.turn()
    desk.window.scripts.clear()
    for number in range(500):
        desk.window.channel.post({"event": "tick", "data": number})
    assert len(desk.window.turns) == 1
    desk.window.turn()
    assert len(desk.window.scripts) == 1
    assert [entry["data"] for entry in desk.window.delivered()] == list(range(500))
    desk.window.turn()
    assert len(desk.window.scripts) == 1, "an empty turn pushes nothing"


def test_an_event_that_json_cannot_hold_fails_where_it_is_made_and_spoils_nothing_else(desk: Desk) -> None:
    desk.call("nothing")
    with pytest.raises(TypeError):
        desk.window.channel.post({"event": "odd", "data": object()})
    desk.window.turn()
    assert [entry["id"] for entry in desk.window.delivered()] == ["1"]


# --- threads --------------------------------------------------------------------------------------


def test_a_slow_method_holds_up_nobody(texts: Texts) -> None:
    gate = threading.Event()
    desk = Desk(texts, {"wait": Method(NoParams, lambda _none: gate.wait(SOON))})
    desk.call("wait", call_id="slow")
    desk.call(params={"text": "quick"}, call_id="quick")
    assert desk.window.answers(1)[0]["id"] == "quick"
    gate.set()
    assert desk.window.answers(2)[1]["id"] == "slow"


def test_every_call_is_answered_exactly_once_under_many_threads(texts: Texts) -> None:
    desk = Desk(texts, {"burst": Method(NoParams, _burst)})
    callers, each = 8, 40

    def ask(caller: int) -> None:
        for number in range(each):
            method = ("echo", "burst", "nothing")[number % 3]
            params = {"text": "x"} if method == "echo" else {}
            desk.call(method, params, call_id=f"{caller}-{number}")

    threads = [threading.Thread(target=ask, args=(caller,)) for caller in range(callers)]
    for thread in threads:
        thread.start()
    entries = desk.window.answers(callers * each)
    for thread in threads:
        thread.join(SOON)
    desk.window.turn()
    assert sorted(entry["id"] for entry in desk.window.delivered()) == sorted(entry["id"] for entry in entries)
    assert len({entry["id"] for entry in entries}) == callers * each


def test_whoever_counts_is_told_of_every_answer_and_of_no_value(texts: Texts) -> None:
    desk = Desk(texts, {"burst": Method(NoParams, _burst)})
    desk.answer(params={"text": "hello"})
    desk.answer("burst")
    desk.answer("nothing")
    desk.answer(params={})
    answered = [desk.answered.get(timeout=SOON) for _ in range(4)]
    told = [(seen.page, seen.method, seen.error.code if seen.error else None) for seen in answered]
    assert sorted(told, key=str) == sorted(
        [
            ("probe", "echo", None),
            ("probe", "burst", "internal"),
            ("probe", "", "unknown_method"),
            ("probe", "echo", "bad_params"),
        ],
        key=str,
    )
    assert all(not hasattr(seen, "value") for seen in answered)


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    for thread in threading.enumerate():
        if thread.name.startswith("call "):
            thread.join(SOON)
            assert not thread.is_alive()
