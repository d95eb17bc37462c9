"""What `dueline check` says of a configuration directory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from config.errors import ConfigurationError, nearest
from config.examples import worked
from config.linter import findings
from config.loader import read
from config.summary import contract_page, summary
from webhooks.serve import clock_from


def checked(directory: Path, contract: str | None) -> Iterator[str]:
    """The summary and everything that is probably a mistake, or the register of one contract.

    Args:
        directory: with projects.yaml, contracts/ and calendars/.
        contract: whose register is wanted; None: the summary.

    Raises:
        ConfigurationError: with every error in any of the documents, or for an unknown contract.
    """
    library, configuration = read(directory)
    today = clock_from(os.environ).now().date()
    if contract is not None:
        known = configuration.policy.contracts
        if contract not in known:
            advice = nearest(contract, known)
            raise ConfigurationError(f"{contract}: no project uses such a contract; {advice}")
        examples = worked(library, configuration, contract, today.year)
        yield from contract_page(configuration, contract, examples)
        return
    yield from summary(configuration)
    found = findings(library, configuration, today)
    yield ""
    yield f"{len(found)} to look at" if found else "Nothing to look at."
    yield from (f"warning: {finding}" for finding in found)
