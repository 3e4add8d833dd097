"""Which tests stay together when several processes share them out (pytest-xdist, `--dist loadgroup`).

A test whose fixtures are all its own may run anywhere. Tests that share an app, or the frozen app's build, run in one
process, so that it is started, or built, once.

pytest-xdist hands its groups on inside the names of tests, which pytest 9.2 no longer lets it change, and then groups
nothing without a word (pytest-xdist issue 1386). So the first process writes them down, and the scheduler reads them.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest

CHEAP = {"screen", "engine", "keyring"}
"""What every process makes for itself: a virtual screen, a keyring, and no more than the engine's name."""
FOLDER = pytest.StashKey[tempfile.TemporaryDirectory[str]]()


def group(item: pytest.Item) -> str:
    """The name of those that `item` shares something with; empty where there are none."""
    # pytest tells the scopes of a test's fixtures nowhere else.
    found: dict[str, Any] = item._fixtureinfo.name2fixturedefs  # type: ignore[attr-defined]
    shared = {name: defined[-1] for name, defined in found.items() if name not in CHEAP}
    # Those of pytest and its plugins have no place in the tree.
    scopes = {made.scope: name for name, made in sorted(shared.items()) if made.baseid and made.scope != "function"}
    if "session" in scopes:
        return scopes["session"]
    if not scopes:
        return ""
    call = getattr(item, "callspec", None)
    engine = str(call.params.get("engine", "")) if call else ""
    return f"{item.path}-{engine}"


def write(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In the first of several processes: write the groups down for the scheduler."""
    given: dict[str, Any] = getattr(config, "workerinput", {})
    if given.get("workerid") == "gw0" and "groups" in given:
        found = {item.nodeid: name for item in items if (name := group(item))}
        Path(given["groups"]).write_text(json.dumps(found), encoding="utf-8")


def file(config: pytest.Config) -> Path:
    """Where they are written, for as long as the run lasts."""
    if FOLDER not in config.stash:
        config.stash[FOLDER] = folder = tempfile.TemporaryDirectory(prefix="chatkit-desktop-groups-")
        config.add_cleanup(folder.cleanup)
    return Path(config.stash[FOLDER].name) / "groups.json"
