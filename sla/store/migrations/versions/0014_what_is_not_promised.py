"""The board tells of the open issues for which a contract promises nothing: they have an index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_WHERE = "policy_version IS NULL AND fields_wanted IS NOT NULL"


def upgrade() -> None:
    """Apply."""
    op.create_index(
        "ix_issues_unpromised", "issues", ["site", "issue_id"],
        sqlite_where=sa.text(_WHERE), postgresql_where=sa.text(_WHERE),
    )  # fmt: skip


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_issues_unpromised", table_name="issues")
