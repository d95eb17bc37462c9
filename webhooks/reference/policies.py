"""A page for each shipped contract: what it promises, what is open in it, what each clause became.

The example site in `config/` stands for whoever uses it: its mapping, its parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from config.configuration import Configuration
from config.document_sets import gathered
from config.loader import load
from config.settings import SHIPPED
from config.summary import plain_of
from sla.words import length, local
from webhooks.console.questions.calendars import weekly_hours
from webhooks.console.questions.contracts import (
    ChoiceSeen,
    ContractSeen,
    ExampleSeen,
    PromiseSeen,
    Worth,
    examples_in,
    seen_in,
)
from webhooks.reference.markdown import code, joined, prose, table

_INTRODUCTION = """\
# Shipped contracts

Published policies, each carried out sentence by sentence. A configuration directory can use them by
name, or have its own of the same name. Each page is made from the contract itself, as the example
site in `config/` uses it; `dueline check --contract ID` prints it in the terminal. How to write one
for a policy of your own is told in [Your own policy in an hour](../own-policy.md)."""
_YEAR = 2026
"""Where the starts of the worked examples lie."""
_READINGS = {"open_hours": "open hours", "same_clock": "same clock", "end_of_day": "end of day"}


def pages() -> dict[str, str]:
    """One page for each contract, and one that lists them."""
    configuration = load(SHIPPED)
    documents = gathered(SHIPPED, configuration)
    contracts = [
        seen_in(configuration, id_, documents) for id_ in sorted(configuration.policy.contracts)
    ]
    found = {"policies/index.md": _index(contracts)}
    for each in contracts:
        examples = examples_in(documents, each.id, _YEAR)
        found[f"policies/{each.id}.md"] = joined(_page(each, configuration, examples))
    return found


def _index(contracts: Sequence[ContractSeen]) -> str:
    return joined(
        [
            _INTRODUCTION,
            table(
                ("contract", "policy", "clauses"),
                [
                    (f"[{each.id}]({each.id}.md)", prose(each.title), prose(each.accounted))
                    for each in contracts
                ],
            ),
        ]
    )


def _page(
    contract: ContractSeen,
    configuration: Configuration,
    examples: Mapping[str, Sequence[ExampleSeen]],
) -> Iterator[str]:
    yield f"# {prose(contract.title)}"
    yield f"The contract `{contract.id}`. Source: {prose(contract.source)}"
    yield f"It accounts for {prose(contract.accounted)}."
    yield "## What is promised"
    yield _severities(contract)
    yield from _promises(contract)
    yield from _listed("Whose clock rests when", _resting(contract))
    yield "## Hours"
    yield _calendars(contract, configuration)
    yield from _listed("## Beside the clocks", [prose(each) for each in contract.beside])
    yield "## What the text leaves open"
    yield _parameters(contract)
    yield "## What can be read in several ways"
    for choice in contract.choices:
        yield from _choice(choice, examples.get(choice.id, ()))
    yield "## What became of each clause"
    yield table(
        ("clause", "what it says", "became", "by"),
        [
            (
                prose(each.id),
                prose(each.gist),
                prose(", ".join(each.became)),
                prose("; ".join([*filter(None, [each.by]), *each.carried_out_by])),
            )
            for each in contract.clauses
        ],
    )


def _listed(heading: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield heading if heading.startswith("#") else f"{heading}:"
        yield "\n".join(f"- {each}" for each in lines)


def _severities(contract: ContractSeen) -> str:
    return table(
        ("severity", "what it is"),
        [(prose(name), prose(text or "")) for name, text in contract.severities.items()],
    )


# --- promises -------------------------------------------------------------------------------------


def _promises(contract: ContractSeen) -> Iterator[str]:
    if not contract.goals:
        yield "No time is promised."
        return
    scopes = [
        name
        for name, has in (("tier", contract.has_tiers), ("kind of work", contract.has_kinds))
        if has
    ]
    yield table(
        ("severity", *scopes, *(prose(each.title) for each in contract.metrics)),
        [
            (
                prose(row.severity),
                *(prose(row.tier or "all") for _ in range(contract.has_tiers)),
                *(prose(row.kind or "all") for _ in range(contract.has_kinds)),
                *(_promise(each) for each in row.promises),
            )
            for row in contract.goals
        ],
    )


def _promise(promise: PromiseSeen | None) -> str:
    if promise is None:
        return "nothing"
    clause = f"clause {prose(promise.clause)}"
    if promise.target is None:
        # Each sentence begins with the parameter that it misses; what it is stands further below.
        missing = " and ".join(code(each.split("`")[1]) for each in promise.missing)
        return f"open, needs {missing}; {clause}"
    reading = f" ({_READINGS[promise.reading]})" if promise.reading else ""
    kind = f", a {promise.binding}" if promise.binding else ""
    return f"**{prose(promise.target)}**{reading} on {code(promise.calendar)}{kind}; {clause}"


def _resting(contract: ContractSeen) -> list[str]:
    return [
        f"{prose(metric.title)}: {prose('; '.join(metric.rests))}"
        for metric in contract.metrics
        if metric.rests
    ]


def _calendars(contract: ContractSeen, configuration: Configuration) -> str:
    plain_ones = plain_of(configuration)["calendars"]
    rows = []
    for id_ in contract.calendars:
        calendar = configuration.calendars[id_]
        hours = "; ".join(f"{each.days} {each.openings}" for each in weekly_hours(calendar))
        source = plain_ones[id_].get("holiday_source") or "none"
        rows.append((code(id_), prose(calendar.time_zone), prose(hours), prose(source)))
    if not rows:
        return "The text names no hours; the parameters below are to give them."
    return table(("calendar", "time zone", "open", "holidays"), rows)


# --- what is open ---------------------------------------------------------------------------------


def _parameters(contract: ContractSeen) -> str:
    rows = [
        (code(each.name), prose(each.what), prose(each.clause), _given(each.is_set, each.waiting))
        for each in contract.parameters
    ]
    named = {each.clause for each in contract.parameters}
    rows += [
        ("none", prose(each.gist), prose(each.id), prose(each.by or "people see to it"))
        for each in contract.clauses
        if "open parameter" in each.became and each.id not in named
    ]
    return table(("parameter", "what it is", "clause", "in the example site"), rows) or "Nothing."


def _given(is_set: bool, waiting: Sequence[str]) -> str:
    if is_set:
        return "set"
    return f"open; not promised until it is set: {prose('; '.join(waiting))}" if waiting else "open"


def _choice(choice: ChoiceSeen, examples: Sequence[ExampleSeen]) -> Iterator[str]:
    yield f"### {prose(choice.question)}"
    clause = f", clause {prose(choice.clause)}" if choice.clause else ""
    decided = f"; decided {prose(choice.decided)}" if choice.decided else "; decided by nobody yet"
    yield f"Choice {code(choice.id)}{clause}{decided}."
    yield "\n".join(
        f"- {code(each.name)}{' (chosen)' if each.is_chosen else ''}: {prose(each.meaning)}"
        for each in choice.readings
    )
    yield f"Why: {prose(choice.why)}" if choice.why else ""
    yield f"Example: {prose(choice.example)}" if choice.example else ""
    worked = [line for each in examples if each.start_at for line in _worked(each)]
    yield table(("worked out from the calendars", "reading", "due"), worked)


def _worked(example: ExampleSeen) -> Iterator[tuple[str, str, str]]:
    assert example.start_at is not None  # noqa: S101 - whoever calls asked for it
    start = local(example.start_at, example.time_zone)
    whom = ", ".join(filter(None, [example.whom, example.customer]))
    for number, each in enumerate(example.worth):
        what = "" if number else f"{example.metric}, {whom}, from {start}"
        yield prose(what), code(each.reading), _due(each, example.time_zone)


def _due(worth: Worth, time_zone: str) -> str:
    if worth.due_at is None:
        return "not promised"
    due = local(worth.due_at, time_zone)
    if not worth.later_seconds:
        return prose(due)
    later = timedelta(seconds=worth.later_seconds)
    words = "later" if later > timedelta(0) else "earlier"
    return f"{prose(due)}, {length(abs(later))} {words}"
