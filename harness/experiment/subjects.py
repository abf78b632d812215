"""What a workload of archetype ``stream`` says of its subjects: where records go in and decisions come out.

Comes in: the keys of ``workload.subjects``. Goes out: a frozen struct; ``streams`` says what goes together.
"""

from __future__ import annotations

import msgspec


class Subjects(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Two subjects of one JetStream server, each kept by a stream that the system makes before it is ready.

    ``id``: where a record carries its id and its decision repeats it: a JSON Pointer into both, or the name
    of a header of both messages. ``decided_id``: the same for the decision alone, "" = as ``id``.
    """

    records: str
    decisions: str
    id: str = "/id"
    decided_id: str = ""

    @property
    def answer_id(self) -> str:
        """Where a decision repeats the id of its record.

        >>> Subjects(records="in", decisions="out", decided_id="Nats-Msg-Id").answer_id
        'Nats-Msg-Id'
        """
        return self.decided_id or self.id
