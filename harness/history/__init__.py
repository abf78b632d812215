"""STAGE 4 of 8. In: events and observations while a run lasts. Out: ``History``, read back.

The history is the only source of numbers. ``events.py`` is the closed union of what can happen,
``log.py`` the append-only file with its checksum chain, ``observations.py`` the fixed-width rows,
``store.py`` the folders. Next stage: ``harness.episodes``.
"""
