"""The ledger: what the supervisor did and saw, in order, with monotonic instants."""

from __future__ import annotations

import asyncio

import msgspec


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One act. ``seq`` counts from 1 without gaps, ``at_s`` is CLOCK_MONOTONIC in seconds."""

    seq: int
    at_s: float
    service: str
    act: str
    pid: int = 0
    boot_id: str = ""
    detail: str = ""


class Ledger:
    """Append-only list of lines; lives as long as the supervisor."""

    def __init__(self) -> None:
        self._lines: list[Line] = []

    def note(
        self,
        service: str,
        act: str,
        *,
        at_s: float | None = None,
        pid: int = 0,
        boot_id: str = "",
        detail: str = "",
    ) -> None:
        """Append one act, stamped now unless ``at_s`` says when it was seen."""
        stamp_s = asyncio.get_running_loop().time() if at_s is None else at_s
        self._lines.append(
            Line(
                seq=len(self._lines) + 1,
                at_s=stamp_s,
                service=service,
                act=act,
                pid=pid,
                boot_id=boot_id,
                detail=detail,
            )
        )

    def after(self, seq: int) -> list[Line]:
        """All lines with a higher number than ``seq``."""
        return self._lines[max(seq, 0) :]
