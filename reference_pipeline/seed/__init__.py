"""Arm ``seed``: an article's self-healing recipes taken at their word, thresholds included.

One recipe a file, pure, with instants passed in; ``path`` plugs them into the gateway, ``liveness``
is the healer beside it. What they do badly is what the arm is for: docs/seed.md lists the defect of
each, and a test holds it. Nothing here may be taken over into the arm ``reference``.
"""
