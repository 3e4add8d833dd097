"""Removes from an answer whatever would make a page load something from the internet.

A model's text can name a picture at any host, and cited pages have icons. Loading them tells that host that the answer
was read, and whatever the address encodes. Pictures become links, sources a line of links; text stays as it is. Pure.

It parses only as much Markdown as needed (https://spec.commonmark.org/0.31.2). Only what is certainly code is left
alone. In doubt, a picture becomes a link, and at worst `![` in some code reads `[Image: `.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

_LOADS = "audio|embed|frame|iframe|image|img|input|link|object|picture|source|style|svg|track|use|video"
_MARK = re.compile(rf"!+\[|<(?=(?:{_LOADS})\b)", re.IGNORECASE)
_MAYBE = re.compile(r"(?<!!)!+$|<[a-z]{0,8}$", re.IGNORECASE)
"""The end of a text that may still become one of these."""
LONGEST_MARK = 64
"""Characters from the end in which that is looked for."""
_OPENS = re.compile(r"(`{3,})([^`]*)$|(~{3,})")
_RUN = re.compile(r"`+")
_MARKUP = re.compile(r"[ \t>*+\-0-9.)]*<")
"""A line that may begin a block of HTML, in which a fence is not a fence."""
_SPECIAL = re.compile(r"([\\`*_\[\]<>!&#|~$])")


class Growing:
    """A text that arrives in pieces. The results of `feed` and `end`, joined, equal the result for the whole text."""

    def __init__(self, word: str) -> None:
        self._word = word
        self._line = ""
        self._done = 0
        """Characters of the line already returned."""
        self._tick = -1
        """The position of the line's first backtick, and how far was searched, since a line may be long."""
        self._seen = 0
        self._fence: tuple[str, int] | None = None
        self._fences_hold = True
        self._spans_hold = True
        """Whether paired backticks in this paragraph are certain to be code."""
        self._carriage = False

    def feed(self, text: str) -> str:
        if self._carriage:
            text = "\r" + text
        self._carriage = text.endswith("\r")
        text = text.removesuffix("\r").replace("\r\n", "\n").replace("\r", "\n")
        given = []
        *whole, rest = text.split("\n")
        for line in whole:
            self._line += line
            given.append(self._end_line() + "\n")
        self._line += rest
        given.append(self._settled())
        return "".join(given)

    def end(self) -> str:
        return self._end_line()

    def _settled(self) -> str:
        """The length of the line that nothing to come can change."""
        line = self._line
        if self._fence is None and line[:1] in ("`", "~"):
            return ""  # may open a fence
        if self._fence is not None:
            if line[:5].lstrip(" ")[:1] in ("", self._fence[0]):
                return ""  # may close it
            upto = len(line)
        else:
            maybe = _MAYBE.search(line, max(self._done, len(line) - LONGEST_MARK))
            upto = maybe.start() if maybe else len(line)
            if self._tick < 0:
                self._tick = line.find("`", self._seen)
                self._seen = len(line)
            tick = self._tick
            mark = _MARK.search(line, self._done if tick < 0 else max(self._done, tick))
            if tick >= 0 and mark:
                upto = min(upto, mark.start())
        if upto <= self._done:
            return ""
        start, self._done = self._done, upto
        return line[start:upto] if self._fence is not None else self._plain(line, start, upto, [])

    def _end_line(self) -> str:
        line, start = self._line, self._done
        self._line, self._done = "", 0
        self._tick, self._seen = -1, 0
        if self._fence is not None:
            mark, length = self._fence
            if re.fullmatch(rf" {{0,3}}{re.escape(mark)}{{{length},}}[ \t]*", line):
                self._fence = None
            return line[start:]
        opens = _OPENS.match(line) if self._fences_hold else None
        if opens:
            run = opens[1] or opens[3]
            self._fence = (run[0], len(run))
            self._spans_hold = True
            return self._plain(line, start, len(line), [])
        if _MARKUP.match(line) or "$$" in line or "```" in line or "~~~" in line:
            self._fences_hold = False  # for example a fence in a list; where that ends is not worked out
        if not line.strip(" \t"):
            self._spans_hold = True
            return line[start:]
        spans = self._spans(line)
        return self._plain(line, start, len(line), spans)

    def _spans(self, line: str) -> list[tuple[int, int]]:
        """Code spans in a line: between two runs of backticks of equal length."""
        if "<" in line or "$" in line or "\\`" in line:
            self._spans_hold = False
        if not self._spans_hold or "|" in line:
            self._spans_hold = self._spans_hold and "`" not in line
            return []
        runs = [(run.start(), run.end()) for run in _RUN.finditer(line)]
        spans, at = [], 0
        while at < len(runs):
            begin, end = runs[at]
            close = next((i for i in range(at + 1, len(runs)) if runs[i][1] - runs[i][0] == end - begin), None)
            if close is None:
                self._spans_hold = False  # may be closed in a later line
                at += 1
                continue
            spans.append((begin, runs[close][1]))
            at = close + 1
        return spans

    def _plain(self, line: str, start: int, end: int, code: list[tuple[int, int]]) -> str:
        def instead(mark: re.Match[str]) -> str:
            at = mark.start()
            if any(begin <= at < close for begin, close in code):
                return mark[0]
            if mark[0] == "<":
                return "&lt;"
            before = line[:at]
            if mark[0] == "![" and (len(before) - len(before.rstrip("\\"))) % 2:
                return mark[0]  # escaped: no picture
            others = mark[0][:-2]
            return f"{others}{' ' if others else ''}[{self._word}: "

        parts, at = [], start
        for mark in _MARK.finditer(line, start, end):
            parts += [line[at : mark.start()], instead(mark)]
            at = mark.end()
        return "".join((*parts, line[at:end]))


def without_images(text: str, word: str) -> str:
    """Markdown without pictures; each is a link that begins with `word`."""
    growing = Growing(word)
    return growing.feed(text) + growing.end()


class Shield:
    """Filters everything sent to one page, events and replies. `image`, `sources`: the words for a picture and for the
    line of sources, in the person's language."""

    def __init__(self, image: str, sources: str) -> None:
        self._image = image
        self._sources = sources
        self._growing: dict[tuple[str, object], Growing] = {}

    def reply(self, text: str) -> str:
        """A reply as JSON, unchanged if nothing has to be removed."""
        given = json.loads(text)
        shown = self._node(given)
        return text if shown == given else json.dumps(shown, ensure_ascii=False)

    def event(self, event: dict[str, Any]) -> dict[str, Any] | None:
        """One event of a stream; None if nothing is left of it. Call in order."""
        kind = event.get("type")
        if kind == "thread.item.updated" and isinstance(event.get("update"), dict):
            update = self._update(str(event.get("item_id")), event["update"])
            return None if update is None else {**event, "update": update}
        if kind == "notice" and isinstance(event.get("message"), str):
            return {**event, "message": without_images(event["message"], self._image)}
        if kind == "thread.item.done" and isinstance(event.get("item"), dict):
            done = str(event["item"].get("id"))
            for known in [key for key in self._growing if key[0] == done]:
                del self._growing[known]
        made = self._node(event)
        return made if isinstance(made, dict) else event

    def _update(self, item: str, update: dict[str, Any]) -> dict[str, Any] | None:
        kind = str(update.get("type", ""))
        if kind.endswith("annotation_added"):
            source = (update.get("annotation") or {}).get("source") or {}
            return None if source.get("type") == "url" else update  # the finished part brings it
        place = update.get("content_index", update.get("component_id"))
        if kind.endswith(("text_delta", "value_delta")) and isinstance(update.get("delta"), str):
            growing = self._growing.setdefault((item, place), Growing(self._image))
            delta = growing.feed(update["delta"])
            if update.get("done"):
                delta += growing.end()
            return {**update, "delta": delta} if delta or update.get("done") else None
        if kind.endswith("content_part.added") and isinstance(update.get("content"), dict):
            content = update["content"]
            growing = self._growing[item, place] = Growing(self._image)
            return {**update, "content": {**content, "text": growing.feed(str(content.get("text") or ""))}}
        made = self._node(update)
        return made if isinstance(made, dict) else update

    def _node(self, node: Any, depth: int = 0) -> Any:
        if depth > 60:
            return None  # no real widget is nested this deep
        if isinstance(node, list):
            return [self._node(one, depth + 1) for one in node]
        if not isinstance(node, dict):
            return node
        made = {name: self._node(value, depth + 1) for name, value in node.items()}
        kind, text = made.get("type"), made.get("text")
        if isinstance(made.get("annotations"), list) and isinstance(text, str):
            return self._message(made, text)
        if kind == "web_search" and made.get("sources"):
            return self._search(made)
        if kind in ("thought", "custom") and isinstance(made.get("content"), str):
            made["content"] = without_images(made["content"], self._image)
        elif kind == "Markdown" and isinstance(made.get("value"), str):
            made["value"] = without_images(made["value"], self._image)
        elif kind == "Image" and _is_remote(made.get("src")):
            return {"type": "Markdown", "value": _link(f"{self._image}: {made.get('alt') or ''}", made["src"])}
        if _is_remote(made.get("favicon")):
            del made["favicon"]
        return made

    def _message(self, content: dict[str, Any], text: str) -> dict[str, Any]:
        links: dict[str, str] = {}
        kept = []
        for annotation in content["annotations"]:
            source = annotation.get("source") if isinstance(annotation, dict) else None
            if isinstance(source, dict) and source.get("type") == "url":
                links.setdefault(str(source.get("url")), str(source.get("title") or ""))
            else:
                kept.append(annotation)
        text = without_images(text, self._image)
        if line := self._line(links):
            text = f"{text.rstrip()}\n\n{line}"
        return {**content, "text": text, "annotations": kept}

    def _search(self, task: dict[str, Any]) -> dict[str, Any]:
        """A web search as a step with links, because a search would show the icons of its pages."""
        found = {str(one.get("url")): str(one.get("title") or "") for one in task["sources"] if isinstance(one, dict)}
        asked = [one for one in task.get("queries") or [] if isinstance(one, str)]
        title = task.get("title") or task.get("title_query") or ", ".join(asked) or None
        kept = {name: task[name] for name in ("status_indicator",) if name in task}
        return {**kept, "type": "custom", "title": title, "icon": "search", "content": self._line(found)}

    def _line(self, links: dict[str, str]) -> str:
        shown = [_link(title or urlsplit(url).netloc, url) for url, title in links.items() if _is_remote(url)]
        return f"{self._sources}: {' · '.join(shown)}" if shown else ""


def _is_remote(url: object) -> bool:
    return isinstance(url, str) and url.strip().lower().startswith(("http://", "https://", "//"))


def _link(title: str, url: str) -> str:
    """A Markdown link, with title and address escaped."""
    words = _SPECIAL.sub(r"\\\1", " ".join(title.split()))
    place = "".join(f"%{ord(c):02X}" if c in '<>\\ "`' or ord(c) < 33 else c for c in url.strip())
    return f"[{words}](<{place}>)"
