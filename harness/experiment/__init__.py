"""STAGE 1 of 8. In: bytes of the user's files. Out: ``Experiment``, or one ``UsageProblem``.

``yaml.py`` reads strictly and keeps positions, ``model.py`` holds the types, ``load.py`` turns one
into the other and lists every problem at once. Next stage: ``harness.plan``.
"""
