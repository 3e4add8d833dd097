"""Checks a ChatKit server by a real call, and saves it and its token only then.

Used by the agents page and the token window. A token goes only to the keyring and to the server of its own origin,
never into a return value, an error or a repr.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from desktop.agents.remote.errors import ServerError, ServerTokenRefused, ServerTokenWanted
from desktop.common.errors import Phrase
from desktop.keys.errors import KeyringInsecure, KeyringMissing
from desktop.openai_api.errors import NetworkError, TlsToPlain
from desktop.pages.common.check_run import CheckRuns, Closes, FieldError, Keep
from desktop.pages.common.http_question import settle
from desktop.settings import roster
from desktop.settings.agents import ServerAgent
from desktop.settings.errors import SettingsInvalid
from desktop.settings.layers import ENVIRONMENT_AGENT
from desktop.settings.origins import is_own_host
from desktop.settings.problems import first_of
from desktop.settings.servers import normalise_server_url, problem_in, server_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from desktop.agents.remote.host import RemoteHost
    from desktop.keys import Keys
    from desktop.settings.layers import SettingsStore
    from desktop.settings.model import Settings

LONGEST_TOKEN = 8_000
"""In characters; long ones are signed identity tokens."""
MOST_AGENTS = 200


@dataclass(frozen=True)
class ServerDraft:
    """The server to check, in its final form."""

    agent: ServerAgent
    token: str = field(repr=False)
    """If empty, none is sent."""
    new_token: bool
    """Whether it was typed and has to be saved. Otherwise it is the stored one."""


class TokenField(FieldError):
    """The server wants a token, or a different one. It may be saved anyway."""


class ServerCheck(CheckRuns[ServerDraft, bool]):
    """One check at a time. `remote` talks to servers, and is made when first needed."""

    unanswered = (NetworkError, ServerError, TokenField)

    def __init__(
        self,
        keys: Keys,
        settings: SettingsStore,
        remote: Callable[[], RemoteHost],
        *,
        background: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        super().__init__(background)
        self._keys = keys
        self._settings = settings
        self._remote = remote

    # --- drafts ----------------------------------------------------------------------------------

    def draft(
        self, known: ServerAgent | None, given: Mapping[str, Any], token: str, *, plain: bool = False
    ) -> ServerDraft:
        """`given`: url, headers as lines, token_header, attachments and name, as typed. Anything missing stays as in
        `known`. An empty `token` means the stored one of that agent and origin, if any. `plain`: the person has just
        allowed http there. Raises FieldError (url, headers, token_header, token, name), PlainUnasked, KeyStoreError."""
        settings = self._settings.current
        data: dict[str, Any] = known.model_dump(mode="json") if known else {}
        data |= {name: value for name, value in given.items() if name != "headers"}
        data["kind"] = "server"
        data.setdefault("id", roster.fresh_id("server", settings))
        if "url" in given:
            try:
                data["url"] = normalise_server_url(str(given["url"]))
            except SettingsInvalid as error:
                raise FieldError("url", error.values["problem"]) from None
        if "headers" in given:
            data["headers"] = headers_of(str(given["headers"]))
        if known is None and not data.get("name"):
            data["name"] = urlsplit(str(data.get("url", ""))).netloc[:60]
        data["token_header"] = str(data.get("token_header", "")).strip() or "Authorization"
        try:
            agent = ServerAgent.model_validate(data)
        except ValidationError as error:
            loc, problem = first_of(error, ServerAgent)
            raise FieldError(str(loc[0]) if loc else "url", problem) from None
        wrong = problem_in(agent)
        if wrong is not None:
            raise FieldError(wrong[0][0], wrong[1])
        settle(self._settings, agent.url, plain, field="url")
        typed = clean_token(token)
        return ServerDraft(agent, typed or self._stored(agent), bool(typed))

    def _stored(self, agent: ServerAgent) -> str:
        try:
            return self._keys.secret(server_secret(agent)) or ""
        except (KeyringMissing, KeyringInsecure):
            return ""  # without a keyring there is no stored token, and the server may need none

    # --- asking ----------------------------------------------------------------------------------

    def prove(self, draft: ServerDraft, uses: Callable[[Closes], object] = lambda _client: None) -> bool:
        """Ask the server for one chat. Raises TokenField, ServerError, NetworkError."""
        try:
            self._remote().prove(draft.agent, draft.token, uses)
        except ServerTokenWanted as error:
            raise TokenField("token", Phrase("forms.server.token_wanted", error.values)) from None
        except TlsToPlain:
            at = urlsplit(draft.agent.url)
            if not is_own_host(at.hostname or ""):
                raise
            raise TlsToPlain(f"http{draft.agent.url[5:]}", field="url", host=at.netloc) from None
        except ServerTokenRefused as error:
            raise TokenField("token", Phrase("forms.server.token_refused", error.values)) from None
        return True

    # --- saving ----------------------------------------------------------------------------------

    def save(self, draft: ServerDraft, proof: bool | None, keep: Keep) -> None:
        """Save the token, then the agent. Raises KeyStoreError, SettingsError. The token comes first: if the keyring
        refuses it, nothing has been written. The token of the agent's previous address is deleted."""
        agent = draft.agent
        before = roster.find(self._settings.current.agents, agent.id)
        if draft.new_token:
            self._keys.save_secret(server_secret(agent), draft.token, keep=keep)

        def changes(now: Settings) -> dict[str, object]:
            kept = [one for one in now.agents if one.id != ENVIRONMENT_AGENT]
            if roster.find(kept, agent.id) is None and len(kept) >= MOST_AGENTS:
                raise FieldError("url", Phrase("agents.most_agents", {"limit": MOST_AGENTS}))
            made: dict[str, object] = {}
            if agent not in kept:
                made["agents"] = roster.put(kept, agent)
            if not now.agents:
                made["active_agent"] = agent.id
            return made

        if changes(self._settings.current):
            self._settings.change(changes)
        if isinstance(before, ServerAgent) and server_secret(before) != server_secret(agent):
            forget_token(self._keys, before)
        self._remote().token_answered(agent.id, given=True)


def forget_token(keys: Keys, agent: ServerAgent) -> None:
    """Delete an agent's token. Raises KeyStoreError, but not for a missing keyring, where nothing was stored."""
    try:
        keys.remove_secret(server_secret(agent))
    except (KeyringMissing, KeyringInsecure, SettingsInvalid):
        pass


def clean_token(text: str) -> str:
    """The token without anything copied along with it. Raises FieldError for `token`."""
    token = re.sub(
        r"^(?:authorization\s*:\s*)?bearer\s+", "", text.strip().strip("\"'`<>"), flags=re.IGNORECASE
    ).strip()
    if not all(33 <= ord(char) < 127 for char in token) or len(token) > LONGEST_TOKEN:
        raise FieldError("token", Phrase("forms.server.token_shape"))
    return token


def headers_of(text: str) -> dict[str, str]:
    """Parse lines of `Name: value`. Raises FieldError for `headers`."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise FieldError("headers", Phrase("forms.server.headers_shape"))
        if name.strip().lower() in (known.lower() for known in found):
            raise FieldError("headers", Phrase("problems.server_header", {"name": name.strip()[:60]}))
        found[name.strip()] = value.strip()
    return found


def lines_of(headers: Mapping[str, str]) -> str:
    """The inverse of `headers_of`."""
    return "\n".join(f"{name}: {value}" for name, value in headers.items())
