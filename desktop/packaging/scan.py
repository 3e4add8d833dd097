"""Looks for what is shaped like a secret in everything a maker hands out. Repeats none of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from desktop.packaging.errors import SecretFound
from desktop.settings.secret_shapes import SECRET_SHAPES

HINT = (
    "Whatever is in a package can be read by everybody who has it. Let each user enter a key of their own, or put the "
    "key on a ChatKit server of yours and name that in the brand file. A key that was in a file others could see is "
    "best deleted where it was made."
)
IN_CODE = re.compile(
    r"(?i:[\"']?\b[a-z0-9_]*(?:api[_-]?key|secret|password|passwd|access[_-]?token|auth[_-]?token)[\"']?\s*[:=]\s*)"
    r"[rbf]?[\"'](?=[^\"'\s]{12,}[\"'])(?![^\"']*[{<$])"
)
"""A long literal under a telling name, also in a dict and as an argument; no placeholder such as `<your key>`."""


def found_in(data: bytes) -> int | None:
    """The number of the first line that holds something shaped like a secret, from 1; None where there is none."""
    # Twice: a secret may stand in a file that is not UTF-8, or be written in UTF-16.
    for text in (data.decode("utf-8", "replace"), data.replace(b"\0", b"").decode("latin-1")):
        for shape in (SECRET_SHAPES, IN_CODE):
            match = shape.search(text)
            if match:
                return text.count("\n", 0, match.start()) + 1
    return None


def scan(files: Iterable[Path], root: Path) -> None:
    """Raises SecretFound for the first of `files` that holds something like a secret; names are told from `root` on."""
    for path in files:
        line = found_in(path.read_bytes())
        if line is not None:
            shown = path.relative_to(root) if path.is_relative_to(root) else path.name
            raise SecretFound(f"{shown}, line {line}, holds something shaped like a key or password.", HINT)
