"""Tests that share an app run in one process, all others anywhere; and `make test` finds each of them."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from tests.rig.processes import run

ROOT = Path(__file__).resolve().parents[1]

CONFTEST = """
import json, os, pathlib
import pytest
from tests.conftest import pytest_collection_modifyitems, pytest_configure_node, pytest_xdist_make_scheduler

@pytest.fixture(scope="session")
def screen():
    return 1

@pytest.fixture(scope="session")
def frozen():
    return 2

@pytest.fixture(scope="module", params=["gtk", "qt"])
def engine(request):
    return request.param

@pytest.fixture(autouse=True)
def noted(request):
    entry = [request.node.name, os.environ["PYTEST_XDIST_WORKER"]]
    with open(pathlib.Path(__file__).with_name("noted"), "a") as file:
        file.write(json.dumps(entry) + "\\n")
"""
SHARED = """
import pytest

@pytest.fixture(scope="module")
def app(engine, screen):
    return engine

@pytest.mark.parametrize("number", range(6))
def test_shared(app, number):
    pass
"""
BUILT = """
def test_built(frozen, tmp_path_factory):
    pass
"""
ALONE = """
import time
import pytest

@pytest.mark.parametrize("number", range(6))
def test_alone(engine, screen, tmp_path, number):
    time.sleep(0.05)
"""


def test_what_shares_an_app_or_a_build_stays_in_one_process_and_the_rest_goes_anywhere(tmp_path: Path) -> None:
    files = {"conftest": CONFTEST, "test_shared": SHARED, "test_one": BUILT, "test_two": BUILT, "test_alone": ALONE}
    folder = tmp_path / "tests"
    folder.mkdir()
    for name, code in files.items():
        (folder / f"{name}.py").write_text(code, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup", "-p", "no:cacheprovider"]
    run([*command, "--rootdir", tmp_path, folder], cwd=ROOT, check=True)
    where: dict[str, list[str]] = {}
    for line in (folder / "noted").read_text(encoding="utf-8").splitlines():
        name, worker = json.loads(line)
        where.setdefault(name.partition("-")[0], []).append(worker)
    assert {name: len(workers) for name, workers in where.items()} == {
        "test_shared[gtk": 6,
        "test_shared[qt": 6,
        "test_built": 2,
        "test_alone[gtk": 6,
        "test_alone[qt": 6,
    }
    for together in ("test_shared[gtk", "test_shared[qt", "test_built"):
        assert len(set(where[together])) == 1
    assert len({*where["test_alone[gtk"], *where["test_alone[qt"]}) == 2


def test_a_window_test_says_so_in_its_own_file_where_make_test_looks_for_it() -> None:
    """`make test` hands pytest the files that hold these words, so that each process need not read all the others."""
    mark = re.compile(r"mark\.(window|secret_service)\b")
    assert r"window_files = $$(grep -rlE 'mark\.(window|secret_service)\b' tests" in (ROOT / "Makefile").read_text()
    elsewhere = [
        str(file.relative_to(ROOT))
        for file in (ROOT / "tests").rglob("*.py")
        if not file.name.startswith("test_") and mark.search(file.read_text(encoding="utf-8"))
    ]
    assert elsewhere == []
