"""`--check` imports a brand's agents as another computer will: from what goes along, with nothing of the maker's."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.makers import Maker, can_package

pytestmark = [can_package, pytest.mark.slow]
AGENT = "from agents import Agent\n{}\nagent = Agent(name='Fern', instructions='Answer.')\n"
FUNCTION = "import json\n{}\nasync def run_workflow(given):\n    return {{'output_text': 'fine'}}\n"
"""An agent without the SDK, which alone takes longer to import than all else."""


def told(maker: Maker, code: str, text: str = FUNCTION, **agent: Any) -> tuple[int, str]:
    """The exit code of `--check`, and the sentence with its hint, or the notes."""
    maker.agent(text.format(code))
    if agent:
        maker.set("settings", agents=[{"kind": "code", "id": "fern", "file": "agents/fern.py", **agent}])
    ended, said, _progress = maker.run("--check")
    if said["ok"]:
        return ended, " ".join(said["warnings"])
    return ended, f"{said['error']['message']} {said['error']['hint']}"


READS = (
    "DATA = open('ferns.csv').read()",
    "from pathlib import Path\nDATA = (Path(__file__).parent / 'ferns.csv').read_text()",
    "from pathlib import Path\nDATA = [path.read_text() for path in sorted(Path('.').glob('*.csv'))][0]",
    "import os\nDATA = [open(name).read() for name in os.listdir('.') if name.endswith('.csv')][0]",
    "import sqlite3\nDATA = sqlite3.connect('ferns.db').execute('select * from fern').fetchall()",
    "import csv\nwith open('more/ferns.csv') as file:\n    DATA = list(csv.reader(file))",
)


def data_beside(maker: Maker) -> None:
    folder = maker.folder / "agents"
    (folder / "more").mkdir(parents=True)
    for name in ("ferns.csv", "more/ferns.csv"):
        (folder / name).write_text("a,b\n")
    with sqlite3.connect(folder / "ferns.db") as base:
        base.execute("create table fern (name)")
    base.close()


@pytest.mark.parametrize("code", READS)
def test_what_is_read_while_a_file_is_imported_has_to_go_along(maker: Maker, code: str) -> None:
    data_beside(maker)
    ended, said = told(maker, code)
    assert ended == 6, said
    assert "fern.py" in said
    assert 'files = ["agents/' in said
    assert "under [package]" in said
    maker.set("package", files=["agents/**/*.csv", "agents/*.db"])
    assert told(maker, code) == (0, "")


def test_a_file_by_its_whole_path_is_refused_though_it_goes_along(maker: Maker) -> None:
    data_beside(maker)
    maker.set("package", files=["agents/ferns.csv"])
    ended, said = told(maker, f"DATA = open({str(maker.folder / 'agents' / 'ferns.csv')!r}).read()")
    assert ended == 6
    assert "a place on this computer alone" in said


@pytest.mark.parametrize(
    "code",
    [
        "def answer():\n    return open('ferns.csv').read()",
        "import pathlib\nHERE = pathlib.Path(__file__).parent / 'ferns.csv'",
    ],
)
def test_what_is_named_and_read_later_is_noted(maker: Maker, code: str) -> None:
    data_beside(maker)
    ended, said = told(maker, code)
    assert ended == 0
    assert "agents/fern.py names agents/ferns.csv, which does not go along" in said
    maker.set("package", files=["agents/ferns.csv"])
    assert told(maker, code) == (0, "")


def test_what_is_looked_for_and_not_needed_is_noted(maker: Maker) -> None:
    data_beside(maker)
    code = "try:\n    open('fern' + 's.csv').close()\nexcept OSError:\n    pass"
    ended, said = told(maker, code)
    assert ended == 0
    assert "fern.py looks for agents/ferns.csv" in said


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import os\nK = os.environ['FERN_THING']", ("FERN_THING", "none of your variables")),
        ("import os\nos.listdir(os.path.expanduser('~/ferns'))", ("No such file", "empty home")),
        ("open('log.txt', 'w').write('x')", ("writes agents/log.txt", "Path.home()")),
        ("import PIL", ("pillow", "`packages` of the agent")),
        ("import pytest", ("pytest", "`packages` of the agent")),
        ("import tkinter", ("leave that part of Python out: tkinter",)),
        ("import tests.rig", ("tests.rig",)),
        ("import sys\nsys.exit(0)", ("line 3", "SystemExit")),
        ("import os\nos._exit(3)", ("ends the process that imports it (3)",)),
        ("input('Which fern? ')", ("EOF",)),
        ("import importlib\nimportlib.import_module('beside')", ("beside",)),
        ("print('{\"problem\": \"\"}')\nraise ValueError('no fern')", ("line 3", "no fern")),
    ],
)
def test_what_is_there_on_this_computer_alone_is_not_found(
    maker: Maker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("FERN_THING", "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home" / "ferns").mkdir(parents=True)
    (maker.folder / "agents").mkdir()
    (maker.folder / "agents" / "beside.py").write_text("")
    ended, said = told(maker, code)
    assert ended == 6, said
    for word in words:
        assert word in said


def test_what_the_packaged_app_has_is_found(maker: Maker) -> None:
    code = "import asyncio, json, sqlite3, ssl, unittest, zoneinfo\nimport chatkit, httpx, mcp, openai, pydantic, pip"
    assert told(maker, code, AGENT) == (0, "")


def test_an_entry_that_is_not_in_the_file_is_named_with_those_that_are(maker: Maker) -> None:
    ended, said = told(maker, "", AGENT, entry="nowhere")
    assert ended == 6
    assert "“nowhere”" in said
    assert "it has: agent" in said


def test_a_link_goes_along_under_its_own_name(maker: Maker) -> None:
    (maker.folder / "agents").mkdir()
    (maker.folder / "agents" / "real.csv").write_text("a\n")
    (maker.folder / "agents" / "link.csv").symlink_to("real.csv")
    maker.set("package", files=["agents/link.csv"])
    assert told(maker, "DATA = open('link.csv').read()") == (0, "")
