"""Every word, exit code and message code can be explained, and none is missing."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import pytest

import harness
from harness.experiment.messages import MESSAGES
from harness.experiment.sources import bundled_system, read_system
from harness.faults.catalog import FAULTS
from harness.frontends.cli import main
from harness.verdict.codes import CODES, EXIT_CODE
from harness.verdict.model import Word


def test_the_table_shows_every_code(capsys):
    assert main(["explain", "code"]) == 0
    out = capsys.readouterr().out
    assert all(re.search(rf"^ +{row.code}  {row.word}\b", out, re.MULTILINE) for row in CODES)
    assert all(code in out for code in MESSAGES)


@pytest.mark.parametrize(
    "code", [*(str(row.code) for row in CODES), *(row.word for row in CODES), "done", "void"]
)
def test_an_exit_code_or_word_is_explained_in_full(capsys, code):
    assert main(["explain", "code", code]) == 0
    out = capsys.readouterr().out
    assert all(label in out for label in ("what: ", "when: ", "next: "))


@pytest.mark.parametrize("code", MESSAGES)
def test_a_message_code_is_explained_in_full(capsys, code):
    assert main(["explain", "code", code.lower()]) == 0
    out = capsys.readouterr().out
    assert all(label in out for label in ("why: ", "how to mend: "))


@pytest.mark.parametrize("name", ["4", "void", "HRM218", "network.latency", "placebo.surge", "done"])
def test_a_name_alone_is_explained_without_its_kind(capsys, name):
    assert main(["explain", name]) == 0
    head = capsys.readouterr().out.split("\n")[0].lower()
    assert ("0  pass" if name == "done" else name.lower()) in head


def test_the_tables_of_faults_and_placebos_hold_every_row_once(capsys):
    assert main(["explain", "fault"]) == 0
    faults = capsys.readouterr().out
    assert main(["explain", "placebo"]) == 0
    placebos = capsys.readouterr().out
    for kind, row in FAULTS.items():
        assert (f"  {kind} " in faults) == (not row.placebo)
        assert (f"  {kind} " in placebos) == row.placebo


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_is_explained_with_every_argument_its_proof_and_its_undo(capsys, kind):
    row = FAULTS[kind]
    assert main(["explain", "fault", kind]) == 0
    out = capsys.readouterr().out
    assert all(text in out for text in (row.what, row.proof, row.undo, kind.replace(".", "_")))
    assert all(f"    {name} " in out for name in row.parameters.__struct_fields__)


@pytest.mark.parametrize(("kind", "name"), [("network.latency", "edge"), ("process.kill", "service")])
def test_a_fault_says_where_the_names_it_takes_are_listed(capsys, kind, name):
    assert main(["explain", "fault", kind]) == 0
    assert re.search(rf"^    {name} .*hormesis explain system.*; needed$", capsys.readouterr().out, re.M)


def test_only_what_ends_a_fault_says_what_it_means_to_leave_it_out(capsys):
    assert main(["explain", "fault", "world.concept_change"]) == 0
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines() if "until undone" in line] == ["duration_s"]
    assert "may be left out" in out


def test_the_table_as_json_tells_what_the_loader_takes(capsys):
    assert main(["explain", "fault", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["kind"] for row in rows] == [kind for kind, row in FAULTS.items() if not row.placebo]
    for row in rows:
        known = FAULTS[row["kind"]].parameters.__struct_fields__
        assert set(row["parameters"]["properties"]) == set(known)
        assert row["parameters"]["additionalProperties"] is False
        assert row["undone_within_s"] > 0
    assert main(["explain", "placebo", "placebo.surge", "--json"]) == 0
    (surge,) = json.loads(capsys.readouterr().out)
    assert surge["placebo"] is True
    assert surge["parameters"]["properties"]["factor"]["exclusiveMinimum"] == 1


def test_every_word_of_a_verdict_has_an_exit_code():
    assert set(get_args(Word)) <= EXIT_CODE.keys()


def test_the_codes_are_those_of_the_design():
    assert [(row.code, row.word) for row in CODES] == [
        (0, "PASS"),
        (1, "FAIL"),
        (2, "USAGE"),
        (3, "INCONCLUSIVE"),
        (4, "VOID"),
        (5, "REFUSED"),
        (6, "UNSAFE"),
        (70, "INTERNAL"),
        (130, "INTERRUPTED"),
        (143, "TERMINATED"),
    ]


def test_every_message_code_in_the_code_has_a_page_and_every_page_is_used():
    sources = [
        file.read_text() for file in Path(harness.__file__).parent.rglob("*.py") if file.name != "messages.py"
    ]
    used = {code for source in sources for code in re.findall(r'"(HRM[0-9]{3})"', source)}
    assert used == set(MESSAGES)


def test_what_a_fault_can_hit_is_listed_as_the_loader_knows_it(capsys):
    system = read_system(bundled_system(), [])
    assert main(["explain", "system"]) == 0
    out = capsys.readouterr().out
    for name in (*system.services, *system.all_edges):
        assert re.search(rf"^  {re.escape(name)}( |$)", out, re.MULTILINE), name
    arms = " or ".join(("reference", "seed", "oracle", "always", "random", "never"))
    assert re.search(rf"^  healer +only in arm {arms}$", out, re.MULTILINE)
    assert main(["explain", "system", str(bundled_system())]) == 0
    assert capsys.readouterr().out == out


def test_a_system_file_that_is_wrong_is_told_as_validate_tells_it(tmp_path, capsys):
    (tmp_path / "hormesis.yaml").write_text("version: 1\nname: mine\nservices: {}\n")
    assert main(["explain", "system", str(tmp_path / "hormesis.yaml")]) == 2
    assert "workload" in capsys.readouterr().err


def test_that_nothing_was_done_is_said_once(capsys):
    assert main(["validate", "no-such-file.yaml"]) == 2
    assert capsys.readouterr().err.count("Nothing was") == 1


def test_unsafe_says_what_to_read_and_what_to_type(capsys):
    assert main(["explain", "code", "6"]) == 0
    out = capsys.readouterr().out
    assert "logs/guardian.txt" in out
    assert "`hormesis undo --store DIR`" in out


def test_a_demo_that_differs_stands_in_the_table_of_codes_as_the_code_it_gives(capsys):
    assert main(["explain", "code", "INCONCLUSIVE"]) == 0
    assert "a demo that differs from its story" in capsys.readouterr().out
