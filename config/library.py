"""The documents of a directory, each read once; what it lacks comes from the shipped ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from config.calendar_schema import CalendarDocument
from config.choices import Chosen, readings_used, settled
from config.contract_schema import ContractDocument
from config.document_sets import is_path
from config.errors import Problem
from config.model import Model
from config.positions import Document, read
from config.settings import SHIPPED
from config.site_schema import ProjectsDocument, SiteDocument
from config.validation import validated

_M = TypeVar("_M", bound=Model)


@dataclass(frozen=True, slots=True)
class Entry(Generic[_M]):
    """One document, and what it says if nothing is wrong with it."""

    id: str
    path: Path
    root: Path
    """The directory it belongs to."""
    document: Document
    model: _M | None


@dataclass
class Shelf(Generic[_M]):
    """All documents of one kind: `contracts` or `calendars`."""

    name: str
    kind: type[_M]
    root: Path
    chosen: Mapping[str, Chosen] = field(default_factory=dict)
    """By document the readings that the site settled on."""
    driving: dict[str, frozenset[str]] = field(default_factory=dict)
    """By document the choices on whose reading some value depends."""
    _read: dict[str, Entry[_M]] = field(default_factory=dict)

    def own(self) -> Iterator[Entry[_M]]:
        """Those of the directory itself, whether used or not."""
        for path in _visible(self.root / self.name, "yaml"):
            yield self._entry(path.stem, path, self.root)

    def read(self) -> Iterator[Entry[_M]]:
        """Those that were read so far."""
        return iter(tuple(self._read.values()))

    def get(self, id_: str) -> Entry[_M] | None:
        """The directory's document of that id, else the shipped one, else None."""
        # Only a known name is looked for, so that no id can lead out of the directory.
        if id_ not in self.ids():
            return None
        own = self.root / self.name / f"{id_}.yaml"
        root = self.root if own.is_file() else SHIPPED
        return self._entry(id_, root / self.name / f"{id_}.yaml", root)

    def ids(self) -> set[str]:
        """Every id there is."""
        roots = (self.root, SHIPPED)
        return {path.stem for root in roots for path in _visible(root / self.name, "yaml")}

    def misnamed(self) -> Iterator[Problem]:
        """Files that would be passed over in silence, or that no version could keep."""
        for path in _visible(self.root / self.name, "yml"):
            yield _not_read(path)
        for path in _visible(self.root / self.name, "yaml"):
            if not is_path(f"{self.name}/{path.name}"):
                message = (
                    "has a name that no version can keep; name it with up to 100 of A-Z, a-z, 0-9, "
                    "., - and _, the first a letter or digit"
                )
                yield Problem(str(path), 1, 1, "", message)

    def _entry(self, id_: str, path: Path, root: Path) -> Entry[_M]:
        if id_ not in self._read:
            written = read(path, str(path))
            self.driving[id_] = frozenset(readings_used(written))
            document = settled(written, self.chosen.get(id_, {}))
            model = validated(self.kind, document)
            self._read[id_] = Entry(id_, path, root, document, model)
        return self._read[id_]


class Library:
    """Everything that a directory holds."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.projects = self._single("projects", ProjectsDocument)
        self.contracts = Shelf("contracts", ContractDocument, root, self._chosen())
        self.calendars = Shelf("calendars", CalendarDocument, root)
        self.site = self._single("site", SiteDocument)

    def problems(self) -> list[Problem]:
        """Every fault found so far."""
        entries: list[Entry[Model]] = []
        entries += self.contracts.read()  # type: ignore[arg-type]
        entries += self.calendars.read()  # type: ignore[arg-type]
        documents = [self.projects.document, self.site.document]
        documents += [entry.document for entry in entries]
        return [
            *self._misnamed(),
            *self.contracts.misnamed(),
            *self.calendars.misnamed(),
            *(problem for document in documents for problem in document.problems),
        ]

    def _misnamed(self) -> Iterator[Problem]:
        for entry in (self.projects, self.site):
            path = self.root / f"{entry.id}.yml"
            if path.exists():
                yield _not_read(path)

    def _chosen(self) -> dict[str, Chosen]:
        settled_here = self.projects.model.choices if self.projects.model else {}
        return {
            contract: {name: each.chosen for name, each in choices.items()}
            for contract, choices in settled_here.items()
        }

    def _single(self, name: str, kind: type[_M]) -> Entry[_M]:
        path = self.root / f"{name}.yaml"
        # Without site.yaml everything has its default; without projects.yaml nothing is promised.
        if name == "site" and not path.exists():
            document = Document(str(path))
        else:
            document = read(path, str(path))
        return Entry(name, path, self.root, document, validated(kind, document))


def _visible(directory: Path, ending: str) -> list[Path]:
    # An editor that is open may have put one beside a document: `.#gold.yaml` leads nowhere.
    return sorted(directory.glob(f"[!.]*.{ending}"))


def _not_read(path: Path) -> Problem:
    return Problem(str(path), 1, 1, "", f"is not read; name it {path.stem}.yaml")
