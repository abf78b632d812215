"""The learner: what was decided and what was true of it, models trained on both, models compared on both.

It pulls decided rows from the gateway, takes labels as they come, and does what it is asked to: train a model
on labelled rows and put it into the registry, or say what each version would have lost on rows. It decides
nothing and moves no alias. See docs/protocols/pipeline.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, TypeVar
from urllib.parse import unquote

import msgspec
import numpy as np

from reference_pipeline.batches import Batches, Scored
from reference_pipeline.door import BadRequest, Door, json_reply, page
from reference_pipeline.errors import BadArtefact, BadRecord, UnknownVersion
from reference_pipeline.examples import LOGS as EXAMPLE_LOGS
from reference_pipeline.examples import Example, Examples, Label, Window, as_bytes
from reference_pipeline.features import Features
from reference_pipeline.folders import Folder
from reference_pipeline.healing.detectors.stored import RowWatch
from reference_pipeline.healing.detectors.watched import watched_of
from reference_pipeline.inpath import Acts
from reference_pipeline.models import Models
from reference_pipeline.ports import Beside, CallFailed, Ports, Reply, Request, StoreFailed
from reference_pipeline.quarantines import Quarantines
from reference_pipeline.records import DECLINE, Decision
from reference_pipeline.refusals import Accepted, Refusals
from reference_pipeline.rollout import losses
from reference_pipeline.score_references import ScoreReferences, StoredRows
from reference_pipeline.scoring import LoadModel, Model, load_model
from reference_pipeline.trainings import Trainer, Trainings
from reference_pipeline.wire import NotUnderstood, decoded
from reference_pipeline.world.golden import Golden

T = TypeVar("T")

LOGS = EXAMPLE_LOGS
EDGES = ("learner-gateway", "learner-registry")
LABELS_MAX = 1000
ROWS_MAX = 2000
_PULL_LIMIT, _PULL_EVERY_S, _PULL_DEADLINE_S = 500, 0.2, 2.0


class DecidedRow(msgspec.Struct, frozen=True, kw_only=True):
    """One decided record as ``POST /examples`` of the gateway gives it."""

    seq: int
    id: str
    record: dict[str, object]
    decision: Decision
    score: float
    model: str
    degraded: bool = False


class _Decided(msgspec.Struct):
    rows: list[DecidedRow]
    last: int
    accepted: Accepted | None = None


class _Label(msgspec.Struct, forbid_unknown_fields=True):
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    label: Annotated[int, msgspec.Meta(ge=0, le=1)]


class _Labels(msgspec.Struct, forbid_unknown_fields=True):
    labels: Annotated[list[_Label], msgspec.Meta(max_length=LABELS_MAX)]


class _Truth(msgspec.Struct, forbid_unknown_fields=True):
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    p: Annotated[float, msgspec.Meta(ge=0, le=1)]


class _Truths(msgspec.Struct, forbid_unknown_fields=True):
    truth: Annotated[list[_Truth], msgspec.Meta(max_length=LABELS_MAX)]


class _Value(msgspec.Struct, forbid_unknown_fields=True):
    value: float


class _Comparison(msgspec.Struct, forbid_unknown_fields=True):
    versions: Annotated[list[str], msgspec.Meta(min_length=1, max_length=8)]
    after: Annotated[int, msgspec.Meta(ge=0)] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=ROWS_MAX)] = ROWS_MAX


_DECIDED = msgspec.json.Decoder(_Decided)
_LABELS = msgspec.json.Decoder(_Labels)
_TRUTHS = msgspec.json.Decoder(_Truths)
_COMPARISON = msgspec.json.Decoder(_Comparison)
_VALUE = msgspec.json.Decoder(_Value)


class Learner:
    """The learner of one system; its store needs the logs ``LOGS``, its calls the ``EDGES``.

    ``stored`` reads rows that no version has learned from, ``beside`` is where they are scored.
    """

    def __init__(
        self,
        ports: Ports,
        features: Features,
        trainer: Trainer,
        *,
        golden: Golden,
        watch: RowWatch | None,
        stored: StoredRows,
        beside: Beside,
        folder: Folder,
        oracle: bool = False,
        load: LoadModel = load_model,
    ) -> None:
        self._ports = ports
        self._features = features
        self._examples = Examples(ports.store, len(features.spec.features))
        self._refusals = Refusals(ports.store, features.spec.fields)
        self._models = Models(ports.call, ports.clock, load)
        self._references = ScoreReferences(self._models, watch, stored, beside)
        self._batches = Batches(watch, self._references.bins)
        self._golden = features.rows(golden.records)
        self._golden_wrong: dict[str, int] = {}
        self._golden_declined = np.array([decision == DECLINE for decision in golden.decisions])
        self._acts = Acts(ports.clock)
        self._trainings = Trainings(
            trainer, self._models, self._examples, folder=folder, spec=features.spec, acts=self._acts
        )
        self._quarantines = Quarantines(ports.store, self._examples, features.spec.features, self._acts)
        self._parts = watched_of(features.spec).parts
        self._pulls_failed = self._unusable = self._left_out = 0
        self._door = Door(
            ports,
            {
                "POST /labels": self._label,
                "GET /known": self._known,
                "GET /slices": self._sliced,
                "GET /batches": self._batched,
                "GET /batches/raw": self._batched_raw,
                "GET /batches/refused": self._batched_refused,
                "GET /scores/*": self._told_scores,
                "POST /comparisons": self._compare,
                "PUT /trainings/*": self._train,
                "GET /trainings/*": self._training,
                "DELETE /trainings/*": self._drop,
                "GET /quarantines": self._quarantined,
                "PUT /quarantines/*": self._leave_out,
                "DELETE /quarantines/*": self._take_in,
                "GET /acts": self._acted,
                **({"POST /truth": self._told_truth} if oracle else {}),
            },
            signals=self._signals,
        )

    async def start(self) -> None:
        """Read what an earlier life had, then pull rows and train for ever."""
        self._examples.recover()
        self._quarantines.recover()
        self._trainings.recover()
        self._ports.spawn(self._pull_forever)
        self._ports.spawn(lambda: self._trainings.run_forever(self._ports.clock))
        self._ports.spawn(lambda: self._references.run_forever(self._ports.clock))

    async def handle(self, route: str, body: bytes, /) -> Reply:
        """See :class:`reference_pipeline.ports.Service`."""
        return await self._door.handle(route, body)

    async def _pull_forever(self) -> None:
        while True:
            pulled = 0
            try:
                pulled = await self._pull()
            except (CallFailed, StoreFailed):
                self._pulls_failed += 1
            if pulled < _PULL_LIMIT:
                await self._ports.clock.rest_s(_PULL_EVERY_S)

    async def _pull(self) -> int:
        """Take one page of decided rows, and one of what was accepted; how many the longer one had."""
        asked = {
            "after": self._examples.cursor,
            "accepted_after": self._refusals.cursor,
            "limit": _PULL_LIMIT,
        }
        body = msgspec.json.encode(asked)
        reply = await self._ports.call("learner-gateway", "POST /examples", body, _PULL_DEADLINE_S)
        try:
            given = decoded(_DECIDED, reply.body)
        except NotUnderstood as error:
            raise CallFailed(f"learner-gateway: reply not understood: {error}") from error
        accepted = given.accepted or Accepted(rows=0, broken=(), last=self._refusals.cursor)
        if given.last > self._examples.cursor or accepted.rows:
            examples = self._as_examples(given.rows)
            cursor = max(given.last, self._examples.cursor)
            self._examples.take(examples, cursor, also=self._refusals.mark(accepted))
            self._refusals.take(accepted)
            self._left_out += sum(
                self._examples.is_left_out(np.frombuffer(one.features, dtype="<f8"))
                for one in examples.values()
            )
            self._batches.take(
                [self._scored(row, examples[row.id]) for row in given.rows if row.id in examples]
            )
        return max(len(given.rows), accepted.rows)

    def _scored(self, row: DecidedRow, example: Example) -> Scored:
        event_s = row.record.get(self._features.spec.time_field)
        return Scored(
            row=np.frombuffer(example.features, dtype="<f8"),
            record=row.record,
            score=row.score,
            model="" if row.degraded else row.model,
            event_s=float(event_s) if isinstance(event_s, int | float) else 0.0,
        )

    def _as_examples(self, rows: Sequence[DecidedRow]) -> dict[str, Example]:
        """Turn rows into examples; a record that no features can be made of is none."""
        try:
            values = self._features.rows([row.record for row in rows]) if rows else np.zeros((0, 0))
        except BadRecord:
            if len(rows) == 1:
                self._unusable += 1
                return {}
            parts = [self._as_examples([row]) for row in rows]
            return {key: one for part in parts for key, one in part.items()}
        return {
            row.id: Example(as_bytes(value), row.decision == DECLINE, row.score, row.model, row.degraded)
            for row, value in zip(rows, values, strict=True)
        }

    async def _label(self, request: Request) -> Reply:
        labels = _understood(_LABELS, request.body).labels
        self._examples.label([Label(one.id, one.label) for one in labels])
        return json_reply(200, {"taken": len(labels)})

    async def _told_truth(self, request: Request) -> Reply:
        """Take P(y = 1 | x) in place of a label; in arm ``oracle`` alone."""
        truths = _understood(_TRUTHS, request.body).truth
        self._examples.label([Label(one.id, one.p) for one in truths])
        return json_reply(200, {"taken": len(truths)})

    async def _known(self, request: Request) -> Reply:
        """Labelled decisions as columns, by cursor."""
        after, limit = page(request)
        window = self._examples.window(after, min(limit, ROWS_MAX))
        columns = {
            "last": window.last,
            "newest": self._examples.last_known,
            "decided_declined": self._examples.decided_declined,
            "label": window.label.tolist(),
            "declined": window.declined.tolist(),
            "score": window.score.tolist(),
            "model": list(window.model),
            "degraded": window.degraded.tolist(),
        }
        return json_reply(200, columns)

    async def _sliced(self, request: Request) -> Reply:
        """Labelled decisions by the parts of the rows that they are of, by cursor; left out or not."""
        after, limit = page(request)
        window = self._examples.window(after, min(limit, ROWS_MAX), whole=True)
        columns = {
            "last": window.last,
            "newest": self._examples.last_known,
            "names": list(self._parts),
            "parts": [
                np.flatnonzero(row).tolist() for row in window.rows[:, list(self._parts.values())] > 0.5
            ],
            "score": window.score.tolist(),
            "label": window.label.tolist(),
            "degraded": window.degraded.tolist(),
        }
        return json_reply(200, columns)

    async def _batched(self, request: Request) -> Reply:
        after, limit = page(request)
        found = self._batches
        told = {"batches": found.page(after, limit), "last": found.last, "serving": found.serving}
        return json_reply(200, told)

    async def _batched_raw(self, request: Request) -> Reply:
        after, limit = page(request)
        batches = self._batches.raw_page(after, limit)
        return json_reply(200, {"batches": batches, "last": self._batches.last_raw})

    async def _batched_refused(self, request: Request) -> Reply:
        after, limit = page(request)
        return json_reply(200, self._refusals.page(after, limit))

    async def _told_scores(self, request: Request) -> Reply:
        return json_reply(200, self._references.told(unquote(request.rest)))

    async def _compare(self, request: Request) -> Reply:
        """What each version would have lost on labelled rows, row by row, and how it decides golden ones.

        A version is refused by what the registry says of it, never for a call that failed: who asked would
        give it up for good.
        """
        asked = _understood(_COMPARISON, request.body)
        window = self._examples.window(asked.after, asked.limit)
        lost: dict[str, list[float]] = {}
        golden: dict[str, tuple[int, int]] = {}
        refused: dict[str, str] = {}
        for version in asked.versions:
            try:
                model = await self._models.version(version)
            except (UnknownVersion, BadArtefact) as error:
                refused[version] = str(error)
                continue
            if model.features != self._features.spec.features:
                refused[version] = "it was trained on other features"
                continue
            lost[version] = self._lost(model, window)
            golden[version] = self._golden_of(model)
        told = {"last": window.last, "losses": lost, "golden": golden, "refused": refused}
        return json_reply(200, told)

    def _golden_of(self, model: Model) -> tuple[int, int]:
        """Golden rows, and how many of them it decides otherwise: for a version always the same."""
        if model.sha256 not in self._golden_wrong:
            wrong = (model.score(self._golden) >= model.threshold) != self._golden_declined
            self._golden_wrong[model.sha256] = int(wrong.sum())
        return len(self._golden), self._golden_wrong[model.sha256]

    def _lost(self, model: Model, window: Window) -> list[float]:
        if not len(window.label):
            return []
        declined = model.score(window.rows) >= model.threshold
        costs = self._features.spec.costs
        lost = losses(declined, window.label, missed=costs.missed_fraud, annoyed=costs.declined_good)
        return [float(one) for one in lost]

    async def _train(self, request: Request) -> Reply:
        return json_reply(200, await self._trainings.ask(request.rest, request.body))

    async def _training(self, request: Request) -> Reply:
        return json_reply(200, self._trainings.state(request.rest))

    async def _drop(self, request: Request) -> Reply:
        return json_reply(200, self._trainings.drop(request.rest))

    async def _quarantined(self, _: Request) -> Reply:
        return json_reply(200, self._quarantines.table)

    async def _leave_out(self, request: Request) -> Reply:
        self._quarantines.set(unquote(request.rest), _understood(_VALUE, request.body).value)
        return json_reply(200, self._quarantines.table)

    async def _take_in(self, request: Request) -> Reply:
        self._quarantines.remove(unquote(request.rest))
        return json_reply(200, self._quarantines.table)

    async def _acted(self, request: Request) -> Reply:
        after, limit = page(request)
        acts = self._acts.page(after, limit)
        return json_reply(200, {"acts": acts, "last": acts[-1].seq if acts else after})

    def _signals(self) -> Mapping[str, float]:
        return {
            **self._examples.counts,
            **self._trainings.counts,
            "last_known": self._examples.last_known,
            "pulls_failed_total": self._pulls_failed,
            "unusable_total": self._unusable,
            "rows_left_out_total": self._left_out,
        }


def _understood(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    try:
        return decoded(decoder, body)
    except NotUnderstood as error:
        raise BadRequest(str(error)) from error
