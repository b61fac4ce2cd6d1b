"""A whole deployment on one machine, to see and to break: `manage.py cluster`.

Two web nodes, two workers, a PostgreSQL primary with a streaming replica and a proxy, each a
process of its own on a loopback address of its own. For demonstration and tests; the
configuration of real machines lies beside this folder. Linux only: elsewhere the addresses
127.0.0.2 to .5 do not answer.
"""
