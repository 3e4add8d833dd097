"""How a part gets into a page: what its element says, what it holds, what is said of one that is not well made."""

from __future__ import annotations

import pytest

from desktop.common.errors import InternalError
from desktop.window.page_parts import with_parts

PARTS = {
    "line": '<p id="{id}" class="{class}" role="{says}" hidden="{hidden}"><slot></slot></p>\n',
    "box": '<div id="{id}-box"><slot>nothing</slot><footer><slot name="foot">no foot</slot></footer></div>',
    "both": '<part-box id="{id}"><part-line id="{id}" says="{says}"></part-line><template slot="foot">'
    '<slot name="foot"></slot></template></part-box>',
    "ring": "<part-ring></part-ring>",
}


def read(name: str) -> str:
    if name not in PARTS:
        raise FileNotFoundError(name)
    return PARTS[name]


def made(html: str) -> str:
    return with_parts(html, read)


def test_a_page_without_parts_is_served_as_it_is() -> None:
    html = '<!doctype html>\n<p id="{id}"><slot>kept</slot> <template slot="x">kept</template>\n'
    assert made(html) == html


def test_what_the_element_says_goes_into_the_part() -> None:
    assert (
        made('<part-line id="a" class="soft" says="status"></part-line>') == '<p id="a" class="soft" role="status"></p>'
    )
    assert made('<part-line\n  id="a"\n  hidden\n></part-line>') == '<p id="a" hidden=""></p>'


def test_an_attribute_that_the_element_does_not_name_is_left_out() -> None:
    assert made("<part-line></part-line>") == "<p></p>"
    assert made('<part-line class=""></part-line>') == '<p class=""></p>'


def test_content_takes_the_place_of_what_a_part_shows_without_any() -> None:
    assert made('<part-box id="a"></part-box>') == '<div id="a-box">nothing<footer>no foot</footer></div>'
    held = made('<part-box id="a">\n <b>x</b>\n <template slot="foot"> y </template>\n</part-box>')
    assert held == '<div id="a-box"><b>x</b><footer>y</footer></div>'


def test_parts_hold_parts_and_pass_on_what_they_were_given() -> None:
    assert made('<part-both id="a" says="status"></part-both>') == (
        '<div id="a-box"><p id="a" role="status"></p><footer>no foot</footer></div>'
    )
    assert made('<part-both id="a"><template slot="foot"><part-line id="b"></part-line></template></part-both>') == (
        '<div id="a-box"><p id="a"></p><footer><p id="b"></p></footer></div>'
    )


def test_a_part_of_the_same_kind_may_be_inside() -> None:
    assert made('<part-box id="a"><part-box id="b">x</part-box></part-box>') == (
        '<div id="a-box"><div id="b-box">x<footer>no foot</footer></div><footer>no foot</footer></div>'
    )


def test_what_a_page_gives_is_not_read_as_a_place_of_the_part() -> None:
    assert (
        made('<part-line id="a">{id} <i title="{says}"></i></part-line>') == '<p id="a">{id} <i title="{says}"></i></p>'
    )
    assert made('<part-line id="{class}" class="c"></part-line>') == '<p id="{class}" class="c"></p>'


@pytest.mark.parametrize(
    ("html", "said"),
    [
        ("<part-none></part-none>", "part-none"),
        ("<part-line>", "part-line"),
        ("</part-line>", "part-line"),
        ("<part-line><part-box></part-line></part-box>", "part-box"),
        ("<part-ring></part-ring>", "holds itself"),
    ],
)
def test_a_part_that_is_not_as_it_should_be_is_named(html: str, said: str) -> None:
    with pytest.raises(InternalError) as caught:
        made(html)
    assert said in caught.value.detail
