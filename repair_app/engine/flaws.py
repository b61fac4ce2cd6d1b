"""What can be wrong with a record on file, found by looking at it; no rule of a case lives here.

What bars a record from publication bars it on every public page at once (`bars_publication`),
whether or not a scan has been there; everything found opens a self-correction (自查自纠，限期整改).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, NamedTuple

from repair_app.engine.assessment import assess_record
from repair_app.engine.rules import RulePack
from repair_app.labels import Label
from repair_app.masking import find_personal
from repair_app.models import CreditRecord
from repair_app.models.parties import OrganisationKind
from repair_app.penalty_format import is_uscc

IN_ORDER: Final = "in_order"  # what an inspector says who found nothing
PUBLIC_TEXTS: Final = ("violation_type", "violation_facts", "legal_basis", "penalty_content")


class Kind(NamedTuple):
    """A kind of flaw: its name, the clause against it, and whether somebody has to mend it."""

    label: Label
    basis: str  # "<document> <clause>" of workflows/documents.toml
    opens: bool = True


SELF_CHECK: Final = "SD-CREDIT-2021-5 （八）"
KINDS: Final[Mapping[str, Kind]] = {
    "over_term": Kind(Label("超期披露", "Disclosed beyond its term"), SELF_CHECK),
    "not_to_be_published": Kind(
        Label("公开了不应公开的信息", "Published although its class is not"), SELF_CHECK
    ),
    "natural_person": Kind(
        Label("公示了自然人的信用信息", "A natural person's record published"),
        "SD-CREDIT-2021-5 （七）",
    ),
    "personal_data": Kind(
        Label("公示内容含个人信息", "Personal data in what is published"),
        "SD-GOV-2017-44 二（一）3",
    ),
    "no_authority": Kind(
        Label("提供单位无相应职权", "Provided by a body without authority"), SELF_CHECK
    ),
    "unlisted_measure": Kind(
        Label("惩戒措施不在清单内", "A measure that the catalogue does not list"),
        "SD-GOV-2017-44 二（四）18",
    ),
    "no_basis": Kind(Label("未载明处罚依据", "No legal basis stated"), SELF_CHECK),
    "duplicate": Kind(
        Label("重复信息", "The same decision twice on file"), "SD-CREDIT-2021-5 （二）"
    ),
    "invalid_code": Kind(
        Label("统一社会信用代码无效", "The subject's code is none"), "SD-CREDIT-2021-5 （二）"
    ),
    "impossible_dates": Kind(
        Label("日期相互矛盾", "Dates that cannot be"), "SD-CREDIT-2021-5 （二）"
    ),
    "published_late": Kind(
        Label("未在7个工作日内公示", "Not public within 7 working days"),
        "SD-GOV-2017-44 二（一）3",
        opens=False,
    ),
}


@dataclass(frozen=True)
class Flaw:
    """One thing wrong with one record; `facts` say what, without personal data."""

    kind: str
    facts: Mapping[str, Any] = field(default_factory=dict)


class Sight(NamedTuple):
    """What a check looks at: a record, the rules it is kept under, and the day."""

    record: CreditRecord
    rules: RulePack
    day: date


Check = Callable[[Sight], Iterator[Flaw]]


def examine(record: CreditRecord, rules: RulePack, day: date) -> Iterator[Flaw]:
    """Yield what is wrong with a record on a day (Asia/Shanghai), by the rules it is kept under.

    What only shows beside other records (duplicates, days of publication) is the scan's to find.
    """
    for check in CHECKS:
        yield from check(Sight(record, rules, day))


def bars_publication(record: CreditRecord, rules: RulePack, day: date) -> bool:
    """Say whether a record must not be shown to the public, whatever its state says."""
    seen = Sight(record, rules, day)
    return any(True for check in BARRING for _ in check(seen))


def _find_over_term(seen: Sight) -> Iterator[Flaw]:
    """The term that stands on it is over, or the one that its own dates give."""
    if seen.record.state != "published":
        return
    due = assess_record(seen.rules, seen.record).max_until
    last = min(seen.record.max_publication_until, due)
    if last < seen.day:
        yield Flaw("over_term", {"until": last.isoformat()})


def _find_not_to_be_published(seen: Sight) -> Iterator[Flaw]:
    """Its class is kept on file and not published."""
    if (
        seen.record.state == "published"
        and not seen.rules.classes[seen.record.severity_class].published
    ):
        yield Flaw("not_to_be_published", {"class": seen.record.severity_class})


def _find_natural_person(seen: Sight) -> Iterator[Flaw]:
    """Its subject is a person: by its kind, or by a resident's number in place of a code."""
    if seen.record.state == "published" and is_natural_person(seen.record):
        yield Flaw("natural_person")


def is_natural_person(record: CreditRecord) -> bool:
    """Say whether a record is about a natural person."""
    code = record.subject.uscc or ""
    return record.subject.kind == OrganisationKind.NATURAL_PERSON or (
        not is_uscc(code) and "identity" in find_personal(code)
    )


def _find_personal_data(seen: Sight) -> Iterator[Flaw]:
    """The texts that pages show hold what has to be masked."""
    if seen.record.state != "published":
        return
    names = [seen.record.legal_representative] if seen.record.legal_representative else []
    for name in PUBLIC_TEXTS:
        if found := find_personal(getattr(seen.record, name), names):
            yield Flaw("personal_data", {"field": name, "holds": found})


def _find_lack_of_authority(seen: Sight) -> Iterator[Flaw]:
    """Who provided it is no agency (越权提供信用信息)."""
    if seen.record.provider.kind != OrganisationKind.AGENCY:
        yield Flaw("no_authority", {"provider": seen.record.provider.uscc})


def _find_unlisted_measures(seen: Sight) -> Iterator[Flaw]:
    """A measure rests on it that the catalogue does not list any more, or never based."""
    for sanction in seen.record.sanctions:
        measure = sanction.measure
        withdrawn = measure.withdrawn_on is not None and measure.withdrawn_on <= seen.day
        if sanction.ended_at is None and (withdrawn or not measure.basis.strip()):
            yield Flaw("unlisted_measure", {"sanction": sanction.ref, "measure": measure.code})


def _find_lack_of_basis(seen: Sight) -> Iterator[Flaw]:
    if not seen.record.legal_basis.strip():
        yield Flaw("no_basis")


def _find_invalid_code(seen: Sight) -> Iterator[Flaw]:
    if not is_natural_person(seen.record) and not is_uscc(seen.record.subject.uscc or ""):
        yield Flaw("invalid_code")


def _find_impossible_dates(seen: Sight) -> Iterator[Flaw]:
    """Decided in the future, or before the conduct ended; shown or over before it was decided."""
    record, decided = seen.record, seen.record.decided_on
    wrong = {
        "decided_on": decided > seen.day,
        "publicised_on": record.publicised_on is not None and record.publicised_on < decided,
        "valid_until": record.valid_until is not None and record.valid_until < decided,
        "conduct_ended_on": record.conduct_ended_on is not None
        and record.conduct_ended_on > decided,
    }
    if fields := sorted(name for name, is_wrong in wrong.items() if is_wrong):
        yield Flaw("impossible_dates", {"fields": fields})


CHECKS: Final[tuple[Check, ...]] = (
    _find_over_term,
    _find_not_to_be_published,
    _find_natural_person,
    _find_personal_data,
    _find_lack_of_authority,
    _find_unlisted_measures,
    _find_lack_of_basis,
    _find_invalid_code,
    _find_impossible_dates,
)
BARRING: Final[tuple[Check, ...]] = (
    _find_over_term,
    _find_not_to_be_published,
    _find_natural_person,
)
