"""The open loop against a real server on a real socket that fails in every way on demand."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path

import numpy as np
import pytest

from harness.driver.client import HttpClient
from harness.driver.openloop import VERSIONS_MAX, OpenLoop
from harness.driver.request import RequestWorkload, build_body
from harness.driver.sinks import FileSink
from harness.driver.workload import Parcel, Unit
from harness.driver.writer import RowWriter
from harness.experiment.model import Workload
from harness.history.observations import BAD, DEGRADED, GOOD, REASONS, UNKNOWN, boot_hash, read_rows

pytestmark = pytest.mark.live

DEADLINE_S = 1.0  # far more than a busy machine needs, so that only what is told to be late is
LATE_S = 1.4  # and the driver gives up after 2 s


class Server(asyncio.Protocol):
    """Does with a request what its first record says in ``do``."""

    seen: list[int]

    def __init__(self, seen: list[int]) -> None:
        self.seen = seen

    def connection_made(self, transport) -> None:
        self.transport = transport
        self.seen.append(transport.get_extra_info("peername")[1])
        self.data = b""

    def data_received(self, data: bytes) -> None:
        self.data += data
        head, mark, body = self.data.partition(b"\r\n\r\n")
        if not mark or len(body) < int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]):
            return
        self.data = b""
        records = json.loads(body)["records"]
        do = records[0]["do"]
        if do == "reset":
            self.transport.abort()
        elif do == "torn":
            self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\nhalf")
            self.transport.close()
        elif do == "late":
            asyncio.get_running_loop().call_later(LATE_S, self.answer, 200, records)
        elif do != "hang":
            self.answer({"503": 503, "422": 422}.get(do, 200), records)

    def answer(self, status: int, records: list[dict]) -> None:
        if self.transport.is_closing():
            return
        answers = [
            {
                "id": record["id"],
                "status": status,
                "decision": 7 if record["do"] == "schema" else "approve",
                "score": 0.5,
                "model": record.get("model", "m1"),
                "degraded": record["do"] == "degraded",
                "accepted": True,
            }
            for record in records
        ]
        body = json.dumps({"answers": answers}).encode()
        head = f"HTTP/1.1 {status} X\r\nx-boot-id: boot-1\r\ncontent-length: {len(body)}\r\n\r\n"
        self.transport.write(head.encode() + body)


def parcels(*does: str, golden: str = "", step_s: float = 0.005, **fields: object) -> list[Parcel]:
    made = []
    for number, do in enumerate(does):
        unit = Unit(number, f"w7-{number}", 0, number * step_s, 1.0, golden)
        body = build_body([unit.id], [{"do": do, **fields}])
        made.append(Parcel(unit.due_s, (unit,), body, fresh=number % 4 == 3))
    return made


class Run:
    """What one run left behind."""

    def __init__(self, rows: np.ndarray, told: list[dict], connections: list[int]) -> None:
        self.rows = np.sort(rows, order="unit")
        self.told = told
        self.connections = connections

    def outcomes(self) -> list[tuple[int, str]]:
        return [(int(row["outcome"]), REASONS[row["reason"]]) for row in self.rows]


def offer(
    tmp_path: Path,
    offered: list[Parcel],
    *,
    port: int = 0,
    in_flight_max: int = 2000,
    stop_s: float | None = None,
    lead_s: float = 0.05,
) -> Run:
    """Offer parcels to the server, or to ``port``, from ``lead_s`` on; cancelled after ``stop_s``."""
    told: list[dict] = []
    connections: list[int] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Server(connections), "127.0.0.1", 0)
        url = f"http://127.0.0.1:{port or server.sockets[0].getsockname()[1]}/decide"
        rows = RowWriter(FileSink(tmp_path / "observations.bin"))
        try:
            async with HttpClient(url, DEADLINE_S) as client:
                workload = RequestWorkload(Workload(service="s", route="/decide"), DEADLINE_S, client)
                witness = OpenLoop(workload, rows, told.append, in_flight_max=in_flight_max)
                running = asyncio.ensure_future(witness.run(offered, loop.time() + lead_s))
                if stop_s is not None:
                    await asyncio.wait([running], timeout=stop_s)
                    running.cancel()
                    await asyncio.wait([running])
                else:
                    await running
        finally:
            rows.close()
            server.close()

    asyncio.run(main())
    return Run(read_rows((tmp_path / "observations.bin").read_bytes()), told, connections)


def test_valid_answers_are_good_with_stamps_boot_and_version(tmp_path: Path) -> None:
    run = offer(tmp_path, parcels(*["ok"] * 20))
    assert run.outcomes() == [(GOOD, "")] * 20
    assert (run.rows["due"] <= run.rows["sent"]).all()
    assert (run.rows["sent"] < run.rows["ended"]).all()
    assert np.diff(run.rows["due"]) == pytest.approx(0.005)
    assert set(run.rows["boot"]) == {boot_hash("boot-1")}
    assert set(run.rows["version"]) == {1}
    assert {"versions": ["m1"]} in run.told


def test_every_way_to_fail_has_its_own_reason(tmp_path: Path) -> None:
    does = ("reset", "torn", "late", "503", "422", "schema", "degraded", "ok", "hang")
    run = offer(tmp_path, parcels(*does))
    assert dict(zip(does, run.outcomes(), strict=True)) == {
        "reset": (BAD, "reset"),
        "torn": (BAD, "reset"),
        "late": (BAD, "late"),
        "503": (BAD, "status"),
        "422": (BAD, "status"),
        "schema": (BAD, "schema"),
        "degraded": (DEGRADED, ""),
        "ok": (GOOD, ""),
        "hang": (UNKNOWN, "timeout"),
    }
    late = run.rows[2]
    assert late["digest"] == run.rows[7]["digest"] != 0
    assert late["ended"] - late["due"] >= LATE_S
    assert run.rows["status"].tolist() == [0, 0, 200, 503, 422, 200, 200, 200, 0]


def test_a_unit_that_we_sent_late_is_late_from_its_due_and_told_as_our_stall(
    tmp_path: Path,
) -> None:
    run = offer(tmp_path, parcels("ok", "ok"), lead_s=-DEADLINE_S - 0.5)
    assert run.outcomes() == [(BAD, "late")] * 2
    assert any(message["stall"]["lasted_s"] > DEADLINE_S for message in run.told if "stall" in message)


def test_a_wrong_golden_answer_is_bad(tmp_path: Path) -> None:
    run = offer(tmp_path, parcels("ok", "ok", golden="decline"))
    assert run.outcomes() == [(BAD, "golden")] * 2
    assert (run.rows["flags"] & 1 == 1).all()


def test_a_closed_port_refuses_every_unit(tmp_path: Path) -> None:
    with socket.socket() as listener:  # bound and not listening: nobody else can take the port
        listener.bind(("127.0.0.1", 0))
        run = offer(tmp_path, parcels(*["ok"] * 8), port=listener.getsockname()[1])
    assert run.outcomes() == [(BAD, "refused")] * 8


def test_slots_go_on_while_answers_hang_and_those_beyond_the_cap_are_bad_not_dropped(tmp_path: Path) -> None:
    run = offer(tmp_path, parcels(*["hang"] * 3, *["ok"] * 5), in_flight_max=3)
    assert run.outcomes() == [(UNKNOWN, "timeout")] * 3 + [(BAD, "skipped")] * 5
    assert np.isnan(run.rows["sent"][3:]).all()
    assert np.isfinite(run.rows["ended"]).all()


def test_a_batch_gives_one_row_a_record(tmp_path: Path) -> None:
    units = tuple(Unit(number, f"l7-{number}", 1, 0.0) for number in range(50))
    batch = Parcel(0.0, units, build_body([u.id for u in units], [{"do": "ok"}] * 50))
    run = offer(tmp_path, [batch])
    assert run.outcomes() == [(GOOD, "")] * 50
    assert set(run.rows["stream"]) == {1}
    assert run.rows["unit"].tolist() == list(range(50))


def test_every_fourth_unit_has_a_connection_of_its_own_and_the_others_share(tmp_path: Path) -> None:
    run = offer(tmp_path, parcels(*["ok"] * 40, step_s=0.02))
    assert 10 + 1 <= len(run.connections) < 40


def test_versions_are_numbered_in_the_order_in_which_they_were_seen(tmp_path: Path) -> None:
    first, second = parcels("ok", model="m1"), parcels("ok", "ok", model="m2")[1:]
    run = offer(tmp_path, [*first, second[0]])
    assert sorted(run.rows["version"]) == [1, 2]
    assert [message["versions"] for message in run.told if "versions" in message][-1] == ["m1", "m2"]


def test_a_system_that_invents_a_version_for_every_answer_fills_no_memory(tmp_path: Path) -> None:
    offered = [
        Parcel(
            0.0,
            (unit := Unit(n, f"w7-{n}", 0, 0.0),),
            build_body([unit.id], [{"do": "ok", "model": f"m{n}"}]),
        )
        for n in range(VERSIONS_MAX + 20)
    ]
    run = offer(tmp_path, offered)
    assert (run.rows["version"] == 0).sum() == 20
    assert len([message for message in run.told if "versions" in message][-1]["versions"]) == VERSIONS_MAX


def test_units_on_their_way_when_the_run_is_stopped_are_unknown(tmp_path: Path) -> None:
    run = offer(tmp_path, parcels(*["hang"] * 5), stop_s=0.5)
    assert run.outcomes() == [(UNKNOWN, "other")] * 5


def test_an_error_of_the_witness_itself_ends_the_run_loudly(tmp_path: Path) -> None:
    broken = parcels("ok")
    offered = [Parcel(0.0, (Unit(-1, "w7-0", 0, 0.0),), broken[0].body)]  # -1 does not fit the row
    with pytest.raises(ExceptionGroup):
        offer(tmp_path, offered)
