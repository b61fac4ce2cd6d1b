"""The small worlds that are looked at: who is there, what is on file, how much may happen."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

from config import ROOT
from repair_app.access import MANDATES
from repair_app.engine.assessment import assess
from repair_app.engine.bulk import first_transition
from repair_app.engine.machine import begin
from repair_app.engine.policy import Policy
from repair_app.engine.rules import RulePack, load_profiles
from repair_app.models import (
    CreditRecord,
    Organisation,
    Role,
    Sanction,
    SanctionMeasure,
)
from repair_app.proving.world import MOMENT, Cast, World

DECIDED = date(2026, 1, 5)
LATER = date(2026, 7, 20)  # after the minimum publication of every class
TRAINING_DAY = date(2026, 8, 20)
TALK_DAYS = (date(2026, 2, 2), date(2026, 3, 2))  # on which a talk can be called
CHANGED_OFFICE = date(2200, 1, 1)  # a seat that is used, and not counted as one any more

# What a record says, so that the rule packs put it into the class.
CLASSES: Mapping[str, Mapping[str, Any]] = {
    "minor": {"penalty_categories": ("warning",), "fine_10k": None},
    "general": {"penalty_categories": ("fine",), "fine_10k": Decimal(2)},
    "serious": {"penalty_categories": ("fine",), "violation_facts": "经查，情节严重。"},
    "specific_serious": {
        "penalty_categories": ("business_suspension",),
        "violation_facts": "经查，食品生产不符合标准。",
    },
}


@dataclass(frozen=True)
class Scenario:
    """A small world: everything that can happen in it is looked at."""

    name: str
    says: str
    openable: Mapping[str, tuple[str, ...]]  # workflow -> grounds on which people open it
    bounds: Mapping[str, int] = field(default_factory=dict)  # how often, by "workflow:ground"
    severity: str = "general"
    sanctions: int = 2
    records: int = 1
    imposes: bool = False
    on_file: bool = True
    time: bool = True
    mutes: frozenset[str] = frozenset()  # steps that nobody takes here, "workflow.step" or "step"
    only: frozenset[str] = frozenset()  # if any: just these steps, "workflow.step"
    forgets: bool = True  # who acted in what has ended; not where reviews ask for it
    starts: date | None = None  # the day; without one, that of the decision
    cast: Callable[[Cast], None] | None = None  # who is there; without one, the usual people
    arrives: frozenset[str] = frozenset()  # what the application opens by itself, "workflow.step"
    profile: str = ""  # by which rule packs; without one, as the application is set
    bend: Callable[[Policy], Policy] | None = None  # a rule that no pack on file has
    facts: str = ""  # what the records say; without it, what makes the class

    def plays(self, workflow: str, transition: str) -> bool:
        """Say whether a step is looked at in this world."""
        name = f"{workflow}.{transition}"
        return not {transition, name} & self.mutes and (not self.only or name in self.only)

    def policy_of(self, policy: Policy) -> Policy:
        """Return the policy that this world goes by: of its profile, with its rule."""
        if self.profile:
            profiles = load_profiles(ROOT / "workflows" / "rules" / "profiles.toml")
            policy = replace(policy, profile=profiles[self.profile])
        return self.bend(policy) if self.bend else policy

    def start(self, policy: Policy) -> World:
        """Return the world as it begins: records not yet on file, or published with sanctions."""
        cast = Cast(tuple(MANDATES))
        (self.cast or add_people)(cast)
        world = World(cast, policy, {"*": 1, **self.bounds})
        world.today = self.starts or DECIDED
        firm = cast.organisations["firm"]
        world.rows[Organisation] = [firm]
        world.index[Organisation, firm.id] = firm
        firm.world = world
        for number in range(self.records):
            record = add_record(world, self.severity, number + 1, self.facts)
            if self.on_file:
                put_on_file(record, policy)
        for number in range(self.sanctions):
            add_sanction(world, world.record, number + 1)
        return world


def add_people(cast: Cast) -> None:
    """Put the usual people there, and those who must not act although they hold the office."""
    add_offices(cast)
    cast.add_person("subject", ("firm", Role.SUBJECT))
    cast.add_person("provider", ("agency", Role.PROVIDER))
    cast.add_person("first reviewer", ("centre", Role.REVIEWER))
    cast.add_person("second reviewer", ("centre", Role.REVIEWER))
    add_others(cast)
    add_torn(cast)


def two_reviewers(cast: Cast) -> None:
    """Put just those there who are needed."""
    add_offices(cast)
    cast.add_person("subject", ("firm", Role.SUBJECT))
    cast.add_person("provider", ("agency", Role.PROVIDER))
    cast.add_person("first reviewer", ("centre", Role.REVIEWER))
    cast.add_person("second reviewer", ("centre", Role.REVIEWER))
    add_others(cast)


def add_everybody(cast: Cast) -> None:
    """Put those there besides who have an agent's mandate, or were with the provider before."""
    add_people(cast)
    cast.add_person("agent", ("firm", Role.AGENT))
    add_moved(cast)


def add_moved(cast: Cast) -> None:
    """Put somebody there who verifies for the provider, and reviews after a change of office."""
    cast.add_person("who changed office", ("agency", Role.PROVIDER), ("centre", Role.REVIEWER))
    cast.people["who changed office"].appointments[0].ends_on = CHANGED_OFFICE


def add_torn(cast: Cast) -> None:
    """Put those there who hold an office and, by another account, act for a party."""
    for role, place in (
        (Role.REVIEWER, "centre"),
        (Role.PROVIDER, "agency"),
        (Role.PROVIDER, "other agency"),
        (Role.DEPARTMENT, "department"),
        (Role.INSTITUTION, "house"),
    ):
        name = f"{role} at the {place} with a seat at the firm"
        cast.add_person(name, (place, role))
        cast.add_person("", ("firm", Role.SUBJECT), same_as=name)
    cast.add_person("reviewer with a seat at the agency", ("centre", Role.REVIEWER))
    cast.add_person("", ("agency", Role.PROVIDER), same_as="reviewer with a seat at the agency")


def add_one_reviewer(cast: Cast) -> None:
    """Leave the centre one reviewer, who was with the provider before; there is a higher centre."""
    add_offices(cast)
    cast.add_person("subject", ("firm", Role.SUBJECT))
    add_moved(cast)
    cast.add_person("", ("agency", Role.PROVIDER))  # a colleague, so that the agency has somebody
    cast.add_person("first reviewer above", ("higher centre", Role.REVIEWER))
    cast.add_person("second reviewer above", ("higher centre", Role.REVIEWER))
    add_others(cast)


def add_offices(cast: Cast) -> None:
    """Put the organisations there."""
    cast.add_organisation("firm", "enterprise")
    cast.add_organisation("centre", "credit_centre")
    cast.add_organisation("higher centre", "credit_centre")
    cast.add_organisation("agency", "agency")
    cast.add_organisation("other agency", "agency")
    cast.add_organisation("empty agency", "agency")
    cast.add_organisation("empty centre", "credit_centre")
    cast.add_organisation("department", "agency")
    cast.add_organisation("house", "institution")
    cast.organisations["centre"].superior_id = cast.organisations["higher centre"].id


def add_others(cast: Cast) -> None:
    """Put there who carries out, certifies and looks on."""
    cast.add_person("other provider", ("other agency", Role.PROVIDER))
    cast.add_person("officer", ("department", Role.DEPARTMENT))
    cast.add_person("institution", ("house", Role.INSTITUTION))
    cast.add_person("auditor", ("centre", Role.AUDITOR))
    usual = {
        "basis": "SD-GOV-2017-44 二（四）18",
        "classes": list(CLASSES),
        "force": "recommended",
        "reaches_persons": False,
    }
    wrongs: tuple[dict[str, Any], ...] = (
        {},
        {},
        {"basis": ""},
        {"classes": []},
        {"reaches_persons": True},
    )
    for wrong in wrongs:
        cast.keep(SanctionMeasure, **{**usual, **wrong})


def both(cast: Cast, *some: Callable[[Cast], None]) -> None:
    """Put several groups of people there."""
    for add in some:
        add(cast)


def add_above(cast: Cast) -> None:
    """Put two reviewers into the centre above."""
    cast.add_person("first reviewer above", ("higher centre", Role.REVIEWER))
    cast.add_person("second reviewer above", ("higher centre", Role.REVIEWER))
    cast.add_person("torn reviewer above", ("higher centre", Role.REVIEWER))
    cast.add_person("", ("firm", Role.SUBJECT), same_as="torn reviewer above")


def add_one_above(cast: Cast) -> None:
    """Put a single reviewer into the centre above."""
    cast.add_person("first reviewer above", ("higher centre", Role.REVIEWER))


def add_clerk(cast: Cast) -> None:
    """Put a third reviewer there: who entered a matter at the counter does not decide it."""
    cast.add_person("third reviewer", ("centre", Role.REVIEWER))


def add_second_provider(cast: Cast) -> None:
    """Put a second person into the agency."""
    cast.add_person("second provider", ("agency", Role.PROVIDER))


def add_record(world: World, severity: str, number: int, facts: str = "") -> Any:
    """Put a record there, not yet on file, with class and periods by its rule pack.

    facts: in the place of those that records of the class have.
    """
    policy, cast = world.policy, world.cast
    pack = policy.pack_for("repair", decided_on=DECIDED, applied_on=DECIDED)
    record = world.add(
        CreditRecord,
        {
            "subject_id": cast.organisations["firm"].id,
            "provider_id": cast.organisations["agency"].id,
            "decision_no": f"第{number}号",
            "violation_type": "违反计量管理规定",
            "violation_facts": "经查，当事人使用未经检定的计量器具。",
            "legal_basis": "《计量法实施细则》第四十三条",
            "penalty_content": "责令改正",
            "decided_on": DECIDED,
            "rule_pack": pack.id,
            "rule_pack_hash": pack.sha256,
            "created_at": MOMENT,
            **CLASSES[severity],
            **({"violation_facts": facts} if facts else {}),
        },
    )
    found = assess(pack, partial(getattr, record))
    if found.severity != severity:
        raise ValueError(f"the rule pack makes {found.severity} of {severity}")
    record.severity_class = found.severity
    record.min_publication_until = found.min_until
    record.max_publication_until = found.max_until
    begin(policy, record, "record")
    return record


def put_on_file(record: Any, policy: Policy) -> None:
    """Let a record be on file, as an import leaves it."""
    workflow = policy.current["record"]
    published = policy.pack_of(record).classes[record.severity_class].published
    record.state = first_transition(workflow, published, over=False).target


def pack_of_measures(policy: Policy, record: Any) -> RulePack:
    """Return the rule pack that a measure on a record goes by."""
    part = policy.current["sanction"].rules
    return policy.pack_for(part, decided_on=record.decided_on, applied_on=DECIDED)


def add_sanction(world: World, record: Any, number: int) -> Any:
    """Put a measure there that is in force on a record."""
    pack = pack_of_measures(world.policy, record)
    sanction = world.add(
        Sanction,
        {
            "record_id": record.id,
            "measure_id": number,
            "department_id": world.cast.organisations["department"].id,
            "rule_pack": pack.id,
            "rule_pack_hash": pack.sha256,
            "imposed_on": DECIDED,
            "ends_on": record.max_publication_until,
        },
    )
    begin(world.policy, sanction, "sanction")
    sanction.state = "in_force"
    return sanction
