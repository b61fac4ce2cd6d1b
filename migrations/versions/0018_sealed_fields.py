"""Sessions that their person sees and ends; contacts and names at providers are encrypted."""

import sqlalchemy as sa
from alembic import op

from repair_app import sealing

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

AT_ONCE = 500  # rows
# Table, its key, the column, the column by which it is looked up.
SEALED = (
    ("complaint", "id", "statement", None),
    ("complaint_contact", "complaint_id", "contact", None),
    ("platform", "id", "owner_email", None),
    ("identity", "id", "subject", "subject_index"),
)


def upgrade() -> None:
    """Programs of the release before go on beside it, but for what is now encrypted."""
    op.create_table(
        "sign_in",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("key_digest", sa.String(), nullable=False),
        sa.Column("browser", sa.String(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_sign_in_account_id_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in")),
        sa.UniqueConstraint("key_digest", name=op.f("uq_sign_in_key_digest")),
    )
    op.create_index(op.f("ix_sign_in_account_id"), "sign_in", ["account_id"])
    with op.batch_alter_table("identity") as table:
        table.add_column(sa.Column("subject_index", sa.String(), nullable=True))
        table.create_unique_constraint("uq_identity_subject_index", ["issuer", "subject_index"])
    rewrite(encrypt=True)


def downgrade() -> None:
    rewrite(encrypt=False)
    with op.batch_alter_table("identity") as table:
        table.drop_constraint("uq_identity_subject_index", type_="unique")
        table.drop_column("subject_index")
    op.drop_index(op.f("ix_sign_in_account_id"), "sign_in")
    op.drop_table("sign_in")


def rewrite(*, encrypt: bool) -> None:
    """Encrypt what stands there, or decrypt it; each value is kept under its own column's name."""
    connection, ring = op.get_bind(), None
    for name, key, column, index in SEALED:
        table = sa.table(name, sa.column(key), sa.column(column), sa.column(index or "none"))
        place, last = f"{name}.{column}", -1
        while True:
            rows = connection.execute(
                sa.select(table.c[key], table.c[column])
                .where(table.c[key] > last)
                .order_by(table.c[key])
                .limit(AT_ONCE)
            ).all()
            if not rows:
                break
            ring = ring or sealing.ring()
            for number, value in rows:
                changed = {column: ring.seal(value, place) if encrypt else ring.open(value, place)}
                if index and encrypt:
                    changed[index] = ring.index(value, place)
                connection.execute(table.update().where(table.c[key] == number).values(changed))
            last = rows[-1][0]
