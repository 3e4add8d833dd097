"""The view of the chat's window: switched, kept where it can be kept, and taken over where ChatKit can't be had."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from desktop.app.chat_view import ChatView
from desktop.app.context import Context
from tests.pages.app_parts import House

DEMO = {"kind": "demo", "id": "demo"}
WORKFLOW = {"kind": "workflow", "id": "flow", "workflow_id": "wf_1234567890"}


def view_in(folder: Path, agents: list[dict[str, Any]], **parts: Any) -> tuple[ChatView, House]:
    house = House(folder, **parts)
    if agents:
        house.settings.update({"agents": agents})

    class Around(SimpleNamespace):
        """What the view reads of a context."""

        @property
        def settings(self) -> Any:
            return house.settings.current

    return ChatView(cast(Context, Around(settings_store=house.settings))), house


def test_a_switch_is_kept_with_the_agent(tmp_path: Path) -> None:
    view, house = view_in(tmp_path, [DEMO, {**DEMO, "id": "two"}])
    assert view.is_builtin
    assert view.switch()
    assert not view.is_builtin
    assert [getattr(agent, "view", "") for agent in house.settings.current.agents] == ["chatkit", "auto"]
    assert view.switch()
    assert view.is_builtin


def test_a_hosted_workflow_can_not_be_switched(tmp_path: Path) -> None:
    view, house = view_in(tmp_path, [WORKFLOW])
    before = house.settings.current
    assert not view.switch()
    assert not view.is_builtin
    assert house.settings.current == before


def test_no_agent_has_no_other_view(tmp_path: Path) -> None:
    view, _house = view_in(tmp_path, [])
    assert not view.switch()
    assert not view.is_builtin


@pytest.mark.parametrize(
    "parts",
    [
        {"brand": {"app": {"id": "fern"}, "fixed": ["agents"], "settings": {"agents": [DEMO]}}},
        {"command_line": {"agents": [DEMO]}},
    ],
)
def test_where_agents_are_fixed_a_switch_holds_for_now(tmp_path: Path, parts: Mapping[str, Any]) -> None:
    view, house = view_in(tmp_path, [], **parts)
    assert view.is_builtin
    assert view.switch()
    assert not view.is_builtin
    assert getattr(house.settings.current.agents[0], "view", "") == "auto"
    assert not house.locations.settings.is_file()
    assert view.switch()
    assert view.is_builtin


def test_where_chatkit_can_not_be_had_the_built_in_view_stands_in_until_it_is_switched(tmp_path: Path) -> None:
    view, house = view_in(tmp_path, [{**DEMO, "view": "chatkit"}])
    view.reason = "chatkit_unreachable"
    assert view.is_builtin
    assert view.switch()
    assert (view.reason, view.is_builtin) == ("", False)
    assert getattr(house.settings.current.agents[0], "view", "") == "chatkit"


def test_a_workflow_has_no_stand_in(tmp_path: Path) -> None:
    view, _house = view_in(tmp_path, [WORKFLOW])
    view.reason = "chatkit_unreachable"
    assert not view.is_builtin
