"""The bill of materials.

python3 manage.py sbom              write docs/sbom.json
python3 manage.py sbom --print      print it
python3 manage.py sbom --check      compare it, the lock files, licences and files with the reviews
"""

from __future__ import annotations

import argparse
import sys

from deploy.supply.bill import BILL, ROOT, make_bill
from deploy.supply.review import find_flaws


def main() -> int:
    """Run the command; with --check 1 means that something was not reviewed."""
    parser = argparse.ArgumentParser(
        prog="manage.py sbom",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--print", action="store_true", dest="shown", help="print it only")
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    chosen = parser.parse_args()
    if chosen.check:
        flaws = find_flaws()
        for flaw in flaws:
            print(f"✗ {flaw}", file=sys.stderr)
        return 1 if flaws else 0
    if chosen.shown:
        sys.stdout.write(make_bill())
    else:
        BILL.write_text(make_bill(), encoding="utf-8")
        print(f"{BILL.relative_to(ROOT)} is written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
