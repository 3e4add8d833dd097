"""Links that open the app: any web page can make one, so words for the composer are all they can bring."""

from __future__ import annotations

import argparse

import pytest

from desktop import cli
from desktop.app.context import Context
from desktop.app.instance import PROMPT_LIMIT
from desktop.app.links import LINK_LIMIT, prompt_in


@pytest.mark.parametrize(
    ("link", "prompt"),
    [
        ("fern://prompt?text=What%20grows%3F", "What grows?"),
        ("fern:prompt?text=What+grows", "What grows"),
        ("FERN://prompt/?text=caf%C3%A9", "café"),
        ("fern://prompt?text=one%0Atwo", "one\ntwo"),
        ("fern://prompt?text=--yes", "--yes"),
        ("fern://prompt?text=%1b%5b2Jred%E2%80%AEcod", "[2Jred cod"),
        ("fern://prompt?text=a&profile=other&send=1", "a"),
        ("fern://prompt?text=" + "a" * 9000, "a" * PROMPT_LIMIT),
    ],
)
def test_the_text_of_a_link_becomes_words_for_the_composer(link: str, prompt: str) -> None:
    assert prompt_in(link, "fern") == prompt


@pytest.mark.parametrize(
    "link",
    [
        "fern://prompt",
        "fern://prompt?text=",
        "fern://prompt?text=%ff%fe",
        "fern://settings?text=a",
        "fern://prompt@evil?text=a",
        "other://prompt?text=a",
        "https://prompt?text=a",
        "fern://[?text=a",
        "fern://prompt?" + "&".join(f"a{n}=1" for n in range(30)) + "&text=a",
        "fern://prompt?text=" + "a" * LINK_LIMIT,
    ],
)
def test_anything_else_brings_nothing(link: str) -> None:
    assert prompt_in(link, "fern") is None


def test_a_link_is_taken_as_one_word_alone_and_sets_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Context] = []

    def open_app(context: Context) -> int:
        opened.append(context)
        return 0

    monkeypatch.setattr(cli, "open_app", open_app)
    assert cli.main(["chatkit-desktop://prompt?text=--profile%20other"]) == 0
    assert opened[0].prompt == "--profile other"
    assert opened[0].profile == "default"
    assert cli.main(["--demo", "chatkit-desktop://prompt?text=a"]) == 2


def test_a_link_of_another_app_opens_this_one_with_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Context(argparse.Namespace(link="other://prompt?text=a", prompt="never")).prompt is None
    assert Context(argparse.Namespace(prompt="typed")).prompt == "typed"
