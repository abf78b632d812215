"""The whole of STAGE 2: experiment and seed -> the timetable of every run, hashed, in running order.

Comes in: ``Experiment``, a seed. Goes out: ``Plan``s, in the order in which they run. Nothing is
left to chance later: every jitter and every order is drawn here from the seed, by hashing, so
that it is the same on every machine and with every library version.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import msgspec

from harness.experiment.model import Experiment, Profile
from harness.faults.effects import lasts_s
from harness.plan.model import Plan, PlannedEpisode

# What a run costs besides its timetable, for the forecast alone: processes up, processes down and
# the audit. Measured runs of the bundled pipeline take 3 to 6 s; the audit may take up to settle_s.
START_AND_STOP_S = 5.0
_Arms = list[str]


def make_plans(experiment: Experiment, seed: int, target: str = "local") -> tuple[Plan, ...]:
    """Make the plans of a campaign in running order: repetitions x restart profiles x arms x (fault, sham).

    Within a pair and restart profile the arms run forth and back (A B, then B A), each once with the
    fault and once with the sham, which of them first is drawn per arm; with the next pair the order
    of arms turns round, so that a drift of the machine falls on all arms alike. Runs of one pair
    share one seed, hence ids, rows and offsets.
    """
    pairs = range(experiment.repetitions)
    return tuple(plan for pair in pairs for plan in plans_of_pair(experiment, seed, pair, target))


def plans_of_pair(experiment: Experiment, seed: int, pair: int, target: str) -> tuple[Plan, ...]:
    """Make the plans of one pair, in running order; ``pair`` may be any number, whatever is asked for."""
    return tuple(
        _plan(experiment, _pair_seed(seed, pair), pair, arm=arm, sham=sham, restart=restart, target=target)
        for restart in _shuffled(
            experiment.restart_profiles, seed, "restart", pair // 2, turned=pair % 2 == 1
        )
        for arm, sham in _pair_order(experiment, seed, pair, restart)
    )


def interleaved(legs: Sequence[Sequence[Plan]], seed: int) -> tuple[tuple[int, Plan], ...]:
    """Put the plans of one or two versions of a system into running order; gives (version, plan).

    Pair by pair and restart profile by restart profile one version runs, then the other. A coin decides
    which is first, a fair one of its own each time: that alone makes the sign of a difference a fair bet,
    whatever the machine does meanwhile.
    """
    if len(legs) == 1:
        return tuple((0, plan) for plan in legs[0])
    new, old = legs
    keys = dict.fromkeys((plan.pair, plan.restart_profile) for plan in new)
    return tuple(
        (version, plan)
        for key in keys
        for version in ((0, 1) if _draw(seed, "which version first", *key) < 0.5 else (1, 0))
        for plan in (new, old)[version]
        if (plan.pair, plan.restart_profile) == key
    )


def plan_sha256(plan: Plan) -> str:
    """Hash everything in ``plan`` but the hash itself, as canonical (sorted) JSON."""
    plain = msgspec.to_builtins(plan)
    del plain["sha256"]
    return _sha256(plain)


def plans_sha256(plans: Sequence[Plan]) -> str:
    """Hash all runs in their order: what `hormesis run --plan` holds a run to."""
    return _sha256([plan.sha256 for plan in plans])


def forecast_s(plans: Sequence[Plan]) -> float:
    """Forecast how long ``plans`` take one after another, in seconds; a sum, not a promise."""
    return sum(plan.duration_s + START_AND_STOP_S for plan in plans)


def _pair_order(experiment: Experiment, seed: int, pair: int, restart: str) -> Iterator[tuple[str, bool]]:
    arms = _shuffled(experiment.arms, seed, f"arms {restart}", pair // 2, turned=pair % 2 == 1)
    if not experiment.sham:
        yield from ((arm, False) for arm in arms)
        return
    sham_first = {arm: _draw(seed, "sham first", pair, restart, arm) < 0.5 for arm in arms}
    yield from ((arm, sham_first[arm]) for arm in arms)
    yield from ((arm, not sham_first[arm]) for arm in reversed(arms))


def _shuffled(names: Sequence[str], seed: int, *labels: object, turned: bool) -> _Arms:
    order = sorted(names, key=lambda name: _draw(seed, *labels, name))
    return order[::-1] if turned else order


def _plan(
    experiment: Experiment, seed: int, pair: int, *, arm: str, sham: bool, restart: str, target: str
) -> Plan:
    episodes = tuple(_episodes(experiment, seed))
    last_pause_s = experiment.steps[-1].pauses.after if experiment.steps else 0.0
    ends_s = episodes[-1].end_at_s if episodes else _baseline_s(experiment.profile)
    plan = Plan(
        experiment=experiment.title,
        experiment_sha256=experiment.sha256,
        system=experiment.system.name,
        scenario_sha256=_scenario_sha256(experiment),
        target=target,
        seed=seed,
        pair=pair,
        arm=arm,
        sham=sham,
        restart_profile=restart,
        profile=experiment.profile,
        world_s_per_run_s=experiment.scenario.world_s_per_run_s,
        episodes=episodes,
        duration_s=_rounded(ends_s + last_pause_s),
        background=experiment.scenario.background,
        sha256="",
    )
    return msgspec.structs.replace(plan, sha256=plan_sha256(plan))


def _scenario_sha256(experiment: Experiment) -> str:
    """Hash the world: its knobs, and the content of the user's files that it offers."""
    content = "" if experiment.source is None else experiment.source.sha256
    own = [file.sha256 for file in (experiment.units, experiment.check) if file is not None]
    return _sha256([msgspec.to_builtins(experiment.scenario), content, *own])


def _episodes(experiment: Experiment, seed: int) -> Iterator[PlannedEpisode]:
    """Lay the episodes one after another; offsets depend on the pair's seed alone, not on the arm."""
    profile = experiment.profile
    at_s = _baseline_s(profile)
    for index, step in enumerate(experiment.steps):
        # Up to one load period: a fault at a fixed phase of slots and batches would meet always the
        # same of them, and the figures would be those of that phase.
        jitter_s = profile.load_every_s * _draw(seed, "jitter", index)
        inject_at_s = _rounded(at_s + step.pauses.before + jitter_s)
        undo_at_s = _rounded(inject_at_s + (lasts_s(step.effect) or 0.0) + profile.observe_s)
        end_at_s = _rounded(undo_at_s + profile.wash_out_s)
        yield PlannedEpisode(
            index=index,
            name=step.name,
            kind=step.kind,
            effect=step.effect,
            inject_at_s=inject_at_s,
            undo_at_s=undo_at_s,
            end_at_s=end_at_s,
        )
        at_s = end_at_s + step.pauses.after


def _baseline_s(profile: Profile) -> float:
    """Length of the baseline: its units, a deadline to answer the last, a deadline to spare for the gate."""
    return profile.baseline_units / profile.rate_hz + 2 * profile.deadline_s


def _rounded(value_s: float) -> float:
    """Keep microseconds: finer is below what any clock here can keep, and hard to read."""
    return round(value_s, 6)


def _pair_seed(seed: int, pair: int) -> int:
    """Derive the seed that all runs of a pair share, in [0, 2^31)."""
    return int(_draw(seed, "pair", pair) * 2**31)


def _draw(seed: int, *labels: object) -> float:
    """Draw a number in [0, 1) that depends on the seed and the labels alone: 53 bits of a SHA-256."""
    text = "\x1f".join(map(str, (seed, *labels)))
    return (int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 11) / 2**53


def _sha256(plain: object) -> str:
    return hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()
