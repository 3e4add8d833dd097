"""What a page would load from the internet because a text names it: nothing, whatever the text looks like, and however
it is cut on its way.
"""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from markdown_it import MarkdownIt

from desktop.agents.chatkit.remote_content import Growing, Shield, without_images

READERS = (MarkdownIt("commonmark"), MarkdownIt("commonmark").enable(["table", "strikethrough"]))
URL = "http://pictures.example/a.png"
BITS = [
    *("![x](http://e/x)", "![x][r]", "![r]", "[r]: http://e/r\n", "<img src=http://e/i>", "(http://e/q)"),
    *("`", "``", "```", "~~~", "~~~~", "\n", "\n\n", "\r\n", "\r", "- ", "> ", "1. ", "# ", "***"),
    *("    ", "  ", " ", "\t", "a", "b c", "js", "\\", "|", "|-|-|\n", "$", "$$", "!", "[", "]"),
    *("<div>", "</div>", "<!--", "-->", "<pre>", "</pre>", '<a href="', '">'),
]


def loads(text: str) -> bool:
    """Whether a reader of markdown would load something."""
    for reader in READERS:
        for token in reader.parse(text):
            for child in token.children or ():
                if child.type == "image" or (child.type == "html_inline" and "<img" in child.content):
                    return True
            if token.type == "html_block" and "<img" in token.content:
                return True
    return False


@pytest.mark.parametrize("seed", range(4))
def test_no_text_loads_a_picture_whole_or_at_any_point_of_its_way(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(700):
        text = "".join(chance.choice(BITS) for _ in range(chance.randint(3, 18)))
        whole = without_images(text, "Image")
        assert not loads(whole), repr(text)
        growing, given, at = Growing("Image"), "", 0
        while at < len(text):
            step = chance.randint(1, 9)
            given += growing.feed(text[at : at + step])
            at += step
            assert not loads(given), repr((text, given))
        assert given + growing.end() == whole, repr(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"See ![a cat]({URL}).", f"See [Image: a cat]({URL})."),
        (f"![][1]\n\n[1]: {URL}", f"[Image: ][1]\n\n[1]: {URL}"),
        (f"!![x]({URL})", f"! [Image: x]({URL})"),
        ("```js\nif (![1, 2].includes(x)) {}\n```", "```js\nif (![1, 2].includes(x)) {}\n```"),
        ("In `![x](y)` it is code", "In `![x](y)` it is code"),
        (r"\![x](y)", r"\![x](y)"),
        ("Look! [here](y) and 3 < 4", "Look! [here](y) and 3 < 4"),
        (f'<IMG src="{URL}">', f'&lt;IMG src="{URL}">'),
        ("no end ![", "no end [Image: "),
    ],
)
def test_pictures_become_links_and_code_stays_code(text: str, shown: str) -> None:
    assert without_images(text, "Image") == shown


def update(item: str = "m1", **about: Any) -> dict[str, Any]:
    return {"type": "thread.item.updated", "item_id": item, "update": about}


def test_the_words_of_an_answer_come_as_they_are_and_what_may_become_a_picture_waits() -> None:
    shield = Shield("Image", "Sources")
    kind = "assistant_message.content_part.text_delta"
    given = [shield.event(update(type=kind, content_index=0, delta=delta)) for delta in ("Look", "!", "[x](", "y)")]
    assert [one and one["update"]["delta"] for one in given] == ["Look", None, "[Image: x](", "y)"]


def test_cited_pages_are_a_line_of_links() -> None:
    source = {"type": "url", "url": "https://pages.example/a b", "title": "On [cats] & more"}
    other = {"type": "file", "filename": "notes.txt", "title": "Notes"}
    shield = Shield("Image", "Sources")
    added = "assistant_message.content_part.annotation_added"
    assert shield.event(update(type=added, annotation={"source": source})) is None
    assert shield.event(update(type=added, annotation={"source": other})) is not None
    content = {"type": "output_text", "text": "Cats.", "annotations": [{"source": source}, {"source": other}]}
    item = {"id": "m1", "type": "assistant_message", "content": [content]}
    done = shield.event({"type": "thread.item.done", "item": item})
    assert done is not None
    part = done["item"]["content"][0]
    assert part["text"] == "Cats.\n\nSources: [On \\[cats\\] \\& more](<https://pages.example/a%20b>)"
    assert part["annotations"] == [{"source": other}]


def test_what_is_loaded_from_history_is_held_back_as_well() -> None:
    widget = {
        "type": "Card",
        "status": {"text": "From", "favicon": "https://icons.example/x.ico"},
        "children": [
            {"type": "Markdown", "value": f"![x]({URL})"},
            {"type": "Image", "src": URL, "alt": "a cat"},
            {"type": "Image", "src": "data:image/png;base64,AAAA"},
        ],
    }
    found = [{"type": "url", "url": "https://pages.example/", "title": ""}]
    tasks = [
        {"type": "web_search", "title": "Cats", "sources": found, "queries": []},
        {"type": "thought", "content": f"![x]({URL})"},
    ]
    items = [
        {"id": "m1", "type": "assistant_message", "content": [{"text": f"![x]({URL})", "annotations": []}]},
        {"id": "w1", "type": "widget", "widget": widget},
        {"id": "f1", "type": "workflow", "workflow": {"tasks": tasks}},
    ]
    reply = json.loads(Shield("Image", "Sources").reply(json.dumps({"data": items, "has_more": False})))
    message, card, steps = reply["data"]
    assert message["content"][0]["text"] == f"[Image: x]({URL})"
    assert "favicon" not in card["widget"]["status"]
    assert [child["type"] for child in card["widget"]["children"]] == ["Markdown", "Markdown", "Image"]
    assert card["widget"]["children"][1]["value"] == f"[Image: a cat](<{URL}>)"
    assert steps["workflow"]["tasks"][0]["type"] == "custom"
    assert steps["workflow"]["tasks"][0]["content"] == "Sources: [pages.example](<https://pages.example/>)"
    assert steps["workflow"]["tasks"][1]["content"] == f"[Image: x]({URL})"
    assert reply["has_more"] is False


def test_what_is_no_text_of_an_answer_is_left_as_it_is() -> None:
    event = {"type": "thread.created", "thread": {"id": "t1", "title": "![x](y)"}}
    assert Shield("Image", "Sources").event(event) == event
