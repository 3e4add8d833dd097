"""Every error that the app can tell, wherever its module is."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path

from desktop.common.errors import AppError, leaves

ROOT = Path(__file__).resolve().parents[2]
MAKERS = "packaging"
"""Their errors are no AppErrors: they are told in a terminal alone."""


@cache
def every_error() -> tuple[type[AppError], ...]:
    """The classes with a code of their own."""
    for file in sorted((ROOT / "desktop").rglob("errors.py")):
        parts = file.relative_to(ROOT).with_suffix("").parts
        if MAKERS not in parts:
            import_module(".".join(parts))
    return tuple(leaves())
