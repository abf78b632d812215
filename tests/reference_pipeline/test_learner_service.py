"""The learner: rows pulled, labels taken, models trained once a key and compared on the same rows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from reference_pipeline.ports import Reply, Service
from reference_pipeline.scoring import Model, dump_model
from tests.reference_pipeline.learning import FIT_S, LearningPath, live, move, units
from tests.virtual import passes, run


def _told(reply: Reply) -> dict[str, object]:
    assert reply.status == 200, reply.body
    return msgspec.json.decode(reply.body, type=dict[str, object])


async def _train(path: LearningPath, key: str, kind: str = "adapt", after: int = 0) -> dict[str, object]:
    body = json.dumps({"kind": kind, "after": after}).encode()
    return _told(await path.learner.handle(f"PUT /trainings/{key}", body))


def test_a_training_is_done_once_a_key_and_its_version_says_where_it_comes_from(
    tmp_path: Path, whole_template: Path
) -> None:
    given = units(whole_template, seed=3, length_s=12, moves=(move("pattern_risk", 0.7, 0.0),))

    async def story(path: LearningPath) -> None:
        await path.decide(given)
        path.registry.set_alias("kept", path.champion.version)
        first = await _train(path, "a.1")
        assert (first["state"], first["version"]) == ("waiting", "")
        for _ in range(2):
            await passes(FIT_S)
            await _train(path, "a.1")
        told = await _train(path, "a.1")
        assert told["state"] == "published"
        assert [one.version for one in path.versions].count(told["version"]) == 1
        new = next(one for one in path.versions if one.version == told["version"])
        assert new.lineage["key"] == "a.1"
        assert new.lineage["last"] == str(told["last"])
        assert set(new.lineage) >= {"parent", "data_sha256", "code_sha256", "kind", "after", "train_rows"}

    run(live(tmp_path, whole_template, story))


def test_two_trainings_get_two_versions(tmp_path: Path, whole_template: Path) -> None:
    given = units(whole_template, seed=4, length_s=12, moves=(move("pattern_risk", 0.7, 0.0),))

    async def story(path: LearningPath) -> None:
        await path.decide(given)
        for key, kind in (("b", "adapt"), ("c", "recalibrate")):
            await _train(path, key, kind)
        await passes(4 * FIT_S)
        versions = {(await _train(path, key))["version"] for key in ("b", "c")}
        assert len(versions) == 2
        assert "" not in versions

    run(live(tmp_path, whole_template, story))


def test_too_few_labels_end_a_training_with_words(tmp_path: Path, whole_template: Path) -> None:
    given = units(whole_template, seed=5, length_s=2)

    async def story(path: LearningPath) -> None:
        await path.decide(given)
        await _train(path, "d")
        await passes(2 * FIT_S)
        told = await _train(path, "d")
        assert told["state"] == "failed"
        assert "at least 400" in str(told["why"])
        assert len(path.versions) == 1

    run(live(tmp_path, whole_template, story))


def test_versions_are_compared_on_the_very_same_rows(tmp_path: Path, whole_template: Path) -> None:
    given = units(whole_template, seed=6, length_s=6)

    async def story(path: LearningPath) -> None:
        await path.decide(given)
        version = path.champion.version
        body = json.dumps({"versions": [version], "after": 100, "limit": 300}).encode()
        told = _told(await path.learner.handle("POST /comparisons", body))
        assert told["last"] == 400
        assert told["golden"] == {version: [120, 0]}
        known = _told(await path.learner.handle("GET /known?after=100&limit=300", b""))
        label, declined = np.array(known["label"]), np.array(known["declined"])
        lost = np.where(label == 1, 1.0 * ~declined, 0.05 * declined)
        losses = told["losses"]
        assert isinstance(losses, dict)
        assert losses[version] == lost.tolist()

    run(live(tmp_path, whole_template, story))


def test_a_version_that_cannot_be_asked_is_named_and_holds_up_nobody(
    tmp_path: Path, whole_template: Path
) -> None:
    given = units(whole_template, seed=7, length_s=4)

    async def story(path: LearningPath) -> None:
        await path.decide(given)
        good = path.champion
        bad = path.registry.put(_renamed(good), "2.0.0", {}, {})
        file = tmp_path / "registry" / "artefacts" / f"{bad.sha256}.npz"
        file.write_bytes(file.read_bytes()[:-1])
        body = json.dumps({"versions": [good.version, bad.version, "9.9.9"]}).encode()
        told = _told(await path.learner.handle("POST /comparisons", body))
        assert list(told["losses"]) == [good.version]  # type: ignore[call-overload]
        assert set(told["refused"]) == {bad.version, "9.9.9"}  # type: ignore[call-overload]

    run(live(tmp_path, whole_template, story))


class _Damaging:
    """The registry behind a way that cuts the last byte off each artefact, for as long as ``damages``."""

    def __init__(self, registry: Service) -> None:
        self.damages = True
        self._registry = registry

    async def start(self) -> None:
        """It runs already."""

    async def handle(self, route: str, body: bytes, /) -> Reply:
        reply = await self._registry.handle(route, body)
        cut = self.damages and route.startswith("GET /artefacts") and reply.status == 200
        return Reply(200, reply.body[:-1]) if cut else reply


def test_a_version_that_does_not_come_whole_is_not_refused_and_nothing_is_concluded_or_begun(
    tmp_path: Path, whole_template: Path
) -> None:
    given = units(whole_template, seed=7, length_s=4)

    async def story(path: LearningPath) -> None:
        await path.decide(given)
        way = path.wires.services["registry"] = _Damaging(path.wires.services["registry"])
        version = path.registry.put(_renamed(path.champion), "2.0.0", {}, {}).version
        compare = json.dumps({"versions": [version]}).encode()
        train = json.dumps({"kind": "recalibrate"}).encode()
        for route, body in (("POST /comparisons", compare), ("PUT /trainings/a", train)):
            reply = await path.learner.handle(route, body)
            assert (reply.status, b"damaged on the way" in reply.body) == (503, True)
        assert (await path.learner.handle("GET /trainings/a", b"")).status == 404
        way.damages = False
        told = _told(await path.learner.handle("POST /comparisons", compare))
        assert (list(told["losses"]), told["refused"]) == ([version], {})  # type: ignore[call-overload]
        assert (await _train(path, "a", "recalibrate"))["state"] == "waiting"

    run(live(tmp_path, whole_template, story))


def _renamed(model: Model) -> bytes:
    return dump_model(
        model.trees,
        version="2.0.0",
        threshold=model.threshold,
        features=model.features,
        metrics={},
        lineage={},
    )


def test_what_is_no_question_is_refused(tmp_path: Path, whole_template: Path) -> None:
    async def story(path: LearningPath) -> None:
        handle = path.learner.handle
        wrong = [
            ("POST /labels", b'{"labels": [{"id": "a", "label": 2}]}', 400),
            ("POST /labels", b'{"labels": [{"id": "", "label": 1}]}', 400),
            ("POST /labels", b"{", 400),
            ("POST /comparisons", b'{"versions": []}', 400),
            ("PUT /trainings/a%2F..%2Fb", b'{"kind": "adapt"}', 400),
            ("PUT /trainings/..", b'{"kind": "adapt"}', 400),
            ("PUT /trainings/a", b'{"kind": "magic"}', 400),
            ("GET /trainings/none", b"", 404),
        ]
        for route, body, status in wrong:
            assert (await handle(route, body)).status == status, route

    run(live(tmp_path, whole_template, story))


def test_raw_batches_hold_a_hundred_rows_each_and_the_scores_that_were_served(
    tmp_path: Path, whole_template: Path
) -> None:
    given = units(whole_template, seed=8, length_s=4)

    async def story(path: LearningPath) -> None:
        await path.decide(given)
        await passes(1.0)
        told = _told(await path.learner.handle("GET /batches/raw?after=1&limit=2", b""))
        second, third = told["batches"]  # type: ignore[misc]
        assert (second["number"], third["number"], told["last"]) == (2, 3, 10)
        assert second["scores"] + third["scores"] == [row["score"] for row in path.wires.rows[100:300]]
        assert (len(second["rows"]), len(third["rows"])) == (100, 100)

    run(live(tmp_path, whole_template, story))


def test_labelled_rows_are_told_by_their_parts_also_those_that_are_left_out(
    tmp_path: Path, whole_template: Path
) -> None:
    given = units(whole_template, seed=10, length_s=6)

    async def story(path: LearningPath) -> None:
        await path.decide(given)
        before = _told(await path.learner.handle("GET /slices?after=0&limit=200", b""))
        await path.learner.handle("PUT /quarantines/channel%3Dweb", b'{"value": 1.0}')
        assert _told(await path.learner.handle("GET /slices?after=0&limit=200", b"")) == before
        assert len(_told(await path.learner.handle("GET /known?after=0&limit=200", b""))["label"]) < 200  # type: ignore[arg-type]
        names: list[str] = before["names"]  # type: ignore[assignment]
        parts: list[list[int]] = before["parts"]  # type: ignore[assignment]
        assert len(parts) == len(before["score"]) == len(before["label"]) == 200  # type: ignore[arg-type]
        assert {len(one) for one in parts} == {2}, "a channel and a category"
        channels = {names[place] for one in parts for place in one if names[place].startswith("channel=")}
        assert channels == {"channel=pos", "channel=web", "channel=phone"}

    run(live(tmp_path, whole_template, story))


def test_an_oracle_learns_p_in_the_place_of_a_label_and_nobody_else_is_asked_in(
    tmp_path: Path, whole_template: Path
) -> None:
    drawn = units(whole_template, seed=9, length_s=2)
    given = replace(drawn, label=np.full_like(drawn.label, -1))  # nobody tells a label
    told = json.dumps({"truth": [{"id": "u0", "p": 0.25}, {"id": "u1", "p": 1.0}]}).encode()

    async def taken(path: LearningPath) -> None:
        await path.decide(given)
        assert _told(await path.learner.handle("POST /truth", told)) == {"taken": 2}
        assert _told(await path.learner.handle("GET /known?after=0&limit=10", b""))["label"] == [0.25, 1.0]

    async def unknown(path: LearningPath) -> None:
        assert (await path.learner.handle("POST /truth", told)).status == 404

    for name, story, oracle in (("oracle", taken, True), ("other", unknown, False)):
        (tmp_path / name).mkdir()
        run(live(tmp_path / name, whole_template, story, oracle=oracle))
