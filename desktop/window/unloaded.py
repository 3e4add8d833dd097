"""The page shown when a window's own page could not be loaded: a sentence and a way to retry, without scripts.

An engine's own error page is no help to a person (WebKitGTK's is blank). Knows no window.
"""

from __future__ import annotations

import html

TRIES = (0.3, 1.5)
"""Seconds before each automatic retry. After the last, the app shows the error."""

_PAGE = """<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{title}</title><style>
:root {{ color-scheme: {scheme}; font: 15px/1.5 system-ui, sans-serif; }}
body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; background: {ground}; color: {ink}; }}
main {{ max-width: 440px; padding: 24px; }}
h1 {{ font-size: 20px; font-weight: 600; margin: 0 0 8px; }}
p {{ margin: 0 0 24px; }}
a {{ display: inline-block; padding: 8px 16px; border-radius: 8px; background: {ink}; color: {ground};
text-decoration: none; }}
a:focus-visible {{ outline: 2px solid {ink}; outline-offset: 2px; }}
</style></head><body><main role="alert"><h1>{title}</h1><p>{text}</p><a href="{address}" autofocus>{again}</a></main>
</body></html>"""


def page(*, title: str, text: str, again: str, address: str, ground: str, dark: bool, language: str = "en") -> str:
    """`address`: the page that did not load, for the retry button. `ground`: the window's background, #rrggbb."""
    return _PAGE.format(
        language=html.escape(language),
        title=html.escape(title),
        text=html.escape(text),
        again=html.escape(again),
        address=html.escape(address),
        ground=ground,
        ink="#f1f5f9" if dark else "#0f172a",
        scheme="dark" if dark else "light",
    )
