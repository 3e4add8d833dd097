"""The built-in view in a real window, with the demo behind it: what a person types, sees, keeps and finds again."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from desktop.common.texts import Catalogue
from tests.rig.driver import Driver
from tests.rig.scene import Scene, kill
from tests.standins.habits import Habits, Reply, chat

pytestmark = [pytest.mark.window, pytest.mark.secret_service]

SAYS = Catalogue("en").get

FILES = """(() => {
  const files = new DataTransfer();
  for (const [name, type, content] of %s) files.items.add(new File([content], name, {type}));
  dispatchEvent(new DragEvent("drop", {dataTransfer: files, bubbles: true, cancelable: true}));
  return true;
})()"""


def settle(scene: Scene, **settings: Any) -> None:
    scene.profile.mkdir(parents=True, mode=0o700)
    values = {"version": 1, "agents": [{"kind": "demo", "id": "demo"}], "assistant": {"builtin_view": True}, **settings}
    (scene.profile / "settings.json").write_text(json.dumps(values), encoding="utf-8")


def begin(scene: Scene, app: Driver) -> None:
    """Until the page can be used."""
    app.wait_call("builtin.ready")


def press(app: Driver, *keys: str) -> None:
    """In the only window there is: its title follows the chat."""
    app.press("", *keys)


def at_rest(app: Driver) -> bool:
    return bool(app.js("chat", "document.getElementById('stop').hidden && !document.querySelector('.sending')"))


def answers(app: Driver) -> list[str]:
    return list(app.js("chat", "[...document.querySelectorAll('.answer .body')].map(one => one.innerText)"))


def say(app: Driver, text: str) -> None:
    """Sends a message and waits for the end of its answer."""
    said = "document.querySelectorAll('.item.said').length"
    before = app.js("chat", said)
    app.fill("chat", "#text", text)
    app.click("chat", "#send")
    app.until("an answer", lambda: app.js("chat", said) > before and at_rest(app))


def new_chat(app: Driver) -> None:
    """By its keys, once the chat before has gone."""
    press(app, "ctrl+n")
    app.until("an empty chat", lambda: app.js("chat", "!document.querySelector('.item.said')"))


def until_focused(app: Driver, wanted: str) -> None:
    app.until(f"focus in {wanted}", lambda: focused(app) == wanted)


def on_a_chat(app: Driver) -> bool:
    """Whether the focus is on a chat in the list."""
    return bool(app.js("chat", "document.activeElement.matches('#threads .open')"))


def focused(app: Driver) -> str:
    return str(app.js("chat", "document.activeElement?.id ?? ''"))


def chats(app: Driver) -> list[str]:
    return list(app.js("chat", "[...document.querySelectorAll('#threads .open')].map(one => one.textContent)"))


def nothing_refused(app: Driver) -> bool:
    return "csp_violations" not in app.ask("state")["diagnostics"] and "page" not in [
        call["params"]["code"] for call in app.ask("calls", 0) if call["method"] == "builtin.problem"
    ]


# --- writing and answers ------------------------------------------------------------------------------------


def test_a_typed_message_is_answered_in_markdown(scene: Scene) -> None:
    settle(scene)
    with scene.launch() as app:
        begin(scene, app)
        until_focused(app, "text")
        app.type_keys("", "markdown")
        press(app, "shift+Return")
        app.type_keys("", "again")
        app.wait_value("chat", "#text", "markdown\nagain")
        press(app, "Return")
        app.until(
            "the answer", lambda: at_rest(app) and app.js("chat", "document.querySelectorAll('.markdown pre').length")
        )
        assert app.js("chat", "document.querySelector('.code-language').textContent") == "python"
        assert app.js("chat", "document.querySelectorAll('.markdown table tr').length") == 3
        assert app.js("chat", "document.querySelectorAll('.markdown .rest')[0]?.textContent.trim() ?? ''") == ""
        assert app.js("chat", "document.getElementById('text').value") == ""
        until_focused(app, "text")
        app.until("the window's title", lambda: app.ask("windows")["chat"]["title"].startswith("markdown again"))
        assert nothing_refused(app)


def test_what_is_hostile_in_a_message_stays_text(scene: Scene) -> None:
    settle(scene)
    with scene.launch() as app:
        begin(scene, app)
        say(app, '<img src=x onerror="window.pwned=1"><script>window.pwned=2</script>[a](javascript:window.pwned=3)')
        app.until("its words", lambda: "<script>" in answers(app)[-1])
        assert app.js("chat", "document.querySelectorAll('#thread img, #thread script, #thread a[href]').length") == 0
        assert app.js("chat", "window.pwned === undefined")
        assert nothing_refused(app)


def test_who_scrolls_up_while_an_answer_is_written_is_left_there_until_going_to_its_end_again(scene: Scene) -> None:
    settle(scene)
    with scene.launch(environ={"RIG_AGENTS": json.dumps({"chunk": 0.015})}) as app:
        begin(scene, app)
        box = "(({scrollTop: top, scrollHeight: all, clientHeight: seen}) => %s)(document.getElementById('scroll'))"
        app.fill("chat", "#text", "long")
        press(app, "Return")
        app.until("more than is seen", lambda: app.js("chat", box % "all > seen + 150"))
        app.until("its end in view", lambda: app.js("chat", box % "top > 0 && all - top - seen < 100"))
        was = app.js("chat", "(one => (one.scrollTop = 0, one.scrollHeight))(document.getElementById('scroll'))")
        app.until("more of it", lambda: app.js("chat", box % "all") > was + 60)
        assert app.js("chat", box % "top") == 0
        app.js("chat", "(one => (one.scrollTop = one.scrollHeight, true))(document.getElementById('scroll'))")
        app.until("the whole answer", lambda: at_rest(app))
        app.until("its end", lambda: app.js("chat", box % "top > 0 && all - top - seen < 100"))


def test_escape_stops_an_answer_and_what_was_said_stays(scene: Scene) -> None:
    settle(scene)
    with scene.launch(environ={"RIG_AGENTS": json.dumps({"chunk": 0.05})}) as app:
        begin(scene, app)
        app.fill("chat", "#text", "long")
        press(app, "Return")
        app.until("some words", lambda: len((answers(app) or [""])[-1]) > 40)
        press(app, "Escape")
        app.until("at rest", lambda: at_rest(app))
        said = answers(app)[-1]
        assert 40 < len(said) < len(SAYS("agent_run.demo.long")) * 11
        until_focused(app, "text")
    with scene.launch() as app:
        begin(scene, app)
        app.until("the chat again", lambda: answers(app))
        kept = answers(app)[-1].strip()
        assert kept.startswith(said.strip()[:40])
        assert len(kept) < len(SAYS("agent_run.demo.long")) * 11


def test_an_answer_that_failed_is_tried_again(scene: Scene) -> None:
    settle(scene)
    with scene.launch() as app:
        begin(scene, app)
        say(app, "error")
        app.click("chat", ".items > .banner > button")
        app.until("the second try", lambda: at_rest(app) and SAYS("agent_run.demo.retried") in "".join(answers(app)))
        assert app.js("chat", "document.querySelectorAll('.items > .banner').length") == 0
        assert len(answers(app)) == 1
        assert app.js("chat", "document.querySelectorAll('.said').length") == 1


def test_a_widget_a_question_and_steps_can_be_used(scene: Scene) -> None:
    settle(scene)
    with scene.launch() as app:
        begin(scene, app)
        say(app, "widget")
        app.click("chat", ".widget button.primary")
        app.wait_text("chat", SAYS("agent_run.demo.pressed"))
        app.until(
            "pressed", lambda: app.js("chat", "document.querySelector('.widget button').disabled") and at_rest(app)
        )
        say(app, "question")
        app.click("chat", ".widget input[type=radio]")
        app.click("chat", "form.widget button[type=submit]")
        app.wait_text("chat", SAYS("agent_run.demo.answered"))
        app.until("at rest", lambda: at_rest(app))
        assert app.js("chat", "document.querySelector('dl.widget dd').textContent") == "Spring"
        say(app, "steps")
        assert app.js("chat", "document.querySelector('.steps summary').innerText.trim()") == SAYS(
            "agent_run.demo.steps"
        )
        assert app.js("chat", "document.querySelectorAll('.steps .tasks > li').length") == 3
        app.until("sources", lambda: app.js("chat", "document.querySelector('.sources a')?.target") == "_blank")
        assert nothing_refused(app)


def test_a_rating_is_kept(scene: Scene) -> None:
    settle(scene)
    pressed = "[...document.querySelectorAll('.deeds [aria-pressed]')].map(one => one.getAttribute('aria-pressed'))"
    with scene.launch() as app:
        begin(scene, app)
        say(app, "help")
        for thumb, then in ((":nth-of-type(3)", ["false", "true"]), ("", ["true", "false"])):
            since = app.calls_so_far()
            app.click("chat", f".answer .deeds [aria-pressed]{thumb}")
            app.wait_call("chatkit.request", since=since)
            app.until("rated", partial(lambda then: app.js("chat", pressed) == then, then))
    with scene.launch() as app:
        begin(scene, app)
        app.until("rated before", lambda: app.js("chat", pressed) == ["true", "false"])


# --- nothing typed is lost --------------------------------------------------------------------------------------


def test_an_empty_message_and_one_over_the_limit_are_refused_with_a_sentence(scene: Scene) -> None:
    settle(scene, assistant={"builtin_view": True, "message_limit": 100})
    with scene.launch() as app:
        begin(scene, app)
        until_focused(app, "text")
        press(app, "Return")
        app.wait_text("chat", SAYS("builtin.empty"))
        app.fill("chat", "#text", "🌱" * 101)
        press(app, "Return")
        app.wait_text("chat", SAYS("builtin.too_long_file", length="101", limit="100"))
        assert app.js("chat", "document.getElementById('text').value.length") == 202
        app.fill("chat", "#text", "🌱" * 100)
        press(app, "Return")
        app.until("taken", lambda: at_rest(app) and answers(app))
        assert [call for call in app.ask("calls", 0) if call["method"] == "chatkit.request" and call["error"]] == []


PASTE = """(() => {
  const clipboardData = new DataTransfer();
  clipboardData.setData('text/plain', %s);
  document.getElementById('text').dispatchEvent(new ClipboardEvent('paste', {clipboardData, cancelable: true}));
  return true;
})()"""


def test_text_over_the_limit_goes_as_a_file(scene: Scene) -> None:
    settle(scene, assistant={"builtin_view": True, "message_limit": 100})
    with scene.launch() as app:
        begin(scene, app)
        app.fill("chat", "#text", "word " * 30)
        app.click("chat", "#send")
        app.click("chat", "#as-file")
        app.wait_call("attachment.end")
        app.wait_value("chat", "#text", "")
        since = app.calls_so_far()
        app.js("chat", PASTE % json.dumps("pasted " * 5000))
        app.wait_call("attachment.end", since=since)
        assert app.js("chat", "document.getElementById('text').value") == ""
        app.fill("chat", "#text", "look at this")
        app.click("chat", "#send")
        app.until("sent", lambda: at_rest(app) and answers(app))
        assert app.js("chat", "document.querySelectorAll('.said .files li').length") == 2


def test_the_look_that_is_chosen_for_chats_holds_here(scene: Scene) -> None:
    typography = {"base_size": 18}
    theme = {"scheme": "light", "radius": "sharp", "density": "compact", "typography": typography}
    settle(scene, chat={"theme": theme | {"light": {"accent": {"primary": "#7c3aed"}}}})
    with scene.launch() as app:
        begin(scene, app)
        say(app, "help")
        style = "getComputedStyle(document.querySelector('.said .bubble')).%s"
        assert app.js("chat", style % "borderTopLeftRadius") == "0px"
        assert app.js("chat", style % "paddingTop") == "6px"
        assert app.js("chat", style % "fontSize") == "18px"
        # What is ready to be sent has the accent.
        app.fill("chat", "#text", "more")
        sends = "getComputedStyle(document.getElementById('send')).backgroundColor"
        app.until("the accent", lambda: app.js("chat", sends) == "rgb(124, 58, 237)")
        app.ask("update", {"chat.theme.radius": "pill", "chat.theme.density": "spacious"})
        app.until("another one", lambda: app.js("chat", style % "borderTopLeftRadius") == "22px")
        assert app.js("chat", style % "paddingTop") == "14px"


def test_a_message_that_was_not_taken_is_back_where_it_was_written(scene: Scene) -> None:
    settle(scene)
    with scene.launch() as app:
        begin(scene, app)
        say(app, "help")
        thread = app.until("remembered", lambda: scene.state()["last_threads"]["demo"])
        # Deleted behind the page's back: the page sends, the app refuses.
        scene.python(_DELETE, str(scene.profile), thread)
        app.fill("chat", "#text", "and then")
        app.click("chat", "#send")
        app.until("a sentence", lambda: app.js("chat", "!document.getElementById('composer-error').hidden"))
        app.wait_value("chat", "#text", "and then")
        assert app.js("chat", "document.querySelectorAll('.said').length") == 1
        until_focused(app, "text")


_DELETE = """
import asyncio, sys
from pathlib import Path
from desktop.agents.chatkit.context import RequestContext
from desktop.agents.store.threads import SqliteStore
from desktop.common.locations import Locations
store = SqliteStore(Locations(Path(sys.argv[1])).threads)
asyncio.run(store.delete_thread(sys.argv[2], RequestContext("demo", "u")))
store.close()
"""


def test_drafts_stay_with_their_chats(scene: Scene) -> None:
    settle(scene)
    with scene.launch() as app:
        begin(scene, app)
        say(app, "help")
        app.fill("chat", "#text", "half a thought")
        new_chat(app)
        app.wait_value("chat", "#text", "")
        until_focused(app, "text")
        app.fill("chat", "#text", "another one")
        app.click("chat", "#threads .open")
        app.wait_value("chat", "#text", "half a thought")
        app.ask("emit", "chat", "chat.new", {})
        app.wait_value("chat", "#text", "another one")
        app.ask("emit", "chat", "prompt.handed_over", {"text": "from outside"})
        app.wait_value("chat", "#text", "another one\n\nfrom outside")


# --- files ---------------------------------------------------------------------------------------------------------


def test_files_go_with_a_message_and_those_that_can_not_say_why(scene: Scene) -> None:
    settle(scene)
    with scene.launch() as app:
        begin(scene, app)
        files = [["notes.txt", "text/plain", "some notes"], ["tool.zip", "application/zip", "PK\u0003\u0004"]]
        app.js("chat", FILES % json.dumps(files))
        app.wait_call("attachment.end")
        app.wait_text("chat", "tool.zip", SAYS("errors.attachment_type.hint"))
        app.fill("chat", "#text", "look at this")
        app.click("chat", "#send")
        app.wait_text("chat", "tool.zip was not sent.")
        app.until("sent", lambda: at_rest(app) and answers(app))
        assert app.js("chat", "document.querySelector('.said .files').innerText.trim()") == "notes.txt"
        assert app.js("chat", "document.getElementById('files').hidden")


# --- the chats -----------------------------------------------------------------------------------------------------


def test_chats_are_found_renamed_and_deleted_by_keyboard(scene: Scene) -> None:
    settle(scene)
    with scene.launch() as app:
        begin(scene, app)
        say(app, "help with gardens")
        new_chat(app)
        say(app, "markdown of seas")
        app.until("listed", lambda: chats(app) == ["markdown of seas", "help with gardens"])

        app.ask("emit", "chat", "chat.history", {})
        until_focused(app, "search")
        app.type_keys("", "gard")
        app.until("found", lambda: app.js("chat", "document.querySelector('#found mark')?.textContent") == "gard")
        press(app, "Down", "Return")
        app.until(
            "opened", lambda: app.js("chat", "document.getElementById('title').textContent") == "help with gardens"
        )

        # An opened chat takes the focus to its composer, once it is there.
        until_focused(app, "text")
        app.focus_field("chat", "#search")
        press(app, "Escape")
        app.until("all of them", lambda: not app.js("chat", "document.getElementById('threads').hidden"))
        press(app, "Down", "Down")
        app.until("focus on a chat", lambda: on_a_chat(app))
        press(app, "F2")
        app.until("a field", lambda: app.js("chat", "!!document.querySelector('.renaming input')"))
        app.type_keys("", "Winter")
        press(app, "Return")
        app.until("renamed", lambda: chats(app) == ["markdown of seas", "Winter"])
        app.until("the window follows", lambda: app.ask("windows")["chat"]["title"].startswith("Winter"))

        app.until("focus on a chat", lambda: on_a_chat(app))
        press(app, "Delete")
        app.until("a question", lambda: app.js("chat", "document.getElementById('question-dialog').open"))
        press(app, "Escape")
        app.until("no", lambda: not app.js("chat", "document.getElementById('question-dialog').open"))
        assert chats(app) == ["markdown of seas", "Winter"]
        app.until("focus on a chat", lambda: on_a_chat(app))
        press(app, "Delete")
        app.click("chat", "#question-yes")
        app.until("deleted", lambda: chats(app) == ["markdown of seas"])
        app.until("a new chat in its place", lambda: not app.js("chat", "document.getElementById('start').hidden"))


def test_many_chats_come_while_one_scrolls(scene: Scene) -> None:
    settle(scene)
    scene.python(_MANY, str(scene.profile), "300")
    with scene.launch() as app:
        begin(scene, app)
        app.until("the first ones", lambda: chats(app))
        seen: set[str] = set()

        def scrolled() -> bool:
            app.js("chat", "(document.getElementById('history-scroll').scrollTop += 400, true)")
            seen.update(chats(app))
            return len(seen) == 300

        app.until("all of them", scrolled)
        assert len(chats(app)) < 100, "those out of sight are not in the page"
        app.focus_field("chat", "#search")
        press(app, "Down")
        press(app, "End")
        last = "document.activeElement.textContent"
        app.until("the last one", lambda: app.js("chat", last).startswith("Chat number 299 "))


_MANY = """
import asyncio, datetime, sys
from pathlib import Path
from chatkit.types import ThreadMetadata
from desktop.agents.chatkit.context import RequestContext
from desktop.agents.store.threads import SqliteStore
from desktop.common.locations import Locations
context = RequestContext("demo", "u")
store = SqliteStore(Locations(Path(sys.argv[1])).threads)
async def fill():
    for number in range(int(sys.argv[2])):
        when = datetime.datetime.now() - datetime.timedelta(hours=number)
        await store.save_thread(ThreadMetadata(id=store.generate_thread_id(context), created_at=when,
                                               title=f"Chat number {number} of many with a rather long title"), context)
asyncio.run(fill())
store.close()
"""


def test_an_answer_goes_on_while_another_chat_is_shown(scene: Scene) -> None:
    settle(scene)
    with scene.launch() as app:
        begin(scene, app)
        app.fill("chat", "#text", "long one")
        press(app, "Return")
        app.until("some words", lambda: len((answers(app) or [""])[-1]) > 20)
        new_chat(app)
        say(app, "help")
        app.until("two chats", lambda: len(chats(app)) == 2)
        app.click("chat", "#threads li:last-child .open")
        app.until(
            "all of it",
            lambda: at_rest(app) and "".join(answers(app)).count(SAYS("agent_run.demo.long").split(";")[0]) == 12,
        )


# --- beside ChatKit ---------------------------------------------------------------------------------------------------


def test_drafts_last_over_a_kill_each_with_its_chat(scene: Scene) -> None:
    settle(scene)
    with scene.launch() as app:
        begin(scene, app)
        say(app, "help")
        thread = app.until("remembered", lambda: scene.state()["last_threads"]["demo"])
        app.fill("chat", "#text", "an answer to that")
        press(app, "ctrl+n")
        app.until("a new chat", lambda: app.js("chat", "document.getElementById('text').value") == "")
        app.fill("chat", "#text", "half a thought")
        app.until("kept", lambda: "half a thought" in (scene.profile / "drafts.json").read_text())
        kill(app)
    with scene.launch() as app:
        begin(scene, app)
        app.wait_value("chat", "#text", "half a thought")
        app.ask("emit", "chat", "chat.open", {"agent": "demo", "id": thread})
        app.wait_value("chat", "#text", "an answer to that")
        press(app, "ctrl+n")
        app.wait_value("chat", "#text", "half a thought")
        app.click("chat", "#send")
        app.until("an answer", lambda: at_rest(app) and answers(app))
        app.until("no draft any more", lambda: "half" not in (scene.profile / "drafts.json").read_text())
        assert json.loads((scene.profile / "drafts.json").read_text())["drafts"] == [
            {"agent": "demo", "chat": thread, "text": "an answer to that"}
        ]


def test_the_menu_shows_the_open_chat_in_chatkit_and_back(scene: Scene) -> None:
    settle(scene, assistant={}, chat={"reopen_last_thread": False})
    with scene.launch() as app:
        begin(scene, app)
        say(app, "help")
        thread = app.until("remembered", lambda: scene.state()["last_threads"]["demo"])
        app.fill("chat", "#text", "half a thought")
        press(app, "ctrl+shift+b")
        app.wait_call("chat.ready")
        scene.component.wait(lambda state: state["composer"] == "half a thought" and state["thread"] == thread)
        assert scene.settings()["agents"][0]["view"] == "chatkit"

        since = app.calls_so_far()
        press(app, "ctrl+shift+b")
        app.wait_call("builtin.ready", since=since)
        app.until("the chat", lambda: "markdown" in "".join(answers(app)))
        assert scene.settings()["agents"][0]["view"] == "builtin"


def test_where_chatkit_can_not_be_had_the_view_comes_by_itself(scene: Scene) -> None:
    settle(scene, agents=[{"kind": "demo", "id": "demo", "view": "chatkit"}], assistant={})
    scene.options += ["--component-url", "http://127.0.0.1:9/none.js"]
    with scene.launch() as app:
        begin(scene, app)
        app.wait_text("chat", SAYS("builtin.why_unreachable"), SAYS("builtin.try_again"))
        say(app, "help")
        assert "markdown" in answers(app)[-1]


def test_a_narrow_window_has_its_chats_in_a_drawer(scene: Scene) -> None:
    settle(scene)
    scene.profile.joinpath("state.json").write_text(
        json.dumps({"places": {"chat": {"x": 0, "y": 0, "width": 380, "height": 700, "maximized": False}}})
    )
    with scene.launch() as app:
        begin(scene, app)
        if app.js("chat", "innerWidth") >= 860:
            window = app.raise_window("")
            app.xdotool("windowsize", window, "380", "700")
        app.until("narrow", lambda: app.js("chat", "innerWidth < 860 && document.getElementById('history').hidden"))
        app.click("chat", "#history-open")
        until_focused(app, "search")
        assert app.js("chat", "document.getElementById('main').inert")
        press(app, "Escape")
        app.until("closed", lambda: app.js("chat", "document.getElementById('history').hidden"))
        until_focused(app, "text")
        assert app.js("chat", "document.documentElement.scrollWidth <= innerWidth")


def test_what_turns_out_to_be_thought_goes_from_the_answer_into_a_step(scene: Scene) -> None:
    with Habits() as server:
        reply = Reply(
            chat({"content": "Hm, "}, {"content": "so."}, {"content": "\n</think>\n\n"}, {"content": "Hello"})
        )
        server.always = reply
        settle(
            scene,
            agents=[{"kind": "assistant", "id": "mine", "endpoint": "local", "model": "m"}],
            endpoints=[{"id": "local", "base_url": server.base, "api": "chat_completions", "needs_key": False}],
            active_agent="mine",
            assistant={"builtin_view": True, "titles": False},
        )
        with scene.launch() as app:
            begin(scene, app)
            for count in (1, 2):  # found out while it is said; known from the beginning
                say(app, "hello")
                app.until("the answer", lambda count=count: list(map(str.strip, answers(app))) == ["Hello"] * count)
                assert app.js("chat", "document.querySelectorAll('.item.answer').length") == count
                assert str(app.js("chat", "document.body.textContent")).count("Hm, so.") == count
            assert nothing_refused(app)
