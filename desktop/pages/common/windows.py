"""The windows of the app that both views of a chat lead to."""

from __future__ import annotations

from desktop.common.page import Method, NoParams
from desktop.pages.common.services import Services


def window_methods(services: Services) -> dict[str, Method]:
    """`app.open_settings`, `app.open_setup`, `app.open_consent` (the page of the active agent's code). The yes to that
    code is given there, out of reach for any script of a chat."""
    app = services.app

    def settings(_: NoParams) -> None:
        app.show_settings()

    def setup(_: NoParams) -> None:
        app.show_setup()

    def consent(_: NoParams) -> None:
        app.show_consent()

    opened = {"settings": settings, "setup": setup, "consent": consent}
    return {f"app.open_{name}": Method(NoParams, call) for name, call in opened.items()}
