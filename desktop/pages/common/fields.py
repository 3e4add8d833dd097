"""A setting as a form field: its value, the layer it comes from, and why it can't be changed, if so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from desktop.pages.common.services import Services
from desktop.settings.model import Settings

if TYPE_CHECKING:
    from desktop.settings.layers import SettingsStore


def value_at(model: BaseModel, dotted: str) -> Any:
    """The value of a dotted name, as JSON."""
    value: Any = model
    for part in dotted.split("."):
        value = getattr(value, part)
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, list):
        return [item.model_dump(mode="json") if isinstance(item, BaseModel) else item for item in value]
    return value


def or_below(services: Services, name: str, value: Any) -> Any:
    """None if `value` would be in effect anyway, so that the file only contains what was chosen."""
    from desktop.settings import tree

    below = tree.find(services.brand.settings, tree.split(name))
    return None if below is tree.MISSING and value == value_at(Settings(), name) else value


def field_of(store: SettingsStore, name: str) -> dict[str, Any]:
    """`{value, layer, locked}` of a setting, for a form field."""
    layer = store.layer_of(name)
    lock = lock_for(layer, store.is_fixed(name), store.read_only is not None)
    return {"value": value_at(store.current, name), "layer": layer, "locked": lock}


def lock_of(store: SettingsStore, name: str, *layers: str) -> str:
    """Why nothing below `name` can be changed here. Of the layers above the file, only `layers` count."""
    layer = store.layer_of(name)
    return lock_for(layer if layer in layers else "settings", store.is_fixed(name), store.read_only is not None)


def lock_for(layer: str, fixed: bool, closed: bool) -> str:
    """Why a field can't be changed here: brand, command_line, environment or file; empty if it can."""
    if fixed:
        return "brand"
    if layer in ("command_line", "environment"):
        return layer
    return "file" if closed else ""
