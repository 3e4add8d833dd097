"""The steps of a workflow, and how they are run on this machine: each `run:` as it stands, in the shell that GitHub
takes for it. Actions are not run: what they bring is brought by the caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = ROOT / ".github" / "workflows"

RUN_HERE = {
    *(("test.yml", "linux"), ("test.yml", "quick"), ("test.yml", "systems")),
    *(("release.yml", "linux"), ("release.yml", "release")),
}
"""(workflow, job) whose steps for Linux `test_workflow_steps.py` runs."""
RUN_ELSEWHERE = {
    ("test.yml", ".ci/run"): "`make test` itself",
    ("test.yml", "make test-systems"): "that very run",
}
"""Steps of these that it leaves out, and where they are run."""
WITH_OPENAI = {("release.yml", "live")}
"""Speaks to OpenAI itself, with a key that only the project has: run nowhere else."""


@dataclass(frozen=True)
class Step:
    """A `run:` step. `system`: linux, windows or macos. `shell`: what is to run it, its own or GitHub's default."""

    workflow: str
    job: str
    system: str
    shell: str
    run: str

    @property
    def command(self) -> list[str]:
        """As GitHub starts it on Linux and macOS: a failure ends it; where a workflow says bash, one in a pipe, too."""
        return [
            "bash",
            *(("--noprofile", "--norc", "-eo", "pipefail") if self.shell == "bash" else ("-e",)),
            "-c",
            self.run,
        ]


def steps() -> list[Step]:
    """Every `run:` step of every workflow, once for each system that its job runs on."""
    found = []
    for file in sorted(WORKFLOWS.iterdir()):
        told = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
        for name, job in told["jobs"].items():
            for system in _systems(job):
                for step in job.get("steps", []):
                    if "run" in step:
                        shell = step.get("shell") or ("pwsh" if system == "windows" else "default")
                        found.append(Step(file.name, name, system, shell, step["run"]))
    return found


def of_job(workflow: str, job: str) -> list[Step]:
    """Those of one job on Linux, in order."""
    found = [step for step in steps() if (step.workflow, step.job, step.system) == (workflow, job, "linux")]
    assert found, f"{workflow} has no job {job} on Linux"
    return found


def pythons() -> list[str]:
    """The Pythons of the quick tests."""
    told = YAML(typ="safe", pure=True).load((WORKFLOWS / "test.yml").read_text(encoding="utf-8"))
    return [str(one) for one in told["jobs"]["quick"]["strategy"]["matrix"]["python"]]


def _systems(job: dict[str, Any]) -> list[str]:
    """The systems of `runs-on`; those of the matrix where it names that. A job that calls a workflow has none."""
    place = str(job.get("runs-on", ""))
    places = job["strategy"]["matrix"]["os"] if "matrix.os" in place else [place] if place else []
    named = {"ubuntu": "linux", "windows": "windows", "macos": "macos"}
    return list(dict.fromkeys(named[str(one).partition("-")[0]] for one in places))
