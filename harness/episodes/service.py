"""The witness's rows as service: one row a unit, sorted by due, judged at two levels.

In: rows of a history. Out: ``Service`` with arrays of one entry a unit, and figures over the run.
Load rows are no sample of service (they come in batches) and are left out here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.episodes.recovery import DIGITS, Units
from harness.experiment.model import Profile
from harness.history.observations import BAD, DEGRADED, GOOD, UNKNOWN, WITNESS, Rows

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

WINDOW_S = 10.0
WINDOW_GOOD_RATIO = 0.99
_RANK = {GOOD: 0, DEGRADED: 1, BAD: 2, UNKNOWN: 3}


@dataclass(frozen=True, slots=True)
class Service:
    """Witness units sorted by due; all arrays have shape (n,). *served* = good or degraded, *full* = good."""

    unit: NDArray[np.uint64]
    due: Floats
    sent: Floats
    ended: Floats
    weight: Floats
    served: Bools
    full: Bools

    def first_hurt_s(self, asked_at_s: float, effective_at_s: float, deadline_s: float) -> float | None:
        """Due instant of the first unit that the fault hurt in flight; None = it hurt none.

        Only an unbroken run of bad units up to the fault counts, each still open when the fault was
        asked for and due at most a deadline before: what went wrong earlier has another cause.
        """
        low, high = np.searchsorted(self.due, [asked_at_s - deadline_s, effective_at_s])
        hurt = (~self.served & (self.ended >= asked_at_s))[low:high]
        unbroken = int(np.argmin(hurt[::-1])) if not hurt.all() else len(hurt)
        return float(self.due[high - unbroken]) if unbroken else None

    def units(self, *, full: bool) -> Units:
        """The series of one level; what is unknown counts as bad.

        What was never sent is bracketed by its due instant and the end that its row has.
        """
        sent = np.where(np.isfinite(self.sent), self.sent, self.due)
        ended = np.where(np.isfinite(self.ended), self.ended, sent)
        return Units(self.due, ~(self.full if full else self.served), self.weight, sent, ended)


def service_of(rows: Rows) -> Service:
    """Take the witness's rows; of several attempts at one unit the best outcome counts.

    A row without a due instant or a weight is no observation; its unit then shows as a hole.
    """
    whole = np.isfinite(rows["due"]) & np.isfinite(rows["weight"]) & (rows["weight"] > 0)
    witness = rows[whole & (rows["stream"] == WITNESS)]
    rank = np.full(256, len(_RANK), dtype=np.int64)  # an outcome that nobody knows is worst
    for outcome, place in _RANK.items():
        rank[outcome] = place
    best_first = witness[np.lexsort((rank[witness["outcome"]], witness["unit"]))]
    _, first = np.unique(best_first["unit"], return_index=True)
    chosen = best_first[first]
    chosen = chosen[np.argsort(chosen["due"], kind="stable")]
    good, degraded = chosen["outcome"] == GOOD, chosen["outcome"] == DEGRADED
    return Service(
        unit=chosen["unit"],
        due=chosen["due"].astype(np.float64),
        sent=chosen["sent"].astype(np.float64),
        ended=chosen["ended"].astype(np.float64),
        weight=chosen["weight"].astype(np.float64),
        served=good | degraded,
        full=good,
    )


def availability(service: Service) -> float | None:
    """Weighted share of units served over the whole run; None without a unit."""
    bad = service.units(full=False).bad_ratio()
    return None if bad is None else round(1 - bad, DIGITS)


def send_lag_p99_ms(service: Service) -> float | None:
    """99th percentile of sent - due in milliseconds over what was sent; None if nothing was."""
    lag = (service.sent - service.due)[np.isfinite(service.sent)]
    return round(float(np.quantile(lag, 0.99)) * 1000, 3) if lag.size else None


def windows_met(service: Service, profile: Profile, first_due_s: float | None) -> tuple[int, int]:
    """(windows with at least 99 % good service, whole windows) side by side from the first slot.

    Windows are 10 s long, or W where the horizon is shorter than ten of them.
    """
    length_s = WINDOW_S if profile.tau_s >= 10 * WINDOW_S else profile.window_length_s
    if first_due_s is None or not service.due.size:
        return 0, 0
    number = np.floor((service.due - first_due_s) / length_s)
    whole = (number >= 0) & (number < number.max())  # the last one may be torn
    distinct, place = np.unique(number[whole], return_inverse=True)
    total = np.bincount(place, weights=service.weight[whole])
    good = np.bincount(place, weights=(service.weight * service.served)[whole])
    return int((good >= WINDOW_GOOD_RATIO * total - 1e-9).sum()), len(distinct)


def quality(units: Units, from_s: float, bin_s: float, bins: int) -> tuple[float | None, ...]:
    """Weighted share of good units in each of ``bins`` bins from ``from_s`` on; None = no unit."""
    part = units.between(from_s, from_s + bins * bin_s)
    number = np.minimum(((part.due - from_s) / bin_s).astype(np.int64), bins - 1)
    total = np.bincount(number, weights=part.weight, minlength=bins)
    good = np.bincount(number, weights=part.weight * ~part.bad, minlength=bins)
    return tuple(round(float(g / t), 4) if t > 0 else None for g, t in zip(good, total, strict=True))
