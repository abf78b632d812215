"""Documents with plausible data for every verdict word, made from drawn episodes, never by hand."""

from __future__ import annotations

import functools
import hashlib

import msgspec
import numpy as np
import pytest

from harness.episodes.loss import Loss
from harness.episodes.model import Episode, Level, RunFacts
from harness.estimates.estimate import estimate
from harness.estimates.score import scores
from harness.experiment.model import PROFILES
from harness.experiment.rules import ScoreRules
from harness.report.document import Check, Document, Inputs
from harness.report.past import InputChange, Past, PastCampaign, PastClass, PastScore, Since
from harness.verdict.model import Claim, Verdict

SERVICES = ("scorer-a", "features", "gateway", "scorer-b", "delivery", "registry")
ABSORBED = {"scorer-b", "delivery", "registry"}
EXIT_CODES = {"PASS": 0, "DONE": 0, "FAIL": 1, "INCONCLUSIVE": 3, "VOID": 4, "UNSAFE": 6}
WHY = {
    "PASS": "Both objectives hold: back within 2 s in 90 % of kills, every id exactly once.",
    "DONE": "Everything was measured; the file has no objectives, so nothing is claimed.",
    "FAIL": "A hung scorer-a was not served again within 10 s in any episode; the file asks for 90 %.",
    "INCONCLUSIVE": "Too few episodes: the objective for process.kill needs 29 that all pass.",
    "VOID": "The baseline was not met in a run: 31 of 400 units were bad before anything was injected.",
    "UNSAFE": "A clean state was not proven: scorer-a is still stopped after the undo.",
}


def _quality(rng, profile, *, down, share_bad, bin_s):
    start_s, end_s = -2.0, profile.observe_s + 1.0
    middles = start_s + bin_s * (np.arange(round((end_s - start_s) / bin_s)) + 0.5)
    per_bin = max(1, round(profile.rate_hz * bin_s))
    values = 1.0 - rng.binomial(per_bin, 0.0005, len(middles)) / per_bin
    inside = (middles >= down[0]) & (middles < down[1])
    values[inside] = 1.0 - rng.binomial(per_bin, share_bad, int(inside.sum())) / per_bin
    return tuple(float(v) for v in values)


def episode(rng, profile, *, index, kind, service, arm, restarts, sham):
    absorbed = sham or service in ABSORBED
    restarted = arm == "none" and (kind == "process.kill" or restarts == "kubernetes")
    slow, quick = 30.0 + float(rng.uniform(-1, 3)), 0.21 + float(rng.gamma(2.0, 0.03))
    back = slow if kind == "process.hang" else quick
    recovered = back if restarted and not absorbed and back < profile.tau_s else None
    impact = None if absorbed else 0.004 + float(rng.uniform(0, 0.01))
    down = (0.0, 0.0) if absorbed else (impact, recovered if recovered is not None else profile.observe_s)
    share_bad = 1.0 if service != "features" else 0.6
    lost = float(rng.uniform(0, 0.02)) + (down[1] - down[0]) * share_bad
    level = Level(
        impact_s=impact,
        recovered_s=recovered,
        flaps=0,
        lost_s=lost,
        bad_ratio=lost / profile.observe_s,
        bound_low_s=None if recovered is None else recovered - 0.006,
        bound_high_s=recovered,
    )
    bin_s = max(0.1, profile.tau_s / 200)
    acted = None if sham or not restarted else (0.011 if kind == "process.kill" else back - 0.3)
    ended = "absorbed" if absorbed else "platform" if recovered is not None else "undo"
    return Episode(
        index=index,
        kind=kind,
        service=service,
        name=f"{kind}-{service}",
        effective_s=0.0,
        horizon_s=profile.tau_s,
        served=level,
        full=level,
        acted_s=acted,
        act="" if acted is None else "started",
        cleared_s=acted if acted is not None else None if sham else profile.observe_s,
        cleared_by="" if sham else "platform" if acted is not None else "harness",
        ended_by=ended,
        void="",
        quality_from_s=-2.0,
        quality_bin_s=bin_s,
        quality=_quality(rng, profile, down=down, share_bad=share_bad, bin_s=bin_s),
        loss=_loss(level.lost_s, acted),
    )


def _loss(lost_s, acted_s):
    """All of it before the act where nobody acts; no alarm was told."""
    before = lost_s if acted_s is None else min(lost_s, acted_s)
    parts = (round(before * 1e6), 0, round((lost_s - before) * 1e6))
    return Loss(bad_us=parts, degraded_us=(0, 0, 0), usual_bad_us=0, usual_degraded_us=0)


def run(rng, profile, *, pair, arm, restarts, sham, faults, seed):
    name = f"demo-{pair:02d}-{arm}-{restarts}-{'sham' if sham else 'fault'}"
    episodes = tuple(
        episode(rng, profile, index=i, kind=k, service=s, arm=arm, restarts=restarts, sham=sham)
        for i, (k, s) in enumerate(faults)
    )
    units = round(profile.rate_hz * (5 + len(faults) * (profile.observe_s + 2)))
    bad = int(sum(e.served.lost_s for e in episodes) * profile.rate_hz)
    windows = units // 400
    return RunFacts(
        run_id=name,
        arm=arm,
        restart_profile=restarts,
        sham=sham,
        pair=pair,
        seed=seed,
        complete=True,
        void="",
        unsafe="",
        baseline_units=profile.baseline_units,
        baseline_bad=0,
        units=units,
        good_units=units - bad,
        availability_ratio=(units - bad) / units,
        windows=windows,
        windows_met=max(0, windows - bad // 400),
        send_lag_p99_ms=1.4 + float(rng.uniform(0, 1)),
        stalls=0,
        audit_observable=True,
        exactly_once=True,
        audit_text="",
        accepted=units * 2,
        acts=sum(1 for e in episodes if e.acted_s is not None),
        observed=True,
        unbroken_s=180.0,
        history_sha256=hashlib.sha256(name.encode()).hexdigest(),
        episodes=episodes,
    )


def claims(word, n):
    if word in ("DONE", "VOID", "UNSAFE"):
        return ()
    kill = Claim(
        text="process.kill: served again within 2 s in at least 90 %",
        evidence=f"{n} of {n}",
        word="PASS",
        asks="recovery",
        about=("process.kill", "scorer-a", "none", "fast"),
        limit_s=2.0,
        limit_ratio=0.9,
    )
    hang = msgspec.structs.replace(
        kill,
        text="process.hang: served again within 10 s in at least 90 %",
        evidence=f"0 of {n}",
        word="FAIL",
        about=("process.hang", "scorer-a", "none", "fast"),
        limit_s=10.0,
    )
    short = msgspec.structs.replace(
        kill, evidence=f"{n} of {n} back in time, needs 29 that all pass", word="INCONCLUSIVE", more=19
    )
    once = Claim(
        text="exactly once in every run", evidence="no run lost, doubled or changed an id", word="PASS"
    )
    return {"PASS": (kill, once), "FAIL": (hang, kill, once), "INCONCLUSIVE": (short, once)}[word]


def trouble(word, runs):
    first = runs[0]
    if word == "VOID":
        first = msgspec.structs.replace(first, void="baseline not met: 31 of 400 units bad", baseline_bad=31)
    if word == "UNSAFE":
        first = msgspec.structs.replace(
            first, unsafe="process 4711 of scorer-a is still stopped", void="not clean"
        )
    return (first, *runs[1:])


def inputs(measured, seed, runs):
    return Inputs(
        title="Kill and hang the scorer of the fraud pipeline",
        system="fraud-scoring",
        target="local",
        seed=seed,
        profile=measured,
        experiment_file="experiments/smoke/demo.yaml",
        experiment_sha256=hashlib.sha256(b"e").hexdigest(),
        scenario_sha256=hashlib.sha256(b"s").hexdigest(),
        harness_version="0.1.0",
        machine="x86_64, 2 cores, Linux 6.8, Python 3.11.9",
        started_utc="2026-11-24T15:12:01.120+00:00",
        plan_sha256=tuple(hashlib.sha256(r.run_id.encode() + b"p").hexdigest() for r in runs),
    )


def trust(word):
    met = word != "VOID"
    return (
        Check(text="every fault proven effective", value="all", ok=True),
        Check(text="every fault proven gone", value="slowest 0.34 s", ok=word != "UNSAFE"),
        Check(text="baseline met", value="every run" if met else "31 of 400 bad", ok=met),
        Check(text="witness's send lag p99", value="2.2 ms, limit 20 ms", ok=True),
        Check(text="witness's stalls", value="none", ok=True),
        Check(text="histories complete and chained", value="every run", ok=True),
    )


def past(document, count):
    """What a store held before: ``count`` campaigns with the document's own figures, one of them void."""
    return Past(
        campaigns=tuple(
            PastCampaign(
                id=f"20261{day:03d}-demo",
                started_utc=f"2026-10-{day + 1:02d}T15:12:00Z",
                word="VOID" if day == 1 else "PASS",
                gap="VOID: the baseline was not met" if day == 1 else "",
                breaks=("harness 0.0.9 to 0.1.0",) if day == 3 else (),
                scores=tuple(
                    PastScore(name=s.name, arm=s.arm, restart_profile=s.restart_profile, points=s.points)
                    for s in document.scores
                ),
                classes=tuple(
                    PastClass(
                        fault=c.fault,
                        service=c.service,
                        arm=c.arm,
                        restart_profile=c.restart_profile,
                        horizon_s=c.tau_s,
                        median=c.served_median,
                    )
                    for c in document.estimates.classes
                ),
            )
            for day in range(count)
        ),
        since=Since(
            id="20261006-demo",
            started_utc="2026-10-06T15:12:00Z",
            word="PASS",
            changes=(InputChange(what="version of healer", before="2.3.1", now="2.4.0"),),
        ),
    )


def build(*, before=0, **asked):
    """A document as ``built``, after ``before`` earlier campaigns."""
    document = built(**asked)
    return msgspec.structs.replace(document, past=past(document, before)) if before else document


def built(
    *, word="DONE", n=1, faults=2, arms=("none", "bare"), restarts=("fast",), profile="demo", seed=20261124
):
    """A document of ``n`` pairs with ``faults`` classes an arm."""
    rng, measured = np.random.default_rng(seed), PROFILES[profile]
    services = [*SERVICES, *(f"shard-{i}" for i in range(faults // 2))]
    pairs = [(k, s) for s in services for k in ("process.kill", "process.hang")][:faults]
    drawn = tuple(
        run(rng, measured, pair=pair, arm=arm, restarts=restart, sham=sham, faults=pairs, seed=seed + pair)
        for pair in range(n)
        for restart in restarts
        for arm in arms
        for sham in (False, True)
    )
    runs = trouble(word, drawn)
    code = EXIT_CODES[word]
    following = f"hormesis explain code {code}" if code > 1 else "hormesis report 20261124-demo-7f3a"
    return Document(
        campaign="20261124-demo-7f3a",
        inputs=inputs(measured, seed, runs),
        verdict=Verdict(word=word, exit_code=code, why=WHY[word], claims=claims(word, n), next=following),
        estimates=estimate(runs, measured),
        trust=trust(word),
        runs=runs,
        scores=scores(runs, measured, ScoreRules(), planned_runs=len(runs)),
    )


@pytest.fixture(scope="session")
def make():
    """The builder of documents; they are frozen, so one of each is enough."""
    return functools.cache(build)
