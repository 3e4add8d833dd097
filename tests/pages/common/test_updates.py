"""New versions in the pages: what the settings tell, what stands over the chat, what is not said twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop.pages.common import updates
from desktop.pages.settings.page import SettingsPage
from tests.app.test_updates import ReleasePage
from tests.pages.app_parts import House


@pytest.fixture
def releases(tmp_path: Path) -> Iterator[ReleasePage]:
    made = ReleasePage(tmp_path)
    yield made
    made.close()


def house(folder: Path, releases: ReleasePage, package: dict[str, Any] | None = None) -> House:
    made = House(
        folder,
        brand={
            "app": {"name": "Ask Fern", "version": "1.4.0"},
            "links": {"releases": releases.url},
            "package": package or {},
        },
    )
    made.settings.update({"network.ca_file": str(releases.ca), "network.timeout_seconds": 60})
    return made


def call(home: House, name: str, **params: Any) -> Any:
    method = {**updates.for_chat(home.services), **updates.for_settings(home.services)}[name]
    return method.call(method.params.model_validate(params))


def test_the_chat_is_told_once_what_is_new_and_the_brands_page_is_what_opens(
    tmp_path: Path, releases: ReleasePage
) -> None:
    home = house(tmp_path, releases)
    releases.says("1.5.0", "\n## Ferns can be pressed\n- and more")
    assert updates.look(home.services, packaged=True) == {
        "version": "1.5.0",
        "message": "Version 1.5.0 of Ask Fern is available.",
        "hint": "Ferns can be pressed",
        "action": "See what’s new",
    }
    assert updates.look(home.services, packaged=True) is None, "once a day"
    home.services.state.set_updates_checked(0)
    assert updates.look(home.services, packaged=True) is not None, "it was not put away"
    call(home, "update.open", version="1.5.0")
    assert home.app.asked == [("open_external", (releases.url,))]
    home.services.state.set_updates_checked(0)
    assert updates.look(home.services, packaged=True) is None, "it was seen"
    releases.says("1.6.0")
    home.services.state.set_updates_checked(0)
    assert updates.look(home.services, packaged=True) is not None, "another one"


def test_the_settings_check_by_hand(tmp_path: Path, releases: ReleasePage) -> None:
    home = house(tmp_path, releases)
    page = SettingsPage(home.services).page()
    assert page.methods["settings.start"].call(page.methods["settings.start"].params())["updates"] == {
        "host": "localhost",
        "automatic": True,
    }
    releases.says("1.5.0", "Ferns")
    assert call(home, "updates.check") == {"version": "1.5.0", "newer": True, "notes": "Ferns"}


def test_a_distributions_package_checks_by_hand_alone_and_one_without_a_page_not_at_all(
    tmp_path: Path, releases: ReleasePage
) -> None:
    distributed = house(tmp_path / "one", releases, {"distribution": True})
    assert updates.shown(distributed.services) == {"host": "localhost", "automatic": False}
    assert updates.look(distributed.services, packaged=True) is None
    plain = House(tmp_path / "two")
    assert updates.shown(plain.services) == {"host": "", "automatic": False}
    assert "updates.check" not in SettingsPage(plain.services).page().methods
