"""A configuration directory as a set of texts: what a publication keeps, and what a draft changes.

A set maps paths such as `contracts/gold.yaml` to what stands there. It can be read from a directory
and written into one, loaded as a directory would be, compared, merged and packed, and needs neither
the directory that it came from nor the shipped documents of the release that read it.
"""

from __future__ import annotations

import io
import re
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from difflib import unified_diff
from functools import lru_cache
from pathlib import Path

from config.configuration import Configuration
from config.errors import ConfigError, ConfigurationError, Problem, nearest
from config.merging import MergedText, Side, merged_text
from config.settings import SHIPPED

Documents = Mapping[str, str]
"""Texts by their paths, which are relative and use slashes."""
Changes = Mapping[str, str | None]
"""Documents as they are to be; None: removed."""

LARGEST = 512 * 1024
"""Of one document, in characters: to read a mebibyte of YAML takes half a minute."""
_KEPT = 4
_SINGLE = ("projects.yaml", "site.yaml")
_SEVERAL = ("contracts", "calendars")
_PATH = re.compile(
    r"projects\.yaml|site\.yaml|(contracts|calendars)/[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.yaml"
    r"|([A-Za-z0-9][A-Za-z0-9._-]{0,99}/)?[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.ics"
)
_EXPECTED = (
    "expected projects.yaml, site.yaml, contracts/NAME.yaml, calendars/NAME.yaml or "
    "calendars/NAME.ics, with a name of letters, digits, dots, - and _"
)
# What JSON can hold and UTF-8 cannot.
_HALF = re.compile(r"[\ud800-\udfff]")
# As a zip writes it; the same set makes the same bytes.
_NO_DATE = (1980, 1, 1, 0, 0, 0)
_FOR_ALL_TO_READ = 0o644 << 16


@dataclass(frozen=True, slots=True)
class Merged:
    """What becomes of changes when the documents under them have changed meanwhile."""

    changes: dict[str, str | None]
    """Those that still differ from the newer documents."""
    both: tuple[str, ...]
    """The paths where both sides changed the same, each in its own way, and nobody has chosen."""
    parts: Mapping[str, MergedText] = field(default_factory=dict)
    """By path what of a document that both changed comes from which side; without one that
    cannot be merged."""


def read_from(directory: Path) -> dict[str, str]:
    """The documents of a directory, its calendar files included.

    What cannot be read is left out, and what has a name that no document can have, as an editor
    gives its own files: where it was needed, the directory could not be loaded.
    """
    found: dict[str, str] = {}
    for path in _paths(directory):
        name = path.relative_to(directory).as_posix()
        with suppress(OSError, UnicodeDecodeError):
            if is_path(name):
                found[name] = path.read_text(encoding="utf-8")
    return found


def gathered(directory: Path, configuration: Configuration) -> dict[str, str]:
    """The documents of a directory, and the shipped ones that it was loaded with.

    Args:
        directory: what was loaded.
        configuration: what it came to.
    """
    shipped = directory.resolve() == SHIPPED.resolve()
    return completed(_shipped_site() if shipped else read_from(directory), configuration)


def completed(documents: Documents, configuration: Configuration) -> dict[str, str]:
    """A set with the shipped documents that it was loaded with: those that it uses and lacks."""
    whole = dict(documents)
    _add_shipped(whole, [f"contracts/{id_}.yaml" for id_ in configuration.policy.contracts])
    # Which calendars a contract names depends on its parameters: each that is named anywhere.
    calendars = {path.stem: f"calendars/{path.name}" for path in _yaml(SHIPPED / "calendars")}
    written = "\n".join(whole.values())
    named = [
        path
        for id_, path in calendars.items()
        if id_ in written and re.search(_as_word(id_), written)
    ]
    _add_shipped(whole, named)
    return dict(sorted(whole.items()))


def check(changes: Changes) -> None:
    """Refuse what could be no document of a directory.

    Raises:
        ConfigurationError: a path that leads elsewhere or is read by nobody, or a text that is too
            long; the message says which and what would be right.
    """
    for path, text in changes.items():
        if not is_path(path):
            raise ConfigurationError(f"`{path}` is no path of a document: {_EXPECTED}")
        if text is not None and len(text) > LARGEST:
            raise ConfigurationError(
                f"{path} has {len(text):,} characters; at most {LARGEST:,} are read"
            )
        if text is not None and _HALF.search(text):
            raise ConfigurationError(f"{path} holds half a character; save it as UTF-8")


def is_path(path: str) -> bool:
    """Whether a document can stand there: relative to the directory, with slashes."""
    return _PATH.fullmatch(path) is not None


def applied(documents: Documents, changes: Changes) -> dict[str, str]:
    """A set as changes make it."""
    whole = {**documents, **changes}
    return {path: text for path, text in sorted(whole.items()) if text is not None}


def differing(documents: Documents, changes: Changes) -> dict[str, str | None]:
    """Those of the changes that change anything."""
    return {path: text for path, text in sorted(changes.items()) if documents.get(path) != text}


def between(before: Documents, after: Documents) -> dict[str, str | None]:
    """The changes that lead from one set to another."""
    return differing(before, {**dict.fromkeys(before), **after})


def merged(
    base: Documents, newer: Documents, changes: Changes, taken: Mapping[str, str] | None = None
) -> Merged:
    """Changes of one set, moved to a newer one.

    Args:
        base: the set for which they were made.
        newer: what has become of it meanwhile.
        changes: what is to be changed.
        taken: for paths where both sides changed the same which one counts: `mine` or `theirs`.
            What only one of them changed is kept of both.
    """
    theirs = between(base, newer)
    choices = taken or {}
    kept = dict(changes)
    both: list[str] = []
    parts: dict[str, MergedText] = {}
    for path, text in changes.items():
        if path not in theirs or theirs[path] == text:
            continue
        choice: Side = "theirs" if choices.get(path) == "theirs" else "mine"
        found = _merged_text(base.get(path), text, theirs[path], choice)
        if found:
            parts[path] = found
            kept[path] = found.text
        elif choice == "theirs":
            del kept[path]
        if not (found and not found.both) and choices.get(path) not in ("mine", "theirs"):
            both.append(path)
    return Merged(differing(newer, kept), tuple(sorted(both)), parts)


def _merged_text(
    base: str | None, mine: str | None, theirs: str | None, prefer: Side
) -> MergedText | None:
    if mine is None or theirs is None:
        return None
    return merged_text(base or "", mine, theirs, prefer)


def load(documents: Documents) -> Configuration:
    """What a set comes to.

    Raises:
        ConfigError: with every fault in any of the documents, named by their paths in the set.
    """
    found = _loaded(tuple(sorted(documents.items())))
    if isinstance(found, ConfigError):
        raise ConfigError(found.problems)
    return found


# A draft is looked at many times between two savings, and reading it takes 0.1 to 0.7 s.
@lru_cache(maxsize=_KEPT)
def _loaded(documents: tuple[tuple[str, str], ...]) -> Configuration | ConfigError:
    from config.loader import load as load_directory

    with written_out(dict(documents)) as directory:
        try:
            return load_directory(directory)
        except ConfigError as error:
            return ConfigError([by_its_path(each, directory) for each in error.problems])


@contextmanager
def written_out(documents: Documents) -> Iterator[Path]:
    """A directory that holds a set, for as long as it is looked at."""
    check(documents)
    with tempfile.TemporaryDirectory(prefix="dueline-") as scratch:
        directory = Path(scratch).resolve()
        for kind in _SEVERAL:
            (directory / kind).mkdir()
        for path, text in documents.items():
            file = directory / path
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(text.encode())
        yield directory


def as_zip(documents: Documents) -> bytes:
    """A set as a zip archive, to be unpacked where the files are kept."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in sorted(documents.items()):
            entry = zipfile.ZipInfo(path, _NO_DATE)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, _FOR_ALL_TO_READ
            archive.writestr(entry, text.encode())
    return buffer.getvalue()


def compared(before: Documents, after: Documents) -> list[tuple[str, list[str]]]:
    """By path what differs, as the lines of a unified diff without its first two."""
    return [
        (path, line_by_line(before.get(path, ""), after.get(path, "")))
        for path in between(before, after)
    ]


def line_by_line(before: str, after: str) -> list[str]:
    """What differs between two texts, as a unified diff without its first two lines."""
    return list(
        unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=3)
    )[2:]  # fmt: skip


def must_have(documents: Documents, path: str) -> str:
    """The text at a path.

    Raises:
        LookupError: there is none; the message names those that there are.
    """
    if path not in documents:
        raise LookupError(f"there is no document {path}; {nearest(path, documents)}")
    return documents[path]


def by_its_path(problem: Problem, directory: Path) -> Problem:
    """A fault with the paths of the set in place of those of the directory for a moment."""
    here = f"{directory}/"
    return Problem(
        problem.file.removeprefix(here),
        problem.line,
        problem.column,
        problem.path,
        problem.message.replace(here, "").replace(str(directory), "the directory"),
    )


def _as_word(id_: str) -> str:
    # The id before what may not stand before it: a text is looked through for plain letters thirty
    # times as fast as for a place that nothing stands before.
    as_it_is = re.escape(id_)
    return rf"{as_it_is}(?<![\w.-]{as_it_is})(?![\w.-])"


def _shipped_site() -> dict[str, str]:
    return {name: (SHIPPED / name).read_text(encoding="utf-8") for name in _SINGLE}


def _add_shipped(whole: dict[str, str], paths: Sequence[str]) -> None:
    for path in paths:
        shipped = SHIPPED / path
        if path not in whole and shipped.is_file():
            whole[path] = shipped.read_text(encoding="utf-8")


def _paths(directory: Path) -> Iterator[Path]:
    yield from (path for name in _SINGLE if (path := directory / name).is_file())
    for kind in _SEVERAL:
        yield from _yaml(directory / kind)
    yield from sorted([*directory.glob("*.ics"), *directory.glob("*/*.ics")])


def _yaml(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.yaml"))
