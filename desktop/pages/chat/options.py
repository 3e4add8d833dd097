"""ChatKit's options for looks and behaviour, made from the settings. Pure; the page adds the functions.

Names and values follow the published types (`@openai/chatkit` 1.9.0), with one addition. ChatKit validates strictly, so
options without a value are left out: never a null, never an unknown name.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Literal

from desktop.settings.agents import AssistantAgent, DemoAgent, InAppAgent, ServerAgent
from desktop.settings.base import Prompt
from desktop.settings.model import Agent, SchemeColours, Settings, Typography, WorkflowAgent

if TYPE_CHECKING:
    from desktop.common.texts import Catalogue
    from desktop.settings.brand import Brand

MEGABYTE = 1024 * 1024
"""Bytes per unit of the session's `max_file_size`. ChatKit's `maxSize` is in bytes."""

LARGEST_INSIDE = 20 * MEGABYTE
"""Equal to `agents.attachments.Limits.size`, which can't be imported here because it imports the SDK. A test compares
them."""
LARGEST_AT_SERVERS = 512 * MEGABYTE
MOST_FILES = 10
"""Per message, as in the built-in view."""
ACCEPTED_INSIDE: dict[str, list[str]] = {
    "image/png": [".png"],
    "image/jpeg": [".jpg", ".jpeg"],
    "image/gif": [".gif"],
    "image/webp": [".webp"],
    "application/pdf": [".pdf"],
    "text/*": [".txt", ".md", ".csv", ".tsv", ".html", ".css", ".xml", ".log", ".rst", ".ini", ".py", ".sql"],
    "application/json": [".json"],
    "application/javascript": [".js"],
    "application/xml": [".xml"],
    "application/yaml": [".yaml", ".yml"],
    "application/toml": [".toml"],
}
"""Files that agents in the app can read, by type and extension: pictures, PDF, text (`agents.store.file_types`)."""

_ICONS = """
    agent analytics atom batch bolt book-open book-closed book-clock bug calendar chart check check-circle
    check-circle-filled chevron-left chevron-right circle-question clock compass confetti cube desktop document
    dots-horizontal dots-vertical empty-circle external-link globe keys lab images info lifesaver lightbulb mail
    map-pin maps mobile name notebook notebook-pencil page-blank phone play plus profile profile-card reload
    star star-filled search sparkle sparkle-double square-code square-image square-text suitcase settings-slider
    user wreath write write-alt write-alt2
"""
ICONS = frozenset(_ICONS.split())
"""`ChatKitIcon`; `lucide:name` is also accepted."""

_LOCALES = """
    am ar bg-BG bn-BD bs-BA ca-ES cs-CZ da-DK de-DE el-GR es-419 es-ES et-EE fi-FI fr-CA fr-FR gu-IN hi-IN hr-HR
    hu-HU hy-AM id-ID is-IS it-IT ja-JP ka-GE kk kn-IN ko-KR lt lv-LV mk-MK ml mn mr-IN ms-MY my-MM nb-NO nl-NL
    pa pl-PL pt-BR pt-PT ro-RO ru-RU sk-SK sl-SI so-SO sq-AL sr-RS sv-SE sw-TZ ta-IN te-IN th-TH tl tr-TR uk-UA
    ur vi-VN zh-CN zh-HK zh-TW bg bn bs ca cs da de el es et fi fr gu hi hr hu hy id is it ja ka kn ko lv mk mr
    ms my nb nl pl pt ro ru sk sl so sq sr sv sw ta te th tr uk vi zh zh-Hant en
"""
LOCALES = frozenset(_LOCALES.split())
"""`SupportedLocale`."""


def chatkit_options(
    settings: Settings,
    agent: Agent,
    texts: Catalogue,
    brand: Brand,
    initial_thread: str | None,
) -> dict[str, Any]:
    """`{options, themes: {light, dark}}`: ChatKit's options without `api`, functions and `theme`, and a theme for each
    scheme. The page knows which scheme to show, since ChatKit has no "system"."""
    chat = settings.chat
    name = agent.name or brand.app.name
    # An agent in the app may have its own greeting and prompts.
    greeting, prompts = chat.greeting, chat.prompts
    if isinstance(agent, InAppAgent):
        greeting = greeting if agent.greeting is None else agent.greeting
        prompts = prompts if agent.prompts is None else agent.prompts
    if isinstance(agent, DemoAgent) and not prompts and agent.prompts is None:
        prompts = demo_prompts(texts)
    options: dict[str, Any] = {
        "frameTitle": texts.get("chat.frame_title", name=name),
        "header": {"enabled": chat.header.enabled, "title": _title(settings)},
        "history": {
            # If the hosted session keeps no history, there is nothing to list.
            "enabled": chat.history.enabled
            and (settings.session.history.enabled or not isinstance(agent, WorkflowAgent)),
            "showDelete": chat.history.show_delete,
            "showRename": chat.history.show_rename,
        },
        "startScreen": {
            "greeting": greeting or texts.get("chat.greeting"),
            "prompts": [
                {"label": prompt.label, "prompt": prompt.prompt, **({"icon": icon} if icon else {})}
                for prompt in prompts
                for icon in [known_icon(prompt.icon)]
            ],
        },
        "threadItemActions": {"feedback": chat.feedback, "retry": chat.retry},
        "composer": _composer(settings, agent, texts),
        "thread": {"autoScroll": chat.auto_scroll},
    }
    if not settings.privacy.chatkit_telemetry:
        # Seen in June 2026, but not in the published types. The page drops it if a version refuses it.
        options["disableTelemetry"] = True
    if chat.disclaimer.text:
        options["disclaimer"] = {"text": chat.disclaimer.text, "highContrast": chat.disclaimer.high_contrast}
    locale = known_locale(chat.locale or texts.language)
    if locale:
        options["locale"] = locale
    if initial_thread:
        options["initialThread"] = initial_thread
    return {
        "options": options,
        "themes": {"light": theme(settings, "light"), "dark": theme(settings, "dark")},
    }


def theme(settings: Settings, scheme: Literal["light", "dark"]) -> dict[str, Any]:
    """A `ThemeOption`."""
    chosen = settings.chat.theme
    colour = _colour(chosen.light if scheme == "light" else chosen.dark)
    return {
        "colorScheme": scheme,
        "radius": chosen.radius,
        "density": chosen.density,
        "typography": _typography(chosen.typography),
        **({"color": colour} if colour else {}),
    }


def known_icon(name: str | None) -> str | None:
    """The icon, or None if ChatKit would refuse it. A prompt works without its icon."""
    if name and (name in ICONS or (name.startswith("lucide:") and len(name) > len("lucide:"))):
        return name
    return None


def known_locale(name: str) -> str | None:
    """The locale as ChatKit spells it, or else its language, or else None: then ChatKit decides."""
    by_lower = {locale.lower(): locale for locale in LOCALES}
    lowered = name.lower()
    return by_lower.get(lowered) or by_lower.get(lowered.split("-")[0])


def _title(settings: Settings) -> dict[str, Any]:
    header = settings.chat.header
    return {"enabled": header.title, **({"text": header.title_text} if header.title_text else {})}


def offers_dictation(settings: Settings) -> bool:
    """Whether the composer has a microphone: if a dictation model is set and the engine can allow the microphone for a
    single page (desktop/window: gtk.py, qt.py)."""
    can_be_allowed = sys.platform not in ("win32", "darwin")
    return (
        can_be_allowed and isinstance(settings.agent(), AssistantAgent) and bool(settings.assistant.transcription_model)
    )


def _composer(settings: Settings, agent: Agent, texts: Catalogue) -> dict[str, Any]:
    upload = settings.session.file_upload
    composer: dict[str, Any] = {}
    if settings.chat.placeholder:
        composer["placeholder"] = settings.chat.placeholder
    if isinstance(agent, AssistantAgent):
        if tools := _tools(agent, texts):
            composer["tools"] = tools
        if models := _models(agent):
            composer["models"] = models
        if offers_dictation(settings):
            composer["dictation"] = {"enabled": True}
    if isinstance(agent, WorkflowAgent) and upload.enabled:
        composer["attachments"] = {
            "enabled": True,
            "maxSize": upload.max_file_size * MEGABYTE,
            "maxCount": upload.max_files,
        }
    elif isinstance(agent, ServerAgent) and agent.attachments:
        # A server decides itself which files it accepts.
        composer["attachments"] = {"enabled": True, "maxSize": LARGEST_AT_SERVERS, "maxCount": MOST_FILES}
    elif isinstance(agent, InAppAgent) and not isinstance(agent, ServerAgent):
        composer["attachments"] = {
            "enabled": True,
            "maxSize": LARGEST_INSIDE,
            "maxCount": MOST_FILES,
            "accept": ACCEPTED_INSIDE,
        }
    return composer


def _tools(agent: AssistantAgent, texts: Catalogue) -> list[dict[str, Any]]:
    """The tools in the composer's menu. A choice comes back as `inference_options.tool_choice.id`."""
    has, get = agent.tools, texts.get
    offered = [
        (has.web_search, "web_search", get("chat.tool_web"), get("chat.tool_web_short"), "globe"),
        (has.vector_store_ids, "file_search", get("chat.tool_files"), get("chat.tool_files_short"), "document"),
        (has.code_interpreter, "code_interpreter", get("chat.tool_code"), get("chat.tool_code_short"), "square-code"),
        (has.image_generation, "image_generation", get("chat.tool_image"), get("chat.tool_image_short"), "images"),
    ]
    return [
        {"id": name, "label": label, "shortLabel": short, "icon": icon}
        for wanted, name, label, short, icon in offered
        if wanted
    ]


def _models(agent: AssistantAgent) -> list[dict[str, Any]]:
    """The agent's model first, then the others; none if there is only one."""
    if not agent.models:
        return []
    from desktop.agents.models.names import DEFAULT_MODEL

    first = agent.model or DEFAULT_MODEL
    others = [model for model in dict.fromkeys(agent.models) if model != first]
    return [{"id": first, "label": first, "default": True}, *({"id": other, "label": other} for other in others)]


def demo_prompts(texts: Catalogue) -> list[Prompt]:
    """What the demo can be asked, so that nobody has to guess its words."""
    return [
        Prompt(label=texts.get(f"chat.demo_{name}"), prompt=texts.get(f"agent_run.demo.words_{name}").split(",")[0])
        for name in ("help", "markdown", "widget", "step", "question")
    ]


def _typography(chosen: Typography) -> dict[str, Any]:
    sources = [source.model_dump(exclude_none=True) for source in chosen.font_sources]
    return {
        "baseSize": chosen.base_size,
        **({"fontFamily": chosen.font_family} if chosen.font_family else {}),
        **({"fontFamilyMono": chosen.font_family_mono} if chosen.font_family_mono else {}),
        **({"fontSources": sources} if sources else {}),
    }


def _colour(chosen: SchemeColours) -> dict[str, Any]:
    return chosen.model_dump(exclude_none=True)
