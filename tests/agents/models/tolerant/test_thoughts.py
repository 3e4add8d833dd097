"""A model's text taken apart: what it says, thinks, and calls, however it is cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.agents.models.tolerant.thoughts import Part, Thoughts


def parts(text: str, cuts: list[int] | int = 10_000) -> list[Part]:
    """The parts of `text`, fed in pieces, neighbours of one kind joined."""
    thoughts = Thoughts()
    if isinstance(cuts, int):
        pieces = [text[at : at + cuts] for at in range(0, len(text), cuts)]
    else:
        places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
        pieces = [text[begin:end] for begin, end in pairwise(places)]
    found: list[Part] = []
    for part in [one for piece in pieces for one in thoughts.feed(piece)] + thoughts.finish():
        if found and found[-1][0] == part[0] != "call":
            found[-1] = (part[0], found[-1][1] + part[1])
        else:
            found.append(part)
    return found


TAKEN = {
    "at the start": ("<think>a\nb</think>\n\nHello", [("think", "a\nb"), ("say", "Hello")]),
    "after space": (" \n<think>a</think>Hi", [("say", " \n"), ("think", "a"), ("say", "Hi")]),
    "Claude": ("<thinking>a</thinking>b", [("think", "a"), ("say", "b")]),
    "Gemini": ("<thought>a</thought>b", [("think", "a"), ("say", "b")]),
    "Mistral": ("[THINK]a[/THINK]b", [("think", "a"), ("say", "b")]),
    "in capitals": ("<THINK>a</THINK>b", [("think", "a"), ("say", "b")]),
    "in the middle of a line": ("Hi <think>x</think>there", [("say", "Hi "), ("think", "x"), ("say", "there")]),
    "on a line of its own": ("Hi\n<think>x</think>\nthere", [("say", "Hi\n"), ("think", "x"), ("say", "there")]),
    "unclosed": ("<think>and so", [("think", "and so")]),
    "twice": ("<think>a</think>b\n<think>c</think>d", [("think", "a"), ("say", "b\n"), ("think", "c"), ("say", "d")]),
    "nothing thought": ("<think>\n\n</think>\n\nHello", [("say", "Hello")]),
    "only closed": ("hm</think>\n\nHello", [("say", "hm"), ("turn", ""), ("say", "Hello")]),
    "harmony": (
        "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>Hello<|return|>",
        [("think", "hm"), ("say", "Hello")],
    ),
    "harmony's call": (
        '<|channel|>commentary to=functions.look <|constrain|>json<|message|>{"a": 1}<|call|>',
        [("call", '{"name": "look", "arguments": {"a": 1}}')],
    ),
    "a call": (
        'I look. <tool_call>{"name": "look"}</tool_call>',
        [("say", "I look. "), ("call", '<tool_call>{"name": "look"}</tool_call>')],
    ),
    "the token at the end": ("Done.<|im_end|>", [("say", "Done.")]),
    "after a block of code": (
        "```\nx\n```\n<think>a</think>b",
        [("say", "```\nx\n```\n"), ("think", "a"), ("say", "b")],
    ),
}


@pytest.mark.parametrize("name", TAKEN)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_reasoning_and_calls_are_taken_out_of_the_text(name: str, size: int) -> None:
    text, wanted = TAKEN[name]
    assert parts(text, size) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "A model writes:\n```\n<think>\nhm\n</think>\nHello\n```\nThat is all.",
        "A model writes:\n~~~xml\n<think>hm</think>\n~~~",
        "   ```\n<thinking>x</thinking>\n   ```",
        "The tag `<think>` begins it and `</think>` ends it.",
        "Use ``<think>`` here.",
        "Between <think> and </think> stands what it thinks.",
        "The <think> tag is DeepSeek's.",
        'It writes "<think>" first.',
        "```\n<tool_call>{}</tool_call>\n```",
        "a < b, c[0] and ~x`",
        "if (a<b) {}\n<div>html</div> <thin> <thinker>",
        "[1] and [think about it]",
    ],
)
@pytest.mark.parametrize("size", [1, 5, 1000])
def test_what_an_answer_explains_is_not_eaten(text: str, size: int) -> None:
    text = f"Well.\n{text}"
    assert parts(text, size) == [("say", text)]


WORD = st.text(alphabet="abc xyz\n.,é🙂", min_size=1, max_size=12).filter(lambda text: bool(text.strip()))
TAG = st.sampled_from([("<think>", "</think>"), ("<thinking>", "</thinking>"), ("<thought>", "</thought>")])


@given(
    st.lists(st.tuples(TAG, WORD, WORD), min_size=1, max_size=4),
    st.lists(st.integers(min_value=0, max_value=400), max_size=12),
)
def test_however_it_is_cut_the_parts_are_those_it_was_made_of(
    turns: list[tuple[tuple[str, str], str, str]], cuts: list[int]
) -> None:
    text = "".join(f"{tag[0]}{thought}{tag[1]}{said.strip()}\n" for tag, thought, said in turns)
    found = parts(text, cuts)
    assert "".join(said for kind, said in found if kind == "say") == "".join(
        f"{said.strip()}\n" for _, _, said in turns
    )
    assert "".join(said for kind, said in found if kind == "think") == "".join(
        thought.lstrip() for _, thought, _ in turns
    )


@given(
    st.text(alphabet='<>/|think[]`~ \nab_call{}:"', max_size=80),
    st.lists(st.integers(min_value=0, max_value=80), max_size=10),
)
def test_any_text_gives_the_same_parts_however_it_is_cut(text: str, cuts: list[int]) -> None:
    assert parts(text, cuts) == parts(text)


@given(st.text(max_size=200), st.lists(st.integers(min_value=0, max_value=200), max_size=10))
def test_a_text_without_tags_is_said_whole(text: str, cuts: list[int]) -> None:
    if not any(sign in text for sign in "<[◁"):
        assert "".join(said for _, said in parts(text, cuts)) == text
