"""`assets/help/<language>/settings.md`: every setting, written from the models and the docstrings under their fields.

`python -m desktop.packaging.settings_help` writes it anew; a test holds it current.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic_core import PydanticUndefined

from desktop.common.texts import LANGUAGES, Catalogue
from desktop.packaging.schema import docstrings
from desktop.settings.base import Model
from desktop.settings.model import Settings

ASSETS = Path(__file__).resolve().parents[2] / "assets"
APOSTROPHE = re.compile(r"(?<=\w)'(?=\w)")
GENERAL = ""
"""The group of settings that belong to none."""


@dataclass(frozen=True)
class Setting:
    name: str
    """Dotted, as `chatkit-desktop config` and the names in `settings_names.json` have it."""
    kinds: tuple[str, ...]
    """The kinds of agent that have it; empty outside of agents."""
    values: str
    """What it may be, in JSON's words; empty where that is any text."""
    default: str
    """As JSON; empty where there is none."""
    says: str
    """Its docstring."""


def settings() -> dict[str, list[Setting]]:
    """{group: its settings}, in the order of the model."""
    found: dict[str, list[Setting]] = {GENERAL: []}
    for name, field in Settings.model_fields.items():
        inner = list(_models(field.annotation))
        if not inner:
            found[GENERAL].append(_setting(Settings, name, name, ()))
            continue
        rows: dict[str, Setting] = {}
        for model in inner:
            for row in _walk(model, name, (_kind(model),) if _kind(model) else ()):
                same = rows.get(row.name)
                rows[row.name] = row if same is None else _both(same, row)
        found[name] = list(rows.values())
    return found


def _both(one: Setting, other: Setting) -> Setting:
    """A setting that agents of several kinds have."""
    values = " | ".join(dict.fromkeys(filter(None, (one.values, other.values))))
    default = one.default if one.default == other.default else ""
    return Setting(one.name, (*one.kinds, *other.kinds), values, default, one.says or other.says)


def _walk(model: type[Model], prefix: str, kinds: tuple[str, ...]) -> Iterator[Setting]:
    for name, field in model.model_fields.items():
        dotted = f"{prefix}.{name}"
        inner = list(_models(field.annotation))
        if not inner:
            yield _setting(model, name, dotted, kinds)
        for one in inner:
            yield from _walk(one, dotted, kinds)


def _models(kind: Any) -> Iterator[type[Model]]:
    """The models in an annotation, through lists and unions."""
    if isinstance(kind, type) and issubclass(kind, Model):
        yield kind
    for part in get_args(kind):
        yield from _models(part)


def _kind(model: type[Model]) -> str:
    field = model.model_fields.get("kind")
    return str(field.default) if field is not None and field.default is not PydanticUndefined else ""


def _setting(model: type[Model], name: str, dotted: str, kinds: tuple[str, ...]) -> Setting:
    field = model.model_fields[name]
    default = field.get_default(call_default_factory=True)
    told = "" if default is PydanticUndefined or default is None else json.dumps(default, ensure_ascii=False)
    return Setting(dotted, kinds, _values(field.annotation, field.metadata), told, docstrings(model).get(name, ""))


def _values(kind: Any, metadata: list[Any]) -> str:
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in (Union, UnionType):
        return " | ".join(filter(None, (_values(part, metadata) for part in get_args(kind) if part is not type(None))))
    if get_origin(kind) is Literal:
        return " | ".join(json.dumps(value) for value in get_args(kind))
    if kind is bool:
        return "true | false"
    if kind in (int, float):
        low = next((one.ge for one in metadata if hasattr(one, "ge")), None)
        high = next((one.le for one in metadata if hasattr(one, "le")), None)
        return f"{low} – {high}" if low is not None and high is not None else ""
    return ""


def written(language: str) -> str:
    """The topic in a language of the app."""
    texts = Catalogue(language, ASSETS / "texts")
    say, names = texts.get, texts.area("settings_names")
    lines = [f"# {say('help.settings')}", "", say("help.settings_lead"), "", say("help.settings_sources"), ""]
    for group, rows in settings().items():
        title = (
            say("help.settings_group", name=f"`{group}`", title=names[group]) if group else say("help.settings_general")
        )
        lines += [f"## {title}", ""]
        for row in rows:
            said = translated(row.says, language)
            facts = [
                say("help.settings_kinds", kinds=", ".join(row.kinds)) if row.kinds else "",
                say("help.settings_values", values=f"`{row.values}`") if row.values else "",
                say("help.settings_default", value=f"`{row.default}`") if row.default not in ("", '""') else "",
            ]
            sentence = f" {said}" if said else ""
            lines.append(f"- `{row.name}` · **{names[row.name]}**.{sentence} {' '.join(filter(None, facts))}".rstrip())
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def translated(docstring: str, language: str) -> str:
    """In English as it stands in the models; else by the table beside the topics. Raises KeyError."""
    if language == "en" or not docstring:
        return APOSTROPHE.sub("’", docstring)
    return str(table(language)[docstring])


def table(language: str) -> dict[str, str]:
    """{docstring: what it says in the language}."""
    found = json.loads(Path(__file__).with_name(f"settings_help.{language}.json").read_text(encoding="utf-8"))
    return {str(english): str(said) for english, said in found.items()}


def main() -> None:
    for language in LANGUAGES:
        (ASSETS / "help" / language / "settings.md").write_text(written(language), encoding="utf-8")


if __name__ == "__main__":
    main()
