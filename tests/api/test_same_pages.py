"""Whatever a page does, the interface does too, or a machine has no use for it: one table.

Whoever adds a page that is posted writes it here: what does the same, or why nothing has to.
"""

from repair_app.web.door import MACHINES, rule_of

OF_STEPS = {"api_cases.take_step"}
OF_FILES = {"api_imports.begin", "api_imports.put", "api_imports.close"}
DONE_BY = {  # page -> the operations that do the same
    "cases.remove_document": {"api_papers.remove"},
    "complaints.read_contact": {"api_complaints.read_contact"},
    "complaints.take_up": {"api_complaints.take_up"},
    "desk.add_note": {"api_desk.add_note"},
    "desk.assign": {"api_desk.assign"},
    "desk.release": {"api_desk.release"},
    "desk.take": OF_STEPS,  # in one matter after the other
    "enforcement.initiate": {"api_measures.begin"},
    "enforcement.receipt": {"api_gate.ask_one"},
    "inspections.mark": {"api_inspections.mark"},
    "messages.urge": {"api_desk.urge"},
    "my.issue_report": {"api_reports.issue_report"},
    "records.impose": {"api_measures.begin"},
    "records.open_case": {"api_records.open_matter"},
    "training.call_off": {"api_training.call_off"},
    "training.dates": {"api_training.announce"},
    "transitions.fire": OF_STEPS,
    "work.begin_file": OF_FILES,
    "work.close_file": OF_FILES,
    "work.drop_file": {"api_imports.drop"},
    "work.files": OF_FILES,
    "work.put_part": OF_FILES,
    "work.resume_file": {"api_imports.resume"},
}
KEYS = "passwords, second factors and sign-in are of people; a system has its secret (/token)"
SEATS = "who may act for whom is decided by people: a system that could say so could become anybody"
OFFICE = "administration is done by people with a second factor, or by commands"
OWN = "how a person has the site look, or what it remembers for them"
HALF = "what is half typed is kept by the system itself; files are sent with the step"
TOLD = "nothing is told to a machine's account: its worklist and the changes are read"
NOT_FOR_MACHINES = {
    "complaints.complain": "from anybody without an account, whom nobody may be able to name",
    "desk.claim": "a machine holds no matter in hand (ADR 16); it gives it to a colleague",
    "desk.prepare": "shows what a step would do to several matters; each lists its own steps",
    "exports.ask": "a list as a file: lists are read part by part",
    "agents.appoint": SEATS,
    "agents.change": SEATS,
    "agents.end": SEATS,
    "agents.send_link": SEATS,
    "invitations.set_password": KEYS,
    "sessions.end": KEYS,
    "sessions.end_others": KEYS,
    "systems.end": KEYS,
    "systems.renew": KEYS,
    "unified.confirm": KEYS,
    "security.login": KEYS,
    "security.logout": KEYS,
    "security.mf_recovery": KEYS,
    "security.mf_recovery_codes": KEYS,
    "security.tf_select": KEYS,
    "security.two_factor_rescue": KEYS,
    "security.two_factor_setup": KEYS,
    "security.two_factor_setup_validate": KEYS,
    "security.two_factor_token_validation": KEYS,
    "security.verify": KEYS,
    "security.wan_delete": KEYS,
    "security.wan_register": KEYS,
    "security.wan_register_response": KEYS,
    "security.wan_signin": KEYS,
    "security.wan_signin_response": KEYS,
    "calendar.index": OFFICE,
    "clients.register": OFFICE,
    "clients.revoke": OFFICE,
    "institutions.change": OFFICE,
    "institutions.register": OFFICE,
    "measures.index": OFFICE,
    "organisations.add": OFFICE,
    "organisations.place": OFFICE,
    "organisations.rename": OFFICE,
    "people.appoint": OFFICE,
    "people.change": OFFICE,
    "people.close": OFFICE,
    "people.end": OFFICE,
    "people.invite": OFFICE,
    "people.release": OFFICE,
    "people.reopen": OFFICE,
    "people.reset_factors": OFFICE,
    "people.send_link": OFFICE,
    "people.unlink": OFFICE,
    "platforms.act": OFFICE,
    "platforms.add": OFFICE,
    "platforms.change": OFFICE,
    "platforms.replay": OFFICE,
    "platforms.show_secret": OFFICE,
    "desk.drop_search": OWN,
    "desk.save_search": OWN,
    "language.change": OWN,
    "settings.end_feed": OWN,
    "password.change": OWN,
    "settings.index": OWN,
    "settings.renew_feed": OWN,
    "theme.change": OWN,
    "drafts.discard": HALF,
    "drafts.remove": HALF,
    "drafts.save": HALF,
    "drafts.upload": HALF,
    "messages.read": TOLD,
    "messages.read_all": TOLD,
}
CHANGING = {"POST", "PATCH", "PUT", "DELETE"}
READ_ONLY = {"api_gate.ask_one"}  # the asking itself is what the page posts for


def changing(app, *, machines):
    """Return the endpoints that change something: of the interface, or of the pages."""
    return {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if CHANGING & rule.methods and (rule_of(app, rule.endpoint) == MACHINES) is machines
    }


def test_every_page_that_is_posted_has_its_operation_or_its_reason(app):
    assert not set(DONE_BY) & set(NOT_FOR_MACHINES)
    assert changing(app, machines=False) == set(DONE_BY) | set(NOT_FOR_MACHINES)


def test_the_operations_that_do_the_same_are_there(app):
    named = set().union(*DONE_BY.values())
    assert named - READ_ONLY <= changing(app, machines=True)
    assert set(app.view_functions) >= READ_ONLY
