"""Options that a version of ChatKit refuses: which of them the next attempt leaves out, from what the error says."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

LEAN = Path(__file__).parents[3] / "assets" / "pages" / "chat" / "lean.js"
OPTIONS = {
    "api": {"url": "https://agent.invalid/", "domainKey": "x"},
    "frameTitle": "Chat",
    "disableTelemetry": True,
    "thread": {"autoScroll": True},
    "history": {"enabled": True, "showRename": True},
    "composer": {"placeholder": "", "dictation": {"enabled": True}},
}
SCRIPT = """
import { readFileSync } from "node:fs";
const { Lean } = await import(process.argv[1]);
const [options, problems] = JSON.parse(readFileSync(0, "utf8"));
const lean = new Lean();
const told = problems.map((problem) => {
  const given = lean.of(options);
  return [problem === null ? lean.last(given) : lean.next(problem, given), lean.of(options)];
});
process.stdout.write(JSON.stringify({ told, names: lean.names }));
"""


def attempts(*problems: str | None, options: dict[str, Any] = OPTIONS) -> list[tuple[bool, set[str]]]:
    """For each problem: whether there is another attempt, and the dotted names it leaves out. None: it said nothing."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    done = subprocess.run(
        [node, "--input-type=module", "-e", SCRIPT, LEAN.as_uri()],
        input=json.dumps([options, problems]),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return [(more, _names(options) - _names(left)) for more, left in json.loads(done.stdout)["told"]]


def _names(options: dict[str, Any]) -> set[str]:
    below = {f"{top}.{name}" for top, value in options.items() if isinstance(value, dict) for name in value}
    return set(options) | below


@pytest.mark.parametrize(
    ("problem", "left_out"),
    [
        ("Unrecognized key(s) in object: 'disableTelemetry'", {"disableTelemetry"}),
        ("the options could not be read", {"disableTelemetry"}),
        ('[{"code":"unrecognized_keys","keys":["frameTitle"],"path":[]}]', {"frameTitle"}),
        ("frameTitle: is not a known option", {"frameTitle"}),
        ("composer.dictation: is not a known option", {"composer.dictation"}),
        ('[{"code":"invalid_type","path":["history","showRename"]}]', {"history.showRename"}),
        ("'api' is wrong", {"disableTelemetry"}),
        ("the thread could not be read", {"disableTelemetry"}),
    ],
)
def test_what_the_error_names_is_left_out_and_else_the_newest_first(problem: str, left_out: set[str]) -> None:
    assert attempts(problem) == [(True, left_out)]


def test_the_second_attempt_goes_without_all_that_not_every_version_knows_and_there_is_no_third() -> None:
    first, second, third = attempts("no", "no", "no")
    assert first == (True, {"disableTelemetry"})
    assert second[0] is True
    assert {"disableTelemetry", "frameTitle", "thread", "composer.dictation"} <= second[1]
    assert not {"api", "composer.placeholder", "history"} & second[1]
    assert third[0] is False


def test_a_frame_that_says_nothing_is_tried_once_without_all_of_them() -> None:
    assert attempts(None, "no") == [
        (True, {"disableTelemetry", "thread", "thread.autoScroll", "frameTitle", "composer.dictation"}),
        (False, {"disableTelemetry", "thread", "thread.autoScroll", "frameTitle", "composer.dictation"}),
    ]


def test_where_nothing_can_be_left_out_there_is_no_second_attempt() -> None:
    assert attempts("no", options={"api": {}})[0][0] is False
