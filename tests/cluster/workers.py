"""The workers of a running cluster: asked for a job, and which of them is active."""

import time

import psutil
from sqlalchemy import text

from deploy.cluster.plan import WORKERS
from repair_app import jobs
from repair_app.db import db
from repair_app.services.transaction import transaction


def ask_for(job):
    """Have the active worker do a job once."""
    with transaction() as session:
        jobs.enqueue(session, job, f"test-{time.time()}")


def active_worker(running):
    """Return the name of the worker that holds the lock in the database, or None."""
    question = text(
        "SELECT client_port FROM pg_locks JOIN pg_stat_activity USING (pid)"
        " WHERE locktype = 'advisory' AND granted"
    )
    with db.engine.connect() as connection:
        ports = set(connection.scalars(question))
    for name in WORKERS:
        try:
            connections = psutil.Process(running.pids()[name]).net_connections()
        except psutil.Error:
            continue
        if ports & {one.laddr.port for one in connections if one.laddr}:
            return name
    return None
