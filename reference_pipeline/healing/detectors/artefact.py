"""The bytes of a model: are they those that were registered?

Comes in: the bytes that a model is or would be loaded from, and the registered hash. Goes out: a reading.
Pure.

    >>> check_artefact(b"trees", content_sha256(b"trees"), version="1.0.0").says
    'quiet'
    >>> check_artefact(b"tree5", content_sha256(b"trees"), version="1.0.0").says
    'alarm'
    >>> check_artefact(None, content_sha256(b"trees"), version="1.0.0").says
    'no data'
"""

from __future__ import annotations

from reference_pipeline.content import content_sha256
from reference_pipeline.healing.detectors.reading import Reading


def check_artefact(content: bytes | None, registered_sha256: str, *, version: str) -> Reading:
    """Compare the hash of ``content``; None: it could not be read, which is not the same as being wrong."""
    if content is None or not registered_sha256:
        return Reading(says="no data", means="harmed", where=version)
    same = content_sha256(content) == registered_sha256.lower()
    return Reading(
        says="quiet" if same else "alarm",
        means="harmed",
        statistic=0.0 if same else 1.0,
        threshold=0.0,
        window=1,
        where=version,
        how="" if same else "hash differs",
    )
