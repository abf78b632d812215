"""What a tracking server is told of a campaign: parameters, figures and tags of one run of its own. Pure.

Comes in: a ``Document``. Goes out: ``Tracked``, in words that such servers take. What is not known is not
there: a median below its minimum n, an end that the data leave open; of a campaign that is VOID or UNSAFE no
figure is told but the verdict's code.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from harness.estimates.model import Quantile
from harness.estimates.points import Score
from harness.report.document import Document
from harness.report.shown import ShownClass, label, shown

NAME_MAX, TEXT_MAX = 60, 500
ID_TAG = "hormesis.campaign_sha256"
"""Which campaign it is, in letters that a search can be asked for."""
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_. -]")
_Figure = tuple[str, float | None]


@dataclass(frozen=True, slots=True)
class Tracked:
    """``name`` of the run; ``group``: what is tracked together, one system's runs on one target."""

    name: str
    group: str
    params: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]


def tracked(document: Document) -> Tracked:
    """Take out of a document what is tracked."""
    asked, verdict = document.inputs, document.verdict
    figures: list[_Figure] = [("verdict_exit_code", float(verdict.exit_code))]
    if verdict.word not in ("VOID", "UNSAFE"):
        figures += [figure for one in shown(document).classes for figure in _recovery(one)]
        figures += [figure for score in document.scores for figure in _points(score)]
    plans = msgspec.json.encode(document.inputs.plan_sha256)
    params = {
        "seed": str(asked.seed),
        "system": asked.system,
        "target": asked.target,
        "profile": asked.profile.name,
        "scenario": asked.scenario,
        "experiment_file": asked.experiment_file,
        "experiment_sha256": asked.experiment_sha256,
        "scenario_sha256": asked.scenario_sha256,
        "plans_sha256": hashlib.sha256(plans).hexdigest(),
        "harness_version": asked.harness_version,
        "machine": asked.machine,
    }
    return Tracked(
        name=label(document.campaign),
        group=f"hormesis {_name(asked.system)} {_name(asked.target)}",
        params={key: label(text)[:TEXT_MAX] for key, text in params.items() if text},
        metrics={name: value for name, value in figures if value is not None and math.isfinite(value)},
        tags={
            "hormesis.campaign": label(document.campaign),
            ID_TAG: hashlib.sha256(document.campaign.encode("utf-8", "surrogatepass")).hexdigest(),
            "hormesis.experiment": label(asked.title),
            "hormesis.verdict": verdict.word,
            "hormesis.why": label(verdict.why)[:TEXT_MAX],
            "hormesis.started_utc": label(asked.started_utc),
        },
    )


def _recovery(one: ShownClass) -> Iterator[_Figure]:
    place = (f"{one.fault} {one.subject}".strip(), one.arm, one.restart_profile)
    yield _key("episodes", *place), float(one.n)
    yield _key("recovered_in_time", *place), float(one.recovered.k) if one.recovered.n else None
    if _is_known(one.median):
        # Beyond the horizon nothing was watched: a lower end there is the horizon, for it is at least that.
        low_s = one.tau_s if one.median.low_s is None else one.median.low_s
        yield _key("recovery_median_s", *place), one.median.value_s
        yield _key("recovery_median_low_s", *place), low_s
        yield _key("recovery_median_high_s", *place), one.median.high_s


def _is_known(found: Quantile) -> bool:
    return found.n >= max(1, found.needs_n)


def _points(score: Score) -> Iterator[_Figure]:
    if score.word:
        return  # not published, and why stands in the report
    place = (score.arm, score.restart_profile)
    yield _key("score_points", *place), score.points.mean
    yield _key("score_points_low", *place), score.points.low
    yield _key("score_points_high", *place), score.points.high


def _key(figure: str, *place: str) -> str:
    return "/".join((figure, *map(_name, place)))


def _name(text: str) -> str:
    """Make a part of a name of letters that servers take, and keep it apart from others that look the same.

    >>> _name("network.latency gateway-scorer-a"), _name("a/b")
    ('network.latency gateway-scorer-a', 'a_b c14cddc0')
    """
    plain = _NOT_IN_NAMES.sub("_", text)[:NAME_MAX]
    return (
        plain
        if plain == text
        else f"{plain[:40]} {hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
    )
