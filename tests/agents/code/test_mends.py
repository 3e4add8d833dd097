"""What Agent Builder exports though no Python takes it: mended where it is read, and nothing else is."""

from __future__ import annotations

import ast
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from desktop.agents.code import brought
from desktop.agents.code.consent import read
from desktop.agents.code.imports import lacking
from desktop.agents.code.mends import parse

BRANCHES = """\
def chosen(text):
  if text == "a":

  elif (text ==
    "b"):  # {"b": nothing}
  elif text == "c":
    return lambda: 1
  else:
"""


def run(text: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(parse(text.encode()), "x", "exec"), names)  # noqa: S102 - the test's own text
    return names


def test_a_branch_without_a_body_does_nothing_and_no_line_moves() -> None:
    chosen = run(BRANCHES)["chosen"]
    assert [chosen(text) for text in ("a", "b", "d")] == [None, None, None]
    assert chosen("c")() == 1
    returned = next(node for node in ast.walk(parse(BRANCHES.encode())) if isinstance(node, ast.Return))
    assert returned.lineno == BRANCHES.splitlines().index("    return lambda: 1") + 1


@pytest.mark.parametrize("text", ["def f():\n", "class A:\n", "if x:\n  y\n z\n", "if x\n", "with x:\n"])
def test_other_mistakes_stay_mistakes(text: str) -> None:
    with pytest.raises(SyntaxError):
        parse(text.encode())


SUMMARY = """\
def build_guardrail_fail_output(results):
    def _tripwire(r):
        return bool(r.tripwire_triggered)
    def _info(r):
        return r.info
    first = next(iter(results), None)
    return {"failed": _tripwire(first), "info": _info(first)}
def other(r):
    return r.info
"""


def test_guardrails_that_are_not_set_up_have_no_result_and_end_no_run() -> None:
    names = run(SUMMARY)
    assert names["build_guardrail_fail_output"]([]) == {"failed": False, "info": None}
    told = SimpleNamespace(tripwire_triggered=True, info={"a": 1})
    assert names["build_guardrail_fail_output"]([told]) == {"failed": True, "info": {"a": 1}}
    with pytest.raises(AttributeError):
        names["other"](None)


def test_what_is_mended_can_be_pasted_and_shown_as_it_is(tmp_path: Path) -> None:
    text = f'import wordcloud\n{BRANCHES}run_workflow = f"{{chosen("a")}}"\n'
    source = brought.of_text(text, tmp_path)
    assert source.text() == text
    assert lacking(source, tmp_path) == ["wordcloud"]
    (tmp_path / "agent.py").write_text(text)
    assert read(tmp_path / "agent.py").digest == source.digest
