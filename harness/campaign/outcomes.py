"""Rows of a campaign -> what a gate weighs: one arm, pair by pair. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from harness.campaign.model import EpisodeRow, Question, RunRow
from harness.campaign.tally import EPS_MS, twin_of
from harness.experiment.model import Arm
from harness.verdict.baseline import Kind
from harness.verdict.outcomes import Recovery, RunOutcome

_HOUR_MS = 3_600_000


def gated_arm(question: Question) -> Arm:
    """The arm that is judged: the one that the file names, else its first."""
    return question.gate.arm or question.arms[0]


def kind_of(question: Question) -> Kind:
    """What another campaign must share with this one to be compared with it."""
    return Kind(
        pack_sha256=question.pack_sha256,
        system=question.system,
        arm=gated_arm(question),
        target="simulation",
        fidelity=question.fidelity,
        pace=question.pace,
        harness_version=question.harness_version,
    )


def outcomes(campaign: str, arm: str, rows: Iterable[RunRow]) -> tuple[RunOutcome, ...]:
    """Weighable outcomes of ``arm``, in the order of pairs; ``campaign`` names them.

    A run of which nothing is known has all faults that its restart profile has elsewhere, each void. Last
    come runs of other arms, and shams alone, that left no clean state: nothing else is weighed of them.
    """
    pairs: dict[int, list[RunRow]] = {}
    for row in rows:
        pairs.setdefault(row.pair, []).append(row)
    hurt = [row for runs in pairs.values() for row in runs if row.arm == arm and not row.sham]
    labels: dict[str, dict[str, None]] = {}
    for row in hurt:
        labels.setdefault(row.restart_profile, {}).update(dict.fromkeys(_label(row, e) for e in row.episodes))
    weighed = {(row.pair, arm, row.restart_profile) for row in hurt}
    unclean = (row for runs in pairs.values() for row in runs if row.unsafe)
    return (
        *(_outcome(campaign, row, pairs[row.pair], labels[row.restart_profile]) for row in hurt),
        *(
            RunOutcome(name=f"{campaign} {row.name()}", unsafe=True)
            for row in unclean
            if (row.pair, row.arm, row.restart_profile) not in weighed
        ),
    )


def _outcome(campaign: str, row: RunRow, pair: Sequence[RunRow], labels: Mapping[str, None]) -> RunOutcome:
    own = [one for one in pair if (one.arm, one.restart_profile) == (row.arm, row.restart_profile)]
    seen = [one for one in own if one.sees_acts and not one.why]
    return RunOutcome(
        name=f"{campaign} {row.name()}",
        recoveries=tuple(_recoveries(row, labels)),
        harmed=_harmed(row, twin_of(pair, row)),
        false_heals=sum(one.false_heals for one in seen) if seen else None,
        quiet_h=sum(one.unbroken_ms for one in seen) / _HOUR_MS,
        exactly_once=_once(own),
        unsafe=any(one.unsafe for one in own),
    )


def _recoveries(row: RunRow, labels: Mapping[str, None]) -> Iterator[Recovery]:
    """The slowest of each class; what nothing met is left out."""
    for label in labels:
        found = [one for one in row.episodes if _label(row, one) == label]
        if row.why or any(one.void for one in found):
            yield Recovery(label=label, time_s=None, void=True)
            continue
        met = [one for one in found if one.is_met]
        if met:
            times = [_time_s(one) for one in met]
            back = [time_s for time_s in times if time_s is not None]
            kept = [one.kept_ppm / 1e6 for one in met if one.kept_ppm is not None]
            yield Recovery(
                label=label,
                time_s=max(back) if len(back) == len(times) else None,
                kept_ratio=sum(kept) / len(kept) if len(kept) == len(met) else None,
            )


def _time_s(episode: EpisodeRow) -> float | None:
    if episode.impact_ms is None:
        return 0.0
    return None if episode.recovered_ms is None else episode.recovered_ms / 1000


def _label(row: RunRow, episode: EpisodeRow) -> str:
    return f"{episode.kind} {episode.subject}, {row.restart_profile}"


def _harmed(row: RunRow, twin: Mapping[int, EpisodeRow]) -> bool | None:
    """One fault that was harmed is enough; that none was is known where each that shows something can be
    compared.
    """
    if row.why:
        return None
    shown = [one for one in row.episodes if one.void or one.is_met]
    pairs = [(one, twin[one.index]) for one in shown if one.index in twin and not one.void]
    if any(one.lost_ms - other.lost_ms > EPS_MS for one, other in pairs):
        return True
    return False if pairs and len(pairs) == len(shown) else None


def _once(runs: Sequence[RunRow]) -> bool | None:
    told = {run.exactly_once for run in runs}
    return False if False in told else None if None in told else True
