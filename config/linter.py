"""Finds what can be loaded and is still probably a mistake: each with its place and what to do.

An error keeps a configuration from being used; a finding here never does. Each kind is a function
of its own in `config.lints`, and is listed here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

from config.configuration import Configuration
from config.library import Library
from config.lints import alerts, holidays, left_open, promises, severities, zones
from config.lints.checked import Checked, Finding

_LINTS: tuple[Callable[[Checked], Iterator[Finding]], ...] = (
    severities.issues_without_one,
    severities.without_a_goal,
    alerts.unused,
    alerts.too_early,
    alerts.levels_that_never_fire,
    alerts.priorities_that_change_the_promise,
    alerts.roles,
    holidays.calendars_that_stay_closed,
    holidays.lists_that_run_out,
    holidays.last_and_fourth,
    holidays.last_against_fourth,
    zones.names_in_texts,
    zones.fixed_offsets,
    promises.rules_that_never_match,
    promises.slow_updates,
    left_open.parameters,
    left_open.texts,
    left_open.choices,
    left_open.clauses,
)


def findings(library: Library, configuration: Configuration, today: date) -> list[Finding]:
    """Everything that is probably a mistake, in the order of the files.

    Args:
        library: the directory, as it was read and found sound.
        configuration: what was loaded from it.
        today: for what depends on the date: holidays that run out, calendars that stay closed.
    """
    projects = library.projects.model
    if projects is None:
        return []
    checked = Checked(library, projects, configuration, today)
    return sorted({finding for lint in _LINTS for finding in lint(checked)})
