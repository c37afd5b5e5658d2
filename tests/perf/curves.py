"""Measures how the cost of a run grows with its size, and draws `msgsim/SCALING.png`.

    python -m tests.perf.curves

Each curve changes one number and counts processor time per unit of work (events or messages), so
that a flat line means linear growth. The table goes between the markers of `msgsim/SCALING.md`, so
that it and the picture are of one run. That takes about four minutes; it is no test, because a busy
machine would fail it.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgsim
from msgsim.experiment.run import drive, prepare
from msgsim.files import write_atomically
from msgsim.scenario.load import from_tree
from msgsim.scenario.reader import read_text
from msgsim.scenario.schema import Scenario
from msgsim.scenario.tree import Mapping

FIGURE = Path(__file__).parents[2] / "msgsim" / "SCALING.png"
PAGE = FIGURE.with_suffix(".md")
BEGIN, END = "<!-- curves: begin -->\n", "<!-- curves: end -->\n"
LINES_AT_A_TIME = 1_000
HEAD = "msgsim: 1\nquestion: How does cost grow?\nseed: 1\nduration: {duration:g}s\n"
FLEET = "  Pool: {{type: worker.fleet, queue: Jobs, workers: {workers}, handler: {{time: 10ms}}}}\n"
TOPIC_PER_S = 20_000
SEND = "workload:\n  - {{to: {to}, {more}arrivals: {arrivals}, count: {count}}}\n"


@dataclass(frozen=True)
class Curve:
    """One number that grows.

    Attributes:
        name: of the number.
        sizes: its values.
        text: value → scenario.
        work: value → messages handled, by which the time is divided.
        unit: what these are.
    """

    name: str
    sizes: tuple[int, ...]
    text: Callable[[int], str]
    work: Callable[[int], int]
    unit: str = "message"


def messages(count: int) -> str:
    """A queue and a fleet at about 0.8 of what it can do."""
    return (
        HEAD.format(duration=count / 400 + 60)
        + SEND.format(to="Jobs", more="", arrivals="{poisson: 400/s}", count=count)
        + "resources:\n  Jobs: {type: sqs.queue}\n"
        + FLEET.format(workers=12)
    )


def groups(count: int) -> str:
    """A FIFO queue below its quota; every group has its turn."""
    sent = max(count, 10_000)
    fifo = "FifoQueue: true, ContentBasedDeduplication: true, DeduplicationScope: messageGroup"
    fifo += ", FifoThroughputLimit: perMessageGroupId"
    return (
        HEAD.format(duration=sent / 200 + 60)
        + SEND.format(to="Jobs", more=f"keys: {count}, ", arrivals="{poisson: 200/s}", count=sent)
        + f"resources:\n  Jobs: {{type: sqs.queue, {fifo}}}\n"
        + FLEET.format(workers=15)
    )


def shards(count: int) -> str:
    """A stream and a consumer that polls every shard; as many records for each shard."""
    return (
        HEAD.format(duration=10)
        + SEND.format(
            to="Clicks", more=f"keys: {4 * count}, ", arrivals=f"{{poisson: {4 * count}/s}}",
            count=20 * count,
        )
        + f"resources:\n  Clicks: {{type: kinesis.stream, ShardCount: {count}}}\n"
        + "  Reader: {type: kinesis.consumer, StreamARN: Clicks, handler: {time: 1ms}}\n"
    )  # fmt: skip


def backlog(count: int) -> str:
    """Everything waits before the first worker comes, and is worked off by many."""
    workers = "{type: worker.fleet, queue: Jobs, workers: 100, start: 10s, handler: {time: 10ms}}"
    return (
        HEAD.format(duration=count / 5_000 + 30)
        + SEND.format(to="Jobs", more="", arrivals=f"{{burst: {count}}}", count=count)
        + f"resources:\n  Jobs: {{type: sqs.queue}}\n  Pool: {workers}\n"
    )


def backlog_through_topic(count: int) -> str:
    """The same behind a topic; the first worker comes when everything has been published."""
    begin = count / TOPIC_PER_S + 10
    pool = f"{{type: worker.fleet, queue: Jobs, workers: 100, start: {begin:g}s, "
    return (
        through_topic(count).replace(
            f"duration: {begin:g}s", f"duration: {begin + count / 5_000 + 20:g}s"
        )
        + f"  Pool: {pool}handler: {{time: 10ms}}}}\n"
    )


def burst(count: int) -> str:
    """All messages at one moment, for a queue that nobody reads."""
    return (
        HEAD.format(duration=60)
        + SEND.format(to="Jobs", more="", arrivals=f"{{burst: {count}}}", count=count)
        + "resources:\n  Jobs: {type: sqs.queue}\n"
    )


def through_topic(count: int) -> str:
    """As many messages as a topic's quota lets pass easily, for a queue that nobody reads."""
    return (
        HEAD.format(duration=count / TOPIC_PER_S + 10)
        + SEND.format(to="News", more="", arrivals=f"{{steady: {TOPIC_PER_S}/s}}", count=count)
        + "resources:\n  News: {type: sns.topic}\n  Jobs: {type: sqs.queue}\n"
        + "  Way: {type: sns.subscription, TopicArn: News, Protocol: sqs, Endpoint: Jobs}\n"
    )


def subscribers(count: int) -> str:
    """One topic; each subscriber has a queue that nobody reads."""
    queues = "".join(
        f"  Q{n}: {{type: sqs.queue}}\n"
        f"  S{n}: {{type: sns.subscription, TopicArn: News, Protocol: sqs, Endpoint: Q{n}}}\n"
        for n in range(count)
    )
    return (
        HEAD.format(duration=10)
        + SEND.format(to="News", more="", arrivals="{steady: 1/s}", count=5)
        + "resources:\n  News: {type: sns.topic}\n"
        + queues
    )


def pollers(count: int) -> str:
    """As many workers as there are, each with the same load."""
    sent = 20 * max(count, 100)
    return (
        HEAD.format(duration=sent / (40 * count) + 60)
        + SEND.format(to="Jobs", more="", arrivals=f"{{poisson: {40 * count}/s}}", count=sent)
        + "resources:\n  Jobs: {type: sqs.queue}\n"
        + FLEET.format(workers=count)
    )


CURVES = (
    Curve("messages", (1_000, 10_000, 100_000, 1_000_000), messages, lambda n: n),
    Curve("groups", (1, 100, 10_000, 100_000, 1_000_000), groups, lambda n: max(n, 10_000)),
    Curve("shards", (1, 10, 100, 1_000, 10_000), shards, lambda n: n, "shard"),
    Curve("backlog", (10, 1_000, 10_000, 100_000, 1_000_000), backlog, lambda n: n),
    Curve(
        "backlog through a topic",
        (10, 1_000, 10_000, 100_000, 1_000_000),
        backlog_through_topic,
        lambda n: n,
    ),
    Curve("subscribers", (1, 10, 100, 1_000, 10_000), subscribers, lambda n: n, "subscriber"),
    Curve("pollers", (1, 10, 100, 1_000), pollers, lambda n: 20 * max(n, 100)),
)


def load(text: str) -> Scenario:
    """Read a scenario with a resource on each line, also of more than fits into one file."""
    head, name, resources = text.partition("resources:\n")
    lines = resources.splitlines(keepends=True)
    if len(lines) <= LINES_AT_A_TIME:
        return msgsim.load_text(text)
    pieces = [
        read_text(name + "".join(lines[begin : begin + LINES_AT_A_TIME]), "<piece>")
        for begin in range(0, len(lines), LINES_AT_A_TIME)
    ]
    found = [entry for piece in pieces for entry in piece["resources"]]  # type: ignore[union-attr]
    key, place = pieces[0].key("resources"), pieces[0].place
    tree = Mapping((*read_text(head, "<head>"), (key, Mapping(tuple(found), place))), place)
    return from_tree(tree, "<pieces>", Path.cwd(), {})


def measure(curve: Curve, size: int) -> tuple[float, float]:
    """Return seconds of processor to build a scenario of this size, and to run it."""
    text = curve.text(size)
    gc.collect()
    begun = time.process_time()
    run = prepare(load(text))
    built = time.process_time()
    drive(run)
    return built - begun, time.process_time() - built


def draw(found: dict[str, list[tuple[int, float, float]]]) -> None:
    """Draw time per unit of work, build and run, one panel for each curve."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 6), layout="constrained")
    FigureCanvasAgg(figure)
    for place, curve in enumerate(CURVES):
        axes = figure.add_subplot(2, 4, place + 1)
        rows = found[curve.name]
        sizes = [size for size, _, _ in rows]
        for column, label, style in ((1, "read and build", "s--"), (2, "run", "o-")):
            axes.loglog(sizes, [row[column] * 1e6 for row in rows], style, label=label)
        axes.set(
            title=curve.name,
            xlabel="waiting messages" if "backlog" in curve.name else f"number of {curve.name}",
        )
        axes.set_ylabel(f"µs per {curve.unit}")
        axes.grid(alpha=0.3)
    figure.axes[0].legend()
    figure.savefig(FIGURE, dpi=110)


def main() -> None:
    """Measure every curve, write the table into the page, draw."""
    found: dict[str, list[tuple[int, float, float]]] = {}
    rows: list[str] = []

    def tell(row: str) -> None:
        rows.append(row)
        print(row, flush=True)

    tell("| what grows | size | read and build (s) | run (s) | run, µs per unit |")
    tell("|---|---|---|---|---|")
    measure(CURVES[0], CURVES[0].sizes[0])  # imports
    for curve in CURVES:
        for size in curve.sizes:
            build, run = measure(curve, size)
            units = curve.work(size)
            found.setdefault(curve.name, []).append((size, build / units, run / units))
            each = f"{run / units * 1e6:.1f} per {curve.unit}"
            tell(f"| {curve.name} | {size:,} | {build:.2f} | {run:.2f} | {each} |")
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    table = "\n".join(rows)
    write_atomically(PAGE, f"{before}{BEGIN}{table}\n{END}{after}")
    draw(found)


if __name__ == "__main__":
    main()
