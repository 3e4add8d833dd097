"""How an answer is cut for the page: in order and whole, in fewer and larger pieces the slower the page takes them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from desktop.agents.chatkit.remote_content import Shield
from desktop.pages.common.agent_pieces import FREE, LONGEST, SHORTEST, Outgoing


class Clock:
    """A time that a test moves on; what is due then runs."""

    def __init__(self) -> None:
        self.now = 0.0
        self.due: list[tuple[float, Callable[[], None]]] = []

    def soon(self, seconds: float, run: Callable[[], None]) -> Clock:
        self.due.append((self.now + seconds, run))
        return self

    def cancel(self) -> None:
        self.due.clear()

    def on(self, seconds: float) -> None:
        self.now += seconds
        ready = [run for when, run in self.due if when <= self.now]
        self.due = [(when, run) for when, run in self.due if when > self.now]
        for run in ready:
            run()


class Page:
    """Takes the pieces; `took` seconds after they came."""

    def __init__(self, shield: Shield | None = None) -> None:
        self.clock = Clock()
        self.batches: list[list[str]] = []
        self.passed = 0
        self.ended = False
        self.out = Outgoing(shield, now=lambda: self.clock.now, soon=self.clock.soon)
        self.out.open(lambda chunks, _seq: self.batches.append(chunks), self._end, self._note)

    def _note(self, count: int) -> None:
        self.passed += count

    def _end(self) -> None:
        self.ended = True

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(chunk.removeprefix("data: ")) for batch in self.batches for chunk in batch]

    def text(self) -> str:
        return "".join(event["update"]["delta"] for event in self.events() if "update" in event)


def delta(text: str, item: str = "m1") -> str:
    update = {"type": "assistant_message.content_part.text_delta", "content_index": 0, "delta": text}
    return f"data: {json.dumps({'type': 'thread.item.updated', 'item_id': item, 'update': update})}\n\n"


def run(page: Page, took: float, count: int = 400, every: float = 0.01) -> None:
    """Pieces every 10 ms at a page that takes a batch in `took` seconds."""
    taken, due = 0, 0.0
    for number in range(count):
        page.out.add(delta(f"{number} "))
        page.clock.on(every)
        if len(page.batches) > taken:
            due += every
            if due >= took:
                page.out.taken(sum(map(len, page.batches[taken:])))
                taken, due = len(page.batches), 0.0
    page.out.end()


def test_words_of_one_text_that_gather_are_one_event_and_none_is_lost() -> None:
    page = Page()
    run(page, took=0.0)
    assert page.text() == "".join(f"{number} " for number in range(400))
    assert page.ended
    assert len(page.events()) < 400 / 2
    assert all(len(batch) == 1 for batch in page.batches)


def test_a_slower_page_gets_fewer_and_larger_pieces() -> None:
    quick, slow = Page(), Page()
    run(quick, took=0.0)
    run(slow, took=0.3)
    assert quick.text() == slow.text()
    assert len(slow.batches) * 3 < len(quick.batches)


def test_the_first_words_wait_for_nothing() -> None:
    page = Page()
    for number in range(FREE):
        page.out.add(delta(str(number)))
        assert len(page.batches) == number + 1
        page.out.taken(1)


def test_what_waits_goes_when_its_breath_is_over_without_another_piece() -> None:
    page = Page()
    for number in range(FREE + 2):
        page.out.add(delta(str(number)))
        page.out.taken(1)
    assert len(page.batches) == FREE + 1
    page.clock.on(SHORTEST)
    assert len(page.batches) == FREE + 2
    page.out.taken(1)
    assert page.passed == FREE + 2


def test_a_page_that_took_very_long_is_not_made_to_wait_longer_than_a_word_may() -> None:
    page = Page()
    for number in range(FREE + 1):
        page.out.add(delta(str(number)))
        page.clock.on(60)
        page.out.taken(1)
    page.out.add(delta("last"))
    page.clock.on(LONGEST)
    assert page.text().endswith("last")


def test_events_that_are_not_words_keep_their_place_and_their_number() -> None:
    chance = random.Random(7)
    page, sent = Page(), []
    for number in range(300):
        item = chance.choice(("m1", "m2"))
        piece = chance.choice(
            (
                delta(f"{item}-{number} ", item),
                f'data: {{"type": "notice", "message": "{number}"}}\n\n',
                ": comment\n\n",
            )
        )
        sent.append(piece)
        page.out.add(piece)
        if chance.random() < 0.3 and page.batches:
            page.clock.on(0.05)
            page.out.taken(sum(map(len, page.batches)))
    page.out.end()
    page.out.taken(10_000)
    assert page.passed == 300, "the agents' side hears of every piece"

    def words(pieces: list[str]) -> list[str]:
        found: list[str] = []
        for piece in pieces:
            if not piece.startswith("data:"):
                found.append(piece)
                continue
            event = json.loads(piece[5:])
            found += event["update"]["delta"].split() if "update" in event else [event["message"]]
        return found

    assert words([chunk for batch in page.batches for chunk in batch]) == words(sent)


def test_of_a_state_that_is_told_again_and_again_the_newest_goes() -> None:
    page = Page()
    for text in ("one", "two", "three", "four"):
        page.out.add(f'data: {{"type": "progress_update", "text": "{text}"}}\n\n')
    page.out.taken(1)
    assert [event["text"] for event in page.events()] == ["one", "four"]


def test_what_is_held_back_counts_as_taken() -> None:
    page = Page(Shield("Image", "Sources"))
    page.out.add(delta("Look"))
    page.out.add(delta("!"))
    page.out.add(delta("[x](http://pictures.example/)"))
    page.out.taken(1)
    page.out.taken(1)
    page.out.end()
    assert page.text() == "Look[Image: x](http://pictures.example/)"
    assert page.passed == 3


def test_what_is_held_back_before_the_page_may_have_it_is_counted_as_well() -> None:
    out = Outgoing(Shield("Image", "Sources"))
    passed: list[int] = []
    out.add(delta("!"))
    out.add(delta("!"))
    out.open(lambda _chunks, _seq: None, lambda: None, passed.append)
    assert passed == [2]
