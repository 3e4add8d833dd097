"""Searches everything a maker releases, including archives, for anything that looks like a secret. Never repeats it."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath, PurePosixPath

from desktop.packaging.errors import SecretFound
from desktop.packaging.secret_rules import holds_secrets, places

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

MOST = 400 * 1024 * 1024
"""Bytes of all that is in one archive, opened."""
DEEPEST = 4
"""Archives in archives."""
CLOSED = (
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x04\x22\x4d\x18", "an LZ4 archive"),
)
"""Archives that can't be looked into here, by their first bytes."""


class Unread(Exception):
    """An archive, or a part of it, that can't be looked into: the words say why."""


def found_in(data: bytes, name: str = "") -> int | None:
    """The number of the first line that holds something shaped like a secret, from 1; None where there is none.

    `name`: of the file, if it has one.
    """
    # Twice: a secret may stand in a file that is not UTF-8, or be written in UTF-16.
    for text in (data.decode("utf-8", "replace"), data.replace(b"\0", b"").lstrip(b"\xff\xfe").decode("latin-1")):
        code = IN_CODE.search(text)
        starts = [*places(text, name), *([code.start()] if code else [])]
        if starts:
            return text.count("\n", 0, min(starts)) + 1
    return None


def scan(files: Iterable[Path], root: Path) -> None:
    """Raises SecretFound for the first of `files` that holds something like a secret, is there to hold one, or can't be
    looked into; names are told from `root` on."""
    for path in files:
        shown = path.relative_to(root) if path.is_relative_to(root) else PurePath(path.name)
        _look(path.read_bytes(), shown, str(shown), [MOST], 0)


def _look(data: bytes, path: PurePath, shown: str, left: list[int], depth: int) -> None:
    if holds_secrets(path) or (path.suffix.lower() == ".pem" and not _public(data)):
        raise SecretFound(f"{shown} is a file that is there to hold keys or passwords.", f"Leave it out. {HINT}")
    line = found_in(data, path.name)
    if line is not None:
        raise SecretFound(f"{shown}, line {line}, holds something shaped like a key or password.", HINT)
    try:
        for name, inner in _members(data, left):
            if depth >= DEEPEST:
                raise Unread("archives in archives, too deep")
            _look(inner, PurePosixPath(name.replace("\\", "/")), f"{shown} → {name}", left, depth + 1)
    except Unread as why:
        raise SecretFound(
            f"{shown} can't be looked into for keys and passwords: {why}.", "Put the files themselves there instead."
        ) from None


def _public(data: bytes) -> bool:
    """Whether a .pem holds certificates and public keys alone."""
    kinds = re.findall(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----", data)
    return bool(kinds) and all(kind.endswith((b"CERTIFICATE", b"PUBLIC KEY", b"CRL", b"PARAMETERS")) for kind in kinds)


# --- archives ---------------------------------------------------------------------------------------


def _members(data: bytes, left: list[int]) -> Iterator[tuple[str, bytes]]:
    """The files in an archive, by what it is and not by its name. `left`: bytes that may still be opened."""
    for first, kind in CLOSED:
        if data.startswith(first):
            raise Unread(f"it is {kind}")
    try:
        if zipfile.is_zipfile(io.BytesIO(data)):
            yield from _zipped(data, left)
            return
        packed = _packed(data, left)
        if packed is not None:
            yield "content", packed
        elif data[257:262] == b"ustar":
            yield from _tarred(data, left)
    except (OSError, EOFError, ValueError, RuntimeError, NotImplementedError, zlib.error, lzma.LZMAError) as error:
        raise Unread(f"it is damaged, or closed with a password ({type(error).__name__})") from None
    except (zipfile.BadZipFile, tarfile.TarError) as error:
        raise Unread(f"it is damaged ({type(error).__name__})") from None


def _zipped(data: bytes, left: list[int]) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                with archive.open(info) as member:
                    yield info.filename, _some(member, left)


def _tarred(data: bytes, left: list[int]) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for info in archive:
            member = archive.extractfile(info) if info.isfile() else None
            if member is not None:
                with member:
                    yield info.name, _some(member, left)


def _packed(data: bytes, left: list[int]) -> bytes | None:
    """What a single packed file holds (a tar as well); None for what is none."""
    if data.startswith(b"\x1f\x8b"):
        return _some(gzip.GzipFile(fileobj=io.BytesIO(data)), left)
    if data.startswith(b"BZh") and data[4:10] == b"1AY&SY":
        return _some(bz2.BZ2File(io.BytesIO(data)), left)
    if data.startswith((b"\xfd7zXZ\0", b"\x5d\0\0\x80\0")):
        return _some(lzma.LZMAFile(io.BytesIO(data)), left)
    return None


def _some(member: io.BufferedIOBase | gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile | object, left: list[int]) -> bytes:
    read = getattr(member, "read")  # noqa: B009 - they have one method in common and no class
    data: bytes = read(left[0] + 1)
    left[0] -= len(data)
    if left[0] < 0:
        raise Unread(f"it holds more than {MOST // 1024 // 1024} MB")
    return data
