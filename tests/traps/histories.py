"""Synthetic histories with a known truth: rows of the witness and the events of a run, built in memory.

A run is told as a bad share over offsets (seconds after the first slot); the rows follow by seed.
``written`` puts a campaign on disk through the real store, so that it can be read, cut and copied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import numpy as np

from harness.experiment.model import PROFILES, Objective, Profile
from harness.faults.effects import Effect, Kill, lasts_s
from harness.history import events as ev
from harness.history.events import Entry, Event
from harness.history.model import Campaign, CampaignFile, History
from harness.history.observations import BAD, DTYPE, GOOD, WITNESS, Rows
from harness.history.store import new_campaign, new_run
from harness.plan.model import Plan, PlannedEpisode

CLOCK_ZERO_S = 1000.0  # the monotonic instant of the first slot
PROFILE = PROFILES["test"]
SERVICE = "scorer-a"
KILLED = Kill(service=SERVICE)
SETTLED = ev.Audited(
    observable=True,
    accepted=1000,
    delivered_once=1000,
    doubled=0,
    dead_letters=0,
    missing=0,
    foreign=0,
    changed=0,
    settled_s=0.4,
)


@dataclass(frozen=True)
class Outage:
    """Bad (or degraded) service from ``from_s`` to ``to_s`` after the injection, of ``share``."""

    from_s: float
    to_s: float
    share: float = 1.0
    outcome: int = BAD


@dataclass(frozen=True)
class Story:
    """One run, told. ``events`` may change the list of events before it becomes a history."""

    outages: tuple[Outage, ...] = ()
    arm: str = "none"
    sham: bool = False
    pair: int = 0
    seed: int = 7
    profile: Profile = PROFILE
    baseline_share: float = 0.0
    episodes: int = 1
    kind: str = "process.kill"
    effect: Effect = KILLED
    restarted_after_s: float | None = None
    gone_after_s: float | None = None
    audit: ev.Audited | None = SETTLED
    send_lag_s: float = 0.001
    state: str = "ended"
    rows: Callable[[Rows], Rows] = field(default=lambda rows: rows)
    events: Callable[[list[Event]], list[Event]] = field(default=lambda events: events)


def killed(down_s: float = 0.8, **changes: object) -> Story:
    """A kill whose outage lasts ``down_s``, ended by the platform's restart."""
    return replace(Story(outages=(Outage(0.0, down_s),), restarted_after_s=down_s), **changes)


def never_back(**changes: object) -> Story:
    """An outage that lasts until the harness ends it."""
    return replace(Story(outages=(Outage(0.0, 1e9),), arm="bare"), **changes)


def unmet(told: list[Event]) -> list[Event]:
    """As ``events`` of a story: nothing of the system met its fault."""
    return [
        msgspec.structs.replace(one, exercised=False) if isinstance(one, ev.Undone) else one for one in told
    ]


def owing(story: Story, *owed: tuple[float, int], binds: bool = True) -> Story:
    """``story`` with looks every 0.1 s; from each instant after the fault on so much is owed."""
    plan = plan_of(story)
    inject_s = CLOCK_ZERO_S + plan.episodes[0].inject_at_s
    steps = np.arange(0.0, plan.duration_s, 0.1) + CLOCK_ZERO_S

    def looks(told: list[Event]) -> list[Event]:
        seen: list[Event] = []
        for step, at_s in enumerate(steps.tolist()):
            now = [count for from_s, count in owed if at_s >= inject_s + from_s]
            seen.append(ev.Owed(at_s=at_s, accepted=20 * step, owed=now[-1] if now else 3, binds=binds))
        return [*told, *seen]

    return replace(story, events=looks)


def plan_of(story: Story) -> Plan:
    """The timetable of a story: baseline, then episodes side by side."""
    profile = story.profile
    at_s = profile.baseline_units / profile.rate_hz + 0.3
    episodes = []
    for index in range(story.episodes):
        undo_at_s = at_s + profile.observe_s + (lasts_s(story.effect) or 0.0)
        end_at_s = undo_at_s + profile.wash_out_s
        episodes.append(
            PlannedEpisode(
                index=index,
                name=f"kill {SERVICE}",
                kind=story.kind,
                effect=story.effect,
                inject_at_s=at_s,
                undo_at_s=undo_at_s,
                end_at_s=end_at_s,
            )
        )
        at_s = end_at_s
    return Plan(
        experiment="kill",
        experiment_sha256="e",
        system="fraud",
        scenario_sha256="s",
        target="local",
        seed=story.seed,
        pair=story.pair,
        arm=story.arm,
        sham=story.sham,
        restart_profile="fast",
        profile=profile,
        world_s_per_run_s=720.0,
        episodes=tuple(episodes),
        duration_s=at_s,
        sha256=f"plan-{story.arm}-{story.sham}-{story.pair}",
    )


def rows_of(story: Story) -> Rows:
    """One row a unit: jittered slots, bad by the story's shares, everything drawn from its seed."""
    plan, rate_hz = plan_of(story), story.profile.rate_hz
    rng = np.random.default_rng(story.seed)
    n = round(plan.duration_s * rate_hz)
    rows = np.zeros(n, dtype=DTYPE)
    offset_s = (np.arange(n) + rng.random(n)) / rate_hz
    rows["unit"] = np.arange(n)
    rows["due"] = CLOCK_ZERO_S + offset_s
    rows["sent"] = rows["due"] + story.send_lag_s
    rows["ended"] = rows["sent"] + 0.004
    rows["weight"] = rows["attempt"] = 1
    rows["stream"] = WITNESS
    rows["probability"] = np.nan
    rows["outcome"] = np.where(rng.random(n) < story.baseline_share, BAD, GOOD)
    for episode in plan.episodes:
        for outage in story.outages:
            since_s = offset_s - episode.inject_at_s
            end_s = min(outage.to_s, episode.undo_at_s - episode.inject_at_s)
            hit = (since_s >= outage.from_s) & (since_s < end_s) & (rng.random(n) < outage.share)
            rows["outcome"][hit] = outage.outcome
    return story.rows(rows)


def events_of(story: Story) -> list[Event]:
    """What a whole run records, in order."""
    plan = plan_of(story)
    baseline_units = story.profile.baseline_units
    told: list[Event] = [
        ev.RunStarted(run_id="r", plan_sha256=plan.sha256),
        ev.SystemReady(at_s=CLOCK_ZERO_S - 1, boot_ids={SERVICE: "b0"}),
        act("started", CLOCK_ZERO_S - 2),
        ev.FirstDue(at_s=CLOCK_ZERO_S),
        ev.BaselineMeasured(units=baseline_units, bad=0, why=""),
    ]
    for episode in plan.episodes:
        told += _episode_events(story, episode)
    told += [story.audit] if story.audit else []
    return story.events(told)


def _episode_events(story: Story, episode: PlannedEpisode) -> Iterator[Event]:
    at_s, undo_s = CLOCK_ZERO_S + episode.inject_at_s, CLOCK_ZERO_S + episode.undo_at_s
    yield ev.Injected(
        episode=episode.index,
        effect=episode.effect,
        sham=story.sham,
        asked_at_s=at_s - 0.002,
        effective_at_s=at_s,
        pid=0 if story.sham else 41,
        proof=() if story.sham else ("pid 41 exited by signal 9",),
    )
    if story.restarted_after_s is not None:
        yield act("started", at_s + 0.01)
        yield act("ready", at_s + story.restarted_after_s)
        yield ev.Cleared(episode=episode.index, at_s=at_s + story.restarted_after_s, by="platform")
    if story.gone_after_s is not None:
        yield ev.Cleared(episode=episode.index, at_s=at_s + story.gone_after_s, by="itself")
    yield ev.Undone(episode=episode.index, at_s=undo_s + 0.001, needed=story.restarted_after_s is None)
    yield ev.Clean(episode=episode.index, at_s=undo_s + 0.01, proof=("it answers",))


def act(name: str, at_s: float, service: str = SERVICE, detail: str = "") -> ev.Platform:
    """One line of the supervisor's ledger."""
    return ev.Platform(at_s=at_s, service=service, act=name, pid=42, boot_id="b1", detail=detail)


def history_of(story: Story, *, run_id: str = "r0001-none-fast-fault-p0", cut: str = "") -> History:
    """A history in memory; a cut one has no end."""
    told = events_of(story) + ([] if cut else [ev.RunEnded(state=story.state)])
    entries = tuple(
        Entry(seq=seq, mono_s=CLOCK_ZERO_S, wall="2026-01-01T00:00:00Z", event=event, chain="")
        for seq, event in enumerate(told)
    )
    return History(run_id, plan_of(story), entries, rows_of(story), cut, f"sha-{run_id}")


def campaign_file(planned_runs: int, objectives: Sequence[Objective] = ()) -> CampaignFile:
    """The file of a campaign under the test profile."""
    return CampaignFile(
        id="kill-20260101-000000000-s7",
        title="kill",
        system="fraud",
        target="local",
        seed=7,
        profile=PROFILE,
        experiment_file="kill.yaml",
        experiment_sha256="e",
        scenario_sha256="s",
        harness_version="0.1.0",
        machine="m",
        started_utc="2026-01-01T00:00:00.000+00:00",
        planned_runs=planned_runs,
        objectives=tuple(objectives),
    )


def campaign_of(
    *stories: Story, objectives: Sequence[Objective] = (), planned: int | None = None
) -> Campaign:
    """A campaign in memory; ``planned`` runs, as many as there are stories unless told otherwise."""
    runs = tuple(history_of(story, run_id=f"r{i:04d}") for i, story in enumerate(stories, start=1))
    return Campaign(campaign_file(len(runs) if planned is None else planned, objectives), runs)


def written(store: Path, *stories: Story, objectives: Sequence[Objective] = ()) -> Path:
    """A campaign on disk, written by the real store; gives its folder."""
    folder = new_campaign(store, campaign_file(len(stories), objectives))
    for story in stories:
        run = new_run(
            folder,
            plan_of(story),
            clock=lambda: (CLOCK_ZERO_S, "2026-01-01T00:00:00Z"),
            versions={"hormesis": "0.1.0"},
            machine="m",
        )
        run.observations.write_bytes(rows_of(story).tobytes())
        for event in events_of(story)[1:]:
            run.writer.append(event)
        run.finish(story.state)
    return folder


def objective(**claims: object) -> Objective:
    """An objective by its claims."""
    return msgspec.convert(claims, Objective)
