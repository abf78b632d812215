"""Units of a file are offered in its order, again and again, each as its own body; no other file is."""

from __future__ import annotations

import hashlib
import json

import msgspec
import numpy as np
import pytest

from harness.driver.opening import open_world
from harness.driver.parcels import build_parcels
from harness.driver.spec import Spec
from harness.errors import Refused
from harness.experiment.model import Profile, Source, Workload

RECORDS = [{"amount": n} for n in range(3)]


def source(path) -> Source:
    return Source(path=str(path), sha256=hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.fixture
def spec(tmp_path) -> Spec:
    (tmp_path / "units.jsonl").write_text("\n".join(map(json.dumps, RECORDS)))
    (tmp_path / "golden.jsonl").write_text('{"unit": {"amount": 99}, "decision": 2.5}\n')
    return Spec(
        seed=7,
        duration_s=2.0,
        profile=Profile(rate_hz=50.0, load_batch=4, load_every_s=0.5, golden_every=10),
        world="",
        units=source(tmp_path / "units.jsonl"),
        check=source(tmp_path / "golden.jsonl"),
        url="",
        workload=Workload(service="a", route="/p", body="single"),
        observations="",
    )


def test_records_come_in_order_from_a_place_of_the_seed_again_and_again(spec) -> None:
    drawn = open_world(spec).draw(np.zeros(5))
    assert [record["amount"] for record in drawn.records] == [1, 2, 0, 1, 2]
    assert np.isnan(drawn.posterior).all()
    assert set(drawn.label.tolist()) == {-1}


def test_a_single_body_is_the_record_or_holds_it_under_a_pointer(spec) -> None:
    world = open_world(spec)
    plain = build_parcels(7, spec.profile, 2.0, world, single=())
    under = build_parcels(7, spec.profile, 2.0, world, single=("instances", "0"))
    bodies = [json.loads(parcel.body) for parcel in plain]
    assert [{"instances": [body]} for body in bodies] == [json.loads(parcel.body) for parcel in under]
    assert set(map(str, bodies)) == {str(one) for one in [*RECORDS, {"amount": 99}]}


def test_load_is_taken_apart_where_a_body_holds_one_record(spec) -> None:
    batches = build_parcels(7, spec.profile, 2.0, open_world(spec))
    single = build_parcels(7, spec.profile, 2.0, open_world(spec), single=())
    load = [[u for p in parcels for u in p.units if u.stream == 1] for parcels in (batches, single)]
    assert len(load[0]) == len(load[1]) == 16
    assert max(len(parcel.units) for parcel in batches) == 4
    assert max(len(parcel.units) for parcel in single) == 1


def test_a_golden_unit_has_the_decision_of_the_file(spec) -> None:
    parcels = build_parcels(7, spec.profile, 2.0, open_world(spec), single=())
    golden = [parcel for parcel in parcels if parcel.units[0].golden]
    assert len(golden) == 10
    assert {(parcel.units[0].golden, parcel.body) for parcel in golden} == {("2.5", b'{"amount":99}')}


def test_without_a_file_of_golden_units_no_unit_is_golden(spec) -> None:
    world = open_world(msgspec.structs.replace(spec, check=None))
    assert not any(p.units[0].golden for p in build_parcels(7, spec.profile, 2.0, world, single=()))


def test_a_file_that_changed_since_the_plan_is_refused(spec, tmp_path) -> None:
    (tmp_path / "units.jsonl").write_text('{"amount": 1}\n')
    with pytest.raises(Refused, match="is not what it was"):
        open_world(spec)


def test_a_system_without_world_and_units_is_refused(spec) -> None:
    with pytest.raises(Refused, match=r"neither 'workload\.units' nor a 'world'"):
        open_world(msgspec.structs.replace(spec, units=None, check=None))
