"""The help window: contents, topics, full-text search. Loads nothing from the network."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import StringConstraints

from desktop.common.errors import BadParams
from desktop.common.page import Method, NoParams, Page, Params
from desktop.pages.common.files import files_of
from desktop.pages.common.help import help_methods
from desktop.pages.common.look import look_of
from desktop.pages.common.services import Services


class TopicParams(Params):
    topic: Annotated[str, StringConstraints(max_length=80)]


class SearchParams(Params):
    query: Annotated[str, StringConstraints(max_length=500)]


class AddressParams(Params):
    address: Annotated[str, StringConstraints(max_length=2_000)]


class HelpPage:
    """One for each showing. `place`: a topic or an error code; empty for the first topic."""

    def __init__(self, services: Services, place: str = "") -> None:
        self._services = services
        self._language = services.texts.language
        self._place = place

    def page(self) -> Page:
        return Page(
            name="help",
            html="help/help.html",
            files=files_of("help"),
            methods={
                **help_methods(self._services),
                "help.start": Method(NoParams, self._start),
                "help.topic": Method(TopicParams, self._topic),
                "help.search": Method(SearchParams, self._search),
                "help.link": Method(AddressParams, self._link),
                "help.close": Method(NoParams, self._close),
            },
            title=self._services.texts.get("help.window"),
        )

    def _start(self, _: NoParams) -> dict[str, Any]:
        """`contents`: `[{title, topics: [{name, title}]}]`."""
        from desktop.help.reading import groups, topics

        texts = self._services.texts
        there = topics(self._language)
        return {
            "texts": texts.page("common", "help"),
            "look": look_of(self._services),
            "contents": [
                {
                    "title": texts.get(f"help.group.{group}"),
                    "topics": [{"name": name, "title": there[name].title} for name in names],
                }
                for group, names in groups().items()
            ],
            "place": self._place or next(iter(there)),
        }

    def _topic(self, params: TopicParams) -> dict[str, Any]:
        """`{name, title, anchor, pieces: [{anchor, level, html}]}`. Raises HelpTopicUnknown."""
        from desktop.help.finding import place_of
        from desktop.help.html import pieces
        from desktop.help.reading import topics

        place = place_of(params.topic, self._language)
        topic = topics(self._language)[place.topic]
        return {"name": topic.name, "title": topic.title, "anchor": place.anchor, "pieces": pieces(topic)}

    def _search(self, params: SearchParams) -> list[dict[str, Any]]:
        """`[{place, title, passage}]`, best first. Title and passage include the ranges of the words found."""
        from desktop.help.finding import search

        return [
            {"place": hit.place.link, "title": hit.title.wire(), "passage": hit.passage.wire()}
            for hit in search(params.query, self._language)
        ]

    def _link(self, params: AddressParams) -> None:
        """Open a link in the browser, if the help itself contains it."""
        from desktop.help.html import addresses

        if params.address not in addresses(self._language):
            raise BadParams(problem="an address that the help does not name")
        self._services.app.open_external(params.address)

    def _close(self, _: NoParams) -> None:
        self._services.app.close_window("help")
