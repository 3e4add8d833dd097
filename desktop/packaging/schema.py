"""Writes `assets/brand.schema.json`, from the models: editors use it to check a brand file while it is typed.

`python -m desktop.packaging.schema` writes it anew; a test holds it current.
"""

from __future__ import annotations

import ast
import inspect
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

from desktop.settings.brand import OWN_TO_A_USER, Brand, setting_names
from desktop.settings.model import Settings, WorkflowAgent

FILE = Path(__file__).resolve().parents[2] / "assets" / "brand.schema.json"
DIALECT = "http://json-schema.org/draft-07/schema#"
"""What the TOML plug-ins of the common editors understand (taplo, Even Better TOML)."""


def schema() -> dict[str, Any]:
    """The JSON Schema of a brand file."""
    made = Brand.model_json_schema(ref_template="#/definitions/{model}")
    settings = Settings.model_json_schema(ref_template="#/definitions/{model}")
    definitions: dict[str, Any] = made.pop("$defs") | settings.pop("$defs")
    for name in OWN_TO_A_USER:
        del settings["properties"][name]
    settings["title"] = "Settings"
    definitions["Settings"] = settings
    made["properties"]["settings"] = {
        "$ref": "#/definitions/Settings",
        "description": "What every profile starts with.",
    }
    made["properties"]["fixed"]["items"] = {"enum": list(setting_names())}
    made["properties"]["fixed"]["description"] = "Settings that users can't change."
    for part in definitions.values():
        kind = part.get("properties", {}).get("kind", {}).get("const")
        if kind is not None and kind != WorkflowAgent.model_fields["kind"].default:
            part["required"] = ["kind", *part.get("required", ())]  # without a kind it is a workflow
    _explain({**definitions, "Brand": made})
    return {
        "$schema": DIALECT,
        **_tidy(made),
        "definitions": {name: _tidy(definitions[name]) for name in sorted(definitions)},
    }


def written() -> str:
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def _explain(definitions: dict[str, Any]) -> None:
    """The docstrings under the fields as descriptions. pydantic could do that itself, but at every start of the app."""
    for model in _models(Settings) | _models(Brand):
        shown = definitions.get(model.__name__, {})
        for name, text in docstrings(model).items():
            if name in shown.get("properties", {}):
                shown["properties"][name].setdefault("description", text)


def _models(root: Any) -> set[Any]:
    found: set[Any] = set()
    waiting = [root]
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, type) and hasattr(kind, "model_fields") and kind not in found:
            found.add(kind)
            waiting += [field.annotation for field in kind.model_fields.values()]
        waiting += getattr(kind, "__args__", ())
    return found


def docstrings(model: type) -> dict[str, str]:
    """{field: the docstring under it}, those of the classes it is made from included."""
    found: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        if kind.__module__.startswith("desktop."):
            parsed = ast.parse(inspect.getsource(kind)).body[0]
            body = parsed.body if isinstance(parsed, ast.ClassDef) else []
            for field, text in pairwise(body):
                if not (isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)):
                    continue
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    found[field.target.id] = inspect.cleandoc(str(text.value.value)).replace("\n", " ")
    return found


def _tidy(value: Any) -> Any:
    """Without pydantic's made-up titles, which editors would show in place of what is said."""
    if isinstance(value, dict):
        kept = {name: part for name, part in value.items() if not (name == "title" and isinstance(part, str))}
        return {name: _tidy(part) for name, part in kept.items()}
    return [_tidy(part) for part in value] if isinstance(value, list) else value


def main() -> None:
    FILE.write_text(written(), encoding="utf-8")


if __name__ == "__main__":
    main()
