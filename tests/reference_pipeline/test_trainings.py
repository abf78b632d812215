"""Trainings over lives of the learner: what was asked for is done once, whatever failed meanwhile."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from reference_pipeline.door import BadRequest
from reference_pipeline.examples import LOGS, Example, Examples, Label, as_bytes
from reference_pipeline.features import load_spec
from reference_pipeline.fitting import run_job
from reference_pipeline.folders import DiskFolder
from reference_pipeline.inpath import Acts
from reference_pipeline.jobs import ARTEFACT_FILE, Spending
from reference_pipeline.models import Models
from reference_pipeline.ports import CallFailed, CallRejected, Ports, Reply
from reference_pipeline.registry import DiskRegistry, Registry, copy_registry
from reference_pipeline.registry_service import RegistryService
from reference_pipeline.scoring import Model, load_model
from reference_pipeline.stores import SqliteStore
from reference_pipeline.trainings import DROPPED, TRIES, Trainings, next_semantic
from tests.reference_pipeline.healing.worlds import Clock
from tests.virtual import passes, run

ROWS = 800


class Bench:
    """One learner's trainings over a real registry; ``down`` cuts the way there, ``fails`` the fit."""

    def __init__(self, folder: Path, template: Path) -> None:
        self.folder = folder
        self.trainings_folder = DiskFolder(folder / "trainings")
        self.spec = load_spec(template)
        copy_registry(template / "registry", folder / "registry")
        self.registry = DiskRegistry(folder / "registry")
        self.store = SqliteStore(folder / "learner.db", LOGS)
        self.down = False
        self.damaged = 0  # so many versions are damaged on their way to the registry
        self.fails = 0
        self.runs = 0
        self.stopped = False
        self.acts: Acts
        self._service: RegistryService | None = None
        self._fill()

    def _fill(self) -> None:
        dice = np.random.default_rng(1)
        rows = dice.normal(size=(ROWS, len(self.spec.features)))
        label = (rows[:, 0] > 0.5) & (dice.random(ROWS) < 0.8)
        examples = Examples(self.store, len(self.spec.features))
        examples.take(
            {str(n): Example(as_bytes(row), False, 0.1, "1.0.0", False) for n, row in enumerate(rows)}, ROWS
        )
        examples.label([Label(str(n), int(one)) for n, one in enumerate(label)])

    async def run(self, key: str, /) -> int:
        """The Trainer port."""
        self.runs += 1
        self.stopped = False
        await passes(1.0)
        if self.stopped:
            return -9
        if self.fails:
            self.fails -= 1
            Spending(self.trainings_folder.inner(key), lambda: 2.0).note()
            return -9
        run_job(self.trainings_folder.inner(key), cpu_s=lambda: 1.0, go_on=lambda: None)
        return 0

    def stop(self) -> None:
        """See the Trainer port."""
        self.stopped = True

    async def call(self, edge: str, route: str, body: bytes, _: float, /) -> Reply:
        """The Call port."""
        if self.down:
            raise CallFailed(f"{edge}: cut")
        assert self._service is not None
        if route == "POST /versions" and self.damaged:
            self.damaged -= 1
            body = body[:-1]
        reply = await self._service.handle(route, body)
        if reply.status in (400, 409, 422):
            raise CallRejected(f"{edge}: status {reply.status}", reply.status)
        if reply.status != 200:
            raise CallFailed(f"{edge}: status {reply.status}")
        return reply

    def life(self) -> Trainings:
        """A life of the learner, recovered."""
        clock = Clock()
        ports = Ports(
            service="registry",
            boot_id="registry#1",
            call=self.call,
            store=self.store,
            clock=clock,
            spawn=lambda _: None,
        )
        self._service = RegistryService(ports, self.registry)
        examples = Examples(self.store, len(self.spec.features))
        examples.recover()
        self.acts = Acts(clock)
        trainings = Trainings(
            self,
            Models(self.call, clock),
            examples,
            folder=self.trainings_folder,
            spec=self.spec,
            acts=self.acts,
        )
        trainings.recover()
        return trainings


def _story(folder: Path, template: Path, tell: Callable[[Bench], Awaitable[None]]) -> None:
    bench = Bench(folder, template)
    with closing(bench.registry), closing(bench.store):

        async def whole() -> None:
            await tell(bench)

        run(whole)


async def _works(trainings: Trainings, for_s: float) -> None:
    working = asyncio.create_task(trainings.run_forever(Clock()))
    await passes(for_s)
    working.cancel()


def test_a_new_life_fits_what_the_old_one_was_asked_for(tmp_path: Path, small_template: Path) -> None:
    async def tell(bench: Bench) -> None:
        await bench.life().ask("a", b'{"kind": "adapt"}')
        after = bench.life()
        assert after.state("a").state == "waiting"
        await _works(after, 5.0)
        assert after.state("a").state == "published"
        assert len(bench.registry.versions()) == 2

    _story(tmp_path, small_template, tell)


def test_a_result_waits_for_the_registry_and_is_published_once(tmp_path: Path, small_template: Path) -> None:
    async def tell(bench: Bench) -> None:
        trainings = bench.life()
        await trainings.ask("a", b'{"kind": "adapt"}')
        bench.down = True
        await _works(trainings, 5.0)
        assert trainings.state("a").state == "waiting"
        bench.down = False
        for _ in range(2):
            await _works(bench.life(), 5.0)
        assert bench.runs == 1
        assert [one.semantic for one in bench.registry.versions()] == ["1.0.0", "1.1.0"]

    _story(tmp_path, small_template, tell)


def test_a_fit_that_dies_three_times_is_given_up_and_the_next_one_done(
    tmp_path: Path, small_template: Path
) -> None:
    async def tell(bench: Bench) -> None:
        trainings = bench.life()
        bench.fails = 3
        await trainings.ask("a", b'{"kind": "adapt"}')
        await _works(trainings, 12.0)
        assert trainings.state("a").state == "failed"
        assert "3 times" in trainings.state("a").why
        assert trainings.state("a").cpu_s == trainings.counts["training_cpu_s_total"] == 6.0
        await trainings.ask("b", b'{"kind": "recalibrate"}')
        await _works(trainings, 5.0)
        assert trainings.state("b").state == "published"

    _story(tmp_path, small_template, tell)


def test_a_training_that_nobody_waits_for_ends_and_the_next_one_is_done(
    tmp_path: Path, small_template: Path
) -> None:
    async def tell(bench: Bench) -> None:
        trainings = bench.life()
        await trainings.ask("a", b'{"kind": "adapt"}')
        await trainings.ask("b", b'{"kind": "recalibrate"}')
        await trainings.ask("c", b'{"kind": "recalibrate"}')
        working = asyncio.create_task(trainings.run_forever(Clock()))
        await passes(0.5)
        assert [trainings.drop(key).why for key in "ac"] == [DROPPED, DROPPED]
        await passes(5.0)
        working.cancel()
        assert trainings.state("a") == trainings.drop("a")
        assert trainings.state("b") == trainings.drop("b")
        assert [trainings.state(key).state for key in "abc"] == ["failed", "published", "failed"]
        assert bench.runs == 2
        assert trainings.counts["trainings_failed_total"] == 2
        with pytest.raises(BadRequest, match="no training"):
            trainings.drop("d")

    _story(tmp_path, small_template, tell)


def test_each_training_that_is_over_is_told_with_its_cost_whatever_its_end(
    tmp_path: Path, small_template: Path
) -> None:
    async def tell(bench: Bench) -> None:
        trainings = bench.life()
        bench.fails = 3
        await trainings.ask("a", b'{"kind": "adapt"}')
        await _works(trainings, 12.0)
        await trainings.ask("b", b'{"kind": "recalibrate"}')
        await _works(trainings, 5.0)
        told = [act for act in bench.acts.page(0, 100) if act.act == "training_ended"]
        assert [act.effect for act in told] == [False, False]
        assert [act.detail for act in told] == ["cpu 6.00 s", "cpu 1.00 s"]

    _story(tmp_path, small_template, tell)


def test_an_artefact_that_was_damaged_after_its_fit_is_not_published(
    tmp_path: Path, small_template: Path
) -> None:
    async def tell(bench: Bench) -> None:
        trainings = bench.life()
        await trainings.ask("a", b'{"kind": "adapt"}')
        bench.down = True
        await _works(trainings, 3.0)
        file = tmp_path / "trainings" / "a" / ARTEFACT_FILE
        file.write_bytes(file.read_bytes()[:-1])
        bench.down = False
        await _works(trainings, 5.0)
        assert trainings.state("a").state == "failed"
        assert len(bench.registry.versions()) == 1

    _story(tmp_path, small_template, tell)


@pytest.mark.parametrize(("damaged", "state"), [(TRIES - 1, "published"), (TRIES, "failed")])
def test_a_version_that_is_damaged_on_its_way_is_sent_again_and_in_the_end_given_up(
    tmp_path: Path, small_template: Path, damaged: int, state: str
) -> None:
    async def tell(bench: Bench) -> None:
        trainings = bench.life()
        await trainings.ask("a", b'{"kind": "adapt"}')
        bench.damaged = damaged
        await _works(trainings, 20.0)
        told = trainings.state("a")
        assert told.state == state
        assert len(bench.registry.versions()) == 1 + (state == "published")
        assert bench.runs == 1, "the fit is done once"

    _story(tmp_path, small_template, tell)


def test_a_version_that_somebody_took_meanwhile_ends_that_training_alone(
    tmp_path: Path, small_template: Path
) -> None:
    async def tell(bench: Bench) -> None:
        trainings = bench.life()
        await trainings.ask("a", b'{"kind": "adapt"}')
        champion = bench.registry.alias("champion")
        bench.registry.put(bench.registry.artefact(champion.sha256), "1.1.0", {}, {})
        await trainings.ask("b", b'{"kind": "recalibrate"}')
        await _works(trainings, 8.0)
        assert trainings.state("a").state == "failed"
        assert trainings.state("b").version.startswith("1.2.0+")

    _story(tmp_path, small_template, tell)


def test_asked_twice_at_once_it_is_one_training(tmp_path: Path, small_template: Path) -> None:
    async def tell(bench: Bench) -> None:
        trainings = bench.life()
        await asyncio.gather(*(trainings.ask("a", b'{"kind": "adapt"}') for _ in range(3)))
        await _works(trainings, 8.0)
        assert bench.runs == 1
        assert len(bench.registry.versions()) == 2
        new = bench.registry.versions()[1]
        assert _model(bench.registry, new.sha256).version == new.version

    _story(tmp_path, small_template, tell)


def test_without_a_registry_nothing_is_begun(tmp_path: Path, small_template: Path) -> None:
    async def tell(bench: Bench) -> None:
        trainings = bench.life()
        bench.down = True
        with pytest.raises(CallFailed):
            await trainings.ask("a", b'{"kind": "adapt"}')
        with pytest.raises(BadRequest, match="no training"):
            trainings.state("a")

    _story(tmp_path, small_template, tell)


def test_the_next_version_counts_in_numbers() -> None:
    assert next_semantic(["1.9.0", "1.10.0", "0.99.0"]) == "1.11.0"


def _model(registry: Registry, sha256: str) -> Model:
    data = registry.artefact(sha256)
    assert hashlib.sha256(data).hexdigest() == sha256
    return load_model(data, sha256)
