"""Whether runs depend on each other, in words: of one class, and of all as a line about trust."""

from __future__ import annotations

from harness.estimates.counts import Dependence
from harness.estimates.model import ClassEstimate, Estimates
from harness.report.document import Check


def depends_text(found: Dependence | None) -> str:
    """Say it of a class where it was found; "" where not.

    >>> depends_text(Dependence(n=40, needs_n=20, lag1=0.6, p=0.0005, widened=4.0))
    'runs depend on each other (+0.60 with the next, p 0.0005): intervals as of 10.0 of 40 runs'
    >>> depends_text(Dependence(n=19, needs_n=20))
    ''
    """
    if found is None or found.lag1 is None or found.widened <= 1:
        return ""
    seen = f"{found.lag1:+.2f} with the next, p {found.p:.2g}"
    return (
        f"runs depend on each other ({seen}): intervals as of {found.n / found.widened:.1f} of {found.n} runs"
    )


def depends_check(estimates: Estimates) -> Check:
    """Say of how many classes it was tested; what was not tested is a limit, and told."""
    classes = [(c, c.dependence) for c in estimates.classes if c.n and c.dependence is not None]
    tested = [(c, one) for c, one in classes if one.lag1 is not None]
    few = [one for _, one in classes if one.n < one.needs_n]
    told = [f"tested in {len(tested)} of {len(classes)} classes"]
    if few:
        told.append(f"needs {max(one.n for one in few)} / {few[0].needs_n} runs in {len(few)}")
    if alike := len(classes) - len(tested) - len(few):
        told.append(f"all runs alike in {alike}")
    told += [f"{_name(c)}: {words}" for c, one in tested if (words := depends_text(one))]
    return Check(
        text="Runs of a class tell nothing of the next one (correlation of neighbours, 5 %)",
        value="; ".join(told),
        ok=bool(classes),
        weak=len(tested) < len(classes) or any(one.widened > 1 for _, one in tested),
    )


def _name(c: ClassEstimate) -> str:
    return f"{c.fault} {c.service}, {c.arm}, {c.restart_profile}"
