"""A place in the help is found by its name, by an error's code and by words; a wrong name leads to the nearest."""

from __future__ import annotations

import pytest

from desktop.help.errors import HelpTopicUnknown
from desktop.help.finding import Place, nearest, place_of, plain, search
from desktop.help.reading import anchor_of, sections
from tests.help.words import LANGUAGES
from tests.rig.errors import every_error


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_leads_to_its_own_entry(language: str) -> None:
    for error in every_error():
        place = place_of(error.code, language)
        assert place.topic.startswith("errors-")
        assert place.anchor == error.code
        assert place_of(place.link, language) == place


def test_a_topic_is_found_by_its_name_and_a_heading_in_it_by_its_link() -> None:
    assert place_of("keys", "en") == Place("keys")
    assert place_of("makers-forms#with-qt", "en") == Place("makers-forms", "with-qt")
    assert place_of("makers-forms#gone-since", "en") == Place("makers-forms")


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("key_rejectd", "key_rejected"),
        ("KEY_REJECTED", "key_rejected"),
        ("privcy", "privacy"),
        ("Code agents", "code-agents"),
        ("all chats", "chats"),
        ("firewall", "hosts"),
        ("makers", "makers-brand"),
    ],
)
def test_a_name_that_is_not_there_tells_the_nearest(asked: str, meant: str) -> None:
    with pytest.raises(HelpTopicUnknown) as told:
        place_of(asked, "en")
    assert told.value.values["nearest"] == meant


@pytest.mark.parametrize("asked", ["x", "", "☃", "a" * 5_000, "../../etc/passwd", "keys.md"])
def test_whatever_is_asked_for_the_nearest_is_a_place_that_is_there(asked: str) -> None:
    place_of(nearest(asked, "en"), "en")


def test_titles_are_told_in_the_language_of_the_app() -> None:
    assert nearest("Vos données", "fr") == "privacy"
    assert nearest("vos donnees", "fr") == "privacy"


def test_a_search_wants_all_words_by_their_beginnings_without_case_and_accents() -> None:
    found = search("SMARTscreen warn", "en")
    assert found[0].place == Place("makers-signing", "windows")
    assert search("smartscreen zebra", "en") == []
    assert {hit.place.topic for hit in search("cle trousseau", "fr")} >= {"keys", "errors-key"}


def test_a_title_comes_before_what_only_mentions_it() -> None:
    assert search("signing", "en")[0].place == Place("makers-signing")
    assert search("key_rejected", "en")[0].place == Place("errors-key", "key_rejected")
    assert search("MCP servers", "en")[0].place.topic == "mcp"


def test_a_hit_shows_where_its_words_are() -> None:
    hit = search("smartscreen", "en")[0]
    assert [hit.passage.text[start:end] for start, end in hit.passage.ranges] == ["SmartScreen"]
    assert "**" not in hit.passage.text
    assert hit.title.text == "Signing › Windows"


@pytest.mark.parametrize("query", ["", "   ", "…", "☃", "\0", "(", "*", "a" * 2_000])
def test_a_search_for_nothing_finds_nothing_and_breaks_nothing(query: str) -> None:
    assert search(query, "en") == []


def test_headings_are_read_outside_of_code_alone() -> None:
    text = "# Title\n\nOne.\n\n```sh\n# not a heading\n```\n\n## `code_a` and *b*\n\nTwo.\n"
    first, second = sections(text)
    assert (first.heading, second.heading, second.level) == ("Title", "code_a and b", 2)
    assert "# not a heading" in first.text
    assert second.anchor == anchor_of("code_a and b") == "code_a-and-b"
    with pytest.raises(ValueError, match="no heading"):
        list(sections("words\n# Title"))


def test_what_is_shown_of_a_section_has_its_words_and_no_marks() -> None:
    text = "## A\n\n- typical of `su`, **sudo** and [a container](keys.md#x)\n\n```sh\nmake test\n```\n"
    assert plain(text).split() == ["A", "typical", "of", "su,", "sudo", "and", "a", "container", "make", "test"]
