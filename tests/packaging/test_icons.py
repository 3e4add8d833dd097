"""One picture becomes every size and form; what can't be used is refused with a sentence."""

from __future__ import annotations

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
