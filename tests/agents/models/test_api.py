"""The stand-in for model APIs, seen by OpenAI's own client: what it says is what the client's types say."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from tests.standins.models_api import HTML, KEY, Answer, ModelsApi, Tool, error

STREAM_EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
MODEL = "gpt-4.1"
ALL = Answer(
    "Forty-two it is.",
    reasoning=("First this.", "Then that."),
    tools=(
        Tool("web_search", query="answer", sources=("https://example.org/a",)),
        Tool("file_search", query="answer", sources=("notes.pdf",)),
        Tool("code_interpreter", code="print(6 * 7)", output="42"),
        Tool("image_generation"),
    ),
    citations=(
        {"type": "url_citation", "url": "https://example.org/a", "title": "A", "start_index": 0, "end_index": 5},
        {"type": "file_citation", "file_id": "file-1", "filename": "notes.pdf", "index": 6},
        {
            "type": "container_file_citation", "container_id": "cntr_1", "file_id": "cfile_1", "filename": "plot.png",
            "start_index": 7, "end_index": 8,
        },
    ),
)  # fmt: skip


@pytest.fixture
def api() -> Iterator[ModelsApi]:
    with ModelsApi() as server:
        yield server


@pytest.fixture
def client(api: ModelsApi) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=KEY, base_url=f"{api.base}/v1", max_retries=0, timeout=20) as made:
        yield made


def test_models_are_listed(client: openai.OpenAI) -> None:
    assert MODEL in [model.id for model in client.models.list()]


def test_without_a_script_what_was_said_comes_back(client: openai.OpenAI) -> None:
    assert client.responses.create(model=MODEL, input="hello").output_text == "You said: hello"
    messages: Any = [{"role": "user", "content": "hello"}]
    completion = client.chat.completions.create(model=MODEL, messages=messages)
    assert completion.choices[0].message.content == "You said: hello"


def test_every_event_of_a_response_is_one_that_the_client_knows_exactly(api: ModelsApi) -> None:
    for answer in (ALL, Answer(refusal="I will not."), Answer(incomplete="max_output_tokens", text="so"), Answer("")):
        api.answer(answer)
        body = json.dumps({"model": MODEL, "input": "x", "stream": True}).encode()
        request = urllib.request.Request(f"{api.base}/v1/responses", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=20) as stream:
            lines = [line[6:] for line in stream.read().decode().splitlines() if line.startswith("data: ")]
        for number, line in enumerate(lines):
            STREAM_EVENT.validate_json(line, strict=True)
            assert json.loads(line)["sequence_number"] == number


def test_the_final_response_holds_all_that_was_streamed(api: ModelsApi, client: openai.OpenAI) -> None:
    api.answer(ALL)
    with client.responses.stream(model=MODEL, input="x") as stream:
        final = stream.get_final_response()
    assert [item.type for item in final.output] == [
        *("reasoning", "web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call"),
        "message",
    ]
    assert final.output_text == ALL.text


def test_chat_completions_stream_with_reasoning_and_usage(api: ModelsApi, client: openai.OpenAI) -> None:
    api.answer(Answer("one two", reasoning=("hm",)))
    messages: Any = [{"role": "user", "content": "x"}]
    chunks = list(
        client.chat.completions.create(
            model=MODEL, messages=messages, stream=True, stream_options={"include_usage": True}
        )
    )
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "one two"
    assert chunks[-1].usage is not None


def test_speech_becomes_text(api: ModelsApi, client: openai.OpenAI) -> None:
    api.answer(Answer("spoken words"))
    assert client.audio.transcriptions.create(model="x", file=("a.webm", b"..")).text == "spoken words"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, openai.AuthenticationError), (429, openai.RateLimitError), (500, openai.InternalServerError),
        (400, openai.BadRequestError),
    ],
)  # fmt: skip
def test_errors_before_a_stream(
    api: ModelsApi, client: openai.OpenAI, status: int, kind: type[openai.APIStatusError]
) -> None:
    api.answer(Answer(status=status, error=error("so it is", "a_code")))
    with pytest.raises(kind) as told:
        client.responses.create(model=MODEL, input="x", stream=True)
    assert told.value.code == "a_code"


def test_a_model_that_is_not_there(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as told:
        client.responses.create(model="gpt-nothing", input="x")
    assert told.value.code == "model_not_found"


def test_a_wrong_key(api: ModelsApi) -> None:
    with (
        openai.OpenAI(api_key="sk-wrong", base_url=f"{api.base}/v1", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.models.list()


def streamed(client: openai.OpenAI) -> Iterator[str]:
    for event in client.responses.create(model=MODEL, input="x", stream=True):
        if event.type == "response.output_text.delta":
            yield event.delta
        elif event.type == "response.failed":
            assert event.response.error is not None
            yield f"[{event.response.error.code}]"
        elif event.type == "error":
            yield f"[{event.code}]"


def test_failures_in_the_middle_of_a_stream(api: ModelsApi, client: openai.OpenAI) -> None:
    failure = error("it broke", "server_error")
    api.answer(Answer("one two three", fail_after=2, error=failure))
    assert list(streamed(client)) == ["one ", "two ", "[server_error]"]
    api.answer(Answer("one two three", fail_after=2, error=failure, error_event=True))
    assert list(streamed(client)) == ["one ", "two ", "[server_error]"]
    messages: Any = [{"role": "user", "content": "x"}]
    api.answer(Answer("one two three", fail_after=2, error=failure))
    with pytest.raises(openai.APIError, match="it broke"):
        list(client.chat.completions.create(model=MODEL, messages=messages, stream=True))


@pytest.mark.parametrize("reset", [False, True])
def test_a_dropped_connection(api: ModelsApi, client: openai.OpenAI, reset: bool) -> None:
    api.answer(Answer("one two three", pieces=("one ", "two ", "three"), pause=0.05, drop_after=2, reset=reset))
    heard: list[str] = []
    with pytest.raises(openai.APIConnectionError):
        heard.extend(streamed(client))


def test_a_malformed_event(api: ModelsApi, client: openai.OpenAI) -> None:
    api.answer(Answer("one two three", malformed_after=1))
    with pytest.raises(json.JSONDecodeError):
        list(streamed(client))


def test_a_held_stream_goes_on_when_it_is_released(api: ModelsApi, client: openai.OpenAI) -> None:
    api.answer(Answer("one two three", hold_after=1))
    heard: list[str] = []
    reader = threading.Thread(target=lambda: heard.extend(streamed(client)))
    reader.start()
    assert api.holding.wait(20)
    assert reader.is_alive()
    api.release()
    reader.join(20)
    assert "".join(heard) == "one two three"


def test_a_reader_that_hangs_up_is_noticed(api: ModelsApi, client: openai.OpenAI) -> None:
    api.answer(Answer("one two three", hold_after=1))
    stream = client.responses.create(model=MODEL, input="x", stream=True)
    next(iter(stream))
    assert api.holding.wait(20)
    stream.close()
    assert api.hung_up.wait(20)


def test_what_is_no_api_at_all(api: ModelsApi, client: openai.OpenAI) -> None:
    api.answer(Answer(body=HTML, headers={"Content-Type": "text/html"}))
    assert list(streamed(client)) == []


def test_other_processes_drive_it_over_http(api: ModelsApi, client: openai.OpenAI) -> None:
    def post(body: dict[str, Any]) -> None:
        request = urllib.request.Request(f"{api.base}/__control", json.dumps(body).encode(), {"Content-Type": "x"})
        urllib.request.urlopen(request, timeout=10).close()

    post({"answers": [{"text": "as told", "tools": [{"kind": "web_search", "query": "q"}]}]})
    answer = client.responses.create(model=MODEL, input="x")
    assert [item.type for item in answer.output] == ["web_search_call", "message"]
    with urllib.request.urlopen(f"{api.base}/__control", timeout=10) as told:
        assert json.loads(told.read())["asked"][-1]["body"]["input"] == "x"
