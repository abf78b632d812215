"""The hash of content, by which what was registered is told from what is there."""

from __future__ import annotations

import hashlib
from functools import lru_cache


@lru_cache(maxsize=4)
def content_sha256(content: bytes) -> str:
    """SHA-256 of ``content`` as 64 hex digits.

    The last few are remembered, by all of their bytes: whoever verifies the same object at every look waits
    for the hash once.

    >>> content_sha256(b"trees")[:12]
    '29d807300a96'
    """
    return hashlib.sha256(content).hexdigest()
