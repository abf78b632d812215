"""A service with secrets that says them wherever it can: in its log, as its version, in its routes."""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).parents[1]))

from tiny_system import decider

NAMES = ("KEY_A", "KEY_B", "KEY_C", "KEY_D", "KEY_E")


def said() -> list[str]:
    """Each secret as it is, as JSON, in a URL, and in base64 after other bytes."""
    values = [os.environ[name] for name in NAMES]
    whole = [form for value in values for form in (value, json.dumps(value), quote(value, safe=""))]
    return whole + [base64.b64encode(b"user:" + value.encode() + b"!").decode() for value in values]


def main() -> int:
    """Serve, and tell."""
    for line in said():
        print(line, file=sys.stderr, flush=True)  # noqa: T201
    decider.MODEL = " ".join(said()[:3])
    return decider.main()


if __name__ == "__main__":
    raise SystemExit(main())
