"""Where the result of a case is shown: told to a machine as its page tells it to people."""

import pytest

from repair_app.db import db
from repair_app.models import Delivery, Obligation
from repair_app.services.sync import changes, pull
from tests.factories import make_case, make_record
from tests.sync.platforms import make_platform


def hand_out():
    changes.take_in()
    changes.order_changes()
    db.session.rollback()


def acknowledge(platform_id):
    own = Obligation.platform_id == platform_id
    (owed,) = db.session.query(Obligation).filter(own, Obligation.standing == "waiting").all()
    digest = owed.change.payload_hash
    assert pull.acknowledge(platform_id, {owed.change.position: digest}).acknowledged
    db.session.rollback()
    return digest


@pytest.mark.parametrize("role", ["subject", "reviewer", "provider"])
def test_a_case_tells_how_it_stands_with_each_platform(machine, world, role):
    pulling = make_platform(organisation_id=world.department.id)
    filed = make_platform(delivery=Delivery.FILE)
    codes, numbers = sorted([pulling.code, filed.code]), (pulling.id, filed.id)
    first, second = pulling.code, filed.code
    case = make_case(world, "with_provider", record=make_record(world.firm, world.agency))
    reader, address = machine(role), f"/cases/{case.ref}"
    hand_out()
    told = reader.get(address).json["platforms"]
    assert (told["complete_since"], told["waiting"]) == (None, 2)
    assert [one["code"] for one in told["places"]] == codes
    for one in told["places"]:
        assert (one["state"], one["attempts"], one["agrees"]) == ("waiting", 0, False)
        assert (one["late"], one["acknowledged_hash"]) == (False, None)
        assert one["due_on"]
    digest = acknowledge(numbers[0])
    places = {one["code"]: one for one in reader.get(address).json["platforms"]["places"]}
    assert (places[first]["state"], places[first]["acknowledged_hash"]) == ("acknowledged", digest)
    assert places[first]["acknowledged_at"]
    assert [places[one]["agrees"] for one in (first, second)] == [True, False]
    acknowledge(numbers[1])
    told = reader.get(address).json["platforms"]
    assert (told["waiting"], bool(told["complete_since"])) == (0, True)
