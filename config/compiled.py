"""Keeps what a directory came to, so that it is not read again while nothing about it changed.

Reading the shipped site takes 0.75 s, most of it YAML with the place of every value, the models and
the holidays of a century. What it comes to is one text, `Configuration.text`, from which the whole
is rebuilt in 20 ms. So that text is kept in the user's cache directory, as Python keeps bytecode:
under a fingerprint of everything that it follows from. It is plain JSON and never code; where it
is missing, damaged, out of date or somebody else's, the directory is read. Only what is without
fault is kept, and a cache that cannot be written is done without.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import sla
from config.configuration import Configuration
from config.settings import SHIPPED

if TYPE_CHECKING:
    from config.library import Library

_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH
_SINGLE, _KINDS = ("projects", "site"), ("contracts", "calendars")


def load(directory: Path) -> Configuration:
    """The same as `config.loader.load`, from the kept text where that still holds.

    Raises:
        ConfigError: with every fault in any of the documents.
    """
    kept = _kept_at(directory)
    before = _fingerprint(directory)
    text = _read(kept, before) if kept and before else None
    if text is not None:
        return Configuration.from_text(text)
    # Its models alone take 0.2 s to import.
    from config.loader import read

    library, configuration = read(directory)
    # A document that was saved while it was read may stand in the text as it was, or as it is.
    if kept and before and before == _fingerprint(directory) and not _names_files(library):
        _write(kept, before, configuration.text)
    return configuration


def _kept_at(directory: Path) -> Path | None:
    """The file for a directory; one for each, so that they do not pile up."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    home = os.environ.get("HOME", "")
    base = Path(given) if given.startswith("/") else Path(home, ".cache")
    if not base.is_absolute():
        return None
    name = hashlib.sha256(os.fsencode(directory.resolve())).hexdigest()[:16]
    return base / "dueline" / f"{name}.json"


def _fingerprint(directory: Path) -> str | None:
    """What the text follows from: the documents, this code, and every library with its version."""
    whole = hashlib.sha256(sys.version.encode())
    try:
        for part in (*_documents(directory), *_code(), *_libraries()):
            # A length before each, so that no two lists of parts read the same.
            whole.update(b"%d:" % len(part))
            whole.update(part)
    except OSError:
        return None
    return whole.hexdigest()


def _documents(directory: Path) -> Iterator[bytes]:
    single = [directory / f"{name}.{end}" for name in _SINGLE for end in ("yaml", "yml")]
    roots = (directory, SHIPPED)
    several = [
        p for root in roots for kind in _KINDS for p in sorted((root / kind).glob("[!.]*.y*ml"))
    ]
    for path in (*single, *several):
        yield os.fsencode(path)
        yield path.read_bytes() if path.exists() else b"is missing"


def _code() -> Iterator[bytes]:
    """Our own modules, by size and time, as Python itself finds out whether bytecode is stale."""
    for package in (SHIPPED, *map(Path, sla.__path__)):
        with os.scandir(package) as found:
            for entry in sorted(found, key=lambda each: each.name):
                if entry.name.endswith(".py"):
                    seen = entry.stat()
                    yield f"{entry.name} {seen.st_size} {seen.st_mtime_ns}".encode()


def _libraries() -> Iterator[bytes]:
    """The names of the installed distributions, which end in their versions."""
    # The directory is listed: importlib.metadata alone takes 15 ms to import.
    spec = find_spec("holidays")
    if spec and spec.origin:
        with os.scandir(Path(spec.origin).parent.parent) as found:
            names = sorted(entry.name for entry in found if entry.name.endswith(".dist-info"))
        yield from (name.encode() for name in names)


def library_release(name: str) -> str:
    """The release of an installed library; empty: it is not known."""
    installed = (each.decode().removesuffix(".dist-info") for each in _libraries())
    found = (each.partition("-") for each in installed)
    return next((release for library, _, release in found if library == name), "")


def _names_files(library: Library) -> bool:
    """Whether a document names an iCalendar file, of which the fingerprint knows nothing."""
    documents = [
        library.projects.document,
        *(entry.document for entry in library.contracts.read()),
        *(entry.document for entry in library.calendars.read()),
    ]
    return any('"icalendar":' in json.dumps(each.data) for each in documents)


def _read(kept: Path, fingerprint: str) -> str | None:
    """The text, if it is ours, whole, and still what the directory comes to."""
    try:
        if not _is_ours(kept.parent.stat()):
            return None
        with os.fdopen(os.open(kept, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            if not _is_ours(os.fstat(file.fileno())):
                return None
            head, _, text = file.read().partition(b"\n")
    except OSError:
        return None
    return text.decode() if head == _head(fingerprint, text) else None


def _write(kept: Path, fingerprint: str, text: str) -> None:
    plain = text.encode()
    new = kept.with_suffix(f".{os.getpid()}")
    with suppress(OSError):
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # What customers pay may stand in it.
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(_head(fingerprint, plain) + b"\n" + plain)
        new.replace(kept)


def _head(fingerprint: str, text: bytes) -> bytes:
    return f"{fingerprint} {hashlib.sha256(text).hexdigest()}".encode()


def _is_ours(found: os.stat_result) -> bool:
    """Whether nobody else could have written it."""
    return found.st_uid == os.geteuid() and not found.st_mode & _OTHERS_MAY_WRITE
