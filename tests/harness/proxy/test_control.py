"""Who may ask, Toxiproxy's verbs over plain HTTP, and toxics that end by themselves."""

from __future__ import annotations

import http.client
import json
import os
import stat
import subprocess
import sys

import pytest

from harness.proxy.client import ProxyClient, ProxyGone
from harness.proxy.spec import ToxicSpec
from harness.shell import monotonic_s, sleep_until

LATENCY = {
    "name": "slow",
    "type": "latency",
    "stream": "downstream",
    "attributes": {"latency": 5, "jitter": 0},
}


@pytest.fixture
def call(proxy):
    """One plain HTTP request over loopback: status and decoded body."""

    def once(method, path, body=None, *, host="127.0.0.1", **extra):
        connection = http.client.HTTPConnection("127.0.0.1", proxy.control, timeout=10.0)
        headers = {"Authorization": f"Bearer {proxy.token}", "Host": f"{host}:{proxy.control}", **extra}
        text = json.dumps(body) if isinstance(body, dict) else body
        connection.request(method, path, body=text, headers=headers)
        reply = connection.getresponse()
        data = reply.read()
        connection.close()
        return reply.status, json.loads(data) if data else None

    return once


def last_event(proxy):
    return proxy.client.events()[-1]


def test_a_client_of_toxiproxy_finds_its_verbs(proxy, call):
    assert call("GET", "/version")[0] == 200
    status, proxies = call("GET", "/proxies")
    assert status == 200
    assert proxies["echo"]["listen"] == f"127.0.0.1:{proxy.ports['echo']}"
    assert (proxies["echo"]["enabled"], proxies["echo"]["toxics"]) == (True, [])
    status, toxic = call("POST", "/proxies/echo/toxics", LATENCY)
    assert status == 200
    assert {name: toxic[name] for name in LATENCY} == LATENCY
    assert toxic["toxicity"] == 1.0
    assert toxic["generation"] == proxies["echo"]["generation"] + 1
    assert [one["name"] for one in call("GET", "/proxies/echo/toxics")[1]] == ["slow"]
    assert call("GET", "/proxies/echo/toxics/slow")[1]["type"] == "latency"
    assert call("POST", "/proxies/echo/toxics", LATENCY)[0] == 409
    assert call("DELETE", "/proxies/echo/toxics/slow") == (204, None)
    assert call("DELETE", "/proxies/echo/toxics/slow")[0] == 404
    call("POST", "/proxies/echo/toxics", LATENCY)
    assert call("POST", "/reset") == (204, None)
    assert call("GET", "/proxies/echo")[1]["toxics"] == []
    assert call("GET", "/proxies/nowhere")[0] == call("GET", "/proxies/echo/toxics/slow")[0] == 404


@pytest.mark.parametrize(
    ("why", "headers"),
    [
        ("token", {"Authorization": "Bearer wrong"}),
        ("token", {"Authorization": ""}),
        ("host", {"host": "evil.example"}),
        ("origin", {"Origin": "http://127.0.0.1"}),
    ],
)
def test_who_is_not_one_of_ours_is_refused_counted_and_changes_nothing(proxy, call, why, headers):
    """SR-30: no token, another host, a page in a browser."""
    before = proxy.client.proxies()["echo"]
    seq = last_event(proxy).seq if proxy.client.events() else 0
    assert call("POST", "/proxies/echo/toxics", LATENCY, **headers)[0] == 403
    assert call("GET", "/proxies", **headers)[0] == 403
    events = proxy.client.events(seq)
    assert [(event.event, event.detail) for event in events] == [
        ("refused", f"POST for its {why}"),
        ("refused", f"GET for its {why}"),
    ]
    assert proxy.client.proxies()["echo"] == before


@pytest.mark.parametrize("body", ["", "{", "[]", '{"type": "latency"}', '{"type": "nothing"}'])
def test_a_wrong_toxic_is_400_and_changes_nothing(proxy, call, body):
    before = proxy.client.proxies()["echo"]
    assert call("POST", "/proxies/echo/toxics", body)[0] == 400
    assert proxy.client.proxies()["echo"] == before


def test_a_number_of_events_that_is_none_is_400(call):
    assert call("GET", "/events?after=soon")[0] == 400


def test_the_socket_is_private_and_so_is_its_folder(proxy):
    """SR-30: 0600 in 0700."""
    assert stat.S_IMODE(proxy.socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(proxy.socket.parent.stat().st_mode) == 0o700


CONNECT = """
import os, socket, sys
user, folder, name = int(sys.argv[1]), *sys.argv[2:]
os.chdir(folder)
if user:
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
try:
    socket.socket(socket.AF_UNIX).connect(name)
    print("connected")
except OSError as error:
    print(type(error).__name__)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(
    ("user", "folder_mode", "seen"),
    [
        (0, 0o700, "connected"),
        (65534, 0o700, "PermissionError"),  # the folder keeps them out
        (65534, 0o711, "PermissionError"),  # the socket alone does
    ],
)
def test_another_user_of_the_machine_does_not_reach_the_socket(proxy, user, folder_mode, seen):
    """SR-30: another UID; from inside the folder, so that none above it keeps them out."""
    folder, name = proxy.socket.parent, proxy.socket.name
    folder.chmod(folder_mode)
    try:
        words = [sys.executable, "-c", CONNECT, str(user), str(folder), name]
        done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    finally:
        folder.chmod(0o700)
    assert done.stdout.strip() == seen


def test_a_toxic_ends_by_its_own_time_and_what_it_held_is_delivered(proxy, read):
    with proxy.talking() as caller:
        proxy.client.add("echo", ToxicSpec(name="t", type="cut", stream="both", ttl_s=0.2))
        caller.sendall(b"ping")
        assert read(caller, 4) == b"ping"
    event = last_event(proxy)
    assert (event.event, event.edge, event.toxic, event.detail) == ("expired", "echo", "t", "ttl")
    assert proxy.client.proxies()["echo"].toxics == ()


def test_a_leased_toxic_lives_as_long_as_the_lease_is_renewed(proxy, until):
    proxy.client.add("echo", ToxicSpec(name="kept", type="cut"))
    proxy.client.add("echo", ToxicSpec(name="leased", type="refuse", leased=True))

    def names():
        return [toxic.name for toxic in proxy.client.proxies()["echo"].toxics]

    renewed_to_s = monotonic_s() + 1.0  # more than twice the lease of this proxy
    while monotonic_s() < renewed_to_s:
        proxy.client.lease()
        sleep_until(monotonic_s() + 0.02)
    renewed = [event for event in proxy.client.events() if event.toxic == "leased"]
    # A machine that stood still for a whole lease has lost it rightly: then there is nothing to see here.
    if renewed[-1].event == "added":
        assert names() == ["kept", "leased"]
    until(lambda: names() == ["kept"])
    assert (last_event(proxy).event, last_event(proxy).detail) == ("expired", "lease")


def test_a_removed_toxic_does_not_expire_again(proxy, until):
    proxy.client.add("echo", ToxicSpec(name="t", type="cut", ttl_s=0.1))
    proxy.client.remove("echo", "t")
    proxy.client.add("http", ToxicSpec(name="later", type="cut", ttl_s=0.2))
    until(lambda: last_event(proxy).toxic == "later" and last_event(proxy).event == "expired")
    told = [event.event for event in proxy.client.events() if (event.edge, event.toxic) == ("echo", "t")]
    assert told[-2:] == ["added", "removed"]


def test_a_proxy_that_is_not_there_is_told_apart_from_one_that_refuses(tmp_path):
    with pytest.raises(ProxyGone, match="does not answer"):
        ProxyClient(tmp_path / "nothing", "token").proxies()
