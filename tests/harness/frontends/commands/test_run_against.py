"""`hormesis run --against`: two versions beside each other, pair by pair, and a gate over both."""

from __future__ import annotations

import json

import msgspec
import pytest

from harness.frontends.cli import main
from harness.history.model import CampaignFile
from harness.history.store import read_campaign
from tests.harness.campaign.campaign_kit import SHORTEST, written


@pytest.fixture
def files(tmp_path):
    """The same question in two folders."""
    made = []
    for name in ("new", "old"):
        (tmp_path / name).mkdir()
        file = written(tmp_path / name, lengths=SHORTEST)
        file.write_text(file.read_text().replace("  sham: false", "  sham: false\n  repetitions: 3"))
        made.append(file)
    return made


@pytest.mark.slow
def test_both_versions_are_run_in_pairs_and_weighed_against_each_other(files, tmp_path, capsys):
    new, old = map(str, files)
    store = tmp_path / "store"
    where = ["--store", str(store), "--target", "simulation", "--seed", "5"]
    assert main(["run", new, "--against", old, *where, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    ours = msgspec.json.decode((store / told["campaign"] / "campaign.json").read_bytes(), type=CampaignFile)
    assert told["beside"] == str(store / ours.beside)
    runs = [read_campaign(store / name).runs for name in (ours.id, ours.beside)]
    assert [run.plan.sha256 for run in runs[0]] == [run.plan.sha256 for run in runs[1]]
    assert len(runs[0]) == 3
    assert main(["gate", ours.id, "--store", str(store), "--json"]) == 3
    weighed = json.loads(capsys.readouterr().out)
    assert weighed["runs"] == 3
    assert "median" in str(weighed["verdict"])


@pytest.mark.parametrize(
    ("what", "to"),
    [
        ("duration_s: 0.5", "duration_s: 0.7"),
        ("tau_s: 1.5", "tau_s: 2.5"),
        ("repetitions: 3", "repetitions: 2"),
    ],
)
def test_two_questions_are_refused_and_nothing_is_started(files, tmp_path, capsys, what, to):
    new, old = files
    assert what in old.read_text()
    old.write_text(old.read_text().replace(what, to))
    store = tmp_path / "store"
    assert main(["run", str(new), "--against", str(old), "--store", str(store)]) == 5
    assert "asks another question" in capsys.readouterr().err
    assert not store.exists()


def test_a_plan_that_is_held_and_two_versions_do_not_go_together(files, capsys):
    words = ["run", str(files[0]), "--against", str(files[1]), "--seed", "1", "--plan", "abcdef012345"]
    assert main(words) == 2
    assert "leave out one of them" in capsys.readouterr().err
