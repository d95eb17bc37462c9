"""The one tree of errors that this package raises."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Problem(NamedTuple):
    """One fault in a document: where it is, what is wrong, and what would be right."""

    file: str
    line: int
    """From 1; 0 where the document is no file with lines."""
    column: int
    path: str
    """The place within the document, such as `projects.BIT.severities[0]`; may be empty."""
    message: str

    def __str__(self) -> str:
        """Such as `projects.yaml:3:5: projects.BIT: ...`."""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return ": ".join(part for part in (place, self.path, self.message) if part)


class ConfigurationError(Exception):
    """What was configured cannot be used; the message says what is wrong and what is right."""


class ConfigError(ConfigurationError):
    """The documents hold faults; `problems` has every one of them, in the order of the files."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))


class SettingsError(ConfigurationError):
    """Settings are missing or wrong; `problems` has a sentence for each, and no secret."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def nearest(word: str, known: Iterable[str]) -> str:
    """Say what was probably meant, and what there is: `did you mean `x`? there are: x, y`."""
    # Whoever only asks for help imports no more than this module.
    from sla.words import closest

    names = sorted(set(known))
    if not names:
        return "there is none"
    meant = closest(word, names)
    shown = f"there {'is' if len(names) == 1 else 'are'}: {', '.join(names)}"
    return f"did you mean `{meant}`? {shown}" if meant else shown
