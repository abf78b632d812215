"""`hormesis schema`: what it prints, and that report.json and table.json are what their schemas say."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import msgspec
import pytest
from jsonschema import Draft202012Validator

from harness.campaign.table import Ending, Table, encode, table_of
from harness.campaign.tally import Tally
from harness.frontends.cli import main
from harness.frontends.commands.schema import SCHEMAS
from harness.report.compose import compose, decode
from harness.report.compose import encode as encode_document
from tests.harness.campaign.rows_kit import episode, question, row
from tests.harness.experiment.schema_kit import mutations
from tests.traps.histories import killed, written

ROOT = Path(__file__).parents[4]


def printed(capsys, name: str):
    assert main(["schema", name]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def table() -> bytes:
    tally = Tally()
    for pair in range(40):
        tally.add_pair([row(pair, "none", episode(4000)), row(pair, "reference", why="cut")])
    return encode(table_of(question(), tally, Ending(stopped="cap", digest="d", doubts=[row(0, why="cut")])))


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_name_is_a_schema_that_names_itself(capsys, name):
    schema = printed(capsys, name)
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:hormesis:schema:{name}"
    assert not Draft202012Validator(schema).is_valid({}), "nothing at all is no such file"
    assert not Draft202012Validator(schema).is_valid([])


def test_without_a_name_it_lists_all(capsys):
    assert main(["schema"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(SCHEMAS)
    assert all(len(line.split()) > 3 for line in lines)


@pytest.mark.parametrize(("name", "likely"), [("experimnt", "'experiment'"), ("hormesis.yaml", "system")])
def test_an_unknown_name_is_told_with_what_there_is(capsys, name, likely):
    assert main(["schema", name]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert likely in err


def test_the_shipped_report_and_a_fresh_one_are_taken(capsys, tmp_path):
    validator = Draft202012Validator(printed(capsys, "report"))
    shipped = json.loads((ROOT / "reports" / "examples" / "simulated-runs.json").read_bytes())
    fresh = json.loads(encode_document(compose(written(tmp_path, killed(), killed(sham=True)))))
    for report in (shipped, fresh):
        assert not list(validator.iter_errors(report))


def test_a_table_is_taken(capsys, table):
    assert not list(Draft202012Validator(printed(capsys, "table")).iter_errors(json.loads(table)))


@pytest.mark.slow
def test_schema_and_reader_agree_on_every_harm_to_a_report(capsys, tmp_path):
    report = json.loads(encode_document(compose(written(tmp_path, killed(), killed(sham=True)))))
    assert agreed(printed(capsys, "report"), report, decode, every=17) > 200


@pytest.mark.slow
def test_schema_and_reader_agree_on_every_harm_to_a_table(capsys, table):
    def read(data: bytes) -> Table:
        return msgspec.json.decode(data, type=Table)

    assert agreed(printed(capsys, "table"), json.loads(table), read, every=3) > 200


def agreed(schema, data: object, read, every: int) -> int:
    """Compare the schema with what reads the file; gives how many harms both refused."""
    validator, refused = Draft202012Validator(schema), 0
    for what, harmed in islice(mutations(data), 0, None, every):
        try:
            read(json.dumps(harmed).encode())
            taken = True
        except msgspec.ValidationError:
            taken = False
        assert validator.is_valid(harmed) is taken, f"{what}: the reader says {taken}"
        refused += not taken
    return refused
