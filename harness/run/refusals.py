"""What refuses a command on a store before it does anything: one text each, whoever looks.

Comes in: a store. Goes out: nothing, or ``Refused`` with the words that help.
"""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from harness.errors import Refused
from harness.guard.halt import halt_reason, is_halted
from harness.guard.records import open_records, undo_folder
from harness.plan.model import Plan
from harness.plan.safety import SIMULATION


def refuse_if_no_store(store: Path) -> None:
    """Raise Refused where there is no such folder: whoever halts or undoes in it means another one."""
    if not store.is_dir():
        raise Refused(
            f"there is no store {store.absolute()}; name the one of the runs: --store DIR, or HORMESIS_STORE"
        )


def refuse_if_halted(store: Path) -> None:
    """Raise Refused while the store is halted."""
    if is_halted(store):
        raise Refused(
            f"{store} is halted: {halt_reason(store)}; "
            f"`hormesis halt --release --reason TEXT --store {store}` releases it"
        )


def refuse_if_left_open(store: Path) -> None:
    """Raise Refused while undo records of an earlier run are open in the store."""
    if left := open_records(undo_folder(store)):
        named = ", ".join(record.id for record in left[:3])
        raise Refused(
            f"{len(left)} undo record{'s' if len(left) > 1 else ''} of an earlier run open ({named}): "
            f"run `hormesis undo --store {store}` first; nothing was started"
        )


def refuse_if_not_writable(store: Path) -> None:
    """Raise Refused where ``store`` cannot be made or written into."""
    try:
        str(store.resolve()).encode()
        store.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=store, prefix=".probe-"):
            pass
    except UnicodeEncodeError as error:
        raise Refused(
            f"the store {str(store)!r} has a name that is no text in UTF-8, and records name it; "
            "name another with --store DIR or HORMESIS_STORE"
        ) from error
    except (OSError, ValueError, RuntimeError) as error:  # a NUL in the name; links in a circle
        why = getattr(error, "strerror", None) or str(error)
        raise Refused(
            f"the store {str(store)!r} cannot be written: {why.lower()}; "
            "name another with --store DIR or HORMESIS_STORE"
        ) from error


def refuse_if_no_place(file: Path) -> None:
    """Raise Refused where no file can be written at ``file``: told before what it would hold is measured."""
    try:
        if file.is_symlink() or (file.exists() and not file.is_file()):
            raise OSError(0, "it is a link, or no file")
        if not file.parent.is_dir():
            raise OSError(0, f"there is no folder {file.parent}")
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}."):
            pass
    except (OSError, ValueError) as error:  # a NUL in the name
        why = getattr(error, "strerror", None) or str(error)
        raise Refused(
            f"cannot write {str(file)!r}: {why[:1].lower()}{why[1:]}; "
            "name a file in a folder that you may write into; nothing was started"
        ) from error


def refuse_without_load(plans: Sequence[Plan]) -> None:
    """Raise Refused where a scenario asks for background load and nobody here can make it."""
    asked = [plan for plan in plans if plan.background is not msgspec.UNSET]
    if any(plan.target == SIMULATION for plan in asked):
        raise Refused(
            "the scenario asks for background load, which real processes make, and a virtual clock has none: "
            "take 'background' out of it, or run it with --target local. Nothing was started"
        )
    if asked and importlib.util.find_spec("locust") is None:
        raise Refused(
            "the scenario asks for background load, which Locust makes, and it is not installed: "
            "pip install 'hormesis[load]'. Nothing was started"
        )
