"""SR-16: a plan hurts at least one target, and no more at a time than the operator allows."""

from __future__ import annotations

import json
import os

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.errors import Refused
from harness.experiment.load import load_experiment
from harness.faults.effects import Cut, Kill
from harness.frontends.cli import main
from harness.plan.model import PlannedEpisode
from harness.plan.safety import SIMULATION, TARGETS, Limits, promises
from harness.plan.schedule import make_plans
from tests.style.source import ROOT

FILE = ROOT / "experiments" / "smoke" / "kill-one.yaml"
PLAN = make_plans(load_experiment(FILE), 7)[0]
PLACES = ("gateway", "scorer-a", "registry", "gateway-scorer-a", "driver-gateway")


def episode(index: int, where: str, at_s: float, lasts_s: float) -> PlannedEpisode:
    kind, effect = (
        ("network.partition", Cut(edge=where)) if "-" in where[7:] else ("process.kill", Kill(service=where))
    )
    return PlannedEpisode(
        index=index,
        name=f"n{index}",
        kind=kind,
        effect=effect,
        inject_at_s=at_s,
        undo_at_s=at_s + lasts_s,
        end_at_s=at_s + lasts_s + 1,
    )


episodes = st.lists(
    st.tuples(st.sampled_from(PLACES), st.integers(0, 50), st.integers(1, 20)), max_size=8
).map(lambda drawn: tuple(episode(n, *one) for n, one in enumerate(drawn)))


def hurt_each_second(faults: tuple[PlannedEpisode, ...]) -> int:
    """Another way to count: how many places are hurt in the worst of all seconds."""
    return max(
        len({str(one.effect) for one in faults if one.inject_at_s <= at_s < one.undo_at_s})
        for at_s in range(71)
    )


TWO = (episode(0, "gateway", 1, 5), episode(1, "registry", 3, 5))
"""Both are hurt from 3 s to 6 s."""


@example(TWO, 1, 40)
@example(TWO, 2, 7)
@example(TWO, 2, 8)
@given(episodes, st.integers(1, 6), st.integers(0, 40))
def test_a_plan_is_refused_exactly_where_it_has_no_target_or_too_many(faults, max_targets, parts):
    """SR-16: one is always allowed, more only up to max_targets and a quarter of services and edges."""
    plan = msgspec.structs.replace(PLAN, episodes=faults)
    allowed = max_targets if max_targets * 4 <= parts else max(1, parts // 4)
    too_many = hurt_each_second(faults) > allowed
    limits = Limits(max_targets=max_targets)
    if too_many or not faults:
        with pytest.raises(Refused, match="at a time" if too_many else "no target"):
            promises(plan, TARGETS["local"], limits=limits, parts=parts)
    else:
        assert len(promises(plan, TARGETS["local"], limits=limits, parts=parts)) == len(faults)


@given(episodes.filter(bool))
def test_a_virtual_clock_may_have_any_number_and_never_none(faults):
    """SR-16: nothing real is hurt there."""
    plan = msgspec.structs.replace(PLAN, episodes=faults, target=SIMULATION)
    assert len(promises(plan, TARGETS[SIMULATION])) == len(faults)
    with pytest.raises(Refused, match="no target"):
        promises(msgspec.structs.replace(plan, episodes=()), TARGETS[SIMULATION])


@pytest.fixture
def operator(tmp_path, monkeypatch):
    """Write an operator file outside of every work tree."""

    def write(text: str):
        path = tmp_path / "targets.toml"
        path.write_text(text)
        path.chmod(0o600)
        monkeypatch.setenv("HORMESIS_OPERATOR_FILE", str(path))
        return path

    return write


def planned(capsys, *more: str) -> tuple[int, str, str]:
    code = main(["plan", str(FILE), "--offline", "--seed", "1", *more])
    return code, *capsys.readouterr()


def test_without_an_operator_file_one_target_at_a_time_is_allowed_and_said(capsys, monkeypatch, tmp_path):
    """SR-16: the default."""
    monkeypatch.setenv("HOME", str(tmp_path))
    code, out, _ = planned(capsys)
    assert code == 0
    assert "allowed: *; at most 1 target at a time" in out


def test_a_fault_that_the_operator_does_not_allow_is_refused_by_plan_and_run(operator, capsys, tmp_path):
    """SR-16: and allowed where he does; nothing was made."""
    operator('[targets.local]\nfaults = ["network.*"]\n')
    code, _, err = planned(capsys)
    assert (code, "does not allow process.kill on target local" in err) == (5, True)
    assert main(["run", str(FILE), "--seed", "1", "--store", str(tmp_path / "store")]) == 5
    assert not (tmp_path / "store").exists()
    operator('[targets.local]\nfaults = ["process.*"]\nmax_targets = 3\n')
    assert planned(capsys)[0] == 0


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[targets.local]\nfaults = 3\n", "is wrong"),
        ("[targets.local]\nfault = []\n", "is wrong"),
        ("[targets.local]\nmax_targets = 0\n", "is wrong"),
        ("[targets.\n", "is wrong"),
        ("[targets]\n", "allows nothing on target local"),
    ],
)
def test_an_operator_file_that_cannot_be_understood_allows_nothing(operator, capsys, text, why):
    """SR-16: nobody is guessed at."""
    operator(text)
    code, _, err = planned(capsys)
    assert (code, why in err) == (5, True)


def test_an_operator_file_that_others_may_write_or_that_is_not_there_allows_nothing(
    operator, capsys, tmp_path, monkeypatch
):
    """SR-16: a pipe and a folder are none either."""
    operator("[targets.local]\n").chmod(0o666)
    assert planned(capsys)[0] == 5
    os.mkfifo(tmp_path / "pipe")
    for name in ("absent.toml", "pipe", "."):
        monkeypatch.setenv("HORMESIS_OPERATOR_FILE", str(tmp_path / name))
        assert planned(capsys)[0] == 5


def test_the_plan_as_json_is_one_document_with_an_operator_file_too(operator, capsys):
    operator("[targets.local]\nmax_targets = 2\n")
    code, out, _ = planned(capsys, "--json")
    assert (code, json.loads(out)["seed"]) == (0, 1)
