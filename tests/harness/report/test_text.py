"""The end of a run on a terminal."""

import re

import msgspec
import pytest

from harness.estimates.counts import HarmCount
from harness.report import html, text
from harness.report.document import Document

WORDS = ["DONE", "PASS", "FAIL", "INCONCLUSIVE", "VOID", "UNSAFE"]


@pytest.mark.parametrize("word", WORDS)
def test_the_word_stands_first_and_the_reason_next(make, word):
    document = make(word=word, n=2)
    lines = text.render(document).splitlines()
    assert lines[0].split()[0] == word
    assert document.verdict.why.startswith(lines[1])
    assert lines[-1] == f"next: {document.verdict.next}"


@pytest.mark.parametrize("width", [60, 80, 132])
def test_no_line_but_a_command_is_wider_than_the_terminal(make, width):
    for line in text.render(make(word="FAIL", n=10, faults=4), width=width).splitlines()[1:-1]:
        assert len(line) <= width


def test_the_demo_fits_on_a_small_screen(make):
    assert 10 <= len(text.render(make(n=1)).splitlines()) <= 25


def test_plain_output_holds_no_escape_and_coloured_output_says_the_same(make):
    document = make(word="FAIL", n=2)
    plain, coloured = text.render(document), text.render(document, colour=True)
    assert "\x1b" not in plain
    assert "\x1b[31m" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == plain


@pytest.mark.parametrize("word", WORDS)
def test_a_plain_terminal_gets_ascii_only_and_no_letter_is_lost(make, word):
    shown = text.render(make(word=word, n=10), ascii_only=True)
    assert shown.isascii()
    assert "? ?" not in shown.replace("INCONCLUSIVE", "")


def test_each_claim_has_its_sign_and_its_evidence(make):
    shown = text.render(make(word="FAIL", n=10))
    assert re.search(r"^✕ process\.hang: .*0 of 10$", shown, re.M)
    assert re.search(r"^✓ process\.kill: .*10 of 10$", shown, re.M)


def test_one_episode_is_shown_beside_what_a_median_needs(make):
    assert re.search(r"\d+ ms \(needs 1/6\)", text.render(make(n=1)))


def test_a_broken_check_of_the_instrument_is_named(make):
    assert "✕ baseline met: 31 of 400 bad" in text.render(make(word="VOID", n=1))
    assert "every check ok" not in text.render(make(word="VOID", n=1))


def test_a_campaign_without_a_class_says_so(make):
    document = make(word="VOID", n=1)
    empty = msgspec.structs.replace(document.estimates, classes=())
    assert "no class of fault" in text.render(msgspec.structs.replace(document, estimates=empty))


@pytest.mark.parametrize("hostile", ["\x1b]0;owned\x07\x1b[2J", "a\r\nb\x00", "\u202egnp.exe", "y" * 10_000])
def test_a_hostile_string_cannot_write_to_the_terminal(make, hostile):
    data = msgspec.json.encode(make(word="FAIL", n=1)).decode()
    document = msgspec.json.decode(data, type=Document)
    inputs = msgspec.structs.replace(document.inputs, system=hostile, target=hostile)
    verdict = msgspec.structs.replace(document.verdict, why=hostile, next=hostile)
    classes = tuple(
        msgspec.structs.replace(c, fault=hostile, service=hostile, arm=hostile, ended_by={hostile: 1})
        for c in document.estimates.classes
    )
    estimates = msgspec.structs.replace(document.estimates, classes=classes)
    shown = text.render(
        msgspec.structs.replace(document, inputs=inputs, verdict=verdict, estimates=estimates)
    )
    assert all(c.isprintable() or c == "\n" for c in shown)
    assert len(shown.splitlines()) <= 25
    assert max(map(len, shown.splitlines())) <= 410


def test_where_horizons_differ_each_fault_names_its_own(make):
    document = make(n=1)
    first, *others = document.estimates.classes
    timed = msgspec.structs.replace(first, tau_s=first.tau_s + 4, fault="network.latency", lasts_s=4.0)
    estimates = msgspec.structs.replace(document.estimates, classes=(timed, *others))
    shown = text.render(msgspec.structs.replace(document, estimates=estimates))
    assert re.search(rf"^network\.latency \S+, watched for {timed.tau_s:g} s$", shown, re.M)
    assert re.search(rf"^process\.\w+ \S+, watched for {first.tau_s:g} s$", shown, re.M)
    assert "back in time" in shown
    assert f"back in {first.tau_s:g} s" in text.render(document)


def test_the_loss_of_an_outage_that_outlived_the_horizon_is_at_least_that(make):
    document = make(n=1, faults=1)
    lost = {c.arm: f"{c.lost_s.mean:.1f} s" for c in document.estimates.classes}
    shown = text.render(document)
    assert re.search(rf"^  bare.* > {re.escape(lost['bare'])} ", shown, re.M)
    assert not re.search(r"^  none.*>", shown, re.M)


def test_full_service_that_was_never_away_is_always_and_what_was_not_counted_is_not(make):
    document = make(n=1, faults=1)
    nothing = document.estimates.classes[0].impact

    def shown(n):
        full = msgspec.structs.replace(nothing, k=0, n=n)
        classes = tuple(
            msgspec.structs.replace(c, full_impact=full, full_recovered_s=())
            for c in document.estimates.classes
        )
        estimates = msgspec.structs.replace(document.estimates, classes=classes)
        return msgspec.structs.replace(document, estimates=estimates)

    assert text.render(shown(1)).count(" always") == 2
    assert "always" not in text.render(shown(0))
    assert html.render(shown(1)).count("<small>full: always</small>") == 2


def test_an_adjusted_profile_is_named_shortly(make):
    document = make(n=1)
    profile = msgspec.structs.replace(document.inputs.profile, name="demo+hold_s+tau_s")
    inputs = msgspec.structs.replace(document.inputs, profile=profile)
    changed = msgspec.structs.replace(document, inputs=inputs)
    assert text.render(changed).splitlines()[0].endswith("profile demo, 2 changed")
    page = html.render(changed)
    assert "demo; changed: hold_s, tau_s" in page
    assert "demo+" not in page


def test_each_arm_tells_its_false_heals_and_an_old_report_none(make):
    document = make(n=1)
    told = " ".join(text.render(document).split())
    assert "false heals: none, fast 0 in 0.1 h (at most 30 an hour); bare, fast 0 in 0.1 h" in told
    arms = tuple(msgspec.structs.replace(a, false_heals=None) for a in document.estimates.arms)
    estimates = msgspec.structs.replace(document.estimates, arms=arms)
    assert "false heals" not in text.render(msgspec.structs.replace(document, estimates=estimates))


def test_harm_by_the_platform_is_told_on_the_terminal_and_on_the_page(make):
    document = make(n=2)
    plain = text.render(document)
    assert "harm by the platform" not in plain
    harms = (
        HarmCount(service="one", what="gave up", times=1, runs=1),
        HarmCount(service="two", what="took down", times=3, runs=2),
    )
    arms = tuple(msgspec.structs.replace(arm, platform_harms=harms) for arm in document.estimates.arms[:1])
    estimates = msgspec.structs.replace(document.estimates, arms=arms)
    harmed = msgspec.structs.replace(document, estimates=estimates)
    told = " ".join(text.render(harmed).split())
    words = "gave up on one once in 1 run; took down two 3 times in 2 runs"
    assert f"harm by the platform: {arms[0].arm}, {arms[0].restart_profile} {words}" in told
    assert words in html.render(harmed)
