"""In the child: explains why a turn failed, and finds replacements for a model that is gone."""

from __future__ import annotations

import re
from typing import Any

from desktop.agents.code import loader
from desktop.agents.code.clients import Given
from desktop.agents.code.errors import CodeError, CodeModelGone, CodePromptGone
from desktop.agents.code.loader import Beside
from desktop.agents.errors import ModelNotFound
from desktop.agents.models import failures
from desktop.agents.models.endpoints import make_client
from desktop.common.errors import AgentsMissing, AppError, InternalError

LIMIT = 10.0
"""Seconds for requesting a list of models."""
_PROMPT = re.compile(r"\bpmpt_[A-Za-z0-9]{1,100}")


def explained(failure: BaseException, beside: Beside, given: Given, model: str) -> AppError:
    """The error to report. `model`: the last one asked, as named in the file."""
    own = beside.made(failure) and not isinstance(failure, AppError)
    asked = given.asked(model)
    told: AppError = InternalError() if own else _gone(failure, given, model) or failures.of(failure, asked)
    if isinstance(told, InternalError | AgentsMissing):
        told = loader.failed(failure, beside, given.secrets)
    if isinstance(told, ModelNotFound):
        told = CodeModelGone(told.detail, file=beside.main, model=model, host=asked.host)
    if isinstance(told, CodeError) and not told.values.get("file"):
        told.values = {**told.values, "file": beside.main}
    return told


def _gone(failure: BaseException, given: Given, model: str) -> AppError | None:
    """The error for a stored prompt (`Agent(prompt={"id": "pmpt_…"})`) the endpoint does not have."""
    status = getattr(failure, "status_code", None)
    named = _PROMPT.search(str(failure)) if status in (400, 404) else None
    if named is None or "not found" not in str(failure).lower():
        return None
    return CodePromptGone(type(failure).__name__, file="", prompt=named[0], host=given.asked(model).host)


async def listed(given: Given) -> list[dict[str, Any]]:
    """The endpoint's models; empty if it has no list."""
    try:
        # A separate client: the other one's connections belong to the file's loop.
        async with make_client(given.endpoint, given.key, given.route, silence=LIMIT, retries=0) as client:
            return [model.model_dump() async for model in client.models.list()]
    except Exception:  # noqa: BLE001 - whatever it is, there is nothing to offer then
        return []
