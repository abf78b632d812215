"""The process: it says why it does not start, and leaves nothing when its standard input closes."""

from __future__ import annotations

import json
import socket
import subprocess
import sys

import pytest


def run(spec_path):
    return subprocess.run(
        [sys.executable, "-m", "harness.proxy", str(spec_path)],
        input="",
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def spec(tmp_path, **changes):
    path = tmp_path / "spec.json"
    known = {"seed": 1, "socket": str(tmp_path / "p" / "control"), "edges": []}
    path.write_text(json.dumps(known | changes), "utf-8")
    return path


def test_closed_standard_input_ends_it_in_peace(tmp_path):
    ended = run(spec(tmp_path))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout)["ready"] is True
    assert list((tmp_path / "p").iterdir()) == []


def test_a_wrong_spec_is_2(tmp_path):
    ended = run(spec(tmp_path, colour="red"))
    assert ended.returncode == 2
    assert "colour" in ended.stderr


def test_a_port_that_is_taken_is_5(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        edge = {"name": "e", "listen": taken.getsockname()[1], "upstream": 1}
        ended = run(spec(tmp_path, edges=[edge]))
    assert (ended.returncode, ended.stdout) == (5, "")
    assert "is not free" in ended.stderr


@pytest.mark.parametrize(
    ("folder", "says"), [("open", "must be private"), ("x" * 120, "more than 107 bytes")]
)
def test_a_place_for_the_socket_that_will_not_do_is_5(tmp_path, folder, says):
    (tmp_path / "open").mkdir(mode=0o755)
    ended = run(spec(tmp_path, socket=str(tmp_path / folder / "control")))
    assert ended.returncode == 5
    assert says in ended.stderr


def test_a_path_too_long_for_the_socket_says_what_to_set(tmp_path):
    ended = run(spec(tmp_path, socket=str(tmp_path / ("x" * 120) / "control")))
    assert ended.returncode == 5
    assert "set HORMESIS_SCRATCH to a folder with a shorter path" in ended.stderr
