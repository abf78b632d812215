"""STAGE 7 of 8. In: ``Estimates``, objectives. Out: ``Verdict``: one word, why, exit code.

``codes.py`` is the table of words, ``evidence.py`` the one place that says "too little",
``judge.py`` compares. Next stage: ``harness.report``.
"""
