"""One process or two: the same outcomes in the same order, and a whole search from words to kept files."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path

import msgspec
import pytest

from harness.errors import Refused
from harness.experiment.load import load_experiment
from harness.frontends.cli import main
from harness.run.template import template_key
from harness.search.drawing import Drawing
from harness.search.engine import Wanted
from harness.search.finding import Asked, find, healing, menu_on
from harness.search.regressions import read
from harness.search.schedule import schedule_of
from harness.search.text import summary_text
from harness.search.workers import Crew
from tests.conftest import SMALL
from tests.harness.search.ground import EXPERIMENT, after, bad_model, closed_registry, ground, kill, pause


def nothing() -> None:
    """What a worker does first here."""


@pytest.mark.slow
def test_two_processes_give_what_one_gives_in_the_same_order(small_template: Path) -> None:
    here = ground(small_template)
    batch = [schedule_of([pause("features", 1.0, 2.0)]), schedule_of([kill("gateway", 1.0)])] * 2
    with Crew(here, 1, nothing) as one, Crew(here, 2, nothing) as two:
        assert two.play(batch) == one.play(batch)


@pytest.mark.slow
def test_processes_of_whoever_uses_a_crew_are_not_ended_with_it(small_template: Path) -> None:
    mine = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(600.0,))
    mine.start()
    with Crew(ground(small_template), 2, nothing) as crew:
        crew.play([schedule_of([kill("gateway", 1.0)])])
    assert mine.is_alive()
    mine.kill()
    mine.join()


def test_the_menu_leaves_the_users_own_edges_and_what_touches_nothing_alone(small_template: Path) -> None:
    menu = menu_on(ground(small_template))
    places = {getattr(effect, "edge", "") for effects in menu.kinds.values() for effect in effects}
    assert "gateway-features" in places
    assert not any(place.startswith("driver-") for place in places)
    assert {"amount", "channel"} <= {getattr(effect, "field", "") for effect in menu.kinds["mutate"]}
    assert all(effect.action != "better_model" for effect in menu.kinds["hook"] if hasattr(effect, "action"))


@pytest.mark.slow
def test_a_failure_is_shrunk_kept_and_told(small_template: Path, tmp_path: Path) -> None:
    where = ground(small_template, "benchmarks.search.bugs:open_overlap")
    menu = menu_on(where)
    found_by_chance = schedule_of(
        [bad_model(), after(closed_registry(), "rollback", 0.4), pause("scorer-b", 3.0, 1.0)]
    )

    class Given(Drawing):
        """Draws one schedule, whatever the dice say."""

        def fresh(self, _, **__):
            return found_by_chance

    asked = Asked(
        ground=where,
        title="one",
        drawing=Given(menu, where.limits),
        wanted=Wanted(seed=1, episodes=1),
        store=tmp_path,
    )
    lines: list[str] = []
    with Crew(where, 1, nothing) as crew:
        summary = find(asked, crew, lines.append)
    alias = [one for one in summary.failures if one.failure.signature.invariant == "alias"]
    (kept,) = alias
    assert kept.minimal
    assert len(kept.smallest.faults) == 2
    assert read(Path(kept.file)).schedule == kept.smallest
    text = summary_text(summary)
    assert "FAIL alias" in text
    assert "refuse healer-registry" in text
    assert "scorer-b" not in text.split("FAIL alias")[1].split("FAIL")[0]
    assert any(line.startswith("shrinking") for line in lines)


@pytest.mark.parametrize("arm", ["bare", "none", "nobody"])
def test_an_arm_without_a_healer_is_told_with_those_that_have_one(arm: str, tmp_path: Path, capsys) -> None:
    assert main(["search", str(EXPERIMENT), "--arm", arm, "--store", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error[HRM219]: reference-pipeline has no healer in arm '{arm}'\n")
    assert "Known: oracle, reference, seed" in told
    assert not list(tmp_path.iterdir()), "nothing was prepared"


def test_where_nobody_heals_there_is_nothing_to_search_for_whatever_is_asked() -> None:
    experiment = load_experiment(EXPERIMENT)
    arms = {name: arm for name, arm in experiment.system.arms.items() if name in ("none", "bare")}
    system = msgspec.structs.replace(experiment.system, arms=arms)
    for asked in ("", "reference"):
        with pytest.raises(Refused, match="has no arm with a healer"):
            healing(msgspec.structs.replace(experiment, system=system), asked)


@pytest.fixture
def small_file(tmp_path: Path, small_template: Path) -> Path:
    """An experiment in the small world, its template made already in the store beside it."""
    knobs = "\n".join(f"  {name}: {value}" for name, value in SMALL.items())
    scenario = f"version: 1\nname: small\nworld_s_per_run_s: 720\nknobs:\n{knobs}\n"
    (tmp_path / "small.yaml").write_text(scenario)
    text = EXPERIMENT.read_text().replace("../../scenarios/steady.yaml", "small.yaml")
    file = tmp_path / "kill-one.yaml"
    file.write_text(text)
    templates = tmp_path / "store" / ".templates"
    templates.mkdir(parents=True)
    (templates / template_key(load_experiment(file))).symlink_to(small_template)
    return file


def test_the_command_searches_and_tells_what_it_did(small_file: Path, capsys) -> None:
    store = small_file.parent / "store"
    words = ["search", str(small_file), "--episodes", "3", "--seed", "4", "--workers", "1"]
    assert main([*words, "--store", str(store), "--json"]) == 0
    summary = msgspec.json.decode(capsys.readouterr().out)
    assert summary["counts"]["episodes"] == 3
    assert summary["counts"]["void"] == 0
    assert summary["failures"] == []
    assert main([*words, "--store", str(store), "--uniform"]) == 0
    out = capsys.readouterr().out
    assert "drawn at random; seed 4" in out
    assert "that is no proof" in out
