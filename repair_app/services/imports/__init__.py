"""Bringing in files of penalties: every row ends accepted, duplicate, quarantined or refused.

A file is read in chunks, each one transaction, so that a killed import goes on where it stopped
and running a file again adds nothing. Rows are judged in the order of the file, and only what is
accepted leaves anything but its verdict behind; what says again what was removed, corrected or
repaired is kept in quarantine, where its provider has to certify it (转为档案保存).
"""

from repair_app.services.imports.files import Summary, bring_in_file, bring_in_rows_sent
from repair_app.services.imports.verdicts import (
    count_all_verdicts,
    count_verdicts,
    find_batch,
    list_batches,
    list_problems,
    list_rows,
    list_verdicts,
)

__all__ = [
    "Summary",
    "bring_in_file",
    "bring_in_rows_sent",
    "count_all_verdicts",
    "count_verdicts",
    "find_batch",
    "list_batches",
    "list_problems",
    "list_rows",
    "list_verdicts",
]
