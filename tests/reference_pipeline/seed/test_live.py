"""The arm in real processes: a killed scorer, a broken record, and every record once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reference_pipeline.running import Pipeline, record, until

pytestmark = [pytest.mark.live, pytest.mark.slow]


class SeedPipeline(Pipeline):
    """All services with the arm's healing in the path."""

    def _environment(self, name: str) -> dict[str, str]:
        return {**super()._environment(name), "HEALING": "seed"}


@pytest.fixture(scope="module")
def seed_pipeline(tmp_path_factory: pytest.TempPathFactory, small_template: Path) -> Iterator[Pipeline]:
    running = SeedPipeline(tmp_path_factory.mktemp("seed"), small_template)
    try:
        running.start()
        yield running
    finally:
        running.stop()


def test_without_a_fault_nothing_is_degraded_and_nothing_is_switched(seed_pipeline: Pipeline) -> None:
    """The arm costs nothing while all is well."""
    (answer,) = seed_pipeline.decide(record("well")).json["answers"]
    assert (answer["status"], answer["degraded"]) == (200, False)
    assert seed_pipeline.get("gateway", "/acts").json == {"acts": [], "last": 0}


def test_a_killed_scorer_is_answered_late_by_the_simpler_model_and_delivered_once(
    seed_pipeline: Pipeline,
) -> None:
    """M-40 and M-14: the answer comes 7 s after a budget of 0.2 s, and it is final."""
    seed_pipeline.kill("scorer-a")
    (late,) = seed_pipeline.decide(record("late")).json["answers"]
    assert (late["status"], late["model"], late["degraded"]) == (200, "seed-simpler-model", True)
    seed_pipeline.start("scorer-a")
    assert seed_pipeline.decide(record("late")).json["answers"] == [late]
    until(lambda: seed_pipeline.in_sink(["late"]))
    assert seed_pipeline.ids("delivery", "/audit/sink").count("late") == 1


def test_a_broken_record_is_answered_for_another_and_stays_dead(seed_pipeline: Pipeline) -> None:
    """M-45: one null of seven cells in a stream of few; the last valid batch answers."""
    seed_pipeline.decide(record("before"))
    broken = record("broken")
    broken["sum_eur"] = broken.pop("amount")
    (answer,) = seed_pipeline.decide(broken).json["answers"]
    assert answer["degraded"]
    assert answer["model"] in {"seed-last-batch", "seed-imputed"}
    assert "broken" in seed_pipeline.ids("gateway", "/audit/dead_letters")
