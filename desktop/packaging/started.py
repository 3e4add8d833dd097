"""The proof where `proof.py` has no virtual screen and no keyring to hand: the frozen app is started on the screen
there is, in a folder of its own, and must answer in its demo. Its exit code counts; without a console it is silent.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from desktop.common.locations import CONSOLE
from desktop.packaging import processes
from desktop.packaging.errors import ProofFailed
from desktop.packaging.macos import bundle_name
from desktop.packaging.plan import Plan
from desktop.packaging.proof import Report, Step

LIMIT = 300.0
"""Seconds each start may take; the first one on a new system is looked at by whatever guards it."""


def prove_started(plan: Plan, executable: Path, limit: float = LIMIT) -> Report:
    """The version is told, the window opens; with the agent stack the demo answers. Raises ProofFailed."""
    report = Report()
    # On macOS the bundle is what people start; what Info.plist allows holds for it alone.
    bundled = executable.parents[1] / f"{bundle_name(plan.brand)}.app" / "Contents" / "MacOS" / executable.name
    program = str(bundled if bundled.is_file() else executable)
    # On Windows its twin has a console, and only that one can tell anything in a terminal.
    twin = executable.with_name(f"{executable.stem}{CONSOLE}{executable.suffix}")
    told = str(twin) if twin.is_file() else program
    opens = ["smoke", "--demo", "--say", "What has been packaged here?"] if plan.brand.package.agents else []
    # Not `with`: what still has a file of it open on Windows must not turn a good build into a failed one.
    folder = tempfile.mkdtemp(prefix="proof-")
    try:
        for name, words in (
            ("version", [told, "--version"]),
            (
                "demo" if opens else "first launch",
                [program, *(opens or ["smoke", "--page", "any"]), "--data-dir", folder],
            ),
        ):
            began = time.monotonic()
            problem = _problem(words, limit, plan.version if name == "version" else "")
            report.steps.append(Step(name, not problem, problem or "started", round(time.monotonic() - began, 1)))
            plan.say(f"  {name}: {problem or 'started'}")
            if problem:
                raise ProofFailed(f"What was built fails the step “{name}”: {problem}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return report


def _problem(command: list[str], limit: float, words: str) -> str:
    """What is wrong with one start, which has to print `words`; empty for nothing."""
    named = ("OPENAI_", "CHATKIT_", "PYTHON")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(named)}
    try:
        done = processes.run(command, env=environ, errors="replace", timeout=limit)
    except subprocess.TimeoutExpired:
        return f"it had not ended after {limit:.0f} s"
    except OSError as error:
        return f"it does not start: {error.strerror or error}"
    said = (done.stderr or done.stdout).strip().splitlines()
    if done.returncode:
        return f"it ended with {done.returncode}: {' '.join(said[-3:])[:400]}"
    return "" if words in done.stdout else f"it does not print “{words}”"
