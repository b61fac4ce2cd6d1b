"""The ledger only grows: the database itself refuses to change or delete an event.

A personal text may be erased, that is: both its columns emptied, and nothing else.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APPEND_ONLY = "the ledger is append-only"

SQLITE = (
    f"""CREATE TRIGGER event_no_update BEFORE UPDATE ON event
    BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END""",
    f"""CREATE TRIGGER event_no_delete BEFORE DELETE ON event
    BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END""",
    f"""CREATE TRIGGER event_text_erase_only BEFORE UPDATE ON event_text
    WHEN NEW.event_id <> OLD.event_id OR NEW.body IS NOT NULL OR NEW.salt IS NOT NULL
    BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END""",
    f"""CREATE TRIGGER event_text_no_delete BEFORE DELETE ON event_text
    BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END""",
)
SQLITE_DOWN = (
    "DROP TRIGGER event_no_update",
    "DROP TRIGGER event_no_delete",
    "DROP TRIGGER event_text_erase_only",
    "DROP TRIGGER event_text_no_delete",
)

POSTGRESQL = (
    f"""CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '{APPEND_ONLY}'; END $$""",
    """CREATE TRIGGER event_no_change BEFORE UPDATE OR DELETE ON event
    FOR EACH ROW EXECUTE FUNCTION refuse_change()""",
    """CREATE TRIGGER event_no_truncate BEFORE TRUNCATE ON event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()""",
    """CREATE TRIGGER event_text_erase_only BEFORE UPDATE ON event_text
    FOR EACH ROW WHEN (NEW.event_id <> OLD.event_id OR NEW.body IS NOT NULL
    OR NEW.salt IS NOT NULL) EXECUTE FUNCTION refuse_change()""",
    """CREATE TRIGGER event_text_no_delete BEFORE DELETE ON event_text
    FOR EACH ROW EXECUTE FUNCTION refuse_change()""",
    """CREATE TRIGGER event_text_no_truncate BEFORE TRUNCATE ON event_text
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()""",
)
POSTGRESQL_DOWN = (
    "DROP TRIGGER event_no_change ON event",
    "DROP TRIGGER event_no_truncate ON event",
    "DROP TRIGGER event_text_erase_only ON event_text",
    "DROP TRIGGER event_text_no_delete ON event_text",
    "DROP TRIGGER event_text_no_truncate ON event_text",
    "DROP FUNCTION refuse_change",
)


def upgrade() -> None:
    for statement in SQLITE if is_sqlite() else POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    for statement in SQLITE_DOWN if is_sqlite() else POSTGRESQL_DOWN:
        op.execute(statement)


def is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"
