"""Contrast is computed for both themes: text at least 4.5:1, graphics at least 3:1."""

import re
from pathlib import Path

import pytest

import harness.report

CSS = (Path(harness.report.__file__).parent / "style.css").read_text()
TEXT = ["ink", "mut", "good", "bad", "warn", "void", "plain"]
GRAPHICS = ["own", "bare", "healer", "p90", "tau", "mark", "act"]
ENDS = ["absorbed", "healed", "platform", "itself", "undo", "other"]
BANDS = {"good": "good-bg", "bad": "bad-bg", "warn": "warn-bg", "void": "void-bg", "plain": "plain-bg"}


def themes():
    light, dark = re.findall(r":root \{(.*?)\}", CSS, re.S)[:2]
    read = [dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6,8})", block)) for block in (light, dark)]
    return {"light": read[0], "dark": {**read[0], **read[1]}}


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, two):
    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def over(colour, ground):
    alpha = int(colour[7:9], 16) / 255
    mixed = [
        round(alpha * int(colour[i : i + 2], 16) + (1 - alpha) * int(ground[i : i + 2], 16))
        for i in (1, 3, 5)
    ]
    return "#" + "".join(f"{m:02x}" for m in mixed)


@pytest.fixture(params=["light", "dark"])
def theme(request):
    return themes()[request.param]


def test_the_measure_of_contrast_knows_black_and_white():
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)


@pytest.mark.parametrize("name", TEXT)
@pytest.mark.parametrize("ground", ["bg", "panel"])
def test_text_stands_out_from_the_page(theme, name, ground):
    assert contrast(theme[name], theme[ground]) >= 4.5


@pytest.mark.parametrize("ground", list(BANDS.values()))
@pytest.mark.parametrize("name", ["ink", "mut"])
def test_the_small_print_of_every_verdict_band_can_be_read(theme, name, ground):
    assert contrast(theme[name], theme[ground]) >= 4.5


@pytest.mark.parametrize(("name", "ground"), BANDS.items())
def test_every_verdict_word_can_be_read_on_its_band(theme, name, ground):
    assert contrast(theme[name], theme[ground]) >= 4.5


def test_every_sign_of_a_claim_can_be_read_on_every_band(theme):
    assert min(contrast(theme[a], theme[b]) for a in BANDS for b in BANDS.values()) >= 4.5


@pytest.mark.parametrize("ground", ["bg", "panel"])
def test_code_on_its_tint_can_be_read(theme, ground):
    assert contrast(theme["ink"], over(theme["code"], theme[ground])) >= 4.5


@pytest.mark.parametrize("name", GRAPHICS + ENDS)
def test_lines_and_bars_stand_out_from_the_page(theme, name):
    assert contrast(theme[name], theme["bg"]) >= 3.0


@pytest.mark.parametrize("name", [*ENDS, "p90"])
def test_words_on_bars_can_be_read(theme, name):
    assert contrast(theme["pill"], theme[name]) >= 4.5


def test_the_line_of_quality_stands_out_from_the_lost_area(theme):
    assert contrast(theme["own"], over(theme["lost"], theme["bg"])) >= 3.0


@pytest.mark.parametrize(("arm", "name"), [("none", "own"), ("healer", "healer"), ("bare", "bare")])
def test_a_curve_stands_out_from_its_band(theme, arm, name):
    (opacity,) = re.findall(rf"\.band\.arm-{arm} {{ fill: var\(--{name}\); opacity: (\.\d+); }}", CSS)
    band = over(f"{theme[name]}{round(255 * float(opacity)):02x}", theme["bg"])
    assert contrast(theme[name], band) >= 3.0


def test_no_colour_is_written_outside_the_theme():
    rules = re.sub(r":root \{.*?\}", "", CSS, flags=re.S)
    assert re.findall(r"#[0-9a-f]{3,8}\b", rules) == []


def test_every_colour_of_the_light_theme_has_a_dark_one():
    light, dark = re.findall(r":root \{(.*?)\}", CSS, re.S)[:2]
    assert set(re.findall(r"--([a-z0-9-]+):", light)) == set(re.findall(r"--([a-z0-9-]+):", dark))
