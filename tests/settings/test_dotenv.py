"""A starter's `.env`: what is found, what is named as ignored."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop.common.errors import FileUnreadable
from desktop.settings.dotenv import Starter, parse, read_starter


def read(content: bytes, tmp_path: Path) -> Starter:
    path = tmp_path / ".env"
    path.write_bytes(content)
    found = read_starter(path)
    assert path.read_bytes() == content
    return found


STARTER = """\
# ChatKit starter
OPENAI_API_KEY="sk-proj-0123456789abcdef"   # from the dashboard
export CHATKIT_WORKFLOW_ID=wf_68df4b13b3588190
CHATKIT_API_BASE = 'https://api.openai.com/v1'

SESSION_SECRET=hunter2
PORT=8000
not a line
=nothing
EMPTY=
"""


@pytest.mark.parametrize(
    "content",
    [
        STARTER.encode(),
        b"\xef\xbb\xbf" + STARTER.encode(),
        STARTER.replace("\n", "\r\n").encode(),
        STARTER.encode("utf-16"),
    ],
    ids=["plain", "with a mark", "Windows lines", "PowerShell"],
)
def test_the_three_values_are_found_and_the_rest_is_named(content: bytes, tmp_path: Path) -> None:
    found = read(content, tmp_path)
    assert found.key == "sk-proj-0123456789abcdef"
    assert found.workflow_id == "wf_68df4b13b3588190"
    assert found.api_base == "https://api.openai.com"
    assert found.ignored == ("SESSION_SECRET", "PORT", "EMPTY")
    assert found.key not in repr(found)


@pytest.mark.parametrize("name", ["VITE_CHATKIT_WORKFLOW_ID", "NEXT_PUBLIC_CHATKIT_WORKFLOW_ID"])
def test_the_names_of_other_starters_are_known(name: str, tmp_path: Path) -> None:
    assert read(f"{name}=wf_12345".encode(), tmp_path).workflow_id == "wf_12345"


def test_of_several_names_the_first_that_is_set_counts(tmp_path: Path) -> None:
    found = read(
        b"CHATKIT_WORKFLOW_ID=\nVITE_CHATKIT_WORKFLOW_ID=wf_two\nNEXT_PUBLIC_CHATKIT_WORKFLOW_ID=wf_three", tmp_path
    )
    assert (found.workflow_id, found.ignored) == ("wf_two", ())


def test_an_address_that_is_none_of_an_api_is_named_as_ignored(tmp_path: Path) -> None:
    found = read(b"VITE_CHATKIT_API_BASE=/api/chatkit", tmp_path)
    assert (found.api_base, found.ignored) == ("", ("VITE_CHATKIT_API_BASE",))


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("  export  A = b  ", "b"),
        ("A=b # comment", "b"),
        ("A=b#c", "b#c"),
        ("A=# comment", ""),
        ("A='b # c'", "b # c"),
        ('A="b \\"c\\" \\n d"', 'b "c" \n d'),
        ("A='b \\n'", "b \\n"),
        ('A="two\nlines"', "two\nlines"),
        ('A="never closed', '"never closed'),
        ("A='never closed\nB=2", "'never closed"),
        ("A=a=b", "a=b"),
        ("A=${HOME}", "${HOME}"),
        ("A=`b`", "b"),
    ],
)
def test_values_are_read_as_dotenv_programs_read_them(line: str, value: str) -> None:
    assert parse(line)["A"] == value


def test_a_file_that_is_too_large_or_missing_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable):
        read(b"#" * (1024 * 1024 + 1), tmp_path)
    with pytest.raises(FileUnreadable):
        read_starter(tmp_path / "missing")


def test_garbage_is_nothing_and_no_error(tmp_path: Path) -> None:
    assert read(bytes(range(256)) * 40, tmp_path) == Starter()
