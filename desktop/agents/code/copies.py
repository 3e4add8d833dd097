"""Copies of approved contents, so that later changes can be shown. Stored by SHA-256 in a private folder.

They may contain anything, even keys typed into the code. They are in the profile, readable by the user only, and are
deleted with the consent.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from desktop.common.errors import AppError
from desktop.common.files import ensure_private_dir, read_limited, write_private

log = logging.getLogger(__name__)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Copies:
    """With `folder` None, they are kept in memory. They are a convenience: failing to write one is no error."""

    def __init__(self, folder: Path | None, limit: int) -> None:
        """`limit`: bytes of the largest copy."""
        self._folder = folder
        self._limit = limit
        self._known: dict[str, bytes] = {}

    def put(self, contents: Iterable[bytes]) -> None:
        for content in contents:
            if self._folder is None:
                self._known[sha256(content)] = content
                continue
            file = self._folder / sha256(content)
            try:
                ensure_private_dir(self._folder)
                if not file.is_file():
                    write_private(file, content)
            except (OSError, AppError) as error:
                log.warning("approved code was not kept: %s", type(error).__name__)
                return

    def get(self, digest: str) -> bytes | None:
        """A copy; None if there is none or it was altered."""
        if self._folder is None:
            return self._known.get(digest)
        with suppress(OSError, AppError):
            content = read_limited(self._folder / digest, self._limit)
            return content if sha256(content) == digest else None
        return None

    def only(self, digests: set[str]) -> None:
        """Delete all other copies."""
        for digest in self._known.keys() - digests:
            del self._known[digest]
        if self._folder is not None:
            with suppress(OSError):
                for file in list(self._folder.iterdir()):
                    if file.name not in digests:
                        file.unlink(missing_ok=True)
