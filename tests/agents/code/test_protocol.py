"""What the process of an agent may send: it runs anybody's code, so nothing it writes may hurt who reads."""

from __future__ import annotations

import os
import threading

import pytest

from desktop.agents.code.protocol import HEADER, Garbled, Message, read


def sent(body: bytes) -> Message | None:
    """A message of these bytes, as the app reads it."""
    here, there = os.pipe()

    def write() -> None:
        with os.fdopen(there, "wb") as pipe:
            pipe.write(HEADER.pack(len(body)) + body)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        return read(here, 1 << 20)
    finally:
        os.close(here)
        writer.join(20)


@pytest.mark.parametrize("half", [rb"\ud800", rb"\uD800", "\ud800".encode("utf-8", "surrogatepass")])
def test_half_a_character_becomes_a_question_mark_however_it_is_written(half: bytes) -> None:
    message = sent(b'{"type": "text", "text": ["a' + half + b'b"]}')
    assert message is not None
    "".join(message["text"]).encode()
    assert set(message["text"][0]) == {"a", "?", "b"}


def test_a_whole_character_in_two_halves_stays_one() -> None:
    assert sent(rb'{"type": "text", "text": "\ud83c\udf31"}') == {"type": "text", "text": "\N{SEEDLING}"}


@pytest.mark.parametrize("body", [b"", b"[]", b"no JSON", b'{"type": 1}', b'{"type": ' + b"[" * 100_000])
def test_what_is_no_message_is_told_as_such(body: bytes) -> None:
    with pytest.raises(Garbled):
        sent(body)
