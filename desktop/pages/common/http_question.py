"""Asks whether http on one's own network is allowed, for every page with an address field. A yes is remembered.

The page's half is `common/http_question.js`: it asks when a call fails with `plain_unasked`, and calls again with
`plain`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop.openai_api.errors import PlainUnasked
from desktop.settings.origins import needs_yes, plain_origin

if TYPE_CHECKING:
    from desktop.settings.layers import SettingsStore
    from desktop.settings.model import Settings


def settle(settings: SettingsStore, address: str, yes: bool, *, field: str = "address") -> None:
    """Does nothing for https, for this computer, or if http was allowed before. `yes`: it was allowed just now; this is
    remembered. Raises PlainUnasked, and SettingsError if a yes can't be saved."""
    if not needs_yes(address) or settings.current.network.allows(address):
        return
    origin = plain_origin(address)
    if not yes:
        raise PlainUnasked(origin, field=field, host=origin.partition("//")[2], origin=origin)

    def add(now: Settings) -> dict[str, object]:
        kept = now.network.plain_origins
        return {} if now.network.allows(address) else {"network.plain_origins": [*kept, origin]}

    settings.change(add)
