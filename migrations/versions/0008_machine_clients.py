"""The API: clients of organisations, their tokens, answers kept for a key."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

CLIENT, TOKEN, ANSWER, ACCOUNT = "machine_client", "access_token", "kept_answer", "account"
MACHINE = "is_machine"


def upgrade() -> None:
    """Only what is new: programs of the release before go on beside it."""
    op.add_column(
        ACCOUNT, sa.Column(MACHINE, sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.create_table(
        CLIENT,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("scopes", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("secret_digest", sa.String(), nullable=False),
        sa.Column("former_digest", sa.String(), nullable=True),
        sa.Column("former_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(former_digest IS NULL) = (former_until IS NULL)",
            name=op.f("ck_machine_client_former_secret_has_an_end"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_machine_client_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_machine_client_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_machine_client")),
        sa.UniqueConstraint("account_id", name=op.f("uq_machine_client_account_id")),
        sa.UniqueConstraint("client_id", name=op.f("uq_machine_client_client_id")),
    )
    op.create_index(op.f("ix_machine_client_organisation_id"), CLIENT, ["organisation_id"])
    op.create_table(
        TOKEN,
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("scopes", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["machine_client.id"],
            name=op.f("fk_access_token_client_id_machine_client"),
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_access_token")),
    )
    op.create_index(op.f("ix_access_token_client_id"), TOKEN, ["client_id"])
    op.create_index(op.f("ix_access_token_expires_at"), TOKEN, ["expires_at"])
    op.create_table(
        ANSWER,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("request_digest", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["machine_client.id"],
            name=op.f("fk_kept_answer_client_id_machine_client"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_answer")),
        sa.UniqueConstraint("client_id", "key", name=op.f("uq_kept_answer_client_id")),
    )
    op.create_index("ix_kept_answer_kept_at", ANSWER, ["kept_at"])


def downgrade() -> None:
    op.drop_table(ANSWER)
    op.drop_table(TOKEN)
    op.drop_table(CLIENT)
    with op.batch_alter_table(ACCOUNT) as table:
        table.drop_column(MACHINE)
