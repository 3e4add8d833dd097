"""Settings renamed since an earlier version: read under both names, written under the new one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from desktop.settings import tree

NEW_NAMES: Mapping[str, str] = {
    "assistant.basic_view": "assistant.builtin_view",
}
"""Old dotted name -> new one. Neither path contains a list."""


def with_new_names(settings: Mapping[str, Any]) -> tree.Tree:
    """A copy of raw settings with the new names. If both are present, the new one counts."""
    copy = tree.merge(settings)
    for old, new in NEW_NAMES.items():
        path, there = tree.split(old), tree.split(new)
        value = tree.find(copy, path)
        if value is tree.MISSING:
            continue
        tree.drop(copy, path)
        if tree.find(copy, there) is tree.MISSING:
            tree.put(copy, there, value)
    return copy
