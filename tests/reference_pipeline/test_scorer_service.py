"""Where a scorer gets its model from when the registry is well, gone, or lying."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from reference_pipeline.healing.canary import sha32
from reference_pipeline.scoring import dump_model, load_model
from reference_pipeline.stores import SqliteStore
from tests.reference_pipeline.running import Pipeline, until


class LyingRegistry(BaseHTTPRequestHandler):
    """Names one hash as champion and sends other bytes for it."""

    def do_GET(self) -> None:
        body = b"other bytes"
        if self.path.startswith("/aliases/"):
            body = b'{"alias": "champion", "version": "9.9.9", "sha256": "' + b"ab" * 32 + b'"}'
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silence."""


@pytest.fixture
def liar() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), LyingRegistry) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def score(pipeline: Pipeline, *rows: list[float | None]) -> dict[str, object]:
    return pipeline.post("scorer-a", "/score", {"rows": list(rows)}).json


@pytest.mark.slow
def test_a_scorer_restarts_from_its_copy_when_the_registry_is_gone(
    tmp_path: Path, small_template: Path
) -> None:
    pipeline = Pipeline(tmp_path, small_template)
    try:
        pipeline.start("registry")
        pipeline.start("scorer-a")
        before = score(pipeline, [1.0] * 24)
        assert pipeline.signal("scorer-a", "loaded_from_copy_total") == 0
        pipeline.kill("registry")
        pipeline.kill("scorer-a")
        # With the template out of reach only the copy is left.
        pipeline.template = tmp_path / "nowhere"
        pipeline.start("scorer-a")
        assert pipeline.signal("scorer-a", "loaded_from_copy_total") == 1
        assert score(pipeline, [1.0] * 24) == before
    finally:
        pipeline.stop()


def test_bytes_of_another_hash_are_refused_and_the_template_serves(
    tmp_path: Path, small_template: Path, liar: str
) -> None:
    pipeline = Pipeline(tmp_path, small_template, elsewhere={"registry": liar})
    try:
        pipeline.start("scorer-a")
        assert pipeline.signal("scorer-a", "artefacts_refused_total") == 1
        assert str(score(pipeline, [1.0] * 24)["model"]).startswith("1.0.0+")
    finally:
        pipeline.stop()


@pytest.mark.slow
def test_a_model_that_is_older_than_what_was_served_is_refused_until_the_registry_answers(
    tmp_path: Path, small_template: Path
) -> None:
    """Its copy of 2.0.0 is damaged, the registry is away: the template's 1.0.0 is sound and stale."""
    pipeline = Pipeline(tmp_path, small_template)
    try:
        pipeline.start("registry", "scorer-a")
        _serve_two(pipeline)
        pipeline.kill("registry")
        pipeline.kill("scorer-a")
        with closing(SqliteStore(tmp_path / "scorer-a" / "store.db", ())) as store:
            store.commit([], {"model": b"damaged"})
        pipeline.start_unready("scorer-a")
        why = pipeline.get("scorer-a", "/readyz").json["why"]
        assert why.startswith("StaleArtefact: ")
        assert pipeline.post("scorer-a", "/score", {"rows": [[1.0] * 24]}).status == 503
        pipeline.start("registry")
        until(lambda: pipeline.get("scorer-a", "/readyz").status == 200)
        assert str(score(pipeline, [1.0] * 24)["model"]).startswith("2.0.0+")
    finally:
        pipeline.stop()


def _with_two(pipeline: Pipeline) -> str:
    """Put 2.0.0 into the registry, which serves no one yet."""
    sha256 = pipeline.get("registry", "/aliases/champion").json["sha256"]
    now = load_model(pipeline.get("registry", f"/artefacts/{sha256}").body, sha256)
    newer = dump_model(
        now.trees, version="2.0.0", threshold=0.5, features=now.features, metrics={}, lineage={}
    )
    artefact = base64.b64encode(newer).decode()
    new = {"version": "2.0.0", "artefact": artefact, "metrics": {}, "lineage": {}}
    return str(pipeline.post("registry", "/versions", new).json["version"])


def _serve_two(pipeline: Pipeline) -> str:
    """Put 2.0.0 into the registry and wait until scorer-a serves it."""
    version = _with_two(pipeline)
    assert pipeline.put("registry", "/aliases/champion", {"version": version}).status == 200
    until(lambda: str(score(pipeline, [1.0] * 24)["model"]).startswith("2.0.0+"))
    return version


def test_a_scorer_with_no_sound_model_lives_but_is_not_ready(tmp_path: Path, liar: str) -> None:
    pipeline = Pipeline(tmp_path, tmp_path / "nowhere", elsewhere={"registry": liar})
    try:
        pipeline.start_unready("scorer-a")
        ready = pipeline.get("scorer-a", "/readyz")
        assert (ready.status, ready.json["ready"]) == (503, False)
        assert ready.json["why"]
        assert pipeline.post("scorer-a", "/score", {"rows": [[1.0] * 24]}).status == 503
    finally:
        pipeline.stop()


def test_another_champion_is_served_without_a_restart(tmp_path: Path, small_template: Path) -> None:
    pipeline = Pipeline(tmp_path, small_template)
    try:
        pipeline.start("registry", "scorer-a")
        _serve_two(pipeline)
        assert pipeline.signal("scorer-a", "champions_followed_total") == 1
        pipeline.kill("registry")
        until(lambda: pipeline.signal("scorer-a", "follows_failed_total") > 0)
        assert str(score(pipeline, [1.0] * 24)["model"]).startswith("2.0.0+")
    finally:
        pipeline.stop()


@pytest.mark.slow
def test_the_second_scorer_serves_the_canary_and_the_first_the_champion(
    tmp_path: Path, small_template: Path
) -> None:
    pipeline = Pipeline(tmp_path, small_template)
    try:
        pipeline.start("registry", "scorer-a", "scorer-b")
        sha256 = pipeline.get("registry", "/aliases/champion").json["sha256"]
        assert pipeline.signal("scorer-b", "serving_sha32") == int(sha256[:8], 16)
        version = _with_two(pipeline)
        assert pipeline.put("registry", "/aliases/canary", {"version": version}).status == 200
        until(lambda: pipeline.signal("scorer-b", "serving_sha32") == sha32(version))
        assert pipeline.signal("scorer-a", "champions_followed_total") == 0
    finally:
        pipeline.stop()


def test_scores_answer_rows_in_order_and_null_is_a_missing_value(pipeline: Pipeline) -> None:
    rows: list[list[float | None]] = [[float(i)] * 24 for i in range(3)]
    together = score(pipeline, *rows, [None] * 24)
    alone = [score(pipeline, row) for row in rows]
    assert together["scores"][:3] == [answer["scores"][0] for answer in alone]
    assert len(together["decisions"]) == 4


@pytest.mark.parametrize("rows", [[], [[1.0]], [[1.0] * 24, [1.0]], [["x"] * 24], [[1.0] * 24] * 257, 7])
def test_rows_of_another_shape_are_400(pipeline: Pipeline, rows: object) -> None:
    assert pipeline.post("scorer-a", "/score", {"rows": rows}).status == 400
