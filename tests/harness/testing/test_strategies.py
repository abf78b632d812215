"""What users are given to draw from: sound, shrunk to what is simplest, the same for the same seed."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import Phase, find, given, seed, settings
from hypothesis import strategies as st

from harness.errors import Refused
from harness.experiment.load import load_experiment
from harness.experiment.model import Arm, System
from harness.experiment.sources import bundled_system, read_system
from harness.faults.effects import EdgeEffect, Effect, Hook, Kill, Mutate, ProcessEffect
from harness.search.drawing import LASTS_MIN_S
from harness.search.limits import Limits
from harness.search.schedule import After, Schedule, decode, encode, schedule_of
from harness.search.wording import schedule_text
from harness.testing import strategies
from harness.testing.strategies import records, schedules, system_files
from reference_pipeline.contract import Contract
from reference_pipeline.records import TRANSACTION_FIELDS, FeatureSpec, FieldSpec
from tests.style.source import sources
from tests.style.tree import imported_modules

ARM: Arm = "reference"
MUTATIONS = tuple(Mutate(mutation="rename", field=name) for name in ("amount", "channel"))


def system_of(file: Path) -> System:
    problems: list = []
    system = read_system(file, problems)
    assert system is not None, problems
    return system


BUNDLED = system_of(bundled_system() or Path())


def tag(effect: Effect) -> str:
    return str(effect.__struct_config__.tag)


def doable(schedule: Schedule, system: System) -> bool:
    """Whether each fault is on something that is there in the arm."""
    services = system.services_of(ARM)

    def there(effect) -> bool:
        if isinstance(effect, ProcessEffect):
            return effect.service in services
        if isinstance(effect, EdgeEffect):
            ends = system.edges[effect.edge]
            return {ends.source, ends.to} <= services.keys()
        if isinstance(effect, Hook):
            return effect.action in system.hooks[effect.hook].actions
        return effect in MUTATIONS

    return all(there(one.effect) for one in schedule.faults)


# schedules


@given(schedules(BUNDLED, mutations=MUTATIONS))
def test_a_schedule_is_read_back_as_the_same_bytes(schedule: Schedule) -> None:
    written = encode(schedule)
    assert decode(written) == schedule
    assert encode(decode(written)) == written
    assert schedule_of(reversed(schedule.faults)) == schedule


@given(schedules(BUNDLED, mutations=MUTATIONS))
def test_every_fault_can_be_done_within_the_limits(schedule: Schedule) -> None:
    limits = Limits()
    assert doable(schedule, BUNDLED)
    assert 1 <= len(schedule.faults) <= limits.faults_max
    assert all((one.at_s or 0.0) <= limits.span_s for one in schedule.faults)
    assert all(one.lasts_s <= limits.lasts_max_s for one in schedule.faults)
    assert sum(isinstance(one.effect, Mutate) for one in schedule.faults) <= 1


@pytest.mark.slow
def test_every_kind_is_drawn_at_instants_and_after_events() -> None:
    seen: set[tuple[str, bool]] = set()

    @settings(max_examples=300, database=None, derandomize=True)
    @given(schedules(BUNDLED, mutations=MUTATIONS))
    def note(schedule: Schedule) -> None:
        seen.update((tag(one.effect), one.after is not None) for one in schedule.faults)

    note()
    kinds = ("kill", "pause", "refuse", "cut", "delay", "wrong_body", "hook", "mutate")
    assert seen == {(kind, waits) for kind in kinds for waits in (False, True)}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["pause", "delay", "hook", "mutate"])
def test_what_fails_by_one_fault_is_shrunk_to_it(kind: str) -> None:
    drawn = find(
        schedules(BUNDLED, mutations=MUTATIONS),
        lambda one: any(tag(f.effect) == kind and f.after is not None for f in one.faults),
        settings=settings(database=None, derandomize=True),
    )
    (fault,) = drawn.faults
    assert fault.after == After(event="detected")
    assert fault.lasts_s == LASTS_MIN_S


def test_the_simplest_schedule_is_one_simplest_fault() -> None:
    first = find(schedules(BUNDLED), lambda _: True, settings=settings(database=None, derandomize=True))
    assert schedule_text(first) == "[kill registry @0]"
    slow = find(
        schedules(BUNDLED),
        lambda one: any(not isinstance(f.effect, Kill) for f in one.faults),
        settings=settings(database=None, derandomize=True),
    )
    assert schedule_text(slow) == "[pause registry @0 for 0.5 s]"


def test_faults_wait_for_nothing_where_no_journal_can_be_observed() -> None:
    unheard = msgspec.structs.replace(BUNDLED, observe=msgspec.structs.replace(BUNDLED.observe, journal=""))

    @given(schedules(unheard))
    def waits_for_nothing(schedule: Schedule) -> None:
        assert all(one.after is None for one in schedule.faults)

    waits_for_nothing()


def drawn(number: int) -> list[bytes]:
    seen: list[bytes] = []

    @seed(number)
    @settings(max_examples=30, database=None, derandomize=False)
    @given(schedules(BUNDLED))
    def note(schedule: Schedule) -> None:
        seen.append(encode(schedule))

    note()
    return seen


def test_the_same_seed_draws_the_same_schedules_and_another_seed_others() -> None:
    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_what_other_code_is_imported_changes_no_schedule(tmp_path: Path) -> None:
    """Hypothesis tries numbers of 100 and more that it finds in imported code."""
    numbers = "\n".join(f"N{number} = {number}" for number in range(100, 500))
    (tmp_path / "mine.py").write_text(f"{numbers}\n")
    before = drawn(1)
    spec = importlib.util.spec_from_file_location("mine", tmp_path / "mine.py")
    assert spec is not None
    sys.modules["mine"] = importlib.util.module_from_spec(spec)
    try:
        assert drawn(1) == before
    finally:
        del sys.modules["mine"]


def test_a_system_of_which_nothing_runs_is_refused() -> None:
    nobody = msgspec.structs.replace(BUNDLED, services={}, edges={}, hooks={})
    with pytest.raises(Refused, match="nothing can be done to reference-pipeline in arm 'reference'"):
        schedules(nobody)


# records

COLUMNS = (
    *TRANSACTION_FIELDS,
    FieldSpec(name="count", type="integer"),
    FieldSpec(name="ratio", type="number", maximum=1.0, nullable=True),
    FieldSpec(name="word", type="string", nullable=True),
)
SPEC = FeatureSpec(kind="columns", fields=COLUMNS, features=("count",), time_field="event_time_s")


def why(record: dict[str, object]) -> tuple[str, ...]:
    """What the contract of the pipeline says of a record as it comes over the wire."""
    return Contract(SPEC).check(msgspec.json.decode(msgspec.json.encode(record))).why


@given(records(COLUMNS))
def test_the_pipelines_contract_accepts_records(record: dict[str, object]) -> None:
    assert why(record) == ()


@given(records(COLUMNS, refused=True))
def test_the_pipelines_contract_refuses_what_it_must_for_one_field(record: dict[str, object]) -> None:
    assert len(why(record)) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", ["missing", "null, not", "not a string", "not an integer", "is below", "is above", "is none of"]
)
def test_records_are_refused_in_every_way(words: str) -> None:
    asked = settings(max_examples=5000, database=None, derandomize=True, phases=[Phase.generate])
    refused = records(COLUMNS, refused=True)
    assert find(refused, lambda one: any(words in line for line in why(one)), settings=asked)


def test_fields_are_read_from_a_contract_file_too(small_template: Path) -> None:
    listed = msgspec.json.decode((small_template / "contract.json").read_bytes())["fields"]
    spec = FeatureSpec(kind="transactions", fields=TRANSACTION_FIELDS, features=(), time_field="event_time_s")

    @given(records(listed))
    def accepted(record: dict[str, object]) -> None:
        assert Contract(spec).check(record).why == ()

    accepted()


@pytest.mark.parametrize("fields", [[], ["amount"], [{"name": "amount"}], [{"name": "a", "type": "date"}]])
def test_what_is_no_list_of_fields_is_refused(fields: list[object]) -> None:
    with pytest.raises(ValueError, match="records takes"):
        records(fields)


# system files


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an experiment whose system file is still to be written."""
    made = tmp_path_factory.mktemp("systems")
    (made / "scenario.yaml").write_text("version: 1\nname: steady\n")
    return made


EXPERIMENT = """\
title: Any
description: Does it load?
method:
  - type: action
    name: kill
    provider:
      type: python
      module: harness.frontends.chaostoolkit.faults
      func: process_kill
      arguments: {service: "SERVICE"}
x-hormesis: {version: 1, system: system.yaml, scenario: scenario.yaml, profile: test}
"""


@pytest.mark.slow
@given(text=system_files())
def test_a_system_file_loads_and_says_what_it_said(text: str, folder: Path) -> None:
    (folder / "system.yaml").write_text(text)
    system = system_of(folder / "system.yaml")
    assert msgspec.convert(msgspec.json.decode(text), System) == system
    (folder / "any.yaml").write_text(EXPERIMENT.replace("SERVICE", system.workload.service))
    assert load_experiment(folder / "any.yaml").system == system


@pytest.mark.slow
@given(st.data())
def test_schedules_can_be_drawn_for_any_system_that_is_read(data: st.DataObject) -> None:
    system = msgspec.json.decode(data.draw(system_files()), type=System)
    assert doable(data.draw(schedules(system)), system)


# Hypothesis


def test_one_module_alone_needs_hypothesis() -> None:
    needs = [s.path for s in sources("harness") if "hypothesis" in imported_modules(s)]
    assert needs == ["harness/testing/strategies.py"]


def test_without_hypothesis_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    spec = importlib.util.spec_from_file_location("strategies_alone", strategies.__file__)
    assert spec is not None
    assert spec.loader is not None
    with pytest.raises(ImportError, match=r"needs Hypothesis, .*; pip install 'hormesis\[testing\]'"):
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
