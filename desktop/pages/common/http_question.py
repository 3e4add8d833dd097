"""The question about http in the own network, for every page that takes an address: asked once, a yes is kept.

The page's half is `common/http_question.js`: it asks where a call ends with `plain_unasked`, and calls again with
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
    """Nothing for https, for this computer, and where somebody has said yes before. `yes`: they have just now, and it
    is kept. Raises PlainUnasked, and with `yes` SettingsError where it can't be kept."""
    if not needs_yes(address) or settings.current.network.allows(address):
        return
    origin = plain_origin(address)
    if not yes:
        raise PlainUnasked(origin, field=field, host=origin.partition("//")[2], origin=origin)

    def add(now: Settings) -> dict[str, object]:
        kept = now.network.plain_origins
        return {} if now.network.allows(address) else {"network.plain_origins": [*kept, origin]}

    settings.change(add)
