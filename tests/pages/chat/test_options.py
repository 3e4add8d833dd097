"""The component's options: every setting reaches them, and the component's own strict check takes what comes out."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from desktop.common.texts import Catalogue
from desktop.pages.chat import options
from desktop.pages.chat.options import chatkit_options, demo_prompts
from desktop.settings.agents import DemoAgent
from desktop.settings.base import Prompt
from desktop.settings.brand import Brand
from desktop.settings.model import Chat, Settings

ROOT = Path(__file__).parents[3]
CHECK = ROOT / "tests" / "standins" / "component" / "check_options.mjs"
TYPES = ROOT / "tests" / "js" / "node_modules" / "@openai" / "chatkit" / "types" / "index.d.ts"
AGENT = {"workflow_id": "wf_abcdefgh", "name": "Trip planner"}

ALTERED: dict[str, list[Any]] = {
    "chat.theme.radius": ["pill", "soft", "sharp"],
    "chat.theme.density": ["compact", "spacious"],
    "chat.theme.light.accent": [{"primary": "#ff0000", "level": 3}, {"primary": "#00ff00"}],
    "chat.theme.light.grayscale": [{"hue": 0, "tint": 9, "shade": -4}, {"hue": 360}],
    "chat.theme.light.surface": [{"background": "#ffffff", "foreground": "#111111"}],
    "chat.theme.dark.accent": [{"primary": "#ff0000", "level": 0}],
    "chat.theme.dark.grayscale": [{"hue": 180, "tint": 0, "shade": 4}],
    "chat.theme.dark.surface": [{"background": "#000000", "foreground": "#eeeeee"}],
    "chat.theme.typography.base_size": [14, 16, 17, 18],
    "chat.theme.typography.font_family": ["Inter, sans-serif"],
    "chat.theme.typography.font_family_mono": ["Fira Code"],
    "chat.theme.typography.font_sources": [
        [{"family": "Inter", "src": "https://example.org/inter.woff2"}],
        [{"family": "Inter", "src": "https://example.org/i.woff2", "weight": 600, "style": "italic"}],
        [{"family": "Inter", "src": "https://example.org/i.woff2", "weight": "100 900"}],
    ],
    "chat.header.enabled": [False],
    "chat.header.title": [False],
    "chat.header.title_text": ["Ask us"],
    "chat.history.enabled": [False],
    "chat.history.show_delete": [False],
    "chat.history.show_rename": [False],
    "chat.greeting": ["Bonjour"],
    "chat.prompts": [
        [{"label": "One", "prompt": "one"}],
        [{"label": "One", "prompt": "one", "icon": "compass"}, {"label": "Two", "prompt": "two", "icon": "lucide:sun"}],
    ],
    "chat.placeholder": ["Ask away"],
    "chat.disclaimer.text": ["Can be wrong"],
    "chat.feedback": [False],
    "chat.retry": [False],
    "chat.auto_scroll": [False],
    "chat.locale": ["fr", "pt-BR", "de"],
    "session.file_upload.enabled": [True],
    "session.history.enabled": [False],
}
NEEDS = {
    "chat.disclaimer.high_contrast": ({"chat.disclaimer.text": "Can be wrong"}, True),
    "session.file_upload.max_file_size": ({"session.file_upload.enabled": True}, 512),
    "session.file_upload.max_files": ({"session.file_upload.enabled": True}, 50),
}
"""Settings that show only beside another one."""

NOT_AN_OPTION = {"chat.theme.scheme": "the page picks one of the two themes", "chat.reopen_last_thread": "chat.py does"}


def settings_with(changes: dict[str, Any]) -> Settings:
    tree: dict[str, Any] = {"agents": [AGENT]}
    for dotted, value in changes.items():
        *parents, leaf = dotted.split(".")
        place = tree
        for name in parents:
            place = place.setdefault(name, {})
        place[leaf] = deepcopy(value)
    return Settings.model_validate(tree)


def made(changes: dict[str, Any] | None = None, thread: str | None = None, language: str = "en") -> dict[str, Any]:
    settings = settings_with(changes or {})
    agent = settings.agent()
    assert agent is not None
    return options.chatkit_options(settings, agent, Catalogue(language), Brand(), thread)


def full(told: dict[str, Any]) -> list[dict[str, Any]]:
    """What the page hands to the component for either scheme; functions as the check reads them."""
    function = {"$function": "f"}
    return [
        {
            **told["options"],
            "theme": told["themes"][scheme],
            "api": {"getClientSecret": function},
            "onClientTool": function,
            "header": {**told["options"]["header"], "rightAction": {"icon": "settings-cog", "onClick": function}},
        }
        for scheme in ("light", "dark")
    ]


def verdicts(options: list[dict[str, Any]]) -> list[str]:
    """What the component's check says of each: "" is fine."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    done = subprocess.run([node, str(CHECK)], input=json.dumps(options), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found


def leaves(model: type[BaseModel], prefix: str) -> set[str]:
    """The dotted settings below a model; what is optional as a whole counts as one."""
    found = set()
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            found |= leaves(inner, f"{prefix}{name}.")
        else:
            found.add(f"{prefix}{name}")
    return found


def test_every_setting_of_the_chat_is_looked_at_here() -> None:
    chat = {name for name in {*ALTERED, *NEEDS, *NOT_AN_OPTION} if name.startswith("chat.")}
    assert chat == leaves(Chat, "chat.")


@pytest.mark.parametrize("name", sorted(ALTERED))
def test_a_setting_changes_what_the_component_is_told(name: str) -> None:
    plain = made()
    for value in ALTERED[name]:
        assert made({name: value}) != plain, value


@pytest.mark.parametrize("name", sorted(NEEDS))
def test_a_setting_beside_another_changes_what_the_component_is_told(name: str) -> None:
    beside, value = NEEDS[name]
    assert made({**beside, name: value}) != made(beside)


def test_the_component_takes_every_value_and_many_combinations() -> None:
    chance = random.Random(20261120)
    cases = [made(), made(thread="cthr_1"), made(language="fr")]
    cases += [made({name: value}) for name, values in ALTERED.items() for value in values]
    cases += [made({**beside, name: value}) for name, (beside, value) in NEEDS.items()]
    for _ in range(200):
        names = chance.sample(sorted(ALTERED), chance.randint(2, len(ALTERED)))
        cases.append(made({name: chance.choice(ALTERED[name]) for name in names}))
    options = [entry for case in cases for entry in full(case)]
    found = verdicts(options)
    assert len(found) == len(options)
    assert set(found) == {""}


def test_the_check_itself_refuses_what_the_published_types_do_not_know() -> None:
    good = full(made())[0]
    function = {"$function": "f"}
    found = verdicts(
        [
            good,
            {**good, "colour": "red"},
            {**good, "locale": None},
            {**good, "composer": {"placeholder": None}},
            {**good, "theme": {"colorScheme": "system"}},
            {**good, "startScreen": {"prompts": [{"label": "x", "prompt": "x", "icon": "unknown-icon"}]}},
            {**good, "disclaimer": {"highContrast": True}},
            {**good, "api": {"getClientSecret": function, "url": "https://example.org", "domainKey": "x"}},
            {name: value for name, value in good.items() if name != "api"},
        ]
    )
    assert found[0] == ""
    assert all(found[1:])
    assert found[7].startswith("InvalidFrameParamsError")


def test_nothing_is_ever_null() -> None:
    def nulls(value: Any) -> bool:
        if isinstance(value, dict):
            return any(nulls(inner) for inner in value.values())
        if isinstance(value, list):
            return any(nulls(inner) for inner in value)
        return value is None

    assert not nulls(made())
    assert not nulls(made({"chat.theme.typography.font_sources": ALTERED["chat.theme.typography.font_sources"][0]}))


def test_either_scheme_has_its_own_colours() -> None:
    accents = {"chat.theme.light.accent": {"primary": "#111111"}, "chat.theme.dark.accent": {"primary": "#eeeeee"}}
    themes = made(accents)["themes"]
    assert (themes["light"]["colorScheme"], themes["dark"]["colorScheme"]) == ("light", "dark")
    assert themes["light"]["color"]["accent"] == {"primary": "#111111", "level": 1}
    assert themes["dark"]["color"]["accent"] == {"primary": "#eeeeee", "level": 1}


def test_sizes_of_attachments_are_given_in_bytes() -> None:
    told = made({"session.file_upload.enabled": True, "session.file_upload.max_file_size": 3})
    expected = {"enabled": True, "maxSize": 3 * 1024 * 1024, "maxCount": 10}
    assert told["options"]["composer"]["attachments"] == expected
    assert "attachments" not in made()["options"]["composer"]


def test_history_needs_the_session_to_keep_one() -> None:
    assert made()["options"]["history"]["enabled"] is True
    assert made({"session.history.enabled": False})["options"]["history"]["enabled"] is False


def test_the_last_thread_is_reopened_only_where_there_is_one() -> None:
    assert made(thread="cthr_1")["options"]["initialThread"] == "cthr_1"
    assert "initialThread" not in made()["options"]


def test_an_icon_the_component_would_refuse_is_left_out_and_its_prompt_stays() -> None:
    told = made({"chat.prompts": [{"label": "One", "prompt": "one", "icon": "no-such-icon"}]})
    assert told["options"]["startScreen"]["prompts"] == [{"label": "One", "prompt": "one"}]


@pytest.mark.parametrize(
    ("asked", "given"),
    [("fr", "fr"), ("FR-ca", "fr-CA"), ("fr-BE", "fr"), ("pt-br", "pt-BR"), ("en-GB", "en"), ("xx", None)],
)
def test_a_locale_is_given_as_the_component_spells_it(asked: str, given: str | None) -> None:
    assert options.known_locale(asked) == given


def test_the_language_of_the_app_is_the_chats_where_none_is_chosen() -> None:
    assert made(language="fr")["options"]["locale"] == "fr"
    assert made({"chat.locale": "de"}, language="fr")["options"]["locale"] == "de"


@pytest.mark.skipif(not TYPES.is_file(), reason="the published types are not installed (npm ci in tests/js)")
def test_icons_and_locales_are_those_of_the_published_types() -> None:
    source = TYPES.read_text(encoding="utf-8")

    def union(name: str) -> set[str]:
        body = re.search(rf"export type {name} =(.*?);", source, re.DOTALL)
        assert body is not None
        return set(re.findall(r"'([^']+)'", body[1]))

    assert union("ChatKitIcon") == options.ICONS
    assert union("TranslatedLocale") | union("SupportedLocale") == options.LOCALES


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_demo_says_what_it_can_be_asked_and_answers_each_of_them(language: str) -> None:
    texts = Catalogue(language)
    offered = made_for(DemoAgent(id="demo"), language)
    assert [one["prompt"] for one in offered] == [one.prompt for one in demo_prompts(texts)]
    kinds = [
        texts.get(f"agent_run.demo.words_{name}").split(", ")
        for name in ("help", "markdown", "widget", "step", "question")
    ]
    for one, words in zip(offered, kinds, strict=True):
        assert one["prompt"] in words


def test_a_demo_with_prompts_of_its_own_has_those_alone() -> None:
    own = DemoAgent(id="demo", prompts=[Prompt(label="Hi", prompt="help")])
    assert [one["label"] for one in made_for(own, "en")] == ["Hi"]
    assert made_for(DemoAgent(id="demo", prompts=[]), "en") == []


def made_for(agent: DemoAgent, language: str) -> list[dict[str, str]]:
    settings = Settings.model_validate({"agents": [agent.model_dump()]})
    options = chatkit_options(settings, agent, Catalogue(language), Brand.model_validate({}), None)["options"]
    return list(options["startScreen"]["prompts"])
