"""CloudWatch's twins count the same whoever else listens, whether calls are counted or told."""

from __future__ import annotations

import pytest

import msgsim
from msgsim.experiment.retell import Told
from msgsim.kernel.signals import Combined, Tallied, parts, several
from msgsim.observe.cloudwatch import CloudWatch
from msgsim.scenario.build import build
from tests.perf import real

pytestmark = pytest.mark.unchecked  # invariants listen to everything


class Ear:
    """Listens to the facts of one name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def listener(self, component, signal):
        return (lambda now, *carried: None) if signal.name == self._name else None


def metrics(*names: str) -> list[tuple[str, dict, dict]]:
    """Return what the twins of workload F report beside further listeners."""
    scenario = msgsim.load_text(real.scenario_text(300, 1))
    twins = CloudWatch(build(scenario))
    Told(scenario).again(*(Ear(name) for name in names), twins)
    return [(each.metric.name, dict(each.dimensions), each.points) for each in twins.series()]


@pytest.mark.parametrize("name", ["requested", "deleted", "completed", "ended", "received"])
def test_whoever_else_listens_changes_no_metric(name: str) -> None:
    alone = metrics()
    deleted = [
        sum(point.total for point in points.values())
        for metric, dimensions, points in alone
        if metric == "NumberOfMessagesDeleted" and "Dlq" not in dimensions["QueueName"]
    ]
    assert deleted == [300] * real.QUEUES
    assert metrics(name) == alone


def test_offers_of_one_sort_become_one() -> None:
    """Two visits offered together replace both sides' listeners; one tally at most counts."""
    heard: list[str] = []
    ears = [lambda now, fact, n=n: heard.append(n) for n in "abcd"]
    both = several([Combined(ears[0], (ears[2],)), Combined(ears[1], (ears[3],))], 1)
    assert isinstance(both, Combined) and both.replaces == (ears[2], ears[3])
    both(1, "fact")
    assert heard == ["a", "b"]
    assert parts(several(ears, 1)) == tuple(ears) and parts(None) == ()

    counts = [0]
    tallied = several([Tallied(ears[0], None), Tallied(ears[1], counts)], 1)
    assert isinstance(tallied, Tallied) and tallied.counts is counts
    assert not isinstance(several([Tallied(ears[0], [0]), Tallied(ears[1], [0])], 1), Tallied)
