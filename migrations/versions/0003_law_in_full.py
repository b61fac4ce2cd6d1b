"""The law in full: calendar, doors, delegation, further matters."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alarm",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("entity_ref", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarm")),
    )
    with op.batch_alter_table("alarm", schema=None) as batch_op:
        batch_op.create_index(
            "uq_alarm_open",
            ["kind", "entity_ref", "about"],
            unique=True,
            sqlite_where=sa.text("cleared_at IS NULL"),
            postgresql_where=sa.text("cleared_at IS NULL"),
        )

    op.create_table(
        "version_move",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("workflow", sa.String(), nullable=False),
        sa.Column("entity_ref", sa.String(), nullable=False),
        sa.Column("from_version", sa.String(), nullable=False),
        sa.Column("from_state", sa.String(), nullable=False),
        sa.Column("from_pack", sa.String(), nullable=False),
        sa.Column("from_pack_hash", sa.String(), nullable=False),
        sa.Column("from_terms", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("to_version", sa.String(), nullable=False),
        sa.Column("version_after", sa.Integer(), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_version_move")),
        sa.UniqueConstraint("run", "entity_ref", name=op.f("uq_version_move_run")),
    )
    op.create_table(
        "institution_registration",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "service IN ('training', 'credit_report')",
            name=op.f("ck_institution_registration_service_is_known"),
        ),
        sa.CheckConstraint(
            "valid_until >= valid_from",
            name=op.f("ck_institution_registration_ends_after_it_begins"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_institution_registration_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_institution_registration")),
        sa.UniqueConstraint("service", "number", name=op.f("uq_institution_registration_service")),
    )
    with op.batch_alter_table("institution_registration", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_institution_registration_organisation_id"),
            ["organisation_id"],
            unique=False,
        )

    op.create_table(
        "training_date",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organiser_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("held_on", sa.Date(), nullable=False),
        sa.Column("hours", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.Column("announced_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("called_off_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("seats > 0", name=op.f("ck_training_date_seats_for_somebody")),
        sa.ForeignKeyConstraint(
            ["organiser_id"],
            ["organisation.id"],
            name=op.f("fk_training_date_organiser_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_date")),
    )
    with op.batch_alter_table("training_date", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_training_date_held_on"), ["held_on"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_training_date_organiser_id"), ["organiser_id"], unique=False
        )

    op.create_table(
        "calendar_edition",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by_id", sa.Integer(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("announces", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["made_by_id"], ["account.id"], name=op.f("fk_calendar_edition_made_by_id_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_edition")),
    )
    op.create_table(
        "calendar_day",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("edition_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("works", sa.Boolean(), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["edition_id"],
            ["calendar_edition.id"],
            name=op.f("fk_calendar_day_edition_id_calendar_edition"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_day")),
        sa.UniqueConstraint("edition_id", "day", name=op.f("uq_calendar_day_edition_id")),
    )
    op.create_table(
        "complaint",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("code_digest", sa.String(), nullable=False),
        sa.Column("capacity", sa.String(), nullable=False),
        sa.Column("statement", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case_file.id"], name=op.f("fk_complaint_case_id_case_file")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaint")),
        sa.UniqueConstraint("case_id", name=op.f("uq_complaint_case_id")),
        sa.UniqueConstraint("code_digest", name=op.f("uq_complaint_code_digest")),
    )
    op.create_table(
        "finding",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("facts", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("case_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case_file.id"], name=op.f("fk_finding_case_id_case_file")
        ),
        sa.ForeignKeyConstraint(
            ["record_id"], ["credit_record.id"], name=op.f("fk_finding_record_id_credit_record")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_finding")),
        sa.UniqueConstraint("record_id", "kind", "digest", name=op.f("uq_finding_record_id")),
    )
    with op.batch_alter_table("finding", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_finding_case_id"), ["case_id"], unique=False)
        batch_op.create_index(
            "ix_finding_open",
            ["id"],
            unique=False,
            sqlite_where=sa.text("cleared_at IS NULL"),
            postgresql_where=sa.text("cleared_at IS NULL"),
        )

    op.create_table(
        "inspection_item",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("entity_ref", sa.String(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("looked_by_id", sa.Integer(), nullable=True),
        sa.Column("result", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("case_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case_file.id"], name=op.f("fk_inspection_item_case_id_case_file")
        ),
        sa.ForeignKeyConstraint(
            ["looked_by_id"], ["account.id"], name=op.f("fk_inspection_item_looked_by_id_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inspection_item")),
        sa.UniqueConstraint("week", "entity_ref", name=op.f("uq_inspection_item_week")),
    )
    with op.batch_alter_table("inspection_item", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_inspection_item_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_inspection_item_week"), ["week"], unique=False)

    op.create_table(
        "proceeding_mark",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case_file.id"], name=op.f("fk_proceeding_mark_case_id_case_file")
        ),
        sa.ForeignKeyConstraint(
            ["record_id"],
            ["credit_record.id"],
            name=op.f("fk_proceeding_mark_record_id_credit_record"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proceeding_mark")),
        sa.UniqueConstraint("record_id", "case_id", name=op.f("uq_proceeding_mark_record_id")),
    )
    with op.batch_alter_table("proceeding_mark", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_proceeding_mark_case_id"), ["case_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_proceeding_mark_record_id"), ["record_id"], unique=False
        )

    op.create_table(
        "quarantined_row",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("about_id", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("columns", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=True),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["about_id"],
            ["credit_record.id"],
            name=op.f("fk_quarantined_row_about_id_credit_record"),
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["import_batch.id"], name=op.f("fk_quarantined_row_batch_id_import_batch")
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case_file.id"], name=op.f("fk_quarantined_row_case_id_case_file")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantined_row")),
        sa.UniqueConstraint("about_id", "fingerprint", name=op.f("uq_quarantined_row_about_id")),
        sa.UniqueConstraint("case_id", name=op.f("uq_quarantined_row_case_id")),
    )
    with op.batch_alter_table("quarantined_row", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_quarantined_row_batch_id"), ["batch_id"], unique=False)

    op.create_table(
        "sanction_execution",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sanction_id", sa.Integer(), nullable=False),
        sa.Column("happened_on", sa.Date(), nullable=False),
        sa.Column("executed", sa.Boolean(), nullable=False),
        sa.Column("incident", sa.String(), nullable=True),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["sanction_id"],
            ["sanction.id"],
            name=op.f("fk_sanction_execution_sanction_id_sanction"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sanction_execution")),
    )
    with op.batch_alter_table("sanction_execution", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_sanction_execution_sanction_id"), ["sanction_id"], unique=False
        )

    op.create_table(
        "talk",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("meets_on", sa.Date(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("held_on", sa.Date(), nullable=True),
        sa.Column("signed_by_subject", sa.Boolean(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case_file.id"], name=op.f("fk_talk_case_id_case_file")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_talk")),
        sa.UniqueConstraint("case_id", name=op.f("uq_talk_case_id")),
    )
    op.create_table(
        "commitment_fulfilment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("requirement_id", sa.Integer(), nullable=False),
        sa.Column("announced_by_id", sa.Integer(), nullable=True),
        sa.Column("unfulfilled", sa.String(), nullable=True),
        sa.Column("liability", sa.String(), nullable=True),
        sa.Column("recognised_on", sa.Date(), nullable=True),
        sa.Column("recognised_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["announced_by_id"],
            ["person.id"],
            name=op.f("fk_commitment_fulfilment_announced_by_id_person"),
        ),
        sa.ForeignKeyConstraint(
            ["recognised_by_id"],
            ["organisation.id"],
            name=op.f("fk_commitment_fulfilment_recognised_by_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["requirement_id"],
            ["requirement.id"],
            name=op.f("fk_commitment_fulfilment_requirement_id_requirement"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commitment_fulfilment")),
        sa.UniqueConstraint("requirement_id", name=op.f("uq_commitment_fulfilment_requirement_id")),
    )
    op.create_table(
        "complaint_contact",
        sa.Column("complaint_id", sa.Integer(), nullable=False),
        sa.Column("contact", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["complaint_id"],
            ["complaint.id"],
            name=op.f("fk_complaint_contact_complaint_id_complaint"),
        ),
        sa.PrimaryKeyConstraint("complaint_id", name=op.f("pk_complaint_contact")),
    )
    op.create_table(
        "complaint_paper",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("complaint_id", sa.Integer(), nullable=False),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["complaint_id"],
            ["complaint.id"],
            name=op.f("fk_complaint_paper_complaint_id_complaint"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaint_paper")),
    )
    with op.batch_alter_table("complaint_paper", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_complaint_paper_complaint_id"), ["complaint_id"], unique=False
        )

    op.create_table(
        "course_enrolment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("requirement_id", sa.Integer(), nullable=False),
        sa.Column("course", sa.String(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("lessons", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("pass_mark", sa.Integer(), nullable=False),
        sa.Column("tries_a_day", sa.Integer(), nullable=False),
        sa.Column("valid_months", sa.Integer(), nullable=False),
        sa.Column("lessons_read", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["requirement_id"],
            ["requirement.id"],
            name=op.f("fk_course_enrolment_requirement_id_requirement"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_course_enrolment")),
        sa.UniqueConstraint(
            "requirement_id", "course", name=op.f("uq_course_enrolment_requirement_id")
        ),
    )
    with op.batch_alter_table("course_enrolment", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_course_enrolment_requirement_id"), ["requirement_id"], unique=False
        )

    op.create_table(
        "training_booking",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("requirement_id", sa.Integer(), nullable=False),
        sa.Column("training_id", sa.Integer(), nullable=False),
        sa.Column("attended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["requirement_id"],
            ["requirement.id"],
            name=op.f("fk_training_booking_requirement_id_requirement"),
        ),
        sa.ForeignKeyConstraint(
            ["training_id"],
            ["training_date.id"],
            name=op.f("fk_training_booking_training_id_training_date"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_booking")),
        sa.UniqueConstraint(
            "requirement_id", "training_id", name=op.f("uq_training_booking_requirement_id")
        ),
    )
    with op.batch_alter_table("training_booking", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_training_booking_requirement_id"), ["requirement_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_training_booking_training_id"), ["training_id"], unique=False
        )

    op.create_table(
        "test_attempt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("enrolment_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("questions", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("answers", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("marks", sa.Integer(), nullable=True),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("begun_on", sa.Date(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("handed_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(handed_in_at IS NULL) = (marks IS NULL)",
            name=op.f("ck_test_attempt_marked_when_it_is_handed_in"),
        ),
        sa.CheckConstraint(
            "marks BETWEEN 0 AND 100", name=op.f("ck_test_attempt_marks_of_a_hundred")
        ),
        sa.ForeignKeyConstraint(
            ["enrolment_id"],
            ["course_enrolment.id"],
            name=op.f("fk_test_attempt_enrolment_id_course_enrolment"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_test_attempt_person_id_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_test_attempt")),
    )
    with op.batch_alter_table("test_attempt", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_test_attempt_enrolment_id"), ["enrolment_id"], unique=False
        )

    with op.batch_alter_table("case_file", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("door", sa.String(), nullable=False, server_default="subject")
        )
        batch_op.add_column(sa.Column("centre_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("higher_centre_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("department_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("about_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("person_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("outcome", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("entered_by_id", sa.Integer(), nullable=True))
        batch_op.create_index(batch_op.f("ix_case_file_about_id"), ["about_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_case_file_centre_id"), ["centre_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_case_file_department_id"), ["department_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_case_file_higher_centre_id"), ["higher_centre_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_case_file_person_id"), ["person_id"], unique=False)
        batch_op.create_index(
            "uq_case_file_open_ground_person",
            ["record_id", "workflow", "ground", "person_id"],
            unique=True,
            sqlite_where=sa.text("closed_at IS NULL AND person_id IS NOT NULL"),
            postgresql_where=sa.text("closed_at IS NULL AND person_id IS NOT NULL"),
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_case_file_person_id_person"), "person", ["person_id"], ["id"]
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_case_file_centre_id_organisation"), "organisation", ["centre_id"], ["id"]
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_case_file_about_id_case_file"), "case_file", ["about_id"], ["id"]
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_case_file_higher_centre_id_organisation"),
            "organisation",
            ["higher_centre_id"],
            ["id"],
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_case_file_department_id_organisation"),
            "organisation",
            ["department_id"],
            ["id"],
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_case_file_entered_by_id_person"), "person", ["entered_by_id"], ["id"]
        )

    with op.batch_alter_table("credit_record", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("reinsertion", sa.Integer(), nullable=False, server_default="0")
        )
        batch_op.drop_constraint(batch_op.f("uq_credit_record_key"), type_="unique")
        batch_op.create_unique_constraint(
            "uq_credit_record_key", ["provider_id", "decision_no", "subject_id", "reinsertion"]
        )

    with op.batch_alter_table("deadline", schema=None) as batch_op:
        batch_op.add_column(sa.Column("record_id", sa.Integer(), nullable=True))
        batch_op.add_column(
            sa.Column("whole", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch_op.add_column(
            sa.Column("extended_by", sa.Integer(), nullable=False, server_default="0")
        )
        batch_op.add_column(
            sa.Column("pauses", sa.JSON(none_as_null=True), nullable=False, server_default="[]")
        )
        batch_op.add_column(sa.Column("paused_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("calendar_edition", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("overdue_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("escalated_to_id", sa.Integer(), nullable=True))
        batch_op.alter_column("case_id", existing_type=sa.INTEGER(), nullable=True)
        batch_op.create_index(
            "ix_deadline_due",
            ["due_on"],
            unique=False,
            sqlite_where=sa.text("met_at IS NULL"),
            postgresql_where=sa.text("met_at IS NULL"),
        )
        batch_op.create_index(batch_op.f("ix_deadline_record_id"), ["record_id"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_deadline_record_id_credit_record"),
            "credit_record",
            ["record_id"],
            ["id"],
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_deadline_escalated_to_id_organisation"),
            "organisation",
            ["escalated_to_id"],
            ["id"],
        )

    with op.batch_alter_table("dispute_mark", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("hides", sa.Boolean(), nullable=False, server_default=sa.false())
        )

    with op.batch_alter_table("document", schema=None) as batch_op:
        batch_op.add_column(sa.Column("material", sa.String(), nullable=True))
        batch_op.drop_constraint(batch_op.f("uq_document_case_id"), type_="unique")
        batch_op.create_unique_constraint(
            batch_op.f("uq_document_case_id"), ["case_id", "sha256", "material"]
        )

    with op.batch_alter_table("organisation", schema=None) as batch_op:
        batch_op.add_column(sa.Column("superior_id", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_organisation_superior_id_organisation"),
            "organisation",
            ["superior_id"],
            ["id"],
        )

    with op.batch_alter_table("requirement", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_requirement_case_id"), type_="unique")
        batch_op.create_unique_constraint(
            batch_op.f("uq_requirement_case_id"), ["case_id", "workflow", "institution_id"]
        )

    with op.batch_alter_table("sanction", schema=None) as batch_op:
        batch_op.add_column(sa.Column("initiator_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("person_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("person_role", sa.String(), nullable=True))
        batch_op.add_column(
            sa.Column("notified", sa.JSON(none_as_null=True), nullable=False, server_default="[]")
        )
        batch_op.add_column(sa.Column("evaluation", sa.String(), nullable=True))
        batch_op.create_index(batch_op.f("ix_sanction_person_id"), ["person_id"], unique=False)
        batch_op.create_index(
            "uq_sanction_running_person",
            ["record_id", "measure_id", "department_id", "person_id"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL AND person_id IS NOT NULL"),
            postgresql_where=sa.text("ended_at IS NULL AND person_id IS NOT NULL"),
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_sanction_person_id_person"), "person", ["person_id"], ["id"]
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_sanction_initiator_id_organisation"),
            "organisation",
            ["initiator_id"],
            ["id"],
        )

    with op.batch_alter_table("sanction_measure", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("classes", sa.JSON(none_as_null=True), nullable=False, server_default="[]")
        )
        batch_op.add_column(sa.Column("longest_months", sa.Integer(), nullable=True))
        batch_op.add_column(
            sa.Column("reaches_persons", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch_op.add_column(sa.Column("withdrawn_on", sa.Date(), nullable=True))
    op.drop_index("uq_case_file_open_ground", table_name="case_file")
    op.create_index(
        "uq_case_file_open_ground",
        "case_file",
        ["record_id", "workflow", "ground"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL AND person_id IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL AND person_id IS NULL"),
    )
    op.drop_index("uq_sanction_running", table_name="sanction")
    op.create_index(
        "uq_sanction_running",
        "sanction",
        ["record_id", "measure_id", "department_id"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL AND person_id IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL AND person_id IS NULL"),
    )
    with op.batch_alter_table("case_file") as batch_op:
        batch_op.drop_constraint(op.f("ck_case_file_closed_at_if_ended"), type_="check")
    with op.batch_alter_table("credit_record") as batch_op:
        batch_op.drop_constraint(op.f("ck_credit_record_archived_if_off"), type_="check")
        batch_op.create_check_constraint(
            op.f("ck_credit_record_archived_if_off"),
            "(state IN ('expired', 'stopped', 'repaired', 'withdrawn', 'archived')) = (archived_at IS NOT NULL)",
        )
    with op.batch_alter_table("requirement") as batch_op:
        batch_op.drop_constraint(op.f("ck_requirement_published_at_if_published"), type_="check")
        batch_op.create_check_constraint(
            op.f("ck_requirement_published_at_if_published"),
            "state <> 'published' OR published_at IS NOT NULL",
        )
    with op.batch_alter_table("sanction") as batch_op:
        batch_op.drop_constraint(op.f("ck_sanction_ended_at_if_ended"), type_="check")
        batch_op.create_check_constraint(
            op.f("ck_sanction_ended_at_if_ended"),
            "(state IN ('ended', 'lapsed', 'declined')) = (ended_at IS NOT NULL)",
        )
        batch_op.create_check_constraint(
            op.f("ck_sanction_person_in_a_named_role"),
            "(person_id IS NULL) = (person_role IS NULL)",
        )
    op.execute(
        "UPDATE deadline SET record_id = (SELECT record_id FROM case_file WHERE case_file.id = deadline.case_id)"
    )
    # What rows had to begin with; the application says it from now on.
    with op.batch_alter_table("case_file", schema=None) as batch_op:
        batch_op.alter_column("door", existing_type=sa.String(), server_default=None)
    with op.batch_alter_table("credit_record", schema=None) as batch_op:
        batch_op.alter_column("reinsertion", existing_type=sa.Integer(), server_default=None)
    with op.batch_alter_table("deadline", schema=None) as batch_op:
        batch_op.alter_column("whole", existing_type=sa.Boolean(), server_default=None)
        batch_op.alter_column("extended_by", existing_type=sa.Integer(), server_default=None)
        batch_op.alter_column(
            "pauses", existing_type=sa.JSON(none_as_null=True), server_default=None
        )
    with op.batch_alter_table("dispute_mark", schema=None) as batch_op:
        batch_op.alter_column("hides", existing_type=sa.Boolean(), server_default=None)
    with op.batch_alter_table("sanction", schema=None) as batch_op:
        batch_op.alter_column(
            "notified", existing_type=sa.JSON(none_as_null=True), server_default=None
        )
    with op.batch_alter_table("sanction_measure", schema=None) as batch_op:
        batch_op.alter_column(
            "classes", existing_type=sa.JSON(none_as_null=True), server_default=None
        )
        batch_op.alter_column("reaches_persons", existing_type=sa.Boolean(), server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("case_file") as batch_op:
        batch_op.create_check_constraint(
            op.f("ck_case_file_closed_at_if_ended"),
            "(state IN ('discarded', 'refused', 'withdrawn', 'rejected', 'not_granted', 'moot', 'closed')) = (closed_at IS NOT NULL)",
        )
    with op.batch_alter_table("credit_record") as batch_op:
        batch_op.drop_constraint(op.f("ck_credit_record_archived_if_off"), type_="check")
        batch_op.create_check_constraint(
            op.f("ck_credit_record_archived_if_off"),
            "(state IN ('expired', 'repaired', 'withdrawn')) = (archived_at IS NOT NULL)",
        )
    with op.batch_alter_table("requirement") as batch_op:
        batch_op.drop_constraint(op.f("ck_requirement_published_at_if_published"), type_="check")
        batch_op.create_check_constraint(
            op.f("ck_requirement_published_at_if_published"),
            "(state = 'published') = (published_at IS NOT NULL)",
        )
    with op.batch_alter_table("sanction") as batch_op:
        batch_op.drop_constraint(op.f("ck_sanction_ended_at_if_ended"), type_="check")
        batch_op.drop_constraint(op.f("ck_sanction_person_in_a_named_role"), type_="check")
        batch_op.create_check_constraint(
            op.f("ck_sanction_ended_at_if_ended"),
            "(state IN ('ended', 'lapsed')) = (ended_at IS NOT NULL)",
        )
    op.drop_index("uq_case_file_open_ground", table_name="case_file")
    op.create_index(
        "uq_case_file_open_ground",
        "case_file",
        ["record_id", "workflow", "ground"],
        unique=True,
        sqlite_where=sa.text(
            "state NOT IN ('discarded', 'refused', 'withdrawn', 'rejected', 'not_granted', 'moot', 'closed')"
        ),
        postgresql_where=sa.text(
            "state NOT IN ('discarded', 'refused', 'withdrawn', 'rejected', 'not_granted', 'moot', 'closed')"
        ),
    )
    op.drop_index("uq_sanction_running", table_name="sanction")
    op.create_index(
        "uq_sanction_running",
        "sanction",
        ["record_id", "measure_id", "department_id"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    with op.batch_alter_table("sanction_measure", schema=None) as batch_op:
        batch_op.drop_column("withdrawn_on")
        batch_op.drop_column("reaches_persons")
        batch_op.drop_column("longest_months")
        batch_op.drop_column("classes")

    with op.batch_alter_table("sanction", schema=None) as batch_op:
        batch_op.drop_constraint(
            batch_op.f("fk_sanction_initiator_id_organisation"), type_="foreignkey"
        )
        batch_op.drop_constraint(batch_op.f("fk_sanction_person_id_person"), type_="foreignkey")
        batch_op.drop_index(
            "uq_sanction_running_person",
            sqlite_where=sa.text("ended_at IS NULL AND person_id IS NOT NULL"),
            postgresql_where=sa.text("ended_at IS NULL AND person_id IS NOT NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_sanction_person_id"))
        batch_op.drop_column("evaluation")
        batch_op.drop_column("notified")
        batch_op.drop_column("person_role")
        batch_op.drop_column("person_id")
        batch_op.drop_column("initiator_id")

    with op.batch_alter_table("requirement", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_requirement_case_id"), type_="unique")
        batch_op.create_unique_constraint(
            batch_op.f("uq_requirement_case_id"), ["case_id", "workflow"]
        )

    with op.batch_alter_table("organisation", schema=None) as batch_op:
        batch_op.drop_constraint(
            batch_op.f("fk_organisation_superior_id_organisation"), type_="foreignkey"
        )
        batch_op.drop_column("superior_id")

    with op.batch_alter_table("document", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_document_case_id"), type_="unique")
        batch_op.create_unique_constraint(batch_op.f("uq_document_case_id"), ["case_id", "sha256"])
        batch_op.drop_column("material")

    with op.batch_alter_table("dispute_mark", schema=None) as batch_op:
        batch_op.drop_column("hides")

    with op.batch_alter_table("deadline", schema=None) as batch_op:
        batch_op.drop_constraint(
            batch_op.f("fk_deadline_escalated_to_id_organisation"), type_="foreignkey"
        )
        batch_op.drop_constraint(
            batch_op.f("fk_deadline_record_id_credit_record"), type_="foreignkey"
        )
        batch_op.drop_index(batch_op.f("ix_deadline_record_id"))
        batch_op.drop_index(
            "ix_deadline_due",
            sqlite_where=sa.text("met_at IS NULL"),
            postgresql_where=sa.text("met_at IS NULL"),
        )
        batch_op.alter_column("case_id", existing_type=sa.INTEGER(), nullable=False)
        batch_op.drop_column("escalated_to_id")
        batch_op.drop_column("escalated_at")
        batch_op.drop_column("overdue_at")
        batch_op.drop_column("reminded_at")
        batch_op.drop_column("calendar_edition")
        batch_op.drop_column("paused_on")
        batch_op.drop_column("pauses")
        batch_op.drop_column("extended_by")
        batch_op.drop_column("whole")
        batch_op.drop_column("record_id")

    with op.batch_alter_table("credit_record", schema=None) as batch_op:
        batch_op.drop_constraint("uq_credit_record_key", type_="unique")
        batch_op.create_unique_constraint(
            batch_op.f("uq_credit_record_key"), ["provider_id", "decision_no", "subject_id"]
        )
        batch_op.drop_column("reinsertion")

    with op.batch_alter_table("case_file", schema=None) as batch_op:
        batch_op.drop_constraint(
            batch_op.f("fk_case_file_entered_by_id_person"), type_="foreignkey"
        )
        batch_op.drop_constraint(
            batch_op.f("fk_case_file_department_id_organisation"), type_="foreignkey"
        )
        batch_op.drop_constraint(
            batch_op.f("fk_case_file_higher_centre_id_organisation"), type_="foreignkey"
        )
        batch_op.drop_constraint(batch_op.f("fk_case_file_about_id_case_file"), type_="foreignkey")
        batch_op.drop_constraint(
            batch_op.f("fk_case_file_centre_id_organisation"), type_="foreignkey"
        )
        batch_op.drop_constraint(batch_op.f("fk_case_file_person_id_person"), type_="foreignkey")
        batch_op.drop_index(
            "uq_case_file_open_ground_person",
            sqlite_where=sa.text("closed_at IS NULL AND person_id IS NOT NULL"),
            postgresql_where=sa.text("closed_at IS NULL AND person_id IS NOT NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_case_file_person_id"))
        batch_op.drop_index(batch_op.f("ix_case_file_higher_centre_id"))
        batch_op.drop_index(batch_op.f("ix_case_file_department_id"))
        batch_op.drop_index(batch_op.f("ix_case_file_centre_id"))
        batch_op.drop_index(batch_op.f("ix_case_file_about_id"))
        batch_op.drop_column("entered_by_id")
        batch_op.drop_column("outcome")
        batch_op.drop_column("person_id")
        batch_op.drop_column("about_id")
        batch_op.drop_column("department_id")
        batch_op.drop_column("higher_centre_id")
        batch_op.drop_column("centre_id")
        batch_op.drop_column("door")

    with op.batch_alter_table("test_attempt", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_test_attempt_enrolment_id"))

    op.drop_table("test_attempt")
    with op.batch_alter_table("training_booking", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_training_booking_training_id"))
        batch_op.drop_index(batch_op.f("ix_training_booking_requirement_id"))

    op.drop_table("training_booking")
    with op.batch_alter_table("course_enrolment", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_course_enrolment_requirement_id"))

    op.drop_table("course_enrolment")
    with op.batch_alter_table("complaint_paper", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_complaint_paper_complaint_id"))

    op.drop_table("complaint_paper")
    op.drop_table("complaint_contact")
    op.drop_table("commitment_fulfilment")
    op.drop_table("talk")
    with op.batch_alter_table("sanction_execution", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sanction_execution_sanction_id"))

    op.drop_table("sanction_execution")
    with op.batch_alter_table("quarantined_row", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_quarantined_row_batch_id"))

    op.drop_table("quarantined_row")
    with op.batch_alter_table("proceeding_mark", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_proceeding_mark_record_id"))
        batch_op.drop_index(batch_op.f("ix_proceeding_mark_case_id"))

    op.drop_table("proceeding_mark")
    with op.batch_alter_table("inspection_item", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_inspection_item_week"))
        batch_op.drop_index(batch_op.f("ix_inspection_item_case_id"))

    op.drop_table("inspection_item")
    with op.batch_alter_table("finding", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_finding_open",
            sqlite_where=sa.text("cleared_at IS NULL"),
            postgresql_where=sa.text("cleared_at IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_finding_case_id"))

    op.drop_table("finding")
    op.drop_table("complaint")
    op.drop_table("calendar_day")
    op.drop_table("calendar_edition")
    with op.batch_alter_table("training_date", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_training_date_organiser_id"))
        batch_op.drop_index(batch_op.f("ix_training_date_held_on"))

    op.drop_table("training_date")
    with op.batch_alter_table("institution_registration", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_institution_registration_organisation_id"))

    op.drop_table("institution_registration")
    op.drop_table("version_move")
    with op.batch_alter_table("alarm", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_alarm_open",
            sqlite_where=sa.text("cleared_at IS NULL"),
            postgresql_where=sa.text("cleared_at IS NULL"),
        )

    op.drop_table("alarm")
