"""What a tracking server is told: figures that are known, in names it takes, none of what is not trusted."""

from __future__ import annotations

import math
import re

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from harness.report.compose import compose_campaign
from harness.report.tracked import ID_TAG, tracked
from tests.traps.histories import campaign_of, killed

NAMES = re.compile(r"[\w. /-]{1,250}", re.ASCII)


def document_of(n: int, **changes: object):
    return compose_campaign(campaign_of(*(killed(0.5 + 0.1 * i, pair=i, **changes) for i in range(n))))


def test_a_campaign_is_told_with_what_it_was_made_of_and_its_figures():
    document = document_of(6)
    told = tracked(document)
    (median,) = [value for key, value in told.metrics.items() if key.startswith("recovery_median_s/")]
    figure = document.estimates.classes[0].served_median
    assert median == figure.value_s
    assert "recovery_median_low_s/process.kill scorer-a/none/fast" in told.metrics
    assert told.metrics["verdict_exit_code"] == document.verdict.exit_code
    assert told.metrics["episodes/process.kill scorer-a/none/fast"] == 6
    assert told.params["seed"] == str(document.inputs.seed)
    assert told.params["experiment_sha256"] == document.inputs.experiment_sha256
    assert told.tags["hormesis.verdict"] == document.verdict.word


def test_a_median_of_too_few_is_not_told():
    told = tracked(document_of(5))
    assert not [key for key in told.metrics if "median" in key]
    assert told.metrics["episodes/process.kill scorer-a/none/fast"] == 5


def test_of_what_is_void_only_the_verdict_is_told():
    told = tracked(document_of(6, state="void"))
    assert told.metrics == {"verdict_exit_code": 4.0}
    assert told.tags["hormesis.verdict"] == "VOID"


hostile = st.text(max_size=80)


@given(title=hostile, system=hostile, fault=hostile, campaign=hostile)
def test_whatever_names_say_the_server_takes_them_and_two_stay_two(title, system, fault, campaign):
    document = DOCUMENT
    one = document.estimates.classes[0]
    classes = (one, msgspec.structs.replace(one, fault=fault))
    told = tracked(
        msgspec.structs.replace(
            document,
            campaign=campaign,
            inputs=msgspec.structs.replace(document.inputs, title=title, system=system),
            estimates=msgspec.structs.replace(document.estimates, classes=classes),
        )
    )
    assert all(NAMES.fullmatch(name) for name in (*told.metrics, told.group))
    assert len([key for key in told.metrics if key.startswith("episodes/")]) == len({one.fault, fault})
    assert all(math.isfinite(value) for value in told.metrics.values())
    assert re.fullmatch(r"[0-9a-f]{64}", told.tags[ID_TAG])
    texts = (*told.params.values(), *told.tags.values())
    assert not any(len(text) > 500 or re.search(r"[\x00-\x1f\x7f\ud800-\udfff]", text) for text in texts)


DOCUMENT = document_of(6)
