"""Of the secret address of a calendar only the hash is kept; the addresses that there are stay good."""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ACCOUNT = sa.table(
    "account", sa.column("id", sa.Integer), sa.column("feed_token"), sa.column("feed_digest")
)


def upgrade() -> None:
    op.add_column("account", sa.Column("feed_digest", sa.String(), nullable=True))
    connection = op.get_bind()
    with_feed = sa.select(ACCOUNT.c.id, ACCOUNT.c.feed_token).where(
        ACCOUNT.c.feed_token.is_not(None)
    )
    for account_id, token in connection.execute(with_feed).all():
        digest = hashlib.sha256(token.encode()).hexdigest()
        own = sa.update(ACCOUNT).where(ACCOUNT.c.id == account_id)
        connection.execute(own.values(feed_digest=digest))
    op.create_index("ix_account_feed_digest", "account", ["feed_digest"], unique=True)
    op.drop_index("ix_account_feed_token", "account")
    op.drop_column("account", "feed_token")


def downgrade() -> None:
    """Go back; no address can be made of its hash, so each person makes a new one."""
    op.add_column("account", sa.Column("feed_token", sa.String(), nullable=True))
    op.create_index("ix_account_feed_token", "account", ["feed_token"], unique=True)
    op.drop_index("ix_account_feed_digest", "account")
    op.drop_column("account", "feed_digest")
