"""What pages learn about the keyring and the key in it; never the key itself."""

from __future__ import annotations

from typing import Any

from desktop.pages.common.services import Services
from desktop.settings.origins import origin_of


def key_status(services: Services, base: str = "") -> dict[str, Any]:
    """Whether there is a key for `base` (empty: the current API), and where. May wait for the keyring."""
    status = services.keys.status(origin_of(base or services.settings.current.network.api_base))
    # A locked keyring can be unlocked; a missing one can't.
    usable = status.problem is None or status.problem.retryable
    return {
        "lasting": services.keys.store.persistent and usable,
        "present": status.present,
        "where": status.where,
        "store": status.store_name,
        "problem": status.problem.describe(services.texts) if status.problem else None,
    }


def tell_waiting(services: Services) -> None:
    """The keyring is asking the person to unlock it. The pages where this can happen say so."""
    for page in ("setup", "settings", "agents"):
        services.app.emit(page, "keyring.waiting", {"store": services.keys.store.name})
