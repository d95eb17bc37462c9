"""The due instant of eight open hours."""

from __future__ import annotations

from bench.deadlines import deadline_row

ROW = deadline_row(hours=8, wanted=15)
