"""What the board filters by stands with each cycle, and what is open has indexes that hold it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_OPEN = "ended_at IS NULL"
_INDEXES = {
    "ix_cycles_open": [
        "site", "due_at", "issue_id", "metric", "number", "in_danger_at", "ended_at", "started_at",
        "contract", "severity", "project", "key", "assignee_id", "assignee", "named_customer",
    ],
    "ix_cycles_open_project": [
        "site", "project", "contract", "severity", "metric", "issue_id", "ended_at",
    ],
    "ix_cycles_open_assignee": ["site", "assignee_id", "assignee", "ended_at"],
    "ix_cycles_open_customer": ["site", "named_customer", "ended_at"],
}  # fmt: skip
_BEFORE = ["site", "due_at", "issue_id", "metric", "number", "in_danger_at", "ended_at"]
_COLUMNS = ("project", "key", "assignee_id", "assignee", "named_customer")


def upgrade() -> None:
    """Apply."""
    op.drop_index("ix_cycles_open", table_name="cycles")
    with op.batch_alter_table("cycles", schema=None) as batch_op:
        for name in _COLUMNS:
            batch_op.add_column(sa.Column(name, sa.String(), nullable=True))
    op.execute(
        'UPDATE cycles SET (project, "key", assignee_id, assignee, named_customer) = ('
        "SELECT issues.project, issues.key, issues.assignee_id, substr(issues.assignee, 1, 255), "
        "substr(issues.customer, 1, 255) FROM issues "
        "WHERE issues.site = cycles.site AND issues.issue_id = cycles.issue_id)"
    )
    for name, columns in _INDEXES.items():
        _index(name, columns)
    op.create_index(
        "ix_cycles_customer", "cycles", ["site", "named_customer", "customer", "contract"]
    )
    op.create_index("ix_issues_project", "issues", ["site", "project"])


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_issues_project", table_name="issues")
    op.drop_index("ix_cycles_customer", table_name="cycles")
    for name in reversed(_INDEXES):
        op.drop_index(name, table_name="cycles")
    with op.batch_alter_table("cycles", schema=None) as batch_op:
        for name in reversed(_COLUMNS):
            batch_op.drop_column(name)
    _index("ix_cycles_open", _BEFORE)


def _index(name: str, columns: list[str]) -> None:
    op.create_index(
        name, "cycles", columns, sqlite_where=sa.text(_OPEN), postgresql_where=sa.text(_OPEN)
    )
