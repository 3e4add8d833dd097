"""The colours of our own pages, for `assets/pages/common/look.js`."""

from __future__ import annotations

from typing import Any

from desktop.pages.common.services import Services


def look_of(services: Services) -> dict[str, Any]:
    """`{scheme, accent: {light, dark}}`: the theme from the settings, the accent from the brand."""
    accent = services.brand.app.accent
    return {
        "scheme": services.settings.current.chat.theme.scheme,
        "accent": {"light": accent.light, "dark": accent.dark},
    }
