"""Makes the modules of this folder importable: it is no package, and stubs run them as programs."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
