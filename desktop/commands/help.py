"""Prints the app's help: a topic, the entry for an error code, or the contents."""

from __future__ import annotations

import argparse
import shutil
from typing import TYPE_CHECKING

from desktop.common.errors import AppError
from desktop.common.locations import command_name

if TYPE_CHECKING:
    from desktop.app.context import Context

WIDEST = 92
"""The longest line, in characters, however wide the terminal is."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("topic", nargs="*", metavar="TOPIC", help="a topic or the code of an error; none: the contents")


def run(context: Context, args: argparse.Namespace) -> int:
    """Exit code 0; 2 if there is no such topic."""
    from desktop.help.finding import place_of
    from desktop.help.reading import topics
    from desktop.help.terminal import lines

    language = context.texts.language
    width = min(WIDEST, shutil.get_terminal_size().columns)
    asked = "-".join(args.topic)
    try:
        if not asked:
            return _contents(context)
        place = place_of(asked, language)
    except AppError as error:
        return context.fail(error)
    topic = topics(language)[place.topic]
    text = next((one.text for one in topic.sections if place.anchor and one.anchor == place.anchor), topic.text)
    if context.json:
        context.print_json({"ok": True, "topic": place.topic, "anchor": place.anchor, "markdown": text})
        return 0
    for line in lines(text, width):
        context.print(line)
    return 0


def _contents(context: Context) -> int:
    from desktop.help.reading import groups, topics

    there = topics(context.texts.language)
    if context.json:
        context.print_json({"ok": True, "topics": {name: topic.title for name, topic in there.items()}})
        return 0
    longest = max(map(len, there))
    for group, names in groups().items():
        context.print(context.texts.get(f"help.group.{group}"))
        for name in names:
            context.print(f"  {name:<{longest}}  {there[name].title}")
        context.print()
    context.print(context.texts.get("help.terminal", command=f"{command_name()} help"))
    return 0
