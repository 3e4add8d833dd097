"""Finding chats: what a typed line finds, in which order, and the passage that is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop.agents.store import search
from desktop.agents.store.search import Hit, Passage
from desktop.agents.store.threads import SqliteStore
from tests.agents.things import ME, OTHER, Blocking, answer, one_of_each, said, thread


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Blocking]:
    blocking = Blocking(SqliteStore(tmp_path / "threads.sqlite"))
    yield blocking
    blocking.done()


def found(store: Blocking, query: str, agent: str | None = None, limit: int = 20) -> list[str]:
    hits: list[Hit] = store.search(query, agent, limit)
    return [hit.thread_id for hit in hits]


def marked(passage: Passage | None) -> list[str]:
    assert passage is not None
    return [passage.text[start:end] for start, end in passage.ranges]


def chat(store: Blocking, *texts: str, title: str | None = None) -> str:
    here = thread(title=title)
    store.save_thread(here, ME)
    for number, words in enumerate(texts):
        store.add_thread_item(here.id, (answer if number % 2 else said)(words), ME)
    return here.id


# --- what is found --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "query", "marks"),
    [
        ("Hello world", "world", ["world"]),
        ("Hello world", "wor", ["wor"]),
        ("Hello world", "WORLD hel", ["Hel", "world"]),
        ("déjà vu à l’école", "deja ecole", ["déjà", "école"]),
        ("deja vu", "déjà", ["deja"]),
        ("e\u0301cole", "école", ["e\u0301cole"]),
        ("école", "e\u0301cole", ["école"]),
        ("Straße and Größe", "größe", ["Größe"]),
        ("I don't know", "don't", ["don't"]),
        ("call foo_bar(x)", "foo_bar", ["foo_bar"]),
        ("see https://example.org/a?b=c", "example.org", ["example.org"]),
        ("C++ and C#", "c++", ["C", "C"]),
        ("version 3.11.2", "3.11", ["3.11"]),
        ("私は東京タワーに行きました", "東京", ["東京"]),
        ("私は東京タワーに行きました", "タワー", ["タワー"]),
        ("我喜欢iPhone手机", "iphone手", ["iPhone手"]),
        ("สวัสดีครับ", "ครับ", ["ครับ"]),
        ("안녕하세요 세계", "세계", ["세계"]),
        ("привет, мир", "МИР", ["мир"]),
        ("שלום עולם", "עולם", ["עולם"]),
        ("well done 👍🏽 indeed", "👍", ["👍"]),
        ("fire🔥hot", "🔥", ["🔥"]),
        ("Say “hello”", '"hello"', ["hello"]),
    ],
)
def test_words_are_found_by_their_beginnings_in_every_script(
    store: Blocking, text: str, query: str, marks: list[str]
) -> None:
    here = chat(store, text)
    chat(store, "something else entirely")
    (hit,) = store.search(query)
    assert hit.thread_id == here
    assert marked(hit.passage) == marks


@pytest.mark.parametrize("query", ["orld", "world peace", "worldly", "東国", "👎"])
def test_what_is_not_there_is_not_found(store: Blocking, query: str) -> None:
    chat(store, "Hello world, 東京 👍")
    assert found(store, query) == []


def test_one_letter_is_looked_for_as_a_word(store: Blocking) -> None:
    with_word = chat(store, "plan b is better")
    chat(store, "because")
    assert found(store, "b") == [with_word]
    assert marked(store.search("b")[0].passage) == ["b"]


@pytest.mark.parametrize(
    "query",
    [
        *(
            "",
            " ",
            '"',
            "'",
            "*",
            "AND",
            "NOT x",
            "a OR",
            "(",
            ")",
            "NEAR(a b)",
            "words:x",
            "agent : x",
            "^a",
            "{",
            "-",
            "+",
        ),
        *(
            '"; DROP TABLE items; --',
            "\0",
            "a\0b",
            "\ud83d",
            "\\",
            "%_",
            "a" * 100_000,
            "a " * 10_000,
            '" OR "',
            "x*" * 50,
        ),
    ],
)
def test_a_hostile_line_finds_nothing_and_breaks_nothing(store: Blocking, query: str) -> None:
    chat(store, "Hello world")
    assert found(store, query) == []
    assert len(found(store, "hello")) == 1


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60))
def test_any_line_can_be_searched_for(store: Blocking, query: str) -> None:
    for hit in store.search(query):
        raise AssertionError(hit)  # nothing was ever said here


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.from_regex(r"[a-zà-ÿα-ωа-я]{2,12}", fullmatch=True), min_size=1, max_size=8), st.data())
def test_every_word_of_a_message_finds_it_and_is_marked(store: Blocking, words: list[str], data: st.DataObject) -> None:
    here = chat(store, " ".join(words))
    word = data.draw(st.sampled_from(words))
    beginning = word[: data.draw(st.integers(2, len(word)))]
    hit = next(hit for hit in store.search(beginning, limit=10_000) if hit.thread_id == here)
    assert hit.passage is not None
    assert hit.passage.ranges
    store.delete_thread(here, ME)


# --- where ----------------------------------------------------------------------------------------


def test_titles_come_first_then_the_newest_messages_and_a_chat_comes_once(store: Blocking) -> None:
    first = chat(store, "apples", "apples again", title="Fruit")
    second = chat(store, "more apples", "and apples")
    titled = chat(store, "no fruit here", "apples though", title="About apples")
    chat(store, "pears")
    hits: list[Hit] = store.search("apples")
    assert [hit.thread_id for hit in hits] == [titled, second, first]
    assert [hit.item_id is None for hit in hits] == [True, False, False]
    assert marked(hits[0].title) == ["apples"]
    assert hits[1].passage == Passage("and apples", ((4, 10),))
    assert hits[2].title == Passage("Fruit")
    assert found(store, "apples", limit=2) == [titled, second]
    assert found(store, "apples", limit=1) == [titled]


def test_the_search_can_stay_within_one_agent(store: Blocking) -> None:
    mine = chat(store, "shared word", title="Common")
    theirs = thread(title="Common")
    store.save_thread(theirs, OTHER)
    store.add_thread_item(theirs.id, said("shared word"), OTHER)
    for query in ("shared", "common"):
        assert set(found(store, query)) == {mine, theirs.id}
        assert found(store, query, ME.agent_id) == [mine]
        assert found(store, query, OTHER.agent_id) == [theirs.id]
        assert found(store, query, "nobody") == []
        assert found(store, query, '" OR x') == []


def test_the_search_follows_every_change(store: Blocking) -> None:
    here = chat(store, title="Old title")
    store.add_thread_item(here, said("before", "msg_1"), ME)
    store.save_item(here, said("after", "msg_1"), ME)
    store.save_thread(thread(here, "New title"), ME)
    assert (found(store, "before"), found(store, "after")) == ([], [here])
    assert (found(store, "old"), found(store, "new")) == ([], [here])
    store.delete_thread_item(here, "msg_1", ME)
    assert found(store, "after") == []
    store.save_thread(thread(here, None), ME)
    assert found(store, "new") == []


def test_a_deleted_chat_leaves_no_word_behind(store: Blocking) -> None:
    here = chat(store, "secret one", "secret two", title="secret title")
    store.delete_thread(here, ME)
    assert found(store, "secret") == []
    reader = store.real._connections[store.real._searching]
    for count in ("SELECT count(*) FROM thread_words", "SELECT count(*) FROM item_words"):
        assert reader.execute(count).fetchone() == (0,)


def test_only_what_people_and_agents_said_is_searched(store: Blocking) -> None:
    here = chat(store)
    for item in one_of_each(here):
        store.add_thread_item(here, item, ME)
    assert found(store, "hidden") == []
    assert found(store, "this") == [here]
    assert found(store, "see") == [here]


# --- the passage ----------------------------------------------------------------------------------


def test_a_long_text_is_shown_around_the_match(store: Blocking) -> None:
    chat(store, "word " * 100 + "the needle\nlies here " + "word " * 100)
    passage = store.search("needle")[0].passage
    assert passage.text.startswith("…word")
    assert passage.text.endswith("word…")
    assert "the needle lies here" in passage.text
    assert marked(passage) == ["needle"]
    assert len(passage.text) <= search.BEFORE + search.AFTER + 2


def test_the_passage_of_an_answer_has_no_marks_of_markdown(store: Blocking) -> None:
    chat(store, "a **needle**", "## Sewing\n\nA **needle** and `thread`\n\n| One | Two |\n|---|---|\n")
    [answered] = store.search("needle")
    assert answered.passage is not None
    assert " ".join(answered.passage.text.split()) == "Sewing A needle and thread One Two"
    assert marked(answered.passage) == ["needle"]
    chat(store, "what **pin** is that")
    assert "**pin**" in store.search("pin")[0].passage.text, "what a person typed stays as it is"


def test_a_match_in_a_megabyte_is_shown(store: Blocking) -> None:
    chat(store, "é" * 500_000 + " 🎈needle " + "é" * 500_000)
    passage = store.search("needle")[0].passage
    assert marked(passage) == ["needle"]


def test_a_page_is_given_ranges_in_its_own_units() -> None:
    passage = Passage("👍 yes 👍 yes", ((2, 5), (8, 11)))
    wire = passage.wire()
    units = wire["text"].encode("utf-16-le")
    assert [units[2 * start : 2 * end].decode("utf-16-le") for start, end in wire["ranges"]] == ["yes", "yes"]
    assert json.loads(json.dumps(wire)) == wire


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=400), st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=3))
def test_ranges_lie_within_the_passage_and_do_not_overlap(text: str, words: list[str]) -> None:
    passage = search.passage_of(text, search.pattern_of(words))
    at = 0
    for start, end in passage.ranges:
        assert at <= start < end <= len(passage.text)
        at = end
    assert len(search.fold(text)) == len(text)
