"""What every command builds on: brand, settings, keys, texts of one profile, each made when first asked for.

Nothing heavy is imported here: a start pays only for what it uses.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from desktop.common import locations as places
from desktop.common import output, streams
from desktop.common.errors import AppError, Described, OutputUnwritable, UsageError
from desktop.common.unseen import RESET, for_json, for_terminal
from desktop.keys.errors import KeyMissing
from desktop.settings.errors import SettingsInvalid

if TYPE_CHECKING:
    from desktop.agents.code.consent import Consents
    from desktop.agents.code.parent import Place
    from desktop.agents.host import AgentHost
    from desktop.common.locations import Locations
    from desktop.common.texts import Catalogue
    from desktop.keys import Keys
    from desktop.openai_api.client import ApiClient
    from desktop.settings.brand import Brand
    from desktop.settings.layers import SettingsStore
    from desktop.settings.model import Settings
    from desktop.settings.state import State

OPENAI_COMPONENT = "https://cdn.platform.openai.com/deployments/chatkit/chatkit.js"
"""ChatKit's script: rolling, unversioned; never vendored or proxied, there is no licence for that."""
DEMO = "demo"
"""The id of the demo's agent, and of its profile."""


class Context:
    """One run of the program. `args` are the options for all commands."""

    def __init__(
        self,
        args: argparse.Namespace,
        *,
        environ: Mapping[str, str] | None = None,
        out: TextIO | None = None,
        err: TextIO | None = None,
    ) -> None:
        self.args = args
        self.environ = os.environ if environ is None else environ
        self._out = out
        self._err = err
        self.json = bool(getattr(args, "json", False))
        self.demo = bool(getattr(args, "demo", False))
        """The scripted agent: no key, no network, nothing kept."""
        given = getattr(args, "agent", None) if getattr(args, "command", None) != "threads" else None
        file, self.agent_entry = _entry(given or "")
        """What of the file answers; empty: what it plainly has."""
        self.agent_file = _whole_path(file)
        """The file of `--agent`; with `threads` that names an agent whose chats are meant."""
        # Seen from where they were typed, once: toolkits look from elsewhere (pywebview from `sys.argv[0]`'s folder).
        self._brand_file = _whole_path(getattr(args, "brand", None))
        self._data_dir = _whole_path(getattr(args, "data_dir", None))
        self._throwaway = ""
        self._before = ""
        """The last character that `write` was given."""

    def close(self) -> None:
        """Delete what a demo has written; nothing else is held. Raises FolderUnwritable where something of it stays."""
        folder, self._throwaway = self._throwaway, ""
        if folder:
            from desktop.common.errors import FolderUnwritable, Phrase
            from desktop.common.files import remove_tree
            from desktop.common.logs import shut_down
            from desktop.settings.deletion import PATIENCE

            shut_down()  # Windows deletes no file that is open
            left = remove_tree(Path(folder), PATIENCE)
            if left:
                problem = Phrase("problems.not_deleted", {"count": len(left)})
                raise FolderUnwritable(", ".join(left[:20]), path=folder, problem=problem)

    # --- parts --------------------------------------------------------------------------------

    @cached_property
    def brand(self) -> Brand:
        from desktop.settings.brand import load_brand

        return load_brand(self.brand_file)

    @property
    def brand_file(self) -> Path | None:
        """The file of `--brand`, a whole path; None is the app's own. A packaged app has no other."""
        return Path(self._brand_file) if self._brand_file and not places.is_frozen() else None

    @property
    def prompt(self) -> str | None:
        """What goes into the composer: from `--prompt`, or from a link that opened the app."""
        link = getattr(self.args, "link", "")
        if link:
            from desktop.app.links import prompt_in

            return prompt_in(link, self.brand.deep_link)
        return getattr(self.args, "prompt", None)

    @cached_property
    def profile(self) -> str:
        name = DEMO if self.demo else str(getattr(self.args, "profile", None) or "default")
        if not places.PROFILE_NAME.fullmatch(name):
            raise UsageError(problem=f"--profile {name[:60]!a}")
        return name

    @cached_property
    def locations(self) -> Locations:
        data_dir = self._data_dir
        if self.demo:
            from tempfile import mkdtemp

            # Nothing of a demo is kept: `close` deletes the folder.
            data_dir = self._throwaway = mkdtemp(prefix=f"{self.brand.app.id}-demo-")
        return places.locations(self.brand.app.id, self.profile, Path(data_dir) if data_dir else None)

    @cached_property
    def settings_store(self) -> SettingsStore:
        from desktop.settings.file import SettingsFile
        from desktop.settings.layers import SettingsStore

        typed: dict[str, Any] = {}
        if getattr(self.args, "api_base", None):
            typed["network.api_base"] = self.args.api_base
        if getattr(self.args, "allow_plain", None):
            typed["network.plain_origins"] = self.args.allow_plain
        if getattr(self.args, "log_level", None):
            typed["log_level"] = self.args.log_level
        if self.demo:
            typed |= {"agents": [{"kind": "demo", "id": DEMO}], "active_agent": DEMO}
        elif self.agent_file:
            typed |= _code_agent(self.agent_file, self.agent_entry, self._models())
        brand = self.brand
        if self.demo:
            # The scripted agent shows what the app can do in a brand that has one agent only, too.
            fixed = [name for name in brand.fixed if not name.startswith(("agents", "active_agent"))]
            brand = brand.model_copy(update={"fixed": fixed})
        return SettingsStore(SettingsFile(self.locations.settings), brand, environ=self.environ, command_line=typed)

    def _models(self) -> dict[str, str]:
        """Of `--model OLD=NEW`. Raises UsageError."""
        found = {}
        for pair in getattr(self.args, "model", None) or ():
            named, _, used = (part.strip() for part in str(pair).partition("="))
            if not (named and used):
                raise UsageError(problem=f"--model {str(pair)[:60]!a}")
            found[named] = used
        return found

    @property
    def settings(self) -> Settings:
        """The settings in effect now."""
        return self.settings_store.current

    @cached_property
    def state(self) -> State:
        from desktop.settings.state import State

        return State(self.locations.state)

    @cached_property
    def texts(self) -> Catalogue:
        from desktop.common.texts import Catalogue

        try:
            language = self.settings.language
        except AppError:
            # The very error that says why the settings can't be read needs words to say it in.
            language = "auto"
        return Catalogue(language)

    @cached_property
    def keys(self) -> Keys:
        from desktop.keys import Keys, MemoryStore

        if self.demo:
            return Keys(self.profile, self.brand.keyring_service, MemoryStore())
        return Keys(self.profile, self.brand.keyring_service, frozen=places.is_frozen(), remembers=self.state)

    @property
    def component_url(self) -> str:
        """Where ChatKit's script comes from: OpenAI's address, and from source another one by option."""
        return str(getattr(self.args, "component_url", None) or OPENAI_COMPONENT)

    # --- network ------------------------------------------------------------------------------

    def make_client(self, base: str, key: str) -> ApiClient:
        """A client with this profile's proxy and CA file. Raises KeyStoreError where the proxy's password is there
        and can't be had."""
        from desktop.openai_api.client import ApiClient, Endpoint

        network = self.settings.network
        return ApiClient(
            Endpoint(
                base=base,
                proxy=network.proxy,
                proxy_password=self.keys.proxy_password(network.proxy),
                ca_file=network.ca_file,
                timeout=network.timeout_seconds,
                plain=network.allows(base),
            ),
            key,
        )

    def client(self) -> ApiClient:
        """A client for the endpoint in effect with its key. Raises KeyMissing, KeyStoreError."""
        from desktop.settings.origins import origin_of

        origin = origin_of(self.settings.network.api_base)
        key = self.keys.read(origin)
        if key is None:
            raise KeyMissing(origin=origin)
        return self.make_client(self.settings.network.api_base, key)

    # --- agents inside the app ----------------------------------------------------------------

    def agent_host(self, **hooks: Any) -> AgentHost:
        """The agents of this profile, not started yet; `hooks` are `AgentHost`'s callbacks and counters."""
        from desktop.agents.from_settings import SettingsSources
        from desktop.agents.host import AgentHost

        kept = not self.demo
        return AgentHost(
            SettingsSources(self.settings_store, self.keys),
            self.texts,
            threads=self.locations.threads if kept else None,
            attachments=self.locations.attachments if kept else None,
            code=self._code_place,
            **hooks,
        )

    def consents(self) -> Consents:
        """Which code this profile's people said yes to."""
        from desktop.agents.code.consent import LIST, Consents

        return Consents(self.locations.folder / LIST)

    def _code_place(self) -> Place:
        from desktop.agents.code import packages
        from desktop.agents.code.parent import Place

        return Place(self.consents(), packages.folder(self.locations.folder), self.environ)

    # --- output -------------------------------------------------------------------------------
    # Whoever's words they are: nothing that goes out here moves, hides or colours what stands in a terminal.

    def print(self, text: str = "") -> None:
        """A line for people. A packaged app without a console has no standard output."""
        output.write(self._out or sys.stdout, for_terminal(text))

    def write(self, text: str) -> None:
        """A piece of a line for people: an answer as it comes."""
        if text:
            output.write(self._out or sys.stdout, for_terminal(text, self._before), end="")
            self._before = text[-1]

    def print_data(self, text: str) -> None:
        """What somebody asked for as it is, an export: to a file or a program unchanged, to a terminal as `print`."""
        stream = self._out or sys.stdout
        shown = stream is not None and stream.isatty()
        output.write(stream, for_terminal(text) if shown else text)

    def print_json(self, value: Any) -> None:
        """The one object that `--json` promises."""
        stream = self._out or sys.stdout
        text = for_json(json.dumps(value, ensure_ascii=False))
        output.write(stream, text if streams.is_unicode(stream) else json.dumps(value))

    def warn(self, text: str) -> None:
        """A line for people beside the output."""
        output.note(self._err or sys.stderr, for_terminal(text))

    def question(self, text: str) -> None:
        """The last words before a person answers, on standard error; whatever was set in that terminal is undone."""
        stream = self._err or sys.stderr
        if stream is not None and stream.isatty():
            output.note(stream, RESET, end="")
        output.note(stream, for_terminal(text), end=" ")

    def fail(self, error: AppError) -> int:
        """Say what went wrong in the form the caller asked for; returns the exit code."""
        described = error.describe(self.texts)
        if self.json and not isinstance(error, OutputUnwritable):
            try:
                self.print_json({"ok": False, "error": described})
            except OutputUnwritable as lost:
                self._tell(described)
                self._tell(lost.describe(self.texts))
        else:
            self._tell(described)
        if isinstance(error, SettingsInvalid) and error.layer == "command_line":
            return UsageError.exit_code
        return error.exit_code

    def _tell(self, described: Described) -> None:
        self.warn(described["message"])
        if described["hint"]:
            self.warn(described["hint"])
        stream = self._err or sys.stderr
        if stream is not None and stream.isatty():  # for a person; a script has the code by `--json`
            self.warn(self.texts.get("cli.more_about", code=described["code"]))


def _whole_path(given: str | None) -> str:
    """An absolute path; empty where nothing was given."""
    return os.path.abspath(given) if given else ""


def _entry(given: str) -> tuple[str, str]:
    """`agent.py:run_support` as the file and what of it answers."""
    file, ending, name = given.rpartition(".py:")
    return (f"{file}.py", name) if ending and name.isidentifier() else (given, "")


def _code_agent(file: str, entry: str, models: dict[str, str]) -> dict[str, Any]:
    """The settings of `--agent FILE`. Its chats are found again at the next launch with the same file."""
    from desktop.settings.roster import code_id

    name = code_id(file)
    shown = Path(file).stem[:60]
    agent = {"kind": "code", "id": name, "name": shown, "file": file, "entry": entry, "model_overrides": models}
    return {"agents": [agent], "active_agent": name}
