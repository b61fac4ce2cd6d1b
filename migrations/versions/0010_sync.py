"""Platforms, what changed for publication, and what is owed to each of them."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "change_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_change_head"),
    )
    op.create_table(
        "change_intake",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("next_id", sa.Integer(), nullable=False),
        sa.Column("last_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_change_intake"),
    )
    op.create_table(
        "change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("record_ref", sa.String(), nullable=False),
        sa.Column("provider_id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("shown", sa.Boolean(), nullable=False),
        sa.Column("payload", sa.String(), nullable=True),
        sa.Column("payload_hash", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name="fk_change_event_id_event"),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["organisation.id"], name="fk_change_provider_id_organisation"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_change"),
        sa.UniqueConstraint("position", name="uq_change_position"),
    )
    op.create_index("ix_change_record", "change", ["record_ref", "id"])
    op.create_index(
        "ix_change_to_order",
        "change",
        ["id"],
        sqlite_where=sa.text("position IS NULL"),
        postgresql_where=sa.text("position IS NULL"),
    )
    op.create_table(
        "platform",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name_zh", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("delivery", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=True),
        sa.Column("owner_email", sa.String(), nullable=False),
        sa.Column("term_days", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=True),
        sa.Column("standing", sa.String(), nullable=False),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("problem_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("rotated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unreachable_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told", sa.String(), nullable=True),
        sa.Column("tell_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tell_tries", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(delivery = 'webhook') = (url IS NOT NULL)", name="url_if_webhook"),
        sa.CheckConstraint(
            "(standing = 'active') = (problem IS NULL)", name="problem_if_not_active"
        ),
        sa.CheckConstraint("delivery IN ('webhook', 'pull', 'file')", name="delivery"),
        sa.CheckConstraint(
            "kind IN ('national', 'provincial', 'city', 'enterprise_publicity', 'source_agency', 'third_party')",
            name="kind",
        ),
        sa.CheckConstraint("standing IN ('active', 'parked', 'disabled')", name="standing"),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name="fk_platform_organisation_id_organisation",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_platform"),
        sa.UniqueConstraint("code", name="uq_platform_code"),
    )
    op.create_index("ix_platform_organisation_id", "platform", ["organisation_id"])
    op.create_table(
        "obligation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("platform_id", sa.Integer(), nullable=False),
        sa.Column("change_id", sa.Integer(), nullable=False),
        sa.Column("record_ref", sa.String(), nullable=False),
        sa.Column("standing", sa.String(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("platform_hash", sa.String(), nullable=True),
        sa.Column("because", sa.String(), nullable=False),
        sa.CheckConstraint(
            "(standing = 'acknowledged') = (acknowledged_at IS NOT NULL)",
            name="acknowledged_at",
        ),
        sa.CheckConstraint(
            "standing IN ('waiting', 'acknowledged', 'superseded', 'failed')",
            name="standing",
        ),
        sa.ForeignKeyConstraint(
            ["change_id"], ["change.id"], name="fk_obligation_change_id_change"
        ),
        sa.ForeignKeyConstraint(
            ["platform_id"], ["platform.id"], name="fk_obligation_platform_id_platform"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_obligation"),
    )
    op.create_index("ix_obligation_change_id", "obligation", ["change_id"])
    op.create_index(
        "ix_obligation_due",
        "obligation",
        ["platform_id", "next_try_at"],
        sqlite_where=sa.text("standing = 'waiting'"),
        postgresql_where=sa.text("standing = 'waiting'"),
    )
    op.create_index(
        "ix_obligation_late",
        "obligation",
        ["platform_id", "due_on"],
        sqlite_where=sa.text("standing IN ('waiting', 'failed')"),
        postgresql_where=sa.text("standing IN ('waiting', 'failed')"),
    )
    op.create_index("ix_obligation_record", "obligation", ["record_ref", "platform_id", "id"])
    op.create_index(
        "uq_obligation_open",
        "obligation",
        ["platform_id", "record_ref"],
        unique=True,
        sqlite_where=sa.text("standing IN ('waiting', 'failed')"),
        postgresql_where=sa.text("standing IN ('waiting', 'failed')"),
    )

    # What is published already is handed out like what an import brings in.
    op.execute(
        "INSERT INTO change_intake (next_id, last_id) "
        "SELECT min(id), max(id) FROM credit_record HAVING count(*) > 0"
    )


def downgrade() -> None:
    op.drop_table("obligation")
    op.drop_table("platform")
    op.drop_table("change")
    op.drop_table("change_intake")
    op.drop_table("change_head")
