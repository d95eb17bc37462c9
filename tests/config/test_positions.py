"""What can be said of a document however it is written."""

from __future__ import annotations

import pytest

from config.mapping_edits import NotByForm, edited
from config.positions import said_in

DEEP = f"title: Gold\nx: {'[' * 150}{']' * 150}\n"


@pytest.mark.parametrize("text", ["", "title: [", "- title", 'title: "\\UFFFFFFFF"', DEEP])
def test_of_what_cannot_be_read_nothing_is_said(text: str) -> None:
    assert said_in(text) == {}


def test_whatever_else_is_wrong_the_rest_is_said() -> None:
    assert said_in("title: Gold\nsince: 2024-01-01\ntitle: Silver\n") == {
        "title": "Gold", "since": "2024-01-01",
    }  # fmt: skip


def test_what_nests_too_deeply_is_not_changed_by_a_form() -> None:
    with pytest.raises(NotByForm, match="nests too deeply"):
        edited(DEEP, {("title",): "Silver"})
