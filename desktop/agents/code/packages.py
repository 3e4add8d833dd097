"""Installs packages that code agents need, with pip, into a folder of the profile; never into the app.

Only on request, and only wheels: building a package would run its code. Knows no page.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from urllib.parse import quote

from desktop.agents.code.environment import clean
from desktop.agents.code.errors import PackagesNotInstalled
from desktop.common.errors import BadParams, Phrase
from desktop.common.files import ensure_private_dir
from desktop.common.locations import assets_dir, is_frozen
from desktop.openai_api.transport import Endpoint as Route
from desktop.openai_api.transport import parse_proxy, tls_context
from desktop.settings.agents import PACKAGE

ARGUMENT = "--code-agent-pip"
"""The hidden first argument that makes a packaged app run its bundled pip."""
LIMIT = 600.0
"""Seconds an installation may take."""
BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Files of trusted certificates on Linux and BSD. Python can't list a folder of them."""


def folder(profile: Path) -> Path:
    """The folder for a profile's packages; each Python version has its own."""
    return profile / "packages" / f"python{sys.version_info.major}.{sys.version_info.minor}"


def shipped() -> Path | None:
    """The folder of packages shipped with a packaged app for its agents."""
    place = assets_dir() / "agent-packages"
    return place if is_frozen() and place.is_dir() else None


def missing(wanted: Iterable[str], place: Path) -> list[str]:
    """The packages of `wanted` that are neither in the app nor in the folder. Versions are left to pip."""
    found = []
    for requirement in wanted:
        name = _name(requirement)
        own = shipped()
        if not _has(name, None) and not _has(name, place) and not (own is not None and _has(name, own)):
            found.append(requirement)
    return found


def _has(name: str, place: Path | None) -> bool:
    try:
        if place is None:
            importlib.metadata.distribution(name)
        elif not any(importlib.metadata.distributions(name=name, path=[str(place)])):
            return False
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _name(requirement: str) -> str:
    if not re.fullmatch(PACKAGE, requirement):
        raise BadParams(problem=requirement[:100])
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    return match[0] if match else requirement


def command() -> list[str]:
    """The command that runs pip for this Python version. Raises PackagesNotInstalled if there is none."""
    if not is_frozen():
        if _runs([sys.executable, "-m", "pip", "--version"]):
            return [sys.executable, "-m", "pip"]
        raise PackagesNotInstalled(file="", packages="", problem=Phrase("code.no_pip"))
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, ARGUMENT]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for name in (f"python{version}", "python3", "python", "py"):
        where = shutil.which(name)
        check = f"import sys, pip; sys.exit(sys.version_info[:2] != {tuple(sys.version_info[:2])})"
        if where and _runs([where, "-c", check]):
            return [where, "-m", "pip"]
    raise PackagesNotInstalled(file="", packages="", problem=Phrase("code.no_python", {"version": version}))


def _runs(words: list[str]) -> bool:
    try:
        done = subprocess.run(
            words, env=clean(os.environ), stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def install(
    wanted: list[str],
    place: Path,
    *,
    file: str = "",
    on_line: Callable[[str], None] = lambda _line: None,
    pip: list[str] | None = None,
    limit: float = LIMIT,
    cancel: Event | None = None,
    route: Route | None = None,
) -> None:
    """Install `wanted` into `place`. `on_line` gets pip's output. Blocks, at most until `cancel` is set. `route`: proxy
    and certificates from the settings; None for pip's own configuration. Raises PackagesNotInstalled, BadParams,
    ProxyFailed, FileUnreadable."""
    names = ", ".join(wanted)
    for requirement in wanted:
        _name(requirement)
    try:
        words = pip or command()
    except PackagesNotInstalled as error:
        raise PackagesNotInstalled(file=file, packages=names, problem=error.values["problem"]) from None
    ensure_private_dir(place)
    words = [*words, "install", "--target", str(place), "--upgrade", "--only-binary=:all:", "--no-input"]
    words += ["--disable-pip-version-check", "--no-warn-script-location", "--", *wanted]
    last = ""
    secrets = () if route is None else (route.proxy_password, quote(route.proxy_password, safe=""))
    try:
        with (
            way(route) as environ,
            subprocess.Popen(
                words,
                env=clean(os.environ) | environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            ) as running,
        ):
            ended = Event()
            threading.Thread(target=_watch, args=(running, limit, cancel, ended), daemon=True).start()
            try:
                for line in running.stdout or ():
                    said = scrubbed(line.strip(), secrets)
                    if said:
                        on_line(said)
                        last = said if not last.startswith("ERROR") else last
            finally:
                ended.set()
    except OSError as error:
        raise PackagesNotInstalled(repr(error), file=file, packages=names, problem=str(error.strerror)) from None
    if running.returncode and cancel is not None and cancel.is_set():
        raise PackagesNotInstalled("cancelled", file=file, packages=names, problem=Phrase("code.stopped"))
    if running.returncode:
        from desktop.openai_api.errors_map import scrub

        raise PackagesNotInstalled(last[:300], file=file, packages=names, problem=scrub(last)[:200] or "pip")


def scrubbed(line: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        line = line.replace(secret, "…") if secret else line
    return line


@contextmanager
def way(route: Route | None) -> Iterator[dict[str, str]]:
    """Environment variables for pip with the proxy and certificates from the settings. Not arguments, because everybody
    on the computer can read a program's arguments. Raises ProxyFailed, FileUnreadable."""
    environ: dict[str, str] = {}
    with ExitStack() as stack:
        if route is not None and route.proxy:
            proxy = parse_proxy(route.proxy, route.proxy_password)
            scheme, _, rest = proxy.url.partition("://")
            user = f"{quote(proxy.user, safe='')}:{quote(proxy.password, safe='')}@" if proxy.user else ""
            environ["PIP_PROXY"] = f"{scheme}://{user}{rest}"
        if route is not None and route.ca_file:
            folder = stack.enter_context(TemporaryDirectory(prefix="chatkit-desktop-"))
            bundle = Path(folder) / "trusted.pem"
            bundle.write_text(trusted(route.ca_file), encoding="ascii")
            # A bundle named in the environment would take precedence (requests 2.32).
            environ |= dict.fromkeys(("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"), str(bundle))
        yield environ


def trusted(ca_file: str) -> str:
    """The system's certificates (certifi's if they can't be listed) plus those of `ca_file`, as PEM. pip trusts only
    what it is given. Raises FileUnreadable."""
    import ssl

    import certifi

    tls_context(ca_file)  # raises what is wrong with it
    context = ssl.create_default_context()
    bundle = next((file for file in BUNDLES if os.path.isfile(file)), None)
    if bundle is not None:
        context.load_verify_locations(cafile=bundle)
    if not context.get_ca_certs():
        context.load_verify_locations(cafile=certifi.where())
    known = "".join(map(ssl.DER_cert_to_PEM_cert, context.get_ca_certs(binary_form=True)))
    own = Path(ca_file).read_text("ascii", "replace")  # as it is: what is no authority is not listed
    return f"{known}\n{own.replace(chr(0xFFFD), '?')}"


def _watch(running: subprocess.Popen[str], limit: float, cancel: Event | None, ended: Event) -> None:
    """End pip when its time is up or it was cancelled."""
    over = time.monotonic() + limit
    while not ended.wait(0.1):
        if time.monotonic() > over or (cancel is not None and cancel.is_set()):
            running.kill()
            return
