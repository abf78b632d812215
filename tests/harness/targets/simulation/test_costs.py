"""Costs of services: read, refused, and charged to who starts and who is asked."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from harness.errors import Refused
from harness.simulation.network import Call
from harness.targets.simulation.costs import CostFile, ServiceCost, read_costs
from harness.targets.simulation.looker import Looker
from tests.harness.targets.simulation.worlds import small


def test_a_file_of_costs_reads_back_and_anything_else_is_refused(tmp_path: Path) -> None:
    costs = CostFile(machine="m", harness_version="1", services={"worker": ServiceCost(boot_s=0.5)})
    file = tmp_path / "costs.json"
    file.write_bytes(msgspec.json.encode(costs))
    assert read_costs(file) == costs
    file.write_text('{"services": {"worker": {"boot_s": -1}}}')
    with pytest.raises(Refused, match="holds no costs of services"):
        read_costs(file)
    with pytest.raises(Refused, match="holds no costs of services"):
        read_costs(tmp_path / "none.json")


def ready_at_s(costs: dict[str, ServiceCost]) -> tuple[float, float]:
    """When the worker was ready, and how long one request to it took then."""
    system = small(costs=costs)
    looker = Looker(system.kernel, system.network)
    system.start()
    (ready,) = (line.at_s for line in system.ledger() if line.act == "ready")
    took_s = looker.ask("worker", Call("POST /work", b"x" * 1000), 1.0).took_s
    looker.close()
    system.close()
    return ready, took_s


def test_a_start_takes_as_long_as_it_costs_and_so_does_a_request() -> None:
    at_once_s, quick_s = ready_at_s({})
    costs = {"worker": ServiceCost(boot_s=0.5, call_s=0.01, byte_s=1e-5)}
    later_s, slow_s = ready_at_s(costs)
    assert 0.5 <= later_s - at_once_s < 0.6
    assert slow_s - quick_s == pytest.approx(0.02, abs=1e-6)


def test_an_end_is_heard_of_as_late_as_it_costs_and_what_follows_is_as_much_later() -> None:
    def away_s(costs: dict[str, ServiceCost]) -> tuple[float, float]:
        system = small(costs=costs)
        system.start()
        system.kernel.run(until_s=system.kernel.now_s + 1.0)
        killed_s = system.kernel.now_s
        assert system.processes["worker"].kill()
        system.kernel.run(until_s=killed_s + 2.0)
        lines = [line for line in system.ledger() if line.service == "worker" and line.at_s >= killed_s]
        system.close()
        assert [line.act for line in lines] == ["exited", "started", "ready"]
        return lines[0].at_s - killed_s, lines[1].at_s - killed_s

    assert away_s({}) == (0.0, 0.0)
    assert away_s({"worker": ServiceCost(exit_s=0.25)}) == pytest.approx((0.25, 0.25))
