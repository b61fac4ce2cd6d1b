"""The report on a step in several matters has a table of its own: it was kept as a draft."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

REPORT, OWNER = "step_report", "ix_step_report_account_id"
DRAFT = sa.table("draft", sa.column("page", sa.String))


def upgrade() -> None:
    """What stood among the drafts is let go: it was there to be read once, at that address."""
    op.create_table(
        REPORT,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("report", sa.JSON(none_as_null=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_step_report_account_id_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_step_report")),
        sa.UniqueConstraint("name", name=op.f("uq_step_report_name")),
    )
    op.create_index(OWNER, REPORT, ["account_id"])
    op.execute(sa.delete(DRAFT).where(DRAFT.c.page.startswith("/work/steps/")))


def downgrade() -> None:
    op.drop_index(OWNER, REPORT)
    op.drop_table(REPORT)
