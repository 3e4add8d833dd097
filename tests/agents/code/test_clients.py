"""Clients that a code agent's file makes read model servers with the same patience, blocking or not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest
from openai import AsyncOpenAI, BadRequestError, OpenAI

from desktop.agents.code.clients import Given
from tests.standins.habits import Habits, Reply, chat, chunk

ANSWER = (
    "\ufeff: hello\r\n"
    + chat({"content": "<think>Hm.</think>"}, {"content": [{"text": "Hello "}]})
    .replace("\n\n", "\n")
    .split("data: [D")[0]
    + f"data:{json.dumps({'choices': [{'message': {'content': 'you'}, 'finish_reason': 'length'}]})}"
)


@pytest.fixture
def server() -> Iterator[Habits]:
    with Habits() as made:
        yield made


def given(server: Habits) -> Given:
    endpoint = {"id": "local", "base_url": server.base, "api": "chat_completions"}
    return Given({"endpoint": endpoint, "key": "k", "route": {"base": server.base}}, 20.0)


def blocking(server: Habits) -> OpenAI:
    return OpenAI(api_key="k", base_url=f"{server.base}/v1", http_client=given(server)._http(), max_retries=0)


def said(server: Habits, *, streams: bool, blocks: bool) -> tuple[str, str | None]:
    """What a client hears, and why the answer ended."""
    asked = {
        "model": "m",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
        "temperature": 0,
    }
    found: list[str] = []
    finish: list[str | None] = []

    def hear(text: str | None, reason: str | None) -> None:
        found.append(text or "")
        finish.append(reason)

    async def listen() -> None:
        http = given(server)._async_http()
        async with AsyncOpenAI(api_key="k", base_url=f"{server.base}/v1", http_client=http, max_retries=0) as client:
            if streams:
                async for part in await client.chat.completions.create(**asked, stream=True):  # type: ignore[call-overload]
                    hear(part.choices[0].delta.content, part.choices[0].finish_reason)
            else:
                answer = await client.chat.completions.create(**asked)  # type: ignore[call-overload]
                hear(answer.choices[0].message.content, answer.choices[0].finish_reason)

    if not blocks:
        asyncio.run(listen())
    else:
        with blocking(server) as client:
            if streams:
                for part in client.chat.completions.create(**asked, stream=True):  # type: ignore[call-overload]
                    hear(part.choices[0].delta.content, part.choices[0].finish_reason)
            else:
                answer = client.chat.completions.create(**asked)  # type: ignore[call-overload]
                hear(answer.choices[0].message.content, answer.choices[0].finish_reason)
    return "".join(found), finish[-1]


@pytest.mark.parametrize("blocks", [True, False], ids=["blocking", "async"])
def test_streams_and_whole_answers_of_any_habit_are_read(server: Habits, blocks: bool) -> None:
    server.answer(Reply(ANSWER))
    assert said(server, streams=True, blocks=blocks) == ("Hello you", "length")
    message = {"content": [{"text": "<think>Hm.</think>Hello you"}]}
    server.answer(Reply(json.dumps({"choices": [{"message": message, "finish_reason": "length"}]}), kind=None))
    assert said(server, streams=False, blocks=blocks) == ("Hello you", "length")
    server.answer(Reply(json.dumps({"choices": [{"message": message}]}), kind="application/json"))
    assert said(server, streams=True, blocks=blocks)[0] == "Hello you"
    assert {one["messages"][0]["content"] for one in server.asked} == {"hi"}


@pytest.mark.parametrize("blocks", [True, False], ids=["blocking", "async"])
def test_what_is_refused_is_left_out_and_a_stale_connection_replaced(server: Habits, blocks: bool) -> None:
    server.refuses["temperature"] = Reply('{"detail": "temperature is not supported"}', 400, "application/json")
    server.answer(Reply(unanswered=True), Reply(chat(chunk({})["choices"][0]["delta"], {"content": "Hello"})))
    assert said(server, streams=True, blocks=blocks) == ("Hello", "stop")


@pytest.mark.parametrize("streams", [True, False])
def test_an_error_that_comes_as_an_answer_is_an_error(server: Habits, streams: bool) -> None:
    server.answer(Reply('{"error": "no room"}', kind="application/json"))
    with pytest.raises(BadRequestError, match="no room"):
        said(server, streams=streams, blocks=True)
