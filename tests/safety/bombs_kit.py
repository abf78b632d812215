"""Files made to exhaust a reader, and a process that reads them: what it says, how long, its growth."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TypedDict

LEVELS = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9))
CORPUS: dict[str, bytes] = {
    "billion laughs": ("a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + LEVELS).encode(),
    "merge keys": b"a: &a {b: 1}\nc: {<<: *a}\n",
    "merge without anchor": b"c: {<<: {b: 1}}\n",
    "self reference": b"a: &a [*a]\n",
    "tag that builds": b"a: !!python/object/apply:os.system [id]\n",
    "tag that is harmless": b"a: !!str b\n",
    "binary tag": b"a: !!binary aGk=\n",
    "deep lists": b"a: " + b"[" * 100_000,
    "deep maps": b"{a: " * 20_000,
    "deep blocks": b"".join(b" " * n + b"a:\n" for n in range(600)),
    "closed deep lists": b"a: " + b"[" * 400 + b"]" * 400,
    "many values": b"a: [" + b"x," * 400_000 + b"]",
    "many keys": b"".join(b"k%d: v\n" % n for n in range(100_000)),
    "two megabytes": b"a: b\n" * 400_000,
    "one long scalar": b"a: " + b"x" * 100_000,
    "one long key": b"x" * 100_000 + b": a",
    "long number": b"a: " + b"9" * 60_000,
    "huge exponent": b"a: 1e999999999",
    "long quoted": b'a: "' + b"\\x41" * 70_000 + b'"',
    "duplicate keys": b"a: 1\n" * 50_000,
    "documents": b"---\na: b\n" * 50_000,
    "question marks": b"? " * 20_000,
    "complex key": b"? [a, b]\n: c\n",
    "directives": b"%TAG ! tag:x,2000:\n---\na: !b c\n",
    "nul": b"a: b\x00c\n",
    "utf-16": "a: b\n".encode("utf-16"),
    "broken utf-8": b"a: \xff\xfe\n",
    "sexagesimal": b"a: 12:30:00\n",
    "old boolean": b"a: no\n",
    "date": b"a: 2026-01-01\n",
    "not a number": b"a: .nan\n",
    "octal": b"a: 0777\n",
}
READER = """
import json, sys, time
from pathlib import Path
from harness.errors import UsageProblem
from harness.experiment.yaml import read_file

def peak_kib():
    # Not ru_maxrss: a child inherits that of its parent.
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])

parsed = read_file(Path(sys.argv[1]), "warm-up")
before = peak_kib()
told, took_s = {}, {}
for name in sys.argv[2:]:
    since_s = time.perf_counter()
    try:
        parsed = read_file(Path(name), name)
        told[name] = [problem.code for problem in parsed.findings.problems]
    except UsageProblem as error:
        told[name] = [problem.code for problem in error.problems]
    took_s[name] = time.perf_counter() - since_s
grown = peak_kib() - before
print(json.dumps({"told": told, "took_s": took_s, "grown_kib": grown}))
"""


class Outcome(TypedDict):
    """By file: codes of the problems, seconds until they were told; growth of the whole process in KiB."""

    told: dict[str, list[str]]
    took_s: dict[str, float]
    grown_kib: int


def read_all(folder: Path, corpus: dict[str, bytes]) -> Outcome:
    """Write the files into ``folder``; one process reads them, one after another."""
    (folder / "fine.yaml").write_text("a: b\n")
    for name, content in corpus.items():
        (folder / name).write_bytes(content)
    run = subprocess.run(
        [sys.executable, "-c", READER, "fine.yaml", *corpus],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    outcome: Outcome = json.loads(run.stdout)
    return outcome
