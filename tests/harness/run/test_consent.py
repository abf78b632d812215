"""SR-19: code of a system that the instrument would run needs a yes, which holds for that very content."""

from __future__ import annotations

import json
import os
import py_compile
import subprocess
import sys
from importlib.util import cache_from_source
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import harness
from harness.errors import Refused
from harness.experiment.model import HookProgram, Simulation, System
from harness.experiment.reset import Reset
from harness.frontends.systems import named_system
from harness.run.consent import digest_of, give, items_of, missing, require
from harness.run.modules import python_path

BUNDLED = named_system(None)
BARE = msgspec.structs.replace(BUNDLED, world="", simulation=None, hooks={}, reset=None)
HOOK = ("{python}", "-P", "tools/promote.py", "--quiet")


@pytest.fixture(autouse=True)
def kept(monkeypatch, tmp_path) -> Path:
    """Where consents are kept in a test: nobody's own."""
    monkeypatch.setenv("HORMESIS_CONSENT_FILE", str(tmp_path / "home" / "consents.json"))
    monkeypatch.delenv("HORMESIS_CONSENT", raising=False)
    return tmp_path / "home" / "consents.json"


@pytest.fixture
def shop(tmp_path) -> Path:
    """A system file in a folder with code of its own; gives the file."""
    folder = tmp_path / "work" / "shop"
    (folder / "tools").mkdir(parents=True)
    (folder.parent / ".git").mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "world.py").write_text("raise SystemExit('imported')\n")
    (folder / "tools" / "promote.py").write_text("print(1)\n")
    file = folder / "hormesis.yaml"
    file.write_text("")
    return file


def items(system: System, file: Path):
    return items_of(system, file.parent, python_path(file.parent))


def with_all(system: System = BARE) -> System:
    return msgspec.structs.replace(
        system,
        world="shop.world:open_world",
        simulation=Simulation(opens="shop.world:open_simulation"),
        hooks={"model": HookProgram(command=HOOK, actions=("a",))},
        reset=Reset(do=("sh", "{system}/reset.sh"), prove=("sha256sum", "state.db")),
    )


def test_what_comes_with_hormesis_needs_none():
    assert items_of(BUNDLED, Path("/nowhere"), "") == ()


OURS = str(Path(harness.__file__).parent / "errors.py")


@pytest.mark.parametrize(
    "command",
    [
        ("{python}", "-c", "harm()", OURS),
        ("{python}", "-charm()", OURS),
        ("{python}", OURS),
        ("{python}", "-m", "harness.driver", "spec.json"),
        ("{python}", "-P", "-m", "harness.driver", "--check", "{template}/spec.json"),
    ],
)
def test_a_command_that_names_a_file_of_ours_is_not_ours(shop, command):
    """Its other words may be code, or name some."""
    assert [item.place for item in items(with_reset(command), shop)] == ["reset.prove"]


def with_reset(prove) -> System:
    return msgspec.structs.replace(BARE, reset=Reset(prove=prove))


@pytest.mark.parametrize(
    ("command", "file"),
    [
        (("{python}", "-m", "promote"), "promote.py"),
        (("{python}", "-P", "-m", "reference_pipeline.deploy"), "reference_pipeline/deploy.py"),
        (("{python}", "-Im", "shop.world"), "world.py"),
        (("{python}", "-mshop.world"), "world.py"),
        (("{python}", "run.py", "--script=tools/promote.py"), "tools/promote.py"),
        (("sh", "-c", "./reset.sh"), "reset.sh"),
        (("sh", "-c", "set -e; sh '{system}/reset.sh' && true"), "reset.sh"),
    ],
)
def test_content_that_would_run_is_pinned_however_it_is_named(shop, command, file):
    path = shop.parent / file
    path.parent.mkdir(exist_ok=True)
    path.write_text("1\n")
    system = with_reset(command)
    give(items(system, shop), shop)
    path.write_text("2\n")
    require_refused(system, shop, r"reset\.prove \(it has changed since\)")


def test_compiled_code_that_stands_in_for_a_module_is_pinned(shop):
    """Python takes such a file without a look at the module's text."""
    source = shop.parent / "world.py"
    source.write_text("good = 1\n")
    system = msgspec.structs.replace(BARE, world="shop.world:open_world")
    give(items(system, shop), shop)
    py_compile.compile(str(source), doraise=True)
    require(items(system, shop), shop)
    other = shop.parent / "other.py"
    other.write_text("harm = 1\n")
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(other), cache_from_source(str(source)), invalidation_mode=mode, doraise=True)
    require_refused(system, shop, "it has changed since")


def test_state_that_a_reader_is_pointed_at_may_change(shop):
    (shop.parent / "state.db").write_text("at first")
    system = with_reset(("sha256sum", "state.db"))
    give(items(system, shop), shop)
    (shop.parent / "state.db").write_text("after a run")
    require(items(system, shop), shop)


def test_a_system_that_is_named_by_a_link_is_the_same(shop, tmp_path):
    (tmp_path / "link").symlink_to(shop.parent)
    system = with_reset(("sh", "{system}/tools/promote.py"))
    assert digest_of(items(system, tmp_path / "link" / shop.name)) == digest_of(items(system, shop))


def test_a_system_of_services_alone_needs_none(shop):
    assert items(BARE, shop) == ()
    require((), shop)


def test_each_place_is_listed_with_what_its_words_name(shop):
    found = {item.place: item for item in items(with_all(), shop)}
    assert list(found) == ["world", "simulation.opens", "hooks.model", "reset.do", "reset.prove"]
    assert list(found["world"].files) == ["shop __init__.py", "shop.world world.py"]
    assert list(found["hooks.model"].files) == ["tools/promote.py"]
    assert found["hooks.model"].unpinned == ()
    assert found["reset.do"].unpinned == ("sh",)


def test_a_consent_holds_until_a_byte_is_another(shop):
    system = with_all()
    require_refused(system, shop, "nobody consented")
    give(items(system, shop), shop)
    require(items(system, shop), shop)
    (shop.parent / "tools" / "promote.py").write_text("print(2)\n")
    assert missing(items(system, shop), shop) == {"hooks.model": "changed"}
    require_refused(system, shop, r"hooks\.model \(it has changed since\)")
    (shop.parent / "tools" / "promote.py").write_text("print(1)\n")
    require(items(system, shop), shop)


def require_refused(system: System, file: Path, words: str) -> None:
    with pytest.raises(Refused, match=words):
        require(items(system, file), file)


@pytest.mark.parametrize(
    "changed",
    [
        {"world": "shop.world:other"},
        {"world": "shop.tools.promote:open_world"},
        {"hooks": {"model": HookProgram(command=(*HOOK, "--now"), actions=("a",))}},
        {"hooks": {"other": HookProgram(command=HOOK, actions=("a",))}},
        {"reset": Reset(do=("sh", "{system}/reset.sh"), prove=("true",))},
        {"hooks": {"model": HookProgram(command=("{python}", "-m", "shop.world"), actions=("a",))}},
    ],
)
def test_other_words_need_another_consent(shop, changed):
    give(items(with_all(), shop), shop)
    require_refused(msgspec.structs.replace(with_all(), **changed), shop, "nothing was started")


def test_less_than_was_consented_to_needs_one_again(shop):
    """A hook that is gone may have been what undid another."""
    give(items(with_all(), shop), shop)
    require_refused(msgspec.structs.replace(with_all(), reset=None), shop, "all of it")


def test_a_job_says_it_and_the_same_content_elsewhere_is_the_same(shop, tmp_path, monkeypatch):
    here = digest_of(items(with_all(), shop))
    there = tmp_path / "elsewhere" / "shop"
    there.parent.mkdir()
    shop.parent.rename(there)
    moved = there / shop.name
    assert digest_of(items(with_all(), moved)) == here
    monkeypatch.setenv("HORMESIS_CONSENT", f"{'0' * 64}, {here}")
    require(items(with_all(), moved), moved)
    monkeypatch.setenv("HORMESIS_CONSENT", here[:12])
    require_refused(with_all(), moved, "nobody consented")


def test_a_change_may_bring_no_consent_along(shop, monkeypatch):
    """SR-19: whoever sends a change could write a file in its checkout."""
    monkeypatch.setenv("HORMESIS_CONSENT_FILE", str(shop.parent.parent / "consents.json"))
    for act in (give, require):
        with pytest.raises(Refused, match="in the work tree"):
            act(items(with_all(), shop), shop)


def test_a_file_that_others_may_write_is_no_consent(shop, kept):
    give(items(with_all(), shop), shop)
    kept.chmod(0o666)
    require_refused(with_all(), shop, "may be written by others")


def test_a_consent_that_was_just_given_holds_under_any_umask(shop):
    before = os.umask(0o002)
    try:
        give(items(with_all(), shop), shop)
    finally:
        os.umask(before)
    require(items(with_all(), shop), shop)


@pytest.mark.parametrize("content", [b"", b"[", b'{"a": 1}', b'[{"sha256": 1}]', b"\xff"])
def test_a_broken_file_consents_to_nothing(shop, kept, content):
    kept.parent.mkdir()
    kept.write_bytes(content)
    require_refused(with_all(), shop, "nothing is consented to")


def test_consents_to_several_systems_stand_beside_each_other(shop, kept):
    system = with_all()
    before = items(system, shop)
    give(before, shop)
    (shop.parent / "world.py").write_text("x = 1\n")
    give(items(system, shop), shop)
    give(items(system, shop), shop)
    assert len(json.loads(kept.read_bytes())) == 2
    require(items(system, shop), shop)
    require(before, shop)


def test_nothing_is_imported_to_be_looked_at(shop):
    """The module ends whoever imports it; its package, too, is found by name alone."""
    (shop.parent / "__init__.py").write_text("raise SystemExit('imported')\n")
    ask = (
        "from pathlib import Path; import sys; from harness.experiment.model import *; "
        "from harness.run.consent import items_of; s = System(version=1, name='a', services={}, "
        "workload=Workload(service='a'), world='shop.world:open_world'); "
        "found = items_of(s, Path(sys.argv[1]), str(Path(sys.argv[1]).parent)); "
        "print(len(found[0].files), 'shop' in sys.modules)"
    )
    said = subprocess.run(
        [sys.executable, "-c", ask, str(shop.parent)], capture_output=True, text=True, check=True
    )
    assert said.stdout.split() == ["2", "False"]


@given(words=st.lists(st.text(max_size=40), min_size=1, max_size=4))
def test_any_words_are_listed_and_none_ends_the_look(words):
    system = msgspec.structs.replace(
        BARE, world=words[0], hooks={"a": HookProgram(command=tuple(words), actions=("b",))}
    )
    found = items_of(system, Path("/nowhere"), "")
    assert {"hooks.a"} <= {item.place for item in found}
    assert digest_of(found) == digest_of(items_of(system, Path("/nowhere"), ""))
