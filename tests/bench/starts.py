"""How long a second start takes (the key is there, the API answers after 200 ms) against the hello page's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median

from tests.bench.child import Child
from tests.bench.figures import Figure, summary
from tests.rig.scene import Scene
from tests.standins.api import KEY

API_DELAY = 0.2
"""Seconds the API takes to answer."""
AT_ONCE = 0.005
"""Seconds: a secret that was there when it was asked for is handed out within this."""

Marks = dict[str, float]


def hello(scene: Scene) -> Marks:
    with Child("tests.bench.hello", [scene.engine], [], scene.environ) as child:
        child.until("loaded")
        return dict(child.marks)


@contextmanager
def served() -> Iterator[str]:
    """The hello page over HTTP: a component refuses a page without an origin. Its address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A window that closes drops its connections: nothing to say."""

    folder = Path(__file__).with_name("hello")
    with Server(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://localhost:{server.server_address[1]}/hello.html"
        finally:
            server.shutdown()


def bare_chat(scene: Scene, page: str) -> Marks:
    """A bare page with the component in it: what any program pays that shows a chat with this engine."""
    with Child(
        "tests.bench.hello", [scene.engine], [f"?component={scene.component.url}", page], scene.environ
    ) as child:
        child.until("mounted")
        return dict(child.marks)


def app(scene: Scene, *options: str) -> Marks:
    with opened(scene, *options) as child:
        child.until("chat.ready")
        child.until("session.mint")
        return {**child.marks, "wait": float(child.values["session.mint"])}


def opened(scene: Scene, *options: str, environ: Mapping[str, str] | None = None) -> Child:
    """The app. `environ` is added to the scene's."""
    given = scene.environ | dict(environ or {})
    return Child("tests.bench.opened", [], [*options, "--engine", scene.engine, *scene.arguments], given)


def measure(scene: Scene, runs: int) -> list[Figure]:
    """The first run of each warms caches and profiles and isn't counted; then they take turns."""
    with served() as page:
        return _measure(scene, runs, page)


def _measure(scene: Scene, runs: int, page: str) -> list[Figure]:
    scene.api.delay = API_DELAY
    kinds: dict[str, Callable[[], Marks]] = {
        "hello": lambda: hello(scene),
        "hello with the component": lambda: bare_chat(scene, page),
        "app": lambda: app(scene),
        "app, key in memory": lambda: app(scene, "--key", KEY),
    }
    taken: dict[str, list[Marks]] = {name: [] for name in kinds}
    for run in range(runs + 1):
        for name, take in kinds.items():
            marks = take()
            if run:
                taken[name].append(marks)
    scene.api.delay = 0.0

    def of(name: str, mark: str) -> list[float]:
        return [marks[mark] for marks in taken[name]]

    def ratio(name: str, mark: str, to: str, to_mark: str) -> float:
        """Run by run, because whatever else the machine does comes and goes: both of a run met the same of it."""
        return median(a / b for a, b in zip(of(name, mark), of(to, to_mark), strict=True))

    def over_hello(name: str) -> float:
        """Milliseconds more than the hello until the window is made: the app's engine comes up before its imports have
        ended, the hello's after its own, so that it is the first moment both have in common."""
        return median(a - b for a, b in zip(of(name, "window"), of("hello", "window"), strict=True)) * 1000

    waits = of("app", "wait")
    return [
        Figure(
            "start to chat ready",
            ratio("app", "chat.ready", "hello", "loaded"),
            "× hello",
            1.05,
            {
                "least of both": round(min(of("app", "chat.ready")) / min(of("hello", "loaded")), 3),
                "key in memory": round(ratio("app, key in memory", "chat.ready", "hello", "loaded"), 3),
                "over a bare page with the component": round(
                    ratio("app", "chat.ready", "hello with the component", "mounted"), 3
                ),
                "a bare page with the component (ms)": summary(of("hello with the component", "mounted"), 1000),
                "hello loaded (ms)": summary(of("hello", "loaded"), 1000),
                "app asked the engine (ms)": summary(of("app", "engine"), 1000),
                "page began (ms)": summary(of("app", "chat.start"), 1000),
                "chat ready (ms)": summary(of("app", "chat.ready"), 1000),
                "secret in the page (ms)": summary(of("app", "session.mint"), 1000),
            },
        ),
        Figure(
            "wait in getClientSecret",
            median(waits) * 1000 if median(waits) > AT_ONCE else 0.0,
            "ms",
            0.0,
            {
                "at once (share of runs)": round(sum(wait <= AT_ONCE for wait in waits) / len(waits), 2),
                "answered within (ms)": summary(waits, 1000),
            },
        ),
        Figure(
            "Python before the window",
            over_hello("app"),
            "ms",
            100.0,
            {
                "least of both": round((min(of("app", "window")) - min(of("hello", "window"))) * 1000, 1),
                "key in memory": round(over_hello("app, key in memory"), 1),
                "hello's window (ms)": summary(of("hello", "window"), 1000),
                "app's window (ms)": summary(of("app", "window"), 1000),
                "import webview (ms)": summary(of("hello", "engine"), 1000),
            },
        ),
    ]
