"""The enforcement gate: what was asked, for what purpose, and what was answered."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ENQUIRY = "enquiry"


def upgrade() -> None:
    """Only what is new: programs of the release before go on beside it."""
    op.create_table(
        ENQUIRY,
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("client", sa.String(), nullable=True),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("uscc", sa.String(), nullable=False),
        sa.Column("measure", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enquiry")),
    )
    op.create_index("ix_enquiry_uscc", ENQUIRY, ["uscc", "id"])
    op.create_index("ix_enquiry_organisation", ENQUIRY, ["organisation_id", "id"])


def downgrade() -> None:
    """The enquiries are lost."""
    op.drop_table(ENQUIRY)
