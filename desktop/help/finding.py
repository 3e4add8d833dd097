"""Finds a place in the help by topic, error code or words, and the nearest one to a wrong name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches

from desktop.agents.store.search import Passage, fold, passage_of, pattern_of, words_of
from desktop.help.errors import HelpTopicUnknown
from desktop.help.reading import topics

MOST = 40
"""Hits that a search gives."""
ERRORS = "errors-"
"""Topics whose second headings are the codes of errors begin like this."""
_MARKDOWN = re.compile(r"^#{1,6} +|^ *- |!?\[([^\[\]]*)\]\([^()]*\)|^```[a-z]*|`+|\*+|^[-:| ]+$|\|", re.MULTILINE)


@dataclass(frozen=True)
class Place:
    topic: str
    anchor: str = ""
    """Of a heading in it; empty: its beginning."""

    @property
    def link(self) -> str:
        """As a link names it, and `place_of` takes it."""
        return f"{self.topic}#{self.anchor}" if self.anchor else self.topic


@dataclass(frozen=True)
class Hit:
    place: Place
    title: Passage
    """The heading, and before it the topic's title where that is another."""
    passage: Passage


def codes(language: str) -> dict[str, Place]:
    """{code of an error: its entry}."""
    return {
        section.anchor: Place(name, section.anchor)
        for name, topic in topics(language).items()
        if name.startswith(ERRORS)
        for section in topic.sections[1:]
    }


def place_of(asked: str, language: str) -> Place:
    """Where `asked` stands, a topic's name, a code or both as in a link. Raises HelpTopicUnknown."""
    name, _, anchor = asked.partition("#")
    there = topics(language)
    if name in there:
        known = {section.anchor for section in there[name].sections}
        return Place(name, anchor if anchor in known else "")
    known_codes = codes(language)
    if asked in known_codes:
        return known_codes[asked]
    raise HelpTopicUnknown(topic=asked[:60], nearest=nearest(asked, language))


def nearest(asked: str, language: str) -> str:
    """The topic or the code that is most like what was asked for; a topic where its title is; else the first topic."""
    there = topics(language)
    names = {**{name: name for name in codes(language)}, **{name: name for name in there}}
    titles = {fold(topic.title): name for name, topic in there.items()}
    wanted = fold(asked).strip()
    begun = next((name for name in there if wanted and name.startswith(f"{wanted}-")), "")
    if begun:
        return begun
    for known in (names, titles):
        found = get_close_matches(wanted, known, n=1, cutoff=0.6)
        if found:
            return known[found[0]]
    hits = search(asked, language)
    if hits:
        return hits[0].place.topic
    found = get_close_matches(wanted, [*names, *titles], n=1, cutoff=0.0)
    return {**names, **titles}[found[0]] if found else next(iter(there))


def search(query: str, language: str) -> list[Hit]:
    """Sections that hold every word of `query`, or the beginning of a word with it; case and accents do not count.

    First those whose titles hold all the words, then those whose titles hold some, else in the order of the contents.
    """
    words = words_of(query)
    if not words:
        return []
    each, whole = [pattern_of([word]) for word in words], pattern_of(words)
    ranked: list[tuple[int, int, Hit]] = []
    for topic in topics(language).values():
        for number, section in enumerate(topic.sections):
            title = topic.title if number == 0 else f"{topic.title} › {section.heading}"
            text = plain(section.text)
            head, heading = fold(title), fold(section.heading)
            if not all(one.search(head) or one.search(fold(text)) for one in each):
                continue
            in_heading = sum(1 for one in each if one.search(heading))
            in_title = sum(1 for one in each if one.search(head))
            body = text.partition("\n")[2].strip() or text
            found = Hit(
                Place(topic.name, section.anchor if number else ""),
                Passage(title, tuple(match.span() for match in whole.finditer(head))),
                passage_of(body, whole),
            )
            # A section's own heading says more than the title it stands under, which all its neighbours share; of two
            # headings with all words, a topic's does.
            has_all = in_heading == len(each)
            rank = has_all * (4 * len(each) + (number == 0)) + in_heading * 2 + in_title
            ranked.append((-rank, len(ranked), found))
    return [found for _rank, _order, found in sorted(ranked, key=lambda one: one[:2])[:MOST]]


def plain(markdown: str) -> str:
    """Its words, without the marks."""
    return _MARKDOWN.sub(lambda found: found[1] or "", markdown)
