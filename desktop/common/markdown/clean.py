"""What of HTML reaches a page: nh3 (Rust's ammonia) lets through what is named here, whoever made it."""

from __future__ import annotations

import re

from desktop.common.markdown import code, formulas
from desktop.common.markdown.parser import PICTURE

_BLOCKS = {
    *("p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "hr", "ul", "ol", "li", "pre", "div"),
    *("table", "thead", "tbody", "tr", "th", "td", "details", "summary"),
}
TAGS = frozenset(
    _BLOCKS | {"a", "br", "code", "em", "img", "input", "kbd", "s", "span", "strong", "sub", "sup"} | formulas.TAGS
)
_FORMULA = {*formulas.ATTRIBUTES, "alttext"}
_ATTRIBUTES = {
    "a": {"href", "title"},
    "details": {"open"},
    "img": {"src", "alt", "title"},
    "input": {"type", "checked", "disabled"},
    "ol": {"start"},
    **dict.fromkeys(formulas.TAGS, _FORMULA),
}
_CLASSES = {
    "code": {"formula-source"},
    "div": {"code", "code-head", "table"},
    "li": {"task-list-item"},
    "ol": {"contains-task-list", "notes"},
    "span": {"code-language", "formula-alone", *code.CLASSES},
    "sup": {"note"},
    "th": {"align-center", "align-right"},
    "td": {"align-center", "align-right"},
    "ul": {"contains-task-list"},
    "mtd": set(formulas.CLASSES),
    "mrow": set(formulas.CLASSES),
}
INSIDE = "help:"
"""How a link in the app's own help leads to another place in it."""
_LINK = re.compile(r"(?:https?://|mailto:)", re.IGNORECASE)
_INSIDE = re.compile(rf"{INSIDE}[a-z0-9-]+(?:#[\w-]+)?")


def clean(html: str, *, inside: bool = False) -> str:
    """The HTML without anything that could act. `inside`: links to places of the app's own help stay."""
    import nh3

    return nh3.clean(
        html,
        tags=set(TAGS),
        clean_content_tags={"script", "style"},
        attributes=_ATTRIBUTES,
        attribute_filter=_own_attribute if inside else _attribute,
        allowed_classes=_CLASSES,
        url_schemes={"http", "https", "mailto", "data"} | ({INSIDE.removesuffix(":")} if inside else set()),
        set_tag_attribute_values={"a": {"target": "_blank"}},
        link_rel="noopener noreferrer",
    )


def _own_attribute(tag: str, name: str, value: str) -> str | None:
    return value if name == "href" and _INSIDE.fullmatch(value) else _attribute(tag, name, value)


def _attribute(tag: str, name: str, value: str) -> str | None:
    if name == "href":
        return value if _LINK.match(value) else None
    if name == "type":
        return value if value == "checkbox" else None
    if name == "src":
        return value if PICTURE.fullmatch(value) else None
    if tag in formulas.TAGS and name in formulas.ATTRIBUTES:
        return value if formulas.ATTRIBUTES[name].fullmatch(value) else None
    return value
