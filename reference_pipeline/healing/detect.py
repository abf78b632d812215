"""Hang detection: a process that holds its port and says nothing, told from one that is slow or dead.

Comes in: the outcome of every probe, and when our own loop overslept. Goes out: services that are hung.
Pure. Silence counts only after the last word of the service, only while we were awake ourselves, and
only while most of the others answered: a stalled machine, a stalled healer and a slow service are no
hang. A refused connection is a word: a dead process is the platform's job.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from reference_pipeline.healing.config import HealerConfig

Heard = Literal["answer", "refusal", "nothing"]


@dataclass(frozen=True, slots=True)
class Probed:
    """One probe that is over: ``nothing`` = no byte within the deadline."""

    service: str
    sent_s: float
    at_s: float
    heard: Heard
    boot_id: str = ""


@dataclass(frozen=True, slots=True)
class Watch:
    """What is known of one service; ``word_s``: the end of the last time that proves nothing."""

    word_s: float = float("-inf")
    answered_s: float = float("-inf")
    boot_id: str = ""
    silent_count: int = 0
    silent_since_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Hung:
    """A hung service, with what was seen of it."""

    service: str
    boot_id: str
    probes: int
    silence_s: float
    others_answered: int


Watches = Mapping[str, Watch]


def probed(watches: Watches, probe: Probed) -> Watches:
    """Take one finished probe in."""
    return {**watches, probe.service: _after(watches.get(probe.service, Watch()), probe)}


def _after(was: Watch, probe: Probed) -> Watch:
    match probe.heard:
        case "answer":
            return Watch(probe.at_s, probe.at_s, probe.boot_id)
        case "refusal":
            return replace(was, word_s=probe.at_s, silent_count=0)
        case "nothing":
            return _silent(was, probe.sent_s)


def _silent(was: Watch, sent_s: float) -> Watch:
    if sent_s < was.word_s:
        return was  # it was heard, or we slept, since this was sent
    since_s = min(was.silent_since_s, sent_s) if was.silent_count else sent_s
    return replace(was, silent_count=was.silent_count + 1, silent_since_s=since_s)


def overslept(watches: Watches, now_s: float) -> Watches:
    """Drop all evidence of silence: our own loop was late until ``now_s``."""
    return {
        name: replace(watch, word_s=max(watch.word_s, now_s), silent_count=0)
        for name, watch in watches.items()
    }


def hung(watches: Watches, now_s: float, config: HealerConfig) -> list[Hung]:
    """List the services that are hung now."""
    found = []
    for name, watch in watches.items():
        silence_s = now_s - watch.silent_since_s
        others = [other for key, other in watches.items() if key != name]
        answered = sum(now_s - other.answered_s <= config.recent_s for other in others)
        enough = watch.silent_count >= config.probes_silent_least and silence_s >= config.silence_least_s
        if enough and answered and 2 * answered > len(others):
            found.append(Hung(name, watch.boot_id, watch.silent_count, silence_s, answered))
    return found
