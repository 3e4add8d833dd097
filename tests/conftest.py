"""What all tests share: a profile in a temporary folder, the words, and a wall around this computer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis

from desktop.common import logs
from desktop.common.locations import Locations
from desktop.common.texts import Catalogue
from desktop.settings.brand import Brand
from desktop.settings.file import SettingsFile
from desktop.settings.layers import SettingsStore
from tests.packaging import clean_system
from tests.rig import processes, secret_service, together, wall

wall.build()
processes.arm()

# A shell without job control starts what it puts into the background with Ctrl+C ignored, and Python leaves it so: a
# test run started like that would not see the interrupts that tests send. Children get the default with it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# As Hypothesis itself does on the machines it knows as CI: the same examples in every run, and no clock that fails a
# test because the machine is busy. `--hypothesis-profile=default` looks for new examples.
hypothesis.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
hypothesis.load_profile("steady")

ROOT = Path(__file__).resolve().parents[1]
MANY = 200
"""More tests than somebody runs who works at one thing."""


@pytest.fixture(autouse=True)
def only_this_computer() -> Iterator[None]:
    """Every connection of the test process to another computer is refused, and fails the test that tried."""
    wall.reached_out.clear()
    yield
    assert not wall.reached_out, f"reached out of this computer: {wall.reached_out}"


@pytest.fixture(autouse=True)
def own_secrets() -> Iterator[None]:
    """What a test tells the log to hide is forgotten with it: each line is searched for all that are known."""
    before, known = set(logs._secrets), logs._known
    yield
    logs._secrets, logs._known = before, known


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A marked test says what it needs where that is missing. Looked at last, when it is known which tests are run:
    asking apt takes a second."""
    together.write(config, items)
    for name, why_not in (("secret_service", _no_secret_service), ("clean_systems", clean_system.why_not)):
        marked = [item for item in items if item.get_closest_marker(name)]
        reason = why_not() if marked else ""
        for item in marked if reason else ():
            item.add_marker(pytest.mark.skip(reason=reason))


def _no_secret_service() -> str:
    return "" if secret_service.available() else "needs the packages dbus and gnome-keyring"


@pytest.hookimpl(tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A run of many tests tells the twenty slowest."""
    option, stats = terminalreporter.config.option, terminalreporter.stats
    if option.durations is None and sum(len(stats.get(kind, ())) for kind in ("passed", "failed")) > MANY:
        option.durations, option.durations_min = 20, 1.0


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """pytest-xdist starts one of several processes."""
    node.workerinput["groups"] = str(together.file(node.config))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    if config.getvalue("dist") != "loadgroup":
        return None
    from tests.rig.scheduler import Together

    return Together(config, log)


@pytest.fixture
def profile(tmp_path: Path) -> Locations:
    """The paths of a profile that does not exist yet."""
    return Locations(tmp_path / "profiles" / "default")


@pytest.fixture
def texts() -> Catalogue:
    return Catalogue("en")


@pytest.fixture
def french() -> Catalogue:
    return Catalogue("fr")


@pytest.fixture
def brand() -> Brand:
    """A brand that changes nothing."""
    return Brand()


@pytest.fixture
def settings(profile: Locations, brand: Brand) -> SettingsStore:
    """The settings of an empty profile."""
    return SettingsStore(SettingsFile(profile.settings), brand)


@pytest.fixture
def as_root() -> bool:
    """Root may write everywhere: tests of refused folders can't fail as they should."""
    return os.name == "posix" and os.geteuid() == 0


@pytest.fixture(scope="session")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packaged app's executable, built from `build.spec` once for all tests of it."""
    folder = tmp_path_factory.mktemp("frozen")
    subprocess.run(
        [
            *(sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN"),
            *("--distpath", str(folder / "dist"), "--workpath", str(folder / "build"), str(ROOT / "build.spec")),
        ],
        cwd=ROOT,
        check=True,
        timeout=900,
    )
    return folder / "dist" / "chatkit-desktop" / "chatkit-desktop"
