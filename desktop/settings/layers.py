"""The settings in effect: the command line overrides the environment, then the settings file, the brand, the defaults.

The only owner of settings in a running app. A bad value in the file is ignored, reported and left in the file. One on
the command line or in the environment raises, so that nothing runs with settings nobody asked for.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, Literal, NamedTuple, cast

from pydantic import BaseModel, ValidationError

from desktop.common.errors import AppError, FileUnreadable, Phrase
from desktop.settings import endpoint_addresses, servers, tree
from desktop.settings.agents import InAppAgent
from desktop.settings.brand import Brand
from desktop.settings.errors import BrandInvalid, SettingsInvalid, SettingsNewer, SettingsUnwritable
from desktop.settings.file import Loaded, SettingsFile
from desktop.settings.mcp import first_problem
from desktop.settings.mcp_secrets import has_secret
from desktop.settings.model import Agent, Settings, WorkflowAgent
from desktop.settings.origins import check_proxy, first_plain_problem, normalise_api_base
from desktop.settings.problems import first_of

Layer = Literal["command_line", "environment", "settings", "brand", "default"]

ENVIRONMENT_AGENT = "environment"
"""The id of the agent made from `CHATKIT_WORKFLOW_ID`."""

IGNORED_LIMIT = 100
"""A file with more bad values than this counts as damaged."""


CANONICAL: Mapping[tree.Path, Callable[[str], str]] = {
    ("network", "api_base"): normalise_api_base,
    ("network", "proxy"): check_proxy,
}
"""Functions that check and normalise settings whose form pydantic can't describe."""


PLAIN: tree.Path = ("network", "plain_origins")


class _Invalid(SettingsInvalid):
    """A problem at a path. A dotted name would be ambiguous, since the user's names may contain dots."""

    def __init__(self, path: tree.Path, problem: Phrase, layer: Layer, *, spoils: int | None = None) -> None:
        """`spoils`: how many steps of the path lead to the part that becomes unusable; None for all."""
        super().__init__(name=tree.join(path), problem=problem, layer=layer)
        self.path = path
        self.spoilt = path[:spoils]
        self.problem = problem


class Row(NamedTuple):
    """One setting in effect. `value`: as JSON."""

    name: str
    value: Any
    layer: Layer


class SettingsStore:
    """The settings of one profile. Thread-safe.

    `command_line` maps dotted names to values. Raises SettingsInvalid for a bad value on the command line or in the
    environment. `notices` reports problems in the file.
    """

    def __init__(
        self,
        file: SettingsFile,
        brand: Brand,
        *,
        environ: Mapping[str, str] | None = None,
        command_line: Mapping[str, Any] | None = None,
    ) -> None:
        self._file = file
        self._brand = brand
        self._environ = dict(environ or {})
        self._command_line = self._typed(command_line or {})
        self._lock = threading.RLock()
        self._listeners: list[Callable[[frozenset[str]], None]] = []
        self.notices: list[AppError] = []
        self._ignored: list[tree.Path] = []
        self._loaded = Loaded()
        self._settings_layer: tree.Tree = {}
        self._environment_layer: tree.Tree = {}
        self._current: Settings = Settings.model_construct()
        self._load()

    # --- reading ------------------------------------------------------------------------------

    @property
    def current(self) -> Settings:
        """The settings in effect. Read-only."""
        return self._current

    def layer_of(self, dotted: str) -> Layer:
        """The layer a setting (or the first value below it) comes from."""
        path = tree.split(dotted)
        for layer, values in self._stack():
            if tree.find(values, path) is not tree.MISSING:
                return layer
        return "default"

    def rows(self) -> list[Row]:
        """Every setting in effect, in the order of the model."""
        with self._lock:
            return [
                Row(name, plain(value), self.layer_of(name)) for name, value in _leaves_of(self._current, prefix=())
            ]

    def is_fixed(self, dotted: str) -> bool:
        """Whether the app's maker has fixed the setting."""
        return self._brand.is_fixed(dotted)

    @property
    def read_only(self) -> AppError | None:
        """Why nothing can be saved (a newer app's file, or an unreadable one), or None."""
        return self._loaded.closed

    # --- changing -----------------------------------------------------------------------------

    def update(self, changes: Mapping[str, Any]) -> Settings:
        """Save `{dotted: value}` to the profile's file. None returns to the layer below.

        All or nothing. Raises SettingsInvalid (`field`: the dotted name), SettingsNewer, SettingsUnwritable.
        """
        with self._lock:
            current = self._apply(changes)
        self._tell(changes)
        return current

    def change(self, make: Callable[[Settings], Mapping[str, Any]]) -> Settings:
        """Like `update`, with changes computed from the current settings; no other change can come in between."""
        with self._lock:
            if self._file.changed():
                self._load()
            changes = make(self._current)
            current = self._apply(changes)
        self._tell(changes)
        return current

    def replace_agent(self, agent: Agent, *, activate: bool = True) -> Settings:
        """Save `agent`, replacing the one with its id or adding it, and make it the active agent."""
        with self._lock:
            agents = [plain(known) for known in self._current.agents if known.id != ENVIRONMENT_AGENT]
            places = [index for index, known in enumerate(agents) if known["id"] == agent.id]
            if places:
                agents[places[0]] = plain(agent)
            else:
                agents.append(plain(agent))
            changes: dict[str, Any] = {"agents": agents}
            if activate:
                changes["active_agent"] = agent.id
            current = self._apply(changes)
        self._tell(changes)
        return current

    def user_id(self, agent_id: str) -> str:
        """The stable user id of an agent. If there is none, one is created and saved.

        If nothing can be saved, the id lasts as long as the process.
        """
        with self._lock:
            known = self._current.user_ids.get(agent_id)
            made = known or self._new_user(agent_id)
        if not known:
            self._tell({f"user_ids.{agent_id}": made})
        return made

    def forget_user(self, agent_id: str) -> str:
        """Create a new user id for an agent at once. Hosted threads of the old one are then out of reach."""
        with self._lock:
            made = self._new_user(agent_id)
        self._tell({f"user_ids.{agent_id}": made})
        return made

    def _new_user(self, agent_id: str) -> str:
        made = f"user_{os.urandom(16).hex()}"
        try:
            self._apply({f"user_ids.{agent_id}": made})
        except (SettingsNewer, SettingsUnwritable, FileUnreadable) as error:
            users = {**self._current.user_ids, agent_id: made}
            self._current = self._current.model_copy(update={"user_ids": users})
            if all(type(known) is not type(error) for known in self.notices):
                self.notices.append(error)
        return made

    def _apply(self, changes: Mapping[str, Any]) -> Settings:
        if self._file.changed():
            self._load()
        if self._loaded.closed is not None:
            raise self._loaded.closed
        checked = self._checked(changes)
        raw = deepcopy(self._loaded.raw)
        paths = [tree.split(name) for name in checked]
        for path, value in zip(paths, checked.values(), strict=True):
            if value is None:
                tree.drop(raw, path)
            else:
                tree.put(raw, path, deepcopy(value))
        kept = [bad for bad in self._ignored if not any(_overlap(bad, path) for path in paths)]
        effective = deepcopy(raw)
        effective.pop("version", None)
        for bad in sorted(kept, key=_order, reverse=True):
            tree.drop(effective, bad)
        self._strip_fixed(effective)
        # The file's layer must be valid even if the environment overrides it.
        lower = self._validate(tree.merge(self._brand.settings, effective), "settings")
        if "mcp_servers" in checked:
            self._refuse_secrets(lower)
        upper, current = self._upper(lower, effective)
        if len(kept) < len(self._ignored):
            self._file.copy_aside()  # overwrites a value that was ignored so far
        self._file.save(raw)
        self._loaded.raw, self._settings_layer, self._ignored = raw, effective, kept
        self._environment_layer, self._current = upper, current
        return current

    def _refuse_secrets(self, wanted: Settings) -> None:
        """Refuse a new secret in an MCP server's address. One that is already there waits to be moved."""
        known = {server.url for server in self._current.mcp_servers}
        for index, server in enumerate(wanted.mcp_servers):
            if server.url and server.url not in known and has_secret(server):
                problem = Phrase("problems.mcp_secret", {"name": "url"})
                raise _Invalid(("mcp_servers", index, "url"), problem, "settings")

    def _tell(self, changes: Mapping[str, Any]) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener(frozenset(changes))

    def subscribe(self, listener: Callable[[frozenset[str]], None]) -> Callable[[], None]:
        """Call `listener` with the dotted names of every update, on the updating thread. Returns a function that stops
        it."""
        with self._lock:
            self._listeners.append(listener)

        def stop() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return stop

    # --- layers -------------------------------------------------------------------------------

    def _stack(self) -> list[tuple[Layer, Mapping[str, Any]]]:
        return [
            ("command_line", self._command_line),
            ("environment", self._environment_layer),
            ("settings", self._settings_layer),
            ("brand", self._brand.settings),
        ]

    def _load(self) -> None:
        self._loaded = self._file.load()
        self.notices = list(self._loaded.notices)
        self._ignored = []
        lower = self._read_settings()
        if lower is None:
            self._loaded = self._file.set_aside()
            self.notices, self._ignored = list(self._loaded.notices), []
            lower = self._read_settings()
            assert lower is not None  # noqa: S101 - an empty layer over a sound brand
        self._environment_layer, self._current = self._upper(lower, self._settings_layer)

    def _read_settings(self) -> Settings | None:
        """Combine brand and file, ignoring and reporting bad values in the file. None if there are too many."""
        layer = deepcopy(self._loaded.raw)
        layer.pop("version", None)
        self._strip_fixed(layer)
        self._settings_layer = layer
        gone: list[tree.Path] = []
        while len(gone) < IGNORED_LIMIT:
            try:
                return self._validate(tree.merge(self._brand.settings, layer), "settings")
            except _Invalid as problem:
                path = tree.reachable(layer, problem.spoilt)
                if not path:
                    raise BrandInvalid(name=problem.name, problem=problem.problem) from None
                original = _original(path, gone)
                if not any(known[: len(original)] == original for known in self._ignored):
                    named = _Invalid((*original, *problem.path[len(path) :]), problem.problem, "settings")
                    self.notices.append(named)
                self._ignored.append(original)
                gone.append(path)
                tree.drop(layer, path)
        return None

    def _upper(self, lower: Settings, settings_layer: tree.Tree) -> tuple[tree.Tree, Settings]:
        """The environment's layer, and the settings with environment and command line on top of `lower`."""
        environment = self._from_environment(lower)
        if not environment and not self._command_line:
            return environment, lower
        base = tree.merge(self._brand.settings, settings_layer)
        current = self._validate(tree.merge(base, environment), "environment")
        if self._command_line:
            said = deepcopy(self._command_line)
            more = tree.find(said, PLAIN)
            if isinstance(more, list):  # allowed for this launch, in addition to those saved
                tree.put(said, PLAIN, [*current.network.plain_origins, *more])
            current = self._validate(tree.merge(base, environment, said), "command_line")
        return environment, current

    def _from_environment(self, lower: Settings) -> tree.Tree:
        found: tree.Tree = {}
        base = self._environ.get("CHATKIT_API_BASE", "").strip()
        if base and not self.is_fixed("network.api_base"):
            tree.put(found, ("network", "api_base"), base)
        workflow = self._environ.get("CHATKIT_WORKFLOW_ID", "").strip()
        if workflow and not self.is_fixed("agents"):
            known = next((agent for agent in lower.agents if getattr(agent, "workflow_id", None) == workflow), None)
            if known is None:
                agents = [plain(agent) for agent in lower.agents if agent.id != ENVIRONMENT_AGENT]
                found["agents"] = [{"id": ENVIRONMENT_AGENT, "workflow_id": workflow}, *agents]
            found["active_agent"] = known.id if known else ENVIRONMENT_AGENT
        if self._environ.get("DEBUG", "").strip().lower() in ("1", "true", "yes", "on"):
            found["log_level"] = "DEBUG"
        return found

    def _typed(self, values: Mapping[str, Any]) -> tree.Tree:
        """The command line's dotted values as a layer."""
        layer: tree.Tree = {}
        for name, value in values.items():
            if self.is_fixed(name):
                raise SettingsInvalid(name=name, problem=Phrase("problems.fixed"), layer="command_line")
            tree.put(layer, tree.split(name), plain(value))
        return layer

    def _strip_fixed(self, layer: tree.Tree) -> None:
        for name in self._brand.fixed:
            tree.drop(layer, tree.split(name))

    def _checked(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        checked: dict[str, Any] = {}
        for name, value in changes.items():
            if self.is_fixed(name):
                raise SettingsInvalid(name=name, problem=Phrase("problems.fixed"))
            checked[name] = None if value is None else plain(value)
            canonical = CANONICAL.get(tree.split(name))
            if canonical is not None and isinstance(value, str):
                checked[name] = canonical(value)
        return checked

    # --- validation ---------------------------------------------------------------------------

    def _validate(self, values: tree.Tree, layer: Layer) -> Settings:
        """Validate the values. Raises SettingsInvalid for the first problem, attributed to `layer`."""
        for path, canonical in CANONICAL.items():
            value = tree.find(values, path)
            if isinstance(value, str):
                try:
                    tree.put(values, path, canonical(value))
                except SettingsInvalid as error:
                    raise _Invalid(path, cast(Phrase, error.values["problem"]), layer) from None
        try:
            settings = Settings.model_validate(values)
        except ValidationError as error:
            loc, problem = first_of(error, Settings)
            raise _Invalid(tree.reachable(values, loc), problem, layer) from None
        seen: set[str] = set()
        for index, agent in enumerate(settings.agents):
            if agent.id in seen:
                raise _Invalid(("agents", index), Phrase("problems.same_id", {"id": agent.id}), layer)
            seen.add(agent.id)
        plain = first_plain_problem(settings.network.plain_origins)
        if plain is not None:
            raise _Invalid(*plain, layer)
        found = (
            servers.first_problem(settings.agents)
            or first_problem(settings.mcp_servers, movable=True)
            or endpoint_addresses.first_problem(settings.endpoints)
        )
        if found is not None:
            raise _Invalid(*found, layer, spoils=2)  # without one of its values it would be another server
        return settings


def plain(value: Any) -> Any:
    """A value as JSON. Models become dicts without defaults."""
    if isinstance(value, BaseModel):
        return {**value.model_dump(mode="json", exclude_defaults=True), **_identity(value)}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    return value


def _identity(value: BaseModel) -> dict[str, Any]:
    return {"kind": value.kind, "id": value.id} if isinstance(value, (WorkflowAgent, InAppAgent)) else {}


def _leaves_of(model: BaseModel, prefix: tuple[str, ...]) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            found += _leaves_of(value, (*prefix, name))
        else:
            found.append((".".join((*prefix, name)), value))
    return found


def _overlap(one: tree.Path, other: tree.Path) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _order(path: tree.Path) -> list[str]:
    """A sort key: list entries by index, parents before their children."""
    return [f"{part:09d}" if isinstance(part, int) else part for part in path]


def _original(path: tree.Path, gone: list[tree.Path]) -> tree.Path:
    """The location of `path` in the file, before the list entries in `gone` were removed."""
    result = list(path)
    for removed in reversed(gone):
        at = len(removed) - 1
        if isinstance(removed[at], int) and len(result) > at and tuple(result[:at]) == removed[:at]:
            here, there = result[at], removed[at]
            if isinstance(here, int) and isinstance(there, int) and here >= there:
                result[at] = here + 1
    return tuple(result)
