"""Every pattern of the app, and texts that make a pattern look back: run as a program, it tries each with all.

`python -m tests.rig.patterns` prints a JSON list of `[where, pattern, what it was pumped with]` for those that took
more than `LIMIT` seconds of the processor for `LENGTH` characters: one that never looks back takes milliseconds.

Most never do, so each text is tried short first, then longer: what takes the limit at full length by the square of it
takes the square's share on a short one, and what grows faster takes more than the limit there. Only what takes a
quarter of that share goes on.
"""

from __future__ import annotations

import ast
import importlib
import json
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LENGTH = 12_000
LIMIT = 0.5
"""Seconds of the processor's time: some hundred times what is needed; one that looks back needs more."""

STEPS = (16, 4, 1)
"""What the full length is divided by, step by step."""
LEAST = 200
"""A pattern that wants more than so many of something may sleep through the short texts: it gets only long ones."""

SHORT = {
    "desktop.settings.mcp_secrets": 4096,
    "desktop.settings.secret_shapes:TELLING": 4096,
}
"""Where texts are bounded before a pattern meets them: the bound, in characters."""

Found = tuple[str, "re.Pattern[Any]", frozenset[str]]
"""Where it stands, the pattern, and the methods it is used with."""
METHODS = ("search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer")


def patterns() -> Iterator[Found]:
    """Patterns that stand at the top of a module, and literal ones in calls of `re`."""
    files = sorted((ROOT / "desktop").rglob("*.py"))
    calls = {path: _calls(path.read_text(encoding="utf-8")) for path in files}
    every = frozenset().union(*calls.values())
    for path in files:
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for where, pattern in _kept(name):
            label = where.rpartition(":")[2]
            # A private name is this file's own; another file may have one of its own under the same name.
            used = {method for other, method in (calls[path] if label.startswith("_") else every) if other == label}
            yield where, pattern, frozenset(used or METHODS)
        yield from _called(path, name)


def _calls(text: str) -> frozenset[tuple[str, str]]:
    """`(name, method)` wherever a method of a pattern is mentioned."""
    return frozenset(re.findall(rf"\b(\w+)\.({'|'.join(METHODS)})\b", text))


def _kept(name: str) -> Iterator[tuple[str, re.Pattern[Any]]]:
    text = (ROOT / (name.replace(".", "/") + ".py")) if (ROOT / (name.replace(".", "/") + ".py")).exists() else None
    if text is None or "re.compile(" not in text.read_text(encoding="utf-8"):
        return
    try:
        module = importlib.import_module(name)
    except ImportError:
        return  # of another system
    for key, value in vars(module).items():
        if isinstance(value, re.Pattern):
            yield f"{name}:{key}", value
        elif isinstance(value, tuple):
            yield from ((f"{name}:{key}", one) for part in value for one in _inside(part))


def _inside(value: object) -> Iterator[re.Pattern[Any]]:
    for one in value if isinstance(value, tuple) else (value,):
        if isinstance(one, re.Pattern):
            yield one


def _called(path: Path, name: str) -> Iterator[Found]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "re"
            and node.func.attr in METHODS
            and node.args
            and isinstance(node.args[0], ast.Constant)
            and isinstance(node.args[0].value, str | bytes)
        ):
            flags = 0
            for given in (*node.args[1:], *(word.value for word in node.keywords)):
                for part in ast.walk(given):
                    if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id == "re":
                        flags |= getattr(re, part.attr, 0)
            yield f"{name}:{node.lineno}", re.compile(node.args[0].value, flags), frozenset({node.func.attr})


# --- texts ------------------------------------------------------------------------------------------


def _parsed(pattern: re.Pattern[Any]) -> Any:
    text = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    flags = pattern.flags & ~re.UNICODE if isinstance(pattern.pattern, bytes) else pattern.flags
    return re._parser.parse(text, flags)  # type: ignore[attr-defined]


def atoms(pattern: re.Pattern[Any]) -> list[str]:
    """Characters, and runs of literal ones, that mean something to the pattern."""
    found: dict[str, None] = {}
    run: list[str] = []

    def walk(tree: Any) -> None:
        for operation, argument in tree:
            kind = str(operation)
            if kind == "LITERAL":
                run.append(chr(argument))
                found[chr(argument)] = None
                continue
            if run:
                found["".join(run)] = None
                run.clear()
            if kind == "NOT_LITERAL":
                found["a" if argument != 97 else "b"] = None
            elif kind == "ANY":
                found["a"] = None
            elif kind == "IN":
                for what, value in argument:
                    if str(what) == "LITERAL":
                        found[chr(value)] = None
                    elif str(what) == "RANGE":
                        found[chr(value[0])] = None
                    elif str(what) == "CATEGORY":
                        found[" " if "SPACE" in str(value) else "1" if "DIGIT" in str(value) else "a"] = None
                    elif str(what) == "NEGATE":
                        found["a"] = None
            elif kind in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
                walk(argument[2])
            elif kind == "SUBPATTERN":
                walk(argument[3])
            elif kind == "BRANCH":
                for branch in argument[1]:
                    walk(branch)
                    if run:
                        found["".join(run)] = None
                        run.clear()
            elif kind in ("ASSERT", "ASSERT_NOT"):
                walk(argument[1])
        if run:
            found["".join(run)] = None
            run.clear()

    walk(_parsed(pattern))
    for usual in ("a", " ", "1", "\n"):
        found.setdefault(usual)
    return sorted(found, key=lambda one: (-len(one), one))


def wanted(pattern: re.Pattern[Any]) -> int:
    """The largest number of times that the pattern wants something at least."""

    def walk(tree: Any) -> int:
        most = 0
        for operation, argument in tree:
            parts = argument if isinstance(argument, tuple | list) else (argument,)
            if "REPEAT" in str(operation):
                most = max(most, int(argument[0]))
            for part in parts:
                for inner in part if isinstance(part, list) else (part,):
                    if isinstance(inner, re._parser.SubPattern):  # type: ignore[attr-defined]
                        most = max(most, walk(inner))
        return most

    return walk(_parsed(pattern))


def pumps(pattern: re.Pattern[Any]) -> Iterator[tuple[str, str]]:
    """`(beginning, pump)`: one atom again and again, and two by turns, after a beginning that fits."""
    known = atoms(pattern)
    long, short = [one for one in known if len(one) > 1][:12], [one for one in known if len(one) == 1]
    turns = [*known[:60], *(first + second for first in short[:14] for second in short[:14] if first != second)]
    turns += [first + second for first in long[:4] for second in short[:6]]
    for pump in turns:
        for begin in ("", *long[:3], *short[:2]):
            yield begin, pump


class Slow(Exception):
    """It looks back."""


def tried(pattern: re.Pattern[Any], methods: frozenset[str], length: int, limit: float = LIMIT) -> str:
    """What the pattern was pumped with when it took too long; empty: it never did."""

    def ring(*_: object) -> None:
        raise Slow

    steps = (1,) if wanted(pattern) > LEAST else STEPS
    before = signal.signal(signal.SIGVTALRM, ring)
    begin = pump = ""
    try:
        for begin, pump in pumps(pattern):
            for step in steps:
                text = begin + pump * (length // step // len(pump)) + "\x01"
                signal.setitimer(signal.ITIMER_VIRTUAL, limit)
                took = _took(pattern, methods, text)
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
                if took < limit / step**2 / 4:
                    break
    except Slow:
        return f"{begin!r} {pump!r}"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    return ""


def _took(pattern: re.Pattern[Any], methods: frozenset[str], text: str) -> float:
    """Seconds of the processor that a text takes."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(pattern.pattern, bytes) else text
    began = time.thread_time()
    for method in methods & {"match", "fullmatch"} or {"search"}:
        getattr(pattern, method)(data)
    if methods - {"match", "fullmatch"}:
        for _ in pattern.finditer(data):
            pass
    return time.thread_time() - began


def bound(where: str) -> int:
    return next((most for name, most in SHORT.items() if where == name or where.startswith(f"{name}:")), LENGTH)


def main() -> None:
    slow = []
    known = set()
    for where, pattern, methods in patterns():
        # One that other modules import, or that is written twice, is tried once.
        same = (pattern.pattern, pattern.flags, methods, bound(where))
        if same in known:
            continue
        known.add(same)
        pump = tried(pattern, methods, bound(where))
        if pump:
            slow.append([where, str(pattern.pattern)[:120], pump])
            print(slow[-1], file=sys.stderr, flush=True)
    print(json.dumps(slow))


if __name__ == "__main__":
    main()
