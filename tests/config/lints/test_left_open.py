"""Figures that nobody gave and readings that nobody chose are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.lints.sound import ACME, SITE, assert_found, change, found


@pytest.mark.parametrize(
    ("file", "changes", "where", "said"),
    [
        pytest.param(
            SITE, ("slow: 4h, ", ""),
            "projects.yaml: projects.ACM.contracts[0].contract",
            "is acme, which does not promise first response for Low: the parameter `slow` of acme "
            "is not set: the time for Low (clause 2); set `parameters.acme.slow`, or ",
            id="a parameter that is not set",
        ),
        pytest.param(
            ACME, ("    chosen: all\n    decided: { by: Ada, on: 2026-01-31 }\n", ""),
            "contracts/acme.yaml: choices[0]",
            "is undecided: Which minutes? Settle it as one of all, some",
            id="an undecided choice",
        ),
        pytest.param(
            ACME, ('    clause: "3"\n    question', '    clause: "2"\n    question'),
            "contracts/acme.yaml: clauses[1].became", "is an ambiguity that no choice cites",
            id="an ambiguity without a choice",
        ),
    ],
)  # fmt: skip
def test_what_is_found(
    sound: Path, file: str, changes: tuple[str, ...], where: str, said: str
) -> None:
    assert_found(sound, file, changes, where, said)


def test_a_parameter_of_an_order_form_and_one_beside_the_promises(sound: Path) -> None:
    change(
        sound, ACME,
        "escalations:",
        "duties:\n  - { id: call, who: customer, clause: '2', text: Call., done: response,\n"
        "      phone: { parameter: phone } }\nescalations:",
        "metrics:", "  phone: { kind: text, clause: '2', what: the number }\nmetrics:",
    )  # fmt: skip
    (line,) = found(sound)
    assert "is acme, which shows the duty `call` without a telephone number: the parameter" in line
    change(sound, SITE, "roles:", "customers: { Zoo: { acme: { phone: '1' } } }\nroles:")
    assert found(sound) == []
