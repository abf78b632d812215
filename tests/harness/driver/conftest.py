"""The stub service and its world are those of the calibration."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "calibration" / "outages"))
