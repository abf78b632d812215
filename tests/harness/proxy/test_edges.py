"""What a caller sees through a real proxy while a toxic is in force, and after it."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading

import pytest

from harness.errors import Refused
from harness.proxy.spec import ToxicSpec
from harness.shell import monotonic_s

BLINK_S = 0.25  # long enough for anything on loopback, short enough to wait for nothing


def toxic(kind, stream="both", share=1.0, **attributes):
    return ToxicSpec(name="t", type=kind, stream=stream, toxicity=share, attributes=attributes)


def silent(caller):
    """Nothing comes: not a byte, not an end."""
    caller.settimeout(BLINK_S)
    with pytest.raises(TimeoutError):
        caller.recv(1)
    caller.settimeout(10.0)
    return True


def was_reset(caller):
    try:
        while caller.recv(100):
            pass
    except ConnectionResetError:
        return True
    return False


def test_without_a_toxic_everything_passes_and_half_close_is_kept(proxy, read):
    with proxy.connect() as caller:
        caller.sendall(b"x" * 300_000)
        caller.shutdown(socket.SHUT_WR)
        assert read(caller, 400_000) == b"x" * 300_000 + b"bye"


def test_a_body_larger_than_all_buffers_passes_whole(proxy, read):
    sent = bytes(range(256)) * (12 << 12)  # 12 MiB: more than a lane holds
    with proxy.connect() as caller:
        proxy.client.add("echo", toxic("latency", latency=10))
        sender = threading.Thread(target=caller.sendall, args=(sent,))
        sender.start()
        assert read(caller, len(sent)) == sent
        sender.join()


def test_latency_lands_on_an_existing_connection_and_never_early(proxy, read):
    with proxy.talking() as caller:
        state = proxy.client.add("echo", toxic("latency", latency=60))
        assert state.toxics[0].attributes == {"latency": 60}
        for _ in range(5):
            sent_s = monotonic_s()
            caller.sendall(b"ping")
            assert read(caller, 4) == b"ping"
            assert monotonic_s() - sent_s >= 0.060
        seen = proxy.counters()
        assert (seen.connections, seen.chunks, seen.bytes, seen.held_bytes) == (1, 10, 40, 0)
        assert seen.delay_ms.count == 10
        assert seen.delay_ms.min >= 30.0
        assert proxy.client.remove("echo", "t")
        assert not proxy.client.remove("echo", "t")


def test_a_cut_holds_bytes_and_the_end_and_delivers_both_after_removal(proxy, read):
    with proxy.talking() as old:
        proxy.client.add("echo", toxic("cut"))
        with proxy.connect() as new:
            for caller in (old, new):
                caller.sendall(b"one")
                caller.sendall(b"two")
                caller.shutdown(socket.SHUT_WR)
                assert silent(caller)
            assert proxy.counters().held_bytes == 12
            assert proxy.counters().connections == 2
            assert (proxy.counters().kept, proxy.counters().kept_bytes) == (1, 6)  # of the old one
            proxy.client.remove("echo", "t")
            assert read(old, 100) == read(new, 100) == b"onetwobye"


def test_a_cut_of_one_way_holds_that_way_only(proxy, read):
    with proxy.talking() as caller:
        before = proxy.client.proxies()["echo"].counters.bytes_downstream
        proxy.client.add("echo", toxic("cut", "downstream"))
        caller.sendall(b"ping")
        assert silent(caller)
        counters = proxy.client.proxies()["echo"].counters
        assert counters.bytes_downstream == before + 4
        proxy.client.remove("echo", "t")
        assert read(caller, 4) == b"ping"


def test_refuse_resets_what_exists_refuses_what_comes_and_ends(proxy):
    with proxy.talking() as caller:
        assert not proxy.client.add("echo", toxic("refuse")).enabled
        assert was_reset(caller)
        with pytest.raises(ConnectionRefusedError):
            proxy.connect()
        proxy.client.remove("echo", "t")
        proxy.talking().close()


def test_a_black_hole_does_not_answer_a_connect_and_holds_what_exists(proxy, read):
    with proxy.talking() as caller:
        proxy.client.add("echo", toxic("blackhole"))
        with pytest.raises(TimeoutError):
            socket.create_connection(("127.0.0.1", proxy.ports["echo"]), timeout=BLINK_S)
        caller.sendall(b"ping")
        assert silent(caller)
        assert proxy.counters().held_bytes == 4
        opened = proxy.client.proxies()["echo"].counters.connections
        proxy.client.remove("echo", "t")
        assert read(caller, 4) == b"ping"
        proxy.talking().close()
        # The connections that filled the queue were ours and are not counted as callers.
        assert proxy.client.proxies()["echo"].counters.connections <= opened + 2


def test_refuse_over_a_black_hole_and_back(proxy):
    proxy.client.add("echo", toxic("blackhole"))
    proxy.client.add("echo", ToxicSpec(name="shut", type="refuse"))
    with pytest.raises(ConnectionRefusedError):
        proxy.connect()
    proxy.client.remove("echo", "shut")
    with pytest.raises(TimeoutError):
        socket.create_connection(("127.0.0.1", proxy.ports["echo"]), timeout=BLINK_S)
    proxy.client.remove("echo", "t")
    proxy.talking().close()


def test_reset_hits_what_exists_at_once_and_what_comes_at_its_first_byte(proxy):
    with proxy.talking() as old, proxy.connect() as quiet:
        assert proxy.client.proxies()["echo"].counters.open >= 1
        proxy.client.add("echo", toxic("reset_peer"))
        assert was_reset(old)
        quiet.close()
        with proxy.connect() as new:
            assert silent(new)
            new.sendall(b"x")
            assert was_reset(new)
        assert proxy.counters().connections >= 2


def test_a_share_of_connections_is_hit_and_the_counters_say_how_many(proxy, read):
    callers = [proxy.talking() for _ in range(40)]
    proxy.client.add("echo", toxic("reset_peer", share=0.5))
    hit = 0
    for caller in callers:
        try:
            caller.sendall(b"ping")
            hit += read(caller, 4) != b"ping"
        except ConnectionError:
            hit += 1
        caller.close()
    assert 8 < hit < 32
    assert proxy.counters().connections == hit


def test_bandwidth_holds_the_rate_of_the_edge(proxy, read):
    proxy.client.add("echo", toxic("bandwidth", "downstream", rate=100))
    with proxy.connect() as caller:
        started_s = monotonic_s()
        caller.sendall(b"x" * 51_200)
        assert len(read(caller, 51_200)) == 51_200
        assert monotonic_s() - started_s >= 0.5


def test_the_slicer_keeps_the_bytes(proxy, read):
    proxy.client.add("echo", toxic("slicer", size=3, delay=1))
    with proxy.connect() as caller:
        caller.sendall(b"0123456789")
        assert read(caller, 10) == b"0123456789"
    assert proxy.counters().delay_ms.max >= 3.0


def test_timeout_loses_bytes_and_closes(proxy, read):
    with proxy.talking() as caller:
        proxy.client.add("echo", toxic("timeout", "upstream", timeout=100))
        caller.sendall(b"lost")
        assert read(caller, 10) == b""


def test_a_callee_that_is_not_there_resets_the_caller(proxy):
    # The reset may even be there before the caller's connect returns.
    with contextlib.suppress(ConnectionResetError), proxy.connect("nobody") as caller:
        assert was_reset(caller)


def test_a_callee_that_dies_behind_a_cut_is_not_seen_before_it_heals(proxy):
    proxy.client.add("nobody", toxic("cut"))
    with proxy.connect("nobody") as caller:
        assert silent(caller)
        proxy.client.remove("nobody", "t")
        assert was_reset(caller)


def ask(caller, path="/", method="GET"):
    caller.request(method, path)
    reply = caller.getresponse()
    return reply.status, reply.getheader("Content-Type"), reply.read()


@pytest.fixture
def caller(proxy):
    """A keep-alive HTTP connection that has been used before the toxic comes."""
    connection = http.client.HTTPConnection("127.0.0.1", proxy.ports["http"], timeout=10.0)
    ask(connection)
    yield connection
    connection.close()


@pytest.mark.parametrize("path", ["/", "/chunks"])
def test_every_kind_of_wrong_body_is_read_by_an_http_client_on_a_living_connection(
    proxy, caller, answer, path
):
    right = (200, "application/json", answer)
    expected = {
        "html": (200, "text/html; charset=utf-8"),
        "empty": (200, "application/json", b""),
        "truncated": (200, "application/json", answer[: len(answer) // 2]),
        "status": (502, "text/html; charset=utf-8"),
    }
    for body, wanted in expected.items():
        proxy.client.add("http", toxic("wrong_body", body=body))
        for _ in range(2):
            assert ask(caller, path)[: len(wanted)] == wanted
        assert proxy.counters("http").chunks == 2
        proxy.client.remove("http", "t")
        assert ask(caller, path) == right
    with pytest.raises(json.JSONDecodeError):
        json.loads(expected["truncated"][2])


def test_head_keeps_its_place_among_replaced_answers(proxy, caller):
    proxy.client.add("http", toxic("wrong_body", body="html"))
    assert ask(caller, method="HEAD") == (200, None, b"")
    assert ask(caller)[2].endswith(b"</html>\n")


def test_corruption_changes_one_bit_of_the_answer_and_no_header(proxy, caller, answer):
    proxy.client.add("http", toxic("corrupt", "downstream"))
    for path in ("/", "/chunks"):
        status, kind, body = ask(caller, path)
        assert (status, kind) == (200, "application/json")
        different = [(a ^ b).bit_count() for a, b in zip(answer, body, strict=True) if a != b]
        assert different
        assert set(different) == {1}


def test_a_name_that_is_taken_and_an_edge_that_is_not_there_are_refused(proxy):
    proxy.client.add("echo", toxic("cut"))
    with pytest.raises(Refused, match="has a toxic t already"):
        proxy.client.add("echo", toxic("cut"))
    with pytest.raises(Refused, match="proxy not found"):
        proxy.client.add("nowhere", toxic("cut"))
    with pytest.raises(Refused, match="proxy not found"):
        proxy.client.remove("nowhere", "t")


def test_each_change_of_an_edge_has_a_generation(proxy):
    first = proxy.client.add("echo", toxic("cut")).generation
    proxy.client.remove("echo", "t")
    assert proxy.client.proxies()["echo"].generation == first + 1
