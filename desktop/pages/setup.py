"""The page of the first launch: what it may ask for. It runs no remote script, so the key may be typed there.

A key goes in and never comes out: an imported one waits here, and the page learns only where it came from.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints

from desktop.errors import BadParams, Catalogue, KeyMissing
from desktop.pages.check_run import Outcome
from desktop.pages.first_check import Draft, FirstCheck, placed
from desktop.pages.look import look_of
from desktop.pages.page import Method, NoParams, Page, Params
from desktop.pages.services import Services

ENV_KEY = "OPENAI_API_KEY"

Typed = Annotated[str, StringConstraints(max_length=20_000)]
"""Room for anything that is pasted by mistake, so that the page can say what is wrong with it."""


class CheckParams(Params):
    number: Annotated[int, Field(ge=1, le=1_000_000)]
    """Names this check for `setup.cancel`."""
    key: Typed = ""
    """Empty: the imported key (`use_pending`), else the stored one."""
    use_pending: bool = False
    workflow: Typed = ""
    version: Typed = ""
    keep: Literal["keyring", "session"] = "keyring"
    unchecked: bool = False
    """Save without a check; obeyed only right after the same values met a network error."""


class CancelParams(Params):
    number: Annotated[int, Field(ge=1, le=1_000_000)]


class LinkParams(Params):
    link: Annotated[str, StringConstraints(max_length=40)]
    """A name of the page's own list of links."""


@dataclass(frozen=True)
class _Pending:
    """An imported key, kept from the page."""

    name: str
    key: str = field(repr=False)
    api_base: str = ""


class SetupPage:
    """One for each showing of the page. `page()` lists everything it may ask for."""

    def __init__(self, services: Services, check: FirstCheck | None = None) -> None:
        self._services = services
        self._first = check or first_check(services)
        self._lock = threading.Lock()
        self._pending: _Pending | None = None

    def page(self) -> Page:
        services = self._services
        return Page(
            name="setup",
            html="setup.html",
            files=(
                "pages/base.css",
                "pages/setup.css",
                "pages/setup.js",
                "pages/parts.js",
                "pages/bridge.js",
                "pages/texts.js",
                "pages/look.js",
                "pages/clipboard.js",
                services.brand.app.icon,
            ),
            methods={
                "setup.start": Method(NoParams, self._start),
                "setup.key_status": Method(NoParams, self._key_status),
                "setup.check": Method(CheckParams, self._check),
                "setup.cancel": Method(CancelParams, self._cancel),
                "setup.import_env_key": Method(NoParams, self._import_env_key),
                "setup.import_dotenv": Method(NoParams, self._import_dotenv),
                "setup.drop_key": Method(NoParams, self._drop_key),
                "setup.close": Method(NoParams, self._close),
                "app.open_link": Method(LinkParams, self._open_link),
            },
            title=services.texts.get("setup.window_title", app=services.brand.app.name),
        )

    # --- what the page is told ------------------------------------------------------------------

    def _start(self, _: NoParams) -> dict[str, Any]:
        """Everything but the state of the keyring, which may take its time."""
        from desktop.openai_api.lifetime import workflows_over

        services = self._services
        settings = services.settings.current
        agent = settings.workflow()
        return {
            "texts": services.texts.page("common", "setup"),
            "look": look_of(services),
            "app": services.brand.app.name,
            "icon": services.brand.app.icon,
            "host": host_of(settings.network.api_base),
            "again": agent is not None and not services.brand.fixes_agent,
            "asks_workflow": self._asks_workflow(),
            "workflow": agent.workflow_id if agent else "",
            "version": (agent.version or "") if agent else "",
            "workflow_from": "" if self._asks_workflow() else self._agent_layer(),
            "env_name": ENV_KEY if self._env_key() else "",
            "ended": workflows_over(datetime.now(UTC).date()),
            "links": {"keys": services.brand.links.api_keys, "workflows": services.brand.links.workflows},
        }

    def _key_status(self, _: NoParams) -> dict[str, Any]:
        return key_status(self._services)

    def _agent_layer(self) -> str:
        settings = self._services.settings
        if self._services.brand.fixes_agent:
            return "brand"
        for layer in ("command_line", "environment"):
            if layer in (settings.layer_of("active_agent"), settings.layer_of("agents")):
                return layer
        return "settings"

    def _asks_workflow(self) -> bool:
        return self._agent_layer() == "settings"

    # --- imports ---------------------------------------------------------------------------------

    def _env_key(self) -> str:
        return self._services.environ.get(ENV_KEY, "").strip()

    def _import_env_key(self, _: NoParams) -> dict[str, Any]:
        """Marks the environment's key as the one to check; only on the person's click."""
        key = self._env_key()
        if not key:
            raise KeyMissing(origin=host_of(self._services.settings.current.network.api_base), field="key")
        with self._lock:
            self._pending = _Pending(ENV_KEY, key)
        return {"name": ENV_KEY}

    def _import_dotenv(self, _: NoParams) -> dict[str, Any] | None:
        """Reads a starter's `.env`: the key waits here, ids go to the page. None: no file was chosen."""
        from desktop.settings.dotenv import read_starter

        texts = self._services.texts
        chosen = self._services.desk.pick_file(
            texts.get("setup.import_dotenv_title"),
            (texts.get("setup.import_dotenv_kind"), texts.get("setup.import_any_kind")),
        )
        if not chosen:
            return None
        starter = read_starter(Path(chosen))
        ignored = list(starter.ignored)
        settings = self._services.settings
        base = starter.api_base
        if base == settings.current.network.api_base:
            base = ""
        key = starter.key
        if base and (
            settings.is_fixed("network.api_base")
            or settings.layer_of("network.api_base") in ("command_line", "environment")
        ):
            # The file's key belongs to the file's address; where that can't be taken, neither can the key.
            ignored += ["CHATKIT_API_BASE", *([ENV_KEY] if key else [])]
            base, key = "", ""
        name = Path(chosen).name
        with self._lock:
            if key:
                self._pending = _Pending(name, key, base)
        return {
            "key": bool(key),
            "workflow": starter.workflow_id,
            "version": starter.version,
            "file": name,
            "api_host": host_of(base) if base and key else "",
            "found": [
                label
                for label, value in (
                    (ENV_KEY, key),
                    ("CHATKIT_WORKFLOW_ID", starter.workflow_id),
                    ("CHATKIT_API_BASE", base),
                )
                if value
            ],
            "ignored": ignored[:50],
        }

    def _drop_key(self, _: NoParams) -> None:
        with self._lock:
            self._pending = None

    # --- the check -------------------------------------------------------------------------------

    def _check(self, params: CheckParams) -> dict[str, Any]:
        """Checks, then saves, then opens the chat. `{error, can_save, cancelled}`."""
        with self._lock:
            pending = self._pending if params.use_pending else None

        def wanted() -> Draft:
            return self._first.draft(
                key=pending.key if pending else params.key,
                workflow=params.workflow if self._asks_workflow() else None,
                version=params.version,
                api_base=pending.api_base if pending else "",
            )

        outcome = self._first.run(params.number, wanted, params.keep, unchecked=params.unchecked)
        if outcome.error is None and not outcome.cancelled:
            self._drop_key(NoParams())
            self._services.desk.show_chat()
        return told(outcome, self._services.texts)

    def _cancel(self, params: CancelParams) -> dict[str, bool]:
        return {"stopped": self._first.cancel(params.number)}

    # --- the rest --------------------------------------------------------------------------------

    def _close(self, _: NoParams) -> None:
        self._services.desk.show_chat()

    def _open_link(self, params: LinkParams) -> None:
        links = {"keys": self._services.brand.links.api_keys, "workflows": self._services.brand.links.workflows}
        if not links.get(params.link):
            raise BadParams(problem=f"no such link: {params.link}")
        self._services.desk.open_external(links[params.link])


def first_check(services: Services) -> FirstCheck:
    """The check with this application's parts."""
    return FirstCheck(
        services.keys,
        services.settings,
        services.make_client,
        forget=services.keeper.forget,
        adopt=services.keeper.adopt,
        kept=services.state.set_key_known,
    )


def told(outcome: Outcome, texts: Catalogue) -> dict[str, Any]:
    """An outcome as a page is given it: `{error: Described | None, can_save, cancelled}`."""
    return {
        "error": placed(outcome.error, texts) if outcome.error else None,
        "can_save": outcome.can_save,
        "cancelled": outcome.cancelled,
    }


def host_of(api_base: str) -> str:
    """The host with its port, as a sentence names it."""
    return urlsplit(api_base).netloc


def key_status(services: Services) -> dict[str, Any]:
    """Whether there is a key and where; never the key. May wait for the keyring."""
    from desktop.settings.origins import origin_of

    if services.keys.on_waiting is None:
        services.keys.on_waiting = lambda _what: _tell_waiting(services)
    status = services.keys.status(origin_of(services.settings.current.network.api_base))
    # A locked keyring can be unlocked; a missing one is missing.
    usable = status.problem is None or status.problem.retryable
    return {
        "lasting": services.keys.store.persistent and usable,
        "present": status.present,
        "where": status.where,
        "store": status.store_name,
        "problem": status.problem.describe(services.texts) if status.problem else None,
    }


def _tell_waiting(services: Services) -> None:
    """The keyring asks the person to unlock it: the pages where that can happen say so."""
    for page in ("setup", "settings"):
        services.desk.emit(page, "keyring.waiting", {"store": services.keys.store.name})
