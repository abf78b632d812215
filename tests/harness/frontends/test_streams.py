"""A stream that is lost: silenced for the rest, never raised, and known where it held the result."""

from __future__ import annotations

import contextlib
import errno
import io
import os
from collections.abc import Iterator
from typing import TextIO

import pytest

from harness.frontends.progress import Progress
from harness.frontends.streams import lost_output, prepare, say, say_exactly, tell


@contextlib.contextmanager
def terminal_that_hung_up() -> Iterator[TextIO]:
    """Every write is EIO."""
    master, slave = os.openpty()
    os.close(master)
    with os.fdopen(slave, "w") as terminal:
        yield terminal


@contextlib.contextmanager
def full_disk() -> Iterator[TextIO]:
    """Every write is ENOSPC."""
    with open("/dev/full", "w") as full:
        yield full


@contextlib.contextmanager
def reader_that_went_away() -> Iterator[TextIO]:
    """Every write is EPIPE."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "w") as pipe:
        yield pipe


class WithoutDescriptor(io.StringIO):
    """A stream of somebody who calls us: nothing can be put in its place."""

    def write(self, _text: str) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


LOST = [terminal_that_hung_up, full_disk, reader_that_went_away]


def goes_nowhere(stream: TextIO) -> bool:
    return os.fstat(stream.fileno()).st_rdev == os.stat(os.devnull).st_rdev


@pytest.mark.parametrize("lost", LOST)
def test_a_message_that_nobody_can_read_silences_the_stream_and_raises_nothing(lost):
    with lost() as stream, contextlib.redirect_stderr(stream):
        assert not goes_nowhere(stream)
        tell("one")
        assert goes_nowhere(stream)
        tell("two")


def test_a_stream_without_a_descriptor_may_be_lost_as_well():
    with contextlib.redirect_stderr(WithoutDescriptor()):
        tell("one")
        tell("two")


@pytest.mark.parametrize("lost", LOST)
def test_progress_on_a_lost_stream_leaves_an_interrupt_what_it_is(lost):
    def work() -> None:
        with Progress(60.0, live=True) as progress:
            progress("run 1/4")
            progress._beat(progress.started_s + 5)
            raise KeyboardInterrupt

    with lost() as stream, contextlib.redirect_stderr(stream), pytest.raises(KeyboardInterrupt):
        work()


@pytest.mark.parametrize(("lost", "number"), [(terminal_that_hung_up, errno.EIO), (full_disk, errno.ENOSPC)])
@pytest.mark.parametrize("words", [lambda: say("x"), lambda: say_exactly(b"x")], ids=["say", "say_exactly"])
def test_a_result_that_could_not_be_written_is_known_until_the_next_command(lost, number, words):
    prepare()
    with lost() as stream, contextlib.redirect_stdout(stream):
        words()
        words()
    assert lost_output() == os.strerror(number)
    prepare()
    assert lost_output() == ""


def test_a_reader_that_went_away_has_lost_nothing_and_messages_are_no_result():
    prepare()
    with reader_that_went_away() as stream, contextlib.redirect_stdout(stream):
        say("x")
    with full_disk() as stream, contextlib.redirect_stderr(stream):
        tell("x")
    assert lost_output() == ""
