"""Targets: where a plan runs. Comes in: an ``Effect``. Goes out: ``Applied``, its undo, a clean proof.

``base`` has the protocol, ``local`` runs real processes on this machine. A target implements
effects, not faults. Next: ``harness.run`` calls a target, ``harness.history`` keeps what it did.
"""
