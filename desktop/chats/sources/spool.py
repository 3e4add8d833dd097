"""Buffers JSON objects between network and database: a few in memory, more in an unnamed file.

The file lies in the profile's own folder and goes with the process. Knows nothing of what the objects are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Any

from desktop.common.errors import FolderUnwritable
from desktop.common.files import ensure_private_dir

IN_MEMORY = 1024 * 1024


class Spool:
    """Objects with places, given back in the order of their places. Raises FolderUnwritable."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._lines: list[tuple[float, int]] = []
        self._file = SpooledTemporaryFile[bytes](
            max_size=IN_MEMORY, dir=None if folder is None else str(ensure_private_dir(folder))
        )

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, place: float, thing: Mapping[str, Any]) -> None:
        try:
            at = self._file.seek(0, 2)
            self._file.write(json.dumps(thing, separators=(",", ":")).encode() + b"\n")
        except OSError as error:
            problem = error.strerror or type(error).__name__
            raise FolderUnwritable(repr(error), path=str(self._folder), problem=problem) from None
        self._lines.append((place, at))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for _, at in sorted(self._lines):
            self._file.seek(at)
            yield json.loads(self._file.readline())
