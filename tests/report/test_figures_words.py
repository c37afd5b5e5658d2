"""Figures say their units and names, and variants stand side by side."""

from __future__ import annotations

import warnings
from xml.etree import ElementTree

import pytest

from msgsim.report.figures import (
    concurrency,
    depth_and_age,
    latency,
    order,
    render,
    shard_load,
)
from msgsim.report.style import ALARM, clock_unit, duration_text, looks, share_text, shorten
from tests.report.figures_made import (
    ALL,
    HERE,
    a_function,
    a_latency,
    a_queue,
    a_stream,
    an_order,
    words,
)

ODD = "<script>$x$</script>_{a}^{b}\\frac 日本\n\x00--" + "y" * 80


# Words -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "make"), ALL.items())
def test_axes_have_labels_and_the_corner_has_the_provenance(kind, make):
    figure = make()
    found = words(figure)
    assert "fanout · seed 42 · msgsim 0.1.0 · numpy 2.1.0 · 2 assumptions" in found
    assert figure.get_suptitle().startswith(
        {"queue": "Queue Q", "shards": "Stream Q"}.get(kind, "")
    )
    for axes in figure.axes:
        shown = axes.xaxis.get_tick_params().get("labelbottom", True)
        assert axes.get_xlabel() or not shown


@pytest.mark.parametrize(
    ("end_s", "unit"), [(2.0, "s"), (170.0, "s"), (600.0, "min"), (7200.0, "min"), (172_800.0, "h")]
)
def test_time_is_told_in_the_unit_that_suits_the_run(end_s, unit):
    figure = concurrency({"": a_function(end_s=end_s)}, HERE)
    assert figure.axes[0].get_xlabel() == f"simulated time ({unit})"
    assert figure.axes[0].get_xlim() == (0, end_s)


@pytest.mark.parametrize("make", ALL.values(), ids=ALL)
def test_odd_names_are_shown_literally_and_quietly(make):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = make(ODD)
        found = words(figure)
        picture = render(figure, "svg")
    assert any("<script>$x$" in text for text in found)
    assert not any(ODD in text for text in found)
    root = ElementTree.fromstring(picture)  # well-formed, and nothing of it is markup
    assert not [each for each in root.iter() if each.tag.endswith("script")]


def test_small_words():
    assert shorten("a" * 40, 11) == "aaaaa…aaaaa"
    assert [duration_text(s) for s in (0, 4e-6, 0.31, 1.84, 200, 86_400 * 2.5)] == [
        "0\u00a0s", "4\u00a0µs", "310\u00a0ms", "1.84\u00a0s", "3.33\u00a0min", "60\u00a0h",
    ]  # fmt: skip
    assert [share_text(s) for s in (0, 1e-6, 0.003, 0.44, 1)] == [
        "0\u202f%", "< 0.1\u202f%", "0.3\u202f%", "44\u202f%", "100\u202f%",
    ]  # fmt: skip
    assert clock_unit(0.02)[1] == "ms"


def test_a_name_looks_the_same_whatever_else_is_drawn():
    names = [f"n{i:02}" for i in range(20)]
    assert looks(names) == looks(reversed(names))
    assert len({(look.colour, look.dashes) for look in looks(names).values()}) == 20
    assert ALARM not in {look.colour for look in looks(names).values()}
    given_colours = looks(["Aardvark", "Billing"])
    axes = latency({"": [a_latency()]}, HERE, given_colours).axes[0]
    (drawn,) = [each for each in axes.lines if each.get_label() == "Billing"]
    assert drawn.get_color() == given_colours["Billing"].colour


# Variants ----------------------------------------------------------------------------------


def test_one_subscriber_in_several_variants_shares_a_panel():
    figure = latency({"standard": [a_latency()], "fifo": [a_latency(values=(1.0, 2.0))]}, HERE)
    labels = {each.get_label() for each in figure.axes[0].lines}
    assert len(figure.axes) == 1 and {"standard", "fifo"} <= labels


@pytest.mark.parametrize(
    "make",
    [
        lambda: depth_and_age({"a": a_queue(), "b": a_queue(), "c": a_queue()}, HERE),
        lambda: concurrency({"a": a_function(), "b": a_function(), "c": a_function(limit=5)}, HERE),
        lambda: order({v: an_order([2, 1, 0]) for v in "abc"}, HERE),
        lambda: shard_load({v: a_stream() for v in "abc"}, HERE),
        lambda: latency({v: [a_latency(), a_latency("Audit")] for v in "abc"}, HERE),
    ],
)
def test_variants_stand_side_by_side_with_the_same_axes(make):
    figure = make()
    render(figure, "png")
    titled = [axes for axes in figure.axes if axes.get_title(loc="left")]
    assert [axes.get_title(loc="left")[0] for axes in titled] == ["a", "b", "c"]
    assert len({(axes.get_xlim(), axes.get_ylim()) for axes in titled}) == 1


def test_the_title_says_which_variant_keeps_the_order():
    runs = {"standard": an_order([1, 0, 2], None, 1), "fifo": an_order([0, 1, 2])}
    wanted = "Orders: standard breaks the order within keys, fifo keeps it"
    assert order(runs, HERE).get_suptitle() == wanted
