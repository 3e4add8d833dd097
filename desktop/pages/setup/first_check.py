"""Checks a key and a workflow by creating a session, and saves them only then.

Used by the setup page and by "Replace key". Knows no page and no window. The key goes only to the key store and to the
API of its own origin, never into a return value, an error or a repr.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from desktop.common.errors import AppError, Described, Phrase
from desktop.keys.errors import KeyMissing
from desktop.pages.common.check_run import CheckRuns, Closes, FieldError, Keep
from desktop.pages.common.http_question import settle
from desktop.settings.errors import AgentNotSet
from desktop.settings.origins import normalise_api_base, origin_of

if TYPE_CHECKING:
    from desktop.common.errors import Catalogue
    from desktop.keys import Keys
    from desktop.openai_api.client import ApiClient
    from desktop.openai_api.sessions import ChatSession
    from desktop.settings.layers import SettingsStore
    from desktop.settings.model import WorkflowAgent

RETRIES = 1
"""A person is waiting: retry once, then say what is wrong."""

WORKFLOW_SHAPE = re.compile(r"wf_[A-Za-z0-9_-]{4,200}")
SHORTEST_WORKFLOW = len("wf_") + 4

_FIELDS = {
    "key_missing": "key",
    "key_shape": "key",
    "key_rejected": "key",
    "key_restricted": "key",
    "workflow_not_found": "workflow",
    "workflow_gone": "workflow",
}


@dataclass(frozen=True)
class Draft:
    """The key and workflow to check, in their final form. Equal drafts make equal requests."""

    api_base: str
    key: str = field(repr=False)
    agent: WorkflowAgent
    new_key: bool
    """Whether the key was typed or imported and has to be saved. Otherwise it is the stored one."""
    new_agent: bool
    """Whether to save the agent. False if the brand or the environment sets it."""


@dataclass(frozen=True)
class Minted:
    """The session that proved a draft, and the client that created it."""

    session: ChatSession
    client: ApiClient
    user: str


def clean_workflow_id(text: str) -> str:
    """The id in `text`, without spaces, line breaks and quotes; also taken from an Agent Builder address.

    Raises FieldError for `workflow`, with a sentence for each kind of mistake.
    """
    wanted = "".join(text.split()).strip("\"'`")
    if not wanted:
        raise FieldError("workflow", Phrase("setup.workflow_empty"))
    if wanted.startswith(("http://", "https://")):
        found = sorted(set(WORKFLOW_SHAPE.findall(wanted)))
        if len(found) == 1:
            return str(found[0])
    if WORKFLOW_SHAPE.fullmatch(wanted):
        return wanted
    if wanted.startswith("sk-"):
        raise FieldError("workflow", Phrase("setup.workflow_is_key"))
    if not wanted.startswith("wf_"):
        raise FieldError("workflow", Phrase("setup.workflow_no_prefix"))
    if len(wanted) < SHORTEST_WORKFLOW:
        raise FieldError("workflow", Phrase("setup.workflow_short"))
    raise FieldError("workflow", Phrase("setup.workflow_bad_chars"))


def clean_version(text: str) -> str | None:
    """The version number in `text` (`v3` means 3); None for the deployed version. Raises FieldError."""
    wanted = "".join(text.split()).strip("\"'`").lower()
    if not wanted:
        return None
    if wanted == "latest":
        raise FieldError("version", Phrase("setup.version_latest"))
    digits = wanted.removeprefix("v")
    if not re.fullmatch(r"[0-9]{1,9}", digits):
        raise FieldError("version", Phrase("setup.version_shape"))
    return digits


def placed(error: AppError, texts: Catalogue) -> Described:
    """The error as a page shows it. `field`: key, workflow, version, or None for the banner."""
    told = error.describe(texts)
    return {**told, "field": error.field or _FIELDS.get(error.code)}


class FirstCheck(CheckRuns[Draft, Minted]):
    """One check at a time: draft, mint, save, in this order.

    `forget` drops the sessions of the previous key or workflow. `adopt` takes over the session that proved the new one;
    without it, that session is cancelled. `background` runs work nobody waits for.
    """

    def __init__(
        self,
        keys: Keys,
        settings: SettingsStore,
        make_client: Callable[[str, str], ApiClient],
        *,
        forget: Callable[[], object] = lambda: None,
        adopt: Callable[[ChatSession, ApiClient], object] | None = None,
        today: Callable[[], date] = lambda: datetime.now(UTC).date(),
        background: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        super().__init__(background)
        self._keys = keys
        self._settings = settings
        self._make_client = make_client
        self._forget = forget
        self._adopt = adopt
        self._today = today

    # --- the steps -------------------------------------------------------------------------------

    def draft(
        self, *, key: str, workflow: str | None = None, version: str = "", api_base: str = "", plain: bool = False
    ) -> Draft:
        """What was typed, in its final form. Asks only the key store.

        An empty `key` means the stored one, `workflow` None the current agent. `plain`: the person has just allowed
        http there. Raises FieldError, PlainUnasked, KeyShape, KeyMissing, KeyStoreError, AgentNotSet.
        """
        from desktop.keys import normalise_key

        base = normalise_api_base(api_base) if api_base else self._settings.current.network.api_base
        settle(self._settings, base, plain)
        typed = normalise_key(key, origin_of(base)) if key.strip() else ""
        agent = self._agent(workflow, version)
        if not typed:
            stored = self._keys.read(origin_of(base))
            if not stored:
                raise KeyMissing(origin=origin_of(base), field="key")
            return Draft(base, stored, agent, new_key=False, new_agent=workflow is not None)
        return Draft(base, typed, agent, new_key=True, new_agent=workflow is not None)

    def _agent(self, workflow: str | None, version: str) -> WorkflowAgent:
        from desktop.settings.model import WorkflowAgent

        present = self._settings.current.workflow()
        if workflow is None:
            if present is None:
                raise AgentNotSet()
            return present
        wanted = {"workflow_id": clean_workflow_id(workflow), "version": clean_version(version)}
        return present.model_copy(update=wanted) if present else WorkflowAgent.model_validate(wanted)

    def mint(self, draft: Draft, uses: Callable[[Closes], object] = lambda _client: None) -> Minted:
        """Ask the API for a session with the draft's key and workflow. Raises ApiError, NetworkError.

        `uses` gets the client before it is used: closing it ends the retries.
        """
        from desktop.openai_api import sessions

        settings = self._settings.current
        user = settings.user_ids.get(draft.agent.id) or f"user_{secrets.token_hex(16)}"
        client = self._make_client(draft.api_base, draft.key)
        uses(client)
        try:
            session = sessions.mint(client, settings, draft.agent, user, today=self._today(), retries=RETRIES)
        except BaseException:
            client.close()
            raise
        return Minted(session, client, user)

    prove = mint

    def save(self, draft: Draft, minted: Minted | None, keep: Keep) -> None:
        """Save the key, then the ids, and pass the session on. `minted` is None if the draft was not checked.

        The key comes first: if the keyring refuses it, nothing has been written. Raises KeyStoreError, SettingsError.
        """
        agent = draft.agent
        if draft.new_key:
            origin = origin_of(draft.api_base)
            self._keys.save(origin, draft.key, keep=keep)
        settings = self._settings.current
        changes: dict[str, object] = {}
        if draft.api_base != settings.network.api_base:
            changes["network.api_base"] = draft.api_base
        if minted is not None:
            if agent.id not in settings.user_ids:
                changes[f"user_ids.{agent.id}"] = minted.user
            today = self._today().isoformat()
            if settings.workflow_worked.get(agent.workflow_id) != today:
                changes[f"workflow_worked.{agent.workflow_id}"] = today
        if changes:
            self._settings.update(changes)
        if draft.new_agent and agent != settings.agent():
            self._settings.replace_agent(agent)
        self._forget()
        if minted is not None and self._adopt is not None:
            self._adopt(minted.session, minted.client)
        elif minted is not None:
            self.discard(minted)

    def discard(self, minted: Minted) -> None:
        """Cancel an unused session in the background, if the API lets us."""
        from desktop.openai_api import sessions

        def end() -> None:
            try:
                sessions.cancel(minted.client, minted.session.id)
            except AppError:
                pass  # it expires within ten minutes anyway
            finally:
                minted.client.close()

        self._background(end)
