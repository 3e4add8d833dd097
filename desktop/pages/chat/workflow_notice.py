"""What is said once, over a chat that works, about the end of hosted workflows; once more when it has come.

A person can put it away for good; what can be done is on the workflow's page among the agents.
"""

from __future__ import annotations

from datetime import date

from desktop.openai_api.lifetime import workflows_over
from desktop.pages.common.services import Services
from desktop.settings.model import Agent, WorkflowAgent


def told(agent: Agent | None, services: Services, today: date) -> dict[str, str] | None:
    """`{message, hint}`; None where there is nothing to say or it has been put away."""
    if not isinstance(agent, WorkflowAgent) or services.state.notice_seen(_name(agent, today)):
        return None
    say = services.texts.get
    if workflows_over(today):
        return {"message": say("chat.ahead_over"), "hint": say("chat.ahead_over_hint")}
    return {"message": say("chat.ahead"), "hint": say("chat.ahead_hint")}


def seen(agent: Agent | None, services: Services, today: date) -> None:
    """It was put away, or followed."""
    if isinstance(agent, WorkflowAgent):
        services.state.set_notice_seen(_name(agent, today))


def _name(agent: WorkflowAgent, today: date) -> str:
    return f"{'workflows_over' if workflows_over(today) else 'workflows_end'}|{agent.id}"
