"""`python -m tests.bench`: prints one JSON object, and a table on standard error. Everything is on loopback.

Exit code 0 also where a target is missed: the object says by how much; 1 where something could not be measured.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from desktop import __version__
from desktop.window.engines import has_gtk, has_qt
from tests.bench import (
    archiving,
    chats,
    code_agents,
    door,
    first_token,
    footprint,
    minting,
    packages,
    stack,
    starts,
    talking,
)
from tests.bench.figures import Figure
from tests.rig.display import DisplayError, end_on_sigterm, virtual_display
from tests.rig.scene import Scene, scene
from tests.rig.secret_service import available, secret_service

ENGINES: dict[str, Callable[[], bool]] = {"gtk": has_gtk, "qt": has_qt}
GROUPS = ("starts", "memory", "door", "idle", "agent-starts", "deltas", "archive", "bad-code")
ENGINELESS = ("minting", "first-token", "code-agents", "stack", "store", "packages")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--engine", choices=tuple(ENGINES), action="append", help="default: every one that is there")
    parser.add_argument("--runs", type=int, default=7, help="starts of each kind (default 7)")
    parser.add_argument("--idle", type=float, default=10.0, metavar="SECONDS", help="how long to look at idleness")
    parser.add_argument("--only", choices=(*GROUPS, *ENGINELESS), action="append", help="only this group of figures")
    parser.add_argument("--chats", type=int, default=chats.THREADS, help="chats in the store (default %(default)s)")
    parser.add_argument("--archived", type=int, default=archiving.THREADS, help="hosted chats (default %(default)s)")
    parser.add_argument("--items", type=int, default=chats.ITEMS, help="items of each (default %(default)s)")
    return parser.parse_args()


@contextmanager
def settled_scene(engine: str) -> Iterator[Scene]:
    """The app as after a first launch, with a real keyring."""
    with virtual_display() as screen, secret_service() as environ, scene(engine, screen, environ) as made:
        made.settle()
        # An installed app brings its bytecode along; a developer's shell may keep Python from writing any.
        made.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        made.environ["PYTHONPYCACHEPREFIX"] = str(made.folder / "bytecode")
        yield made


def measure(engine: str, groups: tuple[str, ...], options: argparse.Namespace) -> dict[str, object]:
    work: dict[str, Callable[[Scene], list[Figure]]] = {
        "starts": lambda made: starts.measure(made, options.runs),
        "memory": lambda made: footprint.memory(made, max(1, options.runs // 2)),
        "door": door.measure,
        "idle": lambda made: footprint.idle(made, options.idle),
        "agent-starts": lambda made: talking.starts(made, options.runs),
        "deltas": talking.deltas,
        "archive": lambda made: archiving.measure(made, options.archived),
        "bad-code": code_agents.meanwhile,
    }
    found: list[Figure] = []
    with settled_scene(engine) as made:
        for name in groups:
            found += work[name](made)
    return shown(engine, found)


def measure_packages(runs: int) -> list[Figure]:
    """Linux's: elsewhere there is nothing to measure yet."""
    if sys.platform != "linux" or not has_gtk():
        return []
    with virtual_display() as screen, secret_service() as environ:
        return packages.measure(screen.environment(environ), runs)


def measure_without(groups: tuple[str, ...], options: argparse.Namespace) -> list[Figure]:
    work: dict[str, Callable[[], list[Figure]]] = {
        "minting": minting.measure,
        "first-token": first_token.measure,
        "code-agents": code_agents.measure,
        "stack": stack.measure,
        "store": lambda: chats.measure(options.chats, options.items),
        "packages": lambda: measure_packages(options.runs),
    }
    return [figure for name in groups for figure in work[name]()]


def shown(title: str, figures: list[Figure]) -> dict[str, object]:
    print(f"\n{title}", *(figure.line() for figure in figures), sep="\n  ", file=sys.stderr, flush=True)
    return {figure.name: figure.record() for figure in figures}


def main() -> int:
    options = parse()
    end_on_sigterm()
    groups = tuple(name for name in GROUPS if not options.only or name in options.only)
    engineless = tuple(name for name in ENGINELESS if not options.only or name in options.only)
    if groups and not available():
        print("dbus and gnome-keyring are needed.", file=sys.stderr)
        return 1
    wanted = [name for name, there in ENGINES.items() if there() and (not options.engine or name in options.engine)]
    load = os.getloadavg()[0]
    result: dict[str, object] = {
        "version": __version__,
        "machine": {"system": platform.platform(), "python": platform.python_version(), "processors": os.cpu_count()},
        "runs": options.runs,
    }
    try:
        result["engines"] = {engine: measure(engine, groups, options) for engine in wanted} if groups else {}
        if engineless:
            result["without an engine"] = shown("without an engine", measure_without(engineless, options))
    except (RuntimeError, DisplayError) as problem:
        print(f"Not measured: {problem}", file=sys.stderr)
        return 1
    # Other work on the machine makes every figure worse: how much of it there was belongs to the result.
    result["load"] = [round(load, 2), round(os.getloadavg()[0], 2)]
    print(json.dumps(result, ensure_ascii=False, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
