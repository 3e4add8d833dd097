"""Splits a model's text as it streams: into text, reasoning, and tool calls written as text.

Unless the server separates it, models write their reasoning between tags. A tag counts where a model would put it: at
the beginning of an answer or a line, or in a line that does not merely mention it, but never in code. If the prompt
contains the opening tag (the templates of DeepSeek-R1 and Qwen), only the closing one arrives, and everything before it
was reasoning. Pure; the same text gives the same parts however it is split.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

Kind = Literal["say", "think", "call", "turn", "unthink"]
Part = tuple[Kind, str]
"""`turn`: the text so far was reasoning. `unthink`: the reasoning so far is the answer, and is repeated as text."""

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
"""Tags around reasoning, in lower case: DeepSeek, Qwen and most others; Claude; Gemini; ByteDance; Mistral; Kimi."""
CALLS = {
    "<tool_call>": "</tool_call>",
    "<function_call>": "</function_call>",
    "[tool_calls]": "",
    "<|python_tag|>": "<|eom_id|>",
}
"""Tags around a call; "" if it extends to the end: Hermes and Qwen; Mistral; Llama."""
CHANNEL = "<|channel|>"
MESSAGE = "<|message|>"
ENDS = ("<|end|>", "<|return|>", "<|call|>", "<|start|>", CHANNEL)
"""Tokens that end a message in the harmony format (gpt-oss)."""
START = "<|start|>"
NOISE = ("<|end|>", "<|return|>", "<|call|>", "<|im_end|>", "<|eot_id|>", "<|endoftext|>", "<|eom_id|>", "<|im_start|>")
"""Tokens that end an answer and were not removed by the server."""

_ALL = tuple({*THINKING, *THINKING.values(), *CALLS, CHANNEL, START, *NOISE, *(end for end in CALLS.values() if end)})
_LONGEST = max(map(len, _ALL))
_SPECIAL = re.compile(r"[<\[◁`~\n]")
_ABOUT = re.compile(r"[\s,;/|&+…-]*(?:(?:\.\.\.|and|or|to|und|oder|et|ou)[\s,;/|&+…-]*)?", re.IGNORECASE)
"""Text between two tags that are merely mentioned in a sentence."""
_BEFORE = "\"'“”«»‘’„(`"
_NAMING = re.compile(
    r"(?:^|[\s(])(?:the|an?|closing|opening|end|tag|and|or|with|by|le|la|les|une?|balise|et|ou|par|avec|der|das|den|ein|und"
    r"|mit)[ \u00a0]$",
    re.IGNORECASE,
)
"""Text before a tag that is mentioned without quotes."""
_TAIL = 20
"""Characters kept of the last text."""
MOST_HELD = 600
"""Characters held back while it is unclear whether an opening tag is one."""
MOST_CALL = 100_000
"""The longest call written as text, in characters."""


class Thoughts:
    """`feed` returns parts as soon as they are certain, `finish` the rest. `idle`: nothing is held back, no tag is
    open.

    `begun`: the model is known to begin in the middle of its reasoning, so the text is reasoning until a closing tag.
    If none comes, it was the answer (`unthink`).
    """

    def __init__(self, *, begun: bool = False) -> None:
        self.closed = False
        """Whether a closing tag came without an opening one, so the model begins in its reasoning."""
        self.answered = False
        """Whether it was expected to begin that way but did not."""
        self._begun = begun
        """Whether all text still counts as reasoning."""
        self._reasoned: list[str] = []
        """The text counted as reasoning because of that."""
        self._turns = True
        """Whether a closing tag may still match one opened in the prompt."""
        self._held = ""
        self._mode: Literal["say", "think", "call", "header", "message"] = "say"
        self._close = ""
        self._open = ""
        self._channel: Kind = "say"
        self._to = ""
        self._said = False
        """Whether there was any text or reasoning besides white space."""
        self._line = True
        """Whether the line has only white space so far."""
        self._last = ""
        """The last characters of the line."""
        self._fence = ""
        self._ticks = 0
        """The length of the run of backticks open in the line."""
        self._trim = False
        """Whether the following white space belongs to a tag."""
        self._turning = False
        """Whether the last tag makes the text before it reasoning."""
        self._thinks = False
        """Whether the current reasoning has a word in it."""
        self._apart = False
        self._sought = 0
        """How far the end of a call was searched for."""
        self._named = False
        """Whether an opening tag was kept as text, so its closing tag is text too."""

    @property
    def begun(self) -> bool:
        """Whether all text so far counts as reasoning."""
        return self._begun

    @property
    def idle(self) -> bool:
        return self._mode == "say" and not self._held and self._said and not self._trim

    def simple(self, text: str) -> bool:
        """Whether `text` can pass unchanged. If so, it is counted as passed."""
        if not self.idle or self._begun or _SPECIAL.search(text) is not None or not text:
            return False
        self._saying(text)
        return True

    def feed(self, text: str) -> list[Part]:
        """The next piece of text."""
        if self.simple(text):
            return [("say", text)]
        self._held += text
        return _joined(self._placed(self._parts(final=False)))

    def finish(self, *, cut: bool = False) -> list[Part]:
        """The rest; an unclosed tag ends here. `cut`: the answer is incomplete."""
        parts = _joined(self._placed(self._parts(final=True)))
        reasoned = "".join(self._reasoned)
        if self._begun and not cut and reasoned.strip():
            self._begun, self.answered = False, True
            parts = [part for part in parts if part[0] != "think"]
            parts += [("unthink", ""), ("say", reasoned)]
        return parts

    def not_begun(self) -> None:
        """The server sends reasoning separately, so the text is the answer."""
        self._begun = self._begun and bool(self._reasoned)

    def _placed(self, parts: Iterator[Part]) -> Iterator[Part]:
        """`parts`, with text counted as reasoning if the model begins that way."""
        for kind, text in parts:
            if not self._begun:
                yield kind, text
            elif kind == "turn":
                self._begun = False
            elif kind == "say":
                shown = text if any(map(str.strip, self._reasoned)) else text.lstrip()
                self._reasoned.append(text)
                if shown:
                    yield "think", shown
            else:
                yield kind, text

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
        """The text up to the next tag, or to what may become one."""
        text, at, begin = self._held, 0, 0
        if not self._said or self._trim:
            stripped = text.lstrip()
            if not stripped:
                if final and not self._trim:
                    yield from self._spoken(text)
                if final:
                    self._held = ""
                return
            if self._trim and stripped:
                self._held = text = stripped
                self._trim, self._line = False, True
                if self._apart:  # text before a stray closing tag is not part of the answer's first line
                    self._apart = False
                    yield "say", "\n\n"
            elif not self._said and stripped:
                at = len(text) - len(stripped)  # keep it unless a tag follows
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
                if step == 0:  # a tag: the mode has changed, and `_held` is what follows
                    if self._turning:
                        self._turning = False
                        yield "turn", ""
                    return
                if step < 0:  # a token to drop
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
        self._last = (self._last + text[-_TAIL:])[-_TAIL:]

    def _newline(self) -> None:
        self._line, self._ticks = True, 0

    def _code(self, char: str, run: int) -> None:
        """A run of backticks or tildes: a fence at the beginning of a line, otherwise inline code."""
        mark = char * 3
        if self._fence:
            if self._line and run >= len(self._fence) and char == self._fence[0]:
                self._fence = ""
        elif self._line and run >= len(mark):
            self._fence = char * run
        elif char == "`":
            self._ticks = 0 if self._ticks == run else self._ticks or run

    def _tag(self, text: str, at: int, final: bool) -> int | None:
        """What to do at a character that may begin a tag: the number of characters to pass on, 0 if a tag was consumed,
        a negative number of characters to drop, or None to wait for more."""
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
        # A closing tag without an opening one: the prompt opened the reasoning.
        quoted = self._last[-1:] in _BEFORE and not self._line
        if self._named or quoted or (not self._line and _NAMING.search(self._last)):
            self._named = False
            return len(tag)
        self._trim = True
        self._held = after
        if self._turns:
            self._turns, self.closed, self._turning = False, True, True
        else:
            self._apart = self._said
        return 0

    def _opening(self, tag: str, at: int, after: str, final: bool) -> int | None:
        """Whether an opening tag really opens reasoning, or is only mentioned."""
        close = THINKING[tag]
        if not self._line and self._said:
            if not after and not final:
                return None
            named = self._last[-1:] in _BEFORE
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
        self._turns = self._begun = False
        self._thinks = False
        self._said = True
        return 0

    def _until(self, ends: tuple[str, ...], kind: Kind, final: bool) -> Iterator[Part]:
        """The text before the nearest end, and move past it."""
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
        elif text := text if self._thinks else text.lstrip():  # "<think>\n\n</think>" is not reasoning
            self._thinks = True
            yield kind, text

    def _header(self, final: bool) -> Iterator[Part]:
        """`<|start|>assistant<|channel|>analysis to=… <|constrain|>json<|message|>`."""
        end = self._held.find(MESSAGE)
        if end < 0:
            if final or len(self._held) > 500:
                # Not a message: drop the token, pass on its text.
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
        self._turns = self._begun = False
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
    """How many characters at the end of `low` may begin one of `ends`."""
    for length in range(min(max(map(len, ends)) - 1, len(low)), 0, -1):
        tail = low[-length:]
        if any(end.startswith(tail) for end in ends):
            return length
    return 0


def _joined(parts: Iterator[Part]) -> list[Part]:
    """Join neighbouring parts of the same kind, but not calls."""
    found: list[Part] = []
    for kind, text in parts:
        if found and found[-1][0] == kind and kind != "call":
            found[-1] = (kind, found[-1][1] + text)
        else:
            found.append((kind, text))
    return found


def before_turn(parts: list[Part]) -> list[Part]:
    """`parts` of a text not yet passed on, with the text before a `turn` as reasoning."""
    at = parts.index(("turn", "")) if ("turn", "") in parts else -1
    thought = "".join(text for kind, text in parts[: max(at, 0)] if kind == "say").strip()
    rest = [part for part in parts[: max(at, 0)] if part[0] != "say"] + parts[at + 1 :]
    return [("think", thought), *rest] if thought else rest
