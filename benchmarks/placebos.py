"""Thirty minutes of each placebo and of sham in arm reference: how many acts where nothing is broken?

Thirty trials of a minute each of surge, slow batch and added field, with the very configuration that heals
the faults; trials of sham are the sham runs of part ``healing``, which are run in that configuration too. A
trial counts as a false heal if any observer or the supervisor's ledger shows an act in it. Wanted: none;
printed as k of n trials with its interval, and as an upper bound per hour. A trial that is void, or whose
acts could not have been seen, counts for no figure and against every bar.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks.healing import ROWS as HEALING_ROWS
from benchmarks.healing import variant
from benchmarks.healing_figures import Row
from benchmarks.shared import CLAIMS, commit_text, keep, refuse_a_changed_tree, share_out, stored
from harness.episodes.acts import BLIND_S_MAX, sees_acts
from harness.episodes.model import Episode, RunFacts
from harness.estimates.shares import share, upper_bound
from harness.experiment.model import Experiment, FaultStep
from harness.faults.effects import Kill
from harness.plan.schedule import forecast_s, make_plans
from harness.report.compose import compose
from harness.run.campaign import run_campaign

ROOT = Path(__file__).resolve().parents[1]
ROWS = ROOT / "benchmarks" / "results" / "placebos.rows.jsonl"

NAME = "placebos"
SEED = 40_02
REPETITIONS, LASTS_S = 30, 60.0
WANTED_S = 1800.0
SHAM, SURGE = "sham", "placebo.surge"
KINDS = (SHAM, "placebo.added_field", "placebo.slow_batch", SURGE)
BLIND = "an observer was blind"


class Trial(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One stretch of one placebo (or ``sham``). ``acted``: an act was seen in it; ``acts``: in its run.

    ``absorbed`` None: not looked for.
    """

    kind: str
    seed: int
    commit: str
    seconds: float
    void: str
    acted: bool
    acts: int
    blind_s: float
    absorbed: bool | None
    exactly_once: bool
    degraded_ratio: float


def _asked(lasts_s: float, *, sham: bool) -> Experiment:
    asked = variant("placebos", "reference", sham=sham)
    return msgspec.structs.replace(asked, steps=tuple(_lasting(step, lasts_s) for step in asked.steps))


def _lasting(step: FaultStep, lasts_s: float) -> FaultStep:
    if isinstance(step.effect, Kill):
        raise TypeError(f"{step.name} is no placebo")
    return msgspec.structs.replace(step, effect=msgspec.structs.replace(step.effect, duration_s=lasts_s))


FORECAST_S = forecast_s(make_plans(_asked(LASTS_S, sham=False), SEED)) * REPETITIONS


def run(full: bool) -> dict[str, object]:
    """Measure what is missing, then compute the figures; ``full`` false: one repetition, stored nowhere."""
    if not full:
        return bars_and_figures(measure(SEED, LASTS_S), wanted_s=LASTS_S)
    refuse_a_changed_tree()
    share_out(
        [SEED + repetition for repetition in range(REPETITIONS)],
        claims=CLAIMS / ".bars-placebos",
        done=lambda: {trial.seed for trial in stored(ROWS, Trial)},
        do=lambda seed: keep(ROWS, measure(seed, LASTS_S, sham=False)),
    )
    return bars_and_figures([*stored(ROWS, Trial), *_of_healing()], wanted_s=WANTED_S)


def _of_healing() -> list[Trial]:
    """The sham runs of part ``healing``, each as one trial."""
    rate_hz = variant("placebos", "reference", sham=True).profile.rate_hz
    return sham_trials(stored(HEALING_ROWS, Row), rate_hz)


def sham_trials(rows: Sequence[Row], rate_hz: float) -> list[Trial]:
    """Read sham runs in arm reference as trials; ``rate_hz``: their witness's units a second."""
    return [
        Trial(
            kind=SHAM,
            seed=row.seed,
            commit=row.commit,
            seconds=row.units / rate_hz,
            void=row.void or ("" if row.acts_seen else BLIND),
            acted=row.acts > 0,
            acts=row.acts,
            blind_s=row.blind_s,
            absorbed=None,
            exactly_once=row.exactly_once,
            degraded_ratio=row.degraded / row.units if row.units else 0.0,
        )
        for row in rows
        if row.sham and row.arm == "reference"
    ]


def measure(seed: int, lasts_s: float, *, sham: bool = True) -> list[Trial]:
    """Run the three placebos once, ``lasts_s`` seconds each, and their sham run; one trial each."""
    experiment = _asked(lasts_s, sham=sham)
    with tempfile.TemporaryDirectory(prefix="hormesis-bars-") as store:
        plans = make_plans(experiment, seed)
        folder = run_campaign(plans, experiment, store=Path(store), seed=seed, progress=_say)
        document = compose(folder)
    if len(document.runs) < 1 + sham:
        raise RuntimeError(f"{len(document.runs)} runs were made of {1 + sham}")
    return [
        Trial(
            kind=SHAM if run.sham else episode.kind,
            seed=seed,
            commit=commit_text(),
            seconds=lasts_s,
            void=run.void or run.unsafe or episode.void or _unseen(run, episode),
            acted=episode.acted_s is not None,
            acts=run.acts,
            blind_s=run.blind_s,
            absorbed=episode.served.impact_s is None,
            exactly_once=run.exactly_once is True,
            degraded_ratio=run.degraded_units / run.units if run.units else 0.0,
        )
        for run in document.runs
        for episode in run.episodes
    ]


def _unseen(run: RunFacts, episode: Episode) -> str:
    """Why nothing can be said of acts in this stretch, "" = it can."""
    if not sees_acts(run):
        return BLIND
    return "" if episode.exercised or run.sham else "nothing met the placebo"


def bars_and_figures(trials: Sequence[Trial], *, wanted_s: float) -> dict[str, object]:
    """Compute figures and bars; a kind without a trial misses its bars like one with a bad trial."""
    kinds = sorted({*KINDS, *(trial.kind for trial in trials)})
    sound = bool(trials) and not any(map(_why_void, trials))
    told = {kind: _kind([trial for trial in trials if trial.kind == kind]) for kind in kinds}
    return {
        "commits": dict(sorted(Counter(trial.commit for trial in trials).items())),
        "kinds": told,
        "bars": {
            **{f"{kind}: {wanted_s / 60:g} minutes": told[kind]["seconds"] >= wanted_s for kind in kinds},
            **{
                f"{kind}: no act": _no_act([trial for trial in trials if trial.kind == kind])
                for kind in kinds
            },
            "surge inside capacity: absorbed in every trial": _absorbed(trials, SURGE),
            "all four": {trial.kind for trial in trials} == set(KINDS),
            "no act in any run": sound and all(trial.acts == 0 for trial in trials),
            "exactly once": sound and all(trial.exactly_once for trial in trials),
        },
    }


def _why_void(trial: Trial) -> str:
    return trial.void or (BLIND if trial.blind_s > BLIND_S_MAX else "")


def _no_act(trials: Sequence[Trial]) -> bool:
    return bool(trials) and not any(trial.acted or _why_void(trial) for trial in trials)


def _absorbed(trials: Sequence[Trial], kind: str) -> bool:
    felt = [trial.absorbed is not True or bool(_why_void(trial)) for trial in trials if trial.kind == kind]
    return bool(felt) and not any(felt)


def _kind(trials: Sequence[Trial]) -> dict[str, object]:
    kept = [trial for trial in trials if not _why_void(trial)]
    acted, n = sum(trial.acted for trial in kept), len(kept)
    seconds = sum(trial.seconds for trial in kept)
    # Trials with an act per hour: the exact upper bound of the share, by the mean length of a trial.
    bound = upper_bound(acted, n) * 3600.0 / (seconds / n) if n else None
    return {
        "seconds": seconds,
        "void": len(trials) - n,
        "acted": msgspec.to_builtins(share(acted, n)),
        "acting_trials_per_hour_upper_95": bound,
        "blind_s": round(sum(trial.blind_s for trial in kept), 3),
        "absorbed": sum(trial.absorbed is True for trial in kept),
        "degraded_ratio_max": max((trial.degraded_ratio for trial in kept), default=None),
    }


def _say(line: str) -> None:
    print("    " + line, flush=True)
