"""`ask --agent FILE --json`: a failure of the file has the code of the tree, and tells whether another try helps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from desktop.app.code_consent import settle
from desktop.keys import Keys, MemoryStore
from desktop.settings.origins import origin_of
from tests.commands.test_ask import Terminal
from tests.standins.models_api import KEY, ModelsApi

pytestmark = pytest.mark.slow

WRITER = "from agents import Agent\n{name} = Agent(name='{name}', instructions='Write.', model='{model}')\n"
CASES = {
    "it fails while it is loaded": ("1 / 0", "code_broken", False),
    "it fails while it answers": ("async def run_workflow(given):\n    raise ValueError('no')", "code_failed", True),
    "a file of its own is missing": ("import utils", "code_file_missing", False),
    "a package is missing": ("import weaviate", "code_package_missing", False),
    "nothing in it answers": ("x = 1", "code_unfit", False),
    "several could answer": (
        WRITER.format(name="one", model="gpt-4.1") + WRITER.format(name="two", model="gpt-4.1"),
        "code_entry_unclear",
        False,
    ),
    "its model is gone": (WRITER.format(name="agent", model="gpt-4-turbo"), "code_model_gone", False),
    "it says nothing": ("async def run_workflow(given):\n    return None", "code_silent", True),
}


def asked(tmp_path: Path, api: ModelsApi, agent: str, **options: object) -> tuple[int, dict[str, object]]:
    """The exit code and the one object of `ask`."""
    terminal = Terminal(json=True, yes=True, agent=agent, data_dir=str(tmp_path / "data"), api_base=api.base, **options)
    context = terminal.context
    keys = Keys(context.profile, context.brand.keyring_service, MemoryStore())
    keys.store.set(keys._key_entry(origin_of(api.base)), KEY)
    context.__dict__["keys"] = keys
    try:
        settle(context)
        return terminal.ask("hello"), json.loads(terminal.out.getvalue())
    finally:
        context.close()


@pytest.mark.parametrize("case", CASES)
def test_a_failure_of_the_file_has_the_code_of_its_entry(tmp_path: Path, case: str) -> None:
    text, code, retryable = CASES[case]
    file = tmp_path / "agent.py"
    file.write_text(text, encoding="utf-8")
    with ModelsApi() as api:
        exit_code, report = asked(tmp_path, api, str(file))
    assert exit_code == 1
    error = report["error"]
    assert isinstance(error, dict)
    assert (error["code"], error["retryable"]) == (code, retryable)


def test_what_answers_and_which_model_are_said_in_a_terminal(tmp_path: Path) -> None:
    file = tmp_path / "agent.py"
    file.write_text(WRITER.format(name="one", model="gpt-4-turbo") + WRITER.format(name="two", model="gpt-4-turbo"))
    with ModelsApi() as api:
        exit_code, report = asked(tmp_path, api, f"{file}:two", model=["gpt-4-turbo=gpt-4.1"])
        bodies = [call.body for call in api.calls("/v1/responses")]
    assert (exit_code, report["response"]) == (0, "You said: hello")
    assert [body["model"] for body in bodies] == ["gpt-4.1"]
