"""`python -m django_case setup` makes tables, a key and 20 agents; `seed LO HI` fills it."""

import sys

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from django_case import settings as chosen

CASES = """
    INSERT INTO django_case_case (id, state, subject, company, uscc, record_no, authority, ground,
        assignee_id, created_at, updated_at)
    SELECT i, CASE WHEN i %% 5 = 0 THEN (ARRAY['verifying', 'verifying', 'verifying', 'verifying',
            'verifying', 'filed', 'accepted', 'reviewing', 'accepted', 'filed'])[1 + (i / 5) %% 10]
        ELSE 'closed' END,
        '异议申请 ' || n.name, n.name, n.uscc, '罚' || i, '某市市场监督管理局', '信息错误',
        %s + (i / 50 + i) %% 20, now() - (i || ' min')::interval, now()
    FROM generate_series(%s, %s) i JOIN perf_names n ON n.n = 1 + (i %% 100000)
"""
EVENTS = """
    INSERT INTO django_case_event (case_id, actor_id, source, target, note, at)
    SELECT i, %s, 'verifying', d, '转入，核查材料齐全。', now() FROM generate_series(%s, %s) i,
        unnest(ARRAY['filed', 'accepted', 'verifying', 'reviewing', 'closed']) d
"""
NUMBERS = """
    SELECT setval(pg_get_serial_sequence('django_case_case', 'id'),
        (SELECT max(id) FROM django_case_case))
"""


def main(command: str, *given: str) -> None:
    """Carry out a command."""
    from django.contrib.auth import get_user_model
    from rest_framework.authtoken.models import Token

    people = get_user_model().objects
    if command == "setup":
        call_command("migrate", verbosity=0)
        call_command("migrate", run_syncdb=True, verbosity=0)
        agents = [people.get_or_create(username=f"agent{number}")[0] for number in range(1, 21)]
        key = Token.objects.get_or_create(user=agents[0])[0].key
        print(f'key = "{key}"\nagent = {agents[0].id}')
        return
    first = people.get(username="agent1").id
    with connection.cursor() as cursor:
        for statement in (CASES, EVENTS):
            cursor.execute(statement, [first, *map(int, given)])
        cursor.execute(NUMBERS)
        cursor.execute("ANALYZE")


if __name__ == "__main__":
    settings.configure(**{name: getattr(chosen, name) for name in dir(chosen) if name.isupper()})
    django.setup()
    main(*sys.argv[1:])
