"""A code agent's files, byte for byte, and the consents given to them. Reads files, runs nothing.

The content of a `Source` is what is shown, hashed, approved and passed to the child. The disk is not read again.
"""

from __future__ import annotations

import ast
import hashlib
import io
import json
import re
import sys
import threading
import tokenize
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from desktop.agents.code import mends
from desktop.agents.code.copies import Copies, sha256
from desktop.agents.code.errors import CodeConsentNeeded, CodeUnreadable
from desktop.common.errors import AppError, FileUnreadable, Phrase
from desktop.common.files import ensure_private_dir, read_limited, write_private
from desktop.common.locations import assets_dir, is_frozen
from desktop.common.unseen import written_out

MOST = 1_000_000
"""The largest file, in bytes."""
MOST_ALL = 8_000_000
MOST_FILES = 300
OURS = {"agents", "openai", "chatkit", "desktop", "pydantic"}
"""Modules the app provides, even if a file beside the agent's has the same name."""
DIGEST = re.compile(r"[0-9a-f]{64}")
KEPT = 500
"""The most consents remembered; the oldest are dropped."""
LIST = "approved_code.json"
"""The profile's file of consents. The approved contents are beside it, in a folder of the same name."""


@dataclass(frozen=True)
class Source:
    """A file and the files beside it that it imports, as they were when read."""

    path: Path
    files: dict[str, bytes] = field(repr=False)
    """Path relative to the file's folder, with slashes -> content. The file itself comes first."""
    digest: str
    """SHA-256 of names and contents, in hex."""

    @property
    def name(self) -> str:
        return self.path.name

    def text(self, relative: str = "") -> str:
        """A file's content for people: decoded and split into lines as Python does, with nothing invisible."""
        return seen(self.files[relative or self.name])


def seen(content: bytes) -> str:
    """Like `Source.text`."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = content.decode(encoding)
    except (SyntaxError, UnicodeError, LookupError):
        text = content.decode("utf-8", "replace")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n")
    return written_out(lines)


def read(file: str | Path) -> Source:
    """Read `file` and everything it may import from its folder. Raises CodeUnreadable."""
    path = Path(file).expanduser().absolute()
    found = {path.name: _content(path, path.name)}
    waiting = deque([path.name])
    while waiting:
        relative = waiting.popleft()
        for name in _beside(_tree(relative, found[relative], path.name), relative, path):
            if name not in found:
                found[name] = _content(path.parent / name, path.name)
                waiting.append(name)
                if len(found) > MOST_FILES or sum(map(len, found.values())) > MOST_ALL:
                    raise CodeUnreadable(file=path.name, problem=Phrase("code.too_much_beside"))
    return Source(path, found, digest(found))


def digest(files: dict[str, bytes]) -> str:
    """SHA-256 of all files, independent of their order."""
    whole = hashlib.sha256()
    for name in sorted(files):
        whole.update(f"{len(name.encode())}:{name}:{len(files[name])}:".encode())
        whole.update(files[name])
    return whole.hexdigest()


def _content(path: Path, shown: str) -> bytes:
    try:
        return read_limited(path, MOST)
    except FileUnreadable as error:
        raise CodeUnreadable(error.detail, file=shown, problem=error.values["problem"]) from None


def _tree(relative: str, content: bytes, shown: str) -> ast.Module:
    try:
        return mends.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 1
        said = getattr(error, "msg", None) or str(error) or type(error).__name__
        problem = Phrase("code.not_python", {"file": relative, "line": line, "problem": str(said)[:200]})
        raise CodeUnreadable(f"{relative}:{line}: {said}"[:300], file=shown, problem=problem) from None


def _beside(tree: ast.Module, relative: str, main: Path) -> Iterator[str]:
    """The files in the folder that a file imports, anywhere in its code."""
    own = relative.split("/")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _files(main, alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            module = node.module.split(".") if node.module else []
            if node.level:
                up = node.level - 1
                base = [*own[: len(own) - up], *module] if up <= len(own) else None
            else:
                base = module
            if base is not None:
                yield from _files(main, base, relative=bool(node.level))
                for alias in node.names:
                    yield from _files(main, [*base, alias.name], relative=bool(node.level))


def _files(main: Path, parts: list[str], *, relative: bool = False) -> Iterator[str]:
    if not relative:
        if not parts or parts[0] in OURS or parts[0] in sys.stdlib_module_names:
            return
        if parts[0] == main.parent.name and not _is_there(main.parent, parts[:1]):
            parts = parts[1:]  # by the name of its folder, as when started from the folder above
            relative = True
    # A package's own file runs before its modules.
    for depth in range(0 if relative else 1, len(parts) + 1):
        stem = "/".join(parts[:depth])
        for name in (f"{stem}/__init__.py".lstrip("/"), f"{stem}.py" if stem else ""):
            if name and (main.parent / name).is_file():
                yield name


def _is_there(folder: Path, parts: list[str]) -> bool:
    stem = folder.joinpath(*parts)
    return stem.with_name(f"{stem.name}.py").is_file() or stem.is_dir()


@dataclass(frozen=True)
class Change:
    """Names of files changed since the last consent. If all three are empty, the changes are unknown."""

    new: frozenset[str]
    changed: frozenset[str]
    gone: frozenset[str]


def shipped() -> Path | None:
    """The folder of agents shipped with a packaged app. Installing the app was consent to them."""
    return assets_dir() / "agents" if is_frozen() else None


class Consents:
    """A profile's consents, in one private file: path -> digest. With `file` None, they are kept in memory. Files in
    the folder `own` (default: the one shipped with the app) need none."""

    def __init__(self, file: Path | None, own: Path | None = None) -> None:
        self._file = file
        self._copies = Copies(file.with_suffix("") if file is not None else None, MOST)
        folder = own or shipped()
        self._own = folder.resolve() if folder is not None else None
        self._lock = threading.Lock()
        self._known: dict[str, dict[str, Any]] | None = None

    def given(self, source: Source) -> bool:
        """Whether exactly this was approved."""
        if self._own is not None and source.path.resolve().is_relative_to(self._own):
            return True
        with self._lock:
            entry = self._read().get(str(source.path))
        return entry is not None and entry.get("sha256") == source.digest

    def changed(self, source: Source) -> bool:
        """Whether an earlier version of this file was approved."""
        with self._lock:
            return str(source.path) in self._read() and not self._same(source)

    def since(self, source: Source) -> Change | None:
        """What has changed since the last consent to this file; None if there was none or nothing has."""
        with self._lock:
            entry = self._read().get(str(source.path))
        if entry is None or entry.get("sha256") == source.digest:
            return None
        before = entry.get("files")
        if not isinstance(before, dict):
            return Change(frozenset(), frozenset(), frozenset())
        now = {name: sha256(content) for name, content in source.files.items()}
        return Change(
            frozenset(now.keys() - before.keys()),
            frozenset(name for name in now.keys() & before.keys() if now[name] != before[name]),
            frozenset(map(str, before.keys() - now.keys())),
        )

    def before(self, source: Source, name: str) -> str | None:
        """The content of one file at the last consent, for people; None if unknown."""
        with self._lock:
            entry = self._read().get(str(source.path))
        files = entry.get("files") if entry is not None else None
        digest = files.get(name) if isinstance(files, dict) else None
        content = self._copies.get(digest) if isinstance(digest, str) and DIGEST.fullmatch(digest) else None
        return seen(content) if content is not None else None

    def problem(self, file: str | Path) -> AppError | None:
        """Why the file can't run: CodeUnreadable or CodeConsentNeeded; None if it can."""
        try:
            self.require(read(file))
        except (CodeUnreadable, CodeConsentNeeded) as error:
            return error
        return None

    def require(self, source: Source) -> None:
        """Raises CodeConsentNeeded."""
        if not self.given(source):
            raise CodeConsentNeeded(f"SHA-256 {source.digest}", file=source.name, digest=source.digest)

    def give(self, source: Source) -> None:
        """Record the consent of a person who has seen it. Raises FolderUnwritable, OSError."""
        with self._lock:
            known = self._read()
            known.pop(str(source.path), None)
            known[str(source.path)] = {
                "sha256": source.digest,
                "files": {name: sha256(content) for name, content in sorted(source.files.items())},
                "when": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            self._keep(dict(list(known.items())[-KEPT:]))
            self._copies.put(source.files.values())

    def take_back(self, path: str | Path) -> None:
        """Withdraw the consent. Raises like `give`."""
        with self._lock:
            known = self._read()
            if known.pop(str(Path(path).expanduser().absolute()), None) is not None:
                self._keep(known)

    def _same(self, source: Source) -> bool:
        return self._read()[str(source.path)].get("sha256") == source.digest

    def _read(self) -> dict[str, dict[str, Any]]:
        if self._known is not None and self._file is None:
            return self._known
        known: Any = {}
        if self._file is not None:
            # Without a readable file there is no consent, so every agent asks again.
            with suppress(OSError, ValueError, FileUnreadable):
                known = json.loads(read_limited(self._file, 2_000_000))
        fine = isinstance(known, dict)
        self._known = {k: v for k, v in known.items() if isinstance(v, dict)} if fine else {}
        return self._known

    def _keep(self, known: dict[str, dict[str, Any]]) -> None:
        self._known = known
        files = [entry.get("files") for entry in known.values()]
        self._copies.only({str(digest) for one in files if isinstance(one, dict) for digest in one.values()})
        if self._file is not None:
            ensure_private_dir(self._file.parent)
            write_private(self._file, json.dumps(known, indent=1))
