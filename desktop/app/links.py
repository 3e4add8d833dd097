"""Links that open the app: `scheme://prompt?text=…`, with the scheme of the brand.

Any page in a browser can make one. So all it can do is to put words into the composer, where a person reads them and
sends them or not; and what it holds beyond that is left out without a word.
"""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from desktop.app.instance import PROMPT_LIMIT

LINK_LIMIT = 32_000
"""Characters of a link that is read at all: a prompt, every character of which may be written as %xx."""


def prompt_in(link: str, scheme: str) -> str | None:
    """The words for the composer, cut off after PROMPT_LIMIT characters; None where the link has none for this app."""
    if len(link) > LINK_LIMIT:
        return None
    try:
        parts = urlsplit(link)
        values = parse_qs(parts.query, errors="strict", max_num_fields=20)
    except ValueError:
        return None
    if parts.scheme != scheme or (parts.netloc or parts.path.strip("/")) != "prompt":
        return None
    # Neither characters that steer a terminal nor those that turn the direction of the text round.
    text = "".join(char if char.isprintable() or char == "\n" else " " for char in values.get("text", [""])[0])
    return text.strip()[:PROMPT_LIMIT] or None
