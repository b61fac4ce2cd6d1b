"""The agents of an enterprise, for its own people: invited, their mandate changed, ended."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext
from flask_login import current_user
from werkzeug.wrappers import Response

from repair_app.forms.administration import AgentForm, AgentTermForm
from repair_app.models import Role, User
from repair_app.services import agents
from repair_app.services.administration import Newcomer, Seat
from repair_app.web.door import only
from repair_app.web.office import Answer, asks, hand_over, press, show_form

pages = Blueprint("agents", __name__, url_prefix="/my/agents")


@pages.get("")
@only(Role.SUBJECT)
def index() -> str:
    """List the agents of the enterprises that a person represents."""
    firms = agents.list_firms(current_user)
    return render_template(
        "my/agents.html",
        firms=firms,
        found=agents.list_agents(firms),
        name_shown=agents.name_shown,
        awaits=agents.awaits,
    )


@pages.route("/of/<row:firm>/new", methods=["GET", "POST"])
@only(Role.SUBJECT)
def appoint(firm: int) -> Answer:
    """Make somebody an agent of an enterprise."""
    own, back = agents.seat_of(current_user, firm), url_for("agents.index")
    form = AgentForm()
    made: list[User] = []
    if not asks(form, lambda: made.append(appoint_by(form, firm))):
        title, button = gettext("Appoint an agent"), gettext("Appoint")
        return show_form(form, title, button, back, own.organisation.name)
    if made[0].password is None:
        return hand_over(made[0], back)
    flash(gettext("The agent can act for the enterprise at once."), "success")
    return redirect(back)


def appoint_by(form: AgentForm, firm: int) -> User:
    """Appoint the agent of a form. Raises NotPossible."""
    who = Newcomer(form.email.data or "", form.name.data or "")
    return agents.appoint(current_user, who, Seat(firm, Role.AGENT, form.scope, form.ends_on.data))


@pages.route("/<row:number>", methods=["GET", "POST"])
@only(Role.SUBJECT)
def change(number: int) -> Answer:
    """Change what an agent may act in, and until when."""
    seat, back = agents.find_agent(current_user, number), url_for("agents.index")
    form = AgentTermForm(obj=seat)
    form.fill(seat.scope or (), of_agent=True)
    alter = lambda: agents.change(current_user, number, form.scope, form.ends_on.data)  # noqa: E731
    if not asks(form, alter):
        about = f"{seat.user.email} · {seat.organisation.name}"
        return show_form(form, gettext("Scope and term"), gettext("Keep"), back, about)
    flash(gettext("Scope and term were changed."), "success")
    return redirect(back)


@pages.post("/<row:number>/end")
@only(Role.SUBJECT)
def end(number: int) -> Response:
    """End the mandate of an agent, as of now."""
    done, back = gettext("The mandate has ended."), url_for("agents.index")
    return press(lambda: agents.end(current_user, number), done, back)


@pages.post("/<row:number>/link")
@only(Role.SUBJECT)
def send_link(number: int) -> Answer:
    """Send an agent who was invited a new link."""
    back, made = url_for("agents.index"), []
    answer = press(lambda: made.append(agents.ask_for_link(current_user, number)), "", back)
    return hand_over(made[0], back) if made else answer
