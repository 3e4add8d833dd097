"""Packages for code agents: what is missing, what it is called, and a pip that is asked the right thing."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import certifi
import pytest

from desktop.agents.code import packages
from desktop.agents.code.environment import clean
from desktop.agents.code.errors import PackagesNotInstalled
from desktop.agents.code.known import package_of
from desktop.common.errors import BadParams, FileUnreadable
from desktop.common.texts import Catalogue
from desktop.openai_api.transport import Endpoint as Route
from tests.agents.code.wheels import make_wheel
from tests.standins.proxy import ProxyStandIn
from tests.standins.tls import Authority


def pip(tmp_path: Path, body: str) -> list[str]:
    """A pip that does what the test says."""
    script = tmp_path / "pip.py"
    script.write_text(f"import sys, os\nwords = sys.argv[1:]\n{body}", encoding="utf-8")
    return [sys.executable, str(script)]


def test_what_is_imported_and_what_is_installed_may_be_called_differently() -> None:
    assert package_of("guardrails.runtime") == "openai-guardrails"
    assert package_of("yaml") == "PyYAML"
    assert package_of("pydantic_settings.sources") == "pydantic-settings"
    assert package_of("google.cloud.storage.blob") == "google-cloud-storage"
    for nobody in ("utils", "config", "helpers.text", "prompts", "tools", "google", "some_thing"):
        assert package_of(nobody) is None


def test_what_the_app_has_or_the_folder_has_is_not_missing(tmp_path: Path) -> None:
    (tmp_path / "fetched_thing-1.0.dist-info").mkdir()
    (tmp_path / "fetched_thing-1.0.dist-info" / "METADATA").write_text("Name: fetched-thing\nVersion: 1.0\n")
    wanted = ["openai>=1", "fetched-thing", "not-there-at-all[x]==2"]
    assert packages.missing(wanted, tmp_path) == ["not-there-at-all[x]==2"]


def test_pip_puts_wheels_into_the_folder_and_nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-0123456789")
    words = pip(tmp_path, "import json\nprint(json.dumps(words))\nprint('KEY', os.environ.get('OPENAI_API_KEY'))")
    lines: list[str] = []
    place = tmp_path / "packages"
    packages.install(["one", "two>=2"], place, on_line=lines.append, pip=words)
    asked = json.loads(lines[0])
    assert asked[:3] == ["install", "--target", str(place)]
    assert "--only-binary=:all:" in asked
    assert asked[asked.index("--") + 1 :] == ["one", "two>=2"]
    assert lines[1] == "KEY None"


@pytest.mark.parametrize("name", ["--index-url=http://x", "http://x/y.whl", "../x", "a b", "x @ http://y", "-e ."])
def test_addresses_and_options_are_no_packages(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadParams):
        packages.install([name], tmp_path, pip=pip(tmp_path, "raise SystemExit('pip ran')"))


def test_what_pip_says_last_is_the_reason(tmp_path: Path) -> None:
    words = pip(tmp_path, "print('ERROR: No matching distribution')\nprint('[notice] x')\nsys.exit(1)")
    with pytest.raises(PackagesNotInstalled) as told:
        packages.install(["one"], tmp_path / "p", pip=words)
    assert told.value.values["problem"] == "ERROR: No matching distribution"
    with pytest.raises(PackagesNotInstalled):
        packages.install(["one"], tmp_path / "p", pip=[str(tmp_path / "no such program")])


def test_checklist_07_a_childs_environment_has_no_key_under_any_name() -> None:
    key = "sk-planted-0123456789"
    environ = {"OPENAI_API_KEY": "x", "OPENAI_ORG_ID": "x", "MINE": f"a{key}", "PATH": "/bin", "TAVILY_API_KEY": "t"}
    assert clean(environ, (key,)) == {"PATH": "/bin", "TAVILY_API_KEY": "t"}


def test_an_installation_that_nobody_wants_any_more_ends(tmp_path: Path) -> None:
    cancel = Event()
    words = pip(tmp_path, "import time\nprint('begun', flush=True)\ntime.sleep(600)")
    with pytest.raises(PackagesNotInstalled) as told:
        packages.install(["one"], tmp_path / "p", pip=words, cancel=cancel, on_line=lambda _line: cancel.set())
    assert told.value.describe(Catalogue("en"))["message"].endswith("it was stopped.")


WAY = "import json\nprint(json.dumps([words, {n: v for n, v in os.environ.items() if n.startswith('PIP_')}]))\n"


def test_checklist_07_the_proxy_and_its_password_reach_pip_where_nobody_else_reads_them(tmp_path: Path) -> None:
    lines: list[str] = []
    route = Route(base="", proxy="proxy.test:3128", proxy_password="unused")
    packages.install(["one"], tmp_path / "p", pip=pip(tmp_path, WAY), on_line=lines.append, route=route)
    assert json.loads(lines[0])[1]["PIP_PROXY"] == "http://proxy.test:3128"
    route = Route(base="", proxy="http://ann@proxy.test:3128", proxy_password="p@ss/word")
    script = pip(tmp_path, "shown = os.environ['PIP_PROXY']\nprint(words, shown)\nprint('ERROR:', shown)\nsys.exit(1)")
    with pytest.raises(PackagesNotInstalled) as told:
        packages.install(["one"], tmp_path / "p", pip=script, on_line=lines.append, route=route)
    assert "http://ann:…@proxy.test:3128" in lines[1]
    heard = " ".join([*lines, str(told.value.values), told.value.detail])
    assert "p@ss" not in heard
    assert "p%40ss" not in heard


def test_certificates_of_the_settings_are_trusted_beside_the_systems_and_a_file_without_any_is_told(
    tmp_path: Path,
) -> None:
    file = Authority().write(tmp_path / "ca.pem")
    lines: list[str] = []
    script = pip(tmp_path, "print(open(os.environ['PIP_CERT']).read().count('BEGIN CERTIFICATE'))")
    route = Route(base="", ca_file=str(file))
    packages.install(["one"], tmp_path / "p", pip=script, on_line=lines.append, route=route)
    assert int(lines[0]) > 20
    file.write_text("nothing")
    with pytest.raises(FileUnreadable):
        packages.install(["one"], tmp_path / "p", pip=script, route=route)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A package index on loopback under a certificate that only the settings' file vouches for: its port, the file."""
    authority = Authority()
    wheel = make_wheel(tmp_path / "simple" / "thing-of-mars", "thing_of_mars", "WORD = 'here'\n")
    page = f'<!doctype html><html><body><a href="{wheel.name}">{wheel.name}</a></body></html>'
    (wheel.parent / "index.html").write_text(page, encoding="utf-8")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    server.socket = authority.context("good", "index.test", "127.0.0.1").wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server.server_address[1], authority.write(tmp_path / "ca.pem")
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.slow
def test_pip_goes_through_the_proxy_of_the_settings_and_trusts_their_certificates(
    tmp_path: Path, index: tuple[int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, ca_file = index
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.test/simple/")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())
    place = tmp_path / "packages"
    with ProxyStandIn(user="ann", password="p@ss/word", routes={"index.test:443": port}) as proxy:
        way = Route(base="", proxy=f"http://ann@127.0.0.1:{proxy.port}", proxy_password="p@ss/word")
        with pytest.raises(PackagesNotInstalled):
            packages.install(["thing-of-mars"], place, route=way)
        packages.install(["thing-of-mars"], place, route=replace(way, ca_file=str(ca_file)))
    assert (place / "thing_of_mars.py").read_text(encoding="utf-8") == "WORD = 'here'\n"
