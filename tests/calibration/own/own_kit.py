"""Kills and hangs of a foreign program that stamps its own lives, measured by the whole line.

The truth of an outage: from the death of the process that was killed to the next one's stamp that it listens.
It died after the signal was asked for, and before the supervisor's stamp or, where there is none, before its
pidfd told: so the true length lies between two numbers, a few milliseconds apart.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import yaml

from harness.episodes.facts import facts
from harness.episodes.model import Episode, RunFacts
from harness.experiment.load import load_experiment
from harness.history.events import HitAgain, Injected, Platform
from harness.history.model import History
from harness.history.store import read_campaign
from harness.plan.schedule import make_plans
from harness.report.compose import compose
from harness.report.text import render
from harness.run.campaign import run_campaign

HERE = Path(__file__).parent
SERVER = ["{python}", "-S", str(HERE / "own_server.py"), "{port}", "{stamps}"]
SUPERVISOR = ["{python}", "-S", str(HERE / "own_supervisor.py"), "{port}", "{stamps}"]
LOOP = ["sh", "-c", 'while true; do "$@"; sleep 0.3; done', "loop", *SERVER]
DELAY_S = 0.3
PLATFORMS: dict[str, dict[str, object]] = {
    "a supervisor with a declared delay": {"command": [*SUPERVISOR, str(DELAY_S)], "worker": "port"},
    "a shell loop": {"command": LOOP, "worker": "own_server.py"},
    "our own supervisor": {"command": SERVER},
}
EVERY_S = 1.2
"""Between two kills in quick succession: the slowest of the three serves again after half of it, and fewer
than ten exits fall in 10 s, after which our own supervisor leaves 1 s between two starts."""

CLASS = {
    "base": "test",
    "rate_hz": 200,
    "baseline_units": 400,
    "window_s": 0.5,
    "hold_s": 0.5,
    "tau_s": 1.0,
    "wash_out_s": 0.01,
    "load_batch": 0,
    "load_every_s": 0.01,
    "golden_every": 0,
}
"""W is 100 units at 200/s, H 0.5 s, tau 1 s: a fault every 2 s."""


@dataclass(frozen=True)
class Outage:
    """One outage of an episode: its interval by the line, and the bounds between which its true length lies.

    ``true_s`` None: it never ended; ``seen_s`` None in a place: the line has no such outage or no such end.
    """

    episode: Episode
    true_s: tuple[float, float] | None
    seen_s: tuple[float | None, float | None]

    @property
    def bracketed(self) -> bool:
        """Whether the interval of the line contains the truth, as far as that is known."""
        low_s, high_s = self.seen_s
        return (
            None not in (self.true_s, low_s, high_s) and low_s <= self.true_s[1] and self.true_s[0] <= high_s
        )


@dataclass(frozen=True)
class Measured:
    """One run: what was seen, the platform's lines, each outage against the truth, the report's words."""

    run: RunFacts
    ledger: list[Platform]
    outages: list[Outage]
    text: str


def measure(
    folder: Path,
    services: dict[str, dict],
    faults: list[str],
    *,
    tau_s: float = 1.0,
    again: dict[str, float] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Measured:
    """Run ``faults`` (process_kill, process_hang) on the first service, on a system of ``services``.

    ``again``: ``times`` and ``every_s`` of each kill, if it is a succession.
    ``{stamps}`` in a command is that service's file of stamps, ``{folder}`` where all lie, by name.
    """
    first, stamps = next(iter(services)), folder / "stamps"
    stamps.mkdir(parents=True)
    _write(folder / "hormesis.yaml", _system(services, first, stamps))
    _write(folder / "faults.yaml", _experiment(first, faults, tau_s, again or {}))
    (folder / "units.jsonl").write_text('{"n": 1}\n{"n": 2}\n')
    experiment = load_experiment(folder / "faults.yaml")
    plans = make_plans(experiment, seed=5)
    kept = run_campaign(plans, experiment, store=folder / "store", seed=5, progress=say)
    history = read_campaign(kept).runs[-1]  # before it stand attempts that missed their baseline
    return _measured(history, (stamps / first).read_text("ascii"), _words(kept))


def _words(kept: Path) -> str:
    """What the command would print, on one line."""
    return " ".join(render(compose(kept)).split())


def _measured(history: History, stamps: str, text: str) -> Measured:
    events = [entry.event for entry in history.entries]
    lines = [line.split() for line in stamps.splitlines()]
    run = facts(history)
    outages = [outage for one in run.episodes for outage in _outages(one, events, lines)]
    return Measured(run, [event for event in events if isinstance(event, Platform)], outages, text)


def _outages(one: Episode, events: list[object], lines: list[list[str]]) -> list[Outage]:
    """The outage of one fault, or each of a succession: one a kill, in their order."""
    hits = [
        event for event in events if isinstance(event, Injected | HitAgain) and event.episode == one.index
    ]
    served = one.served
    seen = [(listed.low_s, listed.high_s) for listed in one.outages] or [
        (served.bound_low_s, served.bound_high_s)
    ]
    # What is left over on either side is an outage without its truth, or a kill without its outage; one that
    # met nobody has neither.
    pairs = itertools.zip_longest([hit for hit in hits if hit.pid], seen)
    found = [
        Outage(one, None if hit is None else _truth(hit, lines), bounds or (None, None))
        for hit, bounds in pairs
    ]
    return found + [Outage(one, None, (None, None)) for hit in hits if not hit.pid]


def _truth(hit: Injected | HitAgain, lines: list[list[str]]) -> tuple[float, float] | None:
    told = [float(at_s) for word, pid, at_s in lines if word == "down" and int(pid) == hit.pid]
    dead_s = (told or [hit.effective_at_s])[0]
    up_s = next((float(at) for word, _, at in lines if word == "up" and float(at) > hit.asked_at_s), None)
    return None if up_s is None else (up_s - dead_s, up_s - hit.asked_at_s)


def _system(services: dict[str, dict], first: str, stamps: Path) -> dict[str, object]:
    def filled(name: str, service: dict) -> dict:
        places = {"{stamps}": str(stamps / name), "{folder}": str(stamps)}
        command = [_filled(word, places) for word in service["command"]]
        return {"readiness": "/", "start_timeout_s": 5, **service, "command": command}

    return {
        "version": 1,
        "name": "own",
        "services": {name: filled(name, service) for name, service in services.items()},
        "workload": {
            "service": first,
            "route": "/predict",
            "body": "single",
            "units": "units.jsonl",
            "decision": "/label",
        },
    }


def _filled(word: str, places: dict[str, str]) -> str:
    for name, place in places.items():
        word = word.replace(name, place)
    return word


def _experiment(service: str, faults: list[str], tau_s: float, again: dict) -> dict[str, object]:
    method = [
        {
            "type": "action",
            "name": f"{fault.removeprefix('process_')}-{number}",
            "provider": {
                "type": "python",
                "module": "harness.frontends.chaostoolkit.faults",
                "func": fault,
                "arguments": {"service": service, **again},
            },
        }
        for number, fault in enumerate(faults, 1)
    ]
    asked = {"version": 1, "system": "hormesis.yaml", "sham": False, "profile": CLASS | {"tau_s": tau_s}}
    return {"title": "Own", "description": "Known answers", "method": method, "x-hormesis": asked}


def _write(path: Path, content: object) -> None:
    path.write_text(yaml.safe_dump(msgspec.to_builtins(content), sort_keys=False))
