"""Nested dicts with dotted paths: look up, set, remove, merge. Knows nothing about their meaning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

Tree = dict[str, Any]
Path = tuple[str | int, ...]
MISSING = object()


def split(dotted: str) -> Path:
    """`agents.0.name` as `("agents", 0, "name")`."""
    return tuple(int(part) if part.isdigit() else part for part in dotted.split("."))


def join(path: Path) -> str:
    """The dotted form of `path`."""
    return ".".join(str(part) for part in path)


def find(tree: Any, path: Path) -> Any:
    """The value at `path`, or MISSING."""
    current = tree
    for part in path:
        if isinstance(current, Mapping) and str(part) in current:
            current = current[str(part)]
        elif isinstance(current, Sequence) and not isinstance(current, str) and isinstance(part, int):
            if part >= len(current):
                return MISSING
            current = current[part]
        else:
            return MISSING
    return current


def reachable(tree: Any, path: Path) -> Path:
    """The longest prefix of `path` that exists in `tree`."""
    for length in range(len(path), 0, -1):
        if find(tree, path[:length]) is not MISSING:
            return path[:length]
    return ()


def put(tree: Tree, path: Path, value: Any) -> None:
    """Set the value at `path` (names only), creating dicts as needed."""
    current = tree
    for part in path[:-1]:
        below = current.get(str(part))
        if not isinstance(below, dict):
            below = current[str(part)] = {}
        current = below
    current[str(path[-1])] = value


def drop(tree: Any, path: Path) -> None:
    """Remove `path` if it exists, and dicts that become empty."""
    trail: list[tuple[Any, str | int]] = []
    current = tree
    for part in path:
        if find(current, (part,)) is MISSING:
            return
        step = str(part) if isinstance(current, dict) else part
        trail.append((current, step))
        current = current[step]
    holder, last = trail.pop()
    del holder[last]
    while trail and holder == {}:
        holder, last = trail.pop()
        if not isinstance(holder, dict):
            return  # keep an empty list entry, so that the others keep their positions
        del holder[last]


def merge(*layers: Mapping[str, Any]) -> Tree:
    """A deep copy in which later layers override earlier ones. Dicts are merged, everything else is replaced."""
    result: Tree = {}
    for layer in layers:
        _over(result, layer)
    return result


def _over(below: Tree, above: Mapping[str, Any]) -> None:
    for name, value in above.items():
        if isinstance(value, Mapping) and isinstance(below.get(name), dict):
            _over(below[name], value)
        else:
            below[name] = deepcopy(value)


def texts_in(tree: Any) -> Iterator[str]:
    """Every string in `tree`, including names."""
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, Mapping):
        for name, value in tree.items():
            yield from texts_in(name)
            yield from texts_in(value)
    elif isinstance(tree, (list, tuple)):
        for value in tree:
            yield from texts_in(value)
