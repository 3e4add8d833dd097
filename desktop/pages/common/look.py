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


def chat_look_of(services: Services) -> dict[str, Any]:
    """As `look_of`, with what the settings choose for chats: `{scheme, accent, radius, density, size}`, the size of
    text in CSS pixels."""
    look, theme = look_of(services), services.settings.current.chat.theme
    chosen = {"light": theme.light.accent, "dark": theme.dark.accent}
    accent = look["accent"] | {name: one.primary for name, one in chosen.items() if one is not None}
    size = theme.typography.base_size
    return {**look, "accent": accent, "radius": theme.radius, "density": theme.density, "size": size}
