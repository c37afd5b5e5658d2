"""From CloudWatch's series to what a figure shows: which metrics of which resource, how far apart.

A console makes its periods longer when a graph covers more time; so do figures, from minutes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from msgsim.observe.cloudwatch import CloudWatch, Point, Series
from msgsim.report.figures.data import FaultBand
from msgsim.report.figures.twins import TwinData, TwinLine, TwinPanel

NS_PER_S = 1_000_000_000
FEWEST_PERIODS = 3
MOST_PERIODS = 240
MOST_RESOURCES = 10
LEVELS, RATES = "Maximum", "Sum"
_PERIODS_S = (60, 300, 900, 3_600, 21_600, 86_400)

_PLACES = (
    "DeliveryToS3",
    "DeliveryToRedshift",
    "DeliveryToAmazonOpenSearchService",
    "DeliveryToSplunk",
    "DeliveryToHttpEndpoint",
)

# Kind of resource → namespace, dimension, and panels: unit and metrics with their statistic.
_PANELS: dict[str, tuple[str, str, tuple[tuple[str, tuple[tuple[str, str], ...]], ...]]] = {
    "sqs.queue": (
        "AWS/SQS",
        "QueueName",
        (
            (
                "messages",
                (
                    ("ApproximateNumberOfMessagesVisible", LEVELS),
                    ("ApproximateNumberOfMessagesNotVisible", LEVELS),
                ),
            ),
            ("seconds", (("ApproximateAgeOfOldestMessage", LEVELS),)),
            (
                "count",
                (
                    ("NumberOfMessagesSent", RATES),
                    ("NumberOfMessagesReceived", RATES),
                    ("NumberOfMessagesDeleted", RATES),
                    ("NumberOfEmptyReceives", RATES),
                ),
            ),
        ),
    ),
    "lambda.function": (
        "AWS/Lambda",
        "FunctionName",
        (
            ("executions", (("ConcurrentExecutions", LEVELS),)),
            ("count", (("Invocations", RATES), ("Errors", RATES), ("Throttles", RATES))),
            ("milliseconds", (("IteratorAge", LEVELS),)),
        ),
    ),
    "firehose.delivery_stream": (
        "AWS/Firehose",
        "DeliveryStreamName",
        (
            (
                "records",
                (
                    ("IncomingRecords", RATES),
                    ("ThrottledRecords", RATES),
                    *((f"{place}.Records", RATES) for place in _PLACES),
                ),
            ),
            ("seconds", tuple((f"{place}.DataFreshness", LEVELS) for place in _PLACES)),
        ),
    ),
    "kinesis.stream": (
        "AWS/Kinesis",
        "StreamName",
        (
            ("records", (("IncomingRecords", RATES), ("GetRecords.Records", RATES))),
            (
                "count",
                (
                    ("WriteProvisionedThroughputExceeded", RATES),
                    ("ReadProvisionedThroughputExceeded", RATES),
                ),
            ),
            ("milliseconds", (("GetRecords.IteratorAgeMilliseconds", LEVELS),)),
        ),
    ),
}


def period_s(end_s: float) -> int:
    """Return how long the periods of a figure are: a minute, or what suits a longer run."""
    fitting = (period for period in _PERIODS_S if period * MOST_PERIODS >= end_s)
    return next(fitting, _PERIODS_S[-1])


def twin_data(
    seen: CloudWatch, plain: Mapping[str, Any], end_s: float, faults: Sequence[FaultBand]
) -> dict[str, TwinData]:
    """Return what figures show of a run, by resource: those where most went on, in order.

    Args:
        seen: its series.
        plain: the run as plain data, which knows kinds and limits.
        end_s: when it ended; a run of less than three periods has nothing to show.
        faults: bands to shade.
    """
    if end_s < FEWEST_PERIODS * _PERIODS_S[0]:
        return {}
    step = period_s(end_s)
    found = {}
    series = {(one.metric.name, *one.dimensions.items()): one for one in seen.series()}
    for resource, kind in plain["kinds"].items():
        if kind not in _PANELS:
            continue
        namespace, dimension, panels = _PANELS[kind]
        drawn = [
            TwinPanel(unit, lines, _limit(plain, resource, unit))
            for unit, metrics in panels
            if (lines := list(_lines(series, (dimension, resource), metrics, step)))
        ]
        if any(panel.peak for panel in drawn):
            found[resource] = TwinData(resource, namespace, drawn, step, end_s, faults)
    ranked = sorted(found, key=lambda name: -_weight(found[name]))[:MOST_RESOURCES]
    return {name: data for name, data in found.items() if name in ranked}


def _weight(data: TwinData) -> float:
    return max(panel.peak for panel in data.panels)


def _lines(
    series: Mapping[Any, Series],
    dimension: tuple[str, str],
    metrics: Sequence[tuple[str, str]],
    step: int,
) -> Iterator[TwinLine]:
    for metric, statistic in metrics:
        one = series.get((metric, dimension))
        if one is None:
            continue
        merged = _merged(one, step)
        if statistic == RATES and not any(merged.values()):
            continue
        times = np.array(list(merged), dtype=float)
        yield TwinLine(metric, statistic, times, np.array(list(merged.values()), dtype=float))


def _merged(series: Series, step: int) -> dict[float, float]:
    """Return begin of a period (s) → value, over as many of the series' own periods as needed."""
    statistic = series.metric.statistics[0]
    statistic = RATES if RATES in series.metric.statistics else statistic
    bins: dict[float, list[Point]] = {}
    for begin_ns, point in series:
        bins.setdefault(begin_ns // NS_PER_S // step * step, []).append(point)
    combine = sum if statistic == RATES else max
    return {
        begin: combine(float(point.statistic(statistic) or 0) for point in points)
        for begin, points in bins.items()
    }


def _limit(plain: Mapping[str, Any], resource: str, unit: str) -> tuple[float, str] | None:
    if unit == "executions":
        limit = plain["concurrency_limits"].get(resource)
        return None if limit is None else (float(limit), f"concurrency limit {limit:,}")
    if unit == "messages":
        limit = plain["in_flight_limits"].get(resource)
        return None if limit is None else (float(limit), f"in-flight limit {limit:,}")
    return None
