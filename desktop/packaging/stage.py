"""Assembles a brand's assets: the app's pages and texts, and the brand's icons, agents and brand file."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import Any

from desktop.packaging import agents, icons, mistakes, spelling, trial
from desktop.packaging.errors import IconWrong, ToolMissing
from desktop.packaging.plan import ROOT, Plan
from desktop.packaging.scan import scan


def check(plan: Plan) -> None:
    """Everything that can be said without making anything; comes before `stage`. Agents' packages are fetched for it,
    their files imported. Raises IconWrong, AgentWrong, BrandWrong, SecretFound, ToolMissing, BuildFailed."""
    mistakes.check(plan)
    icon = plan.source / plan.brand.app.icon
    spelling.verify(icon, plan.source, IconWrong)
    for told in icons.check(icon):
        plan.add_warning(told)
    scan([icon], plan.source)
    mistakes.check_files(agents.files(plan))
    packages = plan.work / "checked" / agents.PACKAGES
    agents.install(plan, packages)
    trial.run(plan, packages)
    if not plan.brand.app.contact:
        plan.add_warning("app.contact is empty: the packages name nobody who could be written to.")
    if not plan.homepage:
        plan.add_warning("app.homepage is no https address: software centres can't lead anybody to you.")


def stage(plan: Plan) -> Path:
    """The folder of assets that is frozen. Raises what `check` raises, OSError."""
    folder = plan.work / "assets"
    for name in ("export", "help", "pages", "schemas", "texts"):
        shutil.copytree(ROOT / "assets" / name, folder / name)
    plan.say("Drawing the icons")
    icons.write(plan.source / plan.brand.app.icon, folder / "icons")
    agents.lay_out(plan, folder / "agents")
    packages = plan.work / "checked" / agents.PACKAGES
    if packages.is_dir():
        shutil.copytree(packages, folder / agents.PACKAGES, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "brand.toml").write_text(_brand_text(plan, folder), encoding="utf-8")
    return folder


def _brand_text(plan: Plan, folder: Path) -> str:
    """The brand file for the package: without comments, which are the maker's own, and with the package's names."""
    try:
        import tomli_w
    except ImportError:
        raise ToolMissing("tomli-w is not installed.", "pip install -r requirements-dev.txt") from None
    brand = plan.brand
    settings: dict[str, Any] = copy.deepcopy(brand.settings)
    for agent in settings.get("agents") or []:
        if agent.get("kind") == "code":
            agent["file"] = agents.in_package(plan, agent)
    svg = (folder / "icons" / "app.svg").is_file()
    values = {
        "fixed": brand.fixed,
        "app": brand.app.model_dump(exclude_defaults=True)
        | {"version": plan.version, "icon": "icons/app.svg" if svg else "icons/app-128.png"},
        "links": brand.links.model_dump(exclude_defaults=True),
        "package": brand.package.model_dump(exclude_defaults=True),
        "settings": settings,
    }
    return tomli_w.dumps(values)
