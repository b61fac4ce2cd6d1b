"""Benchmarks: how many requests a second, how quickly, and how flat that stays as cases grow.

    python3 manage.py bench                          everything, on both stores (half an hour)
    python3 manage.py bench --cases 1000 3000 --store sqlite --seconds 1

Parts (`--only`): `import` brings in a file of 100,000 rows, `ledger` verifies the events that this
leaves, `pages` seeds stores of several sizes and asks each one's server in turn, `start` starts a
deployment a second time. Every store lies in a folder of its own that is removed at the end, every
server listens on the loopback only, and the settings are those of a deployment.

Latencies move with whatever else the machine does: each figure is the median of several rounds, the
sizes take turns within a round, and ratios are of figures from the same run.
"""
