"""`make dev`: the app from source, started again when its code or words change, its pages shown again when they change.

Standard library only around the app. `python -m tests.rig.dev OPTIONS` takes the app's own options.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.rig.display import end_on_sigterm, stop
from tests.rig.processes import Child

ROOT = Path(__file__).resolve().parents[2]
CODE = (("desktop", "*.py"), ("assets", "*.toml"), ("assets/texts", "*.json"))
"""What only a new start takes up."""
PAGES = (("assets/pages", "*"), ("assets/icons", "*"))
"""What showing a page again takes up."""
INTERVAL = 0.5
"""Seconds between two looks at the files."""

Times = dict[Path, int]


def times(where: Iterable[tuple[str, str]]) -> Times:
    """When each file was last written, in nanoseconds."""
    found: Times = {}
    for folder, pattern in where:
        for path in (ROOT / folder).rglob(pattern):
            try:
                found[path] = path.stat().st_mtime_ns
            except OSError:
                continue  # an editor is just replacing it; it is there at the next look
    return found


def changed(before: Times, after: Times) -> list[Path]:
    """Files that came, went or were written."""
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


def makers(arguments: list[str]) -> tuple[tuple[str, str], ...]:
    """What only a new start takes up of a maker's own folder: the file of `--brand`, pictures and agents beside it."""
    words = [*arguments, ""]
    given = next(
        (
            words[at + 1] if word == "--brand" else word.removeprefix("--brand=")
            for at, word in enumerate(arguments)
            if word == "--brand" or word.startswith("--brand=")
        ),
        "",
    )
    folder = str(Path(given).resolve().parent)
    return tuple((folder, pattern) for pattern in ("*.toml", "*.svg", "*.png", "*.py")) if given else ()


def say(verb: str, paths: list[Path]) -> None:
    names = ", ".join(str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path) for path in paths[:3])
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    print(f"{verb}: {names}{more} changed", flush=True)


def supervise(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Run the app and start it again whenever its code changes; ends when the app was closed by hand.

    After a crash it waits for the next change, so that a slip while typing doesn't end the session.
    """
    end_on_sigterm()
    command = [sys.executable, "-m", "tests.rig.dev", *arguments]
    where = (*CODE, *makers(arguments))
    seen = times(where)
    process = Child(command, cwd=ROOT, env=dict(environ))
    told = False
    try:
        while True:
            time.sleep(INTERVAL)
            code = process.poll()
            if code == 0:
                return 0
            if code is not None and not told:
                print(f"The app ended with {code}. It starts again at the next change.", flush=True)
                told = True
            now = times(where)
            difference = changed(seen, now)
            if difference:
                say("Starting again", difference)
                seen, told = now, False
                stop(process)
                process = Child(command, cwd=ROOT, env=dict(environ))
    except KeyboardInterrupt:
        return 130
    finally:
        stop(process)


def main() -> int:
    """The app itself, with a thread that shows its pages again when their files change."""
    from desktop.app.application import App
    from desktop.app.context import Context
    from desktop.cli import parse
    from desktop.common.errors import AppError

    context = Context(parse(sys.argv[1:]))
    app = App(context)

    def reload() -> None:
        seen = times(PAGES)
        while True:
            time.sleep(INTERVAL)
            now = times(PAGES)
            difference = changed(seen, now)
            if difference:
                say("Showing again", difference)
                seen = now
                for name, window in list(app.windows.items()):
                    window.show(app.pages.make(name))

    threading.Thread(target=reload, name="dev-reload", daemon=True).start()
    try:
        return app.run()
    except AppError as error:  # a slip in the brand file: a sentence is enough
        return int(context.fail(error))
    finally:
        context.close()


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
