"""Which projects are promised what, and which of their priorities means which severity."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from holidays.utils import list_supported_countries
from rich.table import Table

from config.contract_schema import ContractDocument
from config.errors import nearest
from config.library import Library
from config.proposing import SeverityRule, as_rules, severity_otherwise, severity_rules
from config.writing import ProjectPlan
from connector.base import JiraClient
from connector.survey import Makings, Survey, makings
from webhooks.initiating.asking import Asker, Given, InitError

NONE = "none"
_DEFAULT = "standard"
_EVERYTHING = "*"
_SHOWN = 40
_KEY = re.compile(r"[A-Z][A-Z0-9_]*")


@dataclass(frozen=True, slots=True)
class Promises:
    """What `projects.yaml` is to say."""

    plans: tuple[ProjectPlan, ...]
    contracts: Mapping[str, ContractDocument]
    """By id, at least those that the projects use."""
    holidays: tuple[str, ...] | None


def earlier(directory: Path) -> dict[str, str]:
    """By project the contract that the directory gives it already, the first of several."""
    if not (directory / "projects.yaml").is_file():
        return {}
    model = Library(directory).projects.model
    return (
        {key: each.contracts[0].contract for key, each in model.projects.items()} if model else {}
    )


def choose_promises(given: Given, asker: Asker, client: JiraClient, survey: Survey) -> Promises:
    """Ask which project has which contract, and what its priorities mean.

    Raises:
        InitError: nobody is asked, and an answer is missing or will not do.
    """
    contracts = _contracts(given.directory)
    before = {key: id_ for key, id_ in earlier(given.directory).items() if id_ in contracts}
    chosen = _chosen(given, asker, survey, contracts, before)
    settled = _settled(given.severities, tuple(chosen))
    plans = []
    if survey.priorities:
        asker.say(f"Priorities, the most urgent first: {', '.join(survey.priorities)}")
    for key, contract in chosen.items():
        made = makings(client, key)
        for sentence in made.untold:
            asker.say(f"{sentence}.")
        if made.issue_types:
            asker.say(f"Issue types of {key}: {', '.join(made.issue_types)}")
        plans.append(_plan(asker, survey, key, (contract, contracts[contract]), made, settled))
    used = {id_: contracts[id_] for id_ in chosen.values()}
    return Promises(tuple(plans), contracts, _holidays(given, asker, used))


def _contracts(directory: Path) -> dict[str, ContractDocument]:
    shelf = Library(directory).contracts
    entries = [shelf.get(id_) for id_ in sorted(shelf.ids())]
    return {entry.id: entry.model for entry in entries if entry and entry.model}


def _chosen(
    given: Given,
    asker: Asker,
    survey: Survey,
    contracts: Mapping[str, ContractDocument],
    before: Mapping[str, str],
) -> dict[str, str]:
    known = {project.key: project.name for project in survey.projects}
    if given.projects:
        pairs = [_pair(text, known, contracts) for text in given.projects]
        served = {key: contract for key, contract in pairs if contract != NONE}
        if not served:
            raise InitError("--project: at least one project must have a contract")
        return served
    _show_projects(asker, survey)
    if not asker.prompts and not before:
        shown = ", ".join(known) or "the keys of your projects"
        raise InitError(
            f"--project is missing: which project has which contract, as KEY=CONTRACT; there are "
            f"{shown}, and the contracts {', '.join(contracts)}"
        )
    if not asker.prompts:
        return dict(before)
    _show_contracts(asker, contracts)
    while True:
        keys = asker.ask(
            "Projects to serve, by their keys, with commas between them",
            "--project",
            lambda text: _keys(text, known),
            default=",".join(before) or (next(iter(known)) if len(known) == 1 else None),
        )
        served = {}
        for key in keys:
            default = before.get(key, _DEFAULT if _DEFAULT in contracts else None)
            contract = asker.choose(f"Contract of {key}", "--project", [*contracts, NONE], default)
            if contract != NONE:
                served[key] = contract
        if served:
            return served
        asker.say("  At least one project must have a contract.")


def _show_projects(asker: Asker, survey: Survey) -> None:
    for sentence in survey.untold:
        asker.say(f"{sentence}.")
    if not survey.projects:
        return
    table = Table("key", "project", "kind", title="Projects that Dueline can see")
    for project in survey.projects[:_SHOWN]:
        table.add_row(project.key, project.name, project.kind.replace("_", " "))
    asker.console.print(table)
    if len(survey.projects) > _SHOWN:
        asker.say(f"... and {len(survey.projects) - _SHOWN} more.")


def _show_contracts(asker: Asker, contracts: Mapping[str, ContractDocument]) -> None:
    table = Table("contract", "title", "severities", "left open", title="Contracts")
    for id_, contract in contracts.items():
        severities = ", ".join(contract.severities)
        table.add_row(id_, contract.title, severities, ", ".join(contract.parameters))
    asker.console.print(table)
    asker.say(
        "What a contract leaves open is not promised until projects.yaml says it. A contract of "
        "your own can\nstand in contracts/ beside it later: see docs/contracts.md."
    )


def _keys(text: str, known: Mapping[str, str]) -> list[str]:
    keys = [part.strip().upper() for part in re.split(r"[,\s]+", text) if part.strip()]
    if not keys:
        raise ValueError("At least one key is needed, such as the HLP of the issue HLP-1.")
    for key in keys:
        _check_key(key, known)
    return list(dict.fromkeys(keys))


def _check_key(key: str, known: Mapping[str, str]) -> None:
    if known and key not in known:
        raise ValueError(
            f"{key} is no project that Dueline's account can see; {nearest(key, known)}"
        )
    if not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} is no project's key; HLP is that of the issue HLP-1")


def _pair(
    text: str, known: Mapping[str, str], contracts: Mapping[str, ContractDocument]
) -> tuple[str, str]:
    key, equals, contract = (part.strip() for part in text.partition("="))
    if not equals or not contract:
        raise InitError(f"--project {text!r}: write it as KEY=CONTRACT, such as HLP=standard")
    try:
        _check_key(key.upper(), known)
    except ValueError as error:
        raise InitError(f"--project: {error}") from None
    if contract != NONE and contract not in contracts:
        raise InitError(
            f"--project: no contract is named {contract}; {nearest(contract, contracts)}"
        )
    return key.upper(), contract


def _settled(severities: Sequence[str], keys: Sequence[str]) -> dict[str, dict[str, str]]:
    """By project what `--severity` says, by priority; what is said of no project holds in all."""
    settled: dict[str, dict[str, str]] = {key: {} for key in keys}
    for text in severities:
        left, equals, severity = text.rpartition("=")
        head, colon, rest = left.partition(":")
        is_key = bool(colon) and head.strip().upper() in settled
        priority = (rest if is_key else left).strip()
        if not equals or not priority or not severity.strip():
            raise InitError(
                f'--severity {text!r}: write it as "HLP:Highest=High", without HLP: for every '
                f'project, and "*=Low" for whatever no other names'
            )
        for key in [head.strip().upper()] if is_key else keys:
            settled[key][priority] = severity.strip()
    return settled


def _plan(
    asker: Asker,
    survey: Survey,
    key: str,
    chosen: tuple[str, ContractDocument],
    made: Makings,
    settled: Mapping[str, Mapping[str, str]],
) -> ProjectPlan:
    id_, contract = chosen
    name = next((seen.name for seen in survey.projects if seen.key == key), key)
    if settled[key]:
        rules = _as_settled(contract, id_, settled[key], survey)
    else:
        rules = severity_rules(contract, survey.priorities, made.issue_types, survey.usual_priority)
        _show_rules(asker, key, id_, rules)
        one = len(contract.severities) == 1 or not survey.priorities or contract.kinds
        if not one and not asker.agrees("Is that what the priorities mean"):
            rules = _asked(asker, contract, survey)
    return ProjectPlan(key, name, id_, rules, made.issue_types, made.statuses)


def _show_rules(asker: Asker, key: str, contract: str, rules: Sequence[SeverityRule]) -> None:
    table = Table("issues", "severity", title=f"{key} under {contract}")
    for rule in rules:
        parts = [", ".join(rule.priorities)] if rule.priorities else []
        parts += [f"of type {', '.join(rule.types)}"] if rule.types else []
        kind = f" ({rule.kind})" if rule.kind else ""
        table.add_row(" ".join(parts) or "all others", f"{rule.severity}{kind}")
    asker.console.print(table)


def _asked(asker: Asker, contract: ContractDocument, survey: Survey) -> tuple[SeverityRule, ...]:
    severities = list(contract.severities)
    for name, meaning in contract.severities.items():
        asker.say(f"  {name}: {' '.join((meaning or '').split()) or 'not defined by the text'}")
    proposed = {
        priority: rule.severity
        for rule in severity_rules(contract, survey.priorities, (), survey.usual_priority)
        for priority in rule.priorities
    }
    chosen = {
        priority: asker.choose(priority, "--severity", severities, proposed.get(priority))
        for priority in survey.priorities
    }
    usual = severity_otherwise(chosen, survey.usual_priority, severities)
    otherwise = asker.choose("Every other issue", "--severity", severities, usual)
    return as_rules(chosen, severities, otherwise)


def _as_settled(
    contract: ContractDocument, id_: str, settled: Mapping[str, str], survey: Survey
) -> tuple[SeverityRule, ...]:
    if contract.kinds:
        raise InitError(
            f"--severity: {id_} tells kinds of work apart ({', '.join(contract.kinds)}); leave the "
            "option out, and edit projects.yaml afterwards"
        )
    severities = {name.casefold(): name for name in contract.severities}
    priorities = {name.casefold(): name for name in survey.priorities}
    chosen: dict[str, str] = {}
    if _EVERYTHING not in settled:
        for rule in severity_rules(contract, survey.priorities, (), survey.usual_priority):
            chosen |= dict.fromkeys(rule.priorities, rule.severity)
    for priority, severity in settled.items():
        if severity.casefold() not in severities:
            advice = nearest(severity, contract.severities)
            raise InitError(f"--severity: {id_} has no severity {severity}; {advice}")
        if priorities and priority != _EVERYTHING and priority.casefold() not in priorities:
            advice = nearest(priority, survey.priorities)
            raise InitError(f"--severity: Jira has no priority {priority}; {advice}")
        chosen[priorities.get(priority.casefold(), priority)] = severities[severity.casefold()]
    names = list(contract.severities)
    otherwise = chosen.pop(_EVERYTHING, None)
    return as_rules(
        chosen, names, otherwise or severity_otherwise(chosen, survey.usual_priority, names)
    )


def _holidays(
    given: Given, asker: Asker, used: Mapping[str, ContractDocument]
) -> tuple[str, ...] | None:
    open_ = [
        id_
        for id_, contract in used.items()
        if any(parameter.kind == "holidays" for parameter in contract.parameters.values())
    ]
    if not open_:
        return None
    return asker.ask(
        f"Whose public holidays count in {', '.join(open_)}? Countries as US or DE-BY, "
        f"with commas between them; {NONE} for no holidays",
        "--holidays",
        _countries,
        given=given.holidays,
    )


def _countries(text: str) -> tuple[str, ...]:
    if text.casefold() == NONE:
        return ()
    found = tuple(part.strip().upper() for part in text.split(",") if part.strip())
    known = list_supported_countries()
    for each in found:
        country, _, subdivision = each.partition("-")
        if country not in known:
            raise ValueError(f"{country} is no country whose holidays are known; US would be one")
        if subdivision and subdivision not in known[country]:
            there = ", ".join(known[country]) or "none"
            raise ValueError(f"{country} has no subdivision {subdivision}; there are: {there}")
    if not found:
        raise ValueError(f"A country is needed here, such as US, or {NONE}.")
    return found
