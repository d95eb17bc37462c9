"""What the board cannot list: open issues that have a contract, and no promise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from sla.mapping import Coverage
from sla.store import board
from webhooks.console.questions.folding import Read, read_all
from webhooks.console.questions.issue import not_promised
from webhooks.console.standing import Standing

MOST = 200
"""How many issues are looked at."""


class UnpromisedQuery(msgspec.Struct, kw_only=True):
    """Which of them."""

    project: list[str] = []
    """Only those in one of these projects."""


class Unpromised(msgspec.Struct):
    """An open issue for which nothing is promised."""

    issue_id: str
    key: str | None
    summary: str | None
    project: str
    contract: str
    contract_title: str
    severity: str | None
    assignee: str | None
    reasons: list[str]
    """Why nothing is promised; each reason once."""
    missing: bool
    """Whether figures are missing, which the mapping can give."""


def number(standing: Standing, projects: Sequence[str]) -> int:
    """How many there are; `MOST` at most."""
    return len(_ids(standing, projects))


def unpromised(standing: Standing, query: UnpromisedQuery) -> list[Unpromised]:
    """Those issues, by project, the oldest first; `MOST` at most."""
    ids = _ids(standing, query.project)
    reads = read_all(standing, ids)
    now = standing.now()
    return [found for issue_id in ids for found in _told(reads[issue_id], now)]


def _ids(standing: Standing, projects: Sequence[str]) -> list[str]:
    return standing.database.read(lambda c: board.unpromised(c, standing.site, projects, MOST))


def _told(read: Read | LookupError, now: datetime) -> Iterator[Unpromised]:
    if isinstance(read, LookupError):
        return
    coverage = read.policy.coverage_at(read.timeline, now)
    contract = coverage.contract
    if contract is None:
        # It is just being judged anew.
        return
    row = read.row
    yield Unpromised(
        issue_id=row.issue_id, key=row.key, summary=row.summary, project=coverage.project,
        contract=contract.id, contract_title=contract.title, severity=coverage.severity,
        assignee=row.assignee or row.assignee_id, reasons=_reasons(coverage),
        missing=any(each.missing for each in not_promised(coverage)),
    )  # fmt: skip


def _reasons(coverage: Coverage) -> list[str]:
    found = [each.because for each in not_promised(coverage)]
    return list(dict.fromkeys(found or [coverage.reason]))


__all__ = ["MOST", "Unpromised", "UnpromisedQuery", "number", "unpromised"]
