"""Content has the hash of its bytes, whoever asks again and with whatever object."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from reference_pipeline.content import content_sha256


@given(st.lists(st.binary(max_size=3), max_size=12))
def test_each_content_has_its_own_hash_however_many_came_between(contents: list[bytes]) -> None:
    for content in [*contents, *contents]:
        assert content_sha256(bytes(bytearray(content))) == hashlib.sha256(content).hexdigest()
