"""What every settings model is built from: strictness, and the shapes that several of them share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

Colour = Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$")]
AgentId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
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
    icon: Annotated[str, StringConstraints(pattern=r"^[a-z0-9:-]{1,60}$")] | None = None
    """One of ChatKit's icons, or `lucide:name`."""
