"""A process that this machine gives is the one that was asked for, not what it was forked from."""

from __future__ import annotations

import asyncio

from harness.targets.local.forks import Forks
from harness.targets.local.machine import LocalMachine
from harness.targets.local.probes import Prober
from harness.targets.local.sockets import command_line, has_own_command
from harness.targets.local.spec import ServiceSpec


def given(tmp_path, *command: str, times: int = 1) -> list[tuple[bool, str]]:
    """Of each process as it was when it was given: whether it has a command of its own, and which."""

    async def main() -> list[tuple[bool, str]]:
        forks, seen = await Forks.open(()), []
        try:
            machine = LocalMachine(forks, Prober(), tmp_path)
            for _ in range(times):
                child = await machine.spawn(ServiceSpec(name="one", port=9000, command=command))
                seen.append((has_own_command(child.pid), command_line(child.pid)))
        finally:
            forks.close()
        return seen

    return asyncio.run(main())


def test_a_command_has_been_executed_once_its_process_is_given(tmp_path):
    assert given(tmp_path, "/bin/sleep", "600", times=20) == [(True, "/bin/sleep 600")] * 20


def test_a_command_that_cannot_be_executed_is_given_too_and_told_by_its_end(tmp_path):
    assert given(tmp_path, str(tmp_path / "nothing")) == [(False, "")]
