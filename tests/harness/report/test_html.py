"""The page: one inert, self-contained file whose every number is in ``report.json``."""

import dataclasses
import re
from html.parser import HTMLParser

import msgspec
import pytest

from harness.episodes import confidence
from harness.episodes.decided import WINDOW
from harness.report import html
from harness.report.compose import compose_campaign
from harness.report.document import Document
from harness.report.lengths import amount, at_most, per_cent
from harness.report.panels import summary, tiles
from harness.report.scores import available
from harness.report.svg import Box, text_width
from harness.units import percent_text, seconds_text
from tests.traps.histories import Story, campaign_of, killed
from tests.traps.moved import noticed

WORDS = ["DONE", "PASS", "FAIL", "INCONCLUSIVE", "VOID", "UNSAFE"]
CASES = {
    "one pair": {"n": 1},
    "ten pairs, both profiles": {"word": "FAIL", "n": 10, "faults": 4, "restarts": ("fast", "kubernetes")},
    "forty pairs": {"word": "PASS", "n": 40, "faults": 4},
    "no bare": {"n": 3, "arms": ("none",)},
}
VOID_TAGS = {"meta", "br", "hr", "img", "link", "input", "line", "path", "rect", "circle"}
STATIC = {"glossary", "not-measured"}


class Page(HTMLParser):
    """Reads tags, visible text outside of styles and axis ticks, and checks that tags are closed."""

    def __init__(self, source):
        super().__init__(convert_charrefs=True)
        self.stack, self.tags, self.said, self.attributes = [], [], [], []
        self.feed(source)
        self.close()
        assert not self.stack, f"left open: {self.stack}"

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID_TAGS or tag in ("rect", "circle"):
            self.stack.append((tag, dict(attrs).get("class") or ""))

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.stack, f"</{tag}> closes nothing"
        assert self.stack[-1][0] == tag, f"</{tag}> closes <{self.stack[-1][0]}>"
        self.stack.pop()

    def handle_data(self, data):
        names = {name for _, classes in self.stack for name in classes.split()}
        if self.stack and self.stack[-1][0] != "style" and not names & {"tick", "glossary"}:
            self.said.append(data)


LARGE = ("ten pairs, both profiles", "forty pairs")


@pytest.fixture(
    scope="module",
    params=[pytest.param(case, marks=[pytest.mark.slow] if case in LARGE else []) for case in CASES],
)
def document(request, make):
    return make(**CASES[request.param])


@pytest.fixture(scope="module")
def source(document):
    return html.render(document)


def test_the_page_is_well_formed(source):
    assert source.startswith("<!doctype html>")
    assert {"html", "head", "body", "main", "svg", "table"} <= set(Page(source).tags)


def test_inside_a_run_degraded_answers_are_told_from_good_ones(make):
    plain = make(n=1)
    assert 'class="degraded"' not in html.render(plain)

    def degrade(run):
        worse = (0.5,) * len(run.episodes[0].quality)
        episodes = tuple(msgspec.structs.replace(e, full_quality=worse) for e in run.episodes)
        return msgspec.structs.replace(run, episodes=episodes)

    degraded = msgspec.structs.replace(plain, runs=tuple(map(degrade, plain.runs)))
    assert 'class="degraded"' in html.render(degraded)


def test_the_page_needs_no_script_and_no_network(source):
    assert "<script" not in source.lower()
    assert "http:" not in source
    assert "https:" not in source
    assert not {"script", "link", "iframe", "object", "img", "form", "base"} & set(Page(source).tags)
    assert not any(
        name.startswith("on") or name in ("src", "href", "style") for name, _ in Page(source).attributes
    )
    assert "url(" not in source
    assert "@import" not in source


def test_the_content_policy_allows_nothing_but_inline_style(source):
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', source).group(1)
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
    assert source.index("Content-Security-Policy") < source.index("<style")


def test_the_same_document_gives_the_same_bytes(document, source):
    again = msgspec.json.decode(msgspec.json.encode(document), type=Document)
    assert html.render(again) == source


def numbers(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from numbers(key)
            yield from numbers(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from numbers(inner)
    elif isinstance(value, str):
        yield from re.findall(r"\d+(?:\.\d+)?", value)
        yield value[:12]
        yield from re.findall(r"\d+(?:\.\d+)?", value[:12])
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield from written(value)


def written(value):
    forms = [
        seconds_text(value),
        percent_text(value, 1),
        percent_text(value, 2),
        f"{value:g}",
        f"{value:.1f}",
        f"{value:.2g}",
        f"{value:.3g}",
        amount(value),
    ]
    forms += [at_most(value)] if value > 0 else []
    forms += [f"{value * 100:.1f}", f"{value * 100:.0f}"]
    if 0 <= value <= 1:
        forms += [available(value), per_cent(value, up=False), per_cent(value, up=True)]
    else:
        forms.append(percent_text(min(1.0, max(0.0, value)), 2))
    for form in forms:
        yield from re.findall(r"\d+(?:\.\d+)?", form)


FIXED = {"95", "90", "10"}  # the level of the intervals, the p of p90, the liveness period in words


def unknown(document, source):
    """Numbers on the page that are in no field of the document."""
    known = set(numbers(msgspec.json.decode(msgspec.json.encode(document))))
    known |= {f"{document.inputs.profile.observe_s:.1f}", f"{document.inputs.profile.observe_s:.0f}"}
    said = " ".join(Page(source).said)
    return set(re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?![\w])", said)) - known - FIXED


def test_every_number_on_the_page_is_in_the_json(document, source):
    assert unknown(document, source) == set()


def test_every_number_about_decisions_is_in_the_json():
    document = compose_campaign(noticed())
    page = html.render(document)
    assert "Regret in all" in page
    assert unknown(document, page) - {f"{WINDOW}", f"{confidence.WINDOW}"} == set()


def test_a_number_that_is_not_in_the_json_would_be_noticed(document):
    known = set(numbers(msgspec.json.decode(msgspec.json.encode(document))))
    assert "87.3141" not in known


@pytest.mark.parametrize("word", WORDS)
def test_every_verdict_is_shown_with_its_word_and_reason(make, word):
    document = make(word=word, n=3)
    said = " ".join(Page(html.render(document)).said)
    assert word in said
    assert document.verdict.why in said
    assert document.verdict.next in said


def test_a_void_or_unsafe_run_is_named_in_the_verdict(make):
    for word in ("VOID", "UNSAFE"):
        document = make(word=word, n=2)
        band = html.render(document).split('class="tiles"')[0]
        assert document.runs[0].run_id in band
        assert (document.runs[0].unsafe or document.runs[0].void) in band


@pytest.mark.parametrize("n", [1, 10, 40])
def test_twelve_classes_stay_below_300_kilobytes(make, n):
    source = html.render(make(word="FAIL", n=n, faults=12, profile="default"))
    assert len(source.encode()) <= 300_000


@pytest.mark.slow
def test_sixty_classes_stay_below_two_megabytes(make):
    document = make(word="FAIL", n=40, faults=60)
    assert len({(c.fault, c.service) for c in document.estimates.classes}) == 60
    assert len(html.render(document).encode()) <= 2_000_000


def test_few_episodes_print_needs_and_no_quantile(make):
    said = " ".join(Page(html.render(make(n=1))).said)
    assert "needs 1 / 6" in said
    assert "one run: no interval" in said


def test_a_system_without_listings_is_not_observable_and_never_zero(make):
    document = make(n=1)
    blind = [msgspec.structs.replace(r, audit_observable=False, exactly_once=None) for r in document.runs]
    none = msgspec.structs.replace(
        document.estimates.arms[0].exactly_once, k=0, n=0, low_ratio=0.0, high_ratio=1.0
    )
    arms = tuple(msgspec.structs.replace(a, exactly_once=none) for a in document.estimates.arms)
    estimates = msgspec.structs.replace(document.estimates, arms=arms)
    said = " ".join(
        Page(html.render(msgspec.structs.replace(document, runs=tuple(blind), estimates=estimates))).said
    )
    assert "not observable" in said
    assert "0 of 0" not in said
    assert "0 / 0" not in said


def test_a_campaign_without_any_run_still_makes_a_page(make):
    document = make(word="VOID", n=1)
    bare = msgspec.structs.replace(document.estimates, classes=(), arms=(), runs=0, void_runs=0)
    empty = msgspec.structs.replace(document, runs=(), estimates=bare, trust=())
    said = " ".join(Page(html.render(empty)).said)
    assert "No run was recorded" in said
    assert "trust nothing here" in said


HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "'\"><script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}",
    "\u202egnp.exe\u2066",
    "\x1b[2J\x1b]0;x\x07",
    "a\r\nb\x00c\x85",
    "🙂" * 20,
    "x" * 10_000,
    "]]></style><svg onload=alert(1)>",
]


def poisoned(value, text):
    """The same structure with ``text`` in every string that is no verdict word or number."""
    if isinstance(value, dict):
        kept = {"word", "version", "phase", "method", "concludes", "asks"}
        return {k: v if k in kept else poisoned(v, text) for k, v in value.items()}
    if isinstance(value, list):
        return [poisoned(v, text) for v in value]
    return text if isinstance(value, str) else value


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_string_in_every_field_is_shown_as_text(make, text):
    data = msgspec.json.decode(msgspec.json.encode(make(word="FAIL", n=1)))
    clean = html.render(make(word="FAIL", n=1))
    source = html.render(msgspec.convert(poisoned(data, text), Document))
    assert set(Page(source).tags) <= set(Page(clean).tags)
    assert not any(name.startswith("on") for name, _ in Page(source).attributes)
    assert "<script" not in source
    assert "49" not in source.split("</h1>")[0].split("<h1>")[1]
    assert not set(source) & set("\x00\x1b\x07\r\x85\u202e\u2066")
    assert "x" * 401 not in source


def boxes(drawing):
    """Extents of the texts of one drawing, as its own markup places them."""
    for attributes, words in re.findall(r"<text ([^>]*)>([^<]*)</text>", drawing):
        at = dict(re.findall(r'([a-z-]+)="([^"]*)"', attributes))
        classes = at.get("class", "").split()
        size = 11.5 if "sm" in classes else 13
        wide, x, y = text_width(words, size, bold="b" in classes), float(at["x"]), float(at["y"])
        left = x - {"start": 0, "middle": wide / 2, "end": wide}[at.get("text-anchor", "start")]
        yield Box(left, y - size * 0.85, left + wide, y + size * 0.25, words)


def test_no_two_texts_of_a_drawing_overlap(source):
    for drawing in re.findall(r"<svg.*?</svg>", source, re.S):
        found = list(boxes(drawing))
        hits = [(a.text, b.text) for i, a in enumerate(found) for b in found[i + 1 :] if a.touches(b)]
        assert hits == []


def test_every_drawing_has_a_name_for_screen_readers(source):
    for head in re.findall(r"<svg[^>]*>", source):
        assert re.search(r'role="img" aria-label="[^"]+"', head)


def test_claims_that_do_not_hold_are_named_before_those_that_do(make):
    document = make(word="FAIL", n=3)
    good = msgspec.structs.replace(document.verdict.claims[1], text="a claim that holds")
    bad = msgspec.structs.replace(document.verdict.claims[0], text="the claim that fails")
    many = msgspec.structs.replace(document.verdict, claims=(*[good] * 20, bad))
    said = " ".join(Page(html.render(msgspec.structs.replace(document, verdict=many))).said)
    assert said.index("the claim that fails") < said.index("a claim that holds")
    assert "More claims stand in report.json" in said


def test_a_class_without_a_counted_episode_is_not_called_free_of_impact(make):
    said = " ".join(Page(html.render(make(word="VOID", n=1, arms=("none",)))).said)
    assert "no impact" not in said
    assert "not measured" in said


def test_every_key_figure_of_one_arm_names_that_arm(make):
    document = make(n=3, faults=4)
    for tile in (*tiles.tiles(document), *tiles.facts(document)[:2]):
        assert tile.label.endswith(", arm none")
    assert "worst arm" in tiles.facts(document)[2].label


def test_a_timed_fault_that_came_back_only_at_its_end_is_told_so(make):
    document = make(n=1, faults=1)
    c = next(c for c in document.estimates.classes if c.recovered.k)
    none = msgspec.structs.replace(c.recovered, k=0)
    timed = msgspec.structs.replace(c, lasts_s=4.0, mitigated=none)
    estimates = msgspec.structs.replace(document.estimates, classes=(timed,))
    (told,) = summary.band(msgspec.structs.replace(document, estimates=estimates)).told
    assert f"{c.recovered.k} of {c.recovered.n} back, but only as the fault ended (arm none)" in told


def test_a_loss_beyond_the_horizon_is_open_upwards_in_tile_and_table(make):
    document = make(n=3, faults=2, arms=("bare",))
    assert tiles.facts(document)[0].value.startswith("> ")
    said = " ".join(Page(html.render(document)).said)
    assert re.search(r"> \d+\.\d s [\d.]+ s–∞", said)


def test_what_void_runs_leave_open_is_not_blamed_on_the_system():
    campaign = campaign_of(killed(), Story(sham=True))
    cut = tuple(dataclasses.replace(run, cut="it was cut") for run in campaign.runs)
    document = compose_campaign(dataclasses.replace(campaign, runs=cut))
    assert all(run.void for run in document.runs)
    said = " ".join(Page(html.render(document)).said)
    assert "no run counted" in said
    assert "not observable" not in said
    assert "lists no ids" not in said
    assert "no counted episode" in said
    assert "had an impact" not in said


def test_a_weakness_of_the_profile_is_told_with_a_sign_of_its_own(make):
    document = make(n=1)
    weak = msgspec.structs.replace(document.trust[0], text="a weak check", weak=True)
    page = html.render(msgspec.structs.replace(document, trust=(weak,)))
    assert '<td class="tone-plain"><b aria-hidden="true">·</b><span class="vh">a limit</span></td>' in page
