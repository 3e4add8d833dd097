"""The colours our own pages are shown in, as `assets/pages/common/look.js` takes them."""

from __future__ import annotations

from typing import Any

from desktop.pages.common.services import Services


def look_of(services: Services) -> dict[str, Any]:
    """`{scheme, accent: {light, dark}}`: the scheme of the settings, the accent of the brand."""
    accent = services.brand.app.accent
    return {
        "scheme": services.settings.current.chat.theme.scheme,
        "accent": {"light": accent.light, "dark": accent.dark},
    }
