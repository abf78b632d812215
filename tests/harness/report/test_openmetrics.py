"""OpenMetrics: read again by the parsers that scrapers use; a sample is a figure that exists."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as strict_families
from prometheus_client.parser import text_string_to_metric_families as lax_families

from harness.estimates.counts import Rate
from harness.report.openmetrics import openmetrics
from harness.report.shown import shown as of_document
from harness.report.words import inert
from tests.harness.report.outputs_kit import HOSTILE, NO_MEAN, arm, one, poisoned, shown

OWN = {"system": "fraud", "target": "local", "experiment": "Kill one"}
KILL = {"class": "process.kill scorer-a", "arm": "reference", "restart_profile": "fast"}


def samples(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Samples by metric, without the labels that all have; both formats of the line are read alike."""
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in strict_families(text):
        assert family.type == "gauge"
        assert family.documentation
        for sample in family.samples:
            own = {key: sample.labels[key] for key in OWN}
            rest = {key: value for key, value in sample.labels.items() if key not in own}
            found.setdefault(sample.name, []).append((rest, sample.value))
    assert {s.name for family in lax_families(text) for s in family.samples} == set(found)
    return found


def by_bound(found: list[tuple[dict[str, str], float]], **labels: str) -> dict[str, float]:
    return {own["bound"]: value for own, value in found if labels.items() <= own.items()}


@pytest.mark.parametrize("word", ["PASS", "DONE", "FAIL", "INCONCLUSIVE", "VOID", "UNSAFE"])
def test_the_verdict_is_one_for_its_word_and_zero_for_all_others(word):
    told = {own["word"]: value for own, value in samples(openmetrics(shown(word=word)))["hormesis_verdict"]}
    assert told == {
        one: float(one == word) for one in ("PASS", "DONE", "FAIL", "INCONCLUSIVE", "VOID", "UNSAFE")
    }


def test_every_sample_says_of_what_it_is():
    for family in strict_families(openmetrics(shown(one(1.0)))):
        for sample in family.samples:
            assert OWN.items() <= sample.labels.items()


def test_recovery_is_told_with_its_interval_once_there_are_enough_episodes():
    found = samples(openmetrics(shown(one(*[1.5] * 20, *[2.5] * 20))))["hormesis_recovery_seconds"]
    assert by_bound(found, quantile="0.5", **KILL) == {"value": 2.0, "lower": 1.5, "upper": 2.5}
    assert by_bound(found, quantile="0.9", **KILL) == {"value": 2.5, "lower": 2.5, "upper": 2.5}


def test_a_quantile_below_its_least_number_has_no_sample():
    found = samples(openmetrics(shown(one(*[1.5] * 20))))["hormesis_recovery_seconds"]
    assert {own["quantile"] for own, _ in found} == {"0.5"}
    assert "hormesis_recovery_seconds" not in samples(openmetrics(shown(one(1.5))))
    assert "hormesis_recovery_seconds" not in samples(openmetrics(shown(one())))


def test_what_lies_beyond_the_horizon_has_no_value_a_lower_bound_and_an_open_end():
    found = samples(openmetrics(shown(one(*[1.5] * 30, *[None] * 10))))["hormesis_recovery_seconds"]
    assert by_bound(found, quantile="0.5") == {"value": 1.5, "lower": 1.5, "upper": 1.5}
    assert by_bound(found, quantile="0.9") == {"lower": 10.0, "upper": math.inf}
    never = samples(openmetrics(shown(one(*[None] * 6))))
    assert by_bound(never["hormesis_recovery_seconds"]) == {"lower": 10.0, "upper": math.inf}
    assert never["hormesis_recovery_horizon_seconds"] == [(KILL, 10.0)]


def test_never_recovered_is_the_share_that_was_not_back_with_the_ends_the_right_way_round():
    found = samples(openmetrics(shown(one(*[1.5] * 9, None))))["hormesis_never_recovered_ratio"]
    told = by_bound(found, **KILL)
    assert told["value"] == pytest.approx(0.1)
    assert told["lower"] == pytest.approx(0.002529, abs=1e-6)  # Clopper-Pearson of 1 in 10
    assert told["upper"] == pytest.approx(0.445016, abs=1e-6)


def test_a_class_without_impact_says_nothing_about_recovery():
    found = samples(openmetrics(shown(one(n=5))))
    assert not found.keys() & {"hormesis_recovery_seconds", "hormesis_never_recovered_ratio"}
    assert ({**KILL, "state": "met"}, 5.0) in found["hormesis_episodes"]


def test_needless_heals_have_their_bound_and_none_where_nobody_could_see():
    found = samples(openmetrics(shown()))["hormesis_needless_heals_per_hour"]
    assert by_bound(found) == {"value": 0.5, "upper": 2.37}
    blind = Rate(k=0, hours=0.0, per_h=None, upper_per_h=None, blind=4)
    clustered = Rate(k=9, hours=1.0, per_h=9.0, upper_per_h=None, clustered=True)
    for heals, told in ((blind, {}), (None, {}), (clustered, {"value": 9.0})):
        name = "hormesis_needless_heals_per_hour"
        assert by_bound(samples(openmetrics(shown(arms=(arm(false_heals=heals),)))).get(name, [])) == told


def test_availability_is_told_with_and_without_faults_and_only_where_it_was_measured():
    found = samples(openmetrics(shown()))["hormesis_availability_ratio"]
    assert by_bound(found, faults="no") == {"value": 0.999, "lower": 0.998, "upper": 1.0}
    assert by_bound(found, faults="yes") == {"value": 0.9}
    bare = samples(openmetrics(shown(arms=(arm(sham=NO_MEAN, faulted=None),))))
    assert "hormesis_availability_ratio" not in bare


@pytest.mark.parametrize("word", ["VOID", "UNSAFE"])
def test_of_a_campaign_that_cannot_be_trusted_no_figure_is_told(word):
    found = samples(openmetrics(shown(one(*[1.5] * 40), word=word)))
    assert set(found) == {"hormesis_verdict", "hormesis_last_run_timestamp_seconds", "hormesis_episodes"}


def test_the_last_run_is_told_as_unix_time_and_not_at_all_where_it_is_not_known():
    name = "hormesis_last_run_timestamp_seconds"
    began = datetime(2026, 1, 1, 0, 0, 10, 500_000, tzinfo=UTC).timestamp()
    assert samples(openmetrics(shown()))[name] == [({}, began)]
    for text in ("", "yesterday", "2026-01-01T00:00:10", "\x00"):
        assert name not in samples(openmetrics(shown(started_utc=text)))


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda text: ascii(text[:20]))
def test_what_others_wrote_stays_in_its_label(hostile):
    text = openmetrics(poisoned(hostile))
    found = samples(text)
    clean = samples(openmetrics(poisoned("name")))
    assert {name: len(one) for name, one in found.items()} == {name: len(one) for name, one in clean.items()}
    assert all(letter.isprintable() or letter == "\n" for letter in text)
    assert max(map(len, text.splitlines())) < 1500
    classes = {own["class"] for own, _ in found["hormesis_episodes"]}
    assert len(classes) == 3
    if len(hostile) < 50:
        assert any(inert(f"0{hostile} {hostile}") in name for name in classes)


@pytest.mark.parametrize("word", ["PASS", "DONE", "FAIL", "INCONCLUSIVE", "VOID", "UNSAFE"])
def test_a_real_document_is_read(make, word):
    found = samples(openmetrics(of_document(make(word=word, n=8))))
    assert ({"word": word}, 1.0) in found["hormesis_verdict"]
    assert ("hormesis_recovery_seconds" in found) == (word not in ("VOID", "UNSAFE"))
