"""SPEC.json: what the supervisor is told, decoded once. docs/protocols/supervisor.md describes it."""

from __future__ import annotations

import graphlib
from typing import Annotated, Literal

import msgspec

from harness.experiment.model import Name
from harness.targets.local.profiles import PROFILES, RestartProfile

RUN_VARIABLE = "HORMESIS_RUN"
"""Every process of a run carries its token in this variable."""

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]


class ServiceSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One process: exactly one of ``entry`` and ``command``; ``env`` is its whole environment.

    ``platform``: it also learns the supervisor's address and a token of its own, to restart others.
    ``readiness``, ``health`` and ``worker`` as in ``harness.experiment.model.Service``.
    """

    name: Name
    entry: str = ""
    command: tuple[str, ...] = ()
    env: dict[str, str] = {}
    port: Port
    readiness: str = "/readyz"
    health: str = "/healthz"
    worker: str = ""
    after: tuple[Name, ...] = ()
    start_timeout_s: float = 20.0
    platform: bool = False

    def __post_init__(self) -> None:
        if bool(self.entry) == bool(self.command):
            raise ValueError(f"service {self.name} needs exactly one of entry and command")


class Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file. ``restart`` False: the arm without any platform (no restart, no liveness).

    ``overrides`` replaces single knobs of the profile by name; a plan never does, tests do.
    """

    state_dir: str
    profile: str
    restart: bool
    preload: tuple[str, ...] = ()
    services: tuple[ServiceSpec, ...]
    overrides: dict[str, float] = {}

    def __post_init__(self) -> None:
        if self.profile not in PROFILES:
            raise ValueError(f"no restart profile {self.profile}; there are: {', '.join(PROFILES)}")
        names = [service.name for service in self.services]
        if len(set(names)) != len(names):
            raise ValueError("two services have one name")
        for service in self.services:
            for other in service.after:
                if other not in names:
                    raise ValueError(f"service {service.name} waits for {other}, which is none")
        try:
            graphlib.TopologicalSorter({one.name: one.after for one in self.services}).prepare()
        except graphlib.CycleError as error:
            raise ValueError(f"services wait for each other: {' -> '.join(error.args[1])}") from error

    def restart_profile(self) -> RestartProfile:
        """The named profile with the overrides put in; ``ValidationError`` for an unknown knob."""
        knobs = msgspec.to_builtins(PROFILES[self.profile])
        return msgspec.convert(knobs | self.overrides, RestartProfile, strict=False)


class ServiceState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of ``GET /v1/services``; ``pid`` 0 if none runs, ``since_s`` = instant the state began.

    ``orphaned``: a process of a former life keeps the port, so that none of now can serve.
    """

    name: str
    state: Literal["stopped", "starting", "ready", "unready", "backoff", "orphaned"]
    pid: int
    start_ticks: int
    boot_id: str
    port: int
    restarts: int
    since_s: float
