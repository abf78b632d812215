"""A small pipeline to search on: opened once a process, the same for all tests."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec

from harness.faults.effects import Hook, Kill, Mutate, Pause, Refuse
from harness.search.episode import Player
from harness.search.limits import Limits
from harness.search.outcome import Broken, Outcome, Signature
from harness.search.schedule import After, Fault
from harness.search.workers import Ground, player_of
from tests.conftest import SMALL

ROOT = Path(__file__).resolve().parents[3]
EXPERIMENT = ROOT / "experiments" / "smoke" / "kill-one.yaml"
SHORT = Limits(warm_s=1.5, calm_s=4.0)


def ground(template: Path, simulation: str = "", limits: Limits = SHORT) -> Ground:
    """The bundled pipeline in a small world; ``simulation``: another opener."""
    return Ground(
        file=str(EXPERIMENT),
        template=str(template),
        python_path=str(ROOT),
        seed=7,
        arm="reference",
        limits=limits,
        simulation=simulation,
        knobs=dict(SMALL),
    )


@cache
def player(template: Path, simulation: str = "") -> Player:
    """Whoever plays on it."""
    return player_of(ground(template, simulation))


def kill(service: str, at_s: float) -> Fault:
    return Fault(effect=Kill(service=service), at_s=at_s)


def pause(service: str, at_s: float, lasts_s: float) -> Fault:
    return Fault(effect=Pause(service=service), at_s=at_s, lasts_s=lasts_s)


def bad_model(at_s: float = 1.0, lasts_s: float = 10.0) -> Fault:
    return Fault(effect=Hook(hook="model", action="constant"), at_s=at_s, lasts_s=lasts_s)


def renamed(at_s: float = 1.0, lasts_s: float = 15.0) -> Fault:
    return Fault(effect=Mutate(mutation="rename", field="amount"), at_s=at_s, lasts_s=lasts_s)


def after(fault: Fault, event: str, delay_s: float) -> Fault:
    """The same fault, tied to an event."""
    told = msgspec.convert({"event": event, "delay_s": delay_s}, After)
    return msgspec.structs.replace(fault, at_s=None, after=told)


def closed_registry(lasts_s: float = 1.0) -> Fault:
    return Fault(effect=Refuse(edge="healer-registry"), at_s=0.0, lasts_s=lasts_s)


def outcome(*broken: Signature, **changes: object) -> Outcome:
    """An episode of which nothing matters but what broke, and what ``changes`` says."""
    one = Outcome(
        arm="reference",
        transitions=(),
        seen=(),
        met=(),
        near=(),
        broken=tuple(Broken(signature=signature, detail="") for signature in broken),
        units=1,
        lost=0,
        acts=0,
        void="",
        digest="d",
        virtual_s=1.0,
        events=1,
    )
    return msgspec.structs.replace(one, **changes)
