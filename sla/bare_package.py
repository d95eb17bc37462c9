"""One module of a package, without all that the package imports for those who want everything."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec, module_from_spec
from threading import RLock

# Else one thread would forget the package while another imports from it.
_one_at_a_time = RLock()


@contextmanager
def bare(package: str) -> Iterator[None]:
    """Within the block a package is there by name alone, so that importing a module runs no other.

    Afterwards it is forgotten: who imports the package itself later gets it whole, with the same
    modules. A package that was imported before stays as it is.

    Args:
        package: its full name, such as `holidays.countries`.
    """
    with _one_at_a_time:
        spec = None if package in sys.modules else find_spec(package)
        if spec is None:
            yield
            return
        sys.modules[package] = module_from_spec(spec)
        try:
            yield
        finally:
            del sys.modules[package]


@contextmanager
def without(package: str) -> Iterator[None]:
    """Within the block a package cannot be imported, as where it is not installed.

    For a library that uses another one where there is one, and is wanted without that here. What
    was imported before stays.

    Args:
        package: its full name, such as `rich`.
    """
    with _one_at_a_time:
        if package in sys.modules:
            yield
            return
        sys.modules[package] = None  # type: ignore[assignment]
        try:
            yield
        finally:
            del sys.modules[package]
