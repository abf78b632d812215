"""STAGE 3 of 8. In: ``Plan``, ``System``. Out: a run folder with its history.

Start, baseline gate, inject, prove the effect, watch, undo, prove clean, audit.
Next stage: ``harness.history``.
"""
