"""The due instant of forty open hours."""

from __future__ import annotations

from bench.deadlines import deadline_row

ROW = deadline_row(hours=40, wanted=50)
