"""A yes to code in the app: which code is asked about, and where the answer is heard of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from desktop.agents.code.consent import Consents, read
from desktop.agents.code.errors import CodeConsentNeeded, CodePackageMissing
from desktop.app.code import CodeConsent
from desktop.app.windows import Windows
from desktop.openai_api.errors import ServiceDown
from desktop.settings.agents import CodeAgent, DemoAgent
from tests.pages.app_parts import Application, House


@pytest.fixture
def windows() -> Application:
    return Application()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """One with a code agent that is active, and another agent."""
    file = tmp_path / "agent.py"
    file.write_text("agent = None\n", encoding="utf-8")
    made = House(tmp_path / "house")
    made.settings.update(
        {
            "agents": [CodeAgent(id="mine", file=str(file)), DemoAgent(id="other")],
            "active_agent": "mine",
        }
    )
    yield made
    made.close()


@pytest.fixture
def consents(tmp_path: Path) -> Consents:
    return Consents(tmp_path / "consents.json")


@pytest.fixture
def code(house: House, windows: Application, consents: Consents) -> CodeConsent:
    return CodeConsent(house.services, cast(Windows, windows), lambda: consents)


def test_code_is_in_the_way_until_somebody_has_said_yes(code: CodeConsent, house: House, consents: Consents) -> None:
    assert isinstance(code.problem(), CodeConsentNeeded)
    agent = house.settings.current.agent()
    assert isinstance(agent, CodeAgent)
    consents.give(read(agent.file))
    assert code.problem() is None
    house.settings.update({"active_agent": "other"})
    assert code.problem() is None


def test_another_agents_code_takes_the_place_of_what_was_shown(code: CodeConsent, windows: Application) -> None:
    code.show("")
    assert code.asked() == ("mine", ())
    windows.asked.clear()
    code.show("mine")
    assert windows.asked == [("show", ("consent",))]
    code.show("theirs")
    assert windows.asked[1:] == [("renew", ("consent",)), ("show", ("consent",))]
    assert code.asked() == ("theirs", ())


def test_a_yes_to_the_active_agents_code_brings_the_chat(code: CodeConsent, windows: Application) -> None:
    code.is_chat_blocked = True
    code.approved("mine")
    assert windows.asked == [
        ("renew", ("chat",)),
        ("show", ("chat",)),
        ("emit", ("agents", "code.approved", {"id": "mine"})),
        ("close", ("consent",)),
    ]


def test_a_yes_to_other_code_leaves_the_chat_alone(code: CodeConsent, windows: Application) -> None:
    code.approved("theirs")
    assert windows.names() == ["emit", "close"]


@pytest.mark.parametrize(
    ("agent", "failure", "told"),
    [
        ("mine", CodeConsentNeeded(file="agent.py", digest="0"), True),
        ("mine", CodePackageMissing(file="agent.py", module="yaml", package="pyyaml"), True),
        ("mine", ServiceDown(host="api.example"), False),
        ("other", CodeConsentNeeded(file="agent.py", digest="0"), False),
    ],
)
def test_what_the_consent_page_can_mend_is_offered_over_the_chat(
    code: CodeConsent, windows: Application, agent: str, failure: Any, told: bool
) -> None:
    code.failed(agent, failure)
    assert windows.names() == (["emit"] if told else [])


def test_packages_that_are_missing_are_kept_until_they_are_there(code: CodeConsent, windows: Application) -> None:
    for package in ("pyyaml", "pyyaml", "rich"):
        code.failed("mine", CodePackageMissing(file="agent.py", module=package, package=package))
    code.show("mine")
    assert code.asked() == ("mine", ("pyyaml", "rich"))
    code.packages_installed("mine")
    assert code.asked() == ("mine", ())
