"""Settings that had another name in an earlier version: read under both, written under the new one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from desktop.settings import tree

NEW_NAMES: Mapping[str, str] = {
    "assistant.basic_view": "assistant.builtin_view",
}
"""Old dotted name -> today's. Neither has a list on its way."""


def with_new_names(settings: Mapping[str, Any]) -> tree.Tree:
    """A copy of raw settings with today's names. Where both names stand, today's has the say."""
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
