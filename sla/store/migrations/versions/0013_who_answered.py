"""Who met a promise; of those that a comment met before, its author is looked up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_AUTHOR = {
    "sqlite": "json_extract(CAST(e.data AS TEXT), '$.author.id')",
    "postgresql": "convert_from(e.data, 'UTF8')::json #>> '{author,id}'",
}
_IS_PUBLIC = {
    "sqlite": "json_extract(CAST(e.data AS TEXT), '$.public') = 1",
    "postgresql": "(convert_from(e.data, 'UTF8')::json ->> 'public')::boolean",
}


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("cycles", schema=None) as batch_op:
        batch_op.add_column(sa.Column("answered_by", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("answered_name", sa.String(), nullable=True))
    # Who made a change was not kept then: what a change met stays without a name.
    dialect = op.get_context().dialect.name
    op.execute(
        f"UPDATE cycles SET answered_by = (SELECT {_AUTHOR[dialect]} FROM events e "  # noqa: S608
        "WHERE e.site = cycles.site AND e.issue_id = cycles.issue_id AND e.kind = 'CommentSeen' "
        f"AND e.at = cycles.stopped_at AND {_IS_PUBLIC[dialect]} ORDER BY e.identity LIMIT 1) "
        "WHERE stopped_at IS NOT NULL"
    )


def downgrade() -> None:
    """Take back."""
    with op.batch_alter_table("cycles", schema=None) as batch_op:
        batch_op.drop_column("answered_name")
        batch_op.drop_column("answered_by")
