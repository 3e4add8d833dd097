"""No pattern that meets a text from outside looks back without a bound: every pattern of the app is tried."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from desktop.settings.agents import PACKAGE
from desktop.settings.dotenv import parse
from tests.rig import patterns

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="counts a process's own time as POSIX does")


@pytest.mark.slow
def test_checklist_45_no_pattern_of_the_app_looks_back_without_a_bound() -> None:
    """Each is pumped with what it is made of; the limit is of the processor's time, a hundred times what it needs."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.rig.patterns"], cwd=ROOT, capture_output=True, text=True, timeout=3000
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout) == []


def test_the_patterns_are_found_and_one_that_looks_back_is_caught() -> None:
    found = {where for where, *_ in patterns.patterns()}
    assert len(found) > 120
    assert {"desktop.settings.dotenv:_LINE", "desktop.settings.secret_shapes:SECRET_SHAPES"} <= found
    for bad in (r"(a+)+$", r"\s+#.*$", r"^(\w*,?)*;$", r"!+$"):
        # Long enough for the quickest machine: one that looks back takes the square of it, or worse.
        assert patterns.tried(re.compile(bad), frozenset({"search"}), 100_000, 0.5), bad
    assert not patterns.tried(re.compile(r"(?<!\s)\s+#[^\n]*"), frozenset({"search"}), 12_000, 2.0)


@pytest.mark.parametrize("pump", ["!", "=", "!=", "a!", ",", " ", "<=", "1,", ".", "a[", "==1,", "x ", ">=1 "])
def test_checklist_45_a_packages_name_is_read_one_way_only(pump: str) -> None:
    for begin in ("a", "a>=1", "a[b]", "a >= 1,"):
        re.fullmatch(PACKAGE, begin + pump * 100_000 + "\n")


LINES = [
    'A="',
    "A='",
    "A=`",
    'A="\\',
    'A="b\\"',
    "A='b\" ",
    "A=\"b'",
    "export A='",
    "export ",
    "A" * 50,
    " " * 50,
    "A=b #",
]


@pytest.mark.parametrize("line", LINES)
def test_checklist_45_a_megabyte_of_open_quotes_in_an_env_is_read_at_once(line: str) -> None:
    """It took minutes when each quote was looked for through the rest of the file."""
    text = f"{line}\n" * (1024 * 1024 // (len(line) + 1))
    parse(text)
    parse(f"{text}\"'`")
