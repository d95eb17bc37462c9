"""What a Jira told of itself is remembered, and its fields have the names of the rules."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from sla.known_sites import SiteFacts, remember_installation, remember_site, remembered_site
from sla.mapping import Condition, ContractRule
from tests.sla.example import NINE, OWN, at, policy
from tests.sla.store.conftest import new_database

SITE = "acme"


def test_a_site_is_remembered_and_its_installation_never_moves(tmp_path: Path) -> None:
    with closing(new_database(tmp_path)) as database:
        assert remembered_site(database, SITE) is None
        for now in (NINE, at(5)):
            remember_installation(database, SITE, now)
        remember_site(database, SITE, "dueline", {"customfield_1": "Plan"})
        remember_site(database, SITE, "renamed", {"customfield_1": "Support plan"})
        found = remembered_site(database, SITE)
    assert found == SiteFacts("renamed", {"customfield_1": "Support plan"}, quiet_before=NINE)


@pytest.mark.parametrize(
    "names",
    [
        {"customfield_1": "PRIORITY"},
        {"customfield_1": "Support plan", "customfield_2": "Support Plan"},
    ],
    ids=["Jira's own field", "another custom field"],
)
def test_a_custom_field_never_takes_the_place_of_another(names: dict[str, str]) -> None:
    gold = Condition({"Support plan": ("Gold",), "priority": ("Highest",)})
    rules = replace(policy().projects["ACME"], contracts=(ContractRule("acme", "Gold", gold),))
    under = replace(policy(), projects={"ACME": rules})
    named = SiteFacts(OWN.id, names, NINE).names_for(under).values()
    assert "priority" not in named
    assert list(named).count("Support plan") <= 1
