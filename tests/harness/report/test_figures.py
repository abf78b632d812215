"""A figure is printed with its interval, or the reason why there is none."""

import pytest

from harness.estimates.model import Mean, Quantile, Share
from harness.report import figures
from harness.report.lengths import per_cent, seen_text


def quantile(**change):
    known = {
        "q": 0.9,
        "n": 40,
        "needs_n": 36,
        "value_s": 1.5,
        "low_s": 1.0,
        "high_s": 2.5,
        "coverage_ratio": 0.96,
    }
    return Quantile(**{**known, **change})


def test_a_quantile_with_too_few_runs_says_how_many_it_needs():
    figure = figures.quantile_figure(quantile(n=6, value_s=None, low_s=None, high_s=None), 10.0)
    assert figure.value == "needs 6 / 36"
    assert figure.quiet


def test_too_few_runs_never_print_a_value_even_if_one_is_there():
    assert "1.5" not in str(figures.quantile_figure(quantile(n=6), 10.0))


def test_few_single_recoveries_are_listed_and_many_are_not():
    assert seen_text((None, 0.2)) == "seen: 200 ms, not back"
    assert seen_text((0.2,) * 5) == ""


def test_a_quantile_beyond_the_horizon_is_no_number_of_seconds():
    figure = figures.quantile_figure(quantile(value_s=None, high_s=None), 10.0)
    assert (figure.value, figure.small) == ("> 10 s", "1.0 s–∞")


def test_no_episode_with_impact_is_not_a_zero():
    assert figures.quantile_figure(quantile(n=0), 10.0).value == "–"
    nothing = Share(k=0, n=0, low_ratio=0.0, high_ratio=1.0)
    assert figures.share_figure(nothing, "not observable").value == "not observable"


def test_a_share_without_any_knowledge_of_its_interval_prints_none():
    dependent = Share(k=61, n=61, low_ratio=0.0, high_ratio=1.0)
    assert figures.share_figure(dependent, "not measured") == figures.Figure("61 / 61")


def test_one_run_gives_a_mean_without_an_interval():
    figure = figures.mean_seconds(Mean(n=1, mean=2.0, low=None, high=None), "not measured")
    assert (figure.value, figure.small) == ("2.0 s", "one run: no interval")


def test_no_run_gives_no_mean():
    assert figures.mean_percent(Mean(n=0, mean=None, low=None, high=None), "not run").value == "not run"


def test_a_loss_prevented_may_be_negative_and_shows_a_minus():
    figure = figures.mean_seconds(Mean(n=4, mean=-0.5, low=-1.25, high=0.25), "not measured")
    assert (figure.value, figure.small) == ("−500 ms", "−1.2 s to 250 ms")


@pytest.mark.parametrize(
    ("ratio", "low", "high"),
    [
        (0.0, "0", "0"),
        (0.000001, "0.0001", "0.1"),
        (0.000844, "0.08", "0.1"),
        (0.025, "2.5", "2.5"),
        (0.07, "7.0", "7.0"),
        (0.168433, "16", "17"),
        (0.69, "69", "69"),
        (0.827831, "82", "83"),
        (0.999, "99", "99.9"),
        (0.999156, "99", "99.92"),
        (1.0, "100", "100"),
    ],
)
def test_bounds_of_shares_are_short_and_rounded_outwards(ratio, low, high):
    assert (per_cent(ratio, up=False), per_cent(ratio, up=True)) == (low, high)


def test_an_interval_never_reaches_what_was_seen_not_to_be():
    one_lost = Share(k=29, n=30, low_ratio=0.827831, high_ratio=0.999156)
    assert figures.share_figure(one_lost, "–") == figures.Figure("29 / 30", "82–99.92 %")
    one_back = Share(k=1, n=30, low_ratio=0.000844, high_ratio=0.172169)
    assert figures.share_figure(one_back, "–") == figures.Figure("1 / 30", "0.08–18 %")
