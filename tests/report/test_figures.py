"""Figures show the numbers they are given, and nothing that was not given."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex

from msgsim.report.figures import (
    concurrency,
    cost,
    depth_and_age,
    latency,
    order,
    shard_load,
)
from msgsim.report.figures.data import (
    CostData,
    FaultBand,
    LatencyData,
    OrderData,
    ShardData,
)
from msgsim.report.figures.disorder import ranked
from msgsim.report.style import ALARM
from tests.report.figures_made import (
    HERE,
    STAGES,
    a_bill,
    a_function,
    a_latency,
    a_queue,
    a_stream,
    an_order,
    course,
    line,
    words,
)

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


# Nothing to show, files --------------------------------------------------------------------


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
