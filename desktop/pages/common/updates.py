"""New versions on pages: a quiet line above a working chat, and "Check now" in the settings."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import StringConstraints

from desktop.common.page import Method, NoParams, Params
from desktop.pages.common.services import Services


class SeenParams(Params):
    version: Annotated[str, StringConstraints(pattern=r"^[0-9.]{1,60}$")]


def for_chat(services: Services) -> dict[str, Method]:
    """What the line over a chat can do."""

    def seen(params: SeenParams) -> None:
        services.state.set_notice_seen(_notice(params.version))

    def follow(params: SeenParams) -> None:
        seen(params)
        services.app.open_external(services.brand.links.releases)

    methods = {"update.seen": Method(SeenParams, seen), "update.open": Method(SeenParams, follow)}
    return methods if _has_page(services) else {}


def for_settings(services: Services) -> dict[str, Method]:
    """`updates.check` -> `{version, newer, notes}`."""

    def check(_: NoParams) -> dict[str, Any]:
        from desktop.app import updates

        found = updates.check(services.brand, services.settings.current, services.keys.proxy_password)
        return {"version": found.version, "newer": found.newer, "notes": found.notes}

    return {"updates.check": Method(NoParams, check)} if _has_page(services) else {}


def shown(services: Services) -> dict[str, Any]:
    """What the settings offer: `{host, automatic}`. Without a host there is no button; if not automatic, no switch."""
    from urllib.parse import urlsplit

    from desktop.app.updates import address

    asked = urlsplit(address(services.brand.links.releases)).hostname or ""
    return {"host": asked, "automatic": bool(asked) and not services.brand.package.distribution}


def look(services: Services, *, packaged: bool) -> dict[str, str] | None:
    """The line above the chat, `{version, message, hint, action}`; None if there is nothing new, or no check is due.
    Waits for the network: call it on its own thread, once the chat is ready."""
    from desktop.app import updates

    brand, settings = services.brand, services.settings.current
    if not updates.is_due(brand, settings, services.state, packaged=packaged):
        return None
    found = updates.look(brand, settings, services.state, services.keys.proxy_password)
    if found is None or services.state.notice_seen(_notice(found.version)):
        return None
    say = services.texts.get
    return {
        "version": found.version,
        "message": say("common.update", app=brand.app.name, version=found.version),
        "hint": next((line.lstrip("#*- ").strip()[:160] for line in found.notes.splitlines() if line.strip()), ""),
        "action": say("common.update_open"),
    }


def _has_page(services: Services) -> bool:
    return services.brand.links.releases.startswith("https://")


def _notice(version: str) -> str:
    return f"update|{version}"
