"""Pages and interface let the same roles take the same steps: one hand-written table for both.

For each state and role every step that the table has there is asked for, and of those that it has
not, some of each kind: steps of this role in other states, of others, and of nobody.
"""

import pytest

from repair_app.services.policy import current_policy
from tests.factories import initiate_sanction, make_case, make_record, make_sanction, requirement_of
from tests.workflows.permits import PERMITS

ROLE_OF = {
    "subject": "subject",
    "agent": "agent",
    "provider": "provider",
    "reviewer": "reviewer",
    "officer": "department",
    "institution": "institution",
    "auditor": "auditor",
    "administrator": "administrator",
    "security_officer": "security_officer",
    "stranger": "subject",  # of another enterprise
    "other_provider": "provider",
}
PARTIES = {"subject", "agent", "provider", "reviewer", "auditor"}
OFFICES = {"officer", "provider", "reviewer", "auditor"}
SEES = {  # who sees what there is at all; who does not is told that there is nothing
    "draft": {"subject", "agent"},
    "filed": PARTIES,
    "repair": PARTIES - {"agent"},  # whose mandate is for objections
    "draft of a repair": {"subject"},
    "measure": OFFICES,
}
SAMPLE = 2  # of each kind that the table has not


def objection(state):
    return lambda world: ("cases", make_case(world, state))


def repair(state):
    return lambda world: ("cases", make_case(world, state, workflow="repair"))


def measure(world):
    record = make_record(world.firm, world.agency)
    return "sanctions", make_sanction(record, world.officer)


def suspended_measure(world):
    record = make_record(world.firm, world.agency)
    made = make_sanction(record, world.officer)
    make_case(world, "accepted", record=record)
    return "sanctions", made


def initiated_measure(world):
    record = make_record(world.firm, world.agency)
    return "sanctions", initiate_sanction(record, world.provider, world.department)


def commitment(world):
    case = make_case(world, "draft", workflow="repair")
    return "requirements", requirement_of(case, "commitment")


STATES = {
    "objection draft": (objection("draft"), "draft"),
    "objection submitted": (objection("submitted"), "filed"),
    "objection supplement_asked": (objection("supplement_asked"), "filed"),
    "objection accepted": (objection("accepted"), "filed"),
    "objection with_provider": (objection("with_provider"), "filed"),
    "objection correction_proposed": (objection("correction_proposed"), "filed"),
    "objection rejection_announced": (objection("rejection_announced"), "filed"),
    "objection correction_decided": (objection("correction_decided"), "filed"),
    "objection executed": (objection("executed"), "filed"),
    "repair with_provider": (repair("with_provider"), "repair"),
    "repair grant_proposed": (repair("grant_proposed"), "repair"),
    "sanction in_force": (measure, "measure"),
    "sanction suspended": (suspended_measure, "measure"),
    "sanction initiated": (initiated_measure, "measure"),
    "commitment owed": (commitment, "draft of a repair"),
}


def steps_of(permits, role, state=None):
    """Return what the table lets a role do, in a state or in any."""
    states = [permits[state]] if state else permits.values()
    return {
        step for one in states for roles, steps in one.items() if role in roles for step in steps
    }


def some(names):
    """Return a few, always the same."""
    return sorted(names)[:SAMPLE]


def cells_of(workflow, state, name, seen):
    """Yield each step that is asked for with the answer that the table wants."""
    permits, role = PERMITS[workflow], ROLE_OF[name]
    here, anywhere = steps_of(permits, role, state), steps_of(permits, role)
    everybodys = {step for one in ROLE_OF.values() for step in steps_of(permits, one)}
    clocks = steps_of(permits, "system") - everybodys
    if name not in SEES[seen]:
        yield from ((step, 404) for step in some(everybodys))
        return
    yield from ((step, 200) for step in sorted(here))
    yield from ((step, 409) for step in some(anywhere - here))
    yield from ((step, 403) for step in some(everybodys - anywhere))
    yield from ((step, 404) for step in [*some(clocks), "no_such_step"])


@pytest.mark.parametrize("stage", ["sqlite"], indirect=True)  # no query is special
@pytest.mark.parametrize("which", STATES)
def test_pages_and_interface_answer_as_the_table_has_it(machine, as_, world, which, digest):
    make, seen = STATES[which]
    kind, entity = make(world)
    ref, version, state = entity.ref, entity.version, entity.state
    workflow = current_policy().workflow_of(entity).name
    assert f"{workflow} {state}" == which
    browsers = {name: as_(getattr(world, name)) for name in ROLE_OF}
    systems = {name: machine(name) for name in ROLE_OF}
    before = digest()
    wrong = []
    for name in ROLE_OF:
        browser, system = browsers[name], systems[name]
        for step, wanted in cells_of(workflow, state, name, seen):
            page = browser.get(f"/{kind}/{ref}/{step}").status_code
            # Where the step is to be had, what is sent is stale: it is asked for and not taken.
            sent = {"version": 0 if wanted == 200 else version}
            answer = system.post(f"/{kind}/{ref}/steps/{step}", sent)
            told = class_of(answer)
            if wanted == 200 and page == 409 and told == 200:
                page = 200 if is_barred(browser, kind, ref, step) else page
            if (page, told) != (wanted, wanted):
                wrong.append(f"{name} {step}: wanted {wanted}, page {page}, interface {told}")
    assert not wrong, "\n".join(wrong)
    assert digest() == before


def class_of(answer):
    """Return how an answer of the interface reads: 200 where the step is for this role, here."""
    asked = answer.status_code == 422 or answer.json["code"] in {"stale", "refused"}
    return 200 if asked else answer.status_code


def is_barred(browser, kind, ref, step):
    """Say whether a page says that the step is for the reader, and what bars it."""
    page = browser.get(f"/{kind}/{ref}/{step}")
    return bool(page.having("alert-warning") or page.alerts)
