"""The base of all settings models: strictness, and types used by several of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

FORMS: dict[str, str] = {}
"""{pattern: the name of the phrase that explains it}. Filled by `shaped`."""


def shaped(pattern: str, form: str, *, max_length: int | None = None, strip: bool | None = None) -> StringConstraints:
    """A text with a fixed form. `form` names the phrase `problems.<form>`, a sentence with an example, so that nobody
    is told just that something is wrong."""
    FORMS[pattern] = form
    return StringConstraints(pattern=pattern, max_length=max_length, strip_whitespace=strip)


Colour = Annotated[str, shaped(r"^#[0-9a-fA-F]{6}$", "colour")]
AgentId = Annotated[str, shaped(r"^[a-z0-9][a-z0-9_-]{0,63}$", "form_agent_id")]
Name = Annotated[str, StringConstraints(max_length=60, strip_whitespace=True)]


class Model(BaseModel):
    """Refuses unknown names, and builds validators lazily: a start pays only for the models it uses.

    A missing part is made by `model_construct`, which uses the defaults as they are. `Part()` would build the part's
    own validator, which nothing else needs.
    """

    model_config = ConfigDict(extra="forbid", defer_build=True, validate_assignment=False)


class Prompt(Model):
    """A button in an empty chat."""

    label: Annotated[str, StringConstraints(min_length=1, max_length=80, strip_whitespace=True)]
    """The button's label."""
    prompt: Annotated[str, StringConstraints(min_length=1, max_length=4000)]
    """The text that is sent."""
    icon: Annotated[str, shaped(r"^[a-z0-9:-]{1,60}$", "form_icon_name")] | None = None
    """One of ChatKit's icons, or `lucide:name`."""
