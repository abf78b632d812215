"""Hypothesis strategies: schedules of faults, records that a contract accepts or refuses, system files.

Comes in: a system, the fields of a contract, nothing. Goes out: strategies whose every example is sound, and
which shrink to what is simplest to read. A failure that needs the healer to be in one particular half second
is rather found by ``hormesis search``, which learns from what it sees.
"""

from __future__ import annotations

import itertools
import math
import string
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from harness.errors import Refused
from harness.experiment.model import Arm, System
from harness.faults.effects import Effect, Kill, Mutate
from harness.search.drawing import EVENTS, LASTS_MIN_S, NTH_MAX
from harness.search.finding import HEALERS
from harness.search.leads import DELAY_MAX_S
from harness.search.limits import Limits
from harness.search.menu import Menu, menu_of
from harness.search.schedule import STEP_S, After, Event, Fault, Schedule, schedule_of, step

try:
    from hypothesis import strategies as st
except ImportError as error:
    raise ImportError(
        f"harness.testing.strategies needs Hypothesis, which cannot be imported: {error}; "
        "pip install 'hormesis[testing]'"
    ) from error

LIMITS = Limits()
_INTEGER_MAX = 2**63 - 1


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """A field of a record, as ``contract.json`` lists it: inclusive bounds; no ``categories`` = any text."""

    name: str
    type: Literal["number", "integer", "string"]
    nullable: bool = False
    categories: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None


def schedules(
    system: System, *, arm: Arm = "reference", mutations: Sequence[Mutate] = (), limits: Limits = LIMITS
) -> st.SearchStrategy[Schedule]:
    """Draw schedules of 1 to ``limits.faults_max`` faults that can be done to ``system`` in ``arm``.

    ``mutations``: of its records, as ``simulated.Pipeline`` lists them; without them none is drawn. Where the
    healer's journal can be observed, half of the faults wait for what it does. Shrinks towards fewer faults,
    milder ones (in the order of the menu that a search has too), at instants, earlier, shorter. Raises
    ``Refused`` where nothing can be done to the system in that arm.

    >>> from hypothesis import given, settings
    >>> from harness.experiment.model import Service, Workload
    >>> toy = System(version=1, name="toy", services={"gateway": Service(command=("serve",))},
    ...              workload=Workload(service="gateway", route="/decide"))
    >>> @settings(max_examples=5, database=None, deadline=None)
    ... @given(schedules(toy))
    ... def faults_are_of_the_gateway(schedule):
    ...     assert {fault.effect.service for fault in schedule.faults} == {"gateway"}
    >>> faults_are_of_the_gateway()
    """
    menu = menu_of(system, arm, mutations)
    if not menu.kinds:
        raise Refused(f"nothing can be done to {system.name} in arm {arm!r}: no service of it runs there")
    begins = _INSTANTS + _WAITS if system.observe.journal else _INSTANTS
    one = _faults(menu, limits, begins)
    return st.lists(one, min_size=1, max_size=limits.faults_max, unique_by=_once).map(schedule_of)


def _once(fault: Fault) -> object:
    """Give the same for faults that exclude each other: equal ones; mutations, as a record changes once."""
    return Mutate if isinstance(fault.effect, Mutate) else fault


_Begins = tuple[Event, int] | None
_WAITS = tuple(itertools.product(EVENTS, range(1, NTH_MAX + 1)))
_INSTANTS: tuple[_Begins, ...] = (None,) * len(_WAITS)
_CHOICES_MAX = 99


@st.composite
def _faults(draw: st.DrawFn, menu: Menu, limits: Limits, begins: tuple[_Begins, ...]) -> Fault:
    """Draw one, of few choices: a kill at an instant takes four, and the list one for it.

    Hypothesis leaves out five in a row at most; of what takes more it cannot rid a schedule while shrinking.
    """
    effect = draw(st.sampled_from(tuple(menu.kinds.values())).flatmap(_one_of))
    begin = draw(st.sampled_from(begins))
    at_s, after = None, None
    if begin is None:
        at_s = draw(_seconds(0.0, limits.span_s))
    else:
        after = After(event=begin[0], nth=begin[1], delay_s=draw(_seconds(0.0, DELAY_MAX_S)))
    lasts_s = 0.0 if isinstance(effect, Kill) else draw(_seconds(LASTS_MIN_S, limits.lasts_max_s))
    return Fault(effect=effect, at_s=at_s, after=after, lasts_s=lasts_s)


def _one_of(effects: tuple[Effect, ...]) -> st.SearchStrategy[Effect]:
    return st.sampled_from(effects)


def _seconds(low_s: float, high_s: float) -> st.SearchStrategy[float]:
    """Draw one of less than a hundred instants, equally far apart.

    In wider ranges Hypothesis tries numbers from 100 that it finds in any code imported by then: the same
    seed would draw other schedules where other tests have run before.
    """
    steps = round((high_s - low_s) / STEP_S)
    apart = math.ceil(steps / _CHOICES_MAX) or 1
    return st.integers(0, steps // apart).map(lambda number: step(low_s + number * apart * STEP_S))


def records(fields: Iterable[object], *, refused: bool = False) -> st.SearchStrategy[dict[str, object]]:
    """Draw records, without ``id``, that a contract of ``fields`` accepts; ``refused``: that it must not.

    ``fields``: what has the attributes or keys of a ``Field``, so ``TRANSACTION_FIELDS`` of the pipeline's
    ``records`` or the entries of a ``contract.json``. A refused record is right but for one field, which is
    not there, of another type, out of range or none of its categories; a healer may still repair it. Raises
    ``ValueError`` for what is no list of fields.

    >>> from hypothesis import given, settings
    >>> @settings(max_examples=5, database=None, deadline=None)
    ... @given(records([Field(name="age", type="integer", minimum=18)]))
    ... def ages_are_in_range(record):
    ...     assert record["age"] >= 18
    >>> ages_are_in_range()
    """
    try:
        listed = tuple(msgspec.convert(one, Field, from_attributes=True) for one in fields)
    except msgspec.ValidationError as error:
        raise ValueError(f"records takes fields of a contract, each with name and type: {error}") from error
    if not listed:
        raise ValueError("records takes at least one field of a contract")
    accepted = st.fixed_dictionaries({one.name: _right(one) for one in listed})
    return _spoilt(accepted, listed) if refused else accepted


@st.composite
def _spoilt(
    draw: st.DrawFn, accepted: st.SearchStrategy[dict[str, object]], fields: Sequence[Field]
) -> dict[str, object]:
    field, kept = draw(st.sampled_from(fields)), draw(accepted)
    if draw(st.booleans()):
        return {**kept, field.name: draw(_wrong(field))}
    return {name: value for name, value in kept.items() if name != field.name}


def _right(field: Field) -> st.SearchStrategy[object]:
    low, high = field.minimum, field.maximum
    value: st.SearchStrategy[object]
    match field.type:
        case "string":
            value = st.sampled_from(field.categories) if field.categories else st.text()
        case "integer":
            value = st.integers(
                -_INTEGER_MAX if low is None else math.ceil(low),
                _INTEGER_MAX if high is None else math.floor(high),
            )
        case "number":
            value = st.floats(low, high, allow_nan=False, allow_infinity=False)
    return value | st.none() if field.nullable else value


def _wrong(field: Field) -> st.SearchStrategy[object]:
    ways: list[st.SearchStrategy[object]] = [st.booleans(), st.lists(st.booleans(), max_size=1)]
    if not field.nullable:
        ways.append(st.none())
    if field.type == "string":
        ways.append(st.integers(-_INTEGER_MAX, _INTEGER_MAX))
        if field.categories:
            ways.append(st.text().filter(lambda text: text not in field.categories))
        return st.one_of(ways)
    ways.append(st.text())
    if field.type == "integer":
        ways.append(st.floats(allow_nan=False, allow_infinity=False))
    if field.minimum is not None:
        ways.append(st.integers(-_INTEGER_MAX, math.ceil(field.minimum) - 1))
    if field.maximum is not None:
        ways.append(st.integers(math.floor(field.maximum) + 1, _INTEGER_MAX))
    return st.one_of(ways)


def system_files() -> st.SearchStrategy[str]:
    """Draw texts of system files, JSON and so YAML, that load without a finding; nothing they name exists.

    Whoever takes the work runs in every arm, so that there are ``schedules`` for what is read from the text.

    >>> from hypothesis import given, settings
    >>> @settings(max_examples=5, database=None, deadline=None)
    ... @given(system_files())
    ... def whoever_takes_the_work_is_a_service(text):
    ...     system = msgspec.json.decode(text)
    ...     assert system["workload"]["service"] in system["services"]
    >>> whoever_takes_the_work_is_a_service()
    """
    return _systems().map(lambda one: msgspec.json.encode(one).decode())


_Entry = dict[str, object]
_Entries = st.SearchStrategy[_Entry]
_LETTERS = string.ascii_lowercase
_WORDS = st.text(_LETTERS, min_size=1, max_size=8)
# In commands and variables a brace is a word to be filled in.
_PLAIN = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="{}"), max_size=12)
_VARIABLES = st.dictionaries(st.text(string.ascii_uppercase, min_size=1, max_size=8), _PLAIN, max_size=2)
_COMMANDS = st.lists(_WORDS, min_size=1, max_size=3)
_IMPORTS = st.builds("{}:{}".format, _WORDS, _WORDS)
_ROUTES = _WORDS.map("/{}".format)
# No service can have the name of the witness; without hyphens no edge below can have that of one of its own.
_NAMES = st.text(_LETTERS, min_size=1, max_size=8).filter(lambda name: name != "driver")


@st.composite
def _systems(draw: st.DrawFn) -> _Entry:
    names = draw(st.lists(_NAMES, min_size=1, max_size=5, unique=True))
    listings = st.builds("{}:{}".format, st.sampled_from(names), _ROUTES)
    needed: dict[str, st.SearchStrategy[object]] = {
        "version": st.just(1),
        "name": _WORDS,
        "services": _services(names),
        "workload": st.fixed_dictionaries({"service": st.just(names[0]), "route": st.just("/") | _ROUTES}),
    }
    return draw(
        st.fixed_dictionaries(
            needed,
            optional={
                "edges": _edges(names),
                "arms": _arms(names[1:]),
                "labels": listings,
                "audit": _some(accepted=listings, sink=listings, dead_letters=listings),
                "observe": _some(
                    acts=st.lists(listings, max_size=2),
                    aliases=st.lists(listings, max_size=2),
                    journal=listings,
                ),
                "hooks": st.dictionaries(_WORDS, _HOOKS, max_size=2),
                "prepare": st.fixed_dictionaries({"command": _COMMANDS}),
                "preload": st.lists(_WORDS, max_size=2),
                "world": _IMPORTS,
                "simulation": st.fixed_dictionaries({"opens": _IMPORTS}),
            },
        )
    )


_HOOKS = st.fixed_dictionaries({"command": _COMMANDS, "actions": st.lists(_WORDS, max_size=3, unique=True)})


def _services(names: Sequence[str]) -> _Entries:
    """Each may wait for those before it, so none for itself."""
    return st.fixed_dictionaries({name: _service(names[:place]) for place, name in enumerate(names)})


def _service(before: Sequence[str]) -> _Entries:
    optional: dict[str, st.SearchStrategy[object]] = {
        "readiness": _ROUTES,
        "health": _ROUTES,
        "env": _VARIABLES,
        "start_timeout_s": st.integers(1, 600),
        "platform": st.booleans(),
        "after": _part(before),
    }
    entry = st.fixed_dictionaries({"entry": _IMPORTS}, optional=optional)
    return entry | st.fixed_dictionaries({"command": _COMMANDS}, optional=optional)


def _edges(names: Sequence[str]) -> _Entries:
    """Between any two services, named by them."""
    ends = [*itertools.permutations(names, 2)]
    if not ends:
        return st.just({})
    chosen = st.lists(st.sampled_from(ends), max_size=6, unique=True)
    return chosen.map(lambda some: {f"{one}-{other}": {"source": one, "to": other} for one, other in some})


def _arms(others: Sequence[str]) -> _Entries:
    """Whoever takes the work runs in all of them."""
    return _some(**{arm: _some(env=_VARIABLES, services=_part(others)) for arm in HEALERS})


def _part(names: Sequence[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(names), unique=True) if names else st.just([])


def _some(**optional: st.SearchStrategy[object]) -> _Entries:
    return st.fixed_dictionaries({}, optional=optional)
