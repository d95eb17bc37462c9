"""A package that is there by name alone stays there for whoever imports from it."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from threading import Event

import pytest

from sla.bare_package import bare, without


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package that imports a module which must not be imported, beside one that may be."""
    name = "heavy_package"
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("from heavy_package import everything\n")
    (tmp_path / name / "everything.py").write_text("raise AssertionError('all was imported')\n")
    (tmp_path / name / "part.py").write_text("FOUND = True\n")
    monkeypatch.syspath_prepend(tmp_path)
    return name


def test_one_module_is_imported_without_the_rest(package: str) -> None:
    with bare(package):
        part = import_module(f"{package}.part")
    assert part.FOUND
    assert package not in sys.modules
    with pytest.raises(AssertionError, match="all was imported"):
        import_module(package)


def test_no_thread_forgets_a_package_while_another_imports_from_it(package: str) -> None:
    within, over = Event(), Event()

    def first() -> None:
        with bare(package):
            within.set()
            # Over only when the second had every chance to come in between.
            over.wait(0.2)

    def second() -> bool:
        within.wait(10)
        with bare(package):
            over.set()
            running.result(10)
            return package in sys.modules

    with ThreadPoolExecutor() as pool:
        running = pool.submit(first)
        assert pool.submit(second).result(30)


def test_a_package_can_be_done_without(package: str) -> None:
    with without(package), pytest.raises(ModuleNotFoundError):
        import_module(package)
    with pytest.raises(AssertionError, match="all was imported"):
        import_module(package)


def test_what_was_imported_before_stays() -> None:
    with without("json"):
        assert import_module("json") is json
    assert import_module("json") is json
