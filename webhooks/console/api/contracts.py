"""The contracts for programs: what is promised to whom, and what became of every clause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from werkzeug.exceptions import NotFound

from config.errors import nearest
from webhooks.console.api.described import Part
from webhooks.console.questions import contracts
from webhooks.console.questions.contracts import ContractInShort, ContractSeen, ExampleSeen
from webhooks.console.questions.looked_at import looked_at
from webhooks.console.standing import here

blueprint = Part("contracts", __name__)


class Contracts(msgspec.Struct, frozen=True):
    """All contracts."""

    version: str
    """Of the configuration that is in force."""
    contracts: Sequence[ContractInShort]


class Wanted(msgspec.Struct, frozen=True):
    """How much of a contract is wanted."""

    worked: bool = False
    """Whether to work out what each reading of an ambiguity is worth; may take two seconds."""


class ContractAnswer(msgspec.Struct, frozen=True):
    """A contract, and what its readings are worth."""

    contract: ContractSeen
    worked: Mapping[str, Sequence[ExampleSeen]] | None
    """By ambiguity; null: it was not asked for."""


@blueprint.answers("GET", "/contracts", summary="The contracts", answer=Contracts)
def all_contracts() -> Contracts:
    """Those in force, then those that no project uses, the shipped ones among them."""
    standing = here()
    return Contracts(standing.configuration.policy.version, contracts.listed(looked_at(standing)))


@blueprint.answers(
    "GET", "/contracts/<contract>", summary="A contract with all its clauses",
    query=Wanted, answer=ContractAnswer, refusals={404: "There is no contract of that name."},
)  # fmt: skip
def contract_register(contract: str, query: Wanted) -> ContractAnswer:
    """Its goals, alerts, open parameters, ambiguities, and what each clause became."""
    at = looked_at(here())
    found = contracts.seen(at, contract)
    if found is None:
        known = [each.id for each in contracts.listed(at)]
        raise NotFound(f"{contract}: no such contract; {nearest(contract, known)}")
    worked = contracts.worked_examples(at, contract) if query.worked else None
    return ContractAnswer(found, worked)
