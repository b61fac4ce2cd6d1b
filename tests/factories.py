"""Plain functions that make what a test needs, by the services that the application uses.

They need an application context (the fixture `app`). No factory writes a state: a case is
brought to a state by firing the transitions that lead there.
"""

import itertools
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from stdnum.cn import uscc

from repair_app.db import db, now, today
from repair_app.demo.papers import write_pdf
from repair_app.engine import machine
from repair_app.engine.bulk import NewRecord, bring_in
from repair_app.engine.opening import open_requirement
from repair_app.engine.rows import as_json
from repair_app.engine.step import SYSTEM, Answers, Entity
from repair_app.engine.store import Store
from repair_app.models import (
    Appointment,
    Case,
    CreditRecord,
    ImportBatch,
    Organisation,
    QuarantinedRow,
    Requirement,
    Role,
    Sanction,
    SanctionMeasure,
    User,
)
from repair_app.models.parties import OrganisationKind
from repair_app.services import cases, institutions, people, sanctions
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction
from repair_app.uploads import Upload, check_upload

PASSWORD = "correct horse battery staple"


def make_pdf(*lines: str, size: int = 0) -> bytes:
    """Return a small PDF that opens, with these lines; filled up to a size where one is given."""
    pdf = write_pdf(lines)
    filling = b"%".ljust(size - len(pdf) - 1, b"0") + b"\n" if size else b""
    return pdf.replace(b"startxref", filling + b"startxref")


PDF = make_pdf("证据")

VALUE_FORMS = {"CorrectionForm", "AmendObjectionForm", "ObjectionForm", "WindowObjectionForm"}
PAPERS = {"AnnulmentForm", "ProceedingForm", "RulingForm", "CourtRulingForm", "ShieldForm"}

_numbers = itertools.count(1)

# --- who takes part -------------------------------------------------------------------------


def make_uscc(number: int | None = None) -> str:
    """Return a fictional unified social credit code with the right check character."""
    body = f"91370112MA{number if number is not None else next(_numbers):07d}"
    return body + uscc.calc_check_digit(body)


def make_organisation(
    kind: OrganisationKind = OrganisationKind.ENTERPRISE, name: str | None = None
) -> Organisation:
    """Return a new organisation."""
    code = make_uscc()
    with transaction() as session:
        return people.add_organisation(session, code, name or f"虚构单位{code[10:17]}", kind)


def make_account(
    organisation: Organisation,
    role: Role,
    *,
    name: str | None = None,
    email: str | None = None,
    scope: Sequence[str] | None = None,
    ends_on: date | None = None,
    same_person_as: User | None = None,
    active: bool = True,
) -> User:
    """Return a new account with one appointment; its person is new, unless somebody is named."""
    number = next(_numbers)
    if role is Role.AGENT and scope is None:
        scope = ("objection", "repair")
    with transaction() as session:
        user = people.add_account(
            session,
            email or f"person{number}@example.com",
            name or f"虚构人员{number}",
            PASSWORD,
            session.get_one(Organisation, organisation.id),
            role,
            scope=scope,
            ends_on=ends_on,
        )
        user.active = active
        if same_person_as is not None:
            needless, user.person = user.person, session.get_one(User, same_person_as.id).person
            session.delete(needless)
        return user


def leave_office(*users: User) -> None:
    """Let accounts hold no office from today on: nobody counts them among those who can act."""
    with transaction() as session:
        for user in users:
            for one in session.get_one(User, user.id).appointments:
                one.ends_on = today() - timedelta(days=1)


def make_appointment(
    user: User, organisation: Organisation, role: Role, **more: Any
) -> Appointment:
    """Return a further appointment of an account."""
    with transaction() as session:
        return people.appoint(
            session,
            session.get_one(User, user.id),
            session.get_one(Organisation, organisation.id),
            role,
            **more,
        )


# --- records and sanctions ------------------------------------------------------------------

# What a record says, so that the rule pack of the seeds puts it into the class.
CLASSES: dict[str, dict[str, Any]] = {
    "minor": {"penalty_categories": ["warning"], "fine_10k": None},
    "general": {"penalty_categories": ["fine"], "fine_10k": 2},
    "serious": {"penalty_categories": ["fine"], "violation_facts": "经查，情节严重。"},
    "specific_serious": {
        "penalty_categories": ["business_suspension"],
        "violation_facts": "经查，食品生产不符合标准。",
    },
}


def make_record(
    subject: Organisation,
    provider: Organisation,
    *,
    severity: str = "general",
    decided_days_ago: int = 150,
    **columns: Any,
) -> CreditRecord:
    """Return a record put on file as an import does: classified, published or withheld, sealed.

    150 days ago: past the minimum publication of a general record, within the maximum of all.
    """
    number = next(_numbers)
    given = {
        "subject_id": subject.id,
        "provider_id": provider.id,
        "source_unit": provider.name,
        "decision_no": f"济市监处罚〔2026〕{number}号",
        "violation_type": "违反计量管理规定",
        "violation_facts": "经查，当事人使用未经检定的计量器具。",
        "legal_basis": "《计量法实施细则》第四十三条",
        "penalty_content": "责令改正，罚款2万元",
        "confiscation_10k": None,
        "fine_10k": None,
        "licence_seized": None,
        "legal_representative": "张虚构",
        "remark": None,
        "decided_on": today() - timedelta(days=decided_days_ago),
        "publicised_on": None,
        "conduct_ended_on": None,
        "valid_until": None,
        "source_publication_until": None,
        "fingerprint": secrets.token_hex(32),
        **CLASSES[severity],
        **columns,
    }
    with transaction() as session:
        new = NewRecord(columns=given, origin={"file": "0" * 64, "line": number})
        bring_in(session, current_policy(), [new], SYSTEM, at=now())
        record = session.scalars(
            select(CreditRecord).where(CreditRecord.fingerprint == given["fingerprint"])
        ).one()
    assert record.severity_class == severity, f"the rule pack says {record.severity_class}"
    return record


def make_sanction(
    record: CreditRecord, officer: User, *, code: str = "A01", ends_on: date | None = None
) -> Sanction:
    """Return a measure that an officer imposed on a record."""
    measure = db.session.scalars(select(SanctionMeasure).where(SanctionMeasure.code == code)).one()
    until = ends_on or record.max_publication_until
    submission = cases.Submission(
        answers=Answers(facts={"measure_id": measure.id, "ends_on": until.isoformat()}),
        token=secrets.token_urlsafe(24),
        purpose=f"{record.ref} impose",
    )
    sanctions.impose(record.ref, officer, submission)
    return db.session.scalars(
        select(Sanction).where(Sanction.record_id == record.id).order_by(Sanction.id.desc())
    ).first()


def initiate_sanction(
    record: CreditRecord,
    user: User,
    department: Organisation,
    *,
    code: str = "A01",
    ends_on: date | None = None,
    person: str = "",
    person_role: str = "legal_representative",
    notified: Sequence[str] = (),
) -> Sanction:
    """Return a measure that the record's provider asked a department for; on a person if named."""
    measure = db.session.scalars(select(SanctionMeasure).where(SanctionMeasure.code == code)).one()
    submission = cases.Submission(
        answers=Answers(
            facts={
                "measure_id": measure.id,
                "department_id": department.id,
                "ends_on": (ends_on or record.max_publication_until).isoformat(),
                "person_role": person_role if person else None,
                "notified": list(notified),
            },
            texts={"person": person} if person else {},
        ),
        token=secrets.token_urlsafe(24),
        purpose=f"{record.ref} initiate",
    )
    sanctions.initiate(record.ref, user, submission)
    return db.session.scalars(
        select(Sanction).where(Sanction.record_id == record.id).order_by(Sanction.id.desc())
    ).first()


# --- cases ----------------------------------------------------------------------------------


def make_upload(content: bytes = PDF, filename: str = "证据.pdf") -> Upload:
    """Return a checked piece of evidence."""
    return check_upload(filename, content)


def make_submission(
    purpose: str = "",
    *,
    facts: Mapping[str, Any] | None = None,
    texts: Mapping[str, str] | None = None,
    values: Mapping[str, str] | None = None,
    uploads: Sequence[Upload] = (),
    version: int = 0,
    token: str | None = None,
) -> cases.Submission:
    """Return what a person sent, with a token of its own."""
    return cases.Submission(
        answers=Answers(facts or {}, texts or {}, values or {}),
        uploads=tuple(uploads),
        token=secrets.token_urlsafe(24) if token is None else token,
        version=version,
        purpose=purpose,
    )


def kind_of(entity: Entity) -> str:
    """Return the word for an entity in addresses: cases, records, requirements, sanctions."""
    return next(kind for kind, model in cases.KINDS.items() if isinstance(entity, model))


def answer(transition: str, entity: Entity, **facts: Any) -> dict[str, Any]:
    """Return facts and texts as a person would give them to a transition's form."""
    form = current_policy().workflow_of(entity).transitions[transition].form
    texts = {
        "NoteForm": {"note": "内部说明"},
        "ReasonForm": {"reason": "理由如下。"},
        "StatementForm": {"statement": "情况说明如下。"},
        "SupplementListForm": {"missing": "营业执照复印件"},
        "RefusalForm": {"reason": "理由如下。", "remedy": "补齐材料后可再次提出。"},
        "ProviderForm": {"reason": "该信息由另一单位提供。"},
        "FindingsForm": {"findings": "经核查如下。"},
        "BreachDecisionForm": {
            "findings": "经核查如下。",
            "weighing": "已听取并考虑陈述意见。",
            "remedy": "可以依法申请行政复议。",
        },
        "CorrectionForm": {"findings": "经核查应予更正。"},
        "AmendObjectionForm": {"statement": "金额有误。"},
        "ObjectionForm": {"statement": "金额有误。"},
        "RepairForm": {"statement": "已缴纳罚款并整改。"},
        "AmendRepairForm": {"statement": "已缴纳罚款并整改。"},
        "BreachForm": {
            "unfulfilled": "未依法经营。",
            "liability": "公示并通报。",
            "findings": "如下。",
        },
        "CheckForm": {"findings": "经核查如下。"},
        "PublicServiceForm": {"organiser": "虚构志愿者协会", "statement": "参加义工服务。"},
        "OrderForm": {"order": "送检计量器具。"},
        "TalkForm": {"agenda": "督促整改。"},
        "TalkNoticeForm": {"agenda": "督促整改。"},
        "MinutesForm": {
            "attendees": "双方代表",
            "authority_said": "应当整改。",
            "subject_said": "立即整改。",
            "undertakings": "十日内完成。",
        },
        "CountersignForm": {"signatory": "张虚构"},
        "ProofForm": {"statement": "整改完成。"},
        "MaterialForm": {"statement": "整改完成。"},
        "ExecutionForm": {"account": "已限制其投标资格。"},
        "EvaluationForm": {"findings": "已达惩戒目的。"},
        "RestorationForm": {"statement": "已恢复资格。", "notice": "现告知你单位。"},
        "CommitmentForm": {"signatory": "张虚构"},
        "PaperCommitmentForm": {"signatory": "张虚构"},
        "WindowObjectionForm": {"statement": "金额有误。", "presented_by": "李虚构"},
        "WindowRepairForm": {"statement": "已缴纳罚款并整改。", "presented_by": "李虚构"},
        "DiscoveryForm": {"statement": "执行中发现金额有误。"},
        "TakeUpForm": {"statement": "有人反映金额有误。"},
        "JoinForm": {"reason": "与已有异议相同。"},
        "RemovalForm": {"findings": "经核查应予撤下。"},
        "ConsultationForm": {"question": "请核对罚款金额。"},
        "OpinionForm": {"findings": "经核对如下。"},
        "InterimForm": {"progress": "正在核对案卷。"},
        "AppraisalForm": {"appraiser": "虚构检测中心", "reason": "需要检测。"},
        "CentreForm": {"reason": "须回避。"},
        "DecisionForm": {
            "reason": "理由如下。",
            "weighing": "已考虑。",
            "remedy": "可以申请复核。",
        },
        "FalsehoodForm": {"reason": "材料虚假。"},
        "ReviewForm": {"statement": "原决定有误。"},
        **{form: {"body": "虚构市人民法院", "statement": "内容如下。"} for form in PAPERS},
    }.get(form, {})
    values = {"fine_10k": "1"} if form in VALUE_FORMS else {}
    return {"facts": {**_facts_of(form), **facts}, "texts": texts, "values": values}


def _facts_of(form: str) -> dict[str, Any]:
    facts: dict[str, Callable[[], dict[str, Any]]] = {
        "RefusalForm": lambda: {"code": "material_incomplete"},
        **dict.fromkeys(
            ("ObjectionForm", "WindowObjectionForm", "DiscoveryForm", "TakeUpForm"),
            lambda: {"ground": "error"},
        ),
        "RemovalForm": lambda: {"outcome": "DELETED"},
        "MaterialForm": lambda: {"material": "performance_receipt"},
        "OpinionForm": lambda: {"view": "right"},
        "FalsehoodForm": lambda: {"falsehood": "false_material"},
        **dict.fromkeys(
            PAPERS,
            lambda: {
                "annulled": "annulled",
                "proceeding": "suit",
                "number": f"（2026）虚01号{next(_numbers)}",
                "issued_on": today().isoformat(),
            },
        ),
        "ExecutionForm": lambda: {"happened_on": today().isoformat(), "executed": True},
        "EvaluationForm": lambda: {"evaluation": "effective"},
        "CommitmentForm": lambda: {"text": "本单位郑重承诺。"},
        "PaperCommitmentForm": lambda: {"text": "本单位郑重承诺。"},
        "InstitutionForm": lambda: {"institution_id": _any_institution()},
        "ServiceForm": lambda: {"institution_id": _any_institution()},
        "TrainingPlaceForm": lambda: {"institution_id": _any_institution()},
        "PaperForm": lambda: {
            "number": f"证书{next(_numbers)}号",
            "issued_on": today().isoformat(),
            "valid_until": (today() + timedelta(days=365)).isoformat(),
        },
        "PublicServiceForm": lambda: {"hours": 8, "served_until": today().isoformat()},
        "TalkForm": lambda: {
            "ground": "reminder",
            "meets_on": (today() + timedelta(days=3)).isoformat(),
            "place": "虚构市市场监督管理局一楼",
        },
        "TalkNoticeForm": lambda: {
            "meets_on": (today() + timedelta(days=3)).isoformat(),
            "place": "虚构市市场监督管理局二楼",
        },
        "MinutesForm": lambda: {"held_on": today().isoformat()},
        "CertificateForm": lambda: {
            "number": f"证书{next(_numbers)}号",
            "issued_on": today().isoformat(),
            "valid_until": (today() + timedelta(days=365)).isoformat(),
        },
    }
    return facts.get(form, dict)()


def _any_institution() -> int:
    institutions = select(Organisation.id).where(Organisation.kind == OrganisationKind.INSTITUTION)
    return db.session.scalars(institutions.order_by(Organisation.id)).first()


def act(
    user: User, transition: str, entity: Entity, *, uploads: Sequence[Upload] = (), **facts: Any
) -> cases.Outcome:
    """Fire a transition as a person who fills in its form sensibly."""
    db.session.rollback()  # read the entity as it is now
    kind, ref = kind_of(entity), entity.ref
    submission = make_submission(
        f"{ref} {transition}",
        **answer(transition, entity, **facts),
        uploads=uploads,
        version=entity.version,
    )
    return cases.perform(kind, ref, transition, user, submission)


def open_objection(
    record: CreditRecord,
    user: User,
    *,
    ground: str = "error",
    proposals: Mapping[str, str] | None = None,
    uploads: Sequence[Upload] | None = None,
) -> Case:
    """Return a draft of an objection, with evidence unless none is wanted."""
    submission = make_submission(
        f"{record.ref} objection",
        facts={"ground": ground},
        values=proposals or {"fine_10k": "1"},
        texts={"statement": "金额有误。"},
        uploads=[make_upload()] if uploads is None else uploads,
    )
    return get_case(cases.open_case("objection", record.ref, user, submission).ref)


def open_repair(record: CreditRecord, user: User) -> Case:
    """Return a draft of a repair; its requirements are owed."""
    submission = make_submission(f"{record.ref} repair", texts={"statement": "已缴纳罚款。"})
    return get_case(cases.open_case("repair", record.ref, user, submission).ref)


def meet_requirements(case: Case, subject: User, officer: User, *, without: str = "") -> None:
    """Have the subject, and the institution's officer, meet what a repair needs."""
    steps = {
        "commitment": [(subject, "sign")],
        "rectification": [(subject, "submit_proof")],
        "training": [(subject, "enrol"), (officer, "confirm_training")],
        "credit_report": [(subject, "request"), (officer, "file_report")],
        "credit_check": [],
        "public_service": [],
    }
    for requirement in get_case(case.ref).requirements:
        for user, name in steps[requirement.workflow] if requirement.workflow != without else ():
            uploads = (
                [make_upload(PDF + name.encode() + b"\n%%EOF")] if name == "submit_proof" else ()
            )
            act(user, name, requirement, uploads=uploads)


def add_requirement(ref: str, workflow: str) -> None:
    """Ask for a further requirement, as a rule pack that lists it does."""
    with transaction() as session:
        case = session.scalars(select(Case).where(Case.ref == ref)).one()
        transition = current_policy().workflow_of(case).transitions["open"]
        step = machine.prepare(
            Store(session), current_policy(), case, transition, SYSTEM, Answers(), at=now()
        )
        open_requirement(step, workflow)


def get_case(ref: str) -> Case:
    """Return a case as it is now."""
    db.session.rollback()
    return db.session.scalars(select(Case).where(Case.ref == ref)).one()


def requirement_of(case: Case, workflow: str) -> Requirement:
    """Return a requirement of a repair as it is now."""
    found = {one.workflow: one for one in get_case(case.ref).requirements}
    return found[workflow]


ANNUL = "annul"  # no step of the case: the record is withdrawn, see `annul_record`
# State -> the transition that leads there, who fires it, and the state before it.
OBJECTION: dict[str, tuple[str, str, str]] = {
    "discarded": ("subject", "discard", "draft"),
    "submitted": ("subject", "submit", "draft"),
    "supplement_asked": ("reviewer", "ask_supplement", "submitted"),
    "refused": ("reviewer", "refuse", "submitted"),
    "accepted": ("reviewer", "accept", "submitted"),
    "with_provider": ("reviewer", "ask_provider", "accepted"),
    "appraisal": ("provider", "begin_appraisal", "with_provider"),
    "confirmed": ("provider", "confirm", "with_provider"),
    "correction_proposed": ("provider", "propose_correction", "with_provider"),
    "removal_proposed": ("provider", "propose_removal", "with_provider"),
    "unverifiable": ("provider", "find_unverifiable", "with_provider"),
    "rejection_announced": ("reviewer", "announce_rejection", "confirmed"),
    "rejection_heard": ("subject", "state_views", "rejection_announced"),
    "rejected": ("second_reviewer", "sign_rejection", "rejection_heard"),
    "correction_decided": ("reviewer", "decide_correction", "correction_proposed"),
    "removal_decided": ("reviewer", "decide_removal", "removal_proposed"),
    "executed": ("second_reviewer", "sign_correction", "correction_decided"),
    "removal_executed": ("second_reviewer", "sign_removal", "removal_decided"),
    "closed": ("provider", "confirm_execution", "executed"),
    "withdrawn": ("subject", "withdraw", "submitted"),
    "moot": ("", ANNUL, "submitted"),
}
REPAIR: dict[str, tuple[str, str, str]] = {
    "discarded": ("subject", "discard", "draft"),
    "submitted": ("subject", "submit", "draft"),
    "supplement_asked": ("reviewer", "ask_supplement", "submitted"),
    "refused": ("reviewer", "refuse", "submitted"),
    "accepted": ("reviewer", "accept", "submitted"),
    "with_provider": ("reviewer", "ask_provider", "accepted"),
    "rectification_confirmed": ("provider", "confirm_rectification", "with_provider"),
    "rectification_lacking": ("provider", "find_lacking", "with_provider"),
    "grant_proposed": ("reviewer", "propose_grant", "rectification_confirmed"),
    "refusal_proposed": ("reviewer", "propose_refusal", "rectification_lacking"),
    "executed": ("second_reviewer", "sign_grant", "grant_proposed"),
    "not_granted": ("second_reviewer", "sign_refusal", "refusal_proposed"),
    "closed": ("provider", "confirm_execution", "executed"),
    "withdrawn": ("subject", "withdraw", "submitted"),
    "moot": ("", ANNUL, "submitted"),
}
WAYS = {"objection": OBJECTION, "repair": REPAIR}


def make_case(
    world: Any,
    state: str = "submitted",
    *,
    workflow: str = "objection",
    record: CreditRecord | None = None,
    subject: User | None = None,
    **opening: Any,
) -> Case:
    """Return a case brought to a state by its people, each step through the services.

    world: names the people (see `World`); the record is a new one of firm A unless given.
    """
    record = record or make_record(world.firm, world.agency)
    subject = subject or world.subject
    if workflow == "objection":
        case = open_objection(record, subject, **opening)
    else:
        case = open_repair(record, subject)
        if state not in {"draft", "discarded"}:
            meet_requirements(case, subject, world.institution)
    for who, name in way_to(workflow, state):
        if name == ANNUL:
            annul_record(world, case.record)
            continue
        user = subject if who == "subject" else getattr(world, who)
        act(user, name, get_case(case.ref))
    return get_case(case.ref)


def open_matter(
    workflow: str, record: CreditRecord, user: User, *, name: str = "", **facts: Any
) -> Case:
    """Return a matter of a record that a person opened, its form filled in sensibly."""
    db.session.rollback()
    record = db.session.get_one(CreditRecord, record.id)
    draft, transition, _actor = cases.step_to_open(user, workflow, record, name)
    submission = make_submission(
        f"{record.ref} {workflow}",
        **answer(transition.name, draft, **facts),
        uploads=[make_upload(PDF + workflow.encode() + b"\n%%EOF")],
    )
    return get_case(cases.open_case(workflow, record.ref, user, submission, name=name).ref)


def annul_record(world: Any, record: CreditRecord) -> Case:
    """Return the annulment by which two persons of the provider withdrew a record."""
    annulment = open_matter("annulment", record, world.provider)
    act(world.second_provider, "sign", annulment)
    return get_case(annulment.ref)


def way_to(workflow: str, state: str) -> list[tuple[str, str]]:
    """Return who fires what, in order, to bring a draft to a state."""
    steps: list[tuple[str, str]] = []
    while state != "draft":
        who, name, state = WAYS[workflow][state]
        steps.insert(0, (who, name))
    return steps


# --- the standard world ---------------------------------------------------------------------


class World:
    """The people and organisations that every test finds on file, by name.

    `world.reviewer` is read from the database when it is asked for, so it is never stale.
    """

    ORGANISATIONS = (
        "firm",
        "other_firm",
        "agency",
        "other_agency",
        "centre",
        "department",
        "other_department",
        "training_house",
        "upper_centre",
    )
    ACCOUNTS = (
        "subject",
        "agent",
        "stranger",
        "provider",
        "second_provider",
        "other_provider",
        "reviewer",
        "second_reviewer",
        "torn_reviewer",
        "reviewer_again",
        "upper_reviewer",
        "second_upper_reviewer",
        "officer",
        "other_officer",
        "institution",
        "auditor",
        "administrator",
        "security_officer",
    )

    def __init__(self, ids: Mapping[str, int]) -> None:
        self.ids = ids

    def __getattr__(self, name: str) -> Any:
        if name in World.ACCOUNTS:
            return db.session.get_one(User, self.ids[name])
        if name in World.ORGANISATIONS:
            return db.session.get_one(Organisation, self.ids[name])
        raise AttributeError(name)


def make_world() -> World:
    """Put the standard people and organisations on file."""
    kind = OrganisationKind
    organisations = {
        "firm": make_organisation(kind.ENTERPRISE, "虚构甲食品有限公司"),
        "other_firm": make_organisation(kind.ENTERPRISE, "虚构乙建材有限公司"),
        "agency": make_organisation(kind.AGENCY, "虚构市市场监督管理局"),
        "other_agency": make_organisation(kind.AGENCY, "虚构市生态环境局"),
        "centre": make_organisation(kind.CREDIT_CENTRE, "虚构市信用中心"),
        "department": make_organisation(kind.AGENCY, "虚构市财政局"),
        "other_department": make_organisation(kind.AGENCY, "虚构市税务局"),
        "training_house": make_organisation(kind.INSTITUTION, "虚构信用服务有限公司"),
        "upper_centre": make_organisation(kind.CREDIT_CENTRE, "虚构省信用中心"),
    }
    with transaction() as session:
        centre = session.get_one(Organisation, organisations["centre"].id)
        centre.superior_id = organisations["upper_centre"].id
    with transaction() as session:
        for service in ("training", "credit_report"):
            institutions.register(
                session,
                session.get_one(Organisation, organisations["training_house"].id),
                service,
                f"虚信备〔2020〕{service}",
                valid_from=date(2020, 1, 1),
                valid_until=date(2099, 12, 31),
            )
    places = {
        "subject": ("firm", Role.SUBJECT),
        "agent": ("firm", Role.AGENT),
        "stranger": ("other_firm", Role.SUBJECT),
        "provider": ("agency", Role.PROVIDER),
        "second_provider": ("agency", Role.PROVIDER),
        "other_provider": ("other_agency", Role.PROVIDER),
        "reviewer": ("centre", Role.REVIEWER),
        "second_reviewer": ("centre", Role.REVIEWER),
        "torn_reviewer": ("centre", Role.REVIEWER),
        "upper_reviewer": ("upper_centre", Role.REVIEWER),
        "second_upper_reviewer": ("upper_centre", Role.REVIEWER),
        "officer": ("department", Role.DEPARTMENT),
        "other_officer": ("other_department", Role.DEPARTMENT),
        "institution": ("training_house", Role.INSTITUTION),
        "auditor": ("centre", Role.AUDITOR),
        "administrator": ("centre", Role.ADMINISTRATOR),
        "security_officer": ("centre", Role.SECURITY_OFFICER),
    }
    accounts = {
        name: make_account(
            organisations[place],
            role,
            email=f"{name}@example.com",
            scope=["objection"] if role is Role.AGENT else None,
        )
        for name, (place, role) in places.items()
    }
    make_appointment(accounts["torn_reviewer"], organisations["firm"], Role.SUBJECT)
    accounts["reviewer_again"] = make_account(
        organisations["centre"],
        Role.REVIEWER,
        email="reviewer_again@example.com",
        same_person_as=accounts["reviewer"],
    )
    return World({name: one.id for name, one in (organisations | accounts).items()})


def make_quarantined_row(session: Session, record: CreditRecord, **changes: Any) -> QuarantinedRow:
    """Keep a row that says a record again, as an import does; changes: of its columns."""
    apart = {"id", "ref", "state", "version", "fingerprint", "created_at", "archived_at"}
    apart |= {"workflow_version", "workflow_hash", "rule_pack", "rule_pack_hash", "reinsertion"}
    apart |= {"severity_class", "min_publication_until", "max_publication_until"}
    names = [one.name for one in CreditRecord.__table__.columns if one.name not in apart]
    batch = ImportBatch(
        ref=f"DR-{record.id}-{len(changes)}",
        sha256="0" * 64,
        filename="处罚.csv",
        started_at=now(),
        unknown_columns=[],
        unread_sheets=[],
    )
    session.add(batch)
    session.flush()
    row = QuarantinedRow(
        batch_id=batch.id,
        line=1,
        about_id=record.id,
        fingerprint=f"{len(changes)}",
        code="removed_before",
        columns=as_json({name: getattr(record, name) for name in names} | changes),
        kept_at=now(),
    )
    session.add(row)
    session.flush()
    return row
