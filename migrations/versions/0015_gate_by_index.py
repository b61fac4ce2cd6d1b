"""What the gate asks for is found by one step down an index: open marks, newest events."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

OPEN, LAST = "ix_dispute_mark_open", "ix_event_of_entity"
# What they and a unique constraint make superfluous.
OPEN_BEFORE, LAST_BEFORE = "ix_dispute_mark_record_id", "ix_event_entity"


def upgrade() -> None:
    is_open = sa.text("lifted_at IS NULL")
    op.create_index(
        OPEN, "dispute_mark", ["record_id"], sqlite_where=is_open, postgresql_where=is_open
    )
    op.create_index(LAST, "event", ["entity", "id"])
    op.drop_index(OPEN_BEFORE, "dispute_mark")
    op.drop_index(LAST_BEFORE, "event")


def downgrade() -> None:
    op.create_index(LAST_BEFORE, "event", ["entity"])
    op.create_index(OPEN_BEFORE, "dispute_mark", ["record_id"])
    op.drop_index(LAST, "event")
    op.drop_index(OPEN, "dispute_mark")
