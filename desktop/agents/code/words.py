"""An exception's message, made presentable."""

from __future__ import annotations

from desktop.openai_api.errors_map import scrub


def said(error: BaseException, secrets: tuple[str, ...] = ()) -> str:
    """The message on one line, without secrets."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - an error of the file's own making
        text = ""
    return scrub(" ".join(f"{type(error).__name__}: {text}".rstrip(": ").split()), secrets)[:300]
