"""A model's text taken apart as it comes: what it says, what it thinks, and calls of tools it writes as text.

Models that no server has taken apart write their reasoning between tags of their own. A tag is one where a model puts
it: at the beginning of an answer or of a line, or in a line where no sentence speaks of it; never in code. Where the
opening tag stood in the prompt (the templates of DeepSeek-R1 and Qwen), only the closing one comes: what stands before
it was thought.
Pure; the same text gives the same parts however it is cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

Kind = Literal["say", "think", "call", "turn", "unthink"]
Part = tuple[Kind, str]
"""`turn`: what was said so far was thought. `unthink`: what was thought so far is the answer, and is said after it."""

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
_NAMING = re.compile(
    r"(?:^|[\s(])(?:the|an?|closing|opening|end|tag|and|or|with|by|le|la|les|une?|balise|et|ou|par|avec|der|das|den|ein|und"
    r"|mit)[ \u00a0]$",
    re.IGNORECASE,
)
"""What stands before a tag that a sentence names without quotes."""
_TAIL = 20
"""Characters that are kept of what was said last."""
MOST_HELD = 600
"""Characters that wait for a closing tag where it is not clear whether the opening one is one."""
MOST_CALL = 100_000
"""Characters of a call that is written as text."""


class Thoughts:
    """`feed` gives parts as soon as they are certain, `finish` the rest. `idle`: nothing is held, no tag is open.

    `begun`: the model is known to begin in the middle of its reasoning, so what comes is thought until a closing tag;
    if none comes, it was the answer (`unthink`).
    """

    def __init__(self, *, begun: bool = False) -> None:
        self.closed = False
        """Whether a closing tag came that nothing had opened: the model begins in its reasoning."""
        self.answered = False
        """Whether it was thought to begin so and did not."""
        self._begun = begun
        """Whether all that is said is thought as yet."""
        self._reasoned: list[str] = []
        """What was thought because of that."""
        self._turns = True
        """Whether a closing tag can still be one that was opened in the prompt."""
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
        """The last letters that were said in the line."""
        self._fence = ""
        self._ticks = 0
        """The length of the run of backticks that is open in the line."""
        self._trim = False
        """Whether the space that follows belongs to a tag."""
        self._turning = False
        """Whether the tag that was just taken makes what was said a thought."""
        self._thinks = False
        """Whether the thought that is under way has a word in it."""
        self._apart = False
        self._sought = 0
        """Up to where the end of a call was looked for."""
        self._named = False
        """Whether a tag was said as a word, so that its closing one is a word as well."""

    @property
    def begun(self) -> bool:
        """Whether all that was said so far is taken for thought."""
        return self._begun

    @property
    def idle(self) -> bool:
        return self._mode == "say" and not self._held and self._said and not self._trim

    def simple(self, text: str) -> bool:
        """Whether `text` can be said as it is; it is then counted as said."""
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
        """What was held; a tag that was not closed ends here. `cut`: there would have been more."""
        parts = _joined(self._placed(self._parts(final=True)))
        reasoned = "".join(self._reasoned)
        if self._begun and not cut and reasoned.strip():
            self._begun, self.answered = False, True
            parts = [part for part in parts if part[0] != "think"]
            parts += [("unthink", ""), ("say", reasoned)]
        return parts

    def not_begun(self) -> None:
        """The server has told of reasoning by itself: what comes as text is the answer."""
        self._begun = self._begun and bool(self._reasoned)

    def _placed(self, parts: Iterator[Part]) -> Iterator[Part]:
        """`parts`; of a model that begins in its reasoning, with what it says as thought."""
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
        """Up to the next tag, or to what may become one."""
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
                    if self._turning:
                        self._turning = False
                        yield "turn", ""
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
        self._last = (self._last + text[-_TAIL:])[-_TAIL:]

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
        """Whether an opening tag opens, or a sentence speaks of it."""
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


def before_turn(parts: list[Part]) -> list[Part]:
    """`parts` of a text of which nothing was passed on yet: what was said before a turn as the thought it was."""
    at = parts.index(("turn", "")) if ("turn", "") in parts else -1
    thought = "".join(text for kind, text in parts[: max(at, 0)] if kind == "say").strip()
    rest = [part for part in parts[: max(at, 0)] if part[0] != "say"] + parts[at + 1 :]
    return [("think", thought), *rest] if thought else rest
