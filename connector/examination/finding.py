"""What a check says, and that none is made which an earlier one has answered already."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from connector.errors import ConnectorError, JiraError

State = Literal["passed", "failed", "unknown"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer of a check."""

    state: State
    detail: str
    """What was found, in a sentence."""
    remedy: str = ""
    """What to do, in a sentence; empty only where it passed and there is nothing to do."""
    project: str = ""
    """Of which project it is said; empty: of the whole."""


@dataclass(frozen=True, slots=True)
class Check:
    """Something that may be wrong."""

    id: str
    """By which monitoring knows it; never changed."""
    title: str
    look: Callable[[], Iterable[Finding]]
    """Raises nothing but `ConnectorError`."""
    needs: tuple[str, ...] = ()
    """The checks without which there is nothing to look at."""


@dataclass(frozen=True, slots=True)
class Conclusion:
    """A finding, and whose it is."""

    check: Check
    finding: Finding
    skipped: bool = False
    """Whether the check was not made, since it needs another one."""

    @property
    def id(self) -> str:
        """The check's id, with the project where it is said of one: `permissions:HLP`."""
        project = self.finding.project
        return f"{self.check.id}:{project}" if project else self.check.id


def passed(detail: str, project: str = "") -> Finding:
    """It is as it should be."""
    return Finding("passed", detail, project=project)


def failed(detail: str, remedy: str, project: str = "") -> Finding:
    """It is not as it should be."""
    return Finding("failed", detail, remedy, project)


def unknown(detail: str, remedy: str, project: str = "") -> Finding:
    """It cannot be told."""
    return Finding("unknown", detail, remedy, project)


def failed_by(error: ConnectorError, otherwise: str) -> Finding:
    """What an error says, with its own advice as the remedy, or else another one."""
    return failed(*_apart(error, otherwise))


def unknown_by(error: ConnectorError, otherwise: str, project: str = "") -> Finding:
    """The same, where the error does not say whether it is as it should be."""
    return unknown(*_apart(error, otherwise), project)


def _apart(error: ConnectorError, otherwise: str) -> tuple[str, str]:
    """An error's words without its advice, and the advice."""
    advice = error.advice if isinstance(error, JiraError) else ""
    return told(error), advice or otherwise


def told(error: ConnectorError) -> str:
    """An error's words without its advice."""
    advice = error.advice if isinstance(error, JiraError) else ""
    return str(error).removesuffix(advice).strip()


def conclusions(checks: Iterable[Check]) -> Iterator[Conclusion]:
    """Make checks in their order; what needs one that failed is not looked at, and says so."""
    barred: dict[str, str] = {}
    for check in checks:
        bar = next((barred[id_] for id_ in check.needs if id_ in barred), None)
        if bar:
            barred[check.id] = bar
            yield Conclusion(check, _not_looked_at(bar), skipped=True)
            continue
        for finding in _looked(check):
            if finding.state == "failed" and not finding.project:
                barred[check.id] = check.title
            yield Conclusion(check, finding)


def _looked(check: Check) -> Iterator[Finding]:
    try:
        yield from check.look()
    except ConnectorError as error:
        yield unknown_by(error, "Run `dueline doctor` again when that is mended.")


def _not_looked_at(bar: str) -> Finding:
    return unknown(
        f"Not looked at, since “{bar}” did not pass.",
        "Mend that first, and run `dueline doctor` again.",
    )
