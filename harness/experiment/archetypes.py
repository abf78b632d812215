"""What each archetype of work needs, and what it has no use for; the one place of this stage that lists them.

Comes in: a decoded ``System``. Goes out: findings.
"""

from __future__ import annotations

from collections.abc import Mapping

from harness.experiment.excerpt import quoted
from harness.experiment.findings import Findings
from harness.experiment.model import Archetype, System
from harness.experiment.streams import check_stream
from harness.experiment.table_checks import check_table

NEEDS: Mapping[Archetype, tuple[str, str]] = {
    "request": ("route", "records are posted to a route"),
    "stream": ("subjects", "records go to a subject"),
    "table": ("table", "partitions land, and results are looked at"),
}
"""By archetype, the key that says where its units go, and why no other has a use there."""


def check_archetype(system: System, findings: Findings) -> None:
    """Note the key that an archetype lacks (HRM203), those of another (HRM306), and what its own say."""
    workload = system.workload
    own, why = NEEDS[workload.archetype]
    for key, _ in NEEDS.values():
        given = bool(getattr(workload, key))
        if key == own and not given:
            message, help_text = f"the key '{key}' is missing", f"add '{key}:'"
            why_missing = f"the archetype is {workload.archetype}: {why}"
            findings.add("HRM203", message, ("workload",), key=True, why=why_missing, help=help_text)
        elif key != own and given:
            findings.add(
                "HRM306",
                f"{quoted(key)} has no use here",
                ("workload", key),
                key=True,
                why=f"the archetype is {workload.archetype}: {why}",
                help=f"remove {quoted(key)}, or write the archetype that has it",
            )
    if workload.archetype == "stream":
        check_stream(system, findings)
    elif workload.archetype == "table":
        check_table(system, findings)
