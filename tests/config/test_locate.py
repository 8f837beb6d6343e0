"""Where a setting stands: checked against texts that are built line by line."""

from __future__ import annotations

import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config.load import MAX_CONFIG_BYTES
from edge.config.locate import line_of, locate
from edge.config.syntax import parse

NAMES = st.one_of(
    st.sampled_from(["a", "b-c", "d_1", "42"]),
    st.text(st.characters(max_codepoint=126), min_size=1, max_size=5).map(json.dumps),
)
VALUES = st.sampled_from(
    [
        "1",
        '"x # y"',
        "'[not] a = header'",
        '"""one\n[two]\nthree = 3"""',
        "'''\n# four\n'''",
        '"""quoted ""\\""""',
        '"""ends with two """""',
        "[1, 2]",
        "[\n  1, # one ]\n  [2], '''\n'''\n]",
        "{ x = 1, y = [2, {z = 3}] }",
        "1979-05-27T07:32:00Z",
        '"\\" = "',
    ]
)
TRIVIA = st.sampled_from(["", "# [comment] = 1", "   ", "\t# x"])


@given(st.data())
def test_every_key_is_found_on_the_line_where_it_was_written(data: st.DataObject) -> None:
    lines: list[str] = []
    written: dict[tuple[str, ...], int] = {}
    for table in data.draw(
        st.lists(NAMES, min_size=1, max_size=4, unique_by=lambda n: tomllib.loads(f"{n} = 1").popitem()[0])
    ):
        (plain,) = tomllib.loads(f"{table} = 1")
        lines += [data.draw(TRIVIA), f" [ {table} ] # x"]
        written[(plain,)] = len("\n".join(lines).split("\n"))
        for name in data.draw(st.lists(NAMES, max_size=4, unique_by=lambda n: tomllib.loads(f"{n} = 1").popitem()[0])):
            (inner,) = tomllib.loads(f"{name} = 1")
            lines.append(data.draw(TRIVIA))
            written[(plain, inner)] = len("\n".join(lines).split("\n")) + 1
            lines.append(f"{name} = {data.draw(VALUES)}")
    text = "\n".join(lines)
    tomllib.loads(text)
    assert {place: line for place, line in locate(text).items() if len(place) <= 2} == written


@pytest.mark.parametrize(
    ("text", "place", "line"),
    [
        ("a.b.c = 1", ("a", "b", "c"), 1),
        ("x = 1\na.b.c = 1", ("a", "b"), 2),
        ("[a.b]\n\nc = 1", ("a", "b", "c"), 3),
        ("[[a]]\nb = 1\n[[a]]\nb = 2", ("a", "b"), 2),
        ('[a."b.c"]\nd = 1', ("a", "b.c", "d"), 2),
        ("a = {b = 1}", ("a", "b"), 1),
        ("a = [\n1,\n]\nb = 2", ("b",), 4),
        ("\r\na = 1\r\nb = 2", ("b",), 3),
    ],
)
def test_places(text: str, place: tuple[str, ...], line: int) -> None:
    assert line_of(locate(text), place) == line


def test_a_place_that_was_not_written_is_where_its_table_is() -> None:
    assert line_of(locate("\n[a]\nb = 1"), ("a", "x", "y")) == 2
    assert line_of(locate("[a]"), ("z",)) is None


@pytest.mark.parametrize(
    "text",
    [
        "a = '''" + "'" * 2 + "x" * 60_000 + "'''",
        'a = """' + '\\"""' * 15_000 + '"""',
        "a = [" + "[]," * 20_000 + "]",
        "#" * 65_000,
        "\n" * 65_000,
        "a = 1\n" * 10_000,
        "[" + ".".join("a" * 32_000) + "]",
        'a = "' + '\\"' * 30_000 + '"',
    ],
    ids=lambda text: text[:8],
)
def test_the_largest_file_is_read_in_one_pass(text: str) -> None:
    """A regular expression that went back and forth would take minutes here."""
    assert len(text) <= MAX_CONFIG_BYTES
    parse(text)
