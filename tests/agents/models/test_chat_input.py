"""Files of a message, as a model is given them."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest
from chatkit.types import FileAttachment

from desktop.agents.chatkit.context import RequestContext
from desktop.agents.models.chat_input import MOST_OF_A_FILE, file_part

ME = RequestContext("mine", "user")


class Files:
    """Holds one file."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    async def read(self, attachment_id: str, context: RequestContext) -> bytes:
        return self.data


def given(data: bytes | None, kind: str = "text/plain") -> dict[str, Any]:
    attachment = FileAttachment(id="atc_1", name="notes.txt", mime_type=kind)
    return asyncio.run(file_part(attachment, None if data is None else Files(data), ME))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_text_file_is_given_as_it_was_written_whatever_its_encoding(encoding: str) -> None:
    told = given("Müller’s notes".encode(encoding))
    assert told == {"type": "input_text", "text": "The file notes.txt:\n```\nMüller’s notes\n```"}


def test_no_more_of_a_file_is_given_than_the_limit() -> None:
    assert given(b"x" * (MOST_OF_A_FILE + 1))["text"].count("x") == MOST_OF_A_FILE + 1  # one in its name


@pytest.mark.parametrize(
    ("kind", "part", "field"),
    [("image/png", "input_image", "image_url"), ("application/pdf", "input_file", "file_data")],
)
def test_a_picture_and_a_pdf_go_as_they_are(kind: str, part: str, field: str) -> None:
    told = given(b"\x00bytes", kind)
    assert told["type"] == part
    assert told[field] == f"data:{kind};base64,{base64.b64encode(bytes([0]) + b'bytes').decode()}"


def test_where_no_files_are_kept_the_name_stands_for_one() -> None:
    assert given(None)["text"] == "[notes.txt]"
