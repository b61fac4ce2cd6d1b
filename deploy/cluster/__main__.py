"""The cluster's commands.

python3 manage.py cluster [--data DIR] [--port N] [--empty]    start; Ctrl-C stops all
python3 manage.py cluster status --data DIR                    what runs, and how far
python3 manage.py cluster promote --data DIR [--force]         make the replica the primary
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import manage
from deploy.cluster import operate
from deploy.cluster.plan import Plan
from deploy.cluster.supervisor import Supervisor


def main() -> int:
    """Run one command; a mistake gets a line, never a stack trace."""
    chosen = build_parser().parse_args()
    folder = Path(chosen.data).expanduser().absolute()
    try:
        if chosen.action == "start":
            return Supervisor(Plan.make(folder, chosen.port), empty=chosen.empty).run()
        plan = Plan.read(folder)
        if chosen.action == "promote":
            operate.promote(plan, force=chosen.force)
        else:
            operate.tell_status(plan)
    except (operate.Refused, manage.Stop, OSError, RuntimeError) as reason:
        print(f"cluster: {reason}", file=sys.stderr)
        return 1
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Describe the commands."""
    parser = argparse.ArgumentParser(
        prog="manage.py cluster",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = ("start", "status", "promote")
    parser.add_argument("action", nargs="?", choices=actions, default="start")
    parser.add_argument("--data", metavar="DIR", default="data/cluster", help="(%(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="on every address (%(default)s)")
    parser.add_argument("--empty", action="store_true", help="add no demonstration data")
    parser.add_argument(
        "--force", action="store_true", help="promote a replica that may lack what was confirmed"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
