"""What was asked: experiment, scenario, system and measuring profile, decoded once and frozen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

from harness.experiment.places import Observe
from harness.experiment.reset import Reset
from harness.experiment.rules import HarmBudget, ScoreRules
from harness.experiment.subjects import Subjects
from harness.experiment.tables import Table
from harness.faults.effects import Effect

TCP = "tcp"
"""In place of a route: that the port accepts is all that is asked."""
RUNNING = "running"
"""In place of a route: that the process is there is all that is asked; it listens on no port."""
PORT = "port"
"""In place of a command line: who listens on the service's port."""
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$(?!\n)")]
SecretPlace = Annotated[str, msgspec.Meta(pattern=r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:[^\x00]+)$(?!\n)")]
"""Where a secret is: ``env:NAME``, or ``file:PATH`` counted from the system file's folder."""
Positive = Annotated[float, msgspec.Meta(gt=0)]
Ratio = Annotated[float, msgspec.Meta(ge=0, le=1)]
Arm = Literal["none", "bare", "reference", "seed", "oracle", "always", "random", "never"]
"""Who heals: ``bare`` nobody, ``none`` the platform alone; the others as the system file switches them.

``oracle`` alone is told the truth, where the system file says how. ``always``, ``random`` and ``never`` act
without looking: whoever measures healing must tell them from a good healer.
"""
NOBODY_HEALS: tuple[Arm, ...] = ("bare", "none")
"""Arms that others are compared with, the first of them that was asked for."""
RestartProfile = Literal["fast", "kubernetes"]
Pace = Literal["dense", "sparse"]
"""Of a virtual clock; ``sparse`` is for days on end, where whoever looks again and again waits longer."""


class _Frozen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Profile(_Frozen, frozen=True, kw_only=True):
    """How a run is measured; every knob that changes a figure is here and in the plan hash.

    ``window_s`` (W) is at least ``window_units`` units long; ``hold_s`` is H, ``tau_s`` the horizon.
    """

    name: str = "default"
    rate_hz: Positive = 50.0
    baseline_units: Annotated[int, msgspec.Meta(ge=20)] = 1000
    window_s: Positive = 5.0
    window_units: Annotated[int, msgspec.Meta(ge=5)] = 100
    hold_s: Positive = 30.0
    tau_s: Positive = 120.0
    margin_ratio: Ratio = 0.01
    window_level_ratio: Ratio = 0.05
    deadline_s: Positive = 0.25
    wash_out_s: Positive = 10.0
    settle_s: Positive = 30.0
    golden_every: Annotated[int, msgspec.Meta(ge=0)] = 20
    load_batch: Annotated[int, msgspec.Meta(ge=0, le=256)] = 50
    load_every_s: Positive = 1.0

    @property
    def window_length_s(self) -> float:
        """W in seconds: ``max(window_s, window_units / rate_hz)``."""
        return max(self.window_s, self.window_units / self.rate_hz)

    @property
    def observe_s(self) -> float:
        """How long an episode is watched: tau + W + H."""
        return self.tau_s + self.window_length_s + self.hold_s


class LabelTimes(_Frozen, frozen=True, kw_only=True):
    """When it becomes known what was true of a unit, in seconds of the world after it was due.

    ``spread_s`` is the mean of what comes on top of ``delay_s``, exponential. ``known`` "declined": only of
    what was declined, besides the share ``explored_ratio`` of all units that is looked into anyway.
    """

    delay_s: Annotated[float, msgspec.Meta(ge=0)] = 720.0
    spread_s: Annotated[float, msgspec.Meta(ge=0)] = 720.0
    known: Literal["all", "declined"] = "all"
    explored_ratio: Ratio = 0.0


class Background(_Frozen, frozen=True, kw_only=True):
    """Load beside the witness, made by Locust: ``users`` who ask for ``route`` of the workload's service.

    Together they ask ``rate_hz`` times a second at most, less where answers are slow. ``body`` is posted as
    JSON; "" = GET. Nothing is measured with it.
    """

    users: Annotated[int, msgspec.Meta(ge=1, le=200)]
    route: Annotated[str, msgspec.Meta(pattern=r"^/[!-~]*$(?!\n)")]
    rate_hz: Annotated[float, msgspec.Meta(gt=0, le=1000)] = 50.0
    body: str = ""


class Scenario(_Frozen, frozen=True, kw_only=True):
    """A world with its knobs set; ``knobs`` go to the world's opener as they are.

    ``background`` unset: no load but the witness's own; then no hash knows of the key.
    """

    version: Literal[1]
    name: Name
    world_s_per_run_s: Positive = 720.0
    labels: LabelTimes = LabelTimes()
    knobs: dict[str, str | int | float | bool] = {}
    background: Background | msgspec.UnsetType = msgspec.UNSET


class Source(_Frozen, frozen=True, kw_only=True):
    """A file of the user's own whose content is offered: where it lies here, and its content's hash."""

    path: str
    sha256: str


class Service(_Frozen, frozen=True, kw_only=True):
    """One process of the system: either ``command`` (any program) or ``entry`` (zygote fork).

    ``readiness``: a route that answers 200, ``tcp``: the port accepts, or ``running``: its process is there,
    and a port of its own it has none. ``health``: the same for liveness;
    "" = /healthz, or what ``readiness`` says where that is another than /readyz. ``worker``: ``command`` is a
    loop of the user's that restarts what serves, which is found below it: ``port``, who listens on the
    service's port, or a text that stands in its command line.

    In ``command`` and ``env`` the words ``{python}``, ``{bin}`` (its folder), ``{port}``, ``{state}``,
    ``{template}``, ``{system}``, ``{edge:NAME}`` (host:port at which its edge enters the fault proxy) and
    ``{secret}`` (64 hexadecimal digits, the same for all services of one run) are filled in.
    ``platform``: it gets PLATFORM_URL and PLATFORM_TOKEN, to restart others. ``secrets``: variables that it
    alone gets, and where their values are; a value stands in no file of a run (docs/own-system.md).
    """

    command: tuple[str, ...] = ()
    entry: str = ""
    readiness: str = "/readyz"
    health: str = ""
    worker: str = ""
    after: tuple[Name, ...] = ()
    env: dict[str, str] = {}
    secrets: dict[str, SecretPlace] = {}
    start_timeout_s: Positive = 20.0
    platform: bool = False

    @property
    def health_route(self) -> str:
        """Where liveness is asked.

        >>> Service(readiness="/ready").health_route, Service().health_route
        ('/ready', '/healthz')
        """
        return self.health or ("/healthz" if self.readiness == "/readyz" else self.readiness)


class Edge(_Frozen, frozen=True, kw_only=True):
    """A call from one service to another; the caller learns the address as EDGE_<NAME>_URL.

    Every edge crosses the fault proxy. The edge of the witness, ``driver-<workload.service>``, exists
    in every system, that of the labels where it takes some; both are not listed.
    """

    source: Name
    to: Name


class Switch(_Frozen, frozen=True, kw_only=True):
    """How one arm is switched on: ``env`` is added to every service, ``services`` run in this arm only.

    A service that any arm lists here runs in no arm that does not.
    """

    env: dict[str, str] = {}
    services: tuple[Name, ...] = ()


class HookProgram(_Frozen, frozen=True, kw_only=True):
    """A program that does faults which only the system itself knows how to do, and the actions it can do.

    In ``command`` the words ``{python}``, ``{template}`` and ``{system}`` are filled in. It is called in
    the system file's folder with the addresses of all services as ``URL_<NAME>``, ``STATES_DIR``,
    ``HOOK_DIR`` (its own) and ``SWITCH_TOKEN``.
    """

    command: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    actions: tuple[str, ...]


Archetype = Literal["request", "stream", "table"]
"""How units reach a system: each is posted, or published, or lands in a partition."""
Pointed = Literal["decision", "score", "version", "degraded", "dead_letter"]
"""What may stand in an answer, and where a workload says with a JSON Pointer."""
POINTED: Mapping[str, Mapping[Pointed, str]] = {
    "batch": {
        "decision": "/decision",
        "score": "/score",
        "version": "/model",
        "degraded": "/degraded",
        "dead_letter": "/dead_letter",
    },
    "single": {"decision": "/decision", "score": "", "version": "", "degraded": "", "dead_letter": ""},
}


class Workload(_Frozen, frozen=True, kw_only=True):
    """Where units are offered, and how your answers are read.

    ``body`` batch: as docs/protocols/pipeline.md says, answers are matched by id. ``single``: one record is
    the JSON body, or stands in it at the pointer ``under``; its answer is the JSON that comes back on the
    call. ``units``: a file of records (JSONL, or CSV by its ending), offered in order, again and again;
    ``check``: a file of golden units; both count from the system file's folder. A right decision is of the
    kind ``decides``; a number lies ``within`` a range and differs from a golden one by at most ``tolerance``.
    The others are JSON Pointers into the answer; "" = the system does not tell it, None = as ``POINTED``.

    Archetype ``stream``: each record is a message to one of the ``subjects`` of ``service``, a NATS server,
    and a decision is a message on the other; both are read as a ``single`` body is. Archetype ``table``:
    ``service`` is a job that scores partitions, as ``table`` says; of the others only ``units`` has a use.
    """

    archetype: Archetype = "request"
    service: Name
    route: str = ""
    subjects: Subjects | None = None
    table: Table | None = None
    body: Literal["batch", "single"] = "batch"
    under: str = ""
    units: str = ""
    check: str = ""
    decides: Literal["text", "number", "bool"] = "text"
    within: tuple[float, float] | None = None
    tolerance: Annotated[float, msgspec.Meta(ge=0)] = 1e-6
    decision: str | None = None
    score: str | None = None
    version: str | None = None
    degraded: str | None = None
    dead_letter: str | None = None

    @property
    def form(self) -> Literal["batch", "single"]:
        """How records are offered: together in one body, or one by one."""
        return "single" if self.archetype == "stream" else self.body

    def pointer(self, of: Pointed) -> str:
        """Where ``of`` stands in an answer; "" = the system does not tell it.

        >>> Workload(service="a", route="/predict", body="single", version="/v").pointer("version")
        '/v'
        """
        written: str | None = getattr(self, of)
        return POINTED[self.form][of] if written is None else written


class Audit(_Frozen, frozen=True, kw_only=True):
    """Routes that list ids by cursor, as ``service:/route``; empty = not observable."""

    accepted: str = ""
    sink: str = ""
    dead_letters: str = ""


class Prepare(_Frozen, frozen=True, kw_only=True):
    """The command that builds the state a run starts from; cached by its inputs' content.

    It makes the folder ``{out}`` of ``{scenario}`` and ``{seed}``; exit code 2 says: the scenario is wrong.
    """

    command: tuple[str, ...]
    inputs: tuple[str, ...] = ()


class Simulation(_Frozen, frozen=True, kw_only=True):
    """How a system runs on a virtual clock.

    ``opens``: what opens it, ``module:function``; ``costs``: a file of measured costs beside the system file,
    "" = nothing costs time.
    """

    opens: str
    costs: str = ""


class System(_Frozen, frozen=True, kw_only=True):
    """What is tested, as its ``hormesis.yaml`` says.

    ``labels``: where labels go, ``truth``: where P(y = 1 | x) goes in arm ``oracle`` alone; both as
    ``service:/route`` of one service. ``simulation``: how it runs on a virtual clock; None: it cannot.
    """

    version: Literal[1]
    name: Name
    services: dict[Name, Service]
    workload: Workload
    edges: dict[Name, Edge] = {}
    labels: str = ""
    truth: str = ""
    audit: Audit = Audit()
    arms: dict[Arm, Switch] = {}
    observe: Observe = Observe()
    hooks: dict[Name, HookProgram] = {}
    prepare: Prepare | None = None
    reset: Reset | None = None
    preload: tuple[str, ...] = ()
    world: str = ""
    simulation: Simulation | None = None

    @property
    def witness_edge(self) -> str:
        """The edge on which units are offered; "" where partitions land, which cross none."""
        return "" if self.workload.table else f"driver-{self.workload.service}"

    @property
    def label_edge(self) -> str:
        """The edge on which labels are told; "" where the system takes none."""
        to = self.labels or self.truth
        return f"driver-{to.partition(':')[0]}" if to else ""

    @property
    def all_edges(self) -> dict[str, Edge]:
        """All edges that a fault can hit, the driver's own first."""
        own: dict[Name, Edge] = {}
        if self.witness_edge:
            own = {self.witness_edge: Edge(source="driver", to=self.workload.service)}
        if self.label_edge:
            own |= {self.label_edge: Edge(source="driver", to=self.label_edge.removeprefix("driver-"))}
        return own | self.edges

    def services_of(self, arm: str) -> dict[str, Service]:
        """The services that run in ``arm``."""
        own = set(self.arms[arm].services) if arm in self.arms else set()
        others = {name for switch in self.arms.values() for name in switch.services} - own
        return {name: service for name, service in self.services.items() if name not in others}


class Pauses(_Frozen, frozen=True, kw_only=True):
    """Quiet time around an episode, in seconds: before its injection, and after its wash-out."""

    before: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    after: Annotated[float, msgspec.Meta(ge=0)] = 0.0


class FaultStep(_Frozen, frozen=True, kw_only=True):
    """One action of ``method``: a fault by kind, compiled to its effect; class name for tables."""

    name: str
    kind: str
    effect: Effect
    pauses: Pauses = Pauses()


class Objective(_Frozen, frozen=True, kw_only=True):
    """A claim that the file makes: service back within ``served_within_s`` in >= ``share_ratio``.

    ``fault`` and ``arm`` empty means every class. ``level`` full: back without degraded answers.
    ``while_hurt``: back at least a window before the fault was gone. ``availability_ratio`` is judged over
    sham runs, ``exactly_once`` over all runs, ``no_acts`` over those in which nothing is broken: sham and
    placebos. ``harm_left_ratio``: how much of what the move cost may be left over the last decisions before
    the horizon, in >= ``share_ratio`` of the episodes in which it did cost something.
    """

    fault: str = ""
    arm: str = ""
    served_within_s: Positive | None = None
    share_ratio: Ratio = 0.9
    availability_ratio: Ratio | None = None
    exactly_once: bool = False
    level: Literal["served", "full"] = "served"
    while_hurt: bool = False
    no_acts: bool = False
    harm_left_ratio: Ratio | None = None


class Gate(_Frozen, frozen=True, kw_only=True):
    """What a new version may be worse by than a baseline, in one ``arm`` ("" = the first of the file).

    FAIL is evidence that recovery is slower than ``slower_ratio`` times the baseline's and by more than
    ``slower_s``, or that more than ``never_ratio`` of the episodes are not back within their horizon. PASS
    is evidence, class by class, against a slow-down by ``excluded_ratio`` and ``excluded_s``, and against
    ``never_excluded_ratio``. What heals falsely more often than ``false_heals_per_h``, or loses more service
    than nobody's healing in more than ``harmed_ratio`` of runs, or keeps less than ``floor_points`` of 100 in
    the mean of some class, fails as well; None = not asked.
    """

    arm: Arm | Literal[""] = ""
    slower_ratio: Annotated[float, msgspec.Meta(ge=1)] = 1.1
    slower_s: Annotated[float, msgspec.Meta(ge=0)] = 0.1
    excluded_ratio: Annotated[float, msgspec.Meta(gt=1)] = 2.0
    excluded_s: Annotated[float, msgspec.Meta(ge=0)] = 0.5
    never_ratio: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.05
    never_excluded_ratio: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.15
    false_heals_per_h: Positive | None = None
    harmed_ratio: Annotated[float, msgspec.Meta(gt=0, lt=1)] | None = None
    floor_points: Annotated[float, msgspec.Meta(gt=0, lt=100)] | None = None

    def __post_init__(self) -> None:
        if self.excluded_ratio <= self.slower_ratio or self.excluded_s < self.slower_s:
            raise ValueError(
                "what PASS excludes (excluded_ratio, excluded_s) must be worse than what FAIL finds"
            )
        if self.never_excluded_ratio <= self.never_ratio:
            raise ValueError("never_excluded_ratio must be above never_ratio")


class Experiment(_Frozen, frozen=True, kw_only=True):
    """The question, complete: which faults, which arms, how often, measured how, what must hold."""

    title: str
    description: str
    file: str
    sha256: str
    system: System
    system_dir: str
    system_file: str = ""
    scenario: Scenario
    scenario_file: str = ""
    source: Source | None = None
    units: Source | None = None
    check: Source | None = None
    profile: Profile
    steps: tuple[FaultStep, ...]
    arms: tuple[Arm, ...] = ("none",)
    restart_profiles: tuple[RestartProfile, ...] = ("fast",)
    repetitions: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1
    sham: bool = True
    objectives: tuple[Objective, ...] = ()
    gate: Gate = Gate()
    score: ScoreRules = ScoreRules()
    harm: HarmBudget = HarmBudget()


PROFILES: dict[str, Profile] = {
    "default": Profile(),
    "demo": Profile(
        name="demo",
        rate_hz=200.0,
        baseline_units=400,
        window_s=0.5,
        hold_s=2.0,
        tau_s=10.0,
        wash_out_s=1.5,
        settle_s=15.0,
    ),
    "campaign": Profile(
        name="campaign",
        rate_hz=200.0,
        baseline_units=400,
        window_s=1.0,
        hold_s=3.0,
        tau_s=8.0,
        wash_out_s=3.0,
        settle_s=30.0,
        golden_every=10,
    ),
    "drift": Profile(
        name="drift",
        tau_s=90.0,
        hold_s=5.0,
        load_every_s=0.25,
    ),
    "test": Profile(
        name="test",
        rate_hz=200.0,
        baseline_units=400,
        window_s=0.5,
        hold_s=1.5,
        tau_s=6.0,
        wash_out_s=1.5,
        settle_s=15.0,
    ),
    "table": Profile(
        name="table",
        rate_hz=5.0,
        baseline_units=25,
        window_s=1.0,
        window_units=5,
        hold_s=1.0,
        tau_s=10.0,
        deadline_s=1.0,
        wash_out_s=2.0,
        settle_s=10.0,
        golden_every=0,
        load_batch=0,
    ),
}
