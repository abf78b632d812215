"""``python -m harness.driver.background SPEC.json``: Locust, headless, on loopback alone.

Comes in: a file with a ``Load``. Goes out: two lines of ``Told``, when it has begun and when it is over.
"""

from __future__ import annotations

# First of all: it changes sockets and threads of whatever is imported after it.
import locust  # isort: skip
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

import gevent
import gevent.select
import msgspec
from locust.contrib.fasthttp import FastHttpUser
from locust.env import Environment

from harness.driver.background import Load, Told

FIRST_ANSWER_S = 10.0
LOOK_EVERY_S = 0.05
ANSWER_S = 10.0


def main(argv: list[str]) -> int:
    """Make load until standard input closes; gives its exit code: 0 done, 5 refused."""
    load = msgspec.json.decode(Path(argv[1]).read_bytes(), type=Load)
    if urlsplit(load.url).hostname != "127.0.0.1":
        print(f"background: {load.url} is not on this machine", file=sys.stderr)  # noqa: T201 (its log)
        return 5
    environment = Environment(user_classes=[_user_of(load)])
    runner = environment.create_local_runner()
    with gevent.Timeout(load.limit_s, False):
        runner.start(load.users, spawn_rate=load.users)
        with gevent.Timeout(FIRST_ANSWER_S, False):
            while not environment.stats.total.num_requests:
                gevent.sleep(LOOK_EVERY_S)
        _say(environment, done=False)
        gevent.select.select([sys.stdin], [], [])
    runner.quit()
    _say(environment, done=True)
    return 0


def _user_of(load: Load) -> type[FastHttpUser]:
    """A kind of user whose only task it is to ask; ``tasks`` and waiting are words of Locust."""
    method, headers = ("POST", {"content-type": "application/json"}) if load.body else ("GET", {})

    def ask(user: FastHttpUser) -> None:
        user.client.request(method, load.url, name="background", data=load.body or None, headers=headers)

    made = {
        "host": load.url,
        "network_timeout": ANSWER_S,
        "connection_timeout": ANSWER_S,
        "wait_time": locust.constant_throughput(load.rate_hz / load.users),
        "tasks": [ask],
    }
    return type("Caller", (FastHttpUser,), made)


def _say(environment: Environment, *, done: bool) -> None:
    total = environment.stats.total  # another object after each start
    told = Told(done=done, requests=total.num_requests, failed=total.num_failures)
    os.write(1, msgspec.json.encode(told) + b"\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv))
