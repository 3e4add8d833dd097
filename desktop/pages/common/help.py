"""Opens the help from any page: with F1, or *More about this* beside an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import StringConstraints

from desktop.common.page import Method, Params
from desktop.pages.common.services import Services


class HelpParams(Params):
    topic: Annotated[str, StringConstraints(max_length=80, pattern=r"^[a-z0-9_-]*$")] = ""
    """An error code or a topic; empty for the beginning."""


def help_methods(services: Services) -> Mapping[str, Method]:
    """Methods for every page, even one that runs OpenAI's script: it can only choose a place in the help."""

    def open_it(params: HelpParams) -> None:
        from desktop.help.finding import place_of

        place = place_of(params.topic, services.texts.language).link if params.topic else ""
        services.app.show_help(place)

    return {"help.open": Method(HelpParams, open_it, limit=1024)}
