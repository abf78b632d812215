"""What two campaigns were asked and how they were measured: what differs, and which runs belong together.

Comes in: two ``Identity``. Goes out: ``Change`` by ``Change``, what leaves nothing to compare first. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.archive.comparison import Change
from harness.archive.model import Identity, Key
from harness.experiment.model import Profile
from harness.report.words import when

MEASURE = {
    "rate_hz": "units a second",
    "window_length_s": "W (s)",
    "hold_s": "H (s)",
    "tau_s": "tau (s)",
    "deadline_s": "deadline (s)",
    "margin_ratio": "margin",
    "window_level_ratio": "level of a window",
}
"""Knobs of a profile that say what recovery is: figures of two of them are two different things."""
UNKNOWN = "not in the record"


def changes(a: Identity, b: Identity) -> tuple[Change, ...]:
    """List every input in which B differs from A, what blocks first, else in the order of the line."""
    found = [*_blocking(a, b), *_told(a, b)]
    return tuple(sorted(found, key=lambda change: not change.blocks))


def tied(a: Identity, b: Identity) -> tuple[Mapping[Key, str] | None, str]:
    """Which runs of both belong together (None: all of one number and arm), and why; empty: none do.

    Runs belong together where they did one plan on one seed. A campaign of pairs keeps plans of a few runs
    alone: there the others go by experiment, seed and the plans that both have kept.
    """
    if a.seed != b.seed:
        return {}, f"not paired: seed {a.seed} and seed {b.seed}"
    both = {key: plan for key, plan in a.plans.items() if key in b.plans}
    same = {key: plan for key, plan in both.items() if b.plans[key] == plan}
    if a.kind == b.kind == "runs":
        return same, "paired: one seed, one plan" if same else "not paired: no plan is one of both"
    if len(same) < len(both):
        return {}, "not paired: runs of one number and seed had different plans"
    if (a.experiment_sha256, a.profile_name) != (b.experiment_sha256, b.profile_name):
        return {}, "not paired: another experiment file"
    if not both and a.harness_version != b.harness_version:
        return {}, "not paired: another version of the harness, and no plan was kept by both"
    kept = f"{len(both)} kept plans are the same" if both else "no plan was kept by both"
    return None, f"paired: one seed and experiment; {kept}"


def _blocking(a: Identity, b: Identity) -> Iterator[Change]:
    for what in ("target", "pace", "fidelity"):
        yield from _differing(what, getattr(a, what), getattr(b, what), blocks=True)
    if a.profile is None or b.profile is None:
        # One file and one name of a profile are one profile, also where it was not written down.
        if (a.experiment_sha256, a.profile_name) != (b.experiment_sha256, b.profile_name):
            yield Change(what="profile", a=_known(a.profile), b=_known(b.profile), blocks=True)
        return
    for knob, what in MEASURE.items():
        yield from _differing(
            what, f"{getattr(a.profile, knob):g}", f"{getattr(b.profile, knob):g}", blocks=True
        )


def _told(a: Identity, b: Identity) -> Iterator[Change]:
    for what, name in (
        ("system", "system"),
        ("experiment", "experiment_file"),
        ("experiment, sha256", "experiment_sha256"),
        ("scenario", "scenario"),
        ("scenario, sha256", "scenario_sha256"),
        ("profile", "profile_name"),
    ):
        yield from _differing(what, getattr(a, name), getattr(b, name))
    if a.profile is not None and b.profile is not None:
        yield from _knobs(a.profile, b.profile)
    yield from _differing("seed", str(a.seed), str(b.seed))
    yield from _differing("harness", a.harness_version, b.harness_version)
    yield from _differing("code, sha256", a.code_sha256, b.code_sha256)
    for name in sorted((set(a.versions) | set(b.versions)) - {"hormesis"}):
        yield from _differing(f"version of {name}", a.versions.get(name, ""), b.versions.get(name, ""))
    yield from _differing("machine", a.machine, b.machine)
    yield from _differing("kind of record", a.kind, b.kind)
    yield from _plans(a, b)
    yield from _differing("begun", when(a.started_utc), when(b.started_utc))


def _knobs(a: Profile, b: Profile) -> Iterator[Change]:
    """Knobs of the profile that change no meaning: how long is waited, how much load there is."""
    measure = {*MEASURE, "window_s", "window_units", "name"}
    for knob in (name for name in a.__struct_fields__ if name not in measure):
        yield from _differing(f"profile, {knob}", f"{getattr(a, knob):g}", f"{getattr(b, knob):g}")


def _plans(a: Identity, b: Identity) -> Iterator[Change]:
    """Say how many plans there are and how many are of both: single digests tell nobody anything."""
    same = len(set(a.plans.values()) & set(b.plans.values()))
    counts = len(set(a.plans.values())), len(set(b.plans.values()))
    if counts != (same, same):
        yield Change(what="plans", a=f"{counts[0]}, {same} also in B", b=f"{counts[1]}, {same} also in A")


def _differing(what: str, a: str, b: str, *, blocks: bool = False) -> Iterator[Change]:
    if a != b:
        yield Change(what=what, a=a or UNKNOWN, b=b or UNKNOWN, blocks=blocks)


def _known(profile: Profile | None) -> str:
    return UNKNOWN if profile is None else profile.name
