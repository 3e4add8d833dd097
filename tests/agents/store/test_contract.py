"""What every thread store has to do: SQLite on disk and in memory, and the plain one that they are compared with."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from chatkit.store import NotFoundError
from chatkit.types import (
    AssistantMessageItem,
    ClosedStatus,
    FileAttachment,
    ImageAttachment,
    Page,
    Thread,
    UserMessageItem,
    Workflow,
    WorkflowItem,
)
from pydantic import AnyUrl

from desktop.agents.store.ids import FAKE, is_ours
from desktop.agents.store.threads import SqliteStore
from tests.agents.reference import ReferenceStore
from tests.agents.things import ME, NOON, OTHER, Blocking, answer, one_of_each, said, text, thread


@pytest.fixture(params=["disk", "memory", "reference"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Blocking]:
    real: SqliteStore | ReferenceStore
    if request.param == "reference":
        real = ReferenceStore()
    else:
        real = SqliteStore(tmp_path / "threads.sqlite" if request.param == "disk" else None)
    blocking = Blocking(real)
    yield blocking
    blocking.done()


@pytest.fixture
def chat(store: Blocking) -> str:
    """The id of a thread that is there."""
    store.save_thread(thread("thr_chat", "A chat"), ME)
    return "thr_chat"


# --- threads ----------------------------------------------------------------------------------


def test_a_thread_comes_back_as_it_was_saved(store: Blocking) -> None:
    saved = thread(title="Überraschung 🎉")
    saved.status = ClosedStatus(reason="done")
    saved.allowed_image_domains = ["example.org"]
    saved.metadata = {"feedback": {"msg_1": "positive"}, "none": None}
    store.save_thread(saved, ME)
    assert store.load_thread(saved.id, ME) == saved


def test_a_thread_with_its_items_is_kept_without_them(store: Blocking) -> None:
    whole = Thread(id="thr_1", created_at=NOON, items=Page(data=[answer("inside")], has_more=True))
    store.save_thread(whole, ME)
    loaded = store.load_thread("thr_1", ME)
    assert not hasattr(loaded, "items")
    assert store.items("thr_1") == []


def test_saving_again_changes_the_thread_and_keeps_its_place(store: Blocking, chat: str) -> None:
    store.save_thread(thread("thr_later"), ME)
    store.save_thread(thread(chat, "Renamed"), ME)
    assert [(t.id, t.title) for t in store.load_threads(10, None, "asc", ME).data] == [
        (chat, "Renamed"),
        ("thr_later", None),
    ]


def test_what_was_given_and_what_was_got_can_be_changed_without_harm(store: Blocking, chat: str) -> None:
    given = answer("as saved", "msg_1")
    store.add_thread_item(chat, given, ME)
    given.content[0].text = "changed after"
    got = store.load_item(chat, "msg_1", ME)
    got.content[0].text = "changed as well"
    assert store.texts(chat) == ["as saved"]


def test_a_deleted_thread_takes_its_items_and_attachments_along(store: Blocking, chat: str) -> None:
    store.add_thread_item(chat, said("gone", "msg_1"), ME)
    store.save_attachment(FileAttachment(id="atc_1", name="a", mime_type="text/plain", thread_id=chat), ME)
    store.delete_thread(chat, ME)
    for missing in (
        lambda: store.load_thread(chat, ME),
        lambda: store.load_thread_items(chat, None, 10, "asc", ME),
        lambda: store.load_item(chat, "msg_1", ME),
        lambda: store.load_attachment("atc_1", ME),
    ):
        with pytest.raises(NotFoundError):
            missing()


def test_what_comes_late_does_not_bring_a_deleted_thread_back(store: Blocking, chat: str) -> None:
    store.delete_thread(chat, ME)
    with pytest.raises(NotFoundError):
        store.save_thread(thread(chat, "A title made meanwhile"), ME)
    with pytest.raises(NotFoundError):
        store.add_thread_item(chat, answer(), ME)
    assert store.load_threads(10, None, "desc", ME).data == []


# --- agents -----------------------------------------------------------------------------------


def test_an_agent_sees_only_its_own_threads(store: Blocking, chat: str) -> None:
    store.save_thread(thread("thr_theirs"), OTHER)
    assert [t.id for t in store.load_threads(10, None, "desc", ME).data] == [chat]
    assert [t.id for t in store.load_threads(10, None, "desc", OTHER).data] == ["thr_theirs"]


def test_nothing_of_a_thread_can_be_reached_by_another_agent(store: Blocking, chat: str) -> None:
    store.add_thread_item(chat, said("mine", "msg_1"), ME)
    store.save_attachment(FileAttachment(id="atc_1", name="a", mime_type="text/plain"), ME)
    for attempt in (
        lambda: store.load_thread(chat, OTHER),
        lambda: store.save_thread(thread(chat, "taken"), OTHER),
        lambda: store.delete_thread(chat, OTHER),
        lambda: store.load_thread_items(chat, None, 10, "asc", OTHER),
        lambda: store.load_item(chat, "msg_1", OTHER),
        lambda: store.add_thread_item(chat, answer(), OTHER),
        lambda: store.save_item(chat, said("taken", "msg_1"), OTHER),
        lambda: store.delete_thread_item(chat, "msg_1", OTHER),
        lambda: store.load_attachment("atc_1", OTHER),
        lambda: store.save_attachment(FileAttachment(id="atc_1", name="b", mime_type="text/plain"), OTHER),
        lambda: store.delete_attachment("atc_1", OTHER),
        lambda: store.load_threads(10, chat, "desc", OTHER),
    ):
        with pytest.raises(NotFoundError):
            attempt()
    assert store.texts(chat) == ["mine"]
    assert store.load_attachment("atc_1", ME).name == "a"


# --- items ------------------------------------------------------------------------------------


def test_an_item_of_every_type_comes_back_as_it_was_saved(store: Blocking, chat: str) -> None:
    items = one_of_each(chat)
    assert {item.type for item in items} == {
        *("user_message", "assistant_message", "client_tool_call", "widget", "generated_image", "structured_input"),
        *("workflow", "task", "hidden_context_item", "sdk_hidden_context", "end_of_turn"),
    }
    for item in items:
        store.add_thread_item(chat, item, ME)
    assert store.items(chat) == items
    for item in items:
        assert store.load_item(chat, item.id, ME) == item


def test_an_item_belongs_to_the_thread_it_was_put_into(store: Blocking, chat: str) -> None:
    store.add_thread_item(chat, answer("x", "msg_1", thread_id="thr_elsewhere"), ME)
    assert store.load_item(chat, "msg_1", ME).thread_id == chat


def test_adding_or_saving_what_is_there_changes_it_in_its_place(store: Blocking, chat: str) -> None:
    for item in (said("1", "msg_1"), answer("2", "msg_2"), answer("3", "msg_3")):
        store.add_thread_item(chat, item, ME)
    store.add_thread_item(chat, answer("2, added again", "msg_2"), ME)
    store.save_item(chat, said("1, saved", "msg_1"), ME)
    assert store.texts(chat) == ["1, saved", "2, added again", "3"]


def test_saving_what_is_not_there_adds_it(store: Blocking, chat: str) -> None:
    store.save_item(chat, answer("new", "msg_1"), ME)
    assert store.texts(chat) == ["new"]


def test_an_item_may_become_one_of_another_type(store: Blocking, chat: str) -> None:
    store.add_thread_item(chat, answer("was a message", "msg_1"), ME)
    widget = next(item for item in one_of_each(chat) if item.type == "widget").model_copy(update={"id": "msg_1"})
    store.save_item(chat, widget, ME)
    assert store.items(chat) == [widget]


def test_removing_an_item_that_was_never_saved_is_no_error(store: Blocking, chat: str) -> None:
    store.add_thread_item(chat, said("stays"), ME)
    store.delete_thread_item(chat, "msg_never", ME)
    assert store.texts(chat) == ["stays"]


@pytest.mark.parametrize("wrong", ["", "msg_none", "thr_chat", "\0", "\ud83d", "' OR 1=1 --", "x" * 100_000])
def test_unknown_ids_are_not_found(store: Blocking, chat: str, wrong: str) -> None:
    for attempt in (
        lambda: store.load_item(chat, wrong, ME),
        lambda: store.load_thread_items(chat, wrong, 10, "asc", ME),
        lambda: store.load_attachment(wrong, ME),
        lambda: store.delete_attachment(wrong, ME),
        *([] if wrong == chat else [lambda: store.load_thread(wrong, ME), lambda: store.delete_thread(wrong, ME)]),
        *([] if wrong == chat else [lambda: store.load_threads(10, wrong, "asc", ME)]),
    ):
        with pytest.raises(NotFoundError):
            attempt()


def test_an_attachment_of_a_thread_that_is_not_there_is_refused(store: Blocking) -> None:
    with pytest.raises(NotFoundError):
        store.save_attachment(FileAttachment(id="atc_1", name="a", mime_type="x/y", thread_id="thr_none"), ME)


# --- texts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        "",
        " ",
        "Grüße, 東京, שלום, مرحبا, ไทย, नमस्ते",
        "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽",
        "e\u0301 is not é",
        "\0 and \x1b[31m and \u2028 and \ufeff and \uffff",
        "\u202eright to left",
        "'); DROP TABLE items; --",
        '{"json": "\\u0000"}',
    ],
)
def test_every_text_comes_back_letter_by_letter(store: Blocking, chat: str, words: str) -> None:
    store.add_thread_item(chat, said(words), ME)
    store.add_thread_item(chat, answer(words), ME)
    store.save_thread(thread(chat, words), ME)
    assert store.texts(chat) == [words, words]
    assert store.load_thread(chat, ME).title == words


def test_a_message_of_a_megabyte_comes_back_whole(store: Blocking, chat: str) -> None:
    large = "wörd 🎈\n" * 100_000
    assert len(large.encode()) > 1_000_000
    store.add_thread_item(chat, answer(large), ME)
    assert store.texts(chat) == [large]


# --- times ------------------------------------------------------------------------------------


def test_times_come_back_local_and_without_a_zone_as_the_sdk_makes_them(store: Blocking, chat: str) -> None:
    now = datetime.now()  # noqa: DTZ005 - as the SDK does
    store.add_thread_item(chat, answer("x", "msg_1", at=now), ME)
    loaded = store.load_item(chat, "msg_1", ME).created_at
    assert loaded == now
    assert loaded.tzinfo is None


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=13, minutes=45)), timezone(timedelta(hours=-11))])
def test_a_time_with_a_zone_is_the_same_moment_afterwards(tmp_path: Path, zone: timezone) -> None:
    moment = datetime(2026, 1, 31, 23, 59, 59, 999999, tzinfo=zone)
    store = Blocking(SqliteStore(tmp_path / "threads.sqlite"))
    store.save_thread(thread("thr_1", created_at=moment), ME)
    assert store.load_thread("thr_1", ME).created_at.astimezone(UTC) == moment
    store.done()


# --- lists ------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_what_was_made_at_the_same_moment_keeps_its_order(store: Blocking, chat: str, order: str) -> None:
    items = [answer(str(number), at=NOON) for number in range(25)]
    for item in items:
        store.add_thread_item(chat, item, ME)
    expected = [item.id for item in (items if order == "asc" else reversed(items))]
    for size in (1, 2, 7, 24, 25, 26):
        assert store.walk(size, order, chat) == expected


def test_a_clock_that_was_set_back_changes_no_order(store: Blocking, chat: str) -> None:
    store.add_thread_item(chat, said("first", at=NOON), ME)
    store.add_thread_item(chat, answer("second", at=NOON - timedelta(hours=1)), ME)
    assert store.texts(chat) == ["first", "second"]


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_reading_goes_on_where_a_deleted_thing_stood(store: Blocking, chat: str, order: str) -> None:
    for number in range(6):
        store.add_thread_item(chat, answer(str(number), f"msg_{number}"), ME)
        store.save_thread(thread(f"thr_{number}"), ME)
    for list_, delete in (
        (
            lambda after: store.load_thread_items(chat, after, 2, order, ME),
            lambda i: store.delete_thread_item(chat, i, ME),
        ),
        (lambda after: store.load_threads(2, after, order, ME), lambda i: store.delete_thread(i, ME)),
    ):
        page = list_(None)
        before = [entry.id for entry in page.data]
        delete(page.after)
        rest: list[str] = []
        after = page.after
        while after is not None:
            page = list_(after)
            rest += [entry.id for entry in page.data]
            after = page.after
        assert len(before) + len(rest) == (6 if before[0].startswith("msg") else 7)
        assert not set(before) & set(rest)


def test_a_page_is_never_empty_and_an_order_is_asc_or_desc(store: Blocking, chat: str) -> None:
    store.add_thread_item(chat, answer(), ME)
    for limit in (0, -5):
        assert len(store.load_thread_items(chat, None, limit, "asc", ME).data) == 1
    assert len(store.load_thread_items(chat, None, 10**30, "asc", ME).data) == 1
    with pytest.raises(ValueError):
        store.load_thread_items(chat, None, 10, "random", ME)
    with pytest.raises(ValueError):
        store.load_threads(10, None, "seq; --", ME)


# --- ids --------------------------------------------------------------------------------------


def test_ids_are_ours_and_never_the_same(store: Blocking, chat: str) -> None:
    here = store.load_thread(chat, ME)
    made = [store.generate_thread_id(ME) for _ in range(500)]
    made += [store.generate_item_id("message", here, ME) for _ in range(500)]
    assert len(set(made)) == 1000
    if isinstance(store.real, SqliteStore):
        assert all(map(is_ours, made))


def test_messages_that_all_have_the_fake_id_never_overwrite_each_other(store: Blocking, chat: str) -> None:
    for turn in range(3):
        store.add_thread_item(chat, said(f"question {turn}"), ME)
        for part in range(2):
            moment = NOON + timedelta(seconds=10 * turn + part)
            store.add_thread_item(chat, answer(f"answer {turn}.{part}", FAKE, at=moment), ME)
    assert store.texts(chat) == [
        *("question 0", "answer 0.0", "answer 0.1"),
        *("question 1", "answer 1.0", "answer 1.1"),
        *("question 2", "answer 2.0", "answer 2.1"),
    ]
    ids = [item.id for item in store.items(chat)]
    assert len(set(ids)) == 9
    assert FAKE not in ids


def test_two_fake_messages_of_the_same_moment_are_two(store: Blocking, chat: str) -> None:
    store.add_thread_item(chat, answer("one", FAKE, at=NOON), ME)
    store.add_thread_item(chat, answer("two", FAKE, at=NOON), ME)
    assert store.texts(chat) == ["one", "two"]


def test_the_same_fake_message_given_twice_is_one(store: Blocking, chat: str) -> None:
    for _ in range(2):
        store.add_thread_item(chat, answer("once", FAKE, at=NOON), ME)
    assert store.texts(chat) == ["once"]


def test_the_fake_id_means_the_last_message_that_had_it_in_this_thread(store: Blocking, chat: str) -> None:
    store.save_thread(thread("thr_2"), ME)
    store.add_thread_item(chat, answer("here, first", FAKE, at=NOON), ME)
    store.add_thread_item(chat, answer("here, last", FAKE, at=NOON + timedelta(seconds=1)), ME)
    store.add_thread_item("thr_2", answer("there", FAKE, at=NOON + timedelta(seconds=2)), ME)
    assert text(store.load_item(chat, FAKE, ME)) == "here, last"
    store.save_item(chat, answer("here, replaced", FAKE), ME)
    assert store.texts(chat) == ["here, first", "here, replaced"]
    store.delete_thread_item(chat, FAKE, ME)
    assert store.texts(chat) == ["here, first"]
    assert store.texts("thr_2") == ["there"]


def test_an_id_that_another_thread_has_gives_way_and_stays_the_same_for_the_turn(store: Blocking, chat: str) -> None:
    store.save_thread(thread("thr_2"), ME)
    store.add_thread_item("thr_2", answer("theirs", "msg_0"), ME)
    store.add_thread_item(chat, answer("mine, begun", "msg_0"), ME)
    store.add_thread_item(chat, answer("mine, done", "msg_0", at=NOON + timedelta(seconds=1)), ME)
    assert store.texts("thr_2") == ["theirs"]
    assert store.texts(chat) == ["mine, done"]
    assert store.items(chat)[0].id != "msg_0"
    assert text(store.load_item(chat, "msg_0", ME)) == "mine, done"


def test_an_answer_with_the_id_of_an_earlier_turn_does_not_overwrite_that_one(store: Blocking, chat: str) -> None:
    for turn in range(3):
        store.add_thread_item(chat, said(f"q{turn}"), ME)
        store.add_thread_item(chat, answer(f"a{turn}", "msg_0"), ME)
    assert store.texts(chat) == ["q0", "a0", "q1", "a1", "q2", "a2"]


def test_a_workflow_that_goes_on_in_the_next_turn_stays_one(store: Blocking, chat: str) -> None:
    work = WorkflowItem(id="wf_1", thread_id=chat, created_at=NOON, workflow=Workflow(type="custom", tasks=[]))
    store.add_thread_item(chat, work, ME)
    store.add_thread_item(chat, said("next"), ME)
    work.workflow.expanded = True
    store.add_thread_item(chat, work, ME)
    assert [item.type for item in store.items(chat)] == ["workflow", "user_message"]
    assert store.load_item(chat, "wf_1", ME) == work


# --- attachments ------------------------------------------------------------------------------


def test_attachments_come_back_as_they_were_saved(store: Blocking, chat: str) -> None:
    picture = ImageAttachment(
        id="atc_1",
        name="bild.png",
        mime_type="image/png",
        preview_url=AnyUrl("data:image/png;base64,AAAA+/=="),
        metadata={"size": 3},
    )
    store.save_attachment(picture, ME)
    assert store.load_attachment("atc_1", ME) == picture
    sent = picture.model_copy(update={"thread_id": chat})
    store.save_attachment(sent, ME)
    assert store.load_attachment("atc_1", ME) == sent
    store.delete_attachment("atc_1", ME)
    with pytest.raises(NotFoundError):
        store.load_attachment("atc_1", ME)


# --- many at once -----------------------------------------------------------------------------


def test_many_tasks_at_once_lose_nothing_and_mix_nothing_up(store: Blocking) -> None:
    async def talk(number: int) -> None:
        here = f"thr_{number}"
        await store.real.save_thread(thread(here, f"chat {number}"), ME)
        for turn in range(5):
            await store.real.add_thread_item(here, said(f"{number}.{turn}"), ME)
            await store.real.add_thread_item(
                here, answer(f"{number}.{turn}", FAKE, at=NOON + timedelta(seconds=turn)), ME
            )
            page = await store.real.load_thread_items(here, None, 100, "asc", ME)
            assert len(page.data) == 2 * (turn + 1)

    async def everybody() -> None:
        await asyncio.gather(*(talk(number) for number in range(30)))

    asyncio.run(everybody())
    for number in range(30):
        expected = [f"{number}.{turn}" for turn in range(5) for _ in range(2)]
        assert store.texts(f"thr_{number}") == expected
        kinds = [type(item) for item in store.items(f"thr_{number}")]
        assert kinds == [UserMessageItem, AssistantMessageItem] * 5
