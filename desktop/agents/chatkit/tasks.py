"""Tools run by the endpoint, as workflow steps in the chat. Needs only `chatkit.types`."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from chatkit.types import CustomTask, FileSource, FileTask, SearchTask, Task, URLSource

from desktop.common.texts import Catalogue

MOST_CODE = 8_000
"""Characters of code, and of its output, shown in a step."""
MOST_SOURCES = 20


def tool_task(item: Any, texts: Catalogue, *, done: bool) -> Task | None:
    """The step for an item of the Responses API; None if it isn't such a tool."""
    say = texts.get
    task: Task
    match item.type:
        case "web_search_call":
            doing, did = say("agent_run.searching"), say("agent_run.searched")
            task = SearchTask(queries=_queries(item), sources=_web_sources(item))
        case "file_search_call":
            doing, did = say("agent_run.searching_files"), say("agent_run.searched_files")
            task = FileTask(sources=_file_sources(item))
        case "code_interpreter_call":
            doing, did = say("agent_run.calculating"), say("agent_run.calculated")
            task = CustomTask(icon="square-code", content=_code(item) if done else None)
        case _:
            return None
    failed = done and getattr(item, "status", "") in ("failed", "incomplete")
    task.title = say("agent_run.step_failed", step=doing) if failed else did if done else doing
    task.status_indicator = "complete" if done else "loading"
    return task


def _queries(item: Any) -> list[str]:
    action = item.action
    queries = getattr(action, "queries", None) or [getattr(action, "query", None) or getattr(action, "pattern", None)]
    return [str(query) for query in queries if query]


def _web_sources(item: Any) -> list[URLSource]:
    action = item.action
    found = [source.url for source in getattr(action, "sources", None) or [] if getattr(source, "url", None)]
    if getattr(action, "url", None):
        found.append(action.url)
    return [URLSource(title=urlsplit(url).hostname or url, url=url) for url in dict.fromkeys(found)][:MOST_SOURCES]


def _file_sources(item: Any) -> list[FileSource]:
    names = dict.fromkeys(result.filename for result in item.results or [] if result.filename)
    return [FileSource(title=name, filename=name) for name in names][:MOST_SOURCES]


def _code(item: Any) -> str | None:
    parts = [f"```python\n{item.code[:MOST_CODE]}\n```"] if item.code else []
    logs = "\n".join(output.logs for output in item.outputs or [] if output.type == "logs")
    if logs:
        parts.append(f"```\n{logs[:MOST_CODE]}\n```")
    return "\n\n".join(parts) or None
