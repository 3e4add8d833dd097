"""The workflows keep what the help says of them. zizmor and their JSON Schema are run by `make check`."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from desktop.packaging import formats
from tests.packaging import made_from_help
from tests.rig import processes
from tests.systems import steps

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = ROOT / ".github" / "workflows"
RELEASE = (WORKFLOWS / "release.yml").read_text(encoding="utf-8")
STARTS = re.compile(r'smoke"?,? "?--demo"?,? "?--say')
FILES = {
    "deb": "./dist/*.deb",
    "tar.zst": "dist/*.tar.zst",
    "nsis": "dist\\*-setup.exe",
    "dmg": "dist/*.dmg",
}
"""What a job calls a form's file; the two zips are named in the test."""


def job(name: str) -> str:
    found = re.search(rf"(?ms)^  {name}:\n(.*?)(?=^  \w+:\n|\Z)", RELEASE)
    assert found, name
    return found[1]


@pytest.mark.parametrize("file", sorted(WORKFLOWS.iterdir()), ids=lambda file: str(file.name))
def test_every_action_is_pinned_by_its_hash_and_says_which_version_that_is(file: Path) -> None:
    used = re.findall(r"uses: (?!\./)(.*)", file.read_text(encoding="utf-8"))
    assert used
    assert [line for line in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v[0-9.]+", line)] == []


def test_a_job_has_the_rights_it_needs_and_only_the_draft_may_write() -> None:
    assert "\npermissions: {}\n" in RELEASE
    writing = [name for name in re.findall(r"(?m)^  (\w+):\n    name:", RELEASE) if ": write" in job(name)]
    assert writing == ["release"]
    assert "pull_request_target" not in RELEASE


def test_windows_and_macos_type_what_the_help_says() -> None:
    told = re.findall(r"(?m)^python -m .*$", made_from_help.section())
    install, build = (line.split(" --brand ")[0] for line in told)
    for name in ("windows", "macos"):
        assert f"run: {install}\n" in job(name)
        assert f"run: {build} --brand " in job(name)
    assert 'run: make package ARGS="--brand $BRAND"' in job("linux")


@pytest.mark.parametrize("system", formats.SYSTEMS)
def test_every_form_of_a_system_is_started_there_before_it_is_handed_on(system: str) -> None:
    text = job(system)
    begin, end = text.index("desktop.packaging" if system != "linux" else "make package"), text.index("upload-artifact")
    for form in formats.of_system(system):
        file = FILES.get(form) or f"-{system}-*.zip"
        assert begin < text.index(file) < end, form
    assert STARTS.search(text[begin:end])


def test_a_tag_makes_a_draft_with_checksums_and_attestations_when_all_else_went_well() -> None:
    text = job("release")
    assert "needs: [test, linux, windows, macos, live]" in text
    for words in ("sha256sum --check --strict", "attest-build-provenance", "--draft"):
        assert words in text


def test_secrets_reach_the_steps_that_need_them_and_are_never_written_into_a_command() -> None:
    for line in RELEASE.splitlines():
        if "secrets." in line:
            assert re.fullmatch(r" +[A-Z0-9_]+: \$\{\{ secrets\.[A-Z0-9_]+ \}\}", line), line


# --- steps ----------------------------------------------------------------------------------------


def test_every_job_for_linux_is_run_by_make_test_systems_or_said_not_to_be() -> None:
    jobs = {(step.workflow, step.job) for step in steps.steps() if step.system == "linux"}
    assert jobs == steps.RUN_HERE | steps.WITH_OPENAI
    assert set(steps.RUN_ELSEWHERE) <= {(step.workflow, step.run) for step in steps.steps()}


def test_the_quick_tests_are_run_on_every_python_that_the_project_names_and_on_every_system() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert steps.pythons() == re.findall(r"Python :: (3\.\d+)", project)
    assert {step.system for step in steps.steps() if (step.workflow, step.job) == ("test.yml", "quick")} == {
        *("linux", "windows", "macos"),
    }


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash here")
def test_every_step_for_bash_is_one_that_bash_can_read() -> None:
    for step in steps.steps():
        if step.shell != "pwsh":
            done = processes.run(["bash", "-n"], input=step.run, stderr=subprocess.STDOUT)
            assert done.returncode == 0, step.run + done.stdout
