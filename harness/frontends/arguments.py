"""argparse that raises ``UsageProblem`` instead of exiting, and offers the nearest option."""

from __future__ import annotations

import argparse
import re
from typing import NoReturn

from harness.errors import Problem, UsageProblem
from harness.experiment.excerpt import quoted
from harness.experiment.findings import near

SEED_MAX = 2**63 - 1
COUNT_MAX = 10**9 - 1


class Parser(argparse.ArgumentParser):
    """A parser of one command: whole option names only, errors as ``UsageProblem`` (HRM402)."""

    def __init__(self, prog: str, summary: str, examples: tuple[str, ...]) -> None:
        super().__init__(
            prog=prog,
            description=summary,
            epilog="\n".join(("examples:", *(f"  {example}" for example in examples))),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        """Raise what argparse found as a problem of the command line."""
        unknown = re.match(r"unrecognized arguments: (\S+)", message)
        likely = near(unknown[1].partition("=")[0], self._option_string_actions) if unknown else ""
        advice = f"did you mean {quoted(likely)}? " if likely else ""
        raise usage("HRM402", message, help_text=f"{advice}See: {self.prog} --help")


def usage(code: str, message: str, help_text: str, why: str = "") -> UsageProblem:
    """Make a usage error about the command line itself."""
    return UsageProblem((Problem(code=code, message=message, file="command line", why=why, help=help_text),))


def wrong(text: str, why: str) -> argparse.ArgumentTypeError:
    """Make the error of a value: argparse names the option, this one repeats what was given to it."""
    return argparse.ArgumentTypeError(f"{quoted(text)} {why}")


def seed(text: str) -> int:
    """Read a seed: a whole number from 0 on that fits 63 bits."""
    if not re.fullmatch(r"[0-9]{1,19}", text) or int(text) > SEED_MAX:
        raise wrong(text, "is no seed (a whole number from 0 on)")
    return int(text)


def count(text: str) -> int:
    """Read how many there are to be."""
    value = int(text) if re.fullmatch(r"[0-9]{1,19}", text) else 0
    if not 1 <= value <= COUNT_MAX:
        most = f"at most {COUNT_MAX}" if value else "a whole number from 1 on"
        raise wrong(text, f"is no count ({most})")
    return value


def sha256(text: str) -> str:
    """Read a SHA-256, or its head, as a command of ours printed it."""
    if not re.fullmatch(r"[0-9a-f]{12,64}", text):
        raise wrong(text, "is no hash (12 to 64 hexadecimal digits, as printed)")
    return text
