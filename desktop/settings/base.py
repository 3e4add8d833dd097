"""What every settings model is built from: strictness, and the shapes that several of them share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

FORMS: dict[str, str] = {}
"""{pattern: the name of the phrase that says in words what it asks for}. Filled by `shaped`."""


def shaped(pattern: str, form: str, *, max_length: int | None = None, strip: bool | None = None) -> StringConstraints:
    """A text of one form. `form` names the phrase `problems.<form>`, a sentence with an example in it: whoever
    meets the pattern is never told just that something is wrong."""
    FORMS[pattern] = form
    return StringConstraints(pattern=pattern, max_length=max_length, strip_whitespace=strip)


Colour = Annotated[str, shaped(r"^#[0-9a-fA-F]{6}$", "colour")]
AgentId = Annotated[str, shaped(r"^[a-z0-9][a-z0-9_-]{0,63}$", "form_agent_id")]
Name = Annotated[str, StringConstraints(max_length=60, strip_whitespace=True)]


class Model(BaseModel):
    """Strict about names, lazy about building: a start pays only for the models it uses.

    A part that is left out is made by `model_construct`, which takes its defaults as they are: `Part()` would build
    the part's own validator, which nothing else needs.
    """

    model_config = ConfigDict(extra="forbid", defer_build=True, validate_assignment=False)


class Prompt(Model):
    """A button on an empty chat."""

    label: Annotated[str, StringConstraints(min_length=1, max_length=80, strip_whitespace=True)]
    """The words on the button."""
    prompt: Annotated[str, StringConstraints(min_length=1, max_length=4000)]
    """What is sent."""
    icon: Annotated[str, shaped(r"^[a-z0-9:-]{1,60}$", "form_icon_name")] | None = None
    """One of ChatKit's icons, or `lucide:name`."""
