"""Actions and rollbacks for plain ``chaos run``; each proves its effect or raises.

A process is named by pid and start ticks through a pidfd, so that a reused pid is never hit. Faults on edges
go to the running fault proxy; those in records, labels, models and of the world are listed, so that `chaos
validate` accepts a file that `hormesis run` runs, and refuse to be called.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from harness.errors import Refused, Unsafe, Untrustworthy
from harness.frontends.chaostoolkit.actions import action, compiled
from harness.frontends.chaostoolkit.platform import platform, process_of
from harness.frontends.chaostoolkit.wire import restore_edge
from harness.shell import monotonic_s, sleep_until

if TYPE_CHECKING:
    from harness.guard.leash import Leash
    from harness.targets.local.spec import ServiceState

EFFECT_WITHIN_S = 5.0
READY_WITHIN_S = 20.0
SLACK_S = 5.0
"""A hang that ends by itself is ended by us, on time; whoever stands by only where that does not happen."""
LOOK_EVERY_S = 0.02
_held: dict[str, Leash] = {}
"""What continues the process of a service if this one ends before its rollback."""

network_latency = action("network.latency")
network_bandwidth = action("network.bandwidth")
network_partition = action("network.partition")
network_black_hole = action("network.black_hole")
network_refuse = action("network.refuse")
network_reset = action("network.reset")
network_slice = action("network.slice")
network_corrupt = action("network.corrupt")
network_wrong_body = action("network.wrong_body")
data_rename_field = action("data.rename_field")
data_drop_field = action("data.drop_field")
data_add_field = action("data.add_field")
data_change_type = action("data.change_type")
data_change_unit = action("data.change_unit")
data_nulls = action("data.nulls")
data_sentinel = action("data.sentinel")
data_duplicate = action("data.duplicate")
data_late = action("data.late")
data_stuck_value = action("data.stuck_value")
data_new_category = action("data.new_category")
data_truncate_batch = action("data.truncate_batch")
data_wrong_rename = action("data.wrong_rename")
world_covariate_shift = action("world.covariate_shift")
world_concept_change = action("world.concept_change")
world_label_shift = action("world.label_shift")
labels_delay = action("labels.delay")
labels_stop = action("labels.stop")
labels_noise = action("labels.noise")
labels_selective = action("labels.selective")
labels_poison = action("labels.poison")
model_bad_candidate = action("model.bad_candidate")
model_confident_wrong = action("model.confident_wrong")
model_constant = action("model.constant")
model_stale = action("model.stale")
model_wrong_alias = action("model.wrong_alias")
model_corrupt_file = action("model.corrupt_file")
model_calibration = action("model.calibration")
placebo_surge = action("placebo.surge")
placebo_slow_batch = action("placebo.slow_batch")
placebo_added_field = action("placebo.added_field")
placebo_better_model = action("placebo.better_model")


def network_restore(edge: str) -> dict[str, object]:
    """Take every fault of ours off ``edge``; ``Unsafe`` where one stays. Calling it twice is harmless."""
    return restore_edge(edge)


def process_kill(service: str, times: int = 1, every_s: float | None = None) -> dict[str, object]:
    """End the one process of ``service`` with SIGKILL and wait until it is gone.

    ``times``, ``every_s`` apart; a further one that meets no process is counted as ``missed``.
    """
    again = {} if every_s is None else {"every_s": every_s}
    compiled("process.kill", {"service": service, "times": times, **again})
    first_s, missed = monotonic_s(), 0
    told = _killed(_running(process_of(platform(), service)))
    for number in range(1, times):
        sleep_until(first_s + number * (every_s or 0.0))
        row = process_of(platform(), service)
        try:
            _killed(_running(row))
        except (Refused, ProcessLookupError):  # none, or the supervisor has not heard yet that it is gone
            missed += 1
    return told | ({"times": times, "missed": missed} if times > 1 else {})


def _killed(row: ServiceState) -> dict[str, object]:
    from harness.targets.local.kernel import is_gone, pinned

    with pinned(row.pid, row.start_ticks) as handle:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        if not is_gone(handle, EFFECT_WITHIN_S):
            raise Untrustworthy(f"{row.name} (pid {row.pid}) got SIGKILL and is still there")
    return {"service": row.name, "pid": row.pid, "fault": "process.kill"}


def process_hang(service: str, duration_s: float | None = None) -> dict[str, object]:
    """Stop the one process of ``service`` with SIGSTOP; it stays until ``process_restore``.

    With ``duration_s`` the call lasts that long and continues the process at its end. Whatever interrupts it,
    the death of this process too, the hurt one goes on; at the latest after 15 minutes.
    """
    from harness.guard.leash import Leash, NotHeld
    from harness.guard.records import TTL_S_MAX
    from harness.targets.local.kernel import pinned

    if duration_s is not None and not duration_s > 0:
        raise Refused(f"duration_s must be above 0, not {duration_s}. Nothing was injected.")
    row = _running(process_of(platform(), service))
    _let_go(service)
    with pinned(row.pid, row.start_ticks) as handle:
        try:
            leash = Leash(handle, min(TTL_S_MAX, (duration_s or TTL_S_MAX) + SLACK_S))
        except NotHeld as error:
            raise Refused(f"{service} is not stopped: {error}. Nothing was injected.") from error
        lasts = False
        try:
            signal.pidfd_send_signal(handle, signal.SIGSTOP)
            _wait_stopped(service, row.pid)
            if duration_s is not None:
                sleep_until(monotonic_s() + duration_s)
            lasts = duration_s is None
        finally:
            if not lasts:
                leash.let_go()
                signal.pidfd_send_signal(handle, signal.SIGCONT)  # whatever became of whoever stood by
    if lasts:
        _held[service] = leash
    return {"service": service, "pid": row.pid, "fault": "process.hang", "duration_s": duration_s}


def process_restore(service: str) -> dict[str, object]:
    """Undo both faults: continue the process if it is stopped, start it if it does not run.

    Raises ``Unsafe`` where the service is not ready again within 20 s. Calling it twice is harmless.
    """
    client = platform()
    row = process_of(client, service)
    continued = row.pid != 0 and _continue(row)
    _let_go(service)
    if row.pid == 0:
        client.act(service, "start")
    until_s = monotonic_s() + READY_WITHIN_S
    while (row := process_of(client, service)).state != "ready":
        if monotonic_s() > until_s:
            raise Unsafe(f"{service} is {row.state} after the undo (pid {row.pid}): look at its log")
        sleep_until(monotonic_s() + LOOK_EVERY_S)
    return {"service": service, "pid": row.pid, "continued": continued}


def _let_go(service: str) -> None:
    leash = _held.pop(service, None)
    if leash is not None:
        leash.let_go()


def _running(row: ServiceState) -> ServiceState:
    if row.pid == 0:
        raise Refused(f"{row.name} does not run ({row.state}). Nothing was injected.")
    return row


def _continue(row: ServiceState) -> bool:
    """Send SIGCONT to exactly this process; says whether it was stopped. One that is gone needs none."""
    from harness.targets.local.kernel import pinned
    from harness.targets.local.procfs import is_stopped

    try:
        with pinned(row.pid, row.start_ticks) as handle:
            stopped = is_stopped(row.pid)
            signal.pidfd_send_signal(handle, signal.SIGCONT)
            return stopped
    except ProcessLookupError:
        return False


def _wait_stopped(service: str, pid: int) -> None:
    """Wait until every thread is in state T; the signal is sent, the kernel stops them one by one."""
    from harness.targets.local.procfs import is_stopped

    until_s = monotonic_s() + EFFECT_WITHIN_S
    while not is_stopped(pid):
        if monotonic_s() > until_s:
            raise Untrustworthy(f"{service} (pid {pid}) got SIGSTOP and still runs")
        sleep_until(monotonic_s() + LOOK_EVERY_S)
