"""Runners that are killed, stopped and interrupted, and what is left of them; tests and bars share this.

Each attack runs the real command on the tiny system. What is left is looked for without asking the harness:
every process of a run inherits a mark in its environment, but for the guardian, whose command names the
store; and undo records are files. An attack that came too late, or met no runner, did not hit.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import select
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from harness.guard.halt import halt, release
from tests.consents import consent_to_ours

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MARK = "VIRTUAL_ENV"  # the one harmless variable that every child of a run inherits
GIVE_UP_S = 20.0
AGAIN_S = 0.0  # the bars look again a second after each attack
START_S_MAX, RUN_S_MAX, HURT_S_MAX = 60.0, 5.0, 1.2
TRIES = 20
CONSENT = consent_to_ours()

Came = TypeVar("Came")

FAULTS = {
    "kill": "func: process_kill, arguments: {service: one}",
    "pause": "func: process_hang, arguments: {service: one}",
    "latency": "func: network_latency, arguments: {edge: driver-one, latency_ms: 30}",
    "blackhole": "func: network_black_hole, arguments: {edge: driver-one}",
    "rename": "func: data_drop_field, arguments: {field: amount}",
}
EXPERIMENT = """\
title: Safety of {name}
description: One fault, over at once.
method:
  - type: action
    name: {name}
    provider: {{type: python, module: harness.frontends.chaostoolkit.faults, {fault}}}
x-hormesis:
  version: 1
  system: {here}/tiny_system/hormesis.yaml
  scenario: {here}/tiny_system/steady.yaml
  profile:
    base: test
    rate_hz: 200
    baseline_units: 100
    window_s: 0.1
    window_units: 20
    hold_s: 0.2
    tau_s: 0.8
    wash_out_s: 0.2
    deadline_s: 0.1
    settle_s: 1
    load_batch: 0
  arms: [none]
  sham: false
"""


@dataclass(frozen=True)
class Left:
    """After an attack: seconds until no process was left and until no record was open; None = never.

    What is left is looked for again ``AGAIN_S`` after the attack. ``in_force``: a record was open at the
    first look. ``armed``: the fault's own record was open when it came. ``hit``: the runner was there to be
    hit.
    """

    processes_s: float | None
    records_s: float | None
    in_force: bool
    armed: bool = False
    hit: bool = True

    @property
    def counts(self) -> bool:
        """Whether a runner was met; something left counts in any case."""
        return self.hit or not self.nothing

    @property
    def nothing(self) -> bool:
        """Whether in the end nothing was left."""
        return self.clean_s is not None

    @property
    def clean_s(self) -> float | None:
        """Seconds until nothing was left; None where something was."""
        if self.processes_s is None or self.records_s is None:
            return None
        return max(self.processes_s, self.records_s)


def experiment(folder: Path, name: str) -> Path:
    """Write the experiment with one fault of ``FAULTS``; gives its file."""
    path = folder / f"{name}.yaml"
    path.write_text(EXPERIMENT.format(name=name, fault=FAULTS[name], here=HERE))
    return path


def unhurried(text: str) -> str:
    """The same experiment, slower: for what is not about a baseline, which a busy machine misses."""
    knobs = {"rate_hz: 200": "rate_hz: 25", "deadline_s: 0.1": "deadline_s: 3", "tau_s: 0.8": "tau_s: 6"}
    for knob, slow in knobs.items():
        text = text.replace(knob, slow)
    return text


@dataclass
class Runner:
    """A started command, by ``within`` another one. ``mark`` is in the environment of all that it starts."""

    store: Path
    file: Path
    boundary: str = "0"
    words: tuple[str, ...] = ()
    preexec: Callable[[], None] | None = None
    terminal: int | None = None
    program: Path = HERE / "victim.py"
    within: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    mark: str = field(default_factory=lambda: f"/safety/{uuid.uuid4().hex}")

    def __post_init__(self) -> None:
        self.earlier = set(self.store.glob("*/runs/*/history.jsonl"))
        words = ["run", str(self.file), "--seed", "7", "--store", str(self.store), *self.words]
        out = subprocess.PIPE if self.terminal is None else self.terminal
        self.process = subprocess.Popen(
            [*self.within, sys.executable, str(self.program), self.boundary, *words],
            env={
                "PATH": "/usr/bin:/bin",
                MARK: self.mark,
                "HORMESIS_STORE": str(self.store),
                "HORMESIS_CONSENT": CONSENT,
                **self.variables,
            },
            stdin=subprocess.DEVNULL if self.terminal is None else self.terminal,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            start_new_session=True,
            preexec_fn=self._begin,  # noqa: PLW1509 (no threads here)
        )

    def _begin(self) -> None:
        # A shell starts background jobs with SIGINT ignored, nohup with SIGHUP, and a run would keep it so.
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        if self.preexec is not None:
            self.preexec()

    def wait(self, within_s: float = 60.0) -> tuple[int, str]:
        """Wait for its end; gives its code and what it said."""
        out, _ = self.process.communicate(timeout=within_s)
        return self.process.returncode, (out or b"").decode(errors="replace")

    def guardian(self) -> int:
        """Pid of the guardian, 0 where none runs."""
        children = (name for name in os.listdir("/proc") if name.isdigit())
        return next((int(name) for name in children if _is_guardian(name, self.process.pid)), 0)

    def marked(self) -> list[int]:
        """Pids of what it started and what still lives, itself apart."""
        wanted = f"{MARK}={self.mark}".encode()
        found = []
        for name in os.listdir("/proc"):
            with contextlib.suppress(OSError):
                if name.isdigit() and int(name) != self.process.pid and not _is_zombie(name):
                    block = Path(f"/proc/{name}/environ").read_bytes()
                    ours = wanted in block.split(b"\0") or self._guards(name)
                    found += [int(name)] if ours else []
        return found

    def _guards(self, name: str) -> bool:
        words = Path(f"/proc/{name}/cmdline").read_bytes()
        return b"harness.guard" in words and os.fsencode(self.store.resolve()) + b"/" in words

    def words_of(self, pid: int) -> list[str]:
        """The command line of one of them."""
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
        return []

    def records(self) -> list[Path]:
        """Open undo records of its store."""
        return sorted((self.store / ".undo").glob("*.json"))

    def told(self, word: bytes) -> bool:
        """Whether an event is in any history of its store."""
        return any(word in h.read_bytes() for h in self.store.glob("*/runs/*/history.jsonl"))

    def await_seen(self, look: Callable[[], bool], within_s: float = START_S_MAX) -> bool:
        """Poll until it is seen, or the runner has ended; gives whether it was."""
        until_s = time.monotonic() + within_s
        while time.monotonic() < until_s:
            if look():
                return True
            if self.process.poll() is not None:
                return look()
            pause(0.005)
        return False

    def left(self, since_s: float, *, records: bool = True, hit: bool = True) -> Left:
        """Watch until nothing is left; without ``records`` only until no process is."""
        in_force, armed = bool(self.records()), self.armed()
        processes_s: float | None = None
        records_s: float | None = None if records else 0.0
        while time.monotonic() < since_s + GIVE_UP_S and (processes_s is None or records_s is None):
            if records_s is None and not self.records():
                records_s = time.monotonic() - since_s
            if processes_s is None and not self.marked():
                processes_s = time.monotonic() - since_s
            pause(0.002)
        pause(max(0.0, since_s + AGAIN_S - time.monotonic()))
        if self.marked():
            processes_s = None
        if records and self.records():
            records_s = None
        return Left(processes_s, records_s, in_force, armed, hit)

    def armed(self) -> bool:
        """Whether a fault's undo record was opened and not closed, by the history of its run."""
        histories = set(self.store.glob("*/runs/*/history.jsonl")) - self.earlier
        lines = [line for path in histories for line in path.read_bytes().split(b"\n")]
        events = [event for line in lines if (event := _guard_event(line))]
        opened = {event["record"]: event["state"] == "opened" for event in events}
        return any(opened.values())

    def end(self) -> None:
        """End it and whatever it left, so that a failing test leaves nothing either."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        for pid in self.marked():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def running(store: Path, fault: str, boundary: str = "0", text: str = "", **more: object) -> Iterator[Runner]:
    """A runner of one fault in ``store``, by a file that says ``text``; nothing of it is left afterwards."""
    store.mkdir(parents=True, exist_ok=True)
    file = experiment(store, fault)
    if text:
        file.write_text(text)
    runner = Runner(store, file, boundary, **more)  # type: ignore[arg-type]
    try:
        yield runner
    finally:
        runner.end()


def boundaries(store: Path, fault: str) -> int:
    """How many boundaries a whole run of ``fault`` has."""
    with running(store, fault, "count") as runner:
        code, out = runner.wait(120.0)
        if "boundaries " not in out:
            raise RuntimeError(f"the run ended with code {code}: {out}")
        return int(out.rpartition("boundaries ")[2])


def killed_at(store: Path, fault: str, boundary: int) -> Left:
    """SR-1: the runner is gone at one boundary; gives what was left."""
    with running(store, fault, str(boundary)) as runner:
        code, out = runner.wait(120.0)
        since_s = time.monotonic()
        if code != -signal.SIGKILL and code != 0:
            raise RuntimeError(f"code {code}: {out}")
        return runner.left(since_s, hit=code != 0)


def killed_side_by_side(folder: Path, places: Sequence[tuple[str, int]]) -> list[Left]:
    """SR-1: several runners at once, each gone at its boundary of its fault; all started by this thread."""
    stores = [folder / str(number) for number in range(len(places))]
    with contextlib.ExitStack() as stack:
        runners = [
            stack.enter_context(running(store, fault, str(boundary)))
            for store, (fault, boundary) in zip(stores, places, strict=True)
        ]
        codes = [runner.wait(120.0) for runner in runners]
        since_s = time.monotonic()
        return [
            runner.left(since_s, hit=code == -signal.SIGKILL)
            for runner, (code, _) in zip(runners, codes, strict=True)
        ]


def killed_at_random(store: Path, fault: str, dice: random.Random) -> Left:
    """SR-1: SIGKILL at a random time between the first record and the end of the run."""
    with running(store, fault) as runner:
        _wait_a_while(runner, dice)
        hit = runner.process.poll() is None
        runner.process.kill()
        since_s = time.monotonic()
        return runner.left(since_s, hit=hit)


def _wait_a_while(runner: Runner, dice: random.Random) -> None:
    """Until any time of the run; every second time until one while the fault is in force, which is short."""
    if dice.random() < 0.5:
        runner.await_seen(runner.armed)
        pause(dice.uniform(0.0, HURT_S_MAX))
    else:
        runner.await_seen(lambda: bool(runner.records()))
        pause(dice.uniform(0.0, RUN_S_MAX))


def killed_with_guardian(store: Path, fault: str, dice: random.Random) -> Left:
    """SR-2: guardian and runner are killed together; the records stay, and nothing else."""
    with running(store, fault) as runner:
        _wait_a_while(runner, dice)
        guardian, alive = runner.guardian(), runner.process.poll() is None
        for pid in filter(None, (guardian, runner.process.pid)):
            _kill(pid)
        return runner.left(time.monotonic(), records=False, hit=bool(guardian) and alive)


def stopped(store: Path, fault: str) -> Left:
    """SR-2: SIGSTOP while the fault is in force; the lease runs out."""
    with running(store, fault) as runner:
        runner.await_seen(runner.armed)
        hit, since_s = runner.process.poll() is None, time.monotonic()
        runner.process.send_signal(signal.SIGSTOP)
        return runner.left(since_s, hit=hit)


def halted(store: Path, fault: str) -> tuple[Left, int]:
    """SR-8: a halt of the store while the fault is in force; gives what was left and the exit code."""
    with running(store, fault) as runner:
        runner.await_seen(runner.armed)
        since_s = time.monotonic()
        halt(store, "an attack")
        left = runner.left(since_s)
        code, _ = runner.wait()
    release(store, "it is over")
    # Its own end may race the halt: then nobody was there to be halted.
    return replace(left, hit=code != 0), code


@dataclass(frozen=True)
class Interrupted:
    """What came of signals: exit code, seconds from the first to the end, what it said, what was left.

    ``undone_s``: seconds until no undo record was open, which is before the runner's own end; None = never.
    """

    code: int
    took_s: float
    undone_s: float | None
    said: str
    left: Left


def interrupted(store: Path, fault: str, dice: random.Random, signals: int) -> Interrupted:
    """SR-6: Ctrl-C ``signals`` times on a pseudo-terminal, from a random time on."""
    master, slave = os.openpty()
    said = b""

    def seen(look: Callable[[], bool]) -> bool:
        nonlocal said
        said += _drain(master, 0.0)
        return look()

    try:
        with running(store, fault, terminal=slave, preexec=_take_terminal) as runner:
            os.close(slave)
            in_force = dice.random() < 0.5  # as in _wait_a_while, while the terminal is read
            runner.await_seen(lambda: seen(runner.armed if in_force else lambda: bool(runner.records())))
            said += _drain(master, dice.uniform(0.0, HURT_S_MAX if in_force else RUN_S_MAX))
            armed, hit, since_s = runner.armed(), runner.process.poll() is None, time.monotonic()
            pauses_s = itertools.accumulate(dice.uniform(0.0, 0.3) for _ in range(signals - 1))
            coming_s, undone_s = [since_s, *(since_s + pause_s for pause_s in pauses_s)], None
            while runner.process.poll() is None and time.monotonic() < since_s + GIVE_UP_S:
                due = [at_s for at_s in coming_s if at_s <= time.monotonic()]
                coming_s = coming_s[len(due) :]
                os.write(master, b"\x03" * len(due))
                said += _drain(master, 0.005)
                seen_s = undone_s or time.monotonic() - since_s
                undone_s = None if runner.records() else seen_s
            took_s = time.monotonic() - since_s
            code = runner.process.poll()
            # Its own end may race the signal: then it met nobody who could heed it, or Python that ends.
            over = code == 0 or (code == -signal.SIGINT and b"\nreport: " in said)
            left = replace(runner.left(since_s, hit=hit and not over), armed=armed)
        words = said.decode(errors="replace")
        return Interrupted(-1000 if code is None else code, took_s, undone_s or left.records_s, words, left)
    finally:
        os.close(master)


def until_hit(attack: Callable[[], Came], counts: Callable[[Came], bool]) -> Came:
    """Attack until what came of it counts: a runner was met, or something was left."""
    for _ in range(TRIES):
        if counts(came := attack()):
            return came
    raise RuntimeError(f"{TRIES} attacks met no runner: it does not even start")


def _take_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _drain(master: int, length_s: float) -> bytes:
    """Read what a terminal shows for so long, so that the runner never waits for us."""
    until_s, said = time.monotonic() + length_s, b""
    while True:
        readable, _, _ = select.select([master], [], [], max(0.0, until_s - time.monotonic()))
        if not readable:
            return said
        try:
            said += os.read(master, 4096)
        except OSError:  # nobody has the other end open any more
            return said


def undo(store: Path) -> int:
    """``hormesis undo`` of a store; gives its exit code."""
    words = [sys.executable, "-m", "harness.frontends.cli", "undo", "--store", str(store)]
    return subprocess.run(words, cwd=ROOT, stdout=subprocess.DEVNULL, check=False).returncode


def _guard_event(line: bytes) -> dict[str, str]:
    """The event of a line about a fault's undo record; of another line, or a torn one, nothing."""
    if b'"guard.record"' not in line or b'"end_run"' in line:
        return {}
    with contextlib.suppress(ValueError):
        return json.loads(line)["event"]
    return {}


def pause(length_s: float) -> None:
    """Let others run for so long."""
    select.select([], [], [], length_s)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _is_guardian(pid: str, parent: int) -> bool:
    with contextlib.suppress(OSError):
        return _parent(pid) == parent and b"harness.guard" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def _parent(pid: str) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _is_zombie(pid: str) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
