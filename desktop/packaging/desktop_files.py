"""Files for Linux desktops: menu entry, software centre, icons, manual page. Text in, text out."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from xml.sax.saxutils import escape

from desktop.cli import COMMANDS
from desktop.packaging.icons import HICOLOR
from desktop.packaging.plan import Plan

DESCRIPTION = """An OpenAI ChatKit chat as a desktop application. It opens in a window of its own.

API keys are kept in the system's keyring. There is no server to run."""
"""Where the brand says nothing."""
OPTIONS = (
    ("--demo", "A scripted agent: no key, no network, nothing kept."),
    ("--prompt TEXT", "Put TEXT into the composer."),
    ("--profile NAME", "Settings, chats and key entry of their own."),
    ("--agent FILE.py", "A code agent for this launch."),
    ("--api-base URL", "Another API; https, or http on loopback."),
    ("--data-dir DIR", "Keep all data there."),
    ("--json", "Print exactly one JSON object."),
)


def install(plan: Plan, assets: Path, share: Path) -> None:
    """Writes everything into `share` (`/usr/share` of a package). `assets` are the brand's, with its icons drawn."""
    files = {
        f"applications/{plan.name}.desktop": entry(plan),
        f"metainfo/{plan.brand.identifier}.metainfo.xml": metainfo(plan),
    }
    for name, text in files.items():
        (share / name).parent.mkdir(parents=True, exist_ok=True)
        (share / name).write_text(text, encoding="utf-8")
    pictures = {f"{size}x{size}/apps/{plan.name}.png": assets / "icons" / f"app-{size}.png" for size in HICOLOR}
    pictures[f"scalable/apps/{plan.name}.svg"] = assets / "icons" / "app.svg"
    for name, picture in pictures.items():
        if picture.is_file():
            target = share / "icons" / "hicolor" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(picture.read_bytes())


def entry(plan: Plan) -> str:
    """The menu entry. One word at most is handed over, a link; the app takes nothing from it but words."""
    return "\n".join(
        [
            "[Desktop Entry]",
            "Type=Application",
            f"Name={_value(plan.brand.app.name)}",
            f"Comment={_value(plan.summary)}",
            f"Exec={plan.name} %u",
            f"Icon={plan.name}",
            "Terminal=false",
            "Categories=Network;Chat;",
            f"MimeType=x-scheme-handler/{plan.brand.deep_link};",
            f"StartupWMClass={plan.name}",
            "X-GNOME-SingleWindow=true",
            "",
        ]
    )


def metainfo(plan: Plan) -> str:
    """The AppStream component."""
    app, links = plan.brand.app, plan.brand.links
    day = datetime.fromtimestamp(plan.epoch, UTC).date().isoformat()
    urls = {"homepage": plan.homepage, "help": links.help if links.help.startswith("https://") else ""}
    developer = re.sub(r"\.[^.]+$", "", plan.brand.identifier)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<component type="desktop-application">',
        f"  <id>{escape(plan.brand.identifier)}</id>",
        "  <metadata_license>CC0-1.0</metadata_license>",
        "  <project_license>MIT</project_license>",
        f"  <name>{escape(app.name)}</name>",
        f"  <summary>{escape(plan.summary)}</summary>",
        f'  <developer id="{escape(developer)}"><name>{escape(plan.publisher)}</name></developer>',
        f"  <developer_name>{escape(plan.publisher)}</developer_name>",
        "  <description>",
        *(f"    <p>{escape(text)}</p>" for text in paragraphs(plan)),
        "  </description>",
        f'  <launchable type="desktop-id">{plan.name}.desktop</launchable>',
        *(f'  <url type="{kind}">{escape(url)}</url>' for kind, url in urls.items() if url),
        *([f"  <update_contact>{escape(app.contact)}</update_contact>"] if app.contact else []),
        "  <provides>",
        f"    <binary>{plan.name}</binary>",
        f"    <mediatype>x-scheme-handler/{plan.brand.deep_link}</mediatype>",
        "  </provides>",
        "  <branding>",
        f'    <color type="primary" scheme_preference="light">{app.accent.light}</color>',
        f'    <color type="primary" scheme_preference="dark">{app.accent.dark}</color>',
        "  </branding>",
        '  <content_rating type="oars-1.1">',
        '    <content_attribute id="social-chat">intense</content_attribute>',
        "  </content_rating>",
        "  <releases>",
        f'    <release version="{plan.version}" date="{day}"/>',
        "  </releases>",
        "</component>",
        "",
    ]
    return "\n".join(lines)


def paragraphs(plan: Plan) -> list[str]:
    """What it is, at length."""
    text = plan.brand.app.description or DESCRIPTION
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", text) if part.strip()]


def manual(plan: Plan) -> str:
    """The manual page, section 1."""
    day = datetime.fromtimestamp(plan.epoch, UTC).date().isoformat()
    name = _roff(plan.name)
    lines = [
        f'.TH {plan.name.upper()} 1 {day} "{_roff(plan.version)}" "User Commands"',
        ".SH NAME",
        f"{name} \\- {_roff(plan.summary)}",
        ".SH SYNOPSIS",
        f".B {name}",
        "[OPTIONS] [COMMAND]",
        ".SH DESCRIPTION",
        *(line for text in paragraphs(plan) for line in (".PP", _roff(text))),
        ".PP",
        "Without a command it opens its window.",
        ".SH COMMANDS",
    ]
    for command in COMMANDS:
        told = (import_module(f"desktop.commands.{command}").__doc__ or "").splitlines()[0]
        told = re.sub(r"^`[^`]*`: ", "", told)
        lines += [".TP", f".B {command}", _roff(told[:1].upper() + told[1:])]
    lines.append(".SH OPTIONS")
    for option, told in OPTIONS:
        lines += [".TP", f".B {_roff(option)}", _roff(told)]
    lines += [".PP", f"{name} COMMAND \\-\\-help tells of a command's own options.", ""]
    return "\n".join(lines)


def _value(text: str) -> str:
    """A value of a desktop entry."""
    return " ".join(text.split()).replace("\\", "\\\\")


def _roff(text: str) -> str:
    plain = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-").replace("…", "...")
    return f"\\&{plain}" if plain.startswith((".", "'")) else plain
