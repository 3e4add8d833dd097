"""The check of a model server tells what that server says itself, over real HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest

from desktop.pages.setup.page import SetupPage
from tests.pages.app_parts import Asked, House
from tests.standins.habits import Habits, Reply

WORDS = "model requires more system memory than is available"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, {"error": WORDS}),
        (503, {"detail": WORDS}),
        (500, [{"error": {"message": WORDS}}]),
        (400, {"message": WORDS}),
    ],
)
def test_a_server_that_can_not_answer_says_why(house: House, status: int, body: Any) -> None:
    with Habits() as server:
        server.models = Reply('{"detail": "Not Found"}', 404, "application/json")
        server.always = Reply(json.dumps(body), status, "application/json")
        ask = Asked(SetupPage(house.services).page(), house.texts)
        answer = ask("setup.check_endpoint", number=1, address=server.base, model="m")
    assert WORDS in str(answer)
