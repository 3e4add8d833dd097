"""Tries the brand's code agents before anything is built: each is imported from a copy of what goes along, with an
empty home and none of the maker's variables. What fails there would fail for everybody who gets the app.

What a file reads while it is imported is known by that; what it reads later can only be guessed from the names of files
in its code, and is a note.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from desktop.packaging import agents, processes
from desktop.packaging.errors import AgentWrong
from desktop.packaging.plan import ROOT, Plan
from desktop.packaging.trial_child import ANSWER, Answer, Order
from desktop.settings.brand import code_agents

LIMIT = 120
"""Seconds that importing an agent's file may take."""
OF_THE_SYSTEM = (
    *("PATH", "PATHEXT", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "WINDIR", "COMSPEC"),
    *("SYSTEMDRIVE", "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE", "LD_LIBRARY_PATH"),
    *(
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
    ),
)
"""Variables that are there on every computer, or say how this one reaches the network."""
HOMES = ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME")
AS_ELSEWHERE = (
    "It was imported as on another computer: from a copy of what goes along, with an empty home and none of your "
    "variables. Packages it needs stand in `packages` of the agent, files it reads in `files` under [package]."
)


def run(plan: Plan, packages: Path) -> None:
    """Imports every agent. `packages`: the folder of what they need; it need not be there. Raises AgentWrong, and what
    `agents.files` raises."""
    wanted = code_agents(plan.brand)
    if not wanted:
        return
    copy = (plan.work / "checked" / "agents").resolve()
    known = agents.lay_out(plan, copy)
    for agent in wanted:
        plan.say(f"Importing {Path(agent['file']).name}")
        before = _contents(copy)
        _judge(plan, agent, copy, _imported(plan, agent, copy, packages), before)
    for line in named_and_left(plan, known):
        plan.add_warning(line)


def _imported(plan: Plan, agent: dict[str, Any], copy: Path, packages: Path) -> Answer:
    file = Path(agent["file"])
    folder = plan.work / "checked"
    home = folder / "home"
    home.mkdir(exist_ok=True)
    order = Order(
        file=str(copy / agents.below(plan, file)),
        entry=str(agent.get("entry") or ""),
        packages=str(packages),
        requirements=str(ROOT / "requirements.txt"),
    )
    (folder / "order.json").write_text(json.dumps(asdict(order)), encoding="utf-8")
    (folder / ANSWER).unlink(missing_ok=True)
    environ = {name: value for name, value in os.environ.items() if name in OF_THE_SYSTEM or name.startswith("LC_")}
    environ |= dict.fromkeys(HOMES, str(home)) | {
        "OPENAI_API_KEY": "none-while-packaging",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-m", "desktop.packaging.trial_child", str(folder / "order.json")]
    try:
        done = processes.run(
            command,
            cwd=ROOT,
            env=environ,
            errors="replace",
            timeout=LIMIT,
        )
    except subprocess.TimeoutExpired:
        raise AgentWrong(
            f"{file.name} is still being imported after {LIMIT} s.",
            "What takes long belongs into the function that answers, not on the top level of the file.",
        ) from None
    try:
        return Answer(**json.loads((folder / ANSWER).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        told = f"{file.name} ends the process that imports it ({done.returncode})."
        raise AgentWrong(
            f"{told} {said[-1][:300] if said else ''}".strip(),
            AS_ELSEWHERE,
        ) from None


def _judge(plan: Plan, agent: dict[str, Any], copy: Path, answer: Answer, before: dict[str, float]) -> None:
    """Raises AgentWrong."""
    name = Path(agent["file"]).name
    left = _left(plan, copy, answer, before)
    if answer.problem and left:
        raise AgentWrong(
            f"{name} reads {left[0]} while it is imported, and that does not go along. {answer.problem}",
            f'Name it in the brand file: files = ["{left[0]}"] under [package].',
        )
    if answer.problem:
        raise AgentWrong(f"{name} can't be used as an agent. {answer.problem}", AS_ELSEWHERE)
    for path in _by_whole_path(plan, copy, answer):
        raise AgentWrong(
            f"{name} reads {path}, a place on this computer alone.",
            "Name files from the agent's own on, Path(__file__).parent / …, and in `files` under [package].",
        )
    for rest, when in _contents(copy).items():
        if rest in left:  # a database that is not there is made when it is opened
            raise AgentWrong(
                f"{name} opens {rest} while it is imported, and that does not go along.",
                f'Name it in the brand file: files = ["{rest}"] under [package].',
            )
        if before.get(rest) != when:
            raise AgentWrong(
                f"{name} writes {rest} beside itself while it is imported. An installed app's files stay as they are.",
                "Let it write below the user's home, Path.home(), or into a temporary folder.",
            )
    for rest in left:
        plan.add_warning(f"{name} looks for {rest} while it is imported, which is here and does not go along.")


def _left(plan: Plan, copy: Path, answer: Answer, before: dict[str, float]) -> list[str]:
    """Files beside the brand file that were looked for and do not go along; of a folder that was looked into, one."""
    found: dict[str, None] = {}
    for text in answer.opened:
        path = Path(text)
        if path == copy or not path.is_relative_to(copy):
            continue
        rest = path.relative_to(copy).as_posix()
        if (plan.source / rest).is_file() and rest not in before:
            found.setdefault(rest)
        missing = [f"{rest}/{name}" for name in _files_in(plan.source / rest) if f"{rest}/{name}" not in before]
        found |= dict.fromkeys(missing[:1])
    return list(found)


def _by_whole_path(plan: Plan, copy: Path, answer: Answer) -> Iterator[Path]:
    """What was read of the maker's own folders, by a path that is written somewhere."""
    own = [plan.source.resolve(), *([Path.home().resolve()] if len(Path.home().parts) > 1 else [])]
    python = (sys.prefix, sys.base_prefix, sys.exec_prefix, os.path.dirname(os.__file__))
    spared = [Path(place).resolve() for place in (plan.work, copy, ROOT, *python)]
    for text in answer.opened:
        path = Path(text).resolve()
        ours = any(path.is_relative_to(place) for place in spared)
        if path.is_file() and not ours and any(path.is_relative_to(place) for place in own):
            yield path


def _files_in(folder: Path) -> list[str]:
    """Files that somebody put into a folder; none where there is no folder."""
    if not folder.is_dir():
        return []
    return sorted(
        path.name for path in folder.iterdir() if path.is_file() and path.name[:1] != "." and path.suffix != ".py"
    )


def _contents(folder: Path) -> dict[str, float]:
    """{path below it, with slashes: when it was changed, in nanoseconds}."""
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in found}


# --- what is read later ---------------------------------------------------------------------------


def named_and_left(plan: Plan, known: dict[str, Path]) -> list[str]:
    """A note for each file that an agent's code names, that lies beside it and does not go along."""
    notes = {}
    for rest, path in known.items():
        if path.suffix != ".py":
            continue
        for name in _named(path.read_bytes()):
            for base in dict.fromkeys(
                (path.parent, *(Path(agent["file"]).parent for agent in code_agents(plan.brand)))
            ):
                meant = Path(os.path.abspath(base / name))
                if not meant.is_file() or not meant.is_relative_to(plan.source):
                    continue
                other = agents.below(plan, meant)
                if other not in known and meant != plan.brand_file:
                    notes[other] = (
                        f"{rest} names {other}, which does not go along: `files` under [package] does not name it."
                    )
    return list(notes.values())


def _named(content: bytes) -> Iterator[str]:
    """Texts in code that may be the path of a file: alone, or put together with `/` and commas."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError):
        return  # mended where it is loaded, and told there
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            yield "/".join(_texts(node))
        elif isinstance(node, ast.Call):
            yield "/".join(text for part in node.args for text in _texts(part))
        yield from _texts(node)


def _texts(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and 0 < len(node.value) < 200:
        return [] if {"\n", "\0"} & set(node.value) else [node.value]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return [*_texts(node.left), *_texts(node.right)]
    return []
