"""The maker's brand file, `assets/brand.toml`: names, colours, links, default settings, fixed settings.

There is no field for a secret, and anything that looks like one is refused, wherever it is in the file.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, ValidationError

from desktop import __version__
from desktop.common.errors import FileUnreadable, Phrase
from desktop.common.files import read_limited
from desktop.common.locations import assets_dir
from desktop.settings import endpoint_addresses, servers, tree
from desktop.settings.base import Colour, Model, shaped
from desktop.settings.errors import BrandInvalid, SettingsInvalid
from desktop.settings.mcp import first_problem
from desktop.settings.model import Settings
from desktop.settings.origins import check_proxy, first_plain_problem, normalise_api_base
from desktop.settings.problems import first_of, known_names, unknown_name
from desktop.settings.renamed import NEW_NAMES, with_new_names
from desktop.settings.secret_shapes import SECRET_SHAPES

SIZE_LIMIT = 256 * 1024
"""The largest brand file, in bytes."""

OWN_TO_A_USER = ("version", "user_ids", "workflow_worked")
"""Settings a brand may not set: with one user id for everybody, everybody would see all chats."""


def one_line(value: object) -> object:
    """A text without line breaks, control characters and direction marks. It goes into files where a line break starts
    something new (a package's fields, a menu entry, an installer's script)."""
    return " ".join(_printed(value).split()) if isinstance(value, str) else value


def some_lines(value: object) -> object:
    """Like `one_line`, but line breaks are allowed."""
    return "\n".join(_printed(line) for line in value.splitlines()) if isinstance(value, str) else value


def _printed(text: str) -> str:
    return "".join(" " if _UNPRINTED.match(char) else char for char in text)


_UNPRINTED = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)

Text = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Line = Annotated[str, BeforeValidator(one_line)]
Link = Annotated[str, shaped(r"^(https://[!-~]+|mailto:[!-~]+|)$", "form_link", max_length=2000)]

IconFile = Annotated[str, shaped(r"^([A-Za-z0-9_-]+/)*[A-Za-z0-9_-]+\.(svg|png)$", "form_icon_file")]


class AccentPair(Model):
    light: Colour = "#0f172a"
    dark: Colour = "#f1f5f9"


class WindowSize(Model):
    width: int = Field(default=960, ge=360, le=7680)
    """Pixels at the first start. Later, the window opens as it was left."""
    height: int = Field(default=760, ge=320, le=4320)


class BrandApp(Model):
    name: Annotated[Line, StringConstraints(min_length=1, max_length=60, strip_whitespace=True)] = "ChatKit Desktop"
    """The name people see, in the window's title, menus and installers."""
    id: Annotated[str, shaped(r"^[a-z][a-z0-9-]{1,39}$", "form_app_id")] = "chatkit-desktop"
    """The name of the data folder, the command and the installed package. Never change it once people use the app."""
    version: Annotated[str, shaped(r"^([0-9]+(\.[0-9]+){1,3}|git|)$", "form_version", max_length=40)] = ""
    """The packages' version: 1.2.3, or `git` for the newest tag of your repository; empty for the project's own."""
    summary: Annotated[Line, StringConstraints(max_length=80, strip_whitespace=True)] = ""
    """One line that says what it is, for menus and software centres."""
    description: Annotated[
        str, BeforeValidator(some_lines), StringConstraints(max_length=2000, strip_whitespace=True)
    ] = ""
    """One or more paragraphs for software centres, separated by an empty line."""
    publisher: Annotated[Line, StringConstraints(max_length=100, strip_whitespace=True)] = ""
    contact: Annotated[
        str, shaped(r"^([^\s<>@\x00-\x1f\x7f]+@[^\s<>@\x00-\x1f\x7f]+|)$", "form_contact", max_length=200)
    ] = ""
    """The maintainer's e-mail address in the packages."""
    homepage: Link = ""
    copyright: Annotated[Line, StringConstraints(max_length=200)] = ""
    accent: AccentPair = Field(default_factory=AccentPair.model_construct)
    """The accent of the app's own pages, #rrggbb, for each theme."""
    keyring_service: Annotated[str, shaped(r"^[A-Za-z0-9._-]{0,80}$", "form_service")] = ""
    """The name under which keys are stored in the keyring; empty for the app's id."""
    deep_link: Annotated[str, shaped(r"^([a-z][a-z0-9+.-]{2,39}|)$", "form_scheme")] = ""
    """The scheme of links that open the app (`scheme://prompt?text=…`); empty for the app's id."""
    identifier: Annotated[
        str,
        shaped(
            r"^([a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+(\.[A-Za-z][A-Za-z0-9_]*)*|)$", "form_identifier", max_length=100
        ),
    ] = ""
    """A name unique among all apps, with your domain first: org.example.fern; empty to make it from the home page."""
    icon: IconFile = "icons/app.svg"
    """A square picture beside this file, PNG (at least 512 pixels) or SVG. All sizes are made from it."""
    window: WindowSize = Field(default_factory=WindowSize.model_construct)


class BrandLinks(Model):
    api_keys: Link = "https://platform.openai.com/api-keys"
    workflows: Link = "https://platform.openai.com/agent-builder"
    usage: Link = "https://platform.openai.com/usage"
    status: Link = "https://status.openai.com"
    help: Link = ""
    """The maker's own help page; empty for no such menu item."""
    privacy: Link = ""
    releases: Link = ""
    """Where new versions are announced: a GitHub releases page, or an https page with `latest.json` beside it; empty if
    the app should not look for any."""


class BrandPackage(Model):
    """The content of the installers."""

    agents: bool = True
    """Whether to include what agents in the app need. Without it, the app is for hosted workflows and ChatKit
    servers."""
    engine: Literal["system", "qt"] = "system"
    """The engine on Linux: the distribution's WebKitGTK, or Qt WebEngine, which makes the packages large. Windows and
    macOS have their own."""
    distribution: bool = False
    """Whether a distribution or a store provides updates. If so, the app does not look for any."""
    files: list[Annotated[str, shaped(r"^[A-Za-z0-9_-][A-Za-z0-9_.*/-]*$", "form_files", max_length=200)]] = Field(
        default=[], max_length=50
    )
    """More files of the code agents beside this file, such as data that no import names; `*` and `**` match any
    name."""


class Brand(Model):
    """The whole file. `settings`: a partial settings tree. `fixed`: dotted names that users can't change."""

    app: BrandApp = Field(default_factory=BrandApp.model_construct)
    links: BrandLinks = Field(default_factory=BrandLinks.model_construct)
    package: BrandPackage = Field(default_factory=BrandPackage.model_construct)
    settings: dict[str, Any] = Field(default={})
    fixed: list[Text] = Field(default=[], max_length=200)

    def is_fixed(self, dotted: str) -> bool:
        """Whether the maker has fixed the setting, or one above or below it."""
        return any(
            dotted == name or dotted.startswith(f"{name}.") or name.startswith(f"{dotted}.") for name in self.fixed
        )

    @property
    def fixes_agent(self) -> bool:
        """Whether the agent comes with the app, so that setup only asks for the key."""
        return self.is_fixed("agents")

    @property
    def keyring_service(self) -> str:
        """The name under which keys are stored in the keyring."""
        return self.app.keyring_service or self.app.id

    @property
    def version(self) -> str:
        """The version shown to people: the maker's, or else the project's."""
        return __version__ if self.app.version in ("", "git") else self.app.version

    @property
    def deep_link(self) -> str:
        """The scheme of links that open the app."""
        return self.app.deep_link or self.app.id

    @property
    def identifier(self) -> str:
        """A name unique among all apps, domain first; `com.example.<id>` if the brand names no home page."""
        if self.app.identifier:
            return self.app.identifier
        from urllib.parse import urlsplit

        host = (urlsplit(self.app.homepage).hostname or "").removeprefix("www.")
        parts = [part.replace("-", "_") for part in (*reversed(host.split(".")), self.app.id) if part]
        # A part may begin with a digit in a host name, but not here.
        parts = [f"_{part}" if part[0].isdigit() else part for part in parts]
        return ".".join(parts if len(parts) > 1 else ("com", "example", *parts))


def load_brand(path: Path | None = None) -> Brand:
    """Load and check the brand file (`assets/brand.toml`). Its code agents' files must be beside it.

    Raises BrandInvalid, also for a missing file.
    """
    import tomllib

    path = path or assets_dir() / "brand.toml"
    try:
        content = read_limited(path, SIZE_LIMIT)
        text = content.decode("utf-8-sig")
        values = tomllib.loads(text)
    except FileUnreadable as error:
        problem = Phrase("problems.unreadable_because", {"problem": error.values["problem"]})
        raise BrandInvalid(error.detail, name=path.name, problem=problem) from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BrandInvalid(name=path.name, problem=Phrase("problems.not_utf8", {"line": line})) from None
    except ValueError as error:
        raise BrandInvalid(_without_values(error), name=path.name, problem=_no_toml(error, text)) from None
    # The text, to include comments; and the values, to see through TOML's escapes.
    for found in (text, *tree.texts_in(values)):
        if SECRET_SHAPES.search(found):
            raise BrandInvalid(name=_line_of(text, path.name), problem=Phrase("problems.secret"))
    brand = parse_brand(_with_new_names(values))
    for agent in code_agents(brand):
        agent["file"] = os.path.abspath(os.path.join(path.parent, agent["file"]))
    return brand


def _with_new_names(values: dict[str, Any]) -> dict[str, Any]:
    """Rename settings in a brand file written for an earlier version."""
    settings, fixed = values.get("settings"), values.get("fixed")
    return {
        **values,
        **({"settings": with_new_names(settings)} if isinstance(settings, dict) else {}),
        **(
            {"fixed": [NEW_NAMES.get(name, name) if isinstance(name, str) else name for name in fixed]}
            if isinstance(fixed, list)
            else {}
        ),
    }


def code_agents(brand: Brand) -> list[dict[str, Any]]:
    """The brand's code agents, as in its settings."""
    agents = brand.settings.get("agents") or []
    return [agent for agent in agents if agent.get("kind") == "code"]


def icon_file(brand: Brand, file: Path | None) -> Path:
    """The picture for windows, a PNG or SVG. `file`: the maker's brand file, unless it is the app's own."""
    return assets_dir() / "icons" / "app-256.png" if file is None else file.parent / brand.app.icon


def own_files(brand: Brand, file: Path | None) -> dict[str, Path]:
    """Files beside `file` that pages may load: name in `assets` -> path."""
    return {} if file is None else {brand.app.icon: file.parent / brand.app.icon}


def parse_brand(values: dict[str, Any]) -> Brand:
    """Parse the content of a brand file. Raises BrandInvalid."""
    try:
        brand = Brand.model_validate(values)
    except ValidationError as error:
        raise _invalid(error, Brand, ()) from None
    for name in OWN_TO_A_USER:
        if name in brand.settings:
            raise BrandInvalid(name=f"settings.{name}", problem=Phrase("problems.own_to_user"))
    _check_settings(brand)
    for name in brand.fixed:
        _check_fixed(name, brand)
    return brand


def _check_settings(brand: Brand) -> None:
    try:
        checked = Settings.model_validate(brand.settings)
        normalise_api_base(checked.network.api_base)
        check_proxy(checked.network.proxy)
    except ValidationError as error:
        told = _invalid(error, Settings, ("settings",))
        if told.values["problem"] == Phrase("problems.missing", {"name": "workflow_id"}):
            place = tree.split(str(told.values["name"]))[1:]
            if "kind" not in tree.find(brand.settings, place):
                # An agent without a kind counts as a workflow, but was mostly meant to be something else.
                told = BrandInvalid(name=told.values["name"], problem=Phrase("problems.missing", {"name": "kind"}))
        raise told from None
    except SettingsInvalid as error:
        raise BrandInvalid(name=f"settings.{error.name}", problem=error.values["problem"]) from None
    ids = [agent.id for agent in checked.agents]
    for double in {name for name in ids if ids.count(name) > 1}:
        raise BrandInvalid(name="settings.agents", problem=Phrase("problems.same_id", {"id": double}))
    found = (
        servers.first_problem(checked.agents)
        or first_problem(checked.mcp_servers)
        or endpoint_addresses.first_problem(checked.endpoints)
        or first_plain_problem(checked.network.plain_origins)
    )
    if found is not None:
        raise BrandInvalid(name=tree.join(("settings", *found[0])), problem=found[1])


def _check_fixed(name: str, brand: Brand) -> None:
    path = tree.split(name)
    known = known_names(Settings, path)
    if path[-1] not in known or path[0] in OWN_TO_A_USER:
        raise BrandInvalid(name="fixed", problem=unknown_name(name, setting_names()))
    if name == "agents" and not brand.settings.get("agents"):
        raise BrandInvalid(name="settings.agents", problem=Phrase("problems.fixed_but_empty"))


def setting_names() -> tuple[str, ...]:
    """The dotted name of every setting."""

    def walk(model: Any, prefix: str) -> list[str]:
        found: list[str] = []
        for name, field in model.model_fields.items():
            found.append(f"{prefix}{name}")
            inner = field.annotation
            if isinstance(inner, type) and issubclass(inner, Model):
                found += walk(inner, f"{prefix}{name}.")
        return found

    return tuple(walk(Settings, ""))


def _invalid(error: ValidationError, model: Any, prefix: tuple[str, ...]) -> BrandInvalid:
    loc, problem = first_of(error, model)
    if problem.key.startswith("problems.unknown"):
        name = str(loc[-1])
        parts = {
            part: field.annotation for part, field in Brand.model_fields.items() if part in ("app", "links", "package")
        }
        places = [f"{part}.{name}" for part, kind in parts.items() if name in getattr(kind, "model_fields", ())]
        places += [tree.join(("settings", known)) for known in setting_names() if known.rpartition(".")[2] == name]
        places += [name] if name in Brand.model_fields else []
        if places:
            problem = Phrase("problems.unknown_here", {"name": name[:60], "place": places[0]})
    return BrandInvalid(name=tree.join((*prefix, *loc)), problem=problem)


def _line_of(text: str, name: str) -> str:
    for number, line in enumerate(text.splitlines(), 1):
        if SECRET_SHAPES.search(line):
            return f"{name}:{number}"
    return name


def _no_toml(error: ValueError, text: str) -> Phrase:
    """Where the TOML becomes invalid. Lines and columns count from 1."""
    place = _PLACE.search(str(error))
    lines = text.splitlines() or [""]
    line, column = (int(place[1]), int(place[2])) if place else (len(lines), len(lines[-1]) + 1)
    return Phrase("problems.toml", {"line": line, "column": column})


_PLACE = re.compile(r"\(at line ([0-9]{1,9}), column ([0-9]{1,9})\)$")
"""The end of tomllib's messages (Python 3.11 to 3.14); or `(at end of document)`."""


def _without_values(error: ValueError) -> str:
    """tomllib's message without the location. It names a character or a setting, never a value."""
    return str(error).rpartition(" (at ")[0][:200] or str(error)[:200]
