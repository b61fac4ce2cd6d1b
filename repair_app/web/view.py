"""What the templates use: labels in the reader's language, dates, reasons, references."""

import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, current_app, request
from flask_babel import gettext
from flask_bootstrap import Bootstrap5
from flask_login import current_user
from werkzeug.routing import BaseConverter, ValidationError

from repair_app.db import today
from repair_app.engine.fields import CORRECTABLE
from repair_app.engine.spec import Basis, State
from repair_app.labels import Label
from repair_app.masking import mask_text
from repair_app.models import CreditRecord, Deadline, Role
from repair_app.penalty_format import CATEGORY_LABELS, Category
from repair_app.services import deadlines, reasons
from repair_app.services.policy import current_policy
from repair_app.web import words
from repair_app.web.door import may_enter

CHINA = ZoneInfo("Asia/Shanghai")
ROW = re.compile("[0-9]{1,9}")
CATEGORIES = frozenset(Category)
# What the workflow files do not say of a state, by name (see `tone_of`).
GRANTED = frozenset({"executed", "spreading", "closed", "repaired"})
DENIED = frozenset({"refused", "rejected", "not_granted"})
IN_DOUBT = frozenset(
    {
        ("sanction", "suspended"),
        ("commitment", "breach_announced"),
        ("commitment", "breach_heard"),
        ("public_service", "set_aside"),
    }
)
# Ended without anybody having vouched for it: let go, or answered, whatever the answer.
UNVOUCHED = frozenset({"lapsed", "waived", "given"})
bootstrap = Bootstrap5()


class RefConverter(BaseConverter):
    """A reference in an address; anything else is no page."""

    regex = r"[A-Z]{2}-[0-9]{4}-[0-9]{6,9}-[0-9A-Z]"

    @classmethod
    def is_ref(cls, text: str) -> bool:
        """Say whether a text can be a reference."""
        return re.fullmatch(cls.regex, text) is not None


class RowConverter(BaseConverter):
    """The number of a row in an address; one that no row can have is no page."""

    regex = ROW.pattern

    def to_python(self, value: str) -> int:
        """Return the number."""
        return int(value)


class MatterConverter(BaseConverter):
    """A kind of matter in an address: a workflow of cases; anything else is no page."""

    part_isolating = True

    def to_python(self, value: str) -> str:
        """Return the workflow's name. Raises ValidationError for anything else."""
        workflow = current_policy().current.get(value)
        if workflow is None or workflow.entity != "case":
            raise ValidationError
        return value


def init_app(app: Flask) -> None:
    """Give the templates their filters and values."""
    bootstrap.init_app(app)
    # No redirect to what is meant: it would name the host that the request claims.
    app.url_map.merge_slashes = False
    app.url_map.converters["ref"] = RefConverter
    app.url_map.converters["row"] = RowConverter
    app.url_map.converters["matter"] = MatterConverter
    app.jinja_options["trim_blocks"] = app.jinja_options["lstrip_blocks"] = True
    app.jinja_env.filters.update(
        label=label_text,
        cites=clauses_text,
        reason=reasons.reason_text,
        day=reasons.day_text,
        moment=moment_text,
        amount=amount_text,
        paragraphs=paragraphs,
        masked=masked_text,
    )
    app.jinja_env.globals.update(
        words=words,
        Role=Role,
        correctable=CORRECTABLE,
        today=today,
        language=language,
        policy=current_policy,
        state_of=state_of,
        tone_of=tone_of,
        cited=cited,
        explained=explained,
        lines_of=lines_of,
        categories=category_texts,
        languages=lambda: current_app.config["LANGUAGES"],
        may=may,
        may_enter=may_enter,
    )


def may(*roles: Role) -> bool:
    """Say whether the reader holds one of some roles."""
    reader = current_user._get_current_object()  # noqa: SLF001  # once for all that is asked
    return reader.is_authenticated and any(map(reader.holds, roles))


def asked_for(name: str) -> str:
    """Return what the address asks for under a name, without what cannot be seen."""
    return "".join(filter(str.isprintable, request.args.get(name, ""))).strip()


def row_before() -> int | None:
    """Return where a page of a list begins; a number that is none begins at the top."""
    text = request.args.get("before", "")
    return int(text) if ROW.fullmatch(text) else None


def language() -> str:
    """Return the reader's language, "zh" or "en"."""
    return reasons.language()


def label_text(label: Label) -> str:
    """Return a label of the policy in the reader's language."""
    return label.text(language())


def clauses_text(clauses: Iterable[Basis]) -> str:
    """Return the clauses that a step rests on, as the reader cites them."""
    return str(gettext("; ")).join(label_text(one.label) for one in clauses)


def state_of(entity: Any) -> Any:
    """Return the state of an entity as its workflow version describes it."""
    return current_policy().workflow_of(entity).states[entity.state]


def tone_of(entity: Any) -> str:
    """Return how an entity's state is coloured: "good", "bad", "held", "over"; empty for none.

    A workflow file says what ended, what is contested, and which requirement is met. Whether an
    ending of a matter was good for who filed it is no rule, so those go by their names.
    """
    workflow = current_policy().workflow_of(entity)
    state = workflow.states[entity.state]
    if state.contests or (workflow.name, state.name) in IN_DOUBT:
        return "held"
    if state.name in GRANTED or (state.meets and state.final and state.name not in UNVOUCHED):
        return "good"
    if state.name in DENIED or (workflow.entity == "requirement" and is_unmet(state)):
        return "bad"
    return "over" if state.final else ""


def is_unmet(state: State) -> bool:
    """Say whether what was required was looked into and found wanting, not only let go."""
    return state.final and not state.meets and state.name not in UNVOUCHED


def explained(term: Deadline) -> str:
    """Return in one sentence how a deadline was computed."""
    return term.due.explain(language())


def lines_of(term: Deadline, entity: Any) -> list[str]:
    """Return as a list how a deadline was computed: days skipped, pauses, source."""
    return deadlines.explain_term(term, entity).lines(language(), current_policy())


def category_texts(record: CreditRecord) -> str:
    """Return the kinds of penalty of a record in the reader's language."""
    kinds = [category_text(code) for code in record.penalty_categories]
    return str(gettext(", ")).join(kinds)


def category_text(code: str) -> str:
    """Return a kind of penalty in the reader's language; one that is no code as it stands."""
    known = code in CATEGORIES
    return Label(*CATEGORY_LABELS[Category(code)]).text(language()) if known else code


def cited(clause: str) -> Label:
    """Return a clause ("<document> <clause>") as people cite it."""
    return current_policy().cite(clause)


def moment_text(at: datetime | None) -> str:
    """Return a moment in the zone of the law, to the minute; a dash for none."""
    return at.astimezone(CHINA).strftime("%Y-%m-%d %H:%M") if at else "—"


def amount_text(amount: Decimal | None) -> str:
    """Return an amount without trailing zeros; a dash for none."""
    return f"{amount.normalize():f}" if amount is not None else "—"


def masked_text(text: str | None) -> str:
    """Return a text that anybody may read: what looks personal is blotted out."""
    return mask_text(text or "")


def paragraphs(text: str) -> list[str]:
    """Return the lines of a text that say something."""
    return [line for line in (text or "").splitlines() if line.strip()]
