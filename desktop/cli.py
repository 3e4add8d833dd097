"""The command line: one parser, one module per command. Imports nothing heavy until the command is known."""

from __future__ import annotations

import argparse
import gc
import logging
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any, NoReturn
from urllib.parse import urlsplit

from desktop import __version__
from desktop.common import output, streams
from desktop.common.errors import AppError, InternalError, OutputUnwritable, UsageError
from desktop.common.locations import command_name, is_frozen
from desktop.window.errors import WindowBlank

COMMANDS = ("ask", "doctor", "key", "threads", "config", "packages", "smoke", "help")
"""Each is a module `desktop/commands/<name>.py` with `arguments(parser)` and `run(context, args)`."""

EXIT_CODES = (
    "exit codes: 0 fine, 1 something failed, 2 wrong usage, 3 no engine, 4 no display, 5 the agent waits for a person"
)
RUNS_CODE = ("ask", "smoke")
"""The commands that run the file given by `--agent`. The app does too when there is no command."""
LINK = re.compile(r"[a-z][a-z0-9+.-]+:", re.IGNORECASE)
YES = ("--yes",)
YES_OPTIONS: dict[str, Any] = {
    "action": "store_true",
    "default": argparse.SUPPRESS,
    "help": "approve the code of --agent, as it is now",
}


class _Parser(argparse.ArgumentParser):
    """An argparse parser that raises our own error instead of exiting, and accepts no abbreviated options."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **options})

    def error(self, message: str) -> NoReturn:
        raise _usage(message)

    def print_help(self, file: Any = None) -> None:
        output.write(file or sys.stdout, self.format_help(), end="")


class _Version(argparse.Action):
    """`--version` prints the maker's version. The brand file is read only when this option is given."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "nargs": 0, "help": "the version"})

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        version = __version__
        if is_frozen():
            from desktop.settings.brand import load_brand

            version = load_brand().version
        output.write(sys.stdout, f"{parser.prog} {version}")
        parser.exit()


def _usage(problem: str) -> UsageError:
    """One line of at most 300 characters, with any key that was typed by mistake taken out."""
    from desktop.common.logs import redact

    line = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in redact(problem))
    return UsageError(problem=line if len(line) <= 300 else f"{line[:299]}…")


def _options() -> _Parser:
    """The options that every command accepts, before or after its name."""
    common = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    group = common.add_argument_group("options for all commands")
    group.add_argument("--profile", metavar="NAME", help="use a separate profile, with its own settings, chats and key")
    group.add_argument(
        "--api-base", metavar="URL", help="the API address: https, or http on this computer and your network"
    )
    group.add_argument(
        "--allow-plain",
        metavar="URL",
        action="append",
        help="allow http to this address on your network, for this launch",
    )
    group.add_argument("--engine", choices=("gtk", "qt"), help="the window engine (Linux)")
    group.add_argument("--data-dir", metavar="DIR", help="keep all data in this folder")
    group.add_argument("--log-level", choices=("INFO", "DEBUG"))
    group.add_argument("--demo", action="store_true", help="a scripted agent: no key, no network, nothing kept")
    group.add_argument(
        "--agent",
        metavar="FILE.py[:NAME]",
        help="a code agent for this launch, with its entry point; with threads: any agent",
    )
    group.add_argument(
        "--model",
        metavar="OLD=NEW",
        action="append",
        help="with --agent: use another model in place of one it names",
    )
    group.add_argument("--json", action="store_true", help="print exactly one JSON object")
    if not is_frozen():
        group.add_argument("--brand", metavar="FILE", help="a maker's brand file, as if it had been packaged")
        group.add_argument(
            "--component-url", metavar="URL", help="another ChatKit script, for tests (https or loopback)"
        )
    return common


def parser(wanted: Collection[str] = COMMANDS) -> argparse.ArgumentParser:
    """A parser with the options of the commands in `wanted`. Other commands are only named, and not imported."""
    common = _options()
    top = _Parser(
        prog=command_name(),
        description="A ChatKit chat in its own window.",
        epilog=EXIT_CODES,
        parents=[common],
    )
    top.add_argument("--version", action=_Version)
    top.add_argument("--prompt", metavar="TEXT", help="put TEXT into the message field")
    top.add_argument(*YES, **YES_OPTIONS)
    commands = top.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    for name in COMMANDS:
        if name not in wanted:
            commands.add_parser(name)
            continue
        module = import_module(f"desktop.commands.{name}")
        line = (module.__doc__ or "").splitlines()[0]
        command = commands.add_parser(name, parents=[common], help=line, description=line, epilog=EXIT_CODES)
        module.arguments(command)
        if name in RUNS_CODE:
            command.add_argument(*YES, **YES_OPTIONS)
    return top


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments as a namespace. Raises UsageError.

    A start without a command imports no command at all; a command imports only itself.
    """
    named = [name for name in COMMANDS if name in argv]
    if "-h" in argv or "--help" in argv:
        args = parser().parse_args(argv)
    elif named:
        args = parser(named).parse_args(argv)
    else:
        quick = _Parser(prog=command_name(), parents=[_options()])
        quick.add_argument("--version", action=_Version)
        quick.add_argument("--prompt", metavar="TEXT")
        quick.add_argument(*YES, **YES_OPTIONS)
        args = quick.parse_args(argv)
        args.command = None
    if getattr(args, "component_url", None):
        args.component_url = _component_url(args.component_url)
    return args


def _component_url(text: str) -> str:
    """The same rule as for the API: https, or http on loopback only. Raises UsageError."""
    from desktop.settings.origins import is_loopback
    from desktop.window.policy import origin

    where = urlsplit(origin(text))  # empty unless it is a plain http or https address
    if where.scheme == "https" or (where.scheme == "http" and is_loopback(where.hostname or "")):
        return text
    raise _usage(f"--component-url {text}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code: 0 success, 1 failure, 2 wrong usage, 3 no engine, 4 no display, 5 the
    agent is waiting for a person, 141 nobody reads the output any more."""
    try:
        return _main(argv)
    except output.ReaderGone:
        return output.READER_GONE


def _main(argv: Sequence[str] | None) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    # The desktop hands over a link as a single argument. `Context.prompt` reads it.
    link = words.pop() if len(words) == 1 and LINK.match(words[0]) else ""
    from desktop.app.context import Context
    from desktop.common.texts import Catalogue

    try:
        args = parse(words)
        args.link = link
    except (UsageError, OutputUnwritable) as error:
        context = Context(argparse.Namespace(json="--json" in words))
        # In the system's language: the profile is not read until the command is known.
        context.texts = Catalogue()
        return context.fail(error)
    context = Context(args)
    try:
        code = _carry_out(context)
    except BaseException:
        with suppress(AppError):
            context.close()
        raise
    try:
        context.close()
    except AppError as error:
        return code or _fail(context, error)
    return code


def _carry_out(context: Any) -> int:
    args = context.args
    try:
        if context.demo and getattr(args, "profile", None):
            raise _usage("--demo --profile")
        if context.agent_file:
            if context.demo:
                raise _usage("--demo --agent")
            if args.command in (None, *RUNS_CODE):
                from desktop.app.code_consent import settle

                settle(context, window=args.command is None)
        if args.command:
            return _run(args, context)
        # A start leaves no garbage worth collecting. The shell turns collection back on after its first window.
        gc.disable()
        try:
            return open_app(context)
        finally:
            gc.enable()
    except AppError as error:
        return _fail(context, error)
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # whatever it was, the person is told, and the log has the details
        logging.getLogger(__name__).exception("the program failed")
        return _fail(context, InternalError(type(error).__name__))


def _fail(context: Any, error: AppError) -> int:
    """Say what went wrong in the terminal. Use a message box where a packaged app has no terminal, or the window stays
    blank."""
    code = int(context.fail(error))
    if (is_frozen() or isinstance(error, WindowBlank)) and not context.json and not context.args.command:
        from desktop.app import alert

        if not alert.has_terminal():
            described = error.describe(context.texts)
            alert.show(context.brand.app.name, f"{described['message']}\n\n{described['hint']}".strip())
    return code


def open_app(context: Any) -> int:
    """Open the window. Returns the exit code when the last window has closed."""
    from desktop.app.opening import Opening

    opening = Opening(context)
    if not opening.begin():
        return 0
    from desktop.app.application import App

    drawing = opening.drawing
    code = App(context, drawing=drawing).run(opening)
    if drawing is not None and drawing.failed:
        raise WindowBlank(tried=", ".join(drawing.failed))
    if drawing is not None and drawing.next:
        context.close()
        start_again(*drawing.words())
    return code


def start_again(command: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    """Replace this process with a fresh start of the same program."""
    import os

    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with suppress(OSError, ValueError):
                stream.flush()
    os.execve(command[0], list(command), dict(environ))  # noqa: S606 - no shell is what is wanted


def _run(args: argparse.Namespace, context: Any) -> int:
    # Log messages are meant for the window's log file. A command prints what matters.
    logging.getLogger().addHandler(logging.NullHandler())
    from desktop.agents.code.own_process import hide_memory

    if args.command != "smoke":  # this one opens the window, which sets up the log itself
        hide_memory()
    return int(import_module(f"desktop.commands.{args.command}").run(context, args))


def start() -> NoReturn:
    """The entry point of `python -m desktop` and of the installed command."""
    output.fill_standard_places()
    streams.set_up()
    leave(main())


def leave(code: int) -> NoReturn:
    """End the process, with Qt before its teardown: two of six exits crashed there when a window had closed while its
    page was loading (PySide6 6.11.3; probably because of the order in which it deletes pages)."""
    from desktop.agents.code.own_process import end_marked

    end_marked()
    if "PySide6" not in sys.modules:
        sys.exit(code)
    import os
    import threading

    for thread in threading.enumerate():
        if not thread.daemon and thread is not threading.current_thread():
            thread.join()
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with suppress(OSError, ValueError):
                stream.flush()
    os._exit(code)
