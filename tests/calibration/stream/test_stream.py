"""Known answers on a real NATS server: losses, doubles and what is out of order are counted to the record."""

from __future__ import annotations

import asyncio
import sys
from itertools import accumulate
from pathlib import Path

import nats
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from stream_kit import HERE, Driver, running, served

from harness.driver.jetstream import connected
from harness.errors import Refused
from harness.experiment.subjects import Subjects
from tests.style.source import ROOT

COUNT = 1000
WRONG = Subjects(records="t.records", decisions="t.decisions")
RIGHT = Subjects(records="payments.records", decisions="payments.decisions")
SCORER = ROOT / "examples" / "stream" / "scorer.py"


class Nobody:
    """A listener who does not listen."""

    def taken(self, key: str, seq: int, /) -> None: ...

    def refused(self, key: str, /) -> None: ...

    def decided(self, body: bytes, headers: object, seq: int, /) -> None: ...


def out_of_order(decided: list[str]) -> int:
    """Decisions behind that of a record that was published later; ids end with the number of publication."""
    numbers = [int(name.rpartition("-")[2]) for name in dict.fromkeys(decided)]
    return sum(number < latest for number, latest in zip(numbers, accumulate(numbers, max), strict=True))


def test_planted_duplicates_losses_and_swaps_are_counted_to_the_record(tmp_path: Path, until) -> None:
    truth = tmp_path / "truth.txt"
    with (
        served(tmp_path, until) as server,
        running(HERE / "wrong_consumer.py", f"nats://127.0.0.1:{server.port}", truth) as consumer,
    ):
        assert consumer.stdout.readline() == "ready\n"
        with Driver(tmp_path, server.port, COUNT, WRONG) as driver:
            driver.await_done()
            until(lambda: len(truth.read_text().splitlines()) == COUNT + COUNT // 50 - COUNT // 500)
            said = truth.read_text().splitlines()
            lost = {line.removeprefix("lost ") for line in said if line.startswith("lost ")}
            decided = [line for line in said if not line.startswith("lost ")]
            until(lambda: driver.decisions() == decided)
            balance, streamed = driver.judged()
    twice = len(decided) - len(set(decided))
    assert (len(lost), twice) == (2, 18)  # each 500th would be a double as well
    assert balance.accepted == COUNT
    assert (balance.missing, balance.doubled) == (len(lost), twice)
    assert (balance.foreign, balance.changed) == (0, 0)
    assert balance.delivered_once == COUNT - len(lost) - twice
    assert {line.split()[1] for line in balance.examples if line.startswith("missing")} == lost
    assert (streamed.decisions, streamed.surplus) == (len(decided), twice)
    assert streamed.out_of_order == out_of_order(decided) == COUNT // 100
    assert driver.owed[-1]["binds"] is True


def test_records_that_a_consumer_has_and_has_not_acknowledged_are_told(tmp_path: Path, until) -> None:
    async def told(address: str) -> list[int | None]:
        client = await nats.connect(f"nats://{address}")
        js = client.jetstream()
        await js.add_stream(name="records", subjects=["t.records"])
        await js.add_stream(name="decisions", subjects=["t.decisions"])
        async with connected(address, WRONG) as wire:
            seen = [await wire.held()]
            await wire.listen(Nobody())
            reads = await js.pull_subscribe("t.records", durable="slow")
            for _ in range(3):
                await js.publish("t.records", b"{}")
            one, *_ = await reads.fetch(3)
            seen.append(await wire.held())
            await one.ack_sync()
            seen.append(await wire.held())
            await js.delete_stream("decisions")
            await js.add_stream(name="decisions", subjects=["t.decisions"])
            await wire.held()
            with pytest.raises(Refused, match="not the one of the start"):
                await wire.until_broken()
        await client.close()
        return seen

    with served(tmp_path, until) as server:
        assert asyncio.run(told(f"127.0.0.1:{server.port}")) == [0, 3, 2]


@pytest.mark.slow
def test_a_server_that_is_killed_and_comes_back_makes_no_loss_and_no_double(tmp_path: Path, until) -> None:
    with served(tmp_path, until) as server:
        url = f"nats://127.0.0.1:{server.port}"
        with (
            running(SCORER, NATS_URL=url, HEALTH_PORT="0"),
            Driver(tmp_path, server.port, COUNT, RIGHT) as driver,
        ):
            until(lambda: len(driver.decisions()) > COUNT // 10)
            server.kill()
            server.start()
            driver.await_done()
            until(lambda: not driver.judged()[0].missing)
            balance, streamed = driver.judged()
    assert COUNT // 10 < balance.accepted <= COUNT
    assert (balance.missing, balance.doubled, balance.foreign, balance.changed) == (0, 0, 0, 0)
    assert streamed.surplus == 0
