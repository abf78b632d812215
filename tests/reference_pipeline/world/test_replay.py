"""Replay of a user's CSV: types found from the data, rows in time order, errors that say what to write."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from reference_pipeline.errors import BadScenario, BadSource, BadTemplate
from reference_pipeline.records import FieldSpec
from reference_pipeline.world import open_world
from reference_pipeline.world.golden import Golden, save_golden
from reference_pipeline.world.knobs import ReplayKnobs
from reference_pipeline.world.replay import column_features, feature_rows, save_replay
from reference_pipeline.world.table import read_table

QUOTED = '"ä,b"'
HEADER = "when,amount,kind,count,note,fraud\n"


def _csv(folder: Path, rows: int = 40, text: str | None = None) -> Path:
    """Write a file whose rows are in reverse order of time."""
    path = folder / "own.csv"
    lines = [f"{i},{i / 2},{'ab'[i % 2]},{i},free {i},{i % 2}\n" for i in reversed(range(rows))]
    path.write_text(HEADER + "".join(lines) if text is None else text)
    return path


def _knobs(path: Path, **changes: object) -> ReplayKnobs:
    base: dict[str, object] = {
        "kind": "replay",
        "source": str(path),
        "time_column": "when",
        "label_column": "fraud",
    }
    return ReplayKnobs(**(base | changes))  # type: ignore[arg-type]


def _template(folder: Path, knobs: ReplayKnobs) -> Path:
    template = folder / "template"
    template.mkdir()
    save_replay(knobs, read_table(knobs), template)
    save_golden(Golden(records=[{"amount": 1.0}], decisions=["approve"]), template)
    return template


def _scenario(knobs: ReplayKnobs) -> dict[str, object]:
    return {name: getattr(knobs, name) for name in knobs.__struct_fields__} | {"world_s_per_run_s": 720.0}


def test_columns_get_the_types_that_their_cells_have(tmp_path: Path) -> None:
    table = read_table(_knobs(_csv(tmp_path)))
    assert table.fields == (
        FieldSpec(name="when", type="number", coerce=True),
        FieldSpec(name="amount", type="number", coerce=True),
        FieldSpec(name="kind", type="string", categories=("a", "b")),
        FieldSpec(name="count", type="integer", coerce=True),
        FieldSpec(name="note", type="string"),
    )
    first = table.records(slice(0, 1))[0]
    assert first == {"when": 0.0, "amount": 0.0, "kind": "a", "count": 0, "note": "free 0"}
    assert {name: type(value) for name, value in first.items()} == {
        "when": float,
        "amount": float,
        "kind": str,
        "count": int,
        "note": str,
    }


def test_missing_cells_stay_null_and_the_fields_say_so(tmp_path: Path) -> None:
    lines = [
        f"{i},{'' if i == 3 else i + 0.5},{'NA' if i == 4 else 'x'},{'null' if i == 5 else i},,{i % 2}\n"
        for i in range(8)
    ]
    table = read_table(_knobs(_csv(tmp_path, text=HEADER + "".join(lines))))
    assert [field.name for field in table.fields] == ["when", "amount", "kind", "count"]
    assert [field.nullable for field in table.fields] == [False, True, True, True]
    records = table.records(slice(None))
    assert (records[3]["amount"], records[4]["kind"], records[5]["count"]) == (None, None, None)
    assert (records[4]["amount"], records[6]["count"], type(records[6]["count"])) == (4.5, 6, int)
    rows = feature_rows(column_features(table, _knobs(tmp_path / "own.csv")), table)
    assert math.isnan(rows[3][0])


def test_a_column_is_categorical_or_left_out_where_the_scenario_says_so(tmp_path: Path) -> None:
    knobs = _knobs(_csv(tmp_path, rows=20), categorical="count", ignore="note, amount")
    table = read_table(knobs)
    assert [(f.name, f.type) for f in table.fields] == [
        ("when", "number"),
        ("kind", "string"),
        ("count", "string"),
    ]
    features = column_features(table, knobs)
    # Categories of the later half have no feature: training has not seen them.
    assert features.spec.features == ("kind=a", "kind=b", *(f"count={i}" for i in range(10)))
    assert set(table.fields[2].categories) == {str(i) for i in range(20)}


def test_the_later_part_is_replayed_in_time_order_with_its_labels(tmp_path: Path) -> None:
    knobs = _knobs(_csv(tmp_path, rows=40), train_share=0.75)
    world = open_world(scenario=_scenario(knobs), seed=1, template=_template(tmp_path, knobs))
    first, longer = world.draw(np.arange(4.0)), world.draw(np.arange(12.0))
    assert [r["count"] for r in first.records] == [30, 31, 32, 33]
    assert [r["count"] for r in longer.records] == [30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 30, 31]
    assert first.label.tolist() == [0, 1, 0, 1]
    assert np.isnan(first.posterior).all()
    assert first.posterior.shape == first.label.shape == (4,)


def test_rows_come_back_from_the_template_as_they_were_in_the_file(tmp_path: Path) -> None:
    text = HEADER
    for i in range(40):
        text += (
            f"{i},{i / 4 if i % 3 else ''},{QUOTED if i % 2 else 'NA'},{i if i % 5 else ''},n {i},{i % 2}\n"
        )
    knobs = _knobs(_csv(tmp_path, text=text))
    world = open_world(scenario=_scenario(knobs), seed=1, template=_template(tmp_path, knobs))
    assert world.draw(np.arange(20.0)).records == read_table(knobs).records(slice(20, None))


@pytest.mark.parametrize("name", ["replay.json", "replay.npz", "golden.json"])
def test_a_damaged_template_is_refused(tmp_path: Path, name: str) -> None:
    knobs = _knobs(_csv(tmp_path))
    template = _template(tmp_path, knobs)
    for data in (b"", b"PK torn", b"{}"):
        (template / name).write_bytes(data)
        with pytest.raises(BadTemplate, match=r"prepare .* anew"):
            open_world(scenario=_scenario(knobs), seed=1, template=template)


def test_without_repeat_running_out_of_rows_is_refused(tmp_path: Path) -> None:
    knobs = _knobs(_csv(tmp_path, rows=40), repeat=False)
    world = open_world(scenario=_scenario(knobs), seed=1, template=_template(tmp_path, knobs))
    with pytest.raises(BadSource, match="has 20 rows to replay, this run needs 21; set knob repeat: true"):
        world.draw(np.arange(21.0))
    assert len(world.draw(np.arange(20.0)).records) == 20


def _odds(value: float, **given: object) -> SimpleNamespace:
    plain = {"knob": "positive_odds", "from_s": 0.0, "until_s": 1e9, "ramp_s": 0.0, "period_s": 0.0}
    return SimpleNamespace(value=value, **(plain | {"field": "", "level": ""} | given))


@pytest.mark.parametrize("odds", [0.3, 4.0])
def test_the_share_of_positives_moves_by_rows_that_come_in_the_place_of_others(
    tmp_path: Path, odds: float
) -> None:
    knobs = _knobs(_csv(tmp_path, rows=40))
    world = open_world(scenario=_scenario(knobs), seed=1, template=_template(tmp_path, knobs))
    due = np.arange(4000.0)
    plain, moved = world.draw(due), world.moved(due, [_odds(odds, from_s=1000.0)])
    assert moved.records[:1000] == plain.records[:1000]
    share = plain.label.mean()
    assert moved.label[1000:].mean() == pytest.approx(odds * share / (odds * share + 1 - share), abs=0.04)
    assert [r["when"] for r in moved.records] == [r["when"] for r in plain.records]
    known = {(r["count"], y) for r, y in zip(plain.records, plain.label.tolist(), strict=True)}
    assert {(r["count"], y) for r, y in zip(moved.records, moved.label.tolist(), strict=True)} == known


@pytest.mark.parametrize(
    ("move", "words"),
    [
        (
            _odds(2.0, knob="amount_scale"),
            "no knob 'amount_scale' to move; there are, for all rows: pos",
        ),
        (_odds(2.0, field="kind", level="a"), "'positive_odds' of kind=a to move"),
        (_odds(50.0), "goes from 0.1 to 20, not to 50"),
    ],
)
def test_what_is_true_of_real_rows_cannot_be_moved(tmp_path: Path, move: SimpleNamespace, words: str) -> None:
    knobs = _knobs(_csv(tmp_path, rows=40))
    world = open_world(scenario=_scenario(knobs), seed=1, template=_template(tmp_path, knobs))
    with pytest.raises(BadScenario, match=words):
        world.moved(np.arange(10.0), [move])


def test_times_are_numbers_or_iso_instants(tmp_path: Path) -> None:
    stamps = [
        "2024-05-01T00:00:00",
        "2024-05-01T02:00:00+02:00",
        "2024-05-01 00:00:01",
        "2024-05-02",
        "1e9",
        "5",
    ]
    text = "when,amount,fraud\n" + "".join(f"{stamp},{i},{i % 2}\n" for i, stamp in enumerate(stamps))
    table = read_table(_knobs(_csv(tmp_path, text=text), train_share=0.4))
    base = 1_714_521_600.0
    assert [r["when"] for r in table.records(slice(None))] == [5.0, 1e9, base, base, base + 1, base + 86_400]


@pytest.mark.parametrize(
    ("positive", "cells"),
    [
        (1, ("1", "0")),
        (1, ("1.0", "0.0")),
        ("bad", ("bad", "good")),
        (True, ("True", "False")),
        (2, ("2", "1")),
    ],
)
def test_the_positive_label_may_be_written_in_many_ways(
    tmp_path: Path, positive: object, cells: tuple[str, str]
) -> None:
    text = "when,amount,fraud\n" + "".join(f"{i},{i},{cells[i % 2]}\n" for i in range(10))
    table = read_table(_knobs(_csv(tmp_path, text=text), positive=positive))
    assert table.label.tolist() == [1, 0] * 5


GOOD = "".join(f"{i},{i},{i % 2}\n" for i in range(10))


@pytest.mark.parametrize(
    ("text", "changes", "said"),
    [
        ("", {}, r"own\.csv:1: there is no column 'when' \(knob time_column\); the columns are: none"),
        ("when,amount,fraud\n", {}, "has no rows below its header"),
        ("t,amount,fraud\n" + GOOD, {}, r"no column 'when' .*: t, amount, fraud"),
        ("when,amount,fraud\n" + GOOD, {"label_column": "y"}, r"no column 'y' \(knob label_column\)"),
        ("when,amount,fraud\n" + GOOD, {"ignore": "z"}, r"no column 'z' \(knob ignore\)"),
        ("when,amount,fraud\n" + GOOD, {"categorical": "z"}, r"no column 'z' \(knob categorical\)"),
        ("when,when,fraud\n" + GOOD, {}, "column 'when' appears twice"),
        ("when,id,fraud\n" + GOOD, {}, "rename it or add it to knob ignore"),
        (
            "when,amount,fraud\n" + GOOD + "soon,1,1\n",
            {},
            r":12: column 'when': 'soon' is no time; write seconds",
        ),
        ("when,amount,fraud\n" + GOOD + "inf,1,1\n", {}, r":12: column 'when': 'inf' is no time"),
        ("when,amount,fraud\n" + GOOD + ",1,1\n", {}, r":12: column 'when': '' is no time"),
        ("when,amount,fraud\n" + GOOD + "11,1,2\n", {}, r":12: label 'fraud' is not binary: '2' besides '0'"),
        ("when,amount,fraud\n" + GOOD + "11,1,\n", {}, r":12: label 'fraud' is empty"),
        (
            "when,amount,fraud\n" + GOOD,
            {"positive": 7},
            "not binary: '1' besides '0' and the positive value 7",
        ),
        (
            "when,amount,fraud\n1,1,no\n2,2,no\n",
            {"positive": "yes"},
            "never the positive value 'yes' but 'no'",
        ),
        ("when,amount,fraud\n" + GOOD + "11,1\n", {}, r":12: has 2 cells; the header has 3"),
        (
            "when,amount,fraud\n1,1,1\n2,1,0\n3,1,0\n4,1,0\n",
            {},
            r"later \(replayed\) part has 2 rows, 0 of them",
        ),
        (
            "when,fraud\n" + "".join(f"{i},{i % 2}\n" for i in range(10)),
            {},
            "no column is left to learn from",
        ),
        ('when,amount,fraud\n1,"2,1\n', {}, "is no CSV"),
    ],
)
def test_a_file_that_cannot_be_replayed_says_line_and_remedy(
    tmp_path: Path, text: str, changes: dict[str, object], said: str
) -> None:
    knobs = _knobs(_csv(tmp_path, text=text), **changes)
    with pytest.raises(BadSource, match=said):
        column_features(read_table(knobs), knobs)


def test_a_file_that_is_missing_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSource, match=r"none\.csv: cannot be read: No such file.*knob source"):
        read_table(_knobs(tmp_path / "none.csv"))
    (tmp_path / "own.csv").write_bytes(b"when,amount,fraud\n1,\xff\xfe,1\n")
    with pytest.raises(BadSource, match="not UTF-8 text"):
        read_table(_knobs(tmp_path / "own.csv"))


def test_a_byte_order_mark_and_blank_lines_are_no_problem(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_bytes(
        b"\xef\xbb\xbf" + ("when,amount,fraud\r\n" + GOOD.replace("\n", "\r\n") + "\r\n").encode()
    )
    assert len(read_table(_knobs(path)).label) == 10


def test_a_file_or_knob_changed_since_preparing_is_refused(tmp_path: Path) -> None:
    knobs = _knobs(_csv(tmp_path))
    template = _template(tmp_path, knobs)
    scenario = _scenario(knobs)
    open_world(scenario=scenario | {"repeat": False}, seed=1, template=template)
    with pytest.raises(BadTemplate, match="prepare it anew"):
        open_world(scenario=scenario | {"train_share": 0.6}, seed=1, template=template)
    _csv(tmp_path, rows=41)
    with pytest.raises(BadTemplate, match="prepare it anew"):
        open_world(scenario=scenario, seed=1, template=template)


def test_an_unknown_replay_knob_names_the_known_ones(tmp_path: Path) -> None:
    scenario = _scenario(_knobs(_csv(tmp_path))) | {"labels": "fraud"}
    with pytest.raises(BadScenario, match=r"unknown knob labels .*label_column"):
        open_world(scenario=scenario, seed=1, template=tmp_path)
