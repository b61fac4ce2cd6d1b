"""Files whose reading was given up, to be taken up again."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

UPLOAD = "record_upload"


def upgrade() -> None:
    """Only what is new: programs of the release before go on beside it."""
    op.add_column(UPLOAD, sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        UPLOAD, sa.Column("resumed", sa.Integer(), nullable=False, server_default=sa.text("0"))
    )


def downgrade() -> None:
    with op.batch_alter_table(UPLOAD) as table:
        table.drop_column("resumed")
        table.drop_column("stopped_at")
