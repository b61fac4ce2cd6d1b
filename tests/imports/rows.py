"""Files of penalties of the world's agency, and what is on file of them."""

import hashlib

from sqlalchemy import func, select

from repair_app.db import db
from repair_app.models import CreditRecord, ImportRow, RecordUpload
from repair_app.services.imports import uploads
from tests.factories import make_uscc
from tests.services.test_imports import as_csv, penalty


def file_of(world, count, **changes):
    """Return a CSV of so many penalties, each of another firm."""
    return as_csv(
        *(
            penalty(
                world, one, uscc=make_uscc(4000 + one), subject_name=f"虚构{one}公司", **changes
            )
            for one in range(1, count + 1)
        )
    )


def send_file(machine, content, part=0, **body):
    """Send a file in parts and close it; return its reference."""
    announced = {"filename": "处罚.csv", "size": len(content), "sha256": sha256(content), **body}
    begun = machine.post("/imports", announced)
    assert begun.status_code == 201, begun.get_data(as_text=True)
    ref = begun.json["ref"]
    for start in range(0, len(content), part or len(content)):
        piece = content[start : start + (part or len(content))]
        assert send_part(machine, ref, start, piece).status_code == 200
    closed = machine.post(f"/imports/{ref}/close")
    assert closed.status_code == 202, closed.get_data(as_text=True)
    return ref


def send_part(machine, ref, start, piece):
    """Send one part; return the answer."""
    headers = {"Upload-Offset": str(start), "Content-Type": "application/partial-upload"}
    return machine.send("PATCH", f"/imports/{ref}", data=piece, headers=headers)


def read(ref):
    """Do what the worker does with a file."""
    number = db.session.scalar(select(RecordUpload.id).where(RecordUpload.ref == ref))
    db.session.rollback()
    uploads.read_upload(number)
    db.session.rollback()


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def count(table, *conditions):
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(table).where(*conditions))


def records():
    return count(CreditRecord)


def judged():
    """Return how many rows have a verdict, a row with three problems once."""
    return count(ImportRow, ImportRow.ordinal == 0)
