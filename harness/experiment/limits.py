"""Limits that keep a question answerable: knobs of the profile, the length of a run, what objectives may ask.

Comes in: decoded values with their paths. Goes out: findings. A value may have the right type and still make
a figure that says nothing: a window that cannot be violated, a claim that cannot fail.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from harness.experiment.excerpt import quoted
from harness.experiment.findings import Findings, Path
from harness.experiment.model import FaultStep, Objective, Profile
from harness.faults.effects import Effect, Kill, Mutate, lasts_s

# More could neither be held in memory at once nor be waited for: 20 million units = 27 h at 200/s.
UNITS_MAX = 20_000_000
LENGTH_MAX_S = 7 * 86_400.0
CLAIM_RATIO_MIN = 0.01


@dataclass(frozen=True, slots=True)
class Limit:
    """The range of one knob, both ends allowed unless ``above``: then the low end is not."""

    low: float
    high: float
    why: str
    above: bool = False

    def holds(self, value: float) -> bool:
        """Whether ``value`` is inside."""
        return (self.low < value if self.above else self.low <= value) and value <= self.high

    def text(self) -> str:
        """Write the range for a help line.

        >>> Limit(0, 0.2, "", above=True).text(), Limit(0.1, float("inf"), "").text()
        ('above 0 and at most 0.2', 'at least 0.1')
        """
        low = f"{'above' if self.above else 'at least'} {self.low:g}"
        return low if self.high == float("inf") else f"{low} and at most {self.high:g}"


# Together with window_units >= 5 the first two let a window of only bad units be violated in any case:
# 0.2 ** 5 is below 0.001. A wider margin would call an outage health.
KNOBS: Mapping[str, Limit] = {
    "margin_ratio": Limit(0, 0.2, "more bad units than before count as an outage only above it", above=True),
    "window_level_ratio": Limit(0.001, 0.2, "below it no window is ever violated, above it healthy ones are"),
    "rate_hz": Limit(0.1, float("inf"), "fewer units show no outage"),
    "settle_s": Limit(0, 3600, "a record that needs longer counts as missing", above=True),
    "deadline_s": Limit(0, 60, "an answer after it is bad, and is still waited for", above=True),
}


def check_profile(profile: Profile, path: Path, findings: Findings) -> None:
    """Note knobs out of their range (HRM204)."""
    for key, limit in KNOBS.items():
        value: float = getattr(profile, key)
        if not limit.holds(value):
            findings.add(
                "HRM204",
                f"'{key}' is {value:g}",
                (*path, key),
                label=limit.text(),
                why=limit.why,
                help=f"write a number {limit.text()}",
            )
    if profile.deadline_s >= profile.tau_s:
        findings.add(
            "HRM204",
            f"'deadline_s' is {profile.deadline_s:g}, not below 'tau_s', {profile.tau_s:g}",
            (*path, "deadline_s"),
            label=f"below {profile.tau_s:g}",
            why="an answer would be waited for longer than a fault is watched",
            help="lower deadline_s or raise tau_s",
        )


def check_length(steps: Collection[FaultStep], profile: Profile, path: Path, findings: Findings) -> None:
    """Note a run that lasts too long or offers too many units, of both streams (HRM225)."""
    pauses_s = sum(step.pauses.before + step.pauses.after for step in steps)
    lasting_s = sum(lasts_s(step.effect) or 0.0 for step in steps)
    watched_s = len(steps) * (profile.observe_s + profile.wash_out_s) + pauses_s + lasting_s
    length_s = profile.baseline_units / profile.rate_hz + watched_s
    units = length_s * (profile.rate_hz + profile.load_batch / profile.load_every_s)
    if units > UNITS_MAX or length_s > LENGTH_MAX_S:
        findings.add(
            "HRM225",
            f"one run would last {length_s:.3g} s and offer {units:.3g} units",
            path,
            why=f"one run is at most {UNITS_MAX:,} units, load included, and {LENGTH_MAX_S / 86_400:g} days",
            help="lower rate_hz, load_batch, tau_s, hold_s or a pause, or raise load_every_s",
        )


def shortest_watch_s(steps: Collection[FaultStep], profile: Profile, fault: str) -> float:
    """Give how long the faults of kind ``fault`` ("" = all) are watched, the shortest of them.

    A timed fault is watched for its own length and tau, one that stays for tau.
    """
    lengths = [lasts_s(step.effect) or 0.0 for step in steps if fault in ("", step.kind)]
    return profile.tau_s + min(lengths, default=0.0)


def check_claim(objective: Objective, watched_s: float | None, path: Path, findings: Findings) -> None:
    """Note a claim that cannot fail, or could never be met (HRM204).

    ``watched_s`` None: profile or method were wrong, so nothing can be said about the horizon.
    """
    for key in ("share_ratio", "availability_ratio"):
        asked = getattr(objective, key)
        if asked is not None and asked < CLAIM_RATIO_MIN:
            findings.add(
                "HRM204",
                f"'{key}' is {asked:g}",
                (*path, key),
                label=f"at least {CLAIM_RATIO_MIN:g}",
                why="every system has at least that: the claim could hardly fail",
                help=f"write a number from {CLAIM_RATIO_MIN:g} to 1",
            )
    limit_s = objective.served_within_s
    if limit_s is not None and watched_s is not None and limit_s > watched_s:
        findings.add(
            "HRM204",
            f"'served_within_s' is {limit_s:g}, but a fault is watched for {watched_s:g} s",
            (*path, "served_within_s"),
            label=f"at most {watched_s:g}",
            why="what comes back after tau_s, counted from the end of a timed fault, is not seen",
            help="lower served_within_s or raise tau_s of the profile",
        )


def check_seen(objective: Objective, steps: Collection[FaultStep], path: Path, findings: Findings) -> None:
    """Note a claim about service where a fault that it covers cannot be seen in it (HRM226)."""
    if objective.served_within_s is None:
        return
    covered = [step for step in steps if objective.fault in ("", step.kind)]
    rest = "remove it" if objective.fault else "give each other fault an objective of its own"
    killed = next((step for step in covered if isinstance(step.effect, Kill)), None)
    if objective.while_hurt and killed is not None:
        findings.add(
            "HRM226",
            f"'while_hurt' with {quoted(killed.kind)}",
            (*path, "while_hurt"),
            label="could not be met",
            why="a kill is over as soon as another process is ready, and only then service may be back",
            help=f"{rest}; claim 'served_within_s' alone of a kill",
        )
    unseen = next((step for step in covered if _cuts_load_alone(step.effect)), None)
    if unseen is not None:
        findings.add(
            "HRM226",
            f"'served_within_s' with {quoted(unseen.kind)}",
            (*path, "served_within_s"),
            label="could not fail",
            why="it cuts load batches alone, and service is measured by units that are sent one by one",
            help=f"{rest}; claim 'exactly_once: true' of what is sent of the batches",
        )


def _cuts_load_alone(effect: Effect) -> bool:
    return isinstance(effect, Mutate) and effect.mutation == "truncate"


def check_use(objective: Objective, path: Path, findings: Findings, *, sham: bool) -> None:
    """Note keys of an objective that nothing would be judged by (HRM226)."""
    if objective.availability_ratio is not None and not sham:
        findings.add(
            "HRM226",
            "'availability_ratio' with 'sham: false'",
            (*path, "availability_ratio"),
            label="no sham runs",
            why="availability is judged over sham runs, and there would be none",
            help="write 'sham: true', or remove it",
        )
    if objective.harm_left_ratio is not None and not objective.fault.startswith("world."):
        findings.add(
            "HRM226",
            "'harm_left_ratio' without a 'fault' of the world",
            (*path, "harm_left_ratio"),
            label="of which move?",
            why="only a move of the world has a known cost that may be left: else the claim is about nothing",
            help="add 'fault:' with a kind of the family world, e.g. world.concept_change",
        )
    if objective.served_within_s is not None:
        return
    by_fault = objective.harm_left_ratio is not None
    used = {
        "fault": bool(objective.fault) and not by_fault,
        "level": objective.level == "full",
        "while_hurt": objective.while_hurt,
    }
    for key in (key for key, is_used in used.items() if is_used):
        findings.add(
            "HRM226",
            f"{quoted(key)} without 'served_within_s'",
            (*path, key),
            label="would be ignored",
            why="the other claims are judged over whole runs, whatever the fault",
            help=f"remove {quoted(key)}, or add served_within_s",
        )
