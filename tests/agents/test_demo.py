"""The demo: what can be typed, and that it is the same in both languages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from desktop.agents.chatkit import titles
from desktop.common.texts import Catalogue
from tests.agents.talk import Given, Page, make_host

WORDS = {
    "en": {"help": "help", "error": "error", "widget": "widget", "step": "steps", "question": "question"},
    "fr": {"help": "aide", "error": "erreur", "widget": "widget", "step": "étapes", "question": "question"},
}


@pytest.fixture(params=["en", "fr"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def page(language: str) -> Iterator[Page]:
    host = make_host(Given(), texts=Catalogue(language))
    yield Page(host)
    host.close(10)


def test_help_lists_words_that_each_do_something_else(page: Page, language: str) -> None:
    import re

    offered = re.findall(r"\*\*([^*]+)\*\*", page.say(WORDS[language]["help"]).said)
    assert len(offered) == 6
    shown = {tuple(page.say(word).kinds) for word in offered}
    assert len(shown) == len(offered)


def test_an_error_keeps_what_was_said_and_a_retry_works(page: Page, language: str) -> None:
    heard = page.say(WORDS[language]["error"])
    (told,) = heard.errors
    assert told["allow_retry"] is True
    assert page.answers(heard.thread) == [heard.said]
    (said,) = heard.done("user_message")
    again = page.stream("threads.retry_after_item", thread_id=heard.thread, item_id=said["id"])
    assert again.errors == []
    assert page.answers(heard.thread) == [again.said]


def test_an_error_can_be_asked_for_again(page: Page, language: str) -> None:
    assert page.say(WORDS[language]["error"]).errors
    assert page.say(WORDS[language]["error"]).errors


def test_a_widget_can_be_pressed_once(page: Page, language: str) -> None:
    heard = page.say(WORDS[language]["widget"])
    (widget,) = heard.done("widget")
    action = {"type": "demo.pressed", "payload": {}}
    answered = page.stream("threads.custom_action", thread_id=heard.thread, item_id=widget["id"], action=action)
    (replaced,) = [e["item"] for e in answered.events if e["type"] == "thread.item.replaced"]
    button = replaced["widget"]["children"][-1]
    assert button["disabled"] is True
    assert answered.said


def test_steps_are_shown_one_by_one_with_a_source(page: Page, language: str) -> None:
    heard = page.say(WORDS[language]["step"])
    (workflow,) = heard.done("workflow")
    assert [task["type"] for task in workflow["workflow"]["tasks"]] == ["thought", "web_search", "custom"]
    (said,) = heard.done("assistant_message")
    assert said["content"][0]["annotations"][0]["source"]["type"] == "url"


def test_a_question_has_choices(page: Page, language: str) -> None:
    (question,) = page.say(WORDS[language]["question"]).done("structured_input")
    assert len(question["inputs"][0]["options"]) == 4


def test_whatever_else_is_typed_comes_back_as_a_quotation(page: Page) -> None:
    assert "> Tell me\n> of the sea" in page.say("Tell me\nof the sea").said


def test_a_word_within_a_word_means_nothing(page: Page) -> None:
    assert page.say("terrorizing").errors == []
    assert page.say("belong").said.count("> belong") == 1


def test_a_chat_is_called_by_its_first_words(page: Page) -> None:
    heard = page.say("# Tell me   of the sea and everything that swims in it, all of it, from the smallest upwards")
    (thread,) = page.ask("threads.list")["data"]
    assert thread["title"] == "Tell me of the sea and everything that swims in it, all of…"
    assert heard.kinds.count("thread.updated") == 1


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("short", "short"),
        ("", ""),
        ("   \n ", ""),
        ("x" * 100, "x" * 59 + "…"),
        ("one\ntwo\tthree", "one two three"),
        ("שלום " * 20, "שלום " * 10 + "שלום…"),
    ],
)
def test_first_words(text: str, title: str) -> None:
    assert titles.first_words(text) == title
    assert len(title) <= titles.LONGEST


@pytest.mark.parametrize(
    ("given", "title"),
    [
        ("“A walk in the park.”", "A walk in the park"),
        ("Title: A walk", "A walk"),
        ("« Une promenade »", "Une promenade"),
        ("\n\n**Bold**\nand more", "Bold"),
        ('""', ""),
    ],
)
def test_a_model_s_title_is_tidied(given: str, title: str) -> None:
    assert titles.tidy(given) == title
