"""The reference of metrics says of every metric what it is, and of none that does not exist."""

from __future__ import annotations

import pytest

import msgsim
from msgsim.observe import Metrics, UnknownMetric
from tests.pages import EVERYTHING, PACKAGE, rows, sections, words

SECTIONS = sections(PACKAGE / "observe" / "metrics.md")
TARGETS = {
    "workload": ["Shop", "Office", "Logs", "Web"],
    "topic": ["Orders"],
    "subscription": ["ToBilling", "ToMail"],
    "queue with a consumer": ["Billing"],
    "queue without a consumer": ["Dlq"],
    "stream": ["Clicks"],
    "delivery stream": ["Archive"],
    "stream's consumer": ["Reader"],
    "stream's mapping": ["ClicksMap"],
    "queue's mapping": ["BillingMap"],
    "fleet": ["Workers"],
    "alarm": ["Backlog"],
    "function behind a mapping": ["BillingFn", "ClicksFn"],
    "function invoked by a topic": ["MailFn"],
    "`total`, `consumer`": ["total", "consumer"],
}
QUANTILES = {"p50", "p90", "p95", "p99", "p999"}
STATS = {
    "count": {"count", "end", "rate"},
    "distribution": QUANTILES | {"mean", "min", "max", "count"},
    "level": {"mean", "min", "max", "end"},
    "age": {"max", "mean", "end"},
    "sampled": {"max", "mean", "end"},
    "number": {"max", "end"},
}
USUAL = {
    "count": "count",
    "distribution": "mean",
    "level": "mean",
    "age": "max",
    "sampled": "max",
    "number": "end",
}
OF_A_SHARED_CONSUMER = {
    "unique",
    "delivered.unique",
}  # they have a share where it is one of several
OF = {
    row[0]: [name.strip() for name in row[1].split(",")]
    for row in rows(SECTIONS["Which target has which metrics"])
}


@pytest.fixture(scope="module")
def metrics() -> Metrics:
    return msgsim.run(msgsim.load_text(EVERYTHING)).runs[0].observers.metrics


def documented(kind: str) -> dict[str, str]:
    """Return metric → sort for a kind of target; the later table holds."""
    found = {}
    for section in [name for name in SECTIONS if name in OF[kind]]:
        for names, _, sort, twins in rows(SECTIONS[section]):
            found |= dict.fromkeys([*words(names), *words(twins)], sort)
    return found


def stats_of(sort: str) -> set[str]:
    kind = sort.split(",")[0].split()[0]
    extra = {"share"} if "share of" in sort else {"end"} if "with `end`" in sort else set()
    return STATS[kind] | extra


def answered(metrics: Metrics, target: str, name: str) -> set[str]:
    """Return the statistics that a metric has."""
    found = set()
    for stat in {"share"}.union(*STATS.values()):
        try:
            metrics.dimension(target, None, name, stat)
        except UnknownMetric:
            continue
        found.add(stat)
    return found


CASES = [(kind, target) for kind, targets in TARGETS.items() for target in targets]


def test_every_kind_of_target_is_on_the_page(metrics: Metrics) -> None:
    assert set(OF) == set(TARGETS)
    assert {target for _, target in CASES} == set(metrics.targets())
    tables = {name for listed in OF.values() for name in listed}
    assert tables == {name for name, text in SECTIONS.items() if "CloudWatch |\n" in text}


@pytest.mark.parametrize(("kind", "target"), CASES)
def test_a_target_has_the_metrics_of_its_tables(metrics: Metrics, kind: str, target: str) -> None:
    names, on_page = set(metrics.names(target)), documented(kind)
    if "accepted" not in names:  # entries: only where a workload sends to it directly
        on_page.pop("accepted", None)
    assert names - set(on_page) == set(), "not on the page"
    assert set(on_page) - names == set(), "on the page, but not in msgsim"


@pytest.mark.parametrize(("kind", "target"), CASES)
def test_sorts_and_units_are_right(metrics: Metrics, kind: str, target: str) -> None:
    for name, sort in documented(kind).items():
        if name not in metrics.names(target):
            continue
        optional = {"share"} if name in OF_A_SHARED_CONSUMER else set()
        assert answered(metrics, target, name) - optional == stats_of(sort), name
        usual = USUAL[sort.split(",")[0].split()[0]]
        assert metrics.value(target, None, name) == metrics.value(target, None, name, usual)
        unit = "time" if ", s" in sort and ", share" not in sort else "number"
        assert metrics.dimension(target, None, name) == unit, name


def test_the_sorts_are_those_of_the_first_table() -> None:
    for sort, statistics, usual, *_ in rows(SECTIONS["Sorts and statistics"]):
        assert set(words(statistics)) - {"share"} == STATS[sort]
        assert (words(usual) or ["end"]) == [USUAL[sort]]


def test_cloudwatch_names_mean_the_same(metrics: Metrics) -> None:
    for kind, target in CASES:
        for section in OF[kind]:
            for names, *_, twins in rows(SECTIONS[section]):
                for name in [*words(names)[1:], *words(twins)]:
                    ours = metrics.value(target, None, words(names)[0])
                    assert metrics.value(target, None, name) == ours


def test_selectors_narrow_what_the_page_says(metrics: Metrics) -> None:
    groups, shards, ages = (words(row[2]) for row in rows(SECTIONS["Selectors"]))
    for target in ("Billing", "MailFn", "BillingFn", "Reader", "ClicksMap"):
        for selector in ("group", "key"):
            assert metrics.names(target, (selector, "A")) == sorted(groups)
    assert metrics.names("Clicks", ("shard", "0")) == sorted(shards)
    for target in ("Reader", "ClicksMap"):
        assert metrics.names(target, ("shard", "0")) == sorted(ages)
