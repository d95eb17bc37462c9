"""What can be said of a document however it is written."""

from __future__ import annotations

import pytest

from config.mapping_edits import NotByForm, edited
from config.positions import Document, parse, said_in

DEEP = f"title: Gold\nx: {'[' * 150}{']' * 150}\n"


WIDE = "a0: &a0 1\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
DIGITS = "9" * 5_000


@pytest.mark.parametrize(
    "text",
    ["", "title: [", "- title", 'title: "\\UFFFFFFFF"', f"%YAML 1.{DIGITS}\n---\n", DEEP, WIDE],
)
def test_of_what_cannot_be_read_nothing_is_said(text: str) -> None:
    assert said_in(text) == {}


def test_whatever_else_is_wrong_the_rest_is_said() -> None:
    assert said_in("title: Gold\nsince: 2024-01-01\ntitle: Silver\n") == {
        "title": "Gold", "since": "2024-01-01",
    }  # fmt: skip


@pytest.mark.parametrize("text", ['title: "\\uD83D"', 'x: {"\\uD83D": 1}'])
def test_half_a_character_is_told_at_its_place(text: str) -> None:
    (problem,) = parse(f"id: one\n{text}\n", Document("one.yaml")).problems
    assert (problem.line, problem.message) == (
        2, "has an escape for half of a character, such as \\ud83d; write the character itself"
    )  # fmt: skip


def test_how_much_aliases_may_come_to_is_said() -> None:
    (problem,) = parse(WIDE, Document("one.yaml")).problems
    assert problem.message == "comes to more than 100,000 values with all aliases"
    assert problem.line == 16


def test_a_number_that_nobody_can_read_stays_text() -> None:
    assert said_in(f"limit: {DIGITS}\nother: {DIGITS[:20]}\n") == {
        "limit": DIGITS, "other": int(DIGITS[:20]),
    }  # fmt: skip


def test_what_nests_too_deeply_is_not_changed_by_a_form() -> None:
    with pytest.raises(NotByForm, match="nests too deeply"):
        edited(DEEP, {("title",): "Silver"})
