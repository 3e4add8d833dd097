"""OpenAI's answers as pydantic models. Unknown fields and kinds of item are kept.

Knows no network. Shapes: OpenAI's API description of 2026-08; compared with the `openai` package in the tests.
"""

from __future__ import annotations

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from desktop.openai_api.errors import BadAnswer


class Wire(BaseModel):
    model_config = ConfigDict(extra="allow", defer_build=True)

    def raw(self) -> dict[str, Any]:
        """The original object, with fields this app does not know."""
        return self.model_dump(exclude_unset=True)


class Session(Wire):
    """The answer of `POST /chatkit/sessions`."""

    id: Annotated[str, Field(min_length=1)]
    client_secret: Annotated[str, Field(min_length=1, repr=False)]
    expires_at: int
    """Unix seconds, by OpenAI's clock."""
    status: str = "active"
    user: str = ""


class ThreadStatus(Wire):
    type: str = "active"
    """active, locked or closed."""
    reason: str | None = None


class Thread(Wire):
    id: Annotated[str, Field(min_length=1)]
    object: str = "chatkit.thread"
    created_at: int
    """Unix seconds."""
    status: ThreadStatus = Field(default_factory=ThreadStatus)
    title: str | None = None
    user: str = ""


class Item(Wire):
    """One entry of a thread. The rest depends on `type`: `chatkit.user_message`, `chatkit.assistant_message`,
    `chatkit.widget`, `chatkit.client_tool_call`, `chatkit.task`, `chatkit.task_group`, or one yet unknown."""

    id: Annotated[str, Field(min_length=1)]
    type: str
    created_at: int | None = None
    thread_id: str = ""


Entry = TypeVar("Entry", bound=Wire)


class Page(Wire, Generic[Entry]):
    """A page of a list; `last_id` is the cursor of the next one."""

    data: list[Entry]
    has_more: bool = False
    first_id: str | None = None
    last_id: str | None = None
    object: Literal["list"] = "list"


class Deleted(Wire):
    id: str
    deleted: bool


AnyWire = TypeVar("AnyWire", bound=Wire)


def read(model: type[AnyWire], answer: dict[str, Any], host: str) -> AnyWire:
    """`answer` as `model`. Raises BadAnswer, whose detail names the fields and never repeats a value."""
    from pydantic import ValidationError

    problem = ""
    try:
        return model.model_validate(answer)
    except ValidationError as error:
        places = sorted({".".join(str(part) for part in one["loc"]) for one in error.errors(include_input=False)})
        problem = f"{model.__name__.split('[')[0]}: {', '.join(places)}"[:200]
    raise BadAnswer(problem, host=host)
