"""What the rules of a brand file let through and is a mistake all the same: characters nobody sees, names that lead
nowhere, values that one of the systems can't have. Comes before anything is drawn, fetched or imported.
"""

from __future__ import annotations

import difflib
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from desktop.common.errors import FileUnreadable
from desktop.common.files import read_limited
from desktop.common.unseen import first_unseen
from desktop.packaging import taken
from desktop.packaging.errors import BrandWrong
from desktop.packaging.plan import Plan
from desktop.packaging.taken_names import DEVICES
from desktop.settings import tree
from desktop.settings.agents import OPENAI_ENDPOINT
from desktop.settings.brand import SIZE_LIMIT
from desktop.settings.model import Settings

ONE_LINE = ("name", "label", "greeting", "placeholder", "title_text", "summary", "publisher", "copyright")
"""Settings that are shown on one line."""
LARGEST_NUMBER = 65_535
"""Of a version: Windows keeps each of its numbers in 16 bits."""
IN_THE_APP = ("assistant", "code", "demo")
"""Kinds of agents that need the agent stack."""


def check(plan: Plan) -> None:
    """Raises BrandWrong; adds notes."""
    for name, text in _texts(_values(plan), ""):
        _check_text(name, text)
    _check_name(plan.brand.app.name)
    _check_links(plan)
    taken.check(plan)
    _check_version(plan.version)
    _check_contact(plan.brand.app.contact)
    _check_settings(plan, Settings.model_validate(plan.brand.settings))


def check_files(names: Iterable[str]) -> None:
    """Whether what goes along can lie on every system: `names` are paths with slashes. Raises BrandWrong."""
    seen: dict[str, str] = {}
    for name in names:
        for part in PurePosixPath(name).parts:
            if part.split(".")[0].lower() in DEVICES:
                raise BrandWrong(
                    f"{name} can't be a file on Windows: it takes “{part}” for a device.", "Call it otherwise."
                )
            if part[-1:] in ". " or set(part) & set('<>:"|?*\\'):
                raise BrandWrong(
                    f"{name} can't be a file on Windows: its name has signs that mean something there.", ""
                )
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            raise BrandWrong(
                f"{other} and {name} are one file on Windows and macOS, where capitals don't count.", "Rename one."
            )


# --- texts ----------------------------------------------------------------------------------------


def _values(plan: Plan) -> dict[str, Any]:
    """The file's values as they are written: what the brand makes of them has been tidied."""
    try:
        return tomllib.loads(read_limited(plan.brand_file, SIZE_LIMIT).decode("utf-8-sig"))
    except (FileUnreadable, ValueError):
        raise BrandWrong(f"{plan.brand_file.name} was changed while it was read.", "Try again.") from None


def _texts(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """(dotted name, text) of every text."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, f"{name}.{key}" if name else key)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _texts(inner, f"{name}.{number}")


def _check_text(name: str, text: str) -> None:
    at = first_unseen(text)
    if at is not None:
        char = text[at]
        called = unicodedata.name(char, "a control character").lower()
        behind = " ".join(text[max(0, at - 20) : at].split())
        raise BrandWrong(
            f"{name} holds a character that can't be seen: {called} (U+{ord(char):04X})"
            + (f", behind “{behind}”." if behind and first_unseen(behind) is None else ", at its start."),
            "Type the text anew: such a character comes along when text is copied from elsewhere.",
        )
    last = name.rpartition(".")[2]
    if last in ONE_LINE and {"\n", "\t"} & set(text.strip()):
        what = "more than one line" if "\n" in text.strip() else "a tab in it"
        raise BrandWrong(f"{name} has {what}, and is shown on one.", "Write it on one line, with spaces.")
    if last == "prompt" and not text.strip():
        raise BrandWrong(f"{name} is empty: the button would send nothing.", "Write what it sends.")


def _check_name(name: str) -> None:
    if name.split(".")[0].strip().lower() in DEVICES:
        raise BrandWrong(f"app.name is “{name}”, which Windows takes for a device.", "Add a word to it.")
    if not any(unicodedata.category(char)[0] in "LNS" for char in name):
        raise BrandWrong("app.name has no letter in it: it could not be found or said.", "Give the app a name.")


# --- addresses and numbers ------------------------------------------------------------------------


def _check_version(version: str) -> None:
    for number in version.split("."):
        if int(number) > LARGEST_NUMBER:
            raise BrandWrong(
                f"The version is {version}, and Windows takes no number above {LARGEST_NUMBER} in one.",
                "A date makes 2026.11.30, a count goes last and stays below.",
            )


def _check_links(plan: Plan) -> None:
    named = {f"links.{name}": url for name, url in plan.brand.links.model_dump().items()}
    for name, url in {"app.homepage": plan.brand.app.homepage, **named}.items():
        if url.startswith("https://") and not _is_address(url):
            raise BrandWrong(f"{name} is no address that can be opened.", "It looks like https://example.org/help.")
    if plan.brand.links.releases and not plan.brand.links.releases.startswith("https://"):
        raise BrandWrong(
            "links.releases is no page: new versions are looked for there.", "It begins with https://, or is left out."
        )


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        return False
    return bool(host) and all(host.split(".")) and parts.username is None


def _check_contact(contact: str) -> None:
    local, _, domain = contact.partition("@")
    if contact and (":" in local or "," in contact or "." not in domain.strip(".") or not all(domain.split("."))):
        raise BrandWrong(
            "app.contact is no e-mail address that can be written to.",
            "It looks like hello@example.org, and is one alone.",
        )


# --- settings that lead to each other -------------------------------------------------------------


def _check_settings(plan: Plan, settings: Settings) -> None:
    agents = [agent.id for agent in settings.agents]
    if settings.active_agent:
        _is_there("settings.active_agent", settings.active_agent, agents, "agent")
    endpoints = [OPENAI_ENDPOINT, *(endpoint.id for endpoint in settings.endpoints)]
    servers = [server.id for server in settings.mcp_servers]
    for number, agent in enumerate(settings.agents):
        place = tree.join(("settings", "agents", number))
        if hasattr(agent, "endpoint"):
            _is_there(f"{place}.endpoint", agent.endpoint, endpoints, "endpoint")
        for wanted in getattr(agent, "mcp_servers", ()):
            _is_there(f"{place}.mcp_servers", wanted, servers, "MCP server")
        if agent.kind in IN_THE_APP and not plan.brand.package.agents:
            raise BrandWrong(
                f"{place} (kind “{agent.kind}”) runs in the app, and package.agents = false leaves out what it needs.",
                "Set agents = true under [package], or leave the agent out.",
            )


def _is_there(name: str, wanted: str, known: list[str], kind: str) -> None:
    if wanted in known:
        return
    near = difflib.get_close_matches(wanted, known, 1)
    hint = f"The nearest is “{near[0]}”." if near else f"There are: {', '.join(known)}." if known else "There is none."
    raise BrandWrong(f"{name} names the {kind} “{wanted[:60]}”, which is not in the file.", hint)
