"""`hormesis doctor`: each line ok, limited or missing, what is lost, and how to mend it; it does nothing."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from harness.experiment.model import Audit, Edge, System, Workload
from harness.experiment.places import Observe
from harness.frontends import checkup
from harness.frontends.checkup import machine_checks, system_checks
from harness.frontends.cli import main
from harness.frontends.systems import named_system
from harness.guard.halt import halt

ROOT = Path(__file__).resolve().parents[4]
EXAMPLE = ROOT / "examples" / "request" / "hormesis.yaml"


def states(system: System) -> dict[str, str]:
    return {check.what: check.state for check in system_checks(system)}


def test_of_the_bundled_system_everything_can_be_seen() -> None:
    assert set(states(named_system(None)).values()) == {"ok"}


def test_of_a_foreign_server_it_says_what_is_lost_and_how_to_mend_it(capsys, tmp_path) -> None:
    assert main(["doctor", str(EXAMPLE), "--store", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("flat-prices on this machine\n")
    audit = out[out.index("limited  an audit") :].splitlines()
    assert audit[1:3] == [
        "           lost: exactly once",
        "           mend: audit.accepted and audit.sink: routes that list ids",
    ]
    assert "  ok       golden units\n" in out
    reset = out[out.index("limited  reset proven") :].splitlines()
    assert reset[1].startswith("           lost: whether runs are independent: reset not proven")


BUNDLED, THROUGH = named_system(None), "calls or is called through the proxy"


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"audit": Audit()}, "an audit of what became of each record"),
        ({"arms": {}}, "an arm with a healer"),
        ({"observe": Observe(journal="healer:/journal")}, "acts of the healer are seen from outside"),
        ({"observe": Observe(acts=("gateway:/acts",))}, "a journal of the healer"),
        ({"simulation": None}, "it runs on a virtual clock"),
        ({"world": ""}, "golden units"),
        (
            {"edges": {"a": Edge(source="gateway", to="features")}},
            "registry calls or is called through the proxy",
        ),
        (
            {"workload": Workload(service="gateway", route="/decide", version="")},
            "answers tell which version gave them",
        ),
        (
            {"workload": Workload(service="gateway", route="/decide", degraded="")},
            "answers tell that they are degraded",
        ),
    ],
)
def test_each_thing_that_cannot_be_seen_is_told(changed: dict[str, object], what: str) -> None:
    found = states(msgspec.structs.replace(BUNDLED, **changed))
    assert found[what] == "limited"


def test_a_halted_store_and_one_that_cannot_be_written_are_missing(tmp_path, capsys) -> None:
    halt(tmp_path, "quiet")
    assert main(["doctor", "--store", str(tmp_path), "--json"]) == 5
    checks = json.loads(capsys.readouterr().out)
    (store,) = [check for check in checks if check["state"] == "missing"]
    assert "is halted" in store["mend"]
    (other,) = (c for c in machine_checks(Path("/dev/null/x"), "local") if c.what.startswith("store"))
    assert other.state == "missing"


def test_a_scratch_that_is_none_is_missing(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HORMESIS_SCRATCH", str(tmp_path / "nowhere"))
    assert main(["doctor", "--store", str(tmp_path)]) == 5


def test_it_leaves_nothing_behind(tmp_path) -> None:
    store = tmp_path / "store"
    assert main(["doctor", "--store", str(store)]) == 0
    assert list(tmp_path.iterdir()) == []


SECRET = 'secrets: {KEY: "env:HORMESIS_TEST_NOT_SET"}'


@pytest.mark.parametrize(
    ("service", "what"),
    [
        ('command: ["{python}"], ' + SECRET, "secrets of the services"),
        ("command: [no-such-program-anywhere]", "the program of server"),
    ],
)
def test_what_would_refuse_a_run_of_the_system_is_missing(tmp_path, capsys, service, what) -> None:
    assert missing(tmp_path, capsys, service) == [what]


def test_a_file_that_a_command_names_and_that_is_not_there_is_told(tmp_path, capsys) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "run.sh").touch()
    assert missing(tmp_path, capsys, 'command: [sh, "{system}/run.sh", "{system}/gone.py", "{port}"]') == []
    assert main(["doctor", str(tmp_path / "shop" / "hormesis.yaml"), "--store", str(tmp_path / "store")]) == 0
    said = capsys.readouterr().out
    assert f"cannot be started if it reads {tmp_path}/shop/gone.py" in said
    assert "run.sh" not in said


def missing(folder: Path, capsys, service: str) -> list[str]:
    """Names of what is missing; 5 where there is any."""
    (folder / "shop").mkdir(exist_ok=True)
    file = folder / "shop" / "hormesis.yaml"
    file.write_text(
        f"version: 1\nname: mine\nservices: {{server: {{{service}}}}}\n"
        "workload: {service: server, route: /predict}\n"
    )
    code = main(["doctor", str(file), "--store", str(folder / "store"), "--json"])
    found = [one["what"] for one in json.loads(capsys.readouterr().out) if one["state"] == "missing"]
    assert code == (5 if found else 0)
    return found


def test_a_folder_that_anybody_may_add_modules_to_is_missing(tmp_path, capsys) -> None:
    tmp_path.chmod(0o777)
    assert missing(tmp_path, capsys, 'command: ["{python}"]') == ["modules may be imported beside the system"]


def test_an_operator_file_that_allows_nothing_is_missing(tmp_path, capsys, monkeypatch) -> None:
    operators = tmp_path / "targets.toml"
    operators.write_text("[targets.local")
    operators.chmod(0o600)
    monkeypatch.setenv("HORMESIS_OPERATOR_FILE", str(operators))
    assert missing(tmp_path, capsys, 'command: ["{python}"]') == ["the operator file"]


def test_an_extra_that_the_system_cannot_do_without_is_missing(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(checkup, "EXTRAS", {"nats": (("no_such_module",), "records cannot be offered")})
    for needs, state in (((), "limited"), ({"nats"}, "missing")):
        (extra,) = (one for one in machine_checks(tmp_path, "local", needs) if one.what == "extra nats")
        assert extra.state == state


def test_a_wrong_system_file_is_a_mistake_of_the_file(tmp_path) -> None:
    (tmp_path / "hormesis.yaml").write_text("version: 1\n")
    assert main(["doctor", str(tmp_path / "hormesis.yaml")]) == 2


def test_each_place_outside_is_looked_at_once_and_what_shows_nothing_is_named(tmp_path, capsys) -> None:
    (tmp_path / "champion").write_text("v1")
    (tmp_path / "hormesis.yaml").write_text(
        """\
version: 1
name: mine
services: {server: {command: ["{python}"]}}
workload: {service: server, route: /predict}
observe:
  files: [{path: champion}, {path: challenger}, {path: "{state}/log"}]
  git: [{repository: .}]
  journal_file: journal.jsonl
"""
    )
    assert main(["doctor", str(tmp_path / "hormesis.yaml"), "--store", str(tmp_path / "s"), "--json"]) == 0
    lines = {one["what"]: one for one in json.loads(capsys.readouterr().out)}
    assert lines["observer file champion"]["state"] == "ok"
    told = {
        "file challenger": "nothing stands there",
        "file {state}/log": "only while the system runs",
        "git . HEAD": "there is no repository",
        "journal journal.jsonl": "nothing stands there",
    }
    for address, why in told.items():
        line = lines[f"observer {address}"]
        assert line["state"] == "limited"
        assert why in line["lost"]
