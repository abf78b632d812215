"""A real NATS server, a consumer and a driver on loopback, and what the witness counted of them."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from harness.driver.spec import Spec
from harness.driver.stream_ledger import Decided, read_stream
from harness.experiment.model import Profile, Source, Workload
from harness.experiment.subjects import Subjects
from harness.history.events import Streamed
from harness.history.observations import read_rows
from harness.run.audit import Balance, answers_of, judge_ids
from harness.run.listing import LedgerReader
from harness.run.streams import counted
from harness.shell import monotonic_s
from tests.ports import free_ports

HERE = Path(__file__).parent
SERVER = Path(sys.executable).parent / "nats-server"
SEED = 7


class Server:
    """A NATS server that keeps its streams in ``folder``; it may be killed and started again."""

    def __init__(self, folder: Path, until) -> None:
        self.folder, self._until = folder, until
        (self.port,) = free_ports(1)
        self.start()

    def start(self) -> None:
        store, port = self.folder / "streams", str(self.port)
        command = [SERVER, "-a", "127.0.0.1", "-p", port, "-js", "-sd", store]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._until(self._accepts)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def _accepts(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@contextmanager
def served(folder: Path, until) -> Iterator[Server]:
    """A server, ended at the end."""
    server = Server(folder, until)
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def running(*command: object, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A program, killed at the end."""
    words = [sys.executable, *map(str, command)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=os.environ | environment) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGKILL)


class Driver:
    """A driver that offers ``count`` records and hears decisions until it is left."""

    def __init__(self, folder: Path, port: int, count: int, subjects: Subjects, *, rate_hz: float = 800.0):
        units = folder / "units.jsonl"
        units.write_text('{"amount": 5, "card_age_days": 90, "abroad": false}\n')
        self._ledger, self._rows = folder / "stream.jsonl", folder / "observations.bin"
        spec = Spec(
            seed=SEED,
            duration_s=count / rate_hz,
            profile=Profile(rate_hz=rate_hz, load_batch=0, golden_every=0),
            world="",
            units=Source(path=str(units), sha256=hashlib.sha256(units.read_bytes()).hexdigest()),
            url=f"http://127.0.0.1:{port}",
            workload=Workload(archetype="stream", service="nats", subjects=subjects),
            observations=str(self._rows),
            stream=str(self._ledger),
        )
        (folder / "spec.json").write_bytes(msgspec.json.encode(spec))
        self.owed: list[dict[str, float]] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "harness.driver", str(folder / "spec.json")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Driver:
        assert self._line().get("ready")
        self._process.stdin.write(f"go {monotonic_s() + 0.1!r}\n")
        self._process.stdin.flush()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        assert self._process.wait(30) == 0  # it tells what is owed until it hears of the end
        self._process.stdout.close()

    def await_done(self) -> None:
        while "done" not in self._line():
            pass

    def decisions(self) -> list[str]:
        """Ids of the decisions heard so far, as they stand on their subject."""
        lines = [line for line in read_stream(self._ledger.read_bytes()) if isinstance(line, Decided)]
        return [line.id for line in sorted(lines, key=lambda line: line.seq)]

    def judged(self) -> tuple[Balance, Streamed]:
        """What the audit says of the ledger and the rows."""
        answers = answers_of(read_rows(self._rows.read_bytes()), SEED)
        listings = LedgerReader(self._ledger.read_bytes).look()
        return judge_ids(answers, listings), counted(read_stream(self._ledger.read_bytes()))

    def _line(self) -> dict[str, object]:
        while True:
            line = self._process.stdout.readline()
            assert line, "the driver ended early"
            message = json.loads(line)
            if "owed" not in message:
                return message
            self.owed.append(message["owed"])
