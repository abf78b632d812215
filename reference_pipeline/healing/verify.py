"""Did it help? Told by another signal than the one that asked for the act.

Comes in: probes after a restart; the gateway's count of repaired records and new dead letters after a
mapping. Goes out: True, False, or None while it cannot be known. No I/O.
"""

from __future__ import annotations

from reference_pipeline.healing.acts import Map, Restart
from reference_pipeline.healing.config import HealerConfig
from reference_pipeline.healing.detect import Watch
from reference_pipeline.healing.model import is_of
from reference_pipeline.healing.ports import DeadLetter

QUIET = "no such record came any more; the replay will tell"
REPAIRED = "records are repaired and no new dead letter of this kind came"
STILL_BROKEN = "records of this kind are still put into the dead letters"


def restarted(
    act: Restart, watch: Watch, *, finished_s: float, now_s: float, config: HealerConfig
) -> bool | None:
    """True once the service answers with another boot id, False when it did not in time."""
    if watch.answered_s > finished_s and watch.boot_id != act.boot_id:
        return True
    return False if now_s - finished_s > config.restart_verify_s else None


class MappingCheck:
    """Watches one mapping; begins anew when the healer does."""

    def __init__(self, act: Map, finished_s: float, config: HealerConfig) -> None:
        self._act = act
        self._config = config
        self._from_s = finished_s + config.mapping_grace_s
        self._since_s: float | None = None
        self._mark = 0
        self._repaired = 0.0
        self._grown = 0.0
        self._misses = 0

    def see(self, letter: DeadLetter) -> None:
        """Take one dead letter in that was read just now."""
        late = self._since_s is not None and letter.seq > self._mark
        self._misses += late and is_of(letter, self._act.field, self._act.source)

    def verdict(self, now_s: float, *, repaired: float, last_seq: int) -> tuple[bool | None, str]:
        """Judge; ``last_seq`` is the newest dead letter read, all before it were seen.

        ``repaired`` is the gateway's count; it falls to zero with a restart of the gateway.
        """
        if self._since_s is None:
            if now_s >= self._from_s:
                self._since_s, self._mark, self._repaired = now_s, last_seq, repaired
            return None, ""
        self._grown += max(0.0, repaired - self._repaired) if repaired >= self._repaired else repaired
        self._repaired = repaired
        watched_s = now_s - self._since_s
        if self._misses >= self._config.mapping_misses:
            return False, STILL_BROKEN
        if watched_s < self._config.mapping_observe_s:
            return None, ""
        if self._grown and not self._misses:
            return True, REPAIRED
        if watched_s < self._config.mapping_verify_s:
            return None, ""
        return (False, STILL_BROKEN) if self._misses else (True, QUIET)
