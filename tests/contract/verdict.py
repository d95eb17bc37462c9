"""Whether what was heard during a test breaks the contract, in words for whoever broke it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tests.contract.exchange import Exchange, Found
from tests.contract.waivers import WAIVED

_TOLD = 10


def verdict(judged: Iterable[tuple[Exchange, Found]], *, lenient: bool = False) -> str:
    """What is wrong and not waived; empty where nothing is.

    Args:
        judged: exchanges with what is not as the documents say.
        lenient: a faulty request is right when it was refused.
    """
    told = dict.fromkeys(line for each in judged for line in _lines(*each, lenient))
    return "\n".join(list(told)[:_TOLD])


def _lines(exchange: Exchange, found: Found, lenient: bool) -> Iterator[str]:
    for violation, words in found.items():
        refused = violation.part == "request" and exchange.status >= 400
        if violation not in WAIVED and not (lenient and refused):
            operation, part, place, rule = violation
            yield f"{operation}: {part}, {place or 'as a whole'} ({rule}): {words}"
