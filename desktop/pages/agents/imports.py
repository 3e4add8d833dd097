"""Importing code on the agents page, and what to do with a hosted workflow after 30 November 2026.

Imported code does not run here: it is read, kept, and shown to the person (`pages/consent`), who decides whether it may
run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, StringConstraints

from desktop.common.errors import AppError
from desktop.common.page import Method, NoParams, Params
from desktop.openai_api.lifetime import workflows_over
from desktop.pages.common.archiving import Archiving
from desktop.pages.common.check_run import FieldError
from desktop.pages.common.services import Services
from desktop.settings import roster
from desktop.settings.agents import PACKAGE, AssistantAgent, CodeAgent
from desktop.settings.errors import AgentNotSet
from desktop.settings.model import Agent, Settings, WorkflowAgent

if TYPE_CHECKING:
    from desktop.agents.code.consent import Source

LARGEST_PASTE = 4 * 1024 * 1024
"""The largest `agents.bring_code` call, in bytes: the largest source, with line breaks and quotes escaped as JSON. A
source too large for an agent is refused earlier, with a sentence at the field."""
MOST_PACKAGES = 50

Id = Annotated[str, StringConstraints(max_length=64)]


class WorkflowParams(Params):
    id: Id


class BringParams(Params):
    way: Literal["file", "text"]
    file: Annotated[str, StringConstraints(max_length=4096)] = ""
    text: Annotated[str, Field(max_length=LARGEST_PASTE)] = ""
    workflow: Id = ""
    """The workflow that the code replaces once it is approved; empty for none."""


class WorkflowEnd:
    """`put(make)` saves a new agent and returns `{id, state}`. `lock()`: why none can be chosen, or empty."""

    def __init__(
        self,
        services: Services,
        put: Callable[[Callable[[Settings], Agent]], dict[str, Any]],
        lock: Callable[[], str],
        today: Callable[[], date] = lambda: datetime.now(UTC).date(),
    ) -> None:
        self._services = services
        self._put = put
        self._lock = lock
        self._today = today
        self._archiving = Archiving(services)

    @property
    def methods(self) -> Mapping[str, Method]:
        return {
            "agents.pick_code": Method(NoParams, self._pick),
            "agents.bring_code": Method(BringParams, self._bring, limit=LARGEST_PASTE),
            "agents.go_on": Method(WorkflowParams, self._go_on),
            "agents.open_builder": Method(NoParams, self._open_builder),
            "archive.start": Method(WorkflowParams, self._archive),
            "archive.cancel": Method(NoParams, self._archiving.cancel),
            "archive.open": Method(NoParams, self._archiving.open),
        }

    def told(self) -> dict[str, Any]:
        """What the page needs to know: whether the last day has passed, and the size limit of a source, in bytes."""
        from desktop.agents.code.consent import MOST

        return {"over": workflows_over(self._today()), "largest_code": MOST}

    # --- code --------------------------------------------------------------------------------------

    def _pick(self, _: NoParams) -> str | None:
        """The path chosen; None if cancelled."""
        say = self._services.texts.get
        patterns = (say("agents.imports.python_files"), say("agents.imports.any_files"))
        return self._services.app.pick_file(say("agents.imports.choose_file"), patterns)

    def _bring(self, params: BringParams) -> dict[str, Any]:
        """Add a code agent; its source is shown next. `{id, state}`. Raises FieldError if it can't be one."""
        from desktop.agents.code import brought

        taken = self._workflow(params.workflow) if params.workflow else None
        kept: list[Source] = []

        def made(now: Settings) -> CodeAgent:
            agent_id = roster.fresh_id("code", now)
            if params.way == "file":
                source = brought.of_file(params.file)
            else:
                source = brought.of_text(params.text, self._services.locations.code / agent_id)
                brought.keep(source)
                kept.append(source)
            return CodeAgent(
                id=agent_id,
                name=taken.name if taken else self._name(source, params.way),
                file=str(source.path),
                packages=self._packages(source),
            )

        try:
            answer = self._put(made)
        except brought.UnusableError as error:
            raise FieldError(params.way, error.problem) from None
        except BaseException as error:
            for source in kept:
                with suppress(OSError):
                    brought.drop(source)
            if isinstance(error, AppError) and error.field is None:
                error.field = params.way
            raise
        if taken and not self._lock():
            self._services.state.set_taking_over(answer["id"])
        self._services.app.show_consent(answer["id"])
        return answer

    def _name(self, source: Source, way: str) -> str:
        stem = Path(source.name).stem.strip()[:60]
        return stem if way == "file" and stem else self._services.texts.get("agents.imports.new_code")

    def _packages(self, source: Source) -> list[str]:
        """Packages the source imports that are not installed, by their names for pip."""
        from desktop.agents.code.imports import lacking
        from desktop.agents.code.packages import folder

        found = lacking(source, folder(self._services.locations.folder))
        return [name for name in found if re.fullmatch(PACKAGE, name)][:MOST_PACKAGES]

    def _open_builder(self, _: NoParams) -> None:
        self._services.app.open_external(self._services.brand.links.workflows)

    # --- a workflow --------------------------------------------------------------------------------

    def _go_on(self, params: WorkflowParams) -> dict[str, Any]:
        """Replace the workflow at once by an assistant of the same name. Appearance, greeting and prompts belong to the
        profile, so they stay. `{id, state}`."""
        workflow = self._workflow(params.id)
        answer = self._put(lambda now: AssistantAgent(id=roster.fresh_id("assistant", now), name=workflow.name))
        if self._lock():
            return answer
        services = self._services
        services.settings.change(lambda _now: {"active_agent": answer["id"]})
        services.keeper.forget()
        services.app.reload_chat()
        return {**answer, "state": {**answer["state"], "active": answer["id"]}}

    def _archive(self, params: WorkflowParams) -> dict[str, bool]:
        return self._archiving.start(self._workflow(params.id))

    def _workflow(self, agent_id: str) -> WorkflowAgent:
        agent = roster.find(self._services.settings.current.agents, agent_id)
        if not isinstance(agent, WorkflowAgent):
            raise AgentNotSet()
        return agent
