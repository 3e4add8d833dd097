"""`chatkit-desktop help`: the contents, a topic, an error's entry, and what is nearest to a wrong name."""

from __future__ import annotations

import argparse
import io
import json

import pytest

from desktop.app.context import Context
from desktop.cli import parse
from desktop.commands import help as command
from desktop.common.texts import Catalogue
from desktop.help.reading import topics


def asked(*words: str, language: str = "en") -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    out, err = io.StringIO(), io.StringIO()
    args: argparse.Namespace = parse(["help", *words])
    context = Context(args, environ={}, out=out, err=err)
    context.texts = Catalogue(language)
    return command.run(context, args), out.getvalue(), err.getvalue()


def test_without_a_topic_the_contents_are_printed() -> None:
    code, out, err = asked()
    assert (code, err) == (0, "")
    for name, topic in topics("en").items():
        assert any(line.split(maxsplit=1) == [name, topic.title] for line in out.splitlines()), name


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_topic_is_printed_in_the_language_of_the_app(language: str) -> None:
    code, out, _ = asked("keys", language=language)
    assert code == 0
    assert out.startswith(f"{topics(language)['keys'].title}\n")
    assert "**" not in out


def test_the_code_of_an_error_prints_its_entry_alone() -> None:
    code, out, _ = asked("key_rejected")
    assert code == 0
    assert out.startswith("key_rejected\n")
    assert "401" in out
    assert "keyring_slow" not in out


def test_a_topic_of_several_words_may_be_typed_as_such() -> None:
    assert asked("code", "agents") == asked("code-agents")


def test_a_topic_that_is_not_there_names_the_nearest_and_ends_with_2() -> None:
    code, out, err = asked("privcy")
    assert (code, out) == (2, "")
    assert "“privcy”" in err
    assert "privacy" in err


def test_json_has_the_markdown_or_says_what_went_wrong() -> None:
    code, out, _ = asked("keys", "--json")
    told = json.loads(out)
    assert (code, told["ok"], told["topic"]) == (0, True, "keys")
    assert told["markdown"].startswith("# Keys")
    code, out, _ = asked("privcy", "--json")
    assert code == 2
    assert json.loads(out)["error"]["code"] == "help_topic_unknown"


def test_words_that_would_steer_a_terminal_are_written_out() -> None:
    _, _, err = asked("\x1b[2Jkeys")
    assert "\x1b" not in err
