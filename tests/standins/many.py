"""Very many chats at the API stand-in, made up again whenever they are asked for: they take no memory."""

from __future__ import annotations

import json
from typing import Any

from tests.standins.api import World

Json = dict[str, Any]
BEGUN = 1_700_000_000
KINDS = 6
SENTENCES = (
    "The harbour lies behind the hill, and the boats come in at dusk.",
    "Voici une phrase en français, avec des accents : été, où, ça.",
    "これは日本語の文です。",
    "שלום עולם 👋🏽",
    "`code` and **bold** and <b>tags</b> & entities",
)


class Many(dict[str, list[Json]]):
    """Items of threads by id; `count` for each that has none of its own."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count
        self.places: dict[str, int] = {}

    def __missing__(self, thread_id: str) -> list[Json]:
        place = self.places[thread_id]
        return [item(thread_id, place, number) for number in range(self.count)]


def fill(world: World, user: str, threads: int, items: int) -> list[str]:
    """`threads` chats of `user` with `items` items each, of every type; gives their ids, oldest first."""
    many = Many(items)
    many.update(world.items)
    world.items = many
    for place in range(threads):
        thread_id = f"cthr_many{place:06d}"
        many.places[thread_id] = place
        world.threads[thread_id] = {
            "id": thread_id,
            "object": "chatkit.thread",
            "created_at": BEGUN + place * 60,
            "status": {"type": "active"},
            "title": None if place % 50 == 0 else f"{SENTENCES[place % 5][:30]} {place}",
            "user": user,
        }
    return list(many.places)


def item(thread_id: str, place: int, number: int) -> Json:
    """Always the same for the same numbers."""
    about: Json = {
        "id": f"cthi_{place:06d}_{number:04d}",
        "object": "chatkit.thread_item",
        "created_at": BEGUN + place * 60 + number,
        "thread_id": thread_id,
    }
    text = " ".join(SENTENCES[(place + number + turn) % 5] for turn in range(1 + number % 4))
    match number % 12:
        case 2:
            return {
                **about,
                "type": "chatkit.widget",
                "widget": json.dumps({"type": "Card", "children": [{"value": text}]}),
            }
        case 5:
            return {
                **about, "type": "chatkit.client_tool_call", "name": "look_up", "call_id": f"call_{number}",
                "arguments": json.dumps({"q": text}), "output": '{"ok": true}', "status": "completed",
            }  # fmt: skip
        case 7:
            return {**about, "type": "chatkit.task", "task_type": "thought", "heading": "Thinking", "summary": text}
        case 9:
            task = {"type": "custom", "heading": "Looking", "summary": text}
            return {**about, "type": "chatkit.task_group", "tasks": [task, task]}
        case kind if kind % 2 == 0:
            content = [{"type": "input_text", "text": text}]
            return {**about, "type": "chatkit.user_message", "content": content, "attachments": []}
    note: Json = {
        "type": "url",
        "source": {"type": "url", "url": f"https://example.test/{number}", "title": "A source"},
    }
    said: list[Json] = [{"type": "output_text", "text": text, "annotations": [note]}]
    return {**about, "type": "chatkit.assistant_message", "content": said}
