"""The part of JQL that a service asks with: comparisons, lists, dates, AND, OR, NOT, ORDER BY."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

from connector.simulator.adf import RichText
from connector.simulator.errors import JiraError
from connector.simulator.model import Account, Field, Issue, Option
from connector.simulator.world import World

Test = Callable[[Issue], bool]
Place = tuple[Any, ...]
"""Where an issue stands in a query's order: its sort values, and its number last."""

_TOKEN = re.compile(
    r"\s*(?:(?P<text>\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*')"
    r"|(?P<sign>!=|!~|>=|<=|[=<>~(),])"
    r"|(?P<word>[^\s=!<>~(),\"']+))"
)
_RELATIVE = re.compile(r"([+-]?)(\d+)([wdhm])")
_SHIFT = re.compile(r"([+-]?)(\d+)([wdhm]?)")
_STAMP = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:\s+(\d{1,2}):(\d{2}))?")
_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes"}
_ORDERED = {"=": operator.eq, ">": operator.gt, ">=": operator.ge, "<": operator.lt}
_ORDERED["<="] = operator.le
_ALIASES = {"issuekey": "key", "issue": "key", "type": "issuetype", "resolved": "resolutiondate"}
_DATES = {"created", "updated", "resolutiondate"}
_NO_CLAUSES = {"comment", "issuelinks"}
_FIXED = {"key", "id", "project", "status", "statuscategory", "text", "creator", *_DATES}


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query: which issues, in which order."""

    test: Test | None
    order: tuple[tuple[Callable[[Issue], Any], bool], ...]

    @property
    def bounded(self) -> bool:
        """Tell whether the query restricts anything at all."""
        return self.test is not None

    def run(self, issues: list[Issue]) -> list[Issue]:
        """Return the matching issues; newest first where the query names no order."""
        found = [issue for issue in issues if self.test is None or self.test(issue)]
        found.sort(key=lambda issue: int(issue.id), reverse=True)
        for key, descending in reversed(self.order):
            found.sort(key=key, reverse=descending)
        return found

    def place(self, issue: Issue) -> Place:
        """Return where an issue stands in the order now."""
        return (*(key(issue) for key, _ in self.order), int(issue.id))

    def comes_after(self, place: Place, other: Place) -> bool:
        """Tell whether a place is behind another one."""
        directions = (*(descending for _, descending in self.order), True)
        for mine, theirs, descending in zip(place, other, directions, strict=True):
            if mine != theirs:
                return bool(mine < theirs) == descending
        return False


def parse(world: World, text: str, account: Account) -> Query:
    """Return the query; `account` is who `currentUser()` means, and whose zone dates are read in.

    Raises `JiraError` with a 400 for words that Jira would not understand either.
    """
    return _Parser(world, text, account).query()


class _Parser:
    def __init__(self, world: World, text: str, account: Account) -> None:
        self.world = world
        self.account = account
        self.zone = ZoneInfo(account.time_zone)
        self.tokens = list(_tokens(text))
        self.at = 0

    def query(self) -> Query:
        test = None if self._at_order() or self._peek() is None else self._either()
        order = self._order()
        if self._peek() is not None:
            self._expected("either 'OR' or 'AND'")
        return Query(test, tuple(order))

    def _peek(self) -> str | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def _take(self) -> str:
        token = self._peek()
        if token is None:
            raise _bad("Error in the JQL Query: the query ends too early.")
        self.at += 1
        return token

    def _taken(self, *words: str) -> bool:
        ahead = [token.lower() for token in self.tokens[self.at : self.at + len(words)]]
        if ahead == list(words):
            self.at += len(words)
            return True
        return False

    def _at_order(self) -> bool:
        return [t.lower() for t in self.tokens[self.at : self.at + 2]] == ["order", "by"]

    def _expected(self, what: str) -> NoReturn:
        raise _bad(f"Error in the JQL Query: Expecting {what} but got '{self._peek()}'.")

    def _either(self) -> Test:
        tests = [self._both()]
        while self._taken("or"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda issue: any(t(issue) for t in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._taken("and"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda issue: all(t(issue) for t in tests)

    def _one(self) -> Test:
        if self._taken("not") or self._taken("!"):
            inner = self._one()
            return lambda issue: not inner(issue)
        if self._taken("("):
            inner = self._either()
            if not self._taken(")"):
                self._expected("')'")
            return inner
        return self._clause()

    def _clause(self) -> Test:
        subject = self._subject()
        if self._taken("is"):
            wanted_empty = not self._taken("not")
            self._empty()
            return lambda issue: (not subject.of(issue)) == wanted_empty
        if self._taken("not", "in"):
            return self._listed(subject, wanted=False)
        if self._taken("in"):
            return self._listed(subject, wanted=True)
        sign = self._take()
        subject.check(sign)
        return self._compared(subject, sign)

    def _subject(self) -> _Subject:
        return _Subject(self.world, self.zone, _bare(self._take()))

    def _empty(self) -> None:
        if self._take().lower() not in {"empty", "null"}:
            self._expected("EMPTY")

    def _listed(self, subject: _Subject, *, wanted: bool) -> Test:
        subject.check("in" if wanted else "not in")
        values = self._members() if self._taken("membersof") else self._list(subject)

        def test(issue: Issue) -> bool:
            mine = subject.of(issue)
            return bool(mine) and bool(mine & values) == wanted

        return test

    def _list(self, subject: _Subject) -> set[Any]:
        if not self._taken("("):
            self._expected("'('")
        values: set[Any] = set()
        while True:
            values |= self._operand(subject)
            if self._taken(")"):
                return values
            if not self._taken(","):
                self._expected("',' or ')'")

    def _members(self) -> set[Any]:
        if not self._taken("("):
            self._expected("'('")
        name = _bare(self._take())
        if not self._taken(")") or name not in self.world.site.groups:
            raise _bad(f"Function 'membersOf' can not generate a list: no group '{name}'.")
        return set(self.world.site.groups[name].members)

    def _compared(self, subject: _Subject, sign: str) -> Test:
        if sign in {"~", "!~"}:
            return self._contains(subject, wanted=sign == "~")
        if sign != "!=" and sign not in _ORDERED:
            self.at -= 1
            self._expected("an operator")
        if subject.means_nothing(self._peek() or ""):
            self._take()
            return lambda issue: (not subject.of(issue)) == (sign == "=")
        values = self._operand(subject)
        if sign == "!=":
            return lambda issue: bool(subject.of(issue)) and not (subject.of(issue) & values)
        if sign == "=":
            return lambda issue: bool(subject.of(issue) & values)
        compare = _ORDERED[sign]
        (bound,) = subject.ranks(values)
        return lambda issue: any(compare(v, bound) for v in subject.ranks(subject.of(issue)))

    def _contains(self, subject: _Subject, *, wanted: bool) -> Test:
        sought = _bare(self._take()).strip("*").casefold()
        return lambda issue: any(sought in str(v).casefold() for v in subject.of(issue)) == wanted

    def _operand(self, subject: _Subject) -> set[Any]:
        token = self._take()
        if self._taken("("):
            given = None if self._peek() == ")" else _bare(self._take())
            if not self._taken(")"):
                self._expected("')'")
            return self._function(token.lower(), given)
        return subject.meant(token)

    def _function(self, name: str, given: str | None) -> set[Any]:
        now = self.world.now().astimezone(self.zone)
        if name == "currentuser":
            return {self.account.email}
        if name == "now":
            return {now}
        if name in {"startofday", "endofday"}:
            day = (now + self._increment(name, given)).date()
            # The end of a day is the last instant before the next one, whatever its clocks do.
            after = timedelta(days=int(name == "endofday"))
            midnight = datetime.combine(day + after, time(), self.zone)
            return {midnight - after / 86_400_000_000}
        raise _bad(f"Unable to find JQL function '{name}()'.")

    def _increment(self, name: str, given: str | None) -> timedelta:
        """Read by how much a day is shifted: `-1`, `1d` or `+2w`; days unless it says."""
        if given is None:
            return timedelta(0)
        found = _SHIFT.fullmatch(given)
        if found is None:
            raise _bad(f"Duration for function '{name}' should have the format (+/-)n(yMwdhm).")
        length = timedelta(**{_UNITS[found[3] or "d"]: int(found[2])})
        return -length if found[1] == "-" else length

    def _order(self) -> list[tuple[Callable[[Issue], Any], bool]]:
        order: list[tuple[Callable[[Issue], Any], bool]] = []
        if not self._taken("order", "by"):
            return order
        while True:
            subject = self._subject()
            descending = self._taken("desc")
            if not descending:
                self._taken("asc")
            order.append((subject.sort_key, descending))
            if not self._taken(","):
                return order


class _Subject:
    """The left side of a clause: what it is called, and what an issue holds for it."""

    def __init__(self, world: World, zone: tzinfo, name: str) -> None:
        self.world = world
        lowered = name.casefold()
        self.name = _ALIASES.get(lowered, lowered)
        # A system field goes before a custom one of its name, which is then asked by its number.
        known = world.site.fields.get(lowered)
        self.field = self._custom_field(lowered) if known is None or known.custom else None
        if self.field is None and self.name not in _FIXED:
            self.field = world.site.fields.get(self.name)
            if self.field is None or self.field.custom or self.name in _NO_CLAUSES:
                raise _bad(
                    f"Field '{name}' does not exist or you do not have permission to view it."
                )

        # A plain date is the same day in every zone.
        plain = self.field is not None and self.field.kind == "date"
        self.zone = UTC if plain else zone

    def _custom_field(self, name: str) -> Field | None:
        for field in self.world.site.fields.values():
            clauses = [*field.clause_names, f"{field.name}[dropdown]", field.id]
            if field.custom and name in {clause.casefold() for clause in clauses}:
                return field
        return None

    def check(self, sign: str) -> None:
        """Raise the 400 for an operator that the field does not know: texts are only searched."""
        searched = self.name == "text" or (
            self.field is not None and self.field.kind in {"text", "richtext", "summary"}
        )
        if searched != (sign in {"~", "!~"}):
            raise _bad(f"The operator '{sign}' is not supported by the '{self.name}' field.")

    @property
    def dated(self) -> bool:
        return self.name in _DATES or (
            self.field is not None and self.field.kind in {"datetime", "date"}
        )

    def of(self, issue: Issue) -> set[Any]:
        """Return what the issue holds, in the form that `meant` gives; empty when nothing."""
        if self.field is not None:
            value = issue.values.get(self.field.id)
            if self.field.kind == "user":
                return {value} if value else set()
            return _comparable(value)
        held: dict[str, Callable[[], list[Any]]] = {
            "key": lambda: [issue.key],
            "id": lambda: [issue.id],
            "project": lambda: [issue.project.key],
            "status": lambda: [issue.status.name.casefold()],
            "statuscategory": lambda: [issue.status.category.name.casefold()],
            "creator": lambda: [issue.creator],
            "created": lambda: [issue.created],
            "updated": lambda: [issue.updated],
            "resolutiondate": lambda: [issue.resolved] if issue.resolved else [],
            "text": lambda: _texts(issue),
        }
        return set(held[self.name]())

    def meant(self, token: str) -> set[Any]:
        """Return what a written value stands for; raises the 400 when it stands for nothing."""
        text = _bare(token)
        if self.dated:
            return {self._instant(text)}
        if self.name in {"key", "id", "project"}:
            return {self._named(text)}
        if self.name == "creator" or (self.field is not None and self.field.kind == "user"):
            return {self._user(text)}
        if self.field is not None and self.field.kind == "number":
            return {self._number(text)}
        return {self._choice(text)}

    def means_nothing(self, token: str) -> bool:
        """Tell whether a word stands for having no value."""
        unresolved = self.name == "resolution" and _bare(token).casefold() == "unresolved"
        return unresolved or token.casefold() in {"empty", "null"}

    def _number(self, text: str) -> float:
        try:
            return float(text)
        except ValueError as error:
            raise _no_value(text, self.name) from error

    def _named(self, text: str) -> str:
        if self.name == "project":
            for project in self.world.site.projects.values():
                if text.casefold() in {project.key.casefold(), project.name.casefold(), project.id}:
                    return project.key
            raise _no_value(text, "project")
        if self.name == "id":
            return text
        try:
            return self.world.issue(text).key
        except JiraError as error:
            words = f"An issue with key '{text}' does not exist for field '{self.name}'."
            raise _bad(words) from error

    def _user(self, text: str) -> str:
        account = self.world.find_account(text)
        for known in self.world.site.accounts.values():
            if text.casefold() in {known.email, known.display_name.casefold()}:
                account = known
        if account is None:
            raise _no_value(text, self.name)
        return account.email

    def _choice(self, text: str) -> str:
        if self.name == "statuscategory":
            return self._category(text)
        listed: dict[str, list[Any]] = {
            "status": self.world.site.statuses,
            "issuetype": self.world.site.issue_types,
            "priority": self.world.site.priorities,
            "resolution": self.world.site.resolutions,
        }
        for entry in listed.get(self.name, []):
            if text.casefold() == entry.name.casefold() or text == entry.id:
                return str(entry.name).casefold()
        if self.name in listed:
            raise _no_value(text, self.name)
        if self.field is not None and self.field.options:
            return self._option(text)
        return text.casefold()

    def _category(self, text: str) -> str:
        for status in self.world.site.statuses:
            category = status.category
            if text.casefold() in {category.name.casefold(), category.key, str(category.id)}:
                return category.name.casefold()
        raise _no_value(text, "statusCategory")

    def _option(self, text: str) -> str:
        for option in self.field.options if self.field else []:
            if text.casefold() == option.value.casefold() or text == option.id:
                return option.value.casefold()
        raise _bad(f"The option '{text}' for field '{self.name}' does not exist.")

    def _instant(self, text: str) -> datetime:
        if relative := _RELATIVE.fullmatch(text):
            length = timedelta(**{_UNITS[relative[3]]: int(relative[2])})
            return self.world.now() + (-length if relative[1] == "-" else length)
        if text.isdigit():
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        stamp = _STAMP.fullmatch(text)
        found = self._wall_time(*(int(part or 0) for part in stamp.groups())) if stamp else None
        if found is not None:
            return found
        raise _bad(
            f"Date value '{text}' for field '{self.name}' is invalid. Valid formats include:"
            " 'yyyy/MM/dd HH:mm', 'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period"
            " format e.g. '-5d', '4w 2d'."
        )

    def _wall_time(self, *parts: int) -> datetime | None:
        """Read a time on the account's clock; None for one that it never shows.

        In the hour that happens twice it is the later one: whoever means the first pass, and
        would miss something by that, is to notice here.
        """
        try:
            shown = datetime(*parts, tzinfo=self.zone, fold=1)  # type: ignore[misc,arg-type]
        except ValueError:
            return None
        at = shown.astimezone(UTC)
        # Jira's own parser is not lenient.
        skipped = at.astimezone(self.zone).replace(tzinfo=None) != shown.replace(tzinfo=None)
        return None if skipped else at

    def ranks(self, values: set[Any]) -> list[Any]:
        """Return values as something that can be compared with more and less."""
        if self.name == "key":
            return [_key_rank(key) for key in values]
        if self.name == "id":
            return [int(value) for value in values]
        if self.name == "priority":
            order = [p.name.casefold() for p in reversed(self.world.site.priorities)]
            return [order.index(value) for value in values]
        return list(values)

    def sort_key(self, issue: Issue) -> tuple[bool, Any]:
        """Return a key that sorts issues by this subject; those without a value come first."""
        ranks = self.ranks(self.of(issue))
        return (bool(ranks), min(ranks)) if ranks else (False, 0)


def _key_rank(key: str) -> tuple[str, int]:
    project, _, number = key.rpartition("-")
    return project, int(number)


def _comparable(value: Any) -> set[Any]:
    if value is None:
        return set()
    if isinstance(value, tuple):
        return {item for part in value for item in _comparable(part)}
    if isinstance(value, RichText):
        return {value.wiki.casefold()}
    if isinstance(value, Option):
        return {value.value.casefold()}
    if isinstance(value, str):
        return {value.casefold()}
    if isinstance(value, datetime | float):
        return {value}
    if hasattr(value, "isoformat"):
        return {datetime(value.year, value.month, value.day, tzinfo=UTC)}
    return {value.name.casefold()}


def _texts(issue: Issue) -> list[str]:
    described = issue.values.get("description")
    texts = [str(issue.values["summary"]), described.wiki if described else ""]
    return texts + [comment.body.wiki for comment in issue.comments]


def _tokens(text: str) -> Iterator[str]:
    at = 0
    text = text.strip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise _bad(
                f"Error in the JQL Query: The character '{text[at]}' is a reserved JQL character."
                f" You must enclose it in a string. (line 1, character {at + 1})"
            )
        yield found.group().strip()
        at = found.end()


def _bare(token: str) -> str:
    if token[:1] in {'"', "'"}:
        return re.sub(r"\\(.)", r"\1", token[1:-1])
    return token


def _no_value(text: str, field: str) -> JiraError:
    return _bad(f"The value '{text}' does not exist for the field '{field}'.")


def _bad(words: str) -> JiraError:
    return JiraError(400, [words])
