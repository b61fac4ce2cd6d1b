"""One tree over all events: what waits for its place, leaves, tiles, checkpoints, signers.

An event waits for its place from its own transaction on: a trigger says so, whoever writes it, the
program of the release before too. Events that are on file wait from here on, in their order.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

APPEND_ONLY = "the ledger is append-only"
KEPT = ("tree_leaf", "tree_checkpoint")  # rows that nobody changes or deletes

SQLITE = (
    """CREATE TRIGGER event_pending AFTER INSERT ON event
    BEGIN INSERT INTO pending_leaf (event_id) VALUES (NEW.id); END""",
    *(
        f"""CREATE TRIGGER {table}_no_{what.lower()} BEFORE {what} ON {table}
        BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END"""
        for table in KEPT
        for what in ("UPDATE", "DELETE")
    ),
)
POSTGRESQL = (
    """CREATE FUNCTION note_pending() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO pending_leaf (event_id) SELECT id FROM added; RETURN NULL; END $$""",
    # Once for each statement: a COPY of many events costs one more insert, not one for each.
    """CREATE TRIGGER event_pending AFTER INSERT ON event REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION note_pending()""",
    *(
        f"""CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table}
        FOR EACH ROW EXECUTE FUNCTION refuse_change()"""
        for table in KEPT
    ),
    *(
        f"""CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"""
        for table in KEPT
    ),
)


def upgrade() -> None:
    op.create_table(
        "pending_leaf",
        sa.Column("event_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_pending_leaf")),
    )
    op.create_table(
        "tree_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_tree_head_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tree_head")),
    )
    op.create_table(
        "tree_leaf",
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_tree_leaf")),
        sa.UniqueConstraint("event_id", name=op.f("uq_tree_leaf_event_id")),
    )
    op.create_table(
        "tree_tile",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "number", name=op.f("pk_tree_tile")),
    )
    op.create_table(
        "tree_checkpoint",
        sa.Column("size", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("root", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_tree_checkpoint")),
    )
    op.create_table(
        "tree_cosignature",
        sa.Column("size", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("line", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["size"],
            ["tree_checkpoint.size"],
            name=op.f("fk_tree_cosignature_size_tree_checkpoint"),
        ),
        sa.PrimaryKeyConstraint("size", "name", name=op.f("pk_tree_cosignature")),
    )
    op.create_table(
        "tree_signer",
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("vkey", sa.String(), nullable=False),
        sa.Column("from_size", sa.Integer(), nullable=False),
        sa.Column("to_size", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_tree_signer")),
    )
    for statement in SQLITE if is_sqlite() else POSTGRESQL:
        op.execute(statement)
    # After the trigger: what is written meanwhile waits already, and is not to wait twice.
    op.execute(
        "INSERT INTO pending_leaf (event_id) SELECT id FROM event WHERE true ON CONFLICT DO NOTHING"
    )


def downgrade() -> None:
    if is_sqlite():
        op.execute("DROP TRIGGER event_pending")
    else:
        op.execute("DROP TRIGGER event_pending ON event")
        op.execute("DROP FUNCTION note_pending")
    for table in (
        "tree_signer",
        "tree_cosignature",
        "tree_checkpoint",
        "tree_tile",
        "tree_leaf",
        "tree_head",
        "pending_leaf",
    ):
        op.drop_table(table)


def is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"
