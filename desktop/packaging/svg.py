"""What of an SVG would be lost: what resvg, which draws the icons, leaves out or draws black without a word.

Read as XML, never drawn here. Each of these was tried with resvg-py 0.5 (resvg 0.45).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.parsers import expat

SVG = "http://www.w3.org/2000/svg"
TO_PATHS = "Convert it to paths (in Inkscape: Path, Object to Path): fonts are others on every computer."
INSIDE = "Put it into the file itself, as data:…, or draw it with paths."
STILL = "An icon stands still: leave it out."
NO_PROGRAM = "A picture runs no programs: leave it out."
ONE_LOOK = "An icon has one look: leave the condition out."
VALUES = "Write the value itself."
NOT_DRAWN = {
    **dict.fromkeys(("animate", "animateMotion", "animateTransform", "animateColor", "set"), STILL),
    **dict.fromkeys(("video", "audio", "canvas", "iframe", "embed", "object"), "An icon is one picture: leave it out."),
    "foreignObject": "Pages inside a picture are not drawn: convert it to paths.",
    "script": NO_PROGRAM,
    **dict.fromkeys(("meshgradient", "mesh", "hatch", "solidcolor"), "Linear and radial gradients alone are drawn."),
    **dict.fromkeys(("font", "font-face", "glyph", "altGlyph", "tref"), TO_PATHS),
}
"""Elements of SVG that leave nothing in the picture, and what to do about each."""
SHEETS = (
    (
        re.compile(r"@import\b", re.IGNORECASE),
        "a style sheet of another file (@import)",
        "Put the styles into the file itself.",
    ),
    (re.compile(r"@keyframes\b", re.IGNORECASE), "an animation (@keyframes)", STILL),
    (re.compile(r"@font-face\b", re.IGNORECASE), "a font of its own (@font-face)", TO_PATHS),
    (
        re.compile(r"@(?:media|supports|container)\b", re.IGNORECASE),
        "styles under a condition (@media and the like)",
        ONE_LOOK,
    ),
    (re.compile(r"@(?:layer|property|namespace)\b", re.IGNORECASE), "styles that are not understood (@…)", VALUES),
    (
        re.compile(
            r":(?!(?:first-child|hover|focus|active)\b)[a-z-]+(?:\([^)]{0,200}\))?[^{};]{0,200}\{", re.IGNORECASE
        ),
        "a selector like :not(…)",
        VALUES,
    ),
    (re.compile(r"\{[^{}]{0,10000}\{"), "rules inside rules", "Write each rule by itself."),
)
"""In the style sheets of a file: a pattern, what it shows, what to do."""
STYLES = (
    (re.compile(r"\bvar\(", re.IGNORECASE), "a CSS variable (var(…))", VALUES),
    (re.compile(r"\b(?:calc|min|max|clamp|env)\(", re.IGNORECASE), "a sum (calc(…))", VALUES),
    (re.compile(r"(?:^|[{;\s])animation[a-z-]{0,30}\s*:", re.IGNORECASE), "an animation", STILL),
    (
        re.compile(r"(?:^|[{;\s])(?:r|cx|cy|rx|ry|d|points)\s*:", re.IGNORECASE),
        "a shape given by styles",
        "Write it as r=… or d=….",
    ),
    (
        re.compile(r"(?:clip-path|mask|mask-image)\s*:\s*(?!url|none|inherit)[a-z-]+\(", re.IGNORECASE),
        "a CSS shape",
        "Use <clipPath>.",
    ),
    (
        re.compile(r"(?:^|[{;\s])transform\s*:[^;}]{0,500}[0-9](?:px|em|rem|deg|turn|%)", re.IGNORECASE),
        "a CSS transform",
        "Use transform=….",
    ),
    (re.compile(r"backdrop-filter\s*:", re.IGNORECASE), "a backdrop filter", "Leave it out."),
)
"""The same in style sheets and `style=…`."""
PAINT = re.compile(r"(fill|stroke|stop-color|flood-color|lighting-color|color)\s*:\s*([^;}]{1,500})", re.IGNORECASE)
PAINTS = ("fill", "stroke", "stop-color", "flood-color", "lighting-color", "color")
UNDERSTOOD = re.compile(
    r"url\(.{0,2000}|#[0-9a-f]{3,8}|(?:rgb|hsl)a?\([^/()]{1,100}\)|[a-z]{2,30}|context-(?:fill|stroke)",
    re.IGNORECASE | re.DOTALL,
)
"""Ways to write a colour. What is none of them (oklch(…), rgb(… / …), light-dark(…)) is drawn black."""
URL = re.compile(r"url\(\s*[\"']?([^\"')]{0,2000})", re.IGNORECASE)
PICTURES = re.compile(r"data:(?:image/(?:png|jpe?g|gif|webp|svg\+xml)|text/xml)[;,]", re.IGNORECASE)
COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
"""One that is not closed goes on to the end, as CSS has it; and nothing is looked for behind it again and again."""


@dataclass(frozen=True)
class Lost:
    """`what` is in the file and not in the picture; `advice`: what to do. `line` from 1."""

    what: str
    advice: str
    line: int

    @property
    def unseen(self) -> bool:
        """Whether the picture is whole without it: what moves, and looks for other occasions."""
        return self.advice in (STILL, ONE_LOOK)


def lost(content: bytes) -> Lost | None:
    """The first thing that would be lost; what is seen by nobody in a still picture comes last. Raises ValueError for
    what is no XML, with the parser's words and the line."""
    reader = _Reader()
    try:
        reader.parser.Parse(content, True)
    except expat.ExpatError as error:
        raise ValueError(f"{expat.ErrorString(error.code)} in line {error.lineno}") from None
    return min(reader.found, key=lambda one: (one.unseen, one.line), default=None)


class _Reader:
    def __init__(self) -> None:
        self.found: list[Lost] = []
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._begins
        self.parser.EndElementHandler = self._ends
        self.parser.CharacterDataHandler = self._says
        self.parser.ProcessingInstructionHandler = self._instructs
        self.parser.EntityDeclHandler = self._declares
        self._open: list[tuple[str, int]] = []
        """Names of SVG's elements that are open ("" for others'), and the lines they begin in."""

    def _add(self, what: str, advice: str, line: int = 0) -> None:
        self.found.append(Lost(what, advice, line or self.parser.CurrentLineNumber))

    def _begins(self, whole: str, attributes: dict[str, str]) -> None:
        space, _, name = whole.rpartition(" ")
        name = name if space in (SVG, "") else ""
        self._open.append((name, self.parser.CurrentLineNumber))
        if not name:
            return  # notes of a drawing program
        if name in NOT_DRAWN:
            self._add(f"<{name}>", NOT_DRAWN[name])
        for key, value in attributes.items():
            self._attribute(name, key, value)

    def _attribute(self, element: str, key: str, value: str) -> None:
        plain = key.rpartition(" ")[2]
        if plain == "href" and element not in ("a", "script"):
            if not value.startswith(("#", "data:")):
                self._add(f"another file (<{element}> names “{value[:80]}”)", INSIDE)
            elif element in ("image", "feImage") and value.startswith("data:") and not PICTURES.match(value):
                self._add(f"a picture of a kind that is not drawn (<{element}>)", "Use PNG, JPEG, GIF, WebP or SVG.")
        elif key != plain:
            return
        elif plain.lower().startswith("on"):
            self._add(f"a program ({plain}=…)", NO_PROGRAM)
        elif plain == "style":
            self._style(value)
        elif plain in PAINTS:
            self._paint(plain, value)
        elif re.search(r"\b(?:var|calc)\(", value):
            self._add(f"a value that is worked out ({plain}=“{value[:40]}”)", VALUES)
        else:
            self._urls(value)

    def _ends(self, _whole: str) -> None:
        self._open.pop()

    def _says(self, text: str) -> None:
        name = self._open[-1][0] if self._open else ""
        if name == "style":
            plain = COMMENT.sub(" ", text)
            for pattern, what, advice in SHEETS:
                if pattern.search(plain):
                    self._add(what, advice)
                    return
            self._style(plain)
        elif name in ("text", "tspan", "textPath") and text.strip():
            line = next(line for other, line in self._open if other in ("text", "tspan", "textPath"))
            self._add(f"text (“{' '.join(text.split())[:40]}”)", TO_PATHS, line)

    def _style(self, text: str) -> None:
        for pattern, what, advice in STYLES:
            if pattern.search(text):
                self._add(what, advice)
        for name, value in PAINT.findall(text):
            self._paint(name, re.sub(r"!\s*important", "", value))
        self._urls(text)

    def _paint(self, name: str, value: str) -> None:
        if value.strip() and not UNDERSTOOD.fullmatch(value.strip()):
            self._add(
                f"a colour that is not understood ({name}: {value.strip()[:40]})",
                "Write it as #1a2b3c or rgb(26, 43, 60).",
            )
        self._urls(value)

    def _urls(self, text: str) -> None:
        for url in URL.findall(text):
            if not url.strip().startswith(("#", "data:")):
                self._add(f"another file (url({url.strip()[:80]}))", INSIDE)

    def _instructs(self, target: str, _data: str) -> None:
        if target == "xml-stylesheet":
            self._add("a style sheet of another file (xml-stylesheet)", "Put the styles into the file itself.")

    def _declares(
        self, name: str, _parameter: bool, _value: str | None, _base: str | None, system: str | None, *_: object
    ) -> None:
        if system is not None:
            self._add(f"another file (the entity {name} names “{system[:80]}”)", INSIDE)
