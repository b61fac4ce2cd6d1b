"""What worklists count and what auditors look for is found by an index, however much there is."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TURNS, PASSED_ON = "ix_deadline_turns", "ix_deadline_passed_on"
BELOW, AGENCIES = "ix_organisation_superior", "ix_organisation_agency"
STANDING = "ix_dispute_mark_standing"
LATEST, OF_KIND = "ix_event_at", "ix_event_kind"
# What an event says of who acted stands in its payload; no model describes these (schema.py).
BY_ACTOR = {"ix_event_actor_role": "role", "ix_event_actor_organisation": "organisation"}


def upgrade() -> None:
    op.create_index(
        TURNS,
        "deadline",
        ["owner", "due_on", "id"],
        sqlite_where=sa.text("met_at IS NULL AND whole IS 0"),
        postgresql_where=sa.text("met_at IS NULL AND whole IS FALSE"),
    )
    passed_on = sa.text("escalated_to_id IS NOT NULL AND met_at IS NULL")
    op.create_index(
        PASSED_ON,
        "deadline",
        ["escalated_to_id", "due_on"],
        sqlite_where=passed_on,
        postgresql_where=passed_on,
    )
    below = sa.text("superior_id IS NOT NULL")
    op.create_index(
        BELOW, "organisation", ["superior_id"], sqlite_where=below, postgresql_where=below
    )
    agencies = sa.text("kind = 'agency'")
    op.create_index(
        AGENCIES, "organisation", ["kind"], sqlite_where=agencies, postgresql_where=agencies
    )
    standing = sa.text("lifted_at IS NULL")
    op.create_index(
        STANDING, "dispute_mark", ["case_id"], sqlite_where=standing, postgresql_where=standing
    )
    op.create_index(LATEST, "event", ["at", "id"])
    op.create_index(OF_KIND, "event", ["workflow", "at", "id", "transition"])
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for name, key in BY_ACTOR.items():
        says = (
            f"json_extract(payload, '$.actor.{key}')"
            if is_sqlite
            else f"jsonb_extract_path_text(CAST(payload AS JSONB), 'actor', '{key}')"
        )
        op.execute(f"CREATE INDEX {name} ON event ({says}, at, id)")


def downgrade() -> None:
    for name in BY_ACTOR:
        op.execute(f"DROP INDEX {name}")
    made = {
        "organisation": (AGENCIES, BELOW),
        "event": (OF_KIND, LATEST),
        "deadline": (PASSED_ON, TURNS),
        "dispute_mark": (STANDING,),
    }
    for table, names in made.items():
        for name in names:
            op.drop_index(name, table)
