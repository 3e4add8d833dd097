"""What every command builds on: a profile's brand, settings, keys and texts, each made when first used.

Imports nothing heavy: a start pays only for what it uses.
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
    from desktop.agents.code.place import Place
    from desktop.agents.host import AgentHost
    from desktop.chats.drafts import Drafts
    from desktop.common.locations import Locations
    from desktop.common.texts import Catalogue
    from desktop.keys import Keys
    from desktop.openai_api.client import ApiClient
    from desktop.settings.brand import Brand
    from desktop.settings.layers import SettingsStore
    from desktop.settings.model import Settings
    from desktop.settings.state import State

OPENAI_COMPONENT = "https://cdn.platform.openai.com/deployments/chatkit/chatkit.js"
"""ChatKit's script. It has no versions and may change at any time; no licence allows bundling or proxying it."""
DEMO = "demo"
"""The id of the demo's agent and of its profile."""


class Context:
    """One run of the program. `args`: the options that all commands share."""

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
        """Whether this is the demo: scripted, without key or network, and nothing is kept."""
        given = getattr(args, "agent", None) if getattr(args, "command", None) != "threads" else None
        file, self.agent_entry = _entry(given or "")
        """The function or agent in the file that answers. If empty, the file must have an obvious one."""
        self.agent_file = _whole_path(file)
        """The file given by `--agent`. For `threads`, the agent whose chats are meant."""
        # Resolve paths here, once: toolkits use another working folder (pywebview the folder of `sys.argv[0]`).
        self._brand_file = _whole_path(getattr(args, "brand", None))
        self._data_dir = _whole_path(getattr(args, "data_dir", None))
        self._throwaway = ""
        self._before = ""
        """The last character given to `write`."""

    def close(self) -> None:
        """Delete what a demo has written. Nothing else is held. Raises FolderUnwritable if part of it can't be
        deleted."""
        folder, self._throwaway = self._throwaway, ""
        if folder:
            from desktop.common.errors import FolderUnwritable, Phrase
            from desktop.common.files import remove_tree
            from desktop.common.logs import shut_down
            from desktop.settings.deletion import PATIENCE

            shut_down()  # Windows does not delete open files
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
        """The absolute path given by `--brand`; None means the app's own. A packaged app has only that one."""
        return Path(self._brand_file) if self._brand_file and not places.is_frozen() else None

    @property
    def prompt(self) -> str | None:
        """The text for the composer, from `--prompt` or from a link that opened the app."""
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

            # A demo keeps nothing: `close` deletes the folder.
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
            # The demo works even where the brand allows only one agent.
            fixed = [name for name in brand.fixed if not name.startswith(("agents", "active_agent"))]
            brand = brand.model_copy(update={"fixed": fixed})
        return SettingsStore(SettingsFile(self.locations.settings), brand, environ=self.environ, command_line=typed)

    def _models(self) -> dict[str, str]:
        """The replacements given by `--model OLD=NEW`. Raises UsageError."""
        found = {}
        for pair in getattr(self.args, "model", None) or ():
            named, _, used = (part.strip() for part in str(pair).partition("="))
            if not (named and used):
                raise UsageError(problem=f"--model {str(pair)[:60]!a}")
            found[named] = used
        return found

    @property
    def settings(self) -> Settings:
        """The settings currently in effect."""
        return self.settings_store.current

    @cached_property
    def state(self) -> State:
        from desktop.settings.state import State

        return State(self.locations.state)

    @cached_property
    def drafts(self) -> Drafts:
        from desktop.chats.drafts import Drafts

        return Drafts(self.locations.drafts)

    @cached_property
    def texts(self) -> Catalogue:
        from desktop.common.texts import Catalogue

        try:
            language = self.settings.language
        except AppError:
            # Even the error that says why the settings can't be read needs a language.
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
        """Where ChatKit's script is loaded from: OpenAI's address. When run from source, an option can change it."""
        return str(getattr(self.args, "component_url", None) or OPENAI_COMPONENT)

    # --- network ------------------------------------------------------------------------------

    def make_client(self, base: str, key: str) -> ApiClient:
        """A client with this profile's proxy and CA file. Raises KeyStoreError if the proxy's password is stored but
        can't be read."""
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
        """A client for the current endpoint, with its key. Raises KeyMissing, KeyStoreError."""
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
        """The record of approved code in this profile."""
        from desktop.agents.code.consent import LIST, Consents

        return Consents(self.locations.folder / LIST)

    def _code_place(self) -> Place:
        from desktop.agents.code import packages
        from desktop.agents.code.place import Place

        return Place(self.consents(), packages.folder(self.locations.folder), self.environ)

    # --- output -------------------------------------------------------------------------------
    # Whoever wrote the text: nothing printed here can move, hide or colour what a terminal shows.

    def print(self, text: str = "") -> None:
        """Print a line for people. A packaged app without a console has no standard output."""
        output.write(self._out or sys.stdout, for_terminal(text))

    def write(self, text: str) -> None:
        """Print part of a line for people: an answer while it streams."""
        if text:
            output.write(self._out or sys.stdout, for_terminal(text, self._before), end="")
            self._before = text[-1]

    def print_data(self, text: str) -> None:
        """Print data such as an export: unchanged to a file or another program, to a terminal like `print`."""
        stream = self._out or sys.stdout
        shown = stream is not None and stream.isatty()
        output.write(stream, for_terminal(text) if shown else text)

    def print_json(self, value: Any) -> None:
        """Print the single object that `--json` promises."""
        stream = self._out or sys.stdout
        text = for_json(json.dumps(value, ensure_ascii=False))
        output.write(stream, text if streams.is_unicode(stream) else json.dumps(value))

    def warn(self, text: str) -> None:
        """Print a line for people on standard error."""
        output.note(self._err or sys.stderr, for_terminal(text))

    def question(self, text: str) -> None:
        """Print a question on standard error. First undo whatever earlier output may have done to the terminal."""
        stream = self._err or sys.stderr
        if stream is not None and stream.isatty():
            output.note(stream, RESET, end="")
        output.note(stream, for_terminal(text), end=" ")

    def fail(self, error: AppError) -> int:
        """Report an error in the form the caller asked for, and return the exit code."""
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
        if stream is not None and stream.isatty():  # for people; scripts read the code from `--json`
            self.warn(self.texts.get("cli.more_about", code=described["code"]))


def _whole_path(given: str | None) -> str:
    """An absolute path, or an empty string if nothing was given."""
    return os.path.abspath(given) if given else ""


def _entry(given: str) -> tuple[str, str]:
    """Split `agent.py:run_support` into the file and the name of what answers."""
    file, ending, name = given.rpartition(".py:")
    return (f"{file}.py", name) if ending and name.isidentifier() else (given, "")


def _code_agent(file: str, entry: str, models: dict[str, str]) -> dict[str, Any]:
    """Settings for `--agent FILE`. The next launch with the same file finds its chats again."""
    from desktop.settings.roster import code_id

    name = code_id(file)
    shown = Path(file).stem[:60]
    agent = {"kind": "code", "id": name, "name": shown, "file": file, "entry": entry, "model_overrides": models}
    return {"agents": [agent], "active_agent": name}
