"""The stopping rule: replicate until a metric is known well enough.

`Billing.latency.p99 ± 5%` runs replications until the 95 % interval of the metric reaches at most
5 % of its estimate to either side, in every variant; ten replications are run in any case, because
fewer look precise by chance too often.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from msgsim import units
from msgsim.experiment.asking import Question, Watching, ask
from msgsim.experiment.statistics import mean_interval
from msgsim.experiment.summary import Summary
from msgsim.problems import Problem, ProblemError, quote, register
from msgsim.scenario.schema import Scenario

register(
    "E155", "a stopping rule that cannot be read", "Such as `Billing.latency.p99 ± 5%` for --until."
)

FEWEST = 10
_RULE = re.compile(r"\s*(?P<metric>.+?)\s*(?:±|\+/?-)\s*(?P<share>[\d.]+\s*%?)\s*")

Of = Mapping[str, Mapping[int, Summary]]


@dataclass(frozen=True)
class StoppingRule:
    """A metric, and how well it is to be known.

    Attributes:
        question: the metric.
        share: how far the interval may reach, as a share of the estimate.
        fewest: replications that are run in any case.
    """

    question: Question
    share: float
    fewest: int = FEWEST

    def needed(self, of: Of) -> int | None:
        """Return with how many replications the rule is met first; None if not yet."""
        whole = min((len(of.get(variant, {})) for variant in self.question.addresses), default=0)
        for count in range(self.fewest, whole + 1):
            if all(self._known(variant, of, count) for variant in self.question.addresses):
                return count
        return None

    def _known(self, variant: str, of: Of, count: int) -> bool:
        values = self.question.values(variant, of)
        first = [value for replication, value in values.items() if replication < count]
        if len(first) < self.fewest:
            return False
        relative = mean_interval(first).relative
        return relative is not None and relative <= self.share

    def told(self, of: Of, needed: int | None) -> str:
        """Return a sentence about how it went."""
        text = f"{self.question.text} ± {self.share * 100:g} %"
        if needed is not None:
            return f"stopped after {needed} replications: {text} is reached"
        count = max((len(each) for each in of.values()), default=0)
        return f"{text} is not reached after {count} replications"


def read_stopping_rule(
    text: str, watching: Watching, scenarios: Mapping[str, Scenario]
) -> StoppingRule:
    """Read `METRIC ± SHARE`.

    Raises:
        ProblemError: E155 or what is wrong with the metric.
    """
    found = _RULE.fullmatch(text)
    hint = "such as 'Billing.latency.p99 ± 5%' (or +- for ±)"
    if found is None:
        raise ProblemError([Problem("E155", f"{quote(text)} is no stopping rule", None, hint)])
    try:
        share = units.share(found["share"].replace(" ", ""))
    except units.UnitError as error:
        raise ProblemError([Problem("E155", str(error), None, hint)]) from None
    if not 0 < share < 1:
        message = f"the share must lie between 0 and 100 %, not {found['share']}"
        raise ProblemError([Problem("E155", message, None, hint)])
    return StoppingRule(ask(found["metric"], watching, scenarios), share)
