"""A model's text taken apart as it comes: what it says, what it thinks, and calls of tools it writes as text.

Models that no server has taken apart write their reasoning between tags of their own. A tag is one where a model puts
it: at the beginning of an answer or of a line, or in a line where no sentence speaks of it; never in code.
Pure; the same text gives the same parts however it is cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

Kind = Literal["say", "think", "call"]
Part = tuple[Kind, str]

THINKING = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<thoughts>": "</thoughts>",
    "<reasoning>": "</reasoning>",
    "<seed:think>": "</seed:think>",
    "[think]": "[/think]",
    "◁think▷": "◁/think▷",
}
"""How reasoning begins and ends, in lower case: DeepSeek, Qwen and most others; Claude; Gemini; ByteDance;
Mistral; Kimi."""
CALLS = {
    "<tool_call>": "</tool_call>",
    "<function_call>": "</function_call>",
    "[tool_calls]": "",
    "<|python_tag|>": "<|eom_id|>",
}
"""How a call begins and ends; "" for one that goes on to the end: Hermes and Qwen; Mistral; Llama."""
CHANNEL = "<|channel|>"
MESSAGE = "<|message|>"
ENDS = ("<|end|>", "<|return|>", "<|call|>", "<|start|>", CHANNEL)
"""What ends a message of the harmony format (gpt-oss)."""
START = "<|start|>"
NOISE = ("<|end|>", "<|return|>", "<|call|>", "<|im_end|>", "<|eot_id|>", "<|endoftext|>", "<|eom_id|>", "<|im_start|>")
"""Tokens that end an answer and were not taken off."""

_ALL = tuple({*THINKING, *THINKING.values(), *CALLS, CHANNEL, START, *NOISE, *(end for end in CALLS.values() if end)})
_LONGEST = max(map(len, _ALL))
_SPECIAL = re.compile(r"[<\[◁`~\n]")
_ABOUT = re.compile(r"[\s,;/|&+…-]*(?:(?:\.\.\.|and|or|to|und|oder|et|ou)[\s,;/|&+…-]*)?", re.IGNORECASE)
"""What stands between two tags that a sentence names, rather than thoughts."""
_BEFORE = "\"'“”«»‘’„(`"
MOST_HELD = 600
"""Characters that wait for a closing tag where it is not clear whether the opening one is one."""
MOST_CALL = 100_000
"""Characters of a call that is written as text."""


class Thoughts:
    """`feed` gives parts as soon as they are certain, `finish` the rest. `idle`: nothing is held, no tag is open."""

    def __init__(self) -> None:
        self._held = ""
        self._mode: Literal["say", "think", "call", "header", "message"] = "say"
        self._close = ""
        self._open = ""
        self._channel: Kind = "say"
        self._to = ""
        self._said = False
        """Whether anything but space was said or thought."""
        self._line = True
        """Whether only space stands in the line so far."""
        self._last = ""
        """The last letter that was said."""
        self._fence = ""
        self._ticks = 0
        """The length of the run of backticks that is open in the line."""
        self._trim = False
        """Whether the space that follows belongs to a tag."""
        self._thinks = False
        """Whether the thought that is under way has a word in it."""
        self._apart = False
        self._sought = 0
        """Up to where the end of a call was looked for."""
        self._named = False
        """Whether a tag was said as a word, so that its closing one is a word as well."""

    @property
    def idle(self) -> bool:
        return self._mode == "say" and not self._held and self._said and not self._trim

    def simple(self, text: str) -> bool:
        """Whether `text` can be said as it is; it is then counted as said."""
        if not self.idle or _SPECIAL.search(text) is not None or not text:
            return False
        self._saying(text)
        return True

    def feed(self, text: str) -> list[Part]:
        """The next piece of text."""
        if self.simple(text):
            return [("say", text)]
        self._held += text
        return _joined(self._parts(final=False))

    def finish(self) -> list[Part]:
        """What was held; a tag that was not closed ends here."""
        return _joined(self._parts(final=True))

    # --- parts --------------------------------------------------------------------------------

    def _parts(self, *, final: bool) -> Iterator[Part]:
        while True:
            before = (self._mode, len(self._held))
            match self._mode:
                case "say":
                    yield from self._say(final)
                case "think":
                    yield from self._until((self._close,), "think", final)
                case "message":
                    yield from self._until(ENDS, self._channel, final)
                case "call":
                    yield from self._call(final)
                case "header":
                    yield from self._header(final)
            if not self._held or (self._mode, len(self._held)) == before:
                return

    def _say(self, final: bool) -> Iterator[Part]:
        """Up to the next tag, or to what may become one."""
        text, at, begin = self._held, 0, 0
        if not self._said or self._trim:
            stripped = text.lstrip()
            if not stripped and not final:
                return
            if self._trim and stripped:
                self._held = text = stripped
                self._trim, self._line = False, True
                if self._apart:  # what stood before a stray closing tag is no part of the answer's first line
                    self._apart = False
                    yield "say", "\n\n"
            elif not self._said and stripped:
                at = len(text) - len(stripped)  # kept, unless a tag follows
        while True:
            found = _SPECIAL.search(text, at)
            if found is None:
                yield from self._spoken(text[begin:])
                self._held = ""
                return
            at = found.start()
            yield from self._spoken(text[begin:at])
            begin = at
            char = text[at]
            if char == "\n":
                self._newline()
                at += 1
            elif char in "`~":
                run = len(text) - len(text[at:].lstrip(char)) - at
                if at + run == len(text) and not final:
                    break
                self._code(char, run)
                at += run
            else:
                step = self._tag(text, at, final)
                if step is None:
                    break  # not certain yet
                if step == 0:  # a tag: the mode has changed, `_held` is what follows it
                    return
                if step < 0:  # a token that is not said
                    begin = at = at - step
                    continue
                at += step
            yield from self._spoken(text[begin:at])
            begin = at
        self._held = text[begin:]

    def _spoken(self, text: str) -> Iterator[Part]:
        if text:
            self._saying(text)
            yield "say", text

    def _saying(self, text: str) -> None:
        if not text.isspace():
            self._said = True
            self._line = False
        self._last = text[-1]

    def _newline(self) -> None:
        self._line, self._ticks = True, 0

    def _code(self, char: str, run: int) -> None:
        """A run of backticks or tildes: a fence at the beginning of a line, else code in the line."""
        mark = char * 3
        if self._fence:
            if self._line and run >= len(self._fence) and char == self._fence[0]:
                self._fence = ""
        elif self._line and run >= len(mark):
            self._fence = char * run
        elif char == "`":
            self._ticks = 0 if self._ticks == run else self._ticks or run

    def _tag(self, text: str, at: int, final: bool) -> int | None:
        """What to do at a letter that may begin a tag: how many letters to say, 0 for a tag that was taken,
        less than 0 for as many letters to drop; None: wait for more."""
        if self._fence or self._ticks:
            return 1
        rest = text[at : at + _LONGEST].lower()
        tag = next((one for one in _ALL if rest.startswith(one)), "")
        if not tag:
            waits = not final and any(one.startswith(rest) for one in _ALL)
            return None if waits else 1
        after = text[at + len(tag) :]
        if tag in THINKING:
            return self._opening(tag, at, after, final)
        if tag in CALLS:
            if not self._line and tag.startswith("[") and self._said:
                return len(tag)
            self._open, self._close, self._mode, self._held = text[at : at + len(tag)], CALLS[tag], "call", after
            return 0
        if tag in (CHANNEL, START):
            self._mode, self._held = "header", text[at:]
            return 0
        if tag in NOISE:
            return -len(tag)
        # A closing tag with nothing open: of reasoning that was opened in the prompt.
        if self._named or (self._last in _BEFORE and not self._line):
            self._named = False
            return len(tag)
        self._trim = True
        self._held = after
        self._apart = self._said
        return 0

    def _opening(self, tag: str, at: int, after: str, final: bool) -> int | None:
        """Whether an opening tag opens, or a sentence speaks of it."""
        close = THINKING[tag]
        if not self._line and self._said:
            if not after and not final:
                return None
            named = self._last in _BEFORE and not self._last.isspace()
            if not named and after and ((after[0].isspace() and after[0] != "\n") or after[0] in ".,;:!?)\"'”»"):
                end = after.lower().find(close)
                if end < 0:
                    if not final and len(after) < MOST_HELD:
                        return None
                    named = True
                else:
                    named = _ABOUT.fullmatch(after[:end]) is not None
            elif not named and not after:
                named = True
            if named:
                self._named = True
                return len(tag)
        self._mode, self._close, self._held, self._trim = "think", close, after, False
        self._thinks = False
        self._said = True
        return 0

    def _until(self, ends: tuple[str, ...], kind: Kind, final: bool) -> Iterator[Part]:
        """What stands before the nearest end, and past it."""
        low = self._held.lower()
        places = [(low.find(end), end) for end in ends]
        found = min(((place, -len(end), end) for place, end in places if place >= 0), default=None)
        if kind == "call" and found is None and not final and len(self._held) <= MOST_CALL:
            return
        if found is None:
            keep = 0 if final else _beginning(low, ends)
            text, self._held = (self._held[:-keep], self._held[-keep:]) if keep else (self._held, "")
            if final:
                self._mode = "say"
        else:
            text, self._held = self._held[: found[0]], self._held[found[0] :]
            if found[2] in (START, CHANNEL):
                self._mode = "header"
            else:
                self._held = self._held[len(found[2]) :]
                self._mode = "say"
                self._trim = kind != "say"
                self._line = True
        if kind == "call":
            yield "call", f'{{"name": "{self._to}", "arguments": {text.strip() or "{}"}}}'
        elif kind == "say" and text:
            self._saying(text)
            yield kind, text
        elif text := text if self._thinks else text.lstrip():  # "<think>\n\n</think>" is no thought
            self._thinks = True
            yield kind, text

    def _header(self, final: bool) -> Iterator[Part]:
        """`<|start|>assistant<|channel|>analysis to=… <|constrain|>json<|message|>`."""
        end = self._held.find(MESSAGE)
        if end < 0:
            if final or len(self._held) > 500:
                # No message: the token is dropped, its words are said.
                for token in (CHANNEL, START):
                    self._held = self._held.removeprefix(token)
                self._mode = "say"
            return
        header, self._held = self._held[:end], self._held[end + len(MESSAGE) :]
        to = re.search(r"to=(?:functions\.)?([^\s<]+)", header)
        self._to = to[1] if to and "functions." in header else ""
        name = header.partition(CHANNEL)[2].split("<")[0].split()[:1]
        self._channel = "call" if self._to else "think" if name and name[0] in ("analysis", "commentary") else "say"
        self._mode = "message"
        self._thinks = False
        self._said = True
        yield from ()

    def _call(self, final: bool) -> Iterator[Part]:
        end = self._held.find(self._close, self._sought) if self._close else -1
        self._sought = max(0, len(self._held) - len(self._close)) if end < 0 else 0
        if end < 0 and not final:
            if len(self._held) > MOST_CALL:
                text, self._held, self._mode, self._sought = self._open + self._held, "", "say", 0
                yield from self._spoken(text)
            return
        if end < 0:
            text, self._held = self._held, ""
        else:
            text, self._held = self._held[:end], self._held[end + len(self._close) :]
        self._sought = 0
        self._mode, self._said, self._line = "say", True, True
        yield "call", f"{self._open}{text}{self._close if end >= 0 else ''}"


def _beginning(low: str, ends: tuple[str, ...]) -> int:
    """How many letters at the end of `low` may begin one of `ends`."""
    for length in range(min(max(map(len, ends)) - 1, len(low)), 0, -1):
        tail = low[-length:]
        if any(end.startswith(tail) for end in ends):
            return length
    return 0


def _joined(parts: Iterator[Part]) -> list[Part]:
    """Neighbours of one kind as one; every call for itself."""
    found: list[Part] = []
    for kind, text in parts:
        if found and found[-1][0] == kind and kind != "call":
            found[-1] = (kind, found[-1][1] + text)
        else:
            found.append((kind, text))
    return found
