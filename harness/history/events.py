"""What can happen in a run: a closed union, one struct a kind. Instants are monotonic seconds."""

from __future__ import annotations

from typing import Literal

import msgspec

from harness.faults.effects import Effect


class _Event(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    pass


class RunStarted(_Event, frozen=True, kw_only=True, tag="run.started"):
    """The recorder is open; nothing of the system runs yet."""

    run_id: str
    plan_sha256: str


class StateReset(_Event, frozen=True, kw_only=True, tag="state.reset"):
    """How far it is known that the run began from the state that others began from.

    ``proven`` "by command": the system's own, whose output, of that digest, was as at first; "by itself": a
    new folder and the template are all that it says it keeps its state in; "": nobody has proven it.
    ``took_s``: until it was proven.
    """

    proven: Literal["by command", "by itself", ""]
    output_sha256: str = ""
    took_s: float = 0.0


class SystemReady(_Event, frozen=True, kw_only=True, tag="system.ready"):
    """Every service answered its readiness probe; boot ids by service."""

    at_s: float
    boot_ids: dict[str, str]


class Priced(_Event, frozen=True, kw_only=True, tag="world.priced"):
    """What a wrong decision costs, in the world's own unit: a positive let through, a negative declined."""

    missed: float
    declined_good: float


class LabelsTold(_Event, frozen=True, kw_only=True, tag="labels.told"):
    """Labels that fell due in the run, and how many of them the system had taken when it ended.

    ``failed``: posts that were not taken and made again; 0 also where the system has nobody who listens.
    """

    due: int
    told: int
    failed: int = 0


class FirstDue(_Event, frozen=True, kw_only=True, tag="driver.first_due"):
    """The witness's clock zero: all offsets of the plan count from ``at_s``."""

    at_s: float


class BaselineMeasured(_Event, frozen=True, kw_only=True, tag="baseline.measured"):
    """The gate before the first fault: ``bad`` of ``units``; ``why`` is empty when it is met."""

    units: int
    bad: int
    why: str


class Injected(_Event, frozen=True, kw_only=True, tag="fault.injected"):
    """The effect is proven from outside the injector at ``effective_at_s``; sham: size zero.

    ``shows``: what a hook of ours made a route of the system say, ``SERVICE:/ROUTE VALUE``; "" for all else.
    """

    episode: int
    effect: Effect
    sham: bool
    asked_at_s: float
    effective_at_s: float
    pid: int
    proof: tuple[str, ...]
    shows: str = ""


class HitAgain(_Event, frozen=True, kw_only=True, tag="fault.hit_again"):
    """Kill ``number`` (from 2 on) of a succession in one episode, proven as the first one is.

    ``pid`` 0: the service had no process to hit just then; ``proof`` says what was seen instead.
    """

    episode: int
    number: int
    asked_at_s: float
    effective_at_s: float
    pid: int
    proof: tuple[str, ...]


class WithoutEffect(_Event, frozen=True, kw_only=True, tag="fault.without_effect"):
    """The injection was asked for and its proof failed: the run is VOID."""

    episode: int
    why: str


class Cleared(_Event, frozen=True, kw_only=True, tag="fault.cleared"):
    """The fault is gone. ``by``: platform, itself, healer, harness."""

    episode: int
    at_s: float
    by: str


class Undone(_Event, frozen=True, kw_only=True, tag="fault.undone"):
    """The harness ended the episode; ``needed`` says whether there was still something to undo.

    ``exercised`` False: until then nothing but our own look had met the fault (an idle edge).
    """

    episode: int
    at_s: float
    needed: bool
    exercised: bool = True


class Clean(_Event, frozen=True, kw_only=True, tag="clean.proven"):
    """An independent look found the fault gone."""

    episode: int
    at_s: float
    proof: tuple[str, ...]


class NotClean(_Event, frozen=True, kw_only=True, tag="clean.not_proven"):
    """The look did not find it gone, or undo raised: the run is UNSAFE."""

    episode: int
    why: str


class Platform(_Event, frozen=True, kw_only=True, tag="platform.act"):
    """A line of the supervisor's ledger: exit, started, ready, liveness_failed, killed, backoff."""

    at_s: float
    service: str
    act: str
    pid: int = 0
    boot_id: str = ""
    detail: str = ""


class Acted(_Event, frozen=True, kw_only=True, tag="healer.act"):
    """An act seen from outside that the harness did not make: a switch, an alias, a replay, a restart asked.

    ``at_s`` is the system's own stamp (NaN-free: the receive time where it gives none), ``received_s``
    ours. ``effect`` False: the act changed nothing that serves (a probe of a half-open breaker).
    """

    at_s: float
    received_s: float
    observer: str
    service: str
    act: str
    detail: str = ""
    effect: bool = True


class Blind(_Event, frozen=True, kw_only=True, tag="observer.blind"):
    """An observer could not look from ``since_s`` to ``until_s``: nothing seen there is not nothing done.

    ``lost``: acts of that time stand in no list any more, so that a later look does not show them.
    """

    observer: str
    since_s: float
    until_s: float
    why: str
    lost: bool = False


class Looked(_Event, frozen=True, kw_only=True, tag="observer.looked"):
    """Looks at one declared place, told once at the end of the run: ``looks`` succeeded, ``failures`` not.

    A place whose service does not run in this arm has neither. A journal is told of where it is no route: no
    act is seen there. Places outside of the services have addresses with a blank. ``listed``: acts stand
    there by number, so that a late look sees each; False: only what holds at a look is seen.
    """

    observer: str
    looks: int
    failures: int
    listed: bool


class Owed(_Event, frozen=True, kw_only=True, tag="observer.owed"):
    """A look at the listings: units ``accepted`` so far, and how many of them had not ended: ``owed``.

    ``binds``: nobody waits on a call for what is owed, so service is back only when the debt is as well.
    """

    at_s: float
    accepted: int
    owed: int
    binds: bool = False


class TwinMade(_Event, frozen=True, kw_only=True, tag="table.twin"):
    """What the job made of the run's clean ``partitions``, once, in a folder of its own: this is right.

    With it in a history what is owed counts for recovery, in ``rows``. ``lasted_s``: how long that took.
    """

    partitions: int
    rows: int
    lasted_s: float


class Partition(_Event, frozen=True, kw_only=True, tag="table.partition"):
    """A partition that was not right when it was due to be, or was spoilt later, as it stood at ``at_s``.

    ``state`` is one of missing, half, wrong, doubled, right; told again whenever that changes. Of ``rows``
    rows ``right`` were there once and as the twin's, ``wrong`` otherwise, ``doubled`` more than once;
    ``foreign`` rows had a key that the twin does not have.
    """

    at_s: float
    name: str
    due_s: float
    state: str
    rows: int
    right: int
    wrong: int
    doubled: int
    foreign: int


class Touched(_Event, frozen=True, kw_only=True, tag="records.touched"):
    """What the driver did to the records of one episode, and where they ended, by id, after the audit.

    ``touched`` counts records; ``quarantined`` of them lie in dead letters, ``delivered`` in the sink,
    ``lost`` in neither though accepted, ``refused`` were sent and never accepted, ``not_sent`` were withheld
    by the harness itself, which cut their batch. ``collateral`` are untouched records in the dead letters,
    over the whole run.
    """

    episode: int
    touched: int
    quarantined: int
    delivered: int
    lost: int
    refused: int
    collateral: int
    not_sent: int = 0


class Guarded(_Event, frozen=True, kw_only=True, tag="guard.record"):
    """An undo record was made durable (``opened``) before the act, or closed after the clean proof."""

    episode: int
    record: str
    verb: str
    state: str


class Stalled(_Event, frozen=True, kw_only=True, tag="driver.stalled"):
    """The witness itself stood still from ``since_s`` for ``lasted_s``."""

    since_s: float
    lasted_s: float


class ControlRaised(_Event, frozen=True, kw_only=True, tag="run.raised"):
    """A step of the harness raised: never swallowed, the run is VOID (or UNSAFE after a fault)."""

    where: str
    error: str


class Audited(_Event, frozen=True, kw_only=True, tag="audit.done"):
    """Where every accepted id ended, from the system's own listings against the witness's answers.

    ``settled_s``: seconds after the last undo until nothing was open (NaN-free: -1 if never).
    ``observable`` False: the system lists no ids; nothing may then be claimed.
    """

    observable: bool
    accepted: int
    delivered_once: int
    doubled: int
    dead_letters: int
    missing: int
    foreign: int
    changed: int
    settled_s: float
    examples: tuple[str, ...] = ()


class Streamed(_Event, frozen=True, kw_only=True, tag="stream.counted"):
    """What stood on the subject of a stream's decisions.

    ``decisions`` in all, ``surplus`` of them beyond the first of an id.
    ``out_of_order``: first decisions that came behind that of a record published later.
    """

    decisions: int
    surplus: int
    out_of_order: int


class BackgroundLoad(_Event, frozen=True, kw_only=True, tag="load.background"):
    """What Locust did from before the baseline to after the last wash-out; no figure is made of it.

    ``failed`` of its ``requests`` had an error, no answer, or a status of 400 and above.
    """

    users: int
    requests: int
    failed: int


class Versions(_Event, frozen=True, kw_only=True, tag="driver.versions"):
    """Model versions seen in answers; the observation rows hold the index."""

    names: tuple[str, ...]


class RunEnded(_Event, frozen=True, kw_only=True, tag="run.ended"):
    """Last event of a complete run; a history without it was cut and is VOID.

    ``rows`` and ``rows_sha256`` seal ``observations.bin``; the store fills them in when it ends the
    run. -1 = not counted, and then the run is not complete either. ``world_digest``: over every event of a
    simulated world, "" for a real one.
    """

    state: str
    rows: int = -1
    rows_sha256: str = ""
    world_digest: str = ""


Event = (
    RunStarted
    | StateReset
    | SystemReady
    | Priced
    | LabelsTold
    | FirstDue
    | BaselineMeasured
    | Injected
    | HitAgain
    | WithoutEffect
    | Cleared
    | Undone
    | Clean
    | NotClean
    | Platform
    | Acted
    | Blind
    | Looked
    | Owed
    | TwinMade
    | Partition
    | Touched
    | Guarded
    | Stalled
    | ControlRaised
    | Audited
    | Streamed
    | BackgroundLoad
    | Versions
    | RunEnded
)


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of ``history.jsonl``: sequence number, two clocks, the event, the chained digest."""

    seq: int
    mono_s: float
    wall: str
    event: Event
    chain: str
