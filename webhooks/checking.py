"""What `dueline check` says of a configuration directory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path

from config import looking
from config.configuration import Configuration
from config.document_sets import Documents
from config.errors import ConfigurationError, nearest
from config.examples import Example, worked
from config.linter import findings
from config.lints.checked import Finding
from config.loader import read
from config.settings import Settings
from config.summary import contract_page, summary
from webhooks.deciding import in_force
from webhooks.serve import clock_from


def checked(asked: Settings | Path, contract: str | None) -> Iterator[str]:
    """The summary and everything that is probably a mistake, or the register of one contract.

    Args:
        asked: a directory with projects.yaml, contracts/ and calendars/; or the environment, which
            says what decides.
        contract: whose register is wanted; None: the summary.

    Raises:
        ConfigurationError: with every error in any of the documents, or for an unknown contract.
        StoreError: what decides stands in a database that cannot be used.
    """
    today = clock_from(os.environ).now().date()
    there = None if isinstance(asked, Path) else in_force(asked)
    if there:
        yield f"This is {there.what}."
        yield ""
        yield from _on_record(there.configuration, there.documents or {}, contract, today)
    else:
        directory = asked if isinstance(asked, Path) else asked.config
        yield from _in_directory(directory, contract, today)


def _in_directory(directory: Path, contract: str | None, today: date) -> Iterator[str]:
    library, configuration = read(directory)
    if contract is None:
        return _summed_up(configuration, findings(library, configuration, today))
    return _register(
        configuration, contract, lambda: worked(library, configuration, contract, today.year)
    )


def _on_record(
    configuration: Configuration, documents: Documents, contract: str | None, today: date
) -> Iterator[str]:
    if contract is None:
        return _summed_up(configuration, looking.warnings(documents, today))
    return _register(
        configuration, contract, lambda: looking.examples(documents, contract, today.year)
    )


def _summed_up(configuration: Configuration, found: Sequence[Finding]) -> Iterator[str]:
    yield from summary(configuration)
    yield ""
    yield f"{len(found)} to look at" if found else "Nothing to look at."
    yield from (f"warning: {finding}" for finding in found)


def _register(
    configuration: Configuration, contract: str, examples: Callable[[], Sequence[Example]]
) -> Iterator[str]:
    known = configuration.policy.contracts
    if contract not in known:
        advice = nearest(contract, known)
        raise ConfigurationError(f"{contract}: no project uses such a contract; {advice}")
    yield from contract_page(configuration, contract, examples())
