"""One picture becomes every size and form; what can't be used is refused with a sentence."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from PIL import Image

from desktop.packaging import icons
from desktop.packaging.errors import IconWrong
from tests.packaging.makers import GREEN, SVG, Maker


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_every_size_and_form_is_made_of_one_picture(kind: str, maker: Maker, tmp_path: Path) -> None:
    picture = maker.folder / "fern.png"
    if kind == "svg":
        picture = maker.folder / "fern.svg"
        picture.write_text(SVG)
    made = {path.name: path for path in icons.write(picture, tmp_path / "icons")}
    expected = {f"app-{size}.png" for size in icons.HICOLOR} | {"app.ico", "app.icns"}
    assert set(made) == expected | ({"app.svg"} if kind == "svg" else set())
    for size in icons.HICOLOR:
        with Image.open(made[f"app-{size}.png"]) as image:
            assert (image.size, image.getpixel((0, 0))) == ((size, size), (*GREEN, 255))
    with Image.open(made["app.ico"]) as ico, Image.open(made["app.icns"]) as icns:
        assert ico.info["sizes"] == {(size, size) for size in icons.ICO}
        assert (512, 512, 2) in icns.info["sizes"]


def test_the_same_picture_gives_the_same_bytes(maker: Maker, tmp_path: Path) -> None:
    first = icons.write(maker.folder / "fern.png", tmp_path / "one")
    second = icons.write(maker.folder / "fern.png", tmp_path / "two")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_an_svg_is_drawn_at_each_size_and_not_made_smaller(tmp_path: Path) -> None:
    path = tmp_path / "line.svg"
    path.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect x="8" width="8" height="16"/></svg>'
    )
    for size in (16, 512):
        image = icons.draw(path, size)
        alpha = [image.getpixel((x, size // 2))[3] for x in (size // 2 - 1, size // 2)]  # type: ignore[index]
        assert alpha == [0, 255], "a sharp edge"


@pytest.mark.parametrize(
    ("width", "height", "said"),
    [(20, 20, "too small: 20 × 20"), (512, 400, "not square: it has 512 × 400"), (255, 255, "too small")],
)
def test_a_png_that_is_too_small_or_not_square_is_refused(width: int, height: int, said: str, maker: Maker) -> None:
    with pytest.raises(IconWrong) as caught:
        icons.check(maker.picture(width, height))
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.png", b"not a picture at all"),
        ("a.png", b""),
        ("a.png", b"\x89PNG\r\n\x1a\n and then nothing"),
        ("a.svg", b"<html></html>"),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 1 1'><unclosed"),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 1 2'><rect width='1' height='2'/></svg>"),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 1 1'></svg>"),
    ],
)
def test_what_is_no_picture_is_refused_with_its_name(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(IconWrong) as caught:
        icons.check(tmp_path / name)
    assert name in caught.value.message


def test_a_picture_that_is_missing_is_refused_and_a_small_one_noted(maker: Maker, tmp_path: Path) -> None:
    with pytest.raises(IconWrong) as caught:
        icons.check(tmp_path / "none.png")
    assert "none.png" in caught.value.message
    assert icons.check(maker.picture(512)) == []
    assert "256 pixels" in icons.check(maker.picture(256))[0]


def test_a_jpeg_under_a_png_name_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (512, 512)).save(tmp_path / "photo.png", "JPEG")
    with pytest.raises(IconWrong):
        icons.check(tmp_path / "photo.png")


LOST = {
    '<text y="40">Fern</text>': "text (“Fern”)",
    '<text y="40"><tspan>Fern</tspan></text>': "text (“Fern”)",
    '<image href="photo.png" width="9" height="9"/>': "another file",
    '<image xlink:href="https://fern.example/photo.png" width="9" height="9"/>': "another file",
    '<image href="data:image/bmp;base64,Qk0=" width="9" height="9"/>': "a picture of a kind that is not drawn",
    '<use href="other.svg#leaf"/>': "another file",
    '<circle r="9" fill="url(other.svg#g)"/>': "another file",
    '<filter id="f"><feImage href="leaf.png"/></filter>': "another file",
    '<style>@import url("fern.css");</style>': "@import",
    "<style>@font-face{font-family:Fern;src:url(fern.woff)}</style>": "@font-face",
    "<style>circle{fill:var(--leaf)}</style>": "var(",
    "<style>g{circle{fill:#115533}}</style>": "rules inside rules",
    "<style>circle:not(.stem){fill:#115533}</style>": ":not(",
    "<style>circle{r:9px}</style>": "a shape given by styles",
    "<script>grow()</script>": "<script>",
    '<circle r="9" onload="grow()"/>': "a program",
    '<foreignObject width="9" height="9"/>': "<foreignObject>",
    "<video/>": "<video>",
    "<meshgradient/>": "<meshgradient>",
    '<circle r="9" fill="oklch(50% 0.2 30)"/>': "not understood",
    '<circle r="9" style="fill: rgb(17 85 51 / 50%)"/>': "not understood",
    '<circle r="calc(4px + 5px)"/>': "worked out",
}
KEPT = (
    '<text y="40"> </text><title>Fern</title><desc>A fern.</desc>',
    '<defs><linearGradient id="g"><stop stop-color="#115533"/></linearGradient></defs><circle r="9" fill="url(#g)"/>',
    '<filter id="f"><feGaussianBlur stdDeviation="2"/></filter><circle r="9" filter="url(#f)"/>',
    '<circle id="leaf" r="9"/><use xlink:href="#leaf"/><a href="https://fern.example"><circle r="9"/></a>',
    "<style><![CDATA[ .st0{fill:#FFFFFF;stroke:rgb(1,2,3);font-family:'Fern'} .st0:hover{fill:red} ]]></style>",
    '<metadata xmlns:rdf="urn:rdf"><rdf:RDF>words</rdf:RDF></metadata><switch><g fill="currentColor"/></switch>',
)


def drawing(inside: str) -> str:
    return SVG.replace("<svg ", '<svg xmlns:xlink="http://www.w3.org/1999/xlink" ').replace(
        "</svg>", f"\n{inside}</svg>"
    )


@pytest.mark.parametrize("inside", LOST)
def test_what_an_svg_would_lose_is_refused_with_its_line_and_what_to_do(inside: str, tmp_path: Path) -> None:
    (tmp_path / "fern.svg").write_text(drawing(inside))
    with pytest.raises(IconWrong) as caught:
        icons.check(tmp_path / "fern.svg")
    assert LOST[inside] in caught.value.message
    assert "fern.svg" in caught.value.message
    assert "line 2" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("inside", KEPT)
def test_what_an_svg_keeps_is_taken_as_it_is(inside: str, tmp_path: Path) -> None:
    (tmp_path / "fern.svg").write_text(drawing(inside))
    assert icons.check(tmp_path / "fern.svg") == []


@pytest.mark.parametrize(
    "inside",
    [
        '<circle r="9"><animate attributeName="r" to="1" dur="2s"/></circle>',
        "<style>@media (prefers-color-scheme: dark){rect{fill:#ddffdd}}</style>",
    ],
)
def test_what_a_still_picture_does_not_miss_is_noted(inside: str, tmp_path: Path) -> None:
    (tmp_path / "fern.svg").write_text(drawing(inside))
    (note,) = icons.check(tmp_path / "fern.svg")
    assert "fern.svg" in note


def test_what_is_said_to_be_lost_is_lost_and_what_is_kept_is_drawn(tmp_path: Path) -> None:
    """Of resvg itself: were it to draw these, the packager would refuse good pictures."""
    for number, (inside, drawn) in enumerate(
        [
            ('<text x="8" y="56" font-size="60" fill="#ff0000">█</text>', False),
            ('<style>rect{fill:var(--leaf, #ff0000)}</style><rect width="64" height="64"/>', False),
            ('<rect width="64" height="64" fill="oklch(60% 0.2 30)"/>', False),
            ('<style>@media screen{rect{fill:#ff0000}}</style><rect width="64" height="64"/>', False),
            ('<rect width="64" height="64" fill="rgb(255,0,0)"/>', True),
            ('<style>.a{fill:#ff0000}</style><rect class="a" width="64" height="64"/>', True),
        ]
    ):
        path = tmp_path / f"{number}.svg"
        path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">{inside}</svg>')
        pixel = icons.draw(path, 64).getpixel((32, 32))
        assert isinstance(pixel, tuple)
        assert (pixel[0] > 200) is drawn, inside


def test_a_picture_by_another_name_than_its_kind_is_refused(maker: Maker, tmp_path: Path) -> None:
    (tmp_path / "fern.png").write_text(SVG)
    maker.picture(512, name="fern.svg").rename(tmp_path / "fern.svg")
    (tmp_path / "packed.svg").write_bytes(gzip.compress(SVG.encode()))
    (tmp_path / "wide.svg").write_bytes(SVG.encode("utf-16"))
    for name, said in (("fern.png", "SVG"), ("fern.svg", "PNG"), ("packed.svg", "gzip"), ("wide.svg", "UTF-16")):
        with pytest.raises(IconWrong) as caught:
            icons.check(tmp_path / name)
        assert said in caught.value.message
