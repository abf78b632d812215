"""Who listens on a port is found, however many files it has open, and so is its command."""

from __future__ import annotations

import os
import socket
import sys

import pytest

from harness.targets.local.sockets import command_line, holders, port_holder


def test_the_holder_of_a_port_is_found():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert port_holder(port) == os.getpid()
    assert port_holder(port) == 0


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_the_holder_is_found_on_both_families_and_only_among_those_asked(family):
    host = "127.0.0.1" if family == socket.AF_INET else "::1"
    with socket.create_server((host, 0), family=family) as listener:
        port = listener.getsockname()[1]
        assert holders(port, [os.getpid(), 1, 2**22]) == [os.getpid()]
        assert holders(port, [1]) == []


def test_the_command_of_a_process_is_read_and_of_none_is_empty():
    assert command_line(os.getpid()).endswith(sys.orig_argv[-1])
    assert command_line(2**22) == ""
