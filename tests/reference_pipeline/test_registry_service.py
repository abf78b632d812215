"""The registry over HTTP."""

from __future__ import annotations

import hashlib

from tests.reference_pipeline.running import Pipeline


def test_the_registry_serves_alias_versions_and_artefact(pipeline: Pipeline) -> None:
    champion = pipeline.get("registry", "/aliases/champion").json
    (version,) = pipeline.get("registry", "/versions").json
    assert champion["version"] == version["version"]
    artefact = pipeline.get("registry", f"/artefacts/{champion['sha256']}").body
    assert hashlib.sha256(artefact).hexdigest() == champion["sha256"]


def test_an_alias_is_moved_by_put_and_only_to_what_exists(pipeline: Pipeline) -> None:
    champion = pipeline.get("registry", "/aliases/champion").json
    moved = pipeline.put("registry", "/aliases/shadow", {"version": champion["version"]})
    assert (moved.status, moved.json["sha256"]) == (200, champion["sha256"])
    assert pipeline.get("registry", "/aliases/shadow").json == moved.json
    assert pipeline.put("registry", "/aliases/shadow", {"version": "7.7.7"}).status == 404
    assert pipeline.put("registry", "/aliases/shadow", {}).status == 400
    assert pipeline.get("registry", "/aliases/none").status == 404
    assert pipeline.get("registry", "/artefacts/" + "0" * 64).status == 404
