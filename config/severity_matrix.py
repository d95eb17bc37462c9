"""A project's severity rules as a table of issue types by priorities, and the table as rules again.

In the table the last row is for every type that no other row names, the last column for every other
priority and for none. Rules that look at something else than type and priority do not fit in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import NamedTuple

OTHER = ""
"""In place of a type or a priority: every one that has no row or column of its own."""
_MOST_STEPS = 4_000
"""So many ways are looked at for a shorter list; beyond, the list is right and may be longer."""
_MOST_TRIED = 6
"""So many different rows are tried in every combination; 2 to the power of it."""


class Cell(NamedTuple):
    """What an issue is given."""

    severity: str
    kind: str | None = None
    """The kind of work, where the contract tells kinds apart."""


class Rule(NamedTuple):
    """Issues of these types and priorities; none named: whatever they have."""

    cell: Cell
    types: tuple[str, ...] = ()
    priorities: tuple[str, ...] = ()


class NotAsRules(ValueError):  # noqa: N818 - a table is no error
    """The table leaves something out that no rule can leave out; the message says which cell."""


@dataclass(frozen=True)
class Matrix:
    """What each type and priority is given; what is not in `cells` is not covered."""

    types: tuple[str, ...]
    """The rows, without the last."""
    priorities: tuple[str, ...]
    """The columns, without the last."""
    cells: Mapping[tuple[str, str], Cell] = field(default_factory=dict)
    """By type and priority, `OTHER` for the last row and column."""

    @property
    def rows(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.types, OTHER)

    @property
    def columns(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.priorities, OTHER)

    def row(self, type_: str) -> tuple[Cell | None, ...]:
        """What a type is given, priority by priority."""
        return tuple(self.cells.get((type_, priority)) for priority in self.columns)

    def column(self, priority: str) -> tuple[Cell | None, ...]:
        """What a priority is given, type by type."""
        return tuple(self.cells.get((type_, priority)) for type_ in self.rows)


def matrix_of(rules: Sequence[Rule], types: Iterable[str], priorities: Iterable[str]) -> Matrix:
    """The table of a list of rules; of them the first that matches wins.

    Args:
        rules: the list.
        types, priorities: those of Jira; those that only rules name come after them. Of two that
            differ in case alone the first counts.
    """
    rows = _distinct([*types, *(name for rule in rules for name in rule.types)])
    columns = _distinct([*priorities, *(name for rule in rules for name in rule.priorities)])
    cells: dict[tuple[str, str], Cell] = {}
    for rule in reversed(rules):
        for type_ in _meant(rule.types, rows):
            cells.update(
                ((type_, priority), rule.cell) for priority in _meant(rule.priorities, columns)
            )
    return Matrix(tuple(rows.values()), tuple(columns.values()), cells)


def rules_of(matrix: Matrix) -> list[Rule]:
    """The shortest list of rules with the effect of a table.

    Rows that are alike count as one, and those like the last need no rule of their own. What is
    left is seldom more than a handful of rows and columns, for which the shortest list is found by
    trying; where it is more, a list is made step by step by the rule that says most.

    Raises:
        NotAsRules: something is not covered of which a rule for all others says that it is.
    """
    _refuse_holes(matrix)
    rows = _groups(matrix.types, {each: matrix.row(each) for each in matrix.rows})
    columns = _groups(matrix.priorities, {each: matrix.column(each) for each in matrix.columns})
    grid = tuple(
        tuple(matrix.cells.get((row[0] if row else OTHER, column[0] if column else OTHER))
              for column in columns)
        for row in rows
    )  # fmt: skip
    return [
        Rule(cell, _names(chosen_rows, rows), _names(chosen_columns, columns))
        for cell, chosen_rows, chosen_columns in _in_order(_Covering(grid).shortest())
    ]


def _distinct(names: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(name.casefold(), name)
    return found


def _meant(named: Sequence[str], known: Mapping[str, str]) -> Iterable[str]:
    return [known[name.casefold()] for name in named] if named else [*known.values(), OTHER]


def _refuse_holes(matrix: Matrix) -> None:
    """A rule for all other types is for every type, and so for priorities: it leaves none out."""
    holes = [
        (type_, priority)
        for type_ in matrix.rows
        for priority in matrix.columns
        if (type_, priority) not in matrix.cells
    ]
    for type_, priority in holes:
        shown = f"{type_ or 'any other type'} with {priority or 'any other priority'}"
        over = [
            words
            for there, words in (
                ((OTHER, priority), "any other type"),
                ((type_, OTHER), "any other priority"),
                ((OTHER, OTHER), "any other type with any other priority"),
            )
            if there in matrix.cells
        ]
        if over:
            raise NotAsRules(
                f"{shown} cannot be left out while {over[0]} is covered, since a rule for all "
                "others holds for it, too: leave out the others as well, and name each that is "
                "to be covered, or give it a severity"
            )


def _groups(
    names: Sequence[str], looks: Mapping[str, tuple[Cell | None, ...]]
) -> list[tuple[str, ...]]:
    """Names whose row or column looks alike; the last group, without a name, is all others."""
    found: dict[tuple[Cell | None, ...], list[str]] = {}
    for name in names:
        if looks[name] != looks[OTHER]:
            found.setdefault(looks[name], []).append(name)
    return [*map(tuple, found.values()), ()]


def _names(chosen: int, groups: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    if chosen == (1 << len(groups)) - 1:
        return ()
    return tuple(
        name for number, group in enumerate(groups) if chosen >> number & 1 for name in group
    )


_Step = tuple[Cell, int, int]
"""A rule over the groups: what it gives, the rows and the columns as bits."""


def _in_order(steps: Sequence[_Step]) -> list[_Step]:
    """As people read them, as far as it does not matter which of two is first."""
    found = list(steps)
    moved = True
    while moved:
        moved = False
        for here in range(len(found) - 1):
            (cell, rows, columns), (next_cell, next_rows, next_columns) = found[here : here + 2]
            apart = not (rows & next_rows and columns & next_columns) or cell == next_cell
            if apart and _reading(next_rows, next_columns) < _reading(rows, columns):
                found[here], found[here + 1] = found[here + 1], found[here]
                moved = True
    return found


def _reading(rows: int, columns: int) -> tuple[int, int]:
    """By the number of rows, for what is special comes first; then from the first column on."""
    return rows.bit_count(), columns & -columns


class _Covering:
    """Lists of rules for a small table.

    A rule may go over what rules before it said. So the list is found from its beginning: a rule is
    possible as soon as every cell that it holds for and that has something else was spoken for.
    What is possible stays so, and of two with the same rows the one with more columns is never
    worse: only the widest are looked at.
    """

    def __init__(self, grid: tuple[tuple[Cell | None, ...], ...]) -> None:
        self._grid = grid
        self._height, self._width = len(grid), len(grid[0])
        self._all_rows, self._all_columns = (1 << self._height) - 1, (1 << self._width) - 1
        self._row_sets = self._sets_of_rows()
        self._wanted = sum(
            1 << self._place(row, column)
            for row in range(self._height)
            for column in range(self._width)
            if grid[row][column] is not None
        )
        self._steps = 0

    def shortest(self) -> list[_Step]:
        """The shortest list, as far as so much trying finds it."""
        found = self._by_the_most()
        least = len(self._left(0))
        for most in range(least, len(found)):
            shorter = self._within(most, 0, set())
            if shorter is not None:
                found = shorter
                break
        return list(self._without_what_was_said(found))

    def _without_what_was_said(self, steps: Sequence[_Step]) -> Iterator[_Step]:
        """The same rules, each without the rows and columns that rules before it spoke for."""
        said = 0
        for cell, rows, columns in steps:
            new = self._cells(rows, columns) & ~said
            said |= new
            if rows != self._all_rows:
                rows = sum(1 << r for r in range(self._height) if new & self._row(r))
            if columns != self._all_columns:
                columns = sum(1 << c for c in range(self._width) if new & self._column(c))
            yield cell, rows, columns

    def _row(self, row: int) -> int:
        return self._cells(1 << row, self._all_columns)

    def _column(self, column: int) -> int:
        return self._cells(self._all_rows, 1 << column)

    def _place(self, row: int, column: int) -> int:
        return row * self._width + column

    def _sets_of_rows(self) -> list[int]:
        named = range(self._height - 1)
        sizes = named if self._height - 1 <= _MOST_TRIED else range(2)
        some = [
            sum(1 << row for row in rows)
            for size in sizes
            for rows in combinations(named, size + 1)
        ]
        return [self._all_rows, *some]

    def _left(self, said: int) -> list[Cell]:
        """What is still to be given, each once."""
        open_ = self._wanted & ~said
        cells = (
            self._grid[row][column]
            for row in range(self._height)
            for column in range(self._width)
            if open_ >> self._place(row, column) & 1
        )
        return list(dict.fromkeys(cell for cell in cells if cell is not None))

    def _possible(self, said: int) -> Iterator[tuple[int, _Step]]:
        """The rules that can stand next, each with the cells that are spoken for after it."""
        seen = set()
        for cell in self._left(said):
            for rows in self._row_sets:
                columns = self._columns(cell, rows, said)
                after = said | self._cells(rows, columns)
                if after != said and after not in seen:
                    seen.add(after)
                    yield after, (cell, rows, columns)

    def _columns(self, cell: Cell, rows: int, said: int) -> int:
        found = 0
        for column in range(self._width):
            if all(
                self._grid[row][column] == cell or said >> self._place(row, column) & 1
                for row in range(self._height)
                if rows >> row & 1
            ):
                found |= 1 << column
        # Without the last column a rule names its columns; with it, it is for all of them.
        return found if found == self._all_columns else found & ~(1 << self._width - 1)

    def _cells(self, rows: int, columns: int) -> int:
        return sum(columns << row * self._width for row in range(self._height) if rows >> row & 1)

    def _by_the_most(self) -> list[_Step]:
        said, found = 0, []
        while said != self._wanted:
            said, step = max(self._possible(said), key=lambda each: each[0].bit_count())
            found.append(step)
        return found

    def _within(self, most: int, said: int, failed: set[tuple[int, int]]) -> list[_Step] | None:
        """A list of at most so many rules for what is left."""
        if said == self._wanted:
            return []
        self._steps += 1
        if (most, said) in failed or len(self._left(said)) > most or self._steps > _MOST_STEPS:
            return None
        ways = sorted(self._possible(said), key=lambda each: -each[0].bit_count())
        for after, step in ways:
            rest = self._within(most - 1, after, failed)
            if rest is not None:
                return [step, *rest]
        failed.add((most, said))
        return None
