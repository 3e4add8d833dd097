"""Shared by pages that check before they save: the checks with this application's services, their results as a page
gets them, and the parameters of their methods."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from desktop.common.errors import Catalogue
from desktop.common.page import Params
from desktop.pages.common.check_run import Outcome
from desktop.pages.common.endpoint_check import EndpointCheck
from desktop.pages.common.services import Services
from desktop.pages.setup.first_check import FirstCheck, placed

Typed = Annotated[str, StringConstraints(max_length=20_000)]
"""Long enough for anything pasted by mistake, so that the page can say what is wrong with it."""


class CancelParams(Params):
    number: Annotated[int, Field(ge=1, le=1_000_000)]
    """The number the page gave the check."""


def first_check(services: Services) -> FirstCheck:
    """The check of a workflow with this application's services."""
    return FirstCheck(
        services.keys,
        services.settings,
        services.make_client,
        forget=services.keeper.forget,
        adopt=services.keeper.adopt,
    )


def endpoint_check(services: Services) -> EndpointCheck:
    """The check of endpoints with this application's services."""
    return EndpointCheck(
        services.keys,
        services.settings,
        services.make_client,
        forget=services.keeper.forget,
    )


def told(outcome: Outcome, texts: Catalogue) -> dict[str, Any]:
    """An outcome as a page gets it: `{error: Described | None, can_save, cancelled}`."""
    return {
        "error": placed(outcome.error, texts) if outcome.error else None,
        "can_save": outcome.can_save,
        "cancelled": outcome.cancelled,
    }
