"""The page of differences between Cloud and Data Center says where each lives, and is right."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import pytest

from connector import markup
from connector.base import JiraClient
from connector.cloud import CloudClient
from connector.datacenter import DataCenterClient
from connector.registrations import CLASSIC, CONFIGURED, form_of_datacenter
from connector.setup import EVENTS

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "platforms.md").read_text(encoding="utf-8")
ROWS = {
    cells[0]: cells[1:]
    for line in PAGE.splitlines()
    if line.startswith("| ")
    for cells in [[cell.strip() for cell in line.strip("|").split("|")]]
    if cells[0]
}
PLACES = sorted(
    {place for cells in ROWS.values() for place in re.findall(r"`(\w+/\w+\.py: [\w.]+)`", cells[2])}
)


@pytest.mark.parametrize("place", PLACES)
def test_what_a_row_names_is_there(place: str) -> None:
    path, _, name = place.partition(": ")
    assert (ROOT / path).is_file()
    found: object = importlib.import_module(path.removesuffix(".py").replace("/", "."))
    for part in name.split("."):
        found = inspect.getattr_static(found, part)


def test_every_row_says_where_it_lives() -> None:
    assert {
        name for name, cells in ROWS.items() if not re.search(r"`\w+/\w+\.py: ", cells[2])
    } == set()


@pytest.mark.parametrize(
    "about",
    ["path", "search", "users", "bodies", "screens", "webhooks", "tokens", "limits"],
)
def test_the_page_speaks_of(about: str) -> None:
    assert any(name.startswith(about) for name in ROWS)


def test_whatever_each_platform_does_in_its_own_way_is_in_the_table() -> None:
    """What the two clients both define is a difference, or would be defined once."""
    own = [
        {name for name in vars(kind) if not name.startswith("__")}
        for kind in (CloudClient, DataCenterClient)
    ]
    shared = (own[0] & own[1]) - {"flavour", "_abc_impl"}
    assert {name for name in shared if f"CloudClient.{name}`" not in PAGE} - ALIKE == set()
    assert JiraClient.__abstractmethods__ <= own[0] & own[1]


ALIKE = {
    # Parts of what the table names, or two spellings of one request.
    "_edit", "_read_issue", "_search_page", "create_field", "_body", "_webhook_form",
}  # fmt: skip


def test_the_figures_of_the_table() -> None:
    cloud, datacenter = ([cells[side] for cells in ROWS.values()] for side in (0, 1))
    assert f"`{CloudClient.api}`" in cloud
    assert f"`{DataCenterClient.api}`" in datacenter
    assert ROWS["webhooks, interface"][0] == f"`{CLASSIC.path}`"
    assert CONFIGURED.path in ROWS["webhooks, interface"][1]
    assert (form_of_datacenter(9), form_of_datacenter(10)) == (CLASSIC, CONFIGURED)
    assert (CloudClient.needs_screens, DataCenterClient.needs_screens) == (False, True)


def test_comments_are_told_as_the_table_says() -> None:
    assert {event for event in EVENTS["cloud"] if event.startswith("comment_")}
    assert not {event for event in EVENTS["datacenter"] if event.startswith("comment_")}


def test_bodies_are_as_the_table_says() -> None:
    assert markup.to_adf("Hello")["type"] == "doc"
    assert markup.to_wiki("**Hello**", str) == "*Hello*"
