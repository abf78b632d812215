"""SR-20: no command line is ever a string, and no name of a file is more than a name.
SR-23: ids and paths cannot leave the store."""

from __future__ import annotations

import ast
import string
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageProblem
from harness.experiment.load import load_experiment
from harness.faults.catalog import FAULTS, FaultProblem, compile_fault
from harness.frontends.cli import main
from harness.history.store import find_campaign, new_campaign, read_campaign
from tests.style.conduct import shells_and_pickles
from tests.style.source import PACKAGES, calls, sources
from tests.traps.histories import campaign_file, killed, written

STARTERS = {f"subprocess.{name}" for name in ("run", "Popen", "check_output", "check_call", "call")}
TEXTS = ast.JoinedStr | ast.Constant | ast.BinOp
SYSTEM = """\
version: 1
name: toy
services:
  scorer: {command: [scorer]}
workload: {service: scorer, route: /decide}
"""
PLACES = ("service", "edge", "field")
NASTY = [
    "$(id)",
    "`id`",
    "a;id",
    "a|id",
    "a&&id",
    "a\nid",
    "a\n",
    "a\rb",
    "../../etc/passwd",
    "/etc/passwd",
    "a/b",
    "a\x00b",
    "-rf",
    "--help",
    "a b",
    "a'b",
    'a"b',
    "${HOME}",
    "%s",
    "{state}",
    "a\u2215b",
    "a\uff0fb",
    "\u202ea",
    "é",
]


def test_no_command_goes_through_a_shell():
    assert [finding for source in sources(*PACKAGES) for finding in shells_and_pickles(source)] == []


def test_no_command_line_is_one_string():
    found = [
        f"{source.path}:{call.lineno}"
        for source in sources(*PACKAGES)
        for call, name in calls(source.tree)
        if name in STARTERS and call.args and isinstance(call.args[0], TEXTS)
    ]
    assert found == []


def kind_with(argument: str) -> str:
    return next(kind for kind, row in FAULTS.items() if argument in row.parameters.__struct_fields__)


@pytest.mark.parametrize("name", NASTY)
@pytest.mark.parametrize("argument", PLACES)
def test_a_name_that_something_could_obey_is_refused(argument, name):
    kind = kind_with(argument)
    more = {"latency_ms": 5} if argument == "edge" else {}
    with pytest.raises(FaultProblem) as caught:
        compile_fault(kind, {argument: name} | more)
    assert caught.value.argument == argument


@given(st.text(st.sampled_from(string.printable + "é\x00\u2215\u202e"), max_size=80))
def test_a_name_that_is_accepted_holds_letters_digits_and_four_signs(name):
    for argument, more in (("service", {}), ("edge", {"latency_ms": 5}), ("field", {})):
        try:
            compile_fault(kind_with(argument), {argument: name} | more)
        except FaultProblem:
            continue
        assert set(name) <= set(string.ascii_letters + string.digits + "-_."), name
        assert name[0] not in "-."


@pytest.mark.parametrize("name", NASTY)
@pytest.mark.parametrize(("func", "argument"), [("process_hang", "service"), ("data_drop_field", "field")])
def test_in_a_file_too_such_a_name_is_refused_and_nothing_happens(tmp_path, name, func, argument):
    (tmp_path / "system.yaml").write_text(SYSTEM)
    (tmp_path / "scenario.yaml").write_text("version: 1\nname: steady\n")
    provider = {
        "type": "python",
        "module": "harness.frontends.chaostoolkit.faults",
        "func": func,
        "arguments": {argument: name},
    }
    experiment = {
        "title": "t",
        "description": "d",
        "method": [{"type": "action", "name": "a", "provider": provider}],
        "x-hormesis": {"version": 1, "system": "system.yaml", "scenario": "scenario.yaml"},
    }
    (tmp_path / "experiment.yaml").write_bytes(msgspec.json.encode(experiment))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UsageProblem):
        load_experiment(tmp_path / "experiment.yaml")
    assert sorted(tmp_path.rglob("*")) == before


PATHS = [
    "../store",
    "../../etc",
    "..",
    ".",
    "/",
    "/etc",
    "/proc/self",
    "a\x00b",
    "..\u2215store",
    "..\uff0fstore",
    "%2e%2e",
    "",
    "x" * 5000,
    "-",
    "~",
]


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("command", ["analyse", "report"])
def test_a_path_that_leads_elsewhere_is_no_stored_run(tmp_path, monkeypatch, capsys, command, name):
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    written(tmp_path / "store", killed())
    words = [command, "--store", str(tmp_path / "nowhere"), "--", name]
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "error[HRM40" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("name", [*PATHS, "A", "a b", "aé", "ab"])
def test_a_campaign_is_never_made_under_such_an_id(tmp_path, name):
    file = msgspec.structs.replace(campaign_file(1), id=name)
    with pytest.raises(ValueError, match="is no id"):
        new_campaign(tmp_path / "store", file)
    assert not (tmp_path / "store").exists()


def test_a_link_in_the_store_is_neither_a_campaign_nor_a_run(tmp_path):
    real = written(tmp_path / "real", killed(), killed(pair=1))
    store = tmp_path / "store"
    store.mkdir()
    (store / "linked").symlink_to(real)
    with pytest.raises(UsageProblem):
        find_campaign(store, "linked")
    first = sorted((real / "runs").iterdir())[0]
    (tmp_path / "elsewhere").mkdir()
    first.rename(tmp_path / "elsewhere" / first.name)
    first.symlink_to(tmp_path / "elsewhere" / first.name)
    runs = {history.run_id: history for history in read_campaign(real).runs}
    assert "no run folder" in runs[first.name].cut
    assert len(runs) == 2


@pytest.mark.parametrize("name", ["history.jsonl", "observations.bin", "plan.json", "manifest.json"])
def test_a_linked_file_in_a_run_is_not_read(tmp_path, name):
    folder = written(tmp_path / "store", killed())
    (run,) = (folder / "runs").iterdir()
    (run / name).rename(tmp_path / name)
    (run / name).symlink_to(tmp_path / name)
    (history,) = read_campaign(folder).runs
    assert name in history.cut


def test_a_path_with_a_nul_or_a_link_to_nothing_in_an_experiment_is_a_usage_problem(tmp_path):
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nothing")
    for file in ("a\x00b.yaml", "gone.yaml", "x" * 5000, "/proc/self/mem"):
        with pytest.raises(UsageProblem):
            load_experiment(Path(tmp_path / file))
