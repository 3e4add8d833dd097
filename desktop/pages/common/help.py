"""The way from any page to the help: F1, and *More about this* beside an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import StringConstraints

from desktop.common.page import Method, Params
from desktop.pages.common.services import Services


class HelpParams(Params):
    topic: Annotated[str, StringConstraints(max_length=80, pattern=r"^[a-z0-9_-]*$")] = ""
    """The code of an error, or a topic; empty: the beginning."""


def help_methods(services: Services) -> Mapping[str, Method]:
    """What every page may ask for, also one that runs OpenAI's script: all it can choose is what the help has."""

    def open_it(params: HelpParams) -> None:
        from desktop.help.finding import place_of

        place = place_of(params.topic, services.texts.language).link if params.topic else ""
        services.app.show_help(place)

    return {"help.open": Method(HelpParams, open_it, limit=1024)}
