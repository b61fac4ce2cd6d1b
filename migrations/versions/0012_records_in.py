"""Records in at scale: uploads in parts, what each row led to, licences and lists."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BATCH, ROW = "import_batch", "import_row"
UPLOAD, PART, ENTRY = "record_upload", "upload_part", "listed_entry"


def upgrade() -> None:
    """Only what is new: programs of the release before go on beside it."""
    op.add_column(BATCH, sa.Column("kind", sa.String(), nullable=False, server_default="penalties"))
    op.add_column(BATCH, sa.Column("tally", sa.JSON(none_as_null=True), nullable=True))
    op.add_column(ROW, sa.Column("ref", sa.String(), nullable=True))
    op.create_table(
        UPLOAD,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("provider_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("received", sa.Integer(), nullable=False),
        sa.Column("read", sa.Integer(), nullable=False),
        sa.Column("standing", sa.String(), nullable=False),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("problem_zh", sa.String(), nullable=True),
        sa.Column("problem_en", sa.String(), nullable=True),
        sa.Column("batch_id", sa.Integer(), nullable=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "standing IN ('receiving', 'waiting', 'reading', 'done', 'failed', 'dropped')",
            name=op.f("ck_record_upload_standing"),
        ),
        sa.CheckConstraint("received <= size", name=op.f("ck_record_upload_received_of_size")),
        sa.CheckConstraint(
            "(standing IN ('done', 'failed', 'dropped')) = (ended_at IS NOT NULL)",
            name=op.f("ck_record_upload_ended_at"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_record_upload_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["import_batch.id"], name=op.f("fk_record_upload_batch_id_import_batch")
        ),
        sa.ForeignKeyConstraint(
            ["provider_id"],
            ["organisation.id"],
            name=op.f("fk_record_upload_provider_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record_upload")),
        sa.UniqueConstraint("batch_id", name=op.f("uq_record_upload_batch_id")),
        sa.UniqueConstraint("ref", name=op.f("uq_record_upload_ref")),
    )
    op.create_index(op.f("ix_record_upload_provider_id"), UPLOAD, ["provider_id"])
    op.create_index(
        "ix_record_upload_open",
        UPLOAD,
        ["touched_at"],
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        PART,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("upload_id", sa.Integer(), nullable=False),
        sa.Column("start", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["upload_id"], ["record_upload.id"], name=op.f("fk_upload_part_upload_id_record_upload")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload_part")),
        sa.UniqueConstraint("upload_id", "start", name=op.f("uq_upload_part_upload_id")),
    )
    op.create_table(
        ENTRY,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=False),
        sa.Column("provider_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("removed_on", sa.Date(), nullable=True),
        sa.Column("content", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["import_batch.id"], name=op.f("fk_listed_entry_batch_id_import_batch")
        ),
        sa.ForeignKeyConstraint(
            ["provider_id"],
            ["organisation.id"],
            name=op.f("fk_listed_entry_provider_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"],
            ["organisation.id"],
            name=op.f("fk_listed_entry_subject_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listed_entry")),
        sa.UniqueConstraint(
            "kind", "provider_id", "subject_id", "number", "decided_on", name="uq_listed_entry_key"
        ),
    )
    op.create_index(op.f("ix_listed_entry_batch_id"), ENTRY, ["batch_id"])
    op.create_index(op.f("ix_listed_entry_provider_id"), ENTRY, ["provider_id"])
    op.create_index("ix_listed_entry_subject", ENTRY, ["subject_id", "kind", "id"])


def downgrade() -> None:
    op.drop_table(ENTRY)
    op.drop_table(PART)
    op.drop_table(UPLOAD)
    with op.batch_alter_table(ROW) as table:
        table.drop_column("ref")
    with op.batch_alter_table(BATCH) as table:
        table.drop_column("tally")
        table.drop_column("kind")
