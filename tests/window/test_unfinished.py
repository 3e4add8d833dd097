"""An answer that was cut short, in a real window: kept, with why it ended, and a button that goes on, in both pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from desktop.common.texts import Catalogue
from tests.rig.scene import Scene
from tests.standins.models_api import Answer, ModelsApi
from tests.window.test_agents import begin
from tests.window.views import VIEWS, View

pytestmark = [pytest.mark.window, pytest.mark.secret_service]

SAYS = Catalogue("en").get


@pytest.fixture
def models() -> Iterator[ModelsApi]:
    with ModelsApi() as api:
        yield api


@pytest.mark.parametrize("view", sorted(VIEWS))
def test_an_answer_that_was_cut_short_goes_on_with_a_button(scene: Scene, models: ModelsApi, view: str) -> None:
    endpoint = {"id": "local", "base_url": models.base, "api": "chat_completions"}
    writer = {"kind": "assistant", "id": "writer", "endpoint": "local", "view": view}
    begin(scene, agents=[writer], endpoints=[endpoint], assistant={"titles": False})
    models.answer(Answer("One, two, thr", incomplete="length"), Answer("ee, four."))
    with scene.launch() as app:
        seen: View = VIEWS[view](scene, app)
        seen.begin()
        seen.send("count")
        app.until("why it ended", lambda: seen.at_rest() and SAYS("agent_run.cut.length") in seen.cards())
        assert "One, two, thr" in seen.words()
        seen.press(SAYS("agent_run.cut.continue"))
        app.until("the rest", lambda: seen.at_rest() and "ee, four." in seen.words())
        assert "One, two, thr" in seen.words()
        assert SAYS("agent_run.cut.continued") in seen.cards()
        assert SAYS("agent_run.cut.continue") not in seen.cards().split("\n")
    assert len(models.asked) == 2
