"""Numbers from outside have a bound before a page follows them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.agents.models.numbers import DEEPEST, PLACES, parsed

OUT = ["2000000000", "-1", "1.5", "true", '"0"', "[]", "1e9", "99999999999999999999999"]


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("value", OUT)
def test_checklist_40_a_place_that_no_list_has_is_no_event(name: str, value: str) -> None:
    for text in (f'{{"{name}": {value}}}', f'{{"update": [{{"x": {{"{name}": {value}}}}}]}}'):
        with pytest.raises(ValueError, match=name):
            parsed(text)
    assert parsed(f'{{"{name}": 3}}') == {name: 3}
    assert parsed(f'{{"{name}": null}}') == {name: None}


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 400, "-" + "9" * 5_000])
def test_what_is_no_number_in_a_page_is_null(text: str) -> None:
    assert parsed(f'{{"value": [{text}, 1]}}') == {"value": [None, 1]}


@pytest.mark.parametrize("depth", [DEEPEST + 1, 900, 50_000])
def test_checklist_40_nesting_has_a_bound(depth: int) -> None:
    with pytest.raises(ValueError, match="nested"):
        parsed('{"a":' * depth + "1" + "}" * depth)
    with pytest.raises(ValueError, match="nested"):
        parsed("[" * depth + "]" * depth)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
    max_leaves=30,
)


@given(JSON)
def test_everything_else_stays_as_it_is(value: object) -> None:
    assert parsed(json.dumps(value)) == value
