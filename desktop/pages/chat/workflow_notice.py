"""A notice above a working chat about the end of hosted workflows, shown once before it and once after.

The person can dismiss it for good. The agents page shows what can be done about the workflow.
"""

from __future__ import annotations

from datetime import date

from desktop.openai_api.lifetime import workflows_over
from desktop.pages.common.services import Services
from desktop.settings.model import Agent, WorkflowAgent


def told(agent: Agent | None, services: Services, today: date) -> dict[str, str] | None:
    """`{message, hint}`; None if there is nothing to say or it was dismissed."""
    if not isinstance(agent, WorkflowAgent) or services.state.notice_seen(_name(agent, today)):
        return None
    say = services.texts.get
    if workflows_over(today):
        return {"message": say("chat.ahead_over"), "hint": say("chat.ahead_over_hint")}
    return {"message": say("chat.ahead"), "hint": say("chat.ahead_hint")}


def seen(agent: Agent | None, services: Services, today: date) -> None:
    """It was dismissed or followed."""
    if isinstance(agent, WorkflowAgent):
        services.state.set_notice_seen(_name(agent, today))


def _name(agent: WorkflowAgent, today: date) -> str:
    return f"{'workflows_over' if workflows_over(today) else 'workflows_end'}|{agent.id}"
