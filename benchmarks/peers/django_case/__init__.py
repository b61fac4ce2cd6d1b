"""The case model that a small team would write on Django: states, events, a token, PostgreSQL."""
