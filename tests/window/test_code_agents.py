"""Code agents in a real window: the yes before anything runs, and their answers in ChatKit and in the built-in view."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop.agents.code.consent import LIST, Consents, read
from desktop.common.texts import Catalogue
from tests.agents.code.test_choices import TWO
from tests.agents.code.test_exports import ASKS, CLASSIFIER, CLASSIFY, HEAD, NODE, RUN
from tests.agents.code.wheels import make_wheel
from tests.rig.driver import Driver
from tests.rig.scene import Scene
from tests.standins.models_api import KEY, Answer, ModelsApi
from tests.window.test_agent_chat import _SAVE_KEY
from tests.window.views import VIEWS, View

pytestmark = [pytest.mark.window, pytest.mark.secret_service]

SAYS = Catalogue("en").get
NOTED = """\
import pathlib
from agents import Agent
import helpers

pathlib.Path(__file__).with_name("ran").write_text(helpers.WORD)
agent = Agent(name="Mine", instructions="Answer.", model="gpt-4.1")
"""
"""Leaves a trace as soon as it is loaded."""
LOOP = """\
async def run_workflow(workflow_input):
  if "loop" in workflow_input["input_as_text"]:
    open(__file__ + ".begun", "w").close()
    while True:
      pass
  return {"output_text": "Here again."}
"""


@pytest.fixture
def models() -> Iterator[ModelsApi]:
    with ModelsApi() as api:
        yield api


@pytest.fixture
def code(scene: Scene) -> Path:
    """The folder of the agent's file."""
    folder = scene.folder / "code"
    folder.mkdir()
    return folder


def settle(scene: Scene, models: ModelsApi, file: Path, view: str = "chatkit", **settings: Any) -> None:
    """The settings of somebody whose only agent is this file."""
    agent = {"kind": "code", "id": "mine", "name": "Mine", "file": str(file), "endpoint": "local", "view": view}
    endpoint = {"id": "local", "base_url": models.base, "api": "responses"}
    scene.profile.mkdir(parents=True, mode=0o700)
    values = {"version": 1, "agents": [agent], "endpoints": [endpoint], **settings}
    (scene.profile / "settings.json").write_text(json.dumps(values), encoding="utf-8")


def approve(scene: Scene, file: Path) -> None:
    Consents(scene.profile / LIST).give(read(file))


# --- the yes --------------------------------------------------------------------------------------


def shown_digest(app: Driver) -> str:
    return str(app.js("consent", "document.getElementById('digest').textContent"))


def test_checklist_28_source_and_hash_are_shown_and_nothing_runs_before_the_yes(
    scene: Scene, models: ModelsApi, code: Path
) -> None:
    file = code / "agent.py"
    file.write_text(NOTED)
    (code / "helpers.py").write_text("WORD = 'first'\n# \u202e turned")
    settle(scene, models, file)
    with scene.launch() as app:
        app.wait_window("consent")
        app.wait_text("consent", "pathlib.Path(__file__)")
        app.wait_text("consent", str(file))
        app.until("its hash", lambda: shown_digest(app) == read(file).digest)
        assert list(app.ask("windows")) == ["consent"]
        # No key that is pressed blindly is a yes.
        app.until("focus in the heading", lambda: app.js("consent", "document.activeElement.id") == "heading")
        app.click("consent", '[data-file="helpers.py"]')
        app.wait_text("consent", "⟨U+202E⟩ turned")

        app.click("consent", "#no")
        app.wait_no_window("consent")
        app.wait_text("chat", "agent.py has not been approved")
        assert not (code / "ran").exists()
        assert not (scene.profile / LIST).exists()

        app.click("chat", "#problem-fix")
        app.wait_window("consent")
        app.wait_text("consent", "Run agent.py?")
        (code / "helpers.py").write_text("WORD = 'second'")
        app.click("consent", "#yes")
        app.wait_text("consent", SAYS("consent.moved"))
        assert not (scene.profile / LIST).exists(), "a yes to what is not shown is none"
        app.until("what it is now", lambda: shown_digest(app) == read(file).digest)

        app.click("consent", "#yes")
        app.wait_no_window("consent")
        app.wait_call("chat.ready")
        models.answer(Answer("Good day."))
        scene.component.do("send", text="hello")
        scene.component.wait(lambda s: not s["busy"] and "Good day." in json.dumps(s["transcript"]))
        assert (code / "ran").read_text() == "second"


def tried_by_the_chat_page(app: Driver, method: str, **params: str) -> str:
    """What becomes of a call that OpenAI's script could make: the error's code, or "done"."""
    app.js(
        "chat",
        "(window.tried = '', import(new URL('../common/bridge.js', location.href).href).then(({call}) => "
        f"call({json.dumps(method)}, {json.dumps(params)})).then(() => 'done', (error) => error.code)"
        ".then((found) => (window.tried = found)), true)",
    )
    return str(app.until("an answer", lambda: app.js("chat", "window.tried")))


@pytest.mark.parametrize("view", sorted(VIEWS))
def test_checklist_28_a_file_that_changes_meanwhile_asks_again_and_the_chat_goes_on(
    scene: Scene, models: ModelsApi, code: Path, view: str
) -> None:
    file = code / "agent.py"
    file.write_text(NOTED)
    (code / "helpers.py").write_text("WORD = 'first'")
    with launch(scene, models, file, view) as app:
        seen: View = VIEWS[view](scene, app)
        seen.begin()
        (code / "helpers.py").write_text("WORD = 'other'")
        seen.send("hello")
        app.wait_window("consent")  # by itself, and the message waits
        app.ask("close", "consent")
        app.wait_no_window("consent")
        app.wait_text("chat", SAYS("code.waits"))
        app.until("at rest", seen.at_rest)
        assert not (code / "ran").exists() or (code / "ran").read_text() == "first"
        app.click("chat", "#notices button:not(.more-about)")
        app.wait_window("consent")
        app.wait_text("consent", "agent.py has changed")
        app.wait_text("consent", SAYS("consent.changes_changed", files="helpers.py"))
        app.wait_text("consent", "WORD = 'other'")
        assert tried_by_the_chat_page(app, "consent.approve", digest=shown_digest(app)) == "unknown_method"
        assert tried_by_the_chat_page(app, "consent.start") == "unknown_method"
        assert Consents(scene.profile / LIST).problem(file) is not None
        app.click("consent", "#yes")
        app.wait_no_window("consent")
        app.until("the line is gone", lambda: app.js("chat", "!document.getElementById('notices').childElementCount"))
        models.answer(Answer("Good day."))
        (code / "helpers.py").write_text("WORD = 'third'")
        seen.send("hello again")
        app.wait_window("consent")
        lines = "[...document.querySelectorAll('#code > div')].map((line) => line.textContent)"
        app.until("both lines", lambda: app.js("consent", lines) == ["−WORD = 'other'", "+WORD = 'third'"])
        app.click("consent", "#yes")
        app.until("the answer", lambda: seen.at_rest() and "Good day." in seen.words())
        assert (code / "ran").read_text() == "third"
        assert "consent" not in app.ask("windows")


def test_what_can_not_be_run_is_a_sentence_and_the_page_for_agents_says_how_a_file_stands(
    scene: Scene, models: ModelsApi, code: Path
) -> None:
    file = code / "agent.py"
    file.write_text("def f(:")
    settle(scene, models, file)
    with scene.launch() as app:
        app.wait_window("consent")
        app.wait_text("consent", "agent.py is not valid Python; error in line 1")
        assert app.js("consent", "document.getElementById('yes').hidden")
        file.write_text("import wordcloud\nfrom agents import Agent\nagent = Agent(name='Mine')")
        app.click("consent", "#again")
        app.wait_text("consent", SAYS("consent.missing", packages="wordcloud"))
        app.click("consent", "#agents")
        app.wait_window("agents")
        app.wait_text("agents", SAYS("agents.code_new"))
        app.click("consent", "#yes")
        app.wait_no_window("consent")
        app.wait_text("agents", SAYS("agents.code_approved"))
        app.click("agents", "#code-revoke")
        app.wait_text("agents", SAYS("agents.code_new"))
        assert Consents(scene.profile / LIST).problem(file) is not None


def test_a_package_that_is_missed_in_the_middle_is_installed_from_the_window(
    scene: Scene, models: ModelsApi, code: Path
) -> None:
    make_wheel(scene.folder / "wheels", "youtube_transcript_api", "WORD = 'Ares'")
    scene.environ |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(scene.folder / "wheels")}
    file = code / "export.py"
    # What no look at the imports can see.
    file.write_text(
        "from importlib import import_module\n"
        "async def run_workflow(workflow_input):\n"
        "  return {'output_text': 'It is ' + import_module('youtube_transcript_api').WORD}\n"
    )
    with launch(scene, models, file, "chatkit") as app:
        seen: View = VIEWS["chatkit"](scene, app)
        seen.begin()
        seen.send("Which one is it?")
        app.wait_text("chat", "needs the package youtube-transcript-api")
        app.until("at rest", seen.at_rest)
        app.click("chat", "#notices button:not(.more-about)")
        app.wait_window("consent")
        app.wait_text("consent", SAYS("consent.missing", packages="youtube-transcript-api"))
        app.click("consent", "#install")
        app.wait_text("consent", SAYS("consent.installed"))
        app.until("the line is gone", lambda: app.js("chat", "!document.getElementById('notices').childElementCount"))
        app.click("consent", "#no")
        app.wait_no_window("consent")
        seen.send("And now?")
        app.until("the answer", lambda: seen.at_rest() and "It is Ares" in seen.words())


# --- from a terminal ------------------------------------------------------------------------------


def smoked(scene: Scene, *words: str) -> tuple[int, dict[str, Any]]:
    done = scene.command("smoke", "--json", *words, limit=120)
    assert done.stdout.count("\n") == 1, done.stderr
    return done.returncode, dict(json.loads(done.stdout))


def test_smoke_opens_the_window_with_a_file_and_says_what_it_answers_or_why_it_does_not(
    scene: Scene, models: ModelsApi, code: Path
) -> None:
    scene.options += ["--api-base", models.base]
    scene.python(_SAVE_KEY, models.base, KEY, *scene.arguments)
    file = code / "agent.py"
    file.write_text("from agents import Agent\nagent = Agent(name='Mine', model='gpt-4.1')")
    words = ("--agent", str(file), "--say", "hello")
    exit_code, report = smoked(scene, *words)
    assert (exit_code, report["error"]["code"]) == (1, "code_consent_needed")
    assert models.asked == []
    models.answer(Answer("Good day."))
    exit_code, report = smoked(scene, *words, "--yes")
    assert (exit_code, report["ok"], report["answer"], report["errors"]) == (0, True, "Good day.", [])
    file.write_text("from agents import Agent\nagent = Agent(name=1 / 0)")
    exit_code, report = smoked(scene, *words, "--yes")
    assert (exit_code, report["ok"], [one["code"] for one in report["errors"]]) == (1, False, ["code_broken"])
    assert "line 2" in report["errors"][0]["message"]


def test_a_file_named_at_the_start_is_asked_about_in_the_window_and_kept_for_the_next_time(
    scene: Scene, models: ModelsApi, code: Path
) -> None:
    scene.options += ["--api-base", models.base]
    scene.python(_SAVE_KEY, models.base, KEY, *scene.arguments)
    file = code / "agent.py"
    file.write_text("from agents import Agent\nagent = Agent(name='Mine', model='gpt-4.1')")
    with scene.launch("--agent", str(file)) as app:
        app.wait_window("consent")
        app.wait_call("consent.file")
        assert app.js("consent", "document.getElementById('choose').hidden"), "the file was named; it is this one"
        app.click("consent", "#yes")
        app.wait_no_window("consent")
        app.wait_call("builtin.ready")
        app.fill("chat", "#text", "hello")
        app.click("chat", "#send")
        app.wait_text("chat", "You said: hello")
    with scene.launch("--agent", str(file)) as app:
        app.wait_text("chat", "You said: hello")
        assert "consent" not in app.ask("windows")
    assert not (scene.profile / "settings.json").exists() or not scene.settings().get("agents")


# --- answers, in both views -----------------------------------------------------------------------


@pytest.fixture(params=sorted(VIEWS))
def view(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def launch(scene: Scene, models: ModelsApi, file: Path, view: str) -> Driver:
    settle(scene, models, file, view)
    approve(scene, file)
    return scene.launch()


def test_an_exports_steps_are_seen_its_structured_output_is_not_and_its_words_come_as_they_are_made(
    scene: Scene, models: ModelsApi, code: Path, view: str
) -> None:
    file = code / "export.py"
    file.write_text(HEAD + CLASSIFIER + RUN + CLASSIFY + NODE)
    models.answer(
        Answer('{"category": "weather"}'),
        Answer(pieces=("Sunny ", "and ", "dry ", "until ", "Sunday."), hold_after=3),
    )
    with launch(scene, models, file, view) as app:
        seen: View = VIEWS[view](scene, app)
        seen.begin()
        seen.send("How is the weather?")
        # Three pieces are in sight while the model still holds the rest back: the run can't have ended.
        app.until("the first words", lambda: "Sunny and dry" in seen.words())
        assert not seen.at_rest()
        app.until("the step of the classifier", lambda: any("Classify" in one for one in seen.steps()))
        models.release()
        app.until("the end", lambda: seen.at_rest() and "until Sunday." in seen.words())
        assert "category" not in seen.words()
        app.until("the run has ended", lambda: not app.ask("state")["answering"])


def test_an_approval_is_asked_for_twice_and_a_denied_one_stops_what_it_was_for(
    scene: Scene, models: ModelsApi, code: Path, view: str
) -> None:
    file = code / "export.py"
    file.write_text(ASKS)
    models.always(Answer("Written."))
    with launch(scene, models, file, view) as app:
        seen: View = VIEWS[view](scene, app)
        seen.begin()
        seen.send("Write a letter")
        app.until("the first question", lambda: seen.asks("Shall I write?"))
        assert models.asked == []
        seen.say("approved")
        app.until("the second question", lambda: seen.asks("Send it as well?"))
        assert "Written." in seen.words()
        if view == "builtin":
            # Who pressed the button with the keyboard goes on from the card, not from the top of the page.
            held = "document.activeElement.closest('.item')?.innerText ?? ''"
            app.until("focus in the card", lambda: SAYS("code.approved") in app.js("chat", held))
        seen.say("approved")
        app.until("the end", lambda: seen.at_rest() and "Sent." in seen.words())
        app.until("two yes", lambda: seen.cards().count(SAYS("code.approved")) == 2)
        asked = len(models.asked)

        seen.send("Another one")
        app.until(
            "the third question", lambda: seen.asks("Shall I write?") and seen.cards().count("Shall I write?") == 2
        )
        seen.say("rejected" if view == "chatkit" else "denied")
        app.until("the end", lambda: seen.at_rest() and "Then not." in seen.words())
        assert SAYS("code.rejected") in seen.cards()
        assert len(models.asked) == asked, "nothing was written"


def test_a_busy_loop_holds_up_no_window_and_after_stop_the_next_message_is_answered(
    scene: Scene, models: ModelsApi, code: Path, view: str
) -> None:
    file = code / "export.py"
    file.write_text(LOOP)
    with launch(scene, models, file, view) as app:
        seen: View = VIEWS[view](scene, app)
        seen.begin()
        seen.send("loop")
        app.until("the loop", (code / "export.py.begun").exists)
        app.ask("show", "settings")
        app.wait_window("settings")
        app.wait_call("settings.start")
        assert not seen.at_rest()
        seen.stop()
        app.until("at rest", lambda: seen.at_rest() and not app.ask("state")["answering"])
        seen.send("and now")
        app.until("an answer", lambda: seen.at_rest() and "Here again." in seen.words())


def test_what_is_chosen_on_a_card_takes_the_failure_away_that_asked_for_it(
    scene: Scene, models: ModelsApi, code: Path
) -> None:
    file = code / "agent.py"
    file.write_text(TWO)
    settle(scene, models, file, "builtin")
    approve(scene, file)
    failure = "document.querySelectorAll('[role=alert].banner').length"
    with scene.launch() as app:
        seen = VIEWS["builtin"](scene, app)
        seen.begin()
        seen.send("hello")
        app.until("the choice, and why", lambda: seen.at_rest() and app.js("chat", failure) == 1)
        assert SAYS("code.which_entry") in seen.cards()
        models.answer(Answer("Good day."))
        seen.press("support")
        app.until("the answer", lambda: seen.at_rest() and "Good day." in seen.words())
        assert app.js("chat", failure) == 0
        assert SAYS("code.chosen", choice="support") in seen.cards()


def test_steps_without_a_thought_are_not_called_one(scene: Scene, models: ModelsApi, code: Path) -> None:
    file = code / "agent.py"
    file.write_text(HEAD + RUN + NODE + '    return {"output_text": "Done."}\n')
    settle(scene, models, file, "builtin")
    approve(scene, file)
    models.always(Answer("Good day."))
    with scene.launch() as app:
        seen = VIEWS["builtin"](scene, app)
        seen.begin()
        seen.send("hello")
        app.until("the answer", lambda: seen.at_rest() and "Good day." in seen.words())
        assert SAYS("builtin.worked_for", seconds="").strip()[:6] in app.text("chat")
        assert SAYS("builtin.thought_for", seconds="").strip()[:7] not in app.text("chat")
