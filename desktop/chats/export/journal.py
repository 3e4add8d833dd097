"""The journal of an export: a hidden file that lists what was written to a folder, so that the next one can resume.

A name, and a digest of the content, are noted before the file is there, so a file of ours is known also after a kill.
What has another content by now is not ours to write over, whatever the journal says of its name: a person may have
changed it, and the journal may come from somebody. Nothing of what the chats say stands in it.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from desktop.chats.export.names import folded, unlike
from desktop.chats.export.writing import digest, unwritable
from desktop.common.files import open_private

NAME = ".chatkit-desktop-export.jsonl"
LONGEST = 64 * 1024
"""Bytes of a line; ours are some hundred."""


@dataclass(frozen=True)
class Done:
    """What a file said when it was written, and when that was (Unix seconds)."""

    mark: str
    at: float


class Journal:
    """The journal of `folder`, which exists. Raises FolderUnwritable. `close` it."""

    NAME = NAME

    def __init__(self, folder: Path, ending: str) -> None:
        self._folder = folder
        self._ending = ending
        self._names: dict[str, str] = {}
        self._done: dict[str, Done] = {}
        self._made: dict[str, set[str]] = {}
        """Digests of what was ever written, or about to be: a kill may have kept back the last."""
        self._cut_off = False
        """Whether the last line has no end: a kill or a full disk kept it back."""
        path = folder / NAME
        with unwritable(folder):
            self._read(path)
            taken = {folded(one.name.removesuffix(f".{ending}")) for one in folder.iterdir()}
            self._file = os.fdopen(open_private(path, "a"), "ab")
            if self._cut_off:
                self._file.write(b"\n")
        self._taken = taken | {folded(name) for name in self._names.values()}

    def close(self) -> None:
        with suppress(OSError):
            self._file.close()

    def path(self, chat: str) -> Path | None:
        """The chat's file, where it has a name here; it may not have been written yet."""
        name = self._names.get(chat)
        return None if name is None else self._folder / f"{name}.{self._ending}"

    def done(self, chat: str) -> Done | None:
        """None where its file was never finished, or is gone."""
        path = self.path(chat)
        return self._done.get(chat) if path is not None and path.exists() else None

    def ours(self, chat: str) -> bool:
        """Whether the chat's file is there as it was written."""
        path, made = self.path(chat), self._made.get(chat)
        return path is not None and made is not None and digest(path) in made

    def name(self, chat: str, wanted: str) -> Path:
        """A name of its own for the chat's file: the one it had before, if that is free or holds what was written
        there; else `wanted` or one like it."""
        known = self.path(chat)
        if known is not None and (not os.path.lexists(known) or self.ours(chat)):
            return known
        name = unlike(wanted, self._taken)
        self._add({"chat": chat, "as": self._ending, "name": name})
        self._names[chat] = name
        return self._folder / f"{name}.{self._ending}"

    def writes(self, chat: str, content: str) -> None:
        """The chat's file is about to be there, with content of this digest."""
        self._add({"chat": chat, "as": self._ending, "made": content})
        self._made.setdefault(chat, set()).add(content)

    def finish(self, chat: str, done: Done) -> None:
        self._add({"chat": chat, "as": self._ending, "mark": done.mark, "at": int(done.at)})
        self._done[chat] = done

    def _add(self, entry: dict[str, object]) -> None:
        with unwritable(self._folder):
            self._file.write(json.dumps(entry, separators=(",", ":")).encode() + b"\n")
            self._file.flush()

    def _read(self, path: Path) -> None:
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return
        with file:
            while row := file.readline(LONGEST):
                self._cut_off = not row.endswith(b"\n")
                try:
                    entry = json.loads(row)
                    chat, ending = entry["chat"], entry["as"]
                    if ending != self._ending:
                        continue
                    if "name" in entry:
                        # Only a plain name: the file may have been given to us by somebody.
                        name = str(entry["name"])
                        if Path(name).name == name and "\\" not in name and name[:1] not in (".", ""):
                            self._names[str(chat)] = name
                    elif "made" in entry:
                        self._made.setdefault(str(chat), set()).add(str(entry["made"]))
                    else:
                        self._done[str(chat)] = Done(str(entry["mark"]), float(entry["at"]))
                except (ValueError, KeyError, TypeError, RecursionError):
                    continue  # cut off by a kill
