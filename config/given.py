"""What somebody gave for the parameters of a contract: the customer's order form, then the site."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from config.library import Library
from config.positions import Place
from config.site_schema import ProjectsDocument


@dataclass(frozen=True, slots=True)
class Given:
    """The parameters of one contract, for one customer or for everybody."""

    library: Library
    projects: ProjectsDocument
    contract: str
    customer: str | None = None

    @property
    def owner(self) -> str:
        """Under which name a calendar with these parameters is kept."""
        return f"{self.contract}@{self.customer}" if self.customer else self.contract

    def sources(self) -> Iterator[tuple[Place, Mapping[str, Any]]]:
        """Where the values stand in projects.yaml, the one that goes before first."""
        if self.customer:
            forms = self.projects.customers.get(self.customer, {})
            place: Place = ("customers", self.customer, self.contract)
            yield place, forms.get(self.contract, {})
        yield ("parameters", self.contract), self.projects.parameters.get(self.contract, {})

    def value(self, name: str) -> Any:
        """What is given for a parameter; None where nobody gave anything."""
        return next((values[name] for _, values in self.sources() if name in values), None)

    def missing(self, names: Iterable[str]) -> list[str]:
        """A sentence for each of these parameters that nobody set."""
        return [self._sentence(name) for name in dict.fromkeys(names) if self.value(name) is None]

    def _sentence(self, name: str) -> str:
        entry = self.library.contracts.get(self.contract)
        declared = entry.model.parameters.get(name) if entry and entry.model else None
        what = f": {declared.what} (clause {declared.clause})" if declared else ""
        return (
            f"the parameter `{name}` of {self.contract} is not set{what}; set "
            f"`parameters.{self.contract}.{name}`, or `customers.CUSTOMER.{self.contract}.{name}`, "
            "in projects.yaml"
        )
