"""A supervisor with a declared restart delay: ``own_supervisor.py PORT STAMPS DELAY_S [LIVES [SIBLING]]``.

It forks the server, waits for its end, stamps ``down PID AT_S`` when it hears of it, waits DELAY_S, forks
again; after LIVES lives it gives up with exit code 3. SIBLING is another server's file of stamps: that one is
taken down too, each time.
"""

import os
import select
import signal
import sys
import time

from own_server import serve, stamp

port, stamps, delay_s = int(sys.argv[1]), sys.argv[2], float(sys.argv[3])
lives = int(sys.argv[4]) if len(sys.argv) > 4 else 1_000
for _ in range(lives):
    pid = os.fork()
    if pid == 0:
        serve(port, stamps)
    os.waitpid(pid, 0)
    stamp(stamps, f"down {pid} {time.monotonic()!r}")
    for sibling in sys.argv[5:]:
        with open(sibling, encoding="ascii") as file:
            os.kill(int(file.read().split()[-2]), signal.SIGKILL)
    select.select([], [], [], delay_s)
sys.exit(3)
