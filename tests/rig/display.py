"""A virtual screen to show windows on where there is none: Xvfb, its picture, the environment a window needs in it.

Standard library only: pictures are read from Xvfb's own frame buffer file, so no screenshot program is needed.
Knows nothing of the app. From a shell: `python -m tests.rig.display [--if-needed] -- COMMAND …`.
"""

from __future__ import annotations

import argparse
import os
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.rig.processes import Child, arm, ends_with_us

SIZE = (1280, 900)
"""Width and height of the screen, in pixels."""

START_LIMIT = 90.0
"""Longest wait for Xvfb to name its display, in seconds."""

# What would send a window elsewhere than to our screen.
ELSEWHERE = ("WAYLAND_DISPLAY", "WAYLAND_SOCKET", "XAUTHORITY", "GDK_BACKEND", "QT_QPA_PLATFORM", "XDG_SESSION_TYPE")


class DisplayError(RuntimeError):
    """No virtual screen can be had; the message says why."""


@dataclass(frozen=True)
class Picture:
    """What the screen showed. `rgb` holds three bytes a pixel, row by row."""

    width: int
    height: int
    rgb: bytes

    def colours(self) -> int:
        """How many different colours there are; 1 is a screen that shows nothing."""
        red, green, blue = self.rgb[0::3], self.rgb[1::3], self.rgb[2::3]
        return len(set(zip(red, green, blue, strict=True)))

    def crop(self, x: int, y: int, width: int, height: int) -> Picture:
        """A part of it; what lies off the screen is left out."""
        width, height = min(width, self.width - x), min(height, self.height - y)
        starts = range((y * self.width + x) * 3, ((y + height) * self.width + x) * 3, self.width * 3)
        return Picture(width, height, b"".join(self.rgb[start : start + width * 3] for start in starts))

    def save(self, path: Path) -> Path:
        """Write it as PNG."""

        def chunk(kind: bytes, data: bytes) -> bytes:
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

        row = self.width * 3
        rows = b"".join(b"\0" + self.rgb[start : start + row] for start in range(0, len(self.rgb), row))
        header = struct.pack(">IIBBBBB", self.width, self.height, 8, 2, 0, 0, 0)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(
            b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 6)) + chunk(b"IEND", b"")
        )
        return path


def picture_of_xwd(raw: bytes) -> Picture:
    """The picture in an X window dump (XWDFile.h of X11, version 7), the form of Xvfb's frame buffer.

    Only what Xvfb writes at depth 24 is understood: 32 bits a pixel, true colour.
    """
    fields = struct.unpack(">25I", raw[:100])
    size, version, width, height = fields[0], fields[1], fields[4], fields[5]
    little, bits, line = fields[7] == 0, fields[11], fields[12]
    colours = fields[19]
    if version != 7 or bits != 32:
        raise DisplayError(f"the frame buffer is not what Xvfb writes (version {version}, {bits} bits a pixel)")
    start = size + colours * 12
    red, green, blue = (2, 1, 0) if little else (1, 2, 3)
    rgb = bytearray(width * height * 3)
    for y in range(height):
        row = raw[start + y * line : start + y * line + width * 4]
        out = y * width * 3
        for place, channel in enumerate((red, green, blue)):
            rgb[out + place : out + width * 3 : 3] = row[channel::4]
    return Picture(width, height, bytes(rgb))


@dataclass(frozen=True)
class Display:
    """A running virtual screen."""

    name: str
    """As in DISPLAY, `:99`."""
    frame_buffer: Path

    def picture(self) -> Picture:
        """What it shows now."""
        return picture_of_xwd(self.frame_buffer.read_bytes())

    def screenshot(self, path: Path) -> Path:
        """Save what it shows now as PNG."""
        return self.picture().save(path)

    def environment(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment for a program whose windows shall come up here."""
        return window_environment(self.name, base)


def window_environment(display: str, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """`base` (default: ours) with everything that a window on X screen `display` needs, and nothing that sends
    it elsewhere. Chromium refuses to start its sandbox as root, so there, and only there, it is told not to;
    WebKitGTK needs nothing: its sandbox is off unless an application asks for it."""
    environment = {name: value for name, value in (base or os.environ).items() if name not in ELSEWHERE}
    environment["DISPLAY"] = display
    environment["NO_AT_BRIDGE"] = "1"  # no accessibility bus on a bare screen: GTK would warn about it
    environment.setdefault("LIBGL_ALWAYS_SOFTWARE", "1")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        environment["QTWEBENGINE_DISABLE_SANDBOX"] = "1"
    return environment


def has_display(environ: Mapping[str, str] | None = None) -> bool:
    """Whether a window can come up as things are."""
    if not sys.platform.startswith("linux"):
        return True
    environ = os.environ if environ is None else environ
    return bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def stop(process: Child, limit: float = 5.0) -> None:
    """Ask a process to end; after `limit` seconds, make it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(limit)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def call(command: Sequence[str], environ: Mapping[str, str] | None = None, limit: float | None = None) -> int:
    """Run a command and return its exit code. Whatever ends us asks it to end as well, so that it can tidy up;
    `subprocess.call` would kill it. Raises subprocess.TimeoutExpired after `limit` seconds;
    without one it is a person, or a whole test run, that ends it."""
    process = Child(command, env=environ)
    try:
        return process.open_for_a_person() if limit is None else process.wait(limit)
    except subprocess.TimeoutExpired:
        process.stacks()  # they go where its errors go: to the terminal
        raise
    finally:
        stop(process)


@contextmanager
def virtual_display(size: tuple[int, int] = SIZE) -> Iterator[Display]:
    """A screen of our own for as long as the block runs. Xvfb picks a free display number itself."""
    if not shutil.which("Xvfb"):
        raise DisplayError("Xvfb is not installed (Debian package: xvfb)")
    folder = Path(tempfile.mkdtemp(prefix="chatkit-desktop-screen-"))
    read, write = os.pipe()
    log = (folder / "Xvfb.log").open("wb")
    process = Child(
        ends_with_us(
            [
                *("Xvfb", "-displayfd", str(write), "-screen", "0", f"{size[0]}x{size[1]}x24"),
                *("-fbdir", str(folder), "-nolisten", "tcp", "-noreset"),
            ]
        ),
        pass_fds=(write,),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,  # Ctrl+C reaches us first, and we end it in order
    )
    try:
        os.close(write)
        number = read_line(read, START_LIMIT)
        if not number:
            log.flush()
            said = (folder / "Xvfb.log").read_text(errors="replace").strip()
            raise DisplayError(f"Xvfb did not start: {said or 'it said nothing'}")
        yield Display(f":{number}", folder / "Xvfb_screen0")
    finally:
        os.close(read)
        stop(process)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def read_line(descriptor: int, limit: float) -> str:
    """One line from a pipe, or nothing when it closes or `limit` seconds pass without a byte."""
    line = b""
    while not line.endswith(b"\n"):
        if not select.select([descriptor], [], [], limit)[0]:
            return ""
        byte = os.read(descriptor, 16)
        if not byte:
            return ""
        line += byte
    return line.decode("ascii").strip()


def end_on_sigterm() -> None:
    """Let SIGTERM unwind the stack, so that whatever was started is ended as well."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def main(arguments: list[str] | None = None) -> int:
    """Run a command on a virtual screen and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.rig.display", description=main.__doc__)
    parser.add_argument("--if-needed", action="store_true", help="use the display there is, where there is one")
    parser.add_argument("command", nargs="+", help="what to run, after --")
    options = parser.parse_args(arguments)
    end_on_sigterm()
    arm()
    if options.if_needed and has_display():
        return call(options.command)
    try:
        with virtual_display() as display:
            return call(options.command, display.environment())
    except DisplayError as problem:
        print(f"No virtual screen: {problem}.", file=sys.stderr)
        return 4


if __name__ == "__main__":
    sys.exit(main())
