"""The public face of pictures: one figure of what was asked for, or an error that says why not."""

from __future__ import annotations

import pytest

import msgsim as ms

STREAM = """
msgsim: 1
duration: 5s
resources:
  Clicks: {type: kinesis.stream, ShardCount: 2}
  Reader: {type: kinesis.consumer, StreamARN: Clicks, handler: {time: 1ms}}
workload:
  - {name: Web, to: Clicks, rate: 20/s, keys: 10}
"""


@pytest.fixture(scope="module")
def late():
    """Ten messages, four of them processed twice with a timeout of 30 s, none with 60 s."""
    return ms.run(ms.load("q01"))


@pytest.mark.parametrize(
    "kind", ["latency", "order", "queue", "concurrency", "cost", "twice", "flow"]
)
def test_each_kind_is_a_figure_that_a_notebook_shows(late, kind):
    figure = getattr(ms.report, kind)(late)
    picture, size = figure._repr_png_()
    assert picture.startswith(b"\x89PNG")
    assert 500 <= size["width"] <= 1100


def test_a_stream_has_a_picture_of_its_shards():
    assert ms.report.shards(ms.run(ms.load_text(STREAM)), "Clicks").axes


def test_only_the_variants_that_were_asked_for_are_drawn(late):
    both = ms.report.queue(late, "Orders")
    one = ms.report.queue(late, "Orders", variants=["timeout_60"])
    assert [len(figure.axes) for figure in (both, one)] == [4, 2]


def test_counts_on_a_logarithmic_axis_are_numbers(late):
    """Exponents are written as mathematics, which our text never is."""
    figure = ms.report.twice(late, variants=["timeout_30"])
    figure._repr_png_()
    labels = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    assert labels[:2] == ["0", "1"] and not any("$" in label for label in labels)


def test_variants_keep_the_order_in_which_they_are_given():
    base = ms.load("q01").replace("expect", None)
    swapped = base.replace("variants", {"late": {}, "early": {"Orders.VisibilityTimeout": 60}})
    assert list(ms.lesson.values(ms.run(swapped), "Orders.unique")) == ["late", "early"]


def test_twice_counts_what_was_processed_again(late):
    """q01: six of ten messages fit into the timeout, so four are processed again."""
    figure = ms.report.twice(late, variants=["timeout_30"])
    assert "4 processed again" in figure.get_suptitle()


@pytest.mark.parametrize(
    ("draw", "said"),
    [
        (lambda results: ms.report.shards(results), "no shards in these results"),
        (lambda results: ms.report.queue(results, "Bills"), "no queue of Bills"),
        (lambda results: ms.report.order(results, variants=["fifo"]), "there are: timeout_30"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_an_error_that_says_why(late, draw, said):
    with pytest.raises(ValueError, match=said):
        draw(late)


def test_of_several_queues_one_has_to_be_named():
    results = ms.run(ms.load("q07"))
    with pytest.raises(ValueError, match="queue-Orders, queue-OrdersDlq"):
        ms.report.queue(results)
    assert "Orders" in ms.report.queue(results, "Orders").get_suptitle()


def test_a_player_is_one_page_in_a_frame(late, tmp_path):
    player = ms.report.player(late)
    player.save(tmp_path / "replay.html")
    page = (tmp_path / "replay.html").read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert player._repr_html_().count("<") == 2  # the frame alone; the page inside is escaped
