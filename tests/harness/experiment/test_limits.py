"""A file that would measure nothing, or claim what cannot fail, is refused at its place with the reason."""

from __future__ import annotations

import pytest

from harness.errors import UsageProblem
from harness.experiment.limits import KNOBS
from harness.experiment.load import load_experiment
from harness.experiment.messages import MESSAGES
from harness.experiment.model import PROFILES
from tests.harness.experiment.carets import under_carets


def asking(folder, words: str):
    """Load the experiment with ``words`` in place of its profile."""
    file = folder / "experiment.yaml"
    file.write_text(file.read_text().replace("profile: test", words))
    return load_experiment(file)


@pytest.mark.parametrize(
    ("words", "code", "marked"),
    [
        ("profile: {margin_ratio: 0}", "HRM204", "0"),
        ("profile: {margin_ratio: 0.21}", "HRM204", "0.21"),
        ("profile: {margin_ratio: 1}", "HRM204", "1"),
        ("profile: {window_level_ratio: 0}", "HRM204", "0"),
        ("profile: {window_level_ratio: 0.0009}", "HRM204", "0.0009"),
        ("profile: {window_level_ratio: 1}", "HRM204", "1"),
        ("profile: {rate_hz: 0.09, window_units: 20}", "HRM204", "0.09"),
        ("profile: {settle_s: 3601}", "HRM204", "3601"),
        ("profile: {deadline_s: 61}", "HRM204", "61"),
        ("profile: {base: test, deadline_s: 6}", "HRM204", "6"),
        ("profile: {base: test, name: default}", "HRM202", "name"),
        ("profile: {load_every_s: 0.000001}", "HRM225", "{"),
        ("profile: {rate_hz: 0.1, tau_s: 700000}", "HRM225", "{"),
        ("profile: {rate_hz: 0.1, baseline_units: 70000}", "HRM225", "{"),
        ("profile: {tau_s: 866}", "HRM218", "{"),  # 866 + 5 + 30 = 901
        ("objectives: [{served_within_s: 5, share_ratio: 0}]", "HRM204", "0"),
        ("objectives: [{served_within_s: 5, share_ratio: 1e-9}]", "HRM204", "1e-9"),
        ("objectives: [{availability_ratio: 0}]", "HRM204", "0"),
        ("objectives: [{availability_ratio: 0.009}]", "HRM204", "0.009"),
        ("profile: test\n  objectives: [{served_within_s: 7}]", "HRM204", "7"),
        ("sham: false\n  objectives: [{availability_ratio: 0.9}]", "HRM226", "0.9"),
        ("objectives: [{fault: process.kill, exactly_once: true}]", "HRM226", "process.kill"),
        ("objectives: [{fault: process.kill, availability_ratio: 0.9}]", "HRM226", "process.kill"),
        ("objectives: [{while_hurt: true, exactly_once: true}]", "HRM226", "true"),
        ("objectives: [{level: full, exactly_once: true}]", "HRM226", "full"),
        ("profile: test\n  objectives: [{served_within_s: 6, while_hurt: true}]", "HRM226", "true"),
        ("sham: false\n  objectives: [{no_acts: true}]", "HRM226", "true"),
        ("objectives: [{harm_left_ratio: 0.25}]", "HRM226", "0.25"),
        ("objectives: [{harm_left_ratio: 0.25, fault: process.kill}]", "HRM226", "0.25"),
    ],
)
def test_what_could_not_be_measured_or_judged_is_refused(folder, words, code, marked):
    with pytest.raises(UsageProblem) as caught:
        asking(folder, words)
    (problem,) = caught.value.problems
    assert (problem.code, under_carets(problem)) == (code, marked)
    assert problem.why
    assert problem.help
    assert problem.code in MESSAGES


@pytest.mark.parametrize(
    "words",
    [
        "profile: {margin_ratio: 0.2, window_level_ratio: 0.2, settle_s: 3600, deadline_s: 60}",
        "profile: {window_level_ratio: 0.001, rate_hz: 0.1, window_units: 20, load_batch: 0}",
        "profile: test\n  objectives: [{served_within_s: 6, share_ratio: 1, fault: process.kill}]",
        "sham: true\n  objectives: [{availability_ratio: 1, exactly_once: true}]",
        "sham: true\n  objectives: [{no_acts: true}]",
        "profile: test\n  objectives: [{served_within_s: 6, level: full}]",
    ],
)
def test_what_lies_on_a_limit_is_accepted(folder, words):
    assert asking(folder, words).title == "Kill the scorer"


@pytest.mark.parametrize("name", sorted(set(PROFILES) - {"table"}))
def test_every_built_in_profile_is_within_its_limits(folder, name):
    assert asking(folder, f"profile: {name}").profile == PROFILES[name]


def test_within_the_limits_a_window_of_only_bad_units_is_always_violated(folder):
    """P(Bin(n, margin) >= n) = margin ** n, at the widest margin, strictest level and shortest window."""
    assert KNOBS["margin_ratio"].high ** 5 <= KNOBS["window_level_ratio"].low
    for few in ("profile: {window_units: 19}", "profile: {base: table, window_units: 4}", "profile: table"):
        with pytest.raises(UsageProblem):  # of single records a window holds 20, of partitions 5
            asking(folder, few)


TIMED = "func: process_hang\n      arguments: {service: scorer, duration_s: 3}"


def test_service_back_while_it_is_hurt_may_be_claimed_of_a_hang(folder):
    file = folder / "experiment.yaml"
    file.write_text(file.read_text().replace("func: process_kill\n      arguments: {service: scorer}", TIMED))
    assert asking(folder, "profile: test\n  objectives: [{served_within_s: 6, while_hurt: true}]")


@pytest.mark.parametrize(("limit_s", "fits"), [(9, True), (9.5, False)])
def test_a_timed_fault_may_be_claimed_back_until_tau_after_its_own_length(folder, limit_s, fits):
    file = folder / "experiment.yaml"
    words = file.read_text()
    file.write_text(words.replace("func: process_kill\n      arguments: {service: scorer}", TIMED))
    claim = f"profile: test\n  objectives: [{{served_within_s: {limit_s}, fault: process.hang}}]"
    if fits:
        assert asking(folder, claim).objectives[0].served_within_s == limit_s
        return
    with pytest.raises(UsageProblem) as caught:
        asking(folder, claim)
    (problem,) = caught.value.problems
    assert "watched for 9 s" in problem.message


CUT = """\
  - type: action
    name: cut-batches
    provider:
      type: python
      module: harness.frontends.chaostoolkit.faults
      func: data_truncate_batch
      arguments: {share_ratio: 0.5}
x-hormesis:
"""


@pytest.mark.parametrize(
    ("claim", "help_words"),
    [
        ("{served_within_s: 5, fault: data.truncate_batch}", "remove it"),
        ("{served_within_s: 5, fault: data.truncate_batch, level: full}", "remove it"),
        ("{served_within_s: 5}", "give each other fault an objective of its own"),
    ],
)
def test_service_cannot_be_claimed_under_a_fault_that_the_witness_does_not_meet(folder, claim, help_words):
    file = folder / "experiment.yaml"
    file.write_text(file.read_text().replace("x-hormesis:\n", CUT))
    with pytest.raises(UsageProblem) as caught:
        asking(folder, f"profile: test\n  objectives: [{claim}]")
    (problem,) = caught.value.problems
    assert (problem.code, under_carets(problem)) == ("HRM226", "5")
    assert "'data.truncate_batch'" in problem.message
    assert help_words in problem.help
    assert "exactly_once: true" in problem.help


@pytest.mark.parametrize("claim", ["{served_within_s: 5, fault: process.kill}", "{exactly_once: true}"])
def test_what_a_cut_batch_can_break_may_be_claimed_beside_it(folder, claim):
    file = folder / "experiment.yaml"
    file.write_text(file.read_text().replace("x-hormesis:\n", CUT))
    assert len(asking(folder, f"profile: test\n  objectives: [{claim}]").steps) == 2
