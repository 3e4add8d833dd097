"""Creates and cancels sessions of hosted workflows. They can't be renewed; create another one instead.

Knows no page and no settings file. It gets the settings and makes requests through a client.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from desktop.openai_api import lifetime, wire
from desktop.openai_api.errors import ApiError, BadAnswer
from desktop.openai_api.lifetime import Life

if TYPE_CHECKING:
    from desktop.openai_api.client import Requests
    from desktop.settings.model import Settings, WorkflowAgent

PLAIN_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")
"""Ids allowed in a path."""


@dataclass(frozen=True)
class ChatSession:
    """A session. `expires_at` is OpenAI's (unix seconds); the app uses `life`."""

    id: str
    client_secret: str = field(repr=False)
    expires_at: int
    life: Life
    status: str = "active"
    user: str = ""
    workflow: str = ""


def session_body(settings: Settings, agent: WorkflowAgent, user: str) -> dict[str, Any]:
    """The body of `POST /chatkit/sessions`, with every field of the API set explicitly.

    `version` is left out for the deployed one, and `recent_threads` for all: they can't be null.
    """
    session = settings.session
    workflow: dict[str, Any] = {
        "id": agent.workflow_id,
        "state_variables": dict(agent.state_variables),
        "tracing": {"enabled": agent.tracing.enabled},
    }
    if agent.version is not None:
        workflow["version"] = agent.version
    history: dict[str, Any] = {"enabled": session.history.enabled}
    if session.history.recent_threads is not None:
        history["recent_threads"] = session.history.recent_threads
    return {
        "user": user,
        "workflow": workflow,
        "expires_after": {"anchor": "created_at", "seconds": session.expires_after_seconds},
        "rate_limits": {"max_requests_per_1_minute": session.requests_per_minute},
        "chatkit_configuration": {
            "automatic_thread_titling": {"enabled": session.thread_titles},
            "file_upload": {
                "enabled": session.file_upload.enabled,
                "max_file_size": session.file_upload.max_file_size,
                "max_files": session.file_upload.max_files,
            },
            "history": history,
        },
    }


def mint(
    client: Requests,
    settings: Settings,
    agent: WorkflowAgent,
    user: str,
    *,
    today: date,
    monotonic: Callable[[], float] = time.monotonic,
    retries: int | None = None,
) -> ChatSession:
    """Create a session of `agent` for `user` with `settings`. See `create`."""
    return create(
        client,
        session_body(settings, agent, user),
        worked_before=agent.workflow_id in settings.workflow_worked,
        today=today,
        monotonic=monotonic,
        retries=retries,
    )


def create(
    client: Requests,
    body: Mapping[str, Any],
    *,
    worked_before: bool = False,
    today: date | None = None,
    monotonic: Callable[[], float] = time.monotonic,
    retries: int | None = None,
) -> ChatSession:
    """Create a session. The client may retry: a superfluous session just expires.

    `worked_before` and `today` tell a workflow that is gone (WorkflowGone) from one never found.
    Raises ApiError, NetworkError.
    """
    workflow = str(body.get("workflow", {}).get("id", ""))
    started = monotonic()  # before the first attempt: assuming a shorter life does no harm
    problem = None
    try:
        answer = client.request("POST", "/chatkit/sessions", json=body, retries=retries)
    except ApiError as error:
        problem = lifetime.or_gone(error, workflow, worked_before=worked_before, today=today)
        if problem is error:
            raise
    if problem is not None:
        raise problem
    session = wire.read(wire.Session, answer, client.host)
    if session.status != "active":
        raise BadAnswer(f"a new session is {session.status}", host=client.host)
    seconds = float(body.get("expires_after", {}).get("seconds", 600))
    return ChatSession(
        id=session.id,
        client_secret=session.client_secret,
        expires_at=session.expires_at,
        life=Life(started=started, seconds=seconds),
        status=session.status,
        user=session.user,
        workflow=workflow,
    )


def cancel(client: Requests, session_id: str, *, retries: int | None = 0) -> None:
    """Cancel a session, so that its secret is refused. Tried once by default. Raises AppError."""
    if not PLAIN_ID.fullmatch(session_id):
        raise BadAnswer("a session id of another shape", host=client.host)
    client.request("POST", f"/chatkit/sessions/{session_id}/cancel", retries=retries)
