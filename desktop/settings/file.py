"""Reads and writes a profile's settings file as a plain dict. Writes are atomic, and nothing is ever lost.

An unreadable file is set aside under another name. A newer app's file is left alone. Knows the file's version, but not
what the settings mean.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from desktop.common.errors import AppError, FileUnreadable, FolderUnwritable
from desktop.common.files import ensure_private_dir, patiently, read_limited, write_private
from desktop.settings.errors import SettingsDamaged, SettingsNewer, SettingsUnwritable
from desktop.settings.model import VERSION
from desktop.settings.renamed import with_new_names

SIZE_LIMIT = 8 * 1024 * 1024
"""The largest settings file, in bytes."""


@dataclass
class Loaded:
    """What was read: the raw settings, notices, and why the file must not be overwritten, if so."""

    raw: dict[str, Any] = field(default_factory=dict)
    notices: list[AppError] = field(default_factory=list)
    closed: AppError | None = None


class SettingsFile:
    """A profile's `settings.json`. `known`: the newest version this app reads."""

    def __init__(
        self, path: Path, known: int = VERSION, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.path = path
        self._known = known
        self._now = now
        self._closed: AppError | None = None
        self._seen: object = None

    def load(self) -> Loaded:
        """Read the file and rename old settings. A missing file is empty. Never raises."""
        self._closed = None
        self._seen = self._mark()
        if self._seen is None:
            return Loaded()
        try:
            content = read_limited(self.path, SIZE_LIMIT)
        except FileUnreadable as error:
            return self._leave_alone(error)
        try:
            raw = json.loads(content.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            return self.set_aside()
        if not isinstance(raw, dict):
            return self.set_aside()
        version = raw.get("version", self._known)
        if isinstance(version, (int, float)) and not isinstance(version, bool) and version > self._known:
            return self._leave_alone(SettingsNewer(version=version, known=self._known))
        return Loaded(with_new_names(raw))

    def _leave_alone(self, error: AppError) -> Loaded:
        self._closed = error
        return Loaded(notices=[error], closed=error)

    def set_aside(self) -> Loaded:
        """Rename the file to `settings.damaged-<UTC>.json`. The settings are then empty."""
        aside = self._aside_name()
        try:
            patiently(lambda: os.rename(self.path, aside))
        except OSError as error:
            return self._leave_alone(SettingsUnwritable(repr(error), path=str(self.path)))
        self._seen = None
        return Loaded(notices=[SettingsDamaged(kept=aside.name)])

    def copy_aside(self) -> None:
        """Copy the file under a new name. Raises SettingsUnwritable."""
        try:
            write_private(self._aside_name(), self.path.read_bytes())
        except FileNotFoundError:
            return
        except OSError as error:
            raise SettingsUnwritable(repr(error), path=str(self.path)) from None

    def _aside_name(self) -> Path:
        stamp = self._now().strftime("%Y%m%dT%H%M%SZ")
        for count in range(1000):
            aside = self.path.with_name(f"{self.path.stem}.damaged-{stamp}{f'-{count}' if count else ''}.json")
            if not aside.exists():
                break
        return aside

    def save(self, raw: dict[str, Any]) -> None:
        """Write the file. Raises SettingsUnwritable, or SettingsNewer if a newer app wrote it."""
        if self._closed is not None:
            raise self._closed
        content = json.dumps({"version": self._known, **raw}, ensure_ascii=False, indent=2) + "\n"
        try:
            ensure_private_dir(self.path.parent)
            write_private(self.path, content)
        except (OSError, FolderUnwritable) as error:
            raise SettingsUnwritable(repr(error), path=str(self.path)) from None
        self._seen = self._mark()

    def changed(self) -> bool:
        """Whether another program has written the file since it was read or saved."""
        return self._mark() != self._seen

    def _mark(self) -> object:
        try:
            found = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            return repr(error)
        return found.st_mtime_ns, found.st_size, found.st_ino
