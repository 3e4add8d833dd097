"""The help window's methods: contents, topics, search, and no address but those that the help names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from desktop.common.errors import BadParams
from desktop.help.errors import HelpTopicUnknown
from desktop.help.reading import topics
from desktop.pages.common.help import help_methods
from desktop.pages.help.page import HelpPage
from tests.pages.app_parts import Asked, House
from tests.pages.modules import missing
from tests.rig.errors import every_error


@pytest.fixture(params=["en", "fr"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, language=request.param)
    yield made
    made.close()


def page(house: House, place: str = "") -> Asked:
    return Asked(HelpPage(house.services, place).page(), house.texts)


def test_the_page_brings_every_script_it_needs_and_nothing_from_elsewhere(house: House) -> None:
    shown = page(house).page
    assert missing(shown.files) == []
    sources = shown.sources
    assert (sources.script, sources.frame, sources.connect, sources.img) == ((), (), (), ())


def test_it_begins_with_the_contents_and_a_place(house: House) -> None:
    start = page(house)("help.start")
    there = topics(house.texts.language)
    named = [topic for group in start["contents"] for topic in group["topics"]]
    assert named == [{"name": name, "title": topic.title} for name, topic in there.items()]
    assert start["place"] == next(iter(there))
    assert page(house, "errors-key#key_missing")("help.start")["place"] == "errors-key#key_missing"


def test_a_topic_comes_in_its_sections_as_safe_html(house: House) -> None:
    told = page(house)("help.topic", topic="key_rejected")
    assert (told["name"], told["anchor"]) == ("errors-key", "key_rejected")
    assert told["anchor"] in [piece["anchor"] for piece in told["pieces"]]
    text = "".join(piece["html"] for piece in told["pieces"])
    assert "<script" not in text
    assert " style=" not in text


def test_a_topic_that_is_not_there_tells_the_nearest(house: House) -> None:
    with pytest.raises(HelpTopicUnknown):
        page(house)("help.topic", topic="privcy")


def test_a_search_gives_places_that_can_be_read(house: House) -> None:
    ask = page(house)
    hits = ask("help.search", query="401")
    assert hits
    for hit in hits:
        topic, _, anchor = hit["place"].partition("#")
        told = ask("help.topic", topic=hit["place"])
        assert (told["name"], told["anchor"]) == (topic, anchor)


@pytest.mark.parametrize(
    "address",
    ["https://example.com", "file:///etc/passwd", "javascript:alert(1)", "", "https://developer.microsoft.com/"],
)
def test_no_address_is_opened_but_those_the_help_names(house: House, address: str) -> None:
    with pytest.raises(BadParams):
        page(house)("help.link", address=address)
    assert house.app.names() == []


def test_an_address_of_the_help_opens_in_the_browser(house: House) -> None:
    address = "https://developer.microsoft.com/microsoft-edge/webview2/"
    page(house)("help.link", address=address)
    assert house.app.asked == [("open_external", (address,))]


def test_the_help_opens_at_an_error_from_every_page(house: House) -> None:
    method: Any = help_methods(house.services)["help.open"]
    for error in every_error():
        method.call(method.params.model_validate({"topic": error.code}))
    assert [args[0].partition("#")[2] for _, args in house.app.asked] == [error.code for error in every_error()]
    method.call(method.params.model_validate({}))
    assert house.app.asked[-1] == ("show_help", ("",))


@pytest.mark.parametrize("topic", ["nothing_like_it", "custom", "x" * 80])
def test_a_page_can_choose_nothing_that_the_help_does_not_have(house: House, topic: str) -> None:
    method: Any = help_methods(house.services)["help.open"]
    with pytest.raises(HelpTopicUnknown):
        method.call(method.params.model_validate({"topic": topic}))
    assert house.app.names() == []


@pytest.mark.parametrize("topic", ["../keys", "https://example.com", "keys#x", "x" * 81, 7, None])
def test_what_is_no_name_is_refused_before_anything_is_looked_up(house: House, topic: Any) -> None:
    method: Any = help_methods(house.services)["help.open"]
    with pytest.raises(ValidationError):
        method.params.model_validate({"topic": topic})
