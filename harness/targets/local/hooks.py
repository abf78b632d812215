"""Harm by a program of the system's own: asked to do, seen on a route of the system, asked to undo.

Comes in: a ``Hook``. Goes out: ``Applied``. The program is called as ``COMMAND do|undo ACTION SCALE SHIFT``
with the addresses of the run, and prints one JSON object: ``proof`` (words), and ``seen``, where the effect
shows. It is not believed: that route is looked at once it is done, while it lasts, and at the end.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import Protocol

import msgspec

from harness.errors import Refused, Unsafe
from harness.faults.effects import Hook
from harness.ports import Clock
from harness.targets.base import Applied, MachineClock, Proof, WithoutEffect
from harness.targets.local.looks import Answer, look
from harness.targets.local.system import LocalSystem

PROGRAM_LIMIT_S = 20.0
LOOK_EVERY_S = 0.05
_LOOK_S = 1.0


class Seen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where an effect shows: ``service`` answers ``route`` with ``status``, under ``key`` with ``equals``."""

    service: str
    route: str
    status: int = 200
    key: str = ""
    equals: str = ""


class Said(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the program prints."""

    proof: tuple[str, ...] = ()
    seen: Seen | None = None


class Hooked(Protocol):
    """A system that has hooks."""

    @property
    def clock(self) -> Clock:
        """Whose time counts."""
        ...

    def call(self, effect: Hook, verb: str, /) -> bytes:
        """Have the hook do or undo something; gives what it prints, ``WithoutEffect`` where it fails."""
        ...

    def look(self, service: str, route: str, /) -> Answer | None:
        """GET ``route`` of a service within a second; None where there is no such service."""
        ...


class HookHarm:
    """Hooks of a started system. ``seen_within_s`` bounds every look for a proof."""

    def __init__(self, system: Hooked, seen_within_s: float) -> None:
        self._system = system
        self._clock = system.clock
        self._seen_within_s = seen_within_s

    def apply(self, effect: Hook) -> Applied:
        """Have it done and see it; ``WithoutEffect`` if it is not seen, and then it has been undone."""
        asked_at_s = self._clock.now_s()
        said = self._call(effect, "do")
        seen = said.seen
        try:
            if seen is None or self._system.look(seen.service, seen.route) is None:
                raise WithoutEffect(f"the hook does not say where {effect.action} shows")
            if not self._until(seen, there=True):
                raise WithoutEffect(f"not seen: {_words(seen)}")
        except WithoutEffect:
            self._call(effect, "undo")
            raise
        return Applied(
            effect=effect,
            pid=0,
            start_ticks=0,
            boot_id="",
            asked_at_s=asked_at_s,
            effective_at_s=self._clock.now_s(),
            proof=(*said.proof, _words(seen)),
            handle=msgspec.json.encode(seen).decode(),
            shows=f"{seen.service}:{seen.route} {seen.equals}" if seen.equals else "",
        )

    def holds(self, applied: Applied) -> bool:
        """Say whether the effect is still seen; where nobody answers it was not seen to be gone."""
        return self._shows(_seen_of(applied)) is not False

    def undo(self, applied: Applied, effect: Hook) -> bool:
        """Have it undone; True if it was still there."""
        there = self.holds(applied)
        self._call(effect, "undo")
        return there

    def look_gone(self, applied: Applied) -> Proof:
        """Look until an answer shows that the effect is gone; ``Unsafe`` if it stays, or nobody answers."""
        seen = _seen_of(applied)
        if not self._until(seen, there=False):
            raise Unsafe(f"not seen to be gone: {_words(seen)}")
        return (f"gone: {_words(seen)}",)

    def _call(self, effect: Hook, verb: str) -> Said:
        try:
            return msgspec.json.decode(self._system.call(effect, verb), type=Said)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise WithoutEffect(f"hook {effect.hook} {verb} did not say what it did: {error}") from error

    def _until(self, seen: Seen, *, there: bool) -> bool:
        until_s = self._clock.now_s() + self._seen_within_s
        while self._shows(seen) is not there:
            if self._clock.now_s() >= until_s:
                return False
            self._clock.sleep_until(self._clock.now_s() + LOOK_EVERY_S)
        return True

    def _shows(self, seen: Seen) -> bool | None:
        """Whether the effect is seen; None: no answer, and silence shows nothing."""
        answer = self._system.look(seen.service, seen.route)
        if answer is None or answer.status == 0:
            return None
        if answer.status != seen.status:
            return False
        return not seen.key or _value(answer.body, seen.key) == seen.equals


@dataclass(frozen=True, slots=True)
class LocalHooks:
    """Programs of this machine, in the environment of a started system."""

    running: LocalSystem
    clock: Clock = MachineClock()  # noqa: RUF009 - it has no state

    def call(self, effect: Hook, verb: str, /) -> bytes:
        """See ``Hooked``."""
        command, environment, folder = self.running.hook(effect.hook)
        words = [*command, verb, effect.action, repr(effect.scale), repr(effect.shift)]
        try:
            done = subprocess.run(  # where its words count from, as consent looked at them
                words,
                env=environment,
                cwd=folder,
                capture_output=True,
                timeout=PROGRAM_LIMIT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise WithoutEffect(f"hook {effect.hook}: {error}") from error
        if done.returncode:
            tail = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
            raise WithoutEffect(f"hook {effect.hook} {verb} ended {done.returncode}: {' '.join(tail)}")
        return done.stdout

    def look(self, service: str, route: str, /) -> Answer | None:
        """See ``Hooked``."""
        port = self.running.ports.get(service)
        return None if port is None else look(port, route, _LOOK_S)


def _seen_of(applied: Applied) -> Seen:
    try:
        return msgspec.json.decode(applied.handle, type=Seen)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(f"this is no effect of a hook: {applied.handle[:100]}") from error


def _value(body: bytes, key: str) -> object:
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return document.get(key) if isinstance(document, dict) else None


def _words(seen: Seen) -> str:
    what = f"{seen.key} is {seen.equals}" if seen.key else f"status {seen.status}"
    return f"{seen.service}{seen.route}: {what}"
