"""Letters, messages, desks, drafts, exports, viewings; names found by their parts."""

import sqlalchemy as sa
from alembic import op

from repair_app.name_index import fold, name_terms

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "draft",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("page", sa.String(), nullable=False),
        sa.Column("values", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_draft_account_id_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draft")),
        sa.UniqueConstraint("account_id", "page", name=op.f("uq_draft_account_id")),
    )
    op.create_table(
        "export",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("page", sa.String(), nullable=False),
        sa.Column("query", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("form", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("rows_done", sa.Integer(), nullable=False),
        sa.Column("rows_all", sa.Integer(), nullable=True),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "sha256 IS NULL OR done_at IS NOT NULL", name=op.f("ck_export_done_at_if_there")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_export_account_id_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export")),
        sa.UniqueConstraint("ref", name=op.f("uq_export_ref")),
    )
    with op.batch_alter_table("export", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_export_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_export_asked_at"), ["asked_at"], unique=False)

    op.create_table(
        "message",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("occasion", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("entity_ref", sa.String(), nullable=False),
        sa.Column("case_ref", sa.String(), nullable=True),
        sa.Column("content", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mail_state", sa.String(), nullable=False),
        sa.Column("mail_tries", sa.Integer(), nullable=False),
        sa.Column("mail_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mail_problem", sa.String(), nullable=True),
        sa.Column("mailed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "mail_state IN ('none', 'waiting', 'gathered', 'sent', 'failed')",
            name=op.f("ck_message_mail_state"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_message_account_id_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sa.UniqueConstraint("account_id", "occasion", name="uq_message_occasion"),
    )
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.create_index("ix_message_inbox", ["account_id", "id"], unique=False)
        batch_op.create_index(
            "ix_message_to_mail",
            ["mail_state", "id"],
            unique=False,
            sqlite_where=sa.text("mail_state IN ('waiting', 'gathered')"),
            postgresql_where=sa.text("mail_state IN ('waiting', 'gathered')"),
        )
        batch_op.create_index(
            "ix_message_unread",
            ["account_id"],
            unique=False,
            sqlite_where=sa.text("read_at IS NULL"),
            postgresql_where=sa.text("read_at IS NULL"),
        )
        batch_op.create_index(
            "ix_message_urging",
            ["case_ref"],
            unique=False,
            sqlite_where=sa.text("kind = 'urging'"),
            postgresql_where=sa.text("kind = 'urging'"),
        )

    op.create_table(
        "saved_search",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("page", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("query", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_saved_search_account_id_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_search")),
        sa.UniqueConstraint("account_id", "page", "name", name=op.f("uq_saved_search_account_id")),
    )
    with op.batch_alter_table("saved_search", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_saved_search_account_id"), ["account_id"], unique=False
        )

    op.create_table(
        "staged_upload",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("page", sa.String(), nullable=False),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("staged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_staged_upload_account_id_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staged_upload")),
        sa.UniqueConstraint("token", name=op.f("uq_staged_upload_token")),
    )
    with op.batch_alter_table("staged_upload", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_staged_upload_account_id"), ["account_id"], unique=False
        )

    op.create_table(
        "viewing",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=False),
        sa.Column("entity_ref", sa.String(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=True),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_viewing_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_viewing_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["organisation.id"], name=op.f("fk_viewing_subject_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_viewing")),
        sa.UniqueConstraint("subject_id", "entity_ref", "account_id", "day", name="uq_viewing_day"),
    )
    op.create_index("ix_viewing_subject", "viewing", ["subject_id", "id"])
    op.create_table(
        "own_report",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_own_report_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_own_report_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_own_report")),
        sa.UniqueConstraint("code", name=op.f("uq_own_report_code")),
        sa.UniqueConstraint("ref", name=op.f("uq_own_report_ref")),
    )
    op.create_index("ix_own_report_organisation_id", "own_report", ["organisation_id"])
    op.create_table(
        "case_note",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=True),
        sa.Column("entity_ref", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("named_id", sa.Integer(), nullable=True),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('note', 'claimed', 'assigned', 'released')", name=op.f("ck_case_note_kind")
        ),
        sa.CheckConstraint(
            "(kind = 'assigned') = (named_id IS NOT NULL)",
            name=op.f("ck_case_note_named_if_assigned"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_case_note_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["named_id"], ["account.id"], name=op.f("fk_case_note_named_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case_file.id"], name=op.f("fk_case_note_case_id_case_file")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_case_note_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_note")),
    )
    with op.batch_alter_table("case_note", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_case_note_case_id"), ["case_id"], unique=False)

    op.create_table(
        "letter",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("template", sa.String(), nullable=False),
        sa.Column("entity_ref", sa.String(), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=True),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=True),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("content", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case_file.id"], name=op.f("fk_letter_case_id_case_file")
        ),
        sa.ForeignKeyConstraint(
            ["ended_by_id"], ["event.id"], name=op.f("fk_letter_ended_by_id_event")
        ),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_letter_event_id_event")),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_letter_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_letter_person_id_person")
        ),
        sa.ForeignKeyConstraint(
            ["record_id"], ["credit_record.id"], name=op.f("fk_letter_record_id_credit_record")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letter")),
        sa.UniqueConstraint("code", name=op.f("uq_letter_code")),
        sa.UniqueConstraint("ref", name=op.f("uq_letter_ref")),
    )
    with op.batch_alter_table("letter", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_letter_case_id"), ["case_id"], unique=False)
        batch_op.create_index("ix_letter_entity", ["entity_ref", "kind"], unique=False)
        batch_op.create_index(batch_op.f("ix_letter_event_id"), ["event_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_letter_organisation_id"), ["organisation_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_letter_person_id"), ["person_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_letter_record_id"), ["record_id"], unique=False)

    with op.batch_alter_table("deadline", schema=None) as batch_op:
        batch_op.add_column(sa.Column("assignee_id", sa.Integer(), nullable=True))
        batch_op.create_index(
            "ix_deadline_assignee",
            ["assignee_id", "owner", "due_on", "id", "whole", "paused_on"],
            unique=False,
            sqlite_where=sa.text("met_at IS NULL"),
            postgresql_where=sa.text("met_at IS NULL"),
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_deadline_assignee_id_account"), "account", ["assignee_id"], ["id"]
        )

    op.add_column(
        "account", sa.Column("language", sa.String(), nullable=False, server_default="zh_Hans_CN")
    )
    op.add_column(
        "account", sa.Column("mail_mode", sa.String(), nullable=False, server_default="at_once")
    )
    op.add_column("account", sa.Column("feed_token", sa.String(), nullable=True))
    op.add_column("institution_registration", sa.Column("suspended_on", sa.Date(), nullable=True))
    op.create_index("ix_account_feed_token", "account", ["feed_token"], unique=True)
    op.add_column(
        "organisation", sa.Column("search_name", sa.String(), nullable=False, server_default="")
    )
    op.add_column(
        "organisation", sa.Column("search_terms", sa.String(), nullable=False, server_default="")
    )
    fill_search_terms()
    index_search_terms()
    op.create_index("ix_credit_record_state", "credit_record", ["state", "id"])
    op.drop_index("ix_credit_record_subject", "credit_record")
    op.create_index(
        "ix_credit_record_subject",
        "credit_record",
        ["subject_id", "state", "max_publication_until", "id"],
    )


def fill_search_terms() -> None:
    """Compute what the names that are on file are found by."""
    connection = op.get_bind()
    organisation = sa.table(
        "organisation",
        *(sa.column(one) for one in ("id", "name", "search_name", "search_terms")),
    )
    rows = connection.execute(sa.select(organisation.c.id, organisation.c.name)).all()
    changes = [
        {"number": row.id, "folded": fold(row.name), "terms": name_terms(row.name)} for row in rows
    ]
    if changes:
        connection.execute(
            sa.update(organisation)
            .where(organisation.c.id == sa.bindparam("number"))
            .values(search_name=sa.bindparam("folded"), search_terms=sa.bindparam("terms")),
            changes,
        )


def index_search_terms() -> None:
    """Index the terms: by GIN on PostgreSQL, by FTS5 on SQLite, kept up by triggers.

    fastupdate: a long list of what waits to be indexed would slow each search down.
    """
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE INDEX ix_organisation_search_terms ON organisation USING gin "
            "(array_to_tsvector(string_to_array(search_terms, ' '))) "
            "WITH (fastupdate = on, gin_pending_list_limit = 512)"
        )
        return
    op.execute(
        "CREATE VIRTUAL TABLE organisation_search USING fts5(search_terms, "
        "content='organisation', content_rowid='id', detail=none, columnsize=0, "
        "tokenize=\"unicode61 remove_diacritics 0 categories 'L* M* N* P* S* C*'\")"
    )
    add = "INSERT INTO organisation_search(rowid, search_terms) VALUES (new.id, new.search_terms);"
    remove = (
        "INSERT INTO organisation_search(organisation_search, rowid, search_terms) "
        "VALUES ('delete', old.id, old.search_terms);"
    )
    for name, when, steps in (
        ("added", "INSERT", add),
        ("renamed", "UPDATE OF id, search_terms", remove + add),
        ("removed", "DELETE", remove),
    ):
        op.execute(
            f"CREATE TRIGGER organisation_search_{name} AFTER {when} ON organisation "
            f"BEGIN {steps} END"
        )
    op.execute("INSERT INTO organisation_search(organisation_search) VALUES ('rebuild')")


def downgrade() -> None:
    op.drop_index("ix_credit_record_subject", "credit_record")
    op.create_index(
        "ix_credit_record_subject",
        "credit_record",
        ["subject_id", "state", "max_publication_until"],
    )
    op.drop_index("ix_credit_record_state", "credit_record")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP INDEX ix_organisation_search_terms")
    else:
        for name in ("added", "renamed", "removed"):
            op.execute(f"DROP TRIGGER organisation_search_{name}")
        op.execute("DROP TABLE organisation_search")
    op.drop_column("organisation", "search_terms")
    op.drop_column("organisation", "search_name")
    with op.batch_alter_table("deadline", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_deadline_assignee_id_account"), type_="foreignkey")
        batch_op.drop_index("ix_deadline_assignee")
        batch_op.drop_column("assignee_id")

    op.drop_column("institution_registration", "suspended_on")
    op.drop_index("ix_account_feed_token", "account")
    for column in ("feed_token", "mail_mode", "language"):
        op.drop_column("account", column)
    with op.batch_alter_table("letter", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_letter_record_id"))
        batch_op.drop_index(batch_op.f("ix_letter_person_id"))
        batch_op.drop_index(batch_op.f("ix_letter_organisation_id"))
        batch_op.drop_index(batch_op.f("ix_letter_event_id"))
        batch_op.drop_index("ix_letter_entity")
        batch_op.drop_index(batch_op.f("ix_letter_case_id"))

    op.drop_table("letter")
    with op.batch_alter_table("case_note", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_case_note_case_id"))

    op.drop_table("case_note")
    op.drop_table("viewing")
    op.drop_table("own_report")
    with op.batch_alter_table("staged_upload", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_staged_upload_account_id"))

    op.drop_table("staged_upload")
    with op.batch_alter_table("saved_search", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_saved_search_account_id"))

    op.drop_table("saved_search")
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_message_urging",
            sqlite_where=sa.text("kind = 'urging'"),
            postgresql_where=sa.text("kind = 'urging'"),
        )
        batch_op.drop_index(
            "ix_message_unread",
            sqlite_where=sa.text("read_at IS NULL"),
            postgresql_where=sa.text("read_at IS NULL"),
        )
        batch_op.drop_index(
            "ix_message_to_mail",
            sqlite_where=sa.text("mail_state IN ('waiting', 'gathered')"),
            postgresql_where=sa.text("mail_state IN ('waiting', 'gathered')"),
        )
        batch_op.drop_index("ix_message_inbox")

    op.drop_table("message")
    with op.batch_alter_table("export", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_export_account_id"))

    op.drop_table("export")
    op.drop_table("draft")
