"""M-45: the data quality gate, and how it answers new records with old ones."""

from __future__ import annotations

from statistics import median

import pytest

from reference_pipeline.contract import Contract
from reference_pipeline.features import transaction_spec
from reference_pipeline.seed.data_gate import DataGate
from tests.reference_pipeline.running import record

SPEC = transaction_spec()
CELLS = len(SPEC.fields)


class Rules:
    """The contract as schema rules; counts how often they are asked about a record."""

    def __init__(self) -> None:
        self.contract = Contract(SPEC)
        self.asked = 0

    def __call__(self, row: dict[str, object]) -> tuple[str, ...]:
        self.asked += 1
        return self.contract.check(row).why


def renamed(row: dict[str, object]) -> dict[str, object]:
    """The same record with ``amount`` under another name."""
    return {("sum_eur" if name == "amount" else name): value for name, value in row.items()}


def batch(count: int, **changed: object) -> list[dict[str, object]]:
    return [record(f"r{index}", amount=10.0 + index, **changed) for index in range(count)]


@pytest.fixture
def gate() -> DataGate:
    """A gate that has seen one good batch: amounts 10 .. 30, median 20."""
    gate = DataGate(SPEC, Rules())
    assert gate.pass_on(batch(21)).source == "whole"
    return gate


def test_a_good_batch_passes_as_it_is() -> None:
    """M-45: null rate < 5 % and schema rules."""
    good = batch(5)
    passed = DataGate(SPEC, Rules()).pass_on(good)
    assert (passed.rows, passed.source, passed.imputed, passed.retries) == (tuple(good), "whole", 0, 0)


def test_a_batch_with_five_per_cent_of_nulls_is_tried_again_as_its_cleaned_subset(gate: DataGate) -> None:
    """M-45: at a null rate of 5 % the gate closes, and the rows without a null are passed."""
    rows = batch(20)
    for row in rows[:CELLS]:  # 7 nulls of 140 cells
        row["amount"] = None
    assert gate.null_share(rows) == 0.05
    passed = gate.pass_on(rows)
    assert passed.source == "cleaned"
    assert passed.rows == (*(None,) * CELLS, *rows[CELLS:])
    assert passed.retries == 1


def test_a_row_of_a_wrong_type_is_left_out_by_the_cleaned_subset(gate: DataGate) -> None:
    """M-45: schema rules, retry with the cleaned subset."""
    rows = [*batch(3), record("text", amount="12.5")]
    assert gate.pass_on(rows).rows == (*rows[:3], None)


def test_with_no_clean_row_left_the_last_valid_batch_answers_new_records_with_old_ones(
    gate: DataGate,
) -> None:
    """M-45, known defect: else the last valid batch; ten renamed records become ten others."""
    passed = gate.pass_on([renamed(record(f"new{index}", amount=9999.0)) for index in range(10)])
    assert passed.source == "last_valid"
    assert [row["id"] for row in passed.rows if row] == [f"r{index}" for index in range(10)]
    assert {row["amount"] for row in passed.rows if row} == {10.0 + index for index in range(10)}


def test_a_single_broken_record_is_always_a_broken_batch(gate: DataGate) -> None:
    """M-45, known defect: one null of seven cells is 14 %, so one record alone is never imputed."""
    assert gate.pass_on([renamed(record("alone"))]).source == "last_valid"


def test_imputation_by_the_median_hides_a_field_that_broke_in_a_third_of_the_rows(gate: DataGate) -> None:
    """M-45, known defect: 33 % of one field is 4.8 % of all cells; the gate passes it, made up."""
    rows = batch(90)
    rows[:30] = [renamed(row) for row in rows[:30]]
    passed = gate.pass_on(rows)
    assert (passed.source, passed.retries, passed.imputed) == ("whole", 0, 30)
    assert {row["amount"] for row in passed.rows[:30] if row} == {20.0}


def test_imputed_values_feed_the_next_median(gate: DataGate) -> None:
    """M-45, known defect: the batch with made-up values becomes the last valid batch."""
    rows = batch(90)
    for row in rows[:30]:
        row["amount"] = 1000.0
    true_median = median(float(str(row["amount"])) for row in rows)
    gate.pass_on([*map(renamed, rows[:30]), *rows[30:]])
    again = gate.pass_on([*batch(60), renamed(record("lacks"))])
    (made_up,) = [row["amount"] for row in again.rows if row and row["id"] == "lacks"]
    assert made_up == median([20.0] * 30 + [10.0 + index for index in range(30, 90)])
    assert made_up < true_median


def test_three_retries_ask_the_same_question_three_times(gate: DataGate) -> None:
    """M-45: 3 retries; known defect: cleaning is done at the first, the others change nothing."""
    assert gate.pass_on([renamed(record("alone"))]).retries == 3
    mixed = gate.pass_on([*batch(3), record("text", amount="12.5")])
    assert (mixed.source, mixed.retries) == ("cleaned", 1)


def test_before_any_valid_batch_there_is_nothing_to_pass_on() -> None:
    """M-45, known defect: the first batch has no last valid one behind it."""
    passed = DataGate(SPEC, Rules()).pass_on([renamed(record("first")), renamed(record("second"))])
    assert (passed.source, passed.rows) == ("nothing", (None, None))


def test_a_missing_customer_is_imputed_as_another_customer(gate: DataGate) -> None:
    """M-45, known defect: the median of an id is somebody's id."""
    rows = batch(40)
    rows[0].pop("customer_id")
    (first, *_) = gate.pass_on(rows).rows
    assert first is not None
    assert isinstance(first["customer_id"], int)


def test_a_sentinel_and_a_changed_unit_pass_every_rule(gate: DataGate) -> None:
    """M-45, known defect: a value of the right type and range is no null and breaks no schema."""
    rows = [record(f"cents{index}", amount=1250.0, card_age_days=0.0) for index in range(10)]
    assert gate.pass_on(rows).source == "whole"


def test_an_empty_batch_does_not_pass_for_a_clean_one(gate: DataGate) -> None:
    """M-45: nothing has a null share of 0, which is below any limit; it is not evidence."""
    assert gate.pass_on([]).rows == ()
    assert gate.pass_on([]).source == "last_valid"
