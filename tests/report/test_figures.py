"""Figures show the numbers they are given, say their units, and are the same bytes every time."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import warnings
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from matplotlib.text import Text

from msgsim.report.figures import (
    concurrency,
    cost,
    depth_and_age,
    file_name,
    latency,
    order,
    render,
    save,
    shard_load,
)
from msgsim.report.figures.data import (
    ConcurrencyData,
    CostData,
    Course,
    FaultBand,
    LatencyData,
    OrderData,
    Provenance,
    QueueData,
    ShardData,
)
from msgsim.report.figures.disorder import ranked
from msgsim.report.figures.thin import MOST_POINTS, cumulative, quantile, thinned, thinned_curve
from msgsim.report.style import ALARM, clock_unit, duration_text, looks, share_text, shorten

HERE = Provenance("fanout", 42, "0.1.0", "2.1.0", "2 assumptions")
ODD = "<script>$x$</script>_{a}^{b}\\frac 日本\n\x00--" + "y" * 80
SECONDS = np.arange(10.0)


def course(values, high=None, times=None):
    values = np.array(values, dtype=float)
    times = np.arange(len(values), dtype=float) if times is None else times
    return Course(times, values, None if high is None else np.array(high, dtype=float))


def a_queue(name="Billing", end_s=10.0, limit=None, faults=()):
    visible = course([0, 1, 5, 3, 2, 1, 0, 0, 0, 0], [1, 2, 9, 4, 3, 2, 1, 0, 0, 0])
    return QueueData(name, visible, course(SECONDS * 6), course(SECONDS / 5), end_s, limit, faults)


def a_function(name="Fn", limit=10.0, throttles=None, end_s=10.0):
    return ConcurrencyData(
        name, course([0, 2, 10, 10, 4, 0, 0, 0, 0, 0]), end_s, limit,
        "ReservedConcurrentExecutions", throttles,
    )  # fmt: skip


def an_order(done, keys=None, inversions=0, name="Orders", stride=1):
    done = np.array(done)
    keys = ["a"] * len(done) if keys is None else keys
    return OrderData(name, np.arange(len(done)), done, keys, inversions, stride)


def a_stream(name="Clicks", limit=1000.0):
    load = np.array([[1800.0, 1700.0], [0.0, 0.0], [200.0, 100.0]])
    return ShardData(name, ["0", "1", "2"], load, 1.0, limit, np.array([0.43, 0.0, 0.0]))


def a_latency(name="Billing", values=(0.2, 0.1, 0.4, 0.3), stages=None):
    return LatencyData(name, np.array(values), None, stages)


def a_bill(name="Billing"):
    parts = {(name, "SendMessage"): 3.0, (name, "ReceiveMessage"): 2.0, ("Fn", "GB-seconds"): 1.0}
    return CostData(parts, 6.0, 1.5)


STAGES = {"transit": 0.1, "waiting": 0.2, "processing": 0.3}
ALL = {
    "latency": lambda name="Q": latency({"": [a_latency(name, stages=STAGES)]}, HERE),
    "queue": lambda name="Q": depth_and_age(
        {"": a_queue(name, faults=[FaultBand(2, 4, name)])}, HERE
    ),
    "concurrency": lambda name="Q": concurrency({"": a_function(name)}, HERE),
    "order": lambda name="Q": order({"": an_order([1, 0, 2], [name] * 3, 1, name)}, HERE),
    "shards": lambda name="Q": shard_load({"": a_stream(name)}, HERE),
    "cost": lambda name="Q": cost({"": a_bill(name)}, HERE),
}


def line(axes, label):
    (found,) = [each for each in axes.lines if each.get_label() == label]
    return found.get_xdata(), found.get_ydata()


def words(figure):
    """Every text of a figure after it was laid out."""
    render(figure, "png")
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


# What is drawn is what was given -----------------------------------------------------------


def test_latency_is_the_cumulative_distribution_of_the_values():
    axes = latency({"": [a_latency()]}, HERE).axes[0]
    x, y = line(axes, "Billing")
    assert x.tolist()[1:5] == [0.1, 0.2, 0.3, 0.4]
    assert y.tolist()[1:5] == [0.25, 0.5, 0.75, 1.0]


def test_latency_values_may_come_with_counts():
    data = LatencyData("Q", np.array([1.0, 2.0]), np.array([3, 1]))
    _, y = line(latency({"": [data]}, HERE).axes[0], "Q")
    assert y.tolist()[1:3] == [0.75, 1.0]


def test_median_and_99th_percentile_are_named_at_the_line():
    values = np.arange(1, 101) / 100  # 0.01 … 1.00 s: half within 0.50, 99 % within 0.99
    found = words(latency({"": [LatencyData("Q", values)]}, HERE))
    assert any("p50 500\u00a0ms, p99 990\u00a0ms" in text for text in found)


def test_latency_axis_is_logarithmic_only_beyond_two_decades():
    near = latency({"": [a_latency(values=(0.1, 9.0))]}, HERE)
    far = latency({"": [a_latency(values=(0.1, 11.0))]}, HERE)
    assert [figure.axes[0].get_xscale() for figure in (near, far)] == ["linear", "log"]


def test_stage_bars_add_up_to_the_mean():
    bars = latency({"": [a_latency(stages=STAGES)]}, HERE).axes[1].patches
    assert [round(bar.get_width(), 9) for bar in bars] == [0.1, 0.2, 0.3]
    assert [round(bar.get_x(), 9) for bar in bars] == [0.0, 0.1, 0.3]


def test_queue_lines_are_the_input_and_last_until_the_end_of_the_run():
    data = a_queue()
    above, below = depth_and_age({"": data}, HERE).axes
    for axes, label, wanted in (
        (above, "visible", data.visible),
        (above, "in flight", data.in_flight),
        (below, "oldest age", data.oldest_age),
    ):
        x, y = line(axes, label)
        assert x.tolist() == [*wanted.time_s, 10.0]
        assert y.tolist() == [*wanted.mean, wanted.mean[-1]]


def test_in_flight_limit_is_drawn_only_when_near():
    """SQS allows 120,000 messages in flight; a line far above 54 would flatten everything."""
    near = words(depth_and_age({"": a_queue(limit=100.0)}, HERE))
    far = words(depth_and_age({"": a_queue(limit=120_000.0)}, HERE))
    assert any("in-flight limit" in text for text in near)
    assert not any("in-flight limit" in text for text in far)


def test_faults_are_shaded_in_both_panels_and_described_once():
    faults = [FaultBand(2, 3, "BillingFn 5 × slower"), FaultBand(5, 6, "BillingFn 5 × slower")]
    figure = depth_and_age({"": a_queue(faults=faults)}, HERE)
    assert words(figure).count("BillingFn 5 × slower") == 1
    for axes in figure.axes:
        spans = [p.get_extents().transformed(axes.transData.inverted()) for p in axes.patches]
        assert [(round(s.x0, 6), round(s.x1, 6)) for s in spans] == [(2, 3), (5, 6)]


def test_concurrency_and_its_limit():
    axes = concurrency({"": a_function()}, HERE).axes[0]
    assert line(axes, "running")[1].tolist()[:5] == [0, 2, 10, 10, 4]
    assert any(set(np.ravel(each.get_ydata())) == {10.0} for each in axes.lines)


def test_throttles_have_a_panel_only_when_there_were_any():
    none = concurrency({"": a_function(throttles=course([0] * 10))}, HERE)
    some = concurrency({"": a_function(throttles=course([0, 3, 0, 7, *[0] * 6]))}, HERE)
    assert [len(figure.axes) for figure in (none, some)] == [1, 2]
    assert "10 throttles" in some.get_suptitle()


def test_order_shows_ranks_and_says_how_many_inversions():
    figure = order({"": an_order([10, 30, 20], ["a", "a", "a"], 1904)}, HERE)
    close, whole = figure.axes
    key = next(each for each in close.lines if each.get_marker() == "o")
    assert key.get_xdata().tolist() == [1, 2, 3]
    assert key.get_ydata().tolist() == [1, 3, 2]
    assert close.get_title(loc="left") == "1\u202f904 inversions"
    late = {int(x): int(y) for each in whole.lines for x, y in zip(*each.get_data(), strict=True)}
    assert late == {1: 0, 2: 1, 3: -1}


def test_a_broken_order_has_the_colour_of_alarm_and_a_kept_one_has_none():
    def alarms(figure):
        return [each for each in figure.axes[0].lines if to_hex(each.get_color()).upper() == ALARM]

    assert len(alarms(order({"": an_order([0, 2, 1, 3], None, 1)}, HERE))) == 1
    assert not alarms(order({"": an_order([0, 1, 2, 3])}, HERE))
    crossing = an_order([1, 0, 3, 2], ["a", "b", "a", "b"])  # overtaken, but by other keys
    assert not alarms(order({"": crossing}, HERE))


def test_cost_bars_are_the_dollars_of_each_part_the_dearest_component_above():
    figure = cost({"": a_bill()}, HERE)
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == ["Billing", "Fn"]
    widths = sorted(bar.get_width() for bar in figure.axes[0].patches)
    assert widths == [1.0, 2.0, 3.0]
    assert "Cost: $6.00 a month at this rate, $1.50 per 1 M messages" in words(figure)
    assert {"$5.00", "$1.00"} <= {*words(figure)}


def test_many_request_types_and_components_share_a_colour_and_a_bar():
    parts = {(f"Q{index}", f"call {index}"): 1.0 + index for index in range(14)}
    figure = cost({"": CostData(parts, sum(parts.values()))}, HERE)
    assert len(figure.axes[0].get_yticks()) == 10
    drawn = sum(bar.get_width() for bar in figure.axes[0].patches)
    assert round(drawn, 9) == sum(parts.values())
    assert cost({"": CostData({}, 0.0)}, HERE) is None


def test_heat_map_is_the_share_of_the_limit_and_names_idle_shards():
    figure = shard_load({"": a_stream()}, HERE)
    (image,) = figure.axes[0].images
    assert image.get_array().tolist() == [[1.8, 1.7], [0.0, 0.0], [0.2, 0.1]]
    found = words(figure)
    assert found.count("idle") == 1
    assert "43\u202f% throttled" in found
    assert any("1\u202f000 records/s" in text for text in found)


def test_heat_map_without_a_limit_is_records_per_second():
    figure = shard_load({"": a_stream(limit=None)}, HERE)
    assert figure.axes[0].images[0].get_array().max() == 1800
    assert figure.axes[-1].get_xlabel() == "records/s put on the shard"


def test_a_shorter_run_does_not_cut_off_a_longer_one():
    load = np.ones((2, 20))
    long = ShardData("Clicks", ["0", "1"], load, 1.0, 10.0)
    short = ShardData("Clicks", ["0", "1"], load[:, :10], 1.0, 10.0)
    figure = shard_load({"long": long, "short": short}, HERE)
    assert [axes.get_xlim() for axes in figure.axes[:2]] == [(0, 20), (0, 20)]


# Disorder ----------------------------------------------------------------------------------


def overtaken_by_definition(done, keys):
    """RFC 4737 §3: reordered is what is smaller than the largest that came before it."""
    pairs = range(len(done))
    return [any(keys[i] == keys[j] and j > i and done[j] < done[i] for j in pairs) for i in pairs]


@settings(max_examples=60, deadline=None)
@given(st.permutations(range(12)), st.lists(st.sampled_from("abc"), min_size=12, max_size=12))
def test_overtaken_agrees_with_the_definition(done, keys):
    run = ranked(an_order(done, keys))
    assert run.overtaken.tolist() == overtaken_by_definition(done, keys)
    for key in set(keys):
        assert run.late[run.keys == key].sum() == 0


def test_ranks_bridge_gaps_and_respect_the_stride():
    """Filtered or lost messages leave holes in the numbers; the diagonal must stay a diagonal."""
    data = OrderData("Q", np.array([5, 90, 70]), np.array([2, 8, 4]), ["a"] * 3, 0, 2)
    run = ranked(data)
    assert run.send_rank.tolist() == run.done_rank.tolist() == [1, 3, 5]


# Thinning ----------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 19_999), st.integers(0, 19_999))
def test_thinning_keeps_every_spike_of_every_series(up, down):
    first, second = np.zeros(20_000), np.zeros(20_000)
    first[up], second[down] = 7.0, -7.0
    kept = thinned(first, second)
    assert len(kept) <= MOST_POINTS
    assert {0, up, down, 19_999} <= set(kept.tolist())
    assert (np.diff(kept) > 0).all()


def test_a_two_day_queue_keeps_its_spike_and_its_hours():
    values = np.ones(172_800)
    values[100_000] = 5_000
    busy = course(values, values)
    figure = depth_and_age({"": QueueData("Q", busy, busy, busy, 172_800.0)}, HERE)
    x, y = line(figure.axes[0], "visible")
    assert len(x) <= MOST_POINTS + 1 and y.max() == 5_000
    assert figure.axes[1].get_xlabel() == "simulated time (h)"


def test_a_thinned_distribution_keeps_body_and_tail():
    values, shares = cumulative(np.random.default_rng(1).lognormal(0, 2, 100_000), None)
    kept = thinned_curve(values, shares)
    assert len(kept) <= MOST_POINTS
    assert values[kept][[0, -1]].tolist() == values[[0, -1]].tolist()
    for share in (0.01, 0.5, 0.99, 0.999):
        exact = quantile(values, shares, share)
        assert quantile(values[kept], shares[kept], share) == pytest.approx(exact, rel=0.1)


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


# Nothing to show, files --------------------------------------------------------------------


def test_nothing_to_show_is_no_figure():
    empty = np.array([])
    nothing = course([0, 0])
    assert latency({"": [LatencyData("Q", empty)]}, HERE) is None
    assert latency({}, HERE) is None
    assert depth_and_age({"": QueueData("Q", nothing, nothing, nothing, 2.0)}, HERE) is None
    assert depth_and_age({"": QueueData("Q", *[course([])] * 3, 2.0)}, HERE) is None
    assert concurrency({"": ConcurrencyData("F", course([]), 2.0)}, HERE) is None
    assert order({"": an_order(np.array([], dtype=int))}, HERE) is None
    assert shard_load({"": ShardData("S", ["0"], np.zeros((1, 3)), 1.0)}, HERE) is None


@pytest.mark.parametrize("kind", ["png", "svg"])
@pytest.mark.parametrize("make", ALL.values(), ids=ALL)
def test_the_same_input_gives_the_same_bytes(make, kind):
    first = render(make(), kind)
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "svg.fonttype": "none"}):
        assert render(make(), kind) == first
    assert b"matplotlib v" not in first.lower() and b"<dc:date>" not in first


def test_nothing_global_changes_and_pyplot_stays_away():
    code = """if True:
        import sys, matplotlib
        import msgsim.report
        before = dict(matplotlib.rcParams)
        from msgsim.report.figures import latency, render
        from msgsim.report.figures.data import LatencyData, Provenance
        import numpy as np
        data = LatencyData("Q", np.array([1.0, 2.0]))
        render(latency({"": [data]}, Provenance("s", 1, "0", "0")), "png")
        assert "matplotlib.pyplot" not in sys.modules
        assert dict(matplotlib.rcParams) == before
    """
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "DISPLAY": ""})


def test_the_report_package_alone_does_not_import_matplotlib():
    code = "import sys, msgsim.report, msgsim.report.style; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_files_appear_whole_with_nothing_beside_them(tmp_path):
    figure = ALL["latency"]()
    paths = save(figure, tmp_path, "latency-Q")
    assert [path.name for path in paths] == ["latency-Q.png", "latency-Q.svg"]
    assert sorted(tmp_path.iterdir()) == sorted(paths)
    assert paths[0].read_bytes() == render(figure, "png")
    assert save(figure, tmp_path, "latency-Q", ["svg"]) == paths[1:]


def test_a_folder_that_cannot_be_written_is_an_os_error(tmp_path):
    figure = ALL["latency"]()
    with pytest.raises(OSError, match="nowhere"):
        save(figure, tmp_path / "nowhere", "latency")
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        save(figure, tmp_path / "file", "latency")


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path, monkeypatch):
    figure = ALL["latency"]()
    (path,) = save(figure, tmp_path, "q", ["svg"])
    path.write_text("old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        save(figure, tmp_path, "q", ["svg"])
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_written_files_can_be_read_by_others(tmp_path):
    (path,) = save(ALL["latency"](), tmp_path, "q", ["svg"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_file_names_are_safe_and_never_meet():
    assert file_name("latency", "Billing") == "latency-Billing"
    assert file_name("queue", "") == "queue"
    assert "/" not in file_name("queue", "../../etc/passwd")
    assert file_name("queue", "a/b") != file_name("queue", "a:b")
    assert len(file_name("x" * 500)) < 100


def test_an_action_is_a_dashed_line_and_a_fault_a_band() -> None:
    """What lasts no time cannot be shaded; both say what they were."""
    from matplotlib.figure import Figure

    from msgsim.report.figures.data import FaultBand
    from msgsim.report.figures.panels import shade_faults

    axes = Figure().subplots(2)
    for panel in axes:
        panel.set_xlim(0, 100)
    shade_faults(list(axes), [FaultBand(20, 40, "Q is down"), FaultBand(70, 70, "purge Q")], 100)
    for panel in axes:
        assert [line.get_xdata()[0] for line in panel.lines] == [70]
        assert len(panel.patches) == 1
    texts = {text.get_text() for text in axes[0].texts}
    assert {"Q is down", "purge Q"} <= texts
