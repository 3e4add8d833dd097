"""The parts of the application that pages use. `App` makes one instance and passes it to every page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from desktop.pages.common.application import Application

if TYPE_CHECKING:
    from desktop.agents.host import AgentHost
    from desktop.app.diagnostics import Counters
    from desktop.chats.drafts import Drafts
    from desktop.common.locations import Locations
    from desktop.common.texts import Catalogue
    from desktop.keys import Keys
    from desktop.openai_api.client import ApiClient
    from desktop.openai_api.keeper import SessionKeeper
    from desktop.settings.brand import Brand
    from desktop.settings.layers import SettingsStore
    from desktop.settings.state import State


@dataclass(frozen=True)
class Services:
    """One per process. It outlives every page."""

    brand: Brand
    profile: str
    locations: Locations
    texts: Catalogue
    settings: SettingsStore
    state: State
    drafts: Drafts
    keys: Keys
    keeper: SessionKeeper
    agents: AgentHost
    counters: Counters
    app: Application
    make_client: Callable[[str, str], ApiClient]
    """(api_base, key) -> a client with this profile's proxy and CA file."""
    diagnostics: Callable[[], str]
    """The redacted text of "Copy diagnostics"."""
    component_url: str
    """Where ChatKit's script is loaded from."""
    environ: Mapping[str, str]
