"""The reference pages say all that they describe, and nothing in a text becomes markup."""

from __future__ import annotations

import re

import pytest
from click import Command, Group

from config.documents import DOCUMENTS, json_schema
from config.loader import load
from config.settings import SHIPPED
from webhooks.cli import main
from webhooks.reference import commands, documents, policies
from webhooks.reference.markdown import code, joined, prose, table


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a | b\n  c", "a \\| b c"),
        ("<script> *now* [x](y)", "\\<script> \\*now\\* \\[x\\](y)"),
        ("set `a|b` or *c*", "set <code>a&#124;b</code> or \\*c\\*"),
        ("open_hours and 50 %", "open_hours and 50 %"),
    ],
)
def test_words_stay_words(text: str, written: str) -> None:
    assert prose(text) == written


def test_a_table_without_rows_is_none() -> None:
    assert joined(["# Title", table(("a", "b"), [])]) == "# Title\n"
    assert table(("a",), [(code("x|y"),)]) == "| a |\n|---|\n| <code>x&#124;y</code> |\n"


def test_every_contract_has_a_page_with_all_of_its_clauses_and_choices() -> None:
    made = policies.pages()
    for id_, contract in load(SHIPPED).policy.contracts.items():
        page = made[f"policies/{id_}.md"]
        rows = re.findall(r"^\| (.*?) \|", page.partition("What became of each")[2], re.MULTILINE)
        assert rows[1:] == [prose(clause.id) for clause in contract.clauses]
        for choice in contract.choices:
            assert all(f"- {code(reading)}" in page for reading in choice.readings)
            assert f"Choice {code(choice.id)}" in page


def test_every_key_of_every_document_is_told_where_its_object_is() -> None:
    made = documents.pages()
    for name in DOCUMENTS:
        schema = json_schema(name)
        for kind in [schema, *schema.get("$defs", {}).values()]:
            if kind.get("title") != "ChoiceReference":
                told = re.findall(r"^\| `(\w+)` \|", made[f"reference/{name}.md"], re.MULTILINE)
                assert set(kind.get("properties", {})) <= set(told)


def test_every_command_and_option_is_told() -> None:
    page = commands.page()
    for command, path in _commands(main, "dueline"):
        section = re.search(rf"^## {path}$(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
        assert section, path
        options = [each for param in command.params for each in param.opts if each[0] == "-"]
        assert [each for each in options if each not in section[1]] == []


def _commands(group: Group, path: str) -> list[tuple[Command, str]]:
    found: list[tuple[Command, str]] = []
    for name, command in group.commands.items():
        found.append((command, f"{path} {name}"))
        if isinstance(command, Group):
            found += _commands(command, f"{path} {name}")
    return found
