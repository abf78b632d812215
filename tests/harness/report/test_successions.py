"""Kills in quick succession as the reports list them."""

from __future__ import annotations

from harness.faults.effects import Kill
from harness.history import events as ev
from harness.report import html, text
from harness.report.compose import compose_campaign
from harness.report.successions import OUTAGES_MAX, successions
from tests.traps.histories import SERVICE, Outage, Story, campaign_of, killed

EVERY_S = 0.8


def story(times: int, *, missed: int = 0) -> Story:
    """``times`` kills on their beat, each felt for 0.4 s but the last ``missed``, which met no process."""

    def again(told: list[ev.Event]) -> list[ev.Event]:
        (first,) = (event for event in told if isinstance(event, ev.Injected))
        return [*told, *(hit(first.effective_at_s, number) for number in range(2, times + 1))]

    def hit(first_s: float, number: int) -> ev.HitAgain:
        at_s = first_s + EVERY_S * (number - 1)
        pid = 0 if number > times - missed else 50 + number
        return ev.HitAgain(
            episode=0, number=number, asked_at_s=at_s - 0.001, effective_at_s=at_s, pid=pid, proof=("seen",)
        )

    outages = tuple(Outage(EVERY_S * i, EVERY_S * i + 0.4) for i in range(times - missed))
    return killed(outages=outages, effect=Kill(service=SERVICE, times=times, every_s=EVERY_S), events=again)


def test_each_outage_stands_in_the_reports_with_its_interval_and_its_instant() -> None:
    document = compose_campaign(campaign_of(story(3)))
    (one,) = successions(document)
    assert one.outages.startswith("3 kills; 3 outages: ")
    assert one.outages.count(" ms at ") == 3
    assert "process.kill scorer-a 3 times 0.8 s apart, none, fast, run r0001" in one.head
    for listed in one.outages.partition(": ")[2].split(", "):
        assert listed in " ".join(text.render(document).split())
        assert listed in html.render(document)


def test_a_kill_that_met_no_process_is_told() -> None:
    (one,) = successions(compose_campaign(campaign_of(story(3, missed=1))))
    assert one.outages.startswith("2 kills, 1 met no process; 2 outages: ")


def test_more_outages_than_fit_are_counted_and_not_left_out_in_silence() -> None:
    (one,) = successions(compose_campaign(campaign_of(story(OUTAGES_MAX + 3))))
    assert one.outages.startswith("23 kills; 23 outages: ")
    assert one.outages.endswith(" and 3 more in report.json")


def test_a_single_kill_and_a_void_run_list_nothing() -> None:
    assert successions(compose_campaign(campaign_of(killed()))) == ()
    assert successions(compose_campaign(campaign_of(killed(state="void")))) == ()
    assert successions(compose_campaign(campaign_of(story(3), story(3)))) != ()
