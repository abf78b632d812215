"""SR-19: `hormesis consent` shows what Hormesis itself would run; without a yes a run is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.frontends.cli import main

ROOT = Path(__file__).resolve().parents[4]
SYSTEM = """\
version: 1
name: shop
services: {one: {command: ["{python}", -m, http.server, "{port}"]}}
workload: {service: one, route: /predict}
world: shop.world:open_world
hooks: {model: {command: ["{python}", promote.py], actions: [go]}}
"""
EXPERIMENT = """\
title: Killed
description: One kill.
method:
  - {type: action, name: kill, provider: {type: python, module: harness.frontends.chaostoolkit.faults,
     func: process_kill, arguments: {service: one}}}
x-hormesis: {version: 1, system: hormesis.yaml, scenario: steady.yaml, profile: {base: test}, arms: [none]}
"""


@pytest.fixture(autouse=True)
def file(monkeypatch, tmp_path) -> Path:
    """A system that names code of its own, in a folder of its own; consents are kept outside of it."""
    monkeypatch.setenv("HORMESIS_CONSENT_FILE", str(tmp_path / "home" / "consents.json"))
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "hormesis.yaml").write_text(SYSTEM)
    (folder / "steady.yaml").write_text("version: 1\nname: steady\n")
    (folder / "world.py").write_text("print('imported')\n")
    (folder / "promote.py").write_text("print('called')\n")
    (folder / "killed.yaml").write_text(EXPERIMENT)
    return folder / "hormesis.yaml"


def test_it_shows_each_thing_with_its_hash_and_ends_5_until_somebody_said_yes(file, capsys):
    assert main(["consent", str(file)]) == 5
    out = capsys.readouterr().out
    assert "shop: 2 things that Hormesis itself would run" in out
    assert "shop.world:open_world  (not consented)" in out
    assert "promote.py" in out
    assert f"yes to all of it: hormesis consent {file} --give" in out
    assert "imported" not in out
    assert main(["consent", str(file), "--give"]) == 0
    assert "consented; kept in" in capsys.readouterr().out
    assert main(["consent", str(file)]) == 0
    (file.parent / "promote.py").write_text("print('another')\n")
    assert main(["consent", str(file)]) == 5
    out = capsys.readouterr().out
    assert "(changed since a consent)" in out
    assert "shop.world:open_world  (as it was)" in out


@pytest.mark.parametrize(
    "command", [["run"], ["plan"], ["campaign"], ["search"], ["calibrate", "--out", "costs.json"]]
)
def test_no_command_imports_or_starts_anything_without_it(file, capsys, tmp_path, command, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name, *more = command
    assert main([name, str(file.parent / "killed.yaml"), "--store", str(tmp_path / "store"), *more]) == 5
    told = capsys.readouterr().err
    assert "world (nobody consented), hooks.model (nobody consented); nothing was started" in told
    assert f"hormesis consent {file} --give" in told


def test_what_only_reads_needs_none(file, capsys):
    assert main(["validate", str(file.parent / "killed.yaml")]) == 0
    assert main(["plan", "--offline", str(file.parent / "killed.yaml")]) == 0


def test_doctor_says_that_it_is_missing_and_how_to_mend_it(file, capsys, tmp_path):
    assert main(["doctor", str(file), "--store", str(tmp_path / "store")]) == 5
    assert "  missing  consent to world, hooks.model\n" in (out := capsys.readouterr().out)
    assert f"mend: hormesis consent {file}, and --give" in out
    main(["consent", str(file), "--give"])
    capsys.readouterr()
    assert main(["doctor", str(file), "--store", str(tmp_path / "store")]) == 0
    assert "  ok       consent to world, hooks.model\n" in capsys.readouterr().out


def test_json_holds_every_hash_and_a_job_can_say_the_digest(file, capsys, monkeypatch):
    main(["consent", str(file), "--json"])
    document = json.loads(capsys.readouterr().out)
    assert document["missing"] == {"world": "never", "hooks.model": "never"}
    assert [item["place"] for item in document["items"]] == ["world", "hooks.model"]
    monkeypatch.setenv("HORMESIS_CONSENT", document["sha256"])
    assert main(["consent", str(file), "--json"]) == 0


def test_a_system_of_services_alone_needs_none(capsys):
    assert main(["consent", str(ROOT / "examples" / "request" / "hormesis.yaml"), "--give"]) == 0
    assert "no consent is needed" in capsys.readouterr().out
