"""The brand's code agents: which of their files are packaged, and the packages they need."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

from desktop.common.errors import AppError
from desktop.common.texts import Catalogue
from desktop.packaging import processes, spelling
from desktop.packaging.errors import AgentWrong, BrandWrong, BuildFailed
from desktop.packaging.plan import Plan
from desktop.packaging.scan import scan
from desktop.settings.brand import code_agents

PACKAGES = "agent-packages"
"""Folder of their packages, among the assets (`agents.code.packages.shipped`)."""
INSTALL_LIMIT = 900
MOST = 200 * 1024 * 1024
"""Bytes of `package.files` together: more is a slip of a pattern."""


def files(plan: Plan) -> dict[str, Path]:
    """{path below the package's `agents` folder: the file}: code, what it imports beside it, and `package.files`.

    Raises AgentWrong, BrandWrong, SecretFound.
    """
    from desktop.agents.code import consent

    found: dict[str, Path] = {}
    for agent in code_agents(plan.brand):
        path = Path(agent["file"])
        _inside(plan, path)
        spelling.verify(path, plan.source, AgentWrong)
        try:
            source = consent.read(path)
        except AppError as error:
            raise AgentWrong(error.describe(Catalogue("en"))["message"]) from None
        for name in source.files:
            found[below(plan, path.parent / name)] = path.parent / name
    for pattern in plan.brand.package.files:
        matches = [path for path in sorted(plan.source.glob(pattern)) if path.is_file()]
        if not matches and (plan.source / pattern).is_dir():
            raise BrandWrong(f"package.files names the folder “{pattern}”.", f"All that is in it is “{pattern}/**/*”.")
        if not matches:
            raise BrandWrong(
                f"package.files names “{pattern}”, and there is no such file beside the brand file.",
                spelling.nearest(plan.source / pattern, plan.source),
            )
        for path in matches:
            _inside(plan, path)
            found[below(plan, path)] = path
    if sum(path.stat().st_size for path in found.values()) > MOST:
        raise BrandWrong(f"package.files names more than {MOST // 1024 // 1024} MB. Is a pattern too wide?")
    scan(found.values(), plan.source)
    return dict(sorted(found.items()))


def in_package(plan: Plan, agent: dict[str, Any]) -> str:
    """An agent's file as the packaged brand file names it."""
    return f"agents/{below(plan, Path(agent['file']))}"


def requirements(plan: Plan) -> list[str]:
    """The packages that the agents need, each once."""
    return sorted({name for agent in code_agents(plan.brand) for name in agent.get("packages", ())})


def install(plan: Plan, folder: Path) -> None:
    """Puts the agents' packages into `folder`; finished ones only, nothing is built. Raises BuildFailed."""
    wanted = requirements(plan)
    if not wanted:
        return
    plan.say(f"Fetching the agents' packages: {', '.join(wanted)}")
    words = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), "--only-binary=:all:"]
    words += ["--no-input", "--no-compile", "--disable-pip-version-check", "--", *wanted]
    done = processes.run(words, timeout=INSTALL_LIMIT)
    if done.returncode:
        last = next((line for line in reversed(done.stderr.splitlines()) if line.startswith("ERROR")), "pip failed")
        raise BuildFailed(f"The agents' packages could not be fetched. {last[:300]}")


def lay_out(plan: Plan, folder: Path) -> dict[str, Path]:
    """Copies what goes along into `folder`, and says what that is. Raises what `files` raises, OSError."""
    found = files(plan)
    for name, path in found.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return found


def _inside(plan: Plan, path: Path) -> None:
    if not path.resolve().is_relative_to(plan.source.resolve()):
        raise BrandWrong(
            f"{path} is not below the folder of the brand file.", "Put it there: what a package holds is seen from it."
        )


def below(plan: Plan, path: Path) -> str:
    """A path as seen from the brand file. A link keeps the name it has: by that it is read."""
    return Path(os.path.abspath(path)).relative_to(plan.source).as_posix()
