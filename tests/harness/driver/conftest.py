"""The stub service and its world are those of the calibration; the driver's process is ``driver_kit``."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "calibration" / "outages")]
