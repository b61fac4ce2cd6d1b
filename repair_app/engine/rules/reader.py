"""Reads one rule pack out of its tables; knows what may and what must stand there."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from repair_app.engine.rules.pack import (
    ClassRule,
    Clock,
    Conflict,
    Extension,
    Ground,
    Limit,
    Material,
    ObjectionRules,
    Outcome,
    Refusal,
    RepairRules,
    RulePack,
    SeverityClass,
    Stated,
)
from repair_app.engine.rules.tables import Table, Values, suggest
from repair_app.engine.spec import content_hash
from repair_app.penalty_format import Category

# The terms that workflow files may name, by the part of the profile that chooses the pack; each
# pack gives all of its part, in working days.
CLOCKS_OF: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "objection": frozenset(
            {
                "annulment_signature",
                "annulment_withdrawal",
                "draft_objection",
                "objection_acceptance",
                "objection_appraisal",
                "objection_decision",
                "objection_execution",
                "objection_extension",
                "objection_forwarding",
                "objection_hearing",
                "objection_opinion",
                "objection_own_check",
                "objection_signature",
                "objection_supplement",
                "objection_verification",
                "objection_whole",
                "proceeding_check",
                "proceeding_running",
                "review_decision",
                "review_request",
            }
        ),
        "repair": frozenset(
            {
                "commitment_supervision",
                "draft_repair",
                "repair_acceptance",
                "repair_decision",
                "repair_execution",
                "repair_extension",
                "repair_forwarding",
                "repair_hearing",
                "repair_signature",
                "repair_supplement",
                "repair_verification",
                "repair_whole",
                "requirement_commitment",
                "requirement_credit_check",
                "requirement_credit_report",
                "requirement_public_service",
                "requirement_rectification",
                "requirement_training",
                "revocation_decision",
                "revocation_hearing",
                "revocation_signature",
                "shield_decision",
                "shield_running",
                "shield_signature",
            }
        ),
        "supervision": frozenset(
            {
                "complaint_triage",
                "inspection",
                "order_check",
                "quarantine_certificate",
                "quarantine_hearing",
                "quarantine_release",
                "rectification_order",
                "remedy_check",
                "remedy_undoing",
                "sanction_evaluation",
                "sanction_feedback",
                "sanction_response",
                "self_correction",
                "self_correction_check",
                "talk_meeting",
                "talk_minutes",
                "talk_notice",
            }
        ),
    }
)
CLOCKS = frozenset().union(*CLOCKS_OF.values())
PARTS = frozenset(CLOCKS_OF)
# The workflows that a class of record may require of a repair.
REQUIREMENTS = frozenset(
    {"rectification", "commitment", "training", "credit_report", "credit_check", "public_service"}
)
READINGS = frozenset({"all", "any"})
FACTORS = frozenset({"public_service"})
# The workflows that may refuse with a coded reason.
REFUSING = frozenset({"objection", "repair", "shield"})
# The day that a publication period runs from.
ANCHORS = frozenset({"decided_on", "publicised_on", "conduct_ended_on"})
# The kinds of penalty that class_rules may name.
CATEGORIES = frozenset(str(one) for one in Category)
DECIDERS = frozenset({"provider", "reviewer"})
RESUMED_TO = frozenset({"maximum"})
FEES = frozenset({"none"})
UNVERIFIED = frozenset({"stop_publication", "keep_with_note", "remove"})
DISPLAYS = frozenset({"marked", "suspended"})
REVIEWERS = frozenset(
    {"superior_centre", "same_unit", "lead_department", "reconsideration_or_suit"}
)
APPROVERS = frozenset({"head"})
NOT_COUNTED = frozenset({"appraisal"})
OUTCOMES = frozenset(
    {
        "CORRECTED",
        "COMPLETED",
        "PUBLICATION_STOPPED",
        "REMOVED_FROM_LIST",
        "DELETED",
        "REJECTED",
        "UNVERIFIED",
    }
)
# What an edition says of itself; no other takes it over.
OWN_KEYS = frozenset({"id", "edition", "title", "valid_from", "parts", "foundation", "extends"})


def read_pack(
    file: str, content: Mapping[str, Any], stated: tuple[Stated, ...], *, whole: bool
) -> RulePack:
    """Return the pack that a file says, what it takes over from others filled in.

    `whole`: it must give everything that its parts need, as a pack that new cases begin with. An
    edition that only runs on for the cases pinned to it need not know of later terms, and what is
    only built upon need not be complete. Raises RuleError naming file, key and mend.
    """
    return _PackReader(file, content, stated, whole=whole).read()


class _PackReader:
    """Reads one rule pack."""

    def __init__(
        self, file: str, content: Mapping[str, Any], stated: tuple[Stated, ...], *, whole: bool
    ) -> None:
        self.top = Table(file, "", dict(content))
        self.content = content
        self.stated = stated
        self.parts = self.read_parts()
        self.is_foundation = self.top.has("foundation") and self.top.flag("foundation")
        self.whole = whole and not self.is_foundation
        if self.top.has("extends"):
            self.top.take("extends")  # followed when the files were put together

    def read_parts(self) -> frozenset[str]:
        """Take the parts that the pack regulates; the first packs regulated both of theirs."""
        if not self.top.has("parts"):
            return frozenset({"repair", "objection"})
        parts = frozenset(self.top.texts("parts", PARTS))
        if not parts:
            raise self.top.refuse("parts", f"names no part{suggest('', PARTS)}")
        return parts

    def needs(self, part: str) -> bool:
        """Say whether everything of a part has to be there."""
        return self.whole and part in self.parts

    def read(self) -> RulePack:
        top = self.top
        materials = self.read_materials()
        classes = {
            name: _read_class(name, body, materials) for name, body in self.tables("classes")
        }
        grounds = {name: _read_ground(body, materials) for name, body in self.tables("grounds")}
        pack = RulePack(
            file=top.file,
            id=top.text("id"),
            edition=top.count("edition") if top.has("edition") else 1,
            title=top.label("title"),
            valid_from=top.day("valid_from") if top.has("valid_from") else None,
            parts=self.parts,
            is_foundation=self.is_foundation,
            classes=MappingProxyType(classes),
            clocks=MappingProxyType(self.read_clocks()),
            refusals=MappingProxyType(
                {name: _read_refusal(body) for name, body in self.tables("refusals")}
            ),
            grounds=MappingProxyType(grounds),
            materials=MappingProxyType(materials),
            outcomes=MappingProxyType(self.read_outcomes()),
            conflicts=tuple(_read_conflict(code, body) for code, body in self.tables("conflicts")),
            class_rules=self.read_class_rules(classes),
            negations=self.words("negations"),
            denials=self.words("denials"),
            conditions=self.words("conditions"),
            limit=_read_limit(top.table("limit")) if top.has("limit") else None,
            repair_rules=self.read_repair(),
            objection_rules=self.read_objection(),
            stated=self.stated,
            content=self.content,
            sha256=content_hash(
                {key: one for key, one in self.content.items() if key != "extends"}
            ),
        )
        top.end()
        self.check_refusals(pack)
        return pack

    def tables(self, key: str) -> list[tuple[str, Table]]:
        """Return the tables inside a table that a pack may need: see TABLES_OF."""
        needed = any(self.needs(part) for part in TABLES_OF.get(key, ()))
        return list(self.top.tables(key)) if needed or self.top.has(key) else []

    def words(self, key: str) -> tuple[str, ...]:
        needed = self.needs("repair")
        return self.top.texts(key) if needed or self.top.has(key) else ()

    def read_clocks(self) -> dict[str, Clock]:
        known = frozenset().union(*(CLOCKS_OF[part] for part in self.parts))
        clocks: dict[str, Clock] = {}
        for name, body in self.tables("clocks"):
            if name not in known:
                raise self.top.refuse(f"clocks.{name}", f"is not known here{suggest(name, known)}")
            clocks[name] = Clock(body.working_days("working_days"), **body.source_fields())
            body.end()
        if self.whole and (missing := sorted(known - set(clocks))):
            raise self.top.refuse(f"clocks.{missing[0]}", "is missing")
        return clocks

    def read_materials(self) -> dict[str, Material]:
        return {code: _read_material(code, body) for code, body in self.tables("materials")}

    def read_outcomes(self) -> dict[str, Outcome]:
        outcomes: dict[str, Outcome] = {}
        for code, body in self.tables("outcomes"):
            if code not in OUTCOMES:
                raise self.top.refuse(
                    f"outcomes.{code}", f"is not known here{suggest(code, OUTCOMES)}"
                )
            outcomes[code] = Outcome(
                body.label("label"), body.flag("upheld"), **body.source_fields()
            )
            body.end()
        if self.needs("objection") and (missing := sorted(OUTCOMES - set(outcomes))):
            raise self.top.refuse(f"outcomes.{missing[0]}", "is missing")
        return outcomes

    def read_class_rules(self, classes: Collection[str]) -> tuple[ClassRule, ...]:
        if not self.needs("repair") and not self.top.has("class_rules"):
            return ()
        rules = tuple(_read_class_rule(row, classes) for row in self.top.rows("class_rules"))
        codes = [rule.code for rule in rules]
        if len(set(codes)) != len(codes):
            raise self.top.refuse("class_rules", "gives a code twice")
        if [rule.is_default for rule in rules] != [False] * (len(rules) - 1) + [True]:
            raise self.top.refuse("class_rules", "the last line, and no other, has no condition")
        return rules

    def read_repair(self) -> RepairRules | None:
        if not self.needs("repair") and not self.top.has("repair"):
            return None
        body = self.top.table("repair")
        values = Values(body)
        rules = RepairRules(
            decider=values.take("decider", lambda one, key: one.one_of(key, DECIDERS)),
            falsehood_resumes_to=values.take(
                "falsehood_resumes_to", lambda one, key: one.one_of(key, RESUMED_TO)
            ),
            bar_months=values.take_if("bar_months", Table.months, None),
            individuals_by_public_service=values.take("individuals_by_public_service", Table.flag),
            fee=values.take("fee", lambda one, key: one.one_of(key, FEES)),
            extension=_read_extension(body),
            sources=values.sources,
        )
        body.end()
        return rules

    def read_objection(self) -> ObjectionRules | None:
        if not self.needs("objection") and not self.top.has("objection"):
            return None
        body = self.top.table("objection")
        values = Values(body)
        rules = ObjectionRules(
            unverified=values.take("unverified", lambda one, key: one.one_of(key, UNVERIFIED)),
            display_while_verified=values.take(
                "display_while_verified", lambda one, key: one.one_of(key, DISPLAYS)
            ),
            not_counted=values.take("not_counted", lambda one, key: one.texts(key, NOT_COUNTED)),
            review_by=values.take("review_by", lambda one, key: one.one_of(key, REVIEWERS)),
            extension=_read_extension(body),
            sources=values.sources,
        )
        body.end()
        return rules

    def check_refusals(self, pack: RulePack) -> None:
        for workflow in sorted({"repair", "objection"} & self.parts):
            if self.whole and not any(workflow in one.of for one in pack.refusals.values()):
                raise self.top.refuse("refusals", f"none is of {workflow!r}")


# The tables that a pack must have, by the parts that need them.
TABLES_OF: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "clocks": ("repair", "objection", "supervision"),
        "classes": ("repair",),
        "refusals": ("repair", "objection"),
        "grounds": ("objection",),
        "materials": ("repair", "objection"),
        "outcomes": ("objection",),
    }
)


def _read_class(name: str, body: Table, materials: Collection[str]) -> SeverityClass:
    values = Values(body)
    severity = SeverityClass(
        name=name,
        label=body.label("label"),
        published=values.take("published", Table.flag),
        min_months=values.take_if("min_months", Table.months, None),
        max_months=values.take("max_months", Table.months),
        anchor=values.take("anchor", lambda entry, key: entry.one_of(key, ANCHORS)),
        repairable=values.take("repairable", Table.flag),
        requirements=values.take("requirements", lambda entry, key: entry.texts(key, REQUIREMENTS)),
        reading=values.take_if("reading", lambda entry, key: entry.one_of(key, READINGS), "all"),
        factors=values.take_if("factors", lambda entry, key: entry.texts(key, FACTORS), ()),
        checklist=values.take_if("checklist", lambda one, key: one.groups(key, materials), ()),
        basis=body.label("basis"),
        sources=values.sources,
    )
    body.end()
    if severity.min_months is not None and severity.min_months > severity.max_months:
        raise body.refuse("min_months", "is more than max_months")
    if severity.repairable != bool(severity.requirements):
        raise body.refuse("requirements", "belong to a class that can be repaired, and only there")
    if severity.checklist and not severity.repairable:
        raise body.refuse("checklist", "belongs to a class that can be repaired, and only there")
    if both := sorted(set(severity.factors) & set(severity.requirements)):
        raise body.refuse("factors", f"{both[0]!r} is weighed or required, not both")
    return severity


def _read_material(code: str, body: Table) -> Material:
    material = Material(
        code=code,
        label=body.label("label"),
        how_to_get=body.label("how_to_get"),
        requirement=body.one_of("requirement", REQUIREMENTS) if body.has("requirement") else None,
        only_category=_categories(body, "only_category"),
        **body.source_fields(),
    )
    body.end()
    return material


def _read_refusal(body: Table) -> Refusal:
    refusal = Refusal(body.label("label"), body.texts("of", REFUSING), **body.source_fields())
    body.end()
    if not refusal.of:
        raise body.refuse("of", f"names no workflow{suggest('', REFUSING)}")
    return refusal


def _read_ground(body: Table, materials: Collection[str]) -> Ground:
    ground = Ground(
        body.label("label"),
        body.label("proof"),
        any_of=body.texts("any_of", materials) if body.has("any_of") else (),
        corrects=body.has("corrects") and body.flag("corrects"),
        **body.source_fields(),
    )
    body.end()
    return ground


def _read_conflict(code: str, body: Table) -> Conflict:
    conflict = Conflict(
        code,
        label=body.label("label"),
        chosen=body.label("chosen"),
        chosen_source=body.text("chosen_source"),
        other=body.label("other"),
        other_source=body.text("other_source"),
        **body.source_fields(),
    )
    body.end()
    return conflict


def _read_extension(outer: Table) -> Extension | None:
    if not outer.has("extension"):
        return None
    body = outer.table("extension")
    extension = Extension(
        body.one_of("approver", APPROVERS), body.flag("notice_before"), **body.source_fields()
    )
    body.end()
    return extension


def _read_limit(body: Table) -> Limit:
    limit = Limit(body.months("months"), body.one_of("anchor", ANCHORS), **body.source_fields())
    body.end()
    return limit


def _categories(body: Table, key: str) -> frozenset[str]:
    return frozenset(body.texts(key, CATEGORIES)) if body.has(key) else frozenset()


def _read_class_rule(row: Table, classes: Collection[str]) -> ClassRule:
    def words(key: str) -> tuple[str, ...]:
        return row.texts(key) if row.has(key) else ()

    rule = ClassRule(
        code=row.text("code"),
        label=row.label("label"),
        names_class=row.one_of("class", classes),
        any_category=_categories(row, "any_category"),
        only_category=_categories(row, "only_category"),
        any_word=words("any_word"),
        any_field_word=words("any_field_word"),
        fine_from_10k=row.amount("fine_from_10k") if row.has("fine_from_10k") else None,
        fine_up_to_10k=row.amount("fine_up_to_10k") if row.has("fine_up_to_10k") else None,
        **row.source_fields(),
    )
    row.end()
    return rule
