"""The table of severities says what the rules say, and the rules written for it are the fewest."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.severity_matrix import OTHER, Cell, Matrix, NotAsRules, Rule, matrix_of, rules_of

TYPES, PRIORITIES = ("Bug", "Task", "Question"), ("Highest", "High", "Low")
CELLS = (Cell("Urgent"), Cell("Normal"), Cell("Normal", "Error"))


def matrices(types: tuple[str, ...], priorities: tuple[str, ...]) -> st.SearchStrategy[Matrix]:
    places = list(product((*types, OTHER), (*priorities, OTHER)))
    values = st.lists(
        st.sampled_from([*CELLS, None]), min_size=len(places), max_size=len(places)
    )  # fmt: skip

    def made(found: list[Cell | None]) -> Matrix:
        given_ = dict(zip(places, found, strict=True))
        return Matrix(types, priorities, {at: cell for at, cell in given_.items() if cell})

    return values.map(made)


def names(among: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(among), unique=True).map(tuple)


RULES = st.lists(
    st.builds(Rule, st.sampled_from(CELLS), names(TYPES), names(PRIORITIES)), max_size=7
)


@given(matrices(TYPES, PRIORITIES))
@settings(max_examples=120, deadline=None)
def test_a_matrix_becomes_rules_with_its_effect_or_is_refused(matrix: Matrix) -> None:
    try:
        rules = rules_of(matrix)
    except NotAsRules:
        # Only because something is left out of what a rule for all others holds for.
        assert len(matrix.cells) < len(matrix.rows) * len(matrix.columns)
        return
    assert matrix_of(rules, TYPES, PRIORITIES) == matrix


@given(RULES)
@settings(max_examples=120, deadline=None)
def test_rules_become_a_matrix_and_no_more_rules_than_before(rules: list[Rule]) -> None:
    matrix = matrix_of(rules, TYPES, PRIORITIES)
    for type_, priority in product((*TYPES, "Epic"), (*PRIORITIES, "Blocker")):
        row = type_ if type_ in TYPES else OTHER
        column = priority if priority in PRIORITIES else OTHER
        first = next((rule for rule in rules if _holds(rule, type_, priority)), None)
        assert matrix.cells.get((row, column)) == (first.cell if first else None)
    again = rules_of(matrix)
    assert matrix_of(again, TYPES, PRIORITIES) == matrix
    assert len(again) <= len(rules)


def _holds(rule: Rule, type_: str, priority: str) -> bool:
    return (not rule.types or type_ in rule.types) and (
        not rule.priorities or priority in rule.priorities
    )


def test_no_shorter_list_has_the_same_effect_and_what_is_refused_none_has() -> None:
    """Every table of three rows and two columns there is, beside every list of rules."""
    types, priorities = TYPES[:2], PRIORITIES[:1]
    places = list(product((*types, OTHER), (*priorities, OTHER)))
    fewest = _fewest_rules(types, priorities)
    for cells in product((*CELLS, None), repeat=len(places)):
        given_ = {at: cell for at, cell in zip(places, cells, strict=True) if cell}
        try:
            found = len(rules_of(Matrix(types, priorities, given_)))
        except NotAsRules:
            found = None
        assert found == fewest.get(frozenset(given_.items())), given_


def _fewest_rules(
    types: tuple[str, ...], priorities: tuple[str, ...]
) -> dict[frozenset[tuple[tuple[str, str], Cell]], int]:
    """For the cells of each table that rules can have: how many rules it takes.

    The first rule that holds wins, so that what a list comes to with one more at its end depends
    on what it came to before, and of the lists that come to the same one is enough to go on from.
    """
    subsets = [tuple(some) for n in range(len(types) + 1) for some in combinations(types, n)]
    rules = [Rule(*parts) for parts in product(CELLS, subsets, ((), priorities))]
    found: dict[frozenset[tuple[tuple[str, str], Cell]], int] = {frozenset(): 0}
    lists: list[list[Rule]] = [[]]
    while lists:
        longer = [[*before, rule] for before in lists for rule in rules]
        lists = []
        for each in longer:
            effect = frozenset(matrix_of(each, types, priorities).cells.items())
            if effect not in found:
                found[effect] = len(each)
                lists.append(each)
    return found


def test_two_hundred_types_are_a_few_rules() -> None:
    types = tuple(f"Type {number}" for number in range(200))
    priorities = ("Highest", "High", "Medium", "Low", "Lowest")
    cells: dict[tuple[str, str], Cell] = {}
    for number, type_ in enumerate((*types, OTHER)):
        for place, priority in enumerate((*priorities, OTHER)):
            high = place < 2 and number % 3 == 0 and type_ != OTHER
            cells[type_, priority] = CELLS[0] if high else CELLS[1]
    rules = rules_of(Matrix(types, priorities, cells))
    assert [len(rule.types) for rule in rules] == [67, 0]


def test_a_table_without_any_pattern_is_written_all_the_same() -> None:
    types = tuple(f"Type {number}" for number in range(12))
    priorities = tuple(f"P{number}" for number in range(9))
    cells: Mapping[tuple[str, str], Cell] = {
        (type_, priority): Cell(str((7 * i * i + 3 * j * j * i + j) % 5))
        for i, type_ in enumerate((*types, OTHER))
        for j, priority in enumerate((*priorities, OTHER))
    }
    matrix = Matrix(types, priorities, cells)
    assert matrix_of(rules_of(matrix), types, priorities) == matrix


def test_what_only_rules_name_has_a_row_whatever_its_case() -> None:
    rules = [Rule(CELLS[0], ("bug", "Incident"), ("HIGHEST",)), Rule(CELLS[1])]
    matrix = matrix_of(rules, TYPES, PRIORITIES)
    assert matrix.types == (*TYPES, "Incident")
    assert matrix.priorities == PRIORITIES
    assert matrix.cells["Bug", "Highest"] == CELLS[0]
    assert matrix.cells["Task", "Highest"] == CELLS[1]


def test_a_hole_in_what_is_said_of_all_others_is_refused_by_its_name() -> None:
    cells = {(OTHER, OTHER): CELLS[0], ("Bug", OTHER): CELLS[0]}
    with pytest.raises(NotAsRules, match="Bug with High cannot be left out while any other type"):
        rules_of(Matrix(("Bug",), ("High",), {**cells, (OTHER, "High"): CELLS[0]}))
