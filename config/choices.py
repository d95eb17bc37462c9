"""Settles a contract's ambiguities: what stands by its readings becomes the chosen one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from config.errors import nearest
from config.positions import Document, Place, Plain

Chosen = Mapping[str, str]
"""By choice the reading that holds."""


def settled(document: Document, chosen: Chosen) -> Document:
    """The document with each `{choice: ..., readings: {...}}` replaced by the reading's value.

    Args:
        document: a contract as it was read; what is wrong with a reference it complains of itself.
        chosen: the site's own readings; for the others the contract's hold.
    """
    declared = dict(_declared(document))
    settler = _Settler(document, {**declared, **_known(declared, chosen)}, _readings(document))
    data = settler.value(document.data, ())
    return replace(document, data=data if isinstance(data, dict) else {})


def readings_used(document: Document) -> dict[str, None]:
    """The choices on whose reading some value of the document depends."""
    found: dict[str, None] = {}
    _collect(document.data, found)
    return found


def _collect(value: Plain, found: dict[str, None]) -> None:
    if isinstance(value, dict):
        if _is_reference(value):
            found[str(value["choice"])] = None
        for each in value.values():
            _collect(each, found)
    elif isinstance(value, list):
        for each in value:
            _collect(each, found)


class _Settler:
    def __init__(
        self, document: Document, chosen: Mapping[str, str | None], readings: Mapping[str, set[str]]
    ) -> None:
        self._document, self._chosen, self._readings = document, chosen, readings

    def value(self, value: Plain, place: Place) -> Plain:
        if isinstance(value, list):
            return [self.value(each, (*place, index)) for index, each in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if place and place[0] not in ("clauses", "choices") and _is_reference(value):
            return self._reference(value, place)
        return {key: self.value(each, (*place, key)) for key, each in value.items()}

    def _reference(self, value: dict[str, Plain], place: Place) -> Plain:
        name, readings = str(value["choice"]), value["readings"]
        assert isinstance(readings, dict)  # noqa: S101 - as `_is_reference` found
        if name not in self._readings:
            advice = nearest(name, self._readings)
            self._complain(
                (*place, "choice"), f"is `{name}`, which `choices` does not have; {advice}"
            )
        elif set(readings) != self._readings[name]:
            wanted = ", ".join(sorted(self._readings[name]))
            self._complain(
                (*place, "readings"), f"are not those of the choice `{name}`; give {wanted}"
            )
        elif self._chosen.get(name) is None:
            self._complain(
                place,
                f"depends on the choice `{name}`, which nobody has settled; give it `chosen` and "
                "`decided` there, or settle it under `choices` in projects.yaml",
            )
        elif (reading := str(self._chosen[name])) in readings:
            # One that is no reading is complained of where it is chosen.
            return self.value(readings[reading], (*place, "readings", reading))
        return next(iter(readings.values()), None)

    def _complain(self, place: Place, message: str) -> None:
        self._document.complain(place, message)


def _is_reference(value: dict[str, Plain]) -> bool:
    return set(value) == {"choice", "readings"} and isinstance(value["readings"], dict)


def _choices(document: Document) -> Iterator[dict[str, Plain]]:
    choices = document.data.get("choices")
    for each in choices if isinstance(choices, list) else []:
        if isinstance(each, dict):
            yield each


def _declared(document: Document) -> Iterator[tuple[str, str | None]]:
    for choice in _choices(document):
        chosen = choice.get("chosen")
        yield str(choice.get("id")), chosen if isinstance(chosen, str) else None


def _readings(document: Document) -> dict[str, set[str]]:
    return {
        str(choice.get("id")): set(readings)
        for choice in _choices(document)
        if isinstance(readings := choice.get("readings"), dict)
    }


def _known(declared: Mapping[str, str | None], chosen: Chosen) -> dict[str, str]:
    return {name: reading for name, reading in chosen.items() if name in declared}
