"""What tests of other people build on: generated inputs, and a system on a virtual clock to try them on.

``harness.testing.strategies`` holds Hypothesis strategies for schedules, records and system files, and is
the one module that needs ``pip install 'hormesis[testing]'``; ``harness.testing.simulated`` plays a schedule.
docs/property-tests.md shows both in one test.
"""
