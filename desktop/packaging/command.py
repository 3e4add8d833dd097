"""`python -m desktop.packaging`: arguments, progress, one JSON object, exit codes. Leaves nothing half done.

Everything is made in a temporary folder beside the place where it goes; finished files are moved there at the end.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import hashlib
import json
import os
import platform
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from desktop.common import output
from desktop.common.errors import OutputUnwritable
from desktop.common.texts import Catalogue
from desktop.packaging import formats, qt, recipients, stage, tools
from desktop.packaging.errors import DiskTrouble, Ended, PackagingError, Terminated, WrongUsage
from desktop.packaging.plan import PLATFORM, ROOT, Plan, epoch_of, read_brand, version_of
from desktop.settings.brand import Brand

ROOM = 1_500_000_000
"""Bytes that must be free: what PyInstaller, the trees and the packages take together at their most."""
ROOM_QT = 3_000_000_000
FULL = 4_000_000
"""Bytes; where no more are free, a build failed because of it, whatever its tools say."""
OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}
OF_THE_DISK |= {errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise WrongUsage(message[:300], "python -m desktop.packaging --help lists what there is.")

    def print_help(self, file: Any = None) -> None:
        output.write(file or sys.stdout, self.format_help(), end="")


def parser() -> argparse.ArgumentParser:
    made = _Parser(prog="python -m desktop.packaging", description="Brand file -> installers of this system.")
    made.add_argument("--brand", metavar="FILE", type=Path, default=ROOT / "assets" / "brand.toml")
    made.add_argument("--format", metavar="NAME,…", default="", help="which packages; default: all of this system")
    made.add_argument(
        "--engine",
        choices=("system", "qt"),
        help="Linux: the distribution's, or Qt in the packages; default: the brand's",
    )
    made.add_argument("--out", metavar="DIR", type=Path, default=ROOT / "dist", help="default: dist/")
    made.add_argument("--check", action="store_true", help="look at everything, make nothing")
    made.add_argument("--json", action="store_true", help="print exactly one JSON object on standard output")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Exit codes: 0 fine, 1 unforeseen, 2 usage, 3 brand file, 4 secret, 5 icon, 6 agent, 7 tool, 8 build, 9 proof,
    10 disk; 130 and 143 where somebody ended it, 141 where nobody reads its output any more."""
    try:
        return _main(argv)
    except output.ReaderGone:
        return output.READER_GONE
    except OutputUnwritable as error:
        told = error.describe(Catalogue("en"))
        return _fail(DiskTrouble(told["message"], told["hint"]), as_json=False)


def _main(argv: Sequence[str] | None) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in words
    try:
        result = run(parser().parse_args(words))
    except PackagingError as error:
        return _fail(error, as_json)
    except KeyboardInterrupt as how:
        code = _fail(Ended(), as_json)
        return 143 if isinstance(how, Terminated) else code
    except Exception as error:  # noqa: BLE001  # whoever reads the object needs one
        if isinstance(error, OSError) and error.errno in OF_THE_DISK:
            return _fail(_disk(error), as_json)
        traceback.print_exc()
        told = PackagingError(f"Packaging failed: {type(error).__name__}: {error}"[:400], "This is a defect.")
        return _fail(told, as_json)
    if as_json:
        output.write(sys.stdout, json.dumps(result, ensure_ascii=False))
    else:
        for made in result["outputs"]:
            output.write(sys.stdout, f"{made['file']}  {made['bytes'] / 1e6:.1f} MB  sha256 {made['sha256']}")
        if result["checked_only"]:
            output.write(sys.stdout, "Everything is in order; nothing was made.")
    return 0


def run(args: argparse.Namespace) -> dict[str, Any]:
    """What there is to say at the end. Raises PackagingError, OSError."""
    began = time.monotonic()
    chosen = formats.chosen(args.format)
    brand = _with_engine(read_brand(Path(os.path.abspath(args.brand))), args.engine)
    out = Path(os.path.abspath(args.out))
    _verify_tools(chosen, brand)
    if args.check:
        return _checked_and_made(args, chosen, brand, None) | {"seconds": round(time.monotonic() - began, 1)}
    was_there = out.exists()
    out.mkdir(parents=True, exist_ok=True)
    try:
        return _checked_and_made(args, chosen, brand, out) | {"seconds": round(time.monotonic() - began, 1)}
    finally:
        if not was_there:
            with contextlib.suppress(OSError):
                out.rmdir()  # only an empty one goes


def _checked_and_made(
    args: argparse.Namespace, chosen: tuple[formats.Format, ...], brand: Brand, out: Path | None
) -> dict[str, Any]:
    """`out` None: checked only."""
    brand_file = Path(os.path.abspath(args.brand))
    # Beside the place where things go: moving them there is then one step that succeeds or doesn't.
    with tempfile.TemporaryDirectory(prefix=".packaging-", dir=out, ignore_cleanup_errors=True) as work:
        plan = Plan(
            brand=brand,
            brand_file=brand_file,
            version=version_of(brand, brand_file.parent),
            epoch=epoch_of(brand_file),
            formats=tuple(form.name for form in chosen),
            out=out or Path(work),
            work=Path(work),
            say=say,
        )
        say(f"{brand.app.name} {plan.version} ({brand.app.id}) for {PLATFORM}: {', '.join(plan.formats)}")
        stage.check(plan)
        result: dict[str, Any] = {
            "ok": True,
            "checked_only": out is None,
            "name": brand.app.name,
            "id": brand.app.id,
            "version": plan.version,
            "platform": PLATFORM,
            "outputs": [],
        }
        if out is not None:
            room = ROOM_QT if qt.wanted(plan) else ROOM
            if shutil.disk_usage(out).free < room:
                raise DiskTrouble(
                    f"There is too little room in {out}: {room // 10**6} MB are needed for a while.",
                    "Make room, or name another folder with --out.",
                )
            try:
                result |= _make(plan, chosen)
            except Exception as error:
                if shutil.disk_usage(out).free < FULL:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(out)) from error
                raise
    result["warnings"] = plan.warnings
    return result


def _make(plan: Plan, chosen: tuple[formats.Format, ...]) -> dict[str, Any]:
    from desktop.packaging.contents import Contents
    from desktop.packaging.freeze import freeze
    from desktop.packaging.proof import prove
    from desktop.packaging.started import prove_started

    assets = stage.stage(plan)
    say("Freezing")
    frozen = freeze(plan, assets)
    contents = Contents(plan, frozen)
    for name in contents.without_text():
        plan.add_warning(f"No licence text was found for {name}.")
    say(f"Proving it ({frozen.size() / 1e6:.0f} MB)")
    proof = (prove if PLATFORM == "linux" else prove_started)(plan, frozen.executable).plain()
    finished = plan.work / "finished"
    finished.mkdir()
    for form in chosen:
        say(f"Making {form.name}")
        form.make(formats.Job(plan, frozen, assets, contents, finished))
    sbom = f"{plan.name}-{plan.version}-{PLATFORM}-{platform.machine().lower()}{plan.variant}.cdx.json"
    (finished / sbom).write_text(contents.sbom(), encoding="utf-8")
    (finished / recipients.file_name(plan)).write_text(recipients.text(plan), encoding="utf-8", newline="\n")
    files = sorted(finished.iterdir())
    sums = {path.name: _sha256(path) for path in files}
    _write_sums(finished / "SHA256SUMS", sums, plan.out)
    for path in [*files, finished / "SHA256SUMS"]:
        os.replace(path, plan.out / path.name)
    outputs = [
        {"file": str(plan.out / name), "bytes": (plan.out / name).stat().st_size, "sha256": digest}
        for name, digest in sums.items()
    ]
    return {"outputs": outputs, "frozen_bytes": frozen.size(), "proof": proof, "sums": str(plan.out / "SHA256SUMS")}


def _write_sums(file: Path, sums: dict[str, str], known_in: Path) -> None:
    """As `sha256sum` has it; what stands there of other packages that are still there stays."""
    lines = dict(sums)
    try:
        known = (known_in / file.name).read_text(encoding="utf-8").splitlines()
    except OSError:
        known = []
    for line in known:
        digest, _, name = line.partition("  ")
        if name and name not in lines and (known_in / name).is_file():
            lines[name] = digest
    file.write_text("".join(f"{lines[name]}  {name}\n" for name in sorted(lines)), encoding="utf-8", newline="\n")


def say(line: str) -> None:
    """Progress, beside the output."""
    output.note(sys.stderr, line)


def _with_engine(brand: Brand, wanted: str | None) -> Brand:
    """The brand with another engine than its own. Raises WrongUsage where there is no choice."""
    if wanted is None:
        return brand
    if PLATFORM != "linux":
        raise WrongUsage("Only Linux has a choice of engines; Windows and macOS bring their own.")
    return brand.model_copy(update={"package": brand.package.model_copy(update={"engine": wanted})})


def _verify_tools(chosen: tuple[formats.Format, ...], brand: Brand) -> None:
    system = tuple(dict.fromkeys(tool for form in chosen for tool in form.tools))
    python = (*tools.PYTHON, *(tools.AGENTS if brand.package.agents else ()))
    if PLATFORM == "linux" and brand.package.engine == "qt":
        tools.verify((*system, *tools.QT_NOTICES), (*python, *tools.QT), 'make package ARGS="--engine qt"')
    else:
        tools.verify((*system, *(tools.ENGINE_LINUX if PLATFORM == "linux" else ())), python)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _disk(error: OSError) -> DiskTrouble:
    where = f" ({error.filename})" if error.filename else ""
    if error.errno == errno.ENOSPC:
        return DiskTrouble(f"The disk is full{where}.", "Make room, or name another folder with --out.")
    return DiskTrouble(
        f"{error.strerror or type(error).__name__}{where}.", "Name a folder that can be written to with --out."
    )


def _fail(error: PackagingError, as_json: bool) -> int:
    if as_json:
        told = {"code": error.code, "message": error.message, "hint": error.hint}
        output.write(sys.stdout, json.dumps({"ok": False, "error": told}, ensure_ascii=False))
    say(error.message)
    if error.hint:
        say(error.hint)
    return error.exit_code
