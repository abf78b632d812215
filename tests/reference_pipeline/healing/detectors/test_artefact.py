"""Model bytes: one flipped bit is an alarm, unread bytes are no data."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from reference_pipeline.healing.detectors.artefact import check_artefact


@given(st.binary(min_size=1, max_size=200), st.data())
def test_any_flipped_bit_is_found(content: bytes, data: st.DataObject) -> None:
    sha256 = hashlib.sha256(content).hexdigest()
    place = data.draw(st.integers(0, 8 * len(content) - 1))
    damaged = bytearray(content)
    damaged[place // 8] ^= 1 << (place % 8)
    assert check_artefact(content, sha256, version="1.0.0").says == "quiet"
    reading = check_artefact(bytes(damaged), sha256, version="1.0.0")
    assert reading.may_touch_model
    assert reading.where == "1.0.0"


@given(st.binary(max_size=200), st.integers(0, 199))
def test_a_truncated_file_is_found(content: bytes, length: int) -> None:
    if length < len(content):
        sha256 = hashlib.sha256(content).hexdigest()
        assert check_artefact(content[:length], sha256, version="1.0.0").says == "alarm"


def test_without_bytes_or_hash_nothing_is_known() -> None:
    assert check_artefact(None, "ab", version="1.0.0").says == "no data"
    assert check_artefact(b"trees", "", version="1.0.0").says == "no data"
