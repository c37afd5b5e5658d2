"""The twins of `AWS/AutoScaling`: how many workers a fleet has.

Source: EC2 Auto Scaling User Guide, ec2-auto-scaling-metrics.html. A fleet of any preset has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Combined, Listener
from msgsim.observe.cloudwatch.twin import Desk
from msgsim.observe.system import announces

READ = {
    "GroupDesiredCapacity": "desired",
    "GroupInServiceInstances": "running",
    "GroupPendingInstances": "starting",
}


def applies(component: Component) -> bool:
    """Say whether it is a fleet that has a size."""
    return announces(component, "resized")


class FleetTwin:
    """The metrics of one fleet."""

    def __init__(self, fleet: Any, desk: Desk) -> None:
        self._fleet = fleet
        self._desk = desk
        self._series = {
            attribute: desk.open("AWS/AutoScaling", name, AutoScalingGroupName=fleet.name)
            for name, attribute in READ.items()
        }

    def listeners(self) -> Mapping[str, Listener]:
        """Sizes are read; visits are heard for the queue, once its twin is known."""
        twins, queue = self._desk.shared, self._fleet.judged

        def visited(now: int, delivery: Any) -> None:
            twins[queue].visited(now, delivery)

        return {"visited": Combined(visited, ())} if announces(self._fleet, "visited") else {}

    def period(self, now: int) -> None:
        """Report the sizes."""
        for attribute, series in self._series.items():
            series.level(now, getattr(self._fleet, attribute))


make = FleetTwin
