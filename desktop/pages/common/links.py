"""Links a page may open in the browser. The page only names one; the app has the address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import StringConstraints

from desktop.common.errors import BadParams
from desktop.common.page import Method, Params
from desktop.pages.common.services import Services


class LinkParams(Params):
    link: Annotated[str, StringConstraints(max_length=40)]
    """A name from the page's list of links."""


def open_link(services: Services, links: Mapping[str, str]) -> Method:
    """The method for `links`, a mapping of name to address. A link with an empty address does not exist."""

    def open_it(params: LinkParams) -> None:
        url = links.get(params.link)
        if not url:
            raise BadParams(problem=f"no such link: {params.link}")
        services.app.open_external(url)

    return Method(LinkParams, open_it)
