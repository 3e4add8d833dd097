"""Links that open the app: `scheme://prompt?text=…`, with the brand's scheme.

Any web page can contain one, so all it can do is put text into the composer, where a person decides whether to send it.
Anything else in it is ignored.
"""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from desktop.app.instance import PROMPT_LIMIT

LINK_LIMIT = 32_000
"""The longest link that is read, in characters: a prompt in which every character may be written as %xx."""


def prompt_in(link: str, scheme: str) -> str | None:
    """The text for the composer, at most PROMPT_LIMIT characters. None if the link has none for this app."""
    if len(link) > LINK_LIMIT:
        return None
    try:
        parts = urlsplit(link)
        values = parse_qs(parts.query, errors="strict", max_num_fields=20)
    except ValueError:
        return None
    if parts.scheme != scheme or (parts.netloc or parts.path.strip("/")) != "prompt":
        return None
    # No characters that control a terminal or change the direction of the text.
    text = "".join(char if char.isprintable() or char == "\n" else " " for char in values.get("text", [""])[0])
    return text.strip()[:PROMPT_LIMIT] or None
