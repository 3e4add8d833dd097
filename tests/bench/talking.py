"""A chat with an agent inside the app, in its window: how soon it stands there, how soon words do, and how many."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Any

from tests.bench import chats
from tests.bench.child import Child
from tests.bench.figures import Figure, summary
from tests.bench.starts import Marks, bare_chat, hello, opened, served
from tests.rig.scene import Scene
from tests.standins.models_api import Answer, ModelsApi

CHATS, ITEMS = 200, 10
"""What lies in the store of the starts."""
WORDS, PAUSE = 150, 0.02
"""Words of the answer whose way is timed, and the seconds between them."""
FLOOD = 30_000
"""Pieces of the answer that comes as quickly as it is taken."""

# --- what runs in the page. All of it is the built-in view's; its modules are the page's own. --------------

_PRELUDE = """
  const { call } = await import(new URL("../common/bridge.js", document.baseURI).href);
  const told = (what, milliseconds) => call("bench.took", { what, milliseconds });
  const say = (words) => {
    const text = document.getElementById("text");
    text.value = words;
    text.dispatchEvent(new Event("input", { bubbles: true }));
    document.getElementById("send").click();
  };
  const watch = (seen) => {
    const watcher = new MutationObserver(() => {
      const bodies = document.querySelectorAll(".answer .body");
      if (bodies.length && seen(bodies[bodies.length - 1].textContent)) watcher.disconnect();
    });
    watcher.observe(document.getElementById("thread"), { childList: true, subtree: true, characterData: true });
  };
"""

# The answer is "w0 w1 w2 …": for each number the moment from which on it stood in the page, milliseconds since 1970.
_NUMBERED = """
  const moments = [];
  watch((text) => {
    const now = Date.now();
    const at = text.lastIndexOf("w");
    const last = at < 0 ? -1 : parseInt(text.slice(at + 1), 10);
    while (moments.length <= last) moments.push(now);
    if (moments.length < %(count)d) return false;
    void told("numbered", moments);
    return true;
  });
"""

_FIRST = """
  const began = Date.now();
  watch((text) => {
    if (!text.trim()) return false;
    void told("first words", [began, Date.now()]);
    return true;
  });
"""

# The page's own `fetch` for ChatKit, read to the end: milliseconds from first to last piece, pieces, misplaced ones.
_READ = """
  const { agentFetch } = await import(new URL("../common/agent_fetch.js", document.baseURI).href);
  const content = [{ type: "input_text", text: "%(count)d" }];
  const input = { content, attachments: [], quoted_text: null, inference_options: {} };
  const body = JSON.stringify({ type: "threads.create", params: { input } });
  const answer = await agentFetch("", { method: "POST", body });
  const reader = answer.body.getReader();
  const decoder = new TextDecoder();
  let rest = "", next = 0, misplaced = 0, first = 0, last = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const events = (rest + decoder.decode(value, { stream: true })).split("\\n\\n");
    rest = events.pop() ?? "";
    for (const event of events) {
      if (!event.includes(".text_delta")) continue;
      last = performance.now();
      first ||= last;
      // Pieces may come together as one.
      for (const word of JSON.parse(event.slice(6)).update.delta.split(" ").slice(0, -1)) {
        if (word !== `w${next}`) misplaced += 1;
        next += 1;
      }
    }
  }
  await told("read", [last - first, next, misplaced]);
"""


def script(*parts: str, **values: object) -> str:
    return f"(async () => {{{_PRELUDE}{''.join(parts) % values}}})();0"


def run(child: Child, mark: str, *parts: str, **values: object) -> Any:
    """Run `parts` in the chat's page; the value of the mark that they tell."""
    return child.ask(f"js {json.dumps(script(*parts, **values))}", mark)


# --- what the app is started with ------------------------------------------------------------------------


def profile(
    scene: Scene, name: str, agent: dict[str, Any], *, builtin: bool = False, base: str = "", many: int = 0
) -> str:
    """A profile with one agent, and `many` chats of it in its store; its name."""
    folder = scene.data / "profiles" / name
    folder.mkdir(parents=True, mode=0o700)
    endpoint = {"id": "here", "name": "here", "base_url": base, "api": "responses"}
    values = {
        "version": 1,
        "agents": [agent | {"view": "builtin" if builtin else "chatkit"}],
        "endpoints": [endpoint] if base else [],
        "assistant": {"titles": False},
    }
    (folder / "settings.json").write_text(json.dumps(values), encoding="utf-8")
    if many:
        chats.fill(folder / "threads.sqlite3", many, ITEMS)
    return name


DEMO = {"kind": "demo", "id": "demo"}
ASSISTANT = {"kind": "assistant", "id": "assistant", "endpoint": "here", "model": "gpt-4.1"}
BASE = "http://127.0.0.1:9"
"""An endpoint that nothing asks: only starts are looked at."""


def start(scene: Scene, name: str, *marks: str) -> Marks:
    with opened(scene, "--profile", name) as child:
        for mark in marks:
            child.until(mark)
        return dict(child.marks)


def first_words(scene: Scene, name: str, bytecode: str = "") -> Marks:
    """A start, and a message that is typed the moment the page can be used."""
    environ = {"PYTHONPYCACHEPREFIX": bytecode} if bytecode else None
    with opened(scene, "--profile", name, environ=environ) as child:
        child.until("builtin.ready")
        _, shown = run(child, "first words", _FIRST, 'say("Hello");')
        return {**child.marks, "shown": child.since_start(shown)}


# --- starts -------------------------------------------------------------------------------------------------


def starts(scene: Scene, runs: int) -> list[Figure]:
    """As `starts.measure`: a first round that isn't counted, then they take turns."""
    profile(scene, "component", ASSISTANT, base=BASE, many=CHATS)
    profile(scene, "component-demo", DEMO)
    profile(scene, "builtin", ASSISTANT, builtin=True, base=BASE, many=CHATS)
    profile(scene, "demo", DEMO, builtin=True)
    with served() as page:
        kinds: dict[str, Callable[[], Marks]] = {
            "hello": lambda: hello(scene),
            "bare": lambda: bare_chat(scene, page),
            "component": lambda: start(scene, "component", "chat.ready", "threads.list"),
            "component, demo": lambda: start(scene, "component-demo", "chat.ready"),
            "builtin": lambda: start(scene, "builtin", "builtin.ready", "threads.list"),
            "demo": lambda: first_words(scene, "demo"),
        }
        taken: dict[str, list[Marks]] = {name: [] for name in kinds}
        for turn in range(runs + 1):
            for name, take in kinds.items():
                marks = take()
                if turn:
                    taken[name].append(marks)
    cold = [
        first_words(scene, profile(scene, f"cold-{turn}", DEMO, builtin=True), str(scene.folder / f"bytecode-{turn}"))
        for turn in range(max(1, runs // 3))
    ]

    def of(name: str, mark: str) -> list[float]:
        return [marks[mark] for marks in taken[name]]

    def paired(name: str, mark: str, to: str = "hello", to_mark: str = "loaded") -> list[tuple[float, float]]:
        return list(zip(of(name, mark), of(to, to_mark), strict=True))

    def ratio(*asked: str) -> float:
        return median(a / b for a, b in paired(*asked))

    def over(*asked: str) -> float:
        return median(a - b for a, b in paired(*asked)) * 1000

    return [
        Figure(
            "start to page ready, agent in the app",
            ratio("component", "chat.ready"),
            "× hello",
            1.05,
            {
                "least of both": round(min(of("component", "chat.ready")) / min(of("hello", "loaded")), 3),
                "over a bare page with the component": round(ratio("component", "chat.ready", "bare", "mounted"), 3),
                "with the demo": round(ratio("component, demo", "chat.ready"), 3),
                "in the built-in view": round(ratio("builtin", "builtin.ready"), 3),
                "hello loaded (ms)": summary(of("hello", "loaded"), 1000),
                "a bare page with the component (ms)": summary(of("bare", "mounted"), 1000),
                "chat ready (ms)": summary(of("component", "chat.ready"), 1000),
                "app asked the engine (ms)": summary(of("component", "engine"), 1000),
                "page began (ms)": summary(of("component", "chat.start"), 1000),
                "built-in view ready (ms)": summary(of("builtin", "builtin.ready"), 1000),
            },
        ),
        Figure(
            "start to the list of chats",
            over("builtin", "threads.list"),
            "ms over hello",
            300.0,
            {
                "measured": "the built-in view's list has left Python; the page then shows it",
                "chats": CHATS,
                "with the component": round(over("component", "threads.list"), 1),
                "after the page was ready (ms)": summary(
                    [marks["threads.list"] - marks["builtin.ready"] for marks in taken["builtin"]], 1000
                ),
                "built-in view (ms)": summary(of("builtin", "threads.list"), 1000),
                "component (ms)": summary(of("component", "threads.list"), 1000),
            },
        ),
        Figure(
            "start to the demo's first words, warm",
            median(of("demo", "shown")) * 1000,
            "ms",
            None,
            {
                "over the hello (ms)": round(over("demo", "shown"), 1),
                "after the page was ready (ms)": summary(
                    [marks["shown"] - marks["builtin.ready"] for marks in taken["demo"]], 1000
                ),
                "ms": summary(of("demo", "shown"), 1000),
            },
        ),
        Figure(
            "start to the demo's first words, cold",
            median(marks["shown"] for marks in cold) * 1000,
            "ms",
            None,
            {
                "cold": "a new profile and no bytecode; the system's file cache stays",
                "ms": summary([marks["shown"] for marks in cold], 1000),
                "page ready (ms)": summary([marks["builtin.ready"] for marks in cold], 1000),
            },
        ),
    ]


# --- words ----------------------------------------------------------------------------------------------------


class _Stamped(list[str]):
    """Pieces that note when they are taken, which is when the stand-in sends them."""

    def __init__(self, pieces: tuple[str, ...], sent: list[float]) -> None:
        super().__init__(pieces)
        self._sent = sent

    def __getitem__(self, index: Any) -> Any:
        self._sent.append(time.time() * 1000)
        return super().__getitem__(index)


@dataclass
class Numbered(Answer):
    """An answer of numbered words. `sent`: when each was sent, in milliseconds since 1970."""

    sent: list[float] = field(default_factory=list)

    def deltas(self) -> list[str]:
        return _Stamped(self.pieces, self.sent)


def deltas(scene: Scene, words: int = WORDS, pieces: int = FLOOD) -> list[Figure]:
    """From the model's API to the page, word by word; then as much as goes through."""
    return [_latency(scene, words), _flood(scene, pieces)]


def _settled(child: Child) -> None:
    """The agent stack is there: its import would stand in the way of what is measured."""
    child.until("builtin.ready")
    child.until("threads.list")
    child.ask("stack", "stack")


def _latency(scene: Scene, words: int) -> Figure:
    with ExitStack() as stack:
        api = stack.enter_context(ModelsApi())
        name = profile(scene, "deltas", ASSISTANT, builtin=True, base=api.base)
        child = stack.enter_context(opened(scene, "--profile", name))
        _settled(child)
        answer = Numbered(pieces=tuple(f"w{number} " for number in range(words)), pause=PAUSE)
        api.answer(answer)
        shown: list[float] = run(child, "numbered", _NUMBERED, 'say("Count");', count=words)
        left: list[float] = child.ask("emitted", "emitted")
    taken = [there - sent for there, sent in zip(shown, answer.sent, strict=True)]
    inside = [there - sent for there, sent in zip(shown, left, strict=True)]
    to_the_door = [there - sent for there, sent in zip(left, answer.sent, strict=True)]
    return Figure(
        "delta to its DOM change",
        median(taken),
        "ms",
        16.0,
        {
            "measured": "model's API sends it, to the built-in view's DOM; the page's clock has 1 ms",
            "words": words,
            "ms": summary(taken),
            "95 % within (ms)": round(sorted(taken)[int(len(taken) * 0.95)], 1),
            "API to leaving the agents' thread (ms)": summary(to_the_door),
            "agents' thread to the DOM (ms)": summary(inside),
            "longest stretch without a change (ms)": round(
                max((b - a for a, b in pairwise(sorted(set(shown)))), default=0.0), 1
            ),
        },
    )


def _flood(scene: Scene, pieces: int) -> Figure:
    name = profile(scene, "flood", ASSISTANT, builtin=True, base=BASE)
    with opened(scene, "--flood", "--profile", name) as child:
        _settled(child)
        milliseconds, read, misplaced = run(child, "read", _READ, count=pieces)
        shown: list[float] = run(child, "numbered", _NUMBERED, f'say("{pieces // 10}");', count=pieces // 10)
    return Figure(
        "deltas a second",
        read / max(0.001, milliseconds) * 1000,
        "a second",
        10_000.0,
        {
            "measured": "host, bridge and the page's own fetch, read and parsed in the page",
            "pieces": pieces,
            "lost": pieces - int(read),
            "misplaced": int(misplaced),
            "shown in one paragraph by the built-in view, a second": round(
                len(shown) / max(0.001, shown[-1] - shown[0]) * 1000, 1
            ),
        },
        least=True,
    )
