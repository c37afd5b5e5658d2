"""Concurrency set aside for functions: what it takes from others, and how far pollers go with it.

Source: Lambda developer guide, lambda-concurrency.html (100 executions of an account always stay
unreserved; provisioned concurrency counts against the reserved part, or the account),
services-sqs-scaling.html (pollers do not look at reserved concurrency).
"""

from __future__ import annotations

from typing import Any

import pytest

import msgsim
from msgsim.experiment.result import to_plain
from msgsim.problems import ProblemError

RESERVED = "ReservedConcurrentExecutions: {}"
PROVISIONED = "ProvisionedConcurrencyConfig: {{ProvisionedConcurrentExecutions: {}}}"


def outcome(text: str) -> dict[str, Any]:
    """Run a scenario given as text; return its only run as plain data."""
    return to_plain(msgsim.run(msgsim.load_text(text)))["runs"][0]


def mapped(setting: str) -> dict[str, Any]:
    """Send what needs 150 executions to a function with a setting."""
    return outcome(f"""
    duration: 2m
    resources:
      Q: {{type: sqs.queue, VisibilityTimeout: 60}}
      F: {{type: lambda.function, Timeout: 10, handler: {{time: 1s}}{setting}}}
      M: {{type: lambda.event_source_mapping, EventSourceArn: Q, FunctionName: F, BatchSize: 1}}
    workload: [{{to: Q, arrivals: {{steady: 150/s}}}}]
    """)


@pytest.mark.parametrize(
    ("setting", "limit"),
    [("", 1_000), (RESERVED.format(900), 900), (PROVISIONED.format(900), 1_000)],
    ids=["nothing", "reserved", "provisioned"],
)
def test_what_a_function_has_for_itself_does_not_hold_its_pollers_back(setting, limit):
    """900 of 1,000 set aside leave 100 to all others, but the function may use its own."""
    run = mapped(f", {setting}" if setting else "")
    assert run["concurrency_limits"]["F"] == limit
    assert run["servers"]["F"]["concurrency"]["max"] > 140
    assert run["queues"]["Q"]["visible"]["end"] < 20


def test_what_others_have_for_themselves_holds_pollers_back():
    """The account leaves 100: that is how far the mapping of a function without a part goes."""
    run = outcome(f"""
    duration: 2m
    resources:
      Q: {{type: sqs.queue, VisibilityTimeout: 60}}
      F: {{type: lambda.function, Timeout: 10, handler: {{time: 1s}}}}
      Other: {{type: lambda.function, handler: {{time: 1s}}, {RESERVED.format(900)}}}
      M: {{type: lambda.event_source_mapping, EventSourceArn: Q, FunctionName: F, BatchSize: 1}}
    workload: [{{to: Q, arrivals: {{steady: 150/s}}}}]
    """)
    assert run["servers"]["F"]["concurrency"]["max"] == 100
    assert sum(run["servers"]["F"]["throttles"].values()) == 0


def test_provisioned_concurrency_is_set_aside_when_it_is_asked_for():
    """Until then, others may use it."""
    text = f"""
    duration: 90s
    resources:
      T: {{type: sns.topic, Subscription: [{{Protocol: lambda, Endpoint: G}}]}}
      G: {{type: lambda.function, handler: {{time: 1s}}}}
      F: {{type: lambda.function, handler: {{time: 1s}}, provisioned_from: 45s,
           {PROVISIONED.format(880)}}}
    workload:
      - {{to: T, arrivals: {{steady: 200/s}}, until: 44s}}
    """
    before, after = outcome(text), outcome(text.replace("until: 44s", "from: 46s"))
    assert before["servers"]["G"]["concurrency"]["max"] > 180
    assert after["servers"]["G"]["concurrency"]["max"] == 120


def refused(quota: int, *settings: str) -> list[str]:
    functions = "\n".join(
        f"      F{number}: {{type: lambda.function, handler: {{time: 1s}}, {setting}}}"
        for number, setting in enumerate(settings)
    )
    text = f"""
    duration: 1m
    account: {{ConcurrentExecutions: {quota}}}
    resources:
      Q: {{type: sqs.queue}}
{functions}
    workload: [{{to: Q, rate: 1/s}}]
    """
    try:
        msgsim.load_text(text)
    except ProblemError as refusal:
        return [one.code for one in refusal.problems if one.code[0] == "E"]
    return []


@pytest.mark.parametrize(
    ("quota", "settings", "codes"),
    [
        (1_000, [RESERVED.format(900)], []),
        (1_000, [RESERVED.format(901)], ["E224"]),
        (10_000, [RESERVED.format(5_000)], []),
        (500, [RESERVED.format(450)], ["E224"]),
        (1_000, [PROVISIONED.format(5_000)], ["E224"]),
        (1_000, [PROVISIONED.format(450), RESERVED.format(450)], []),
        (1_000, [PROVISIONED.format(450), RESERVED.format(451)], ["E224"]),
        (1_000, [f"{RESERVED.format(900)}, {PROVISIONED.format(900)}"], []),
    ],
)
def test_a_hundred_executions_stay_unreserved(quota, settings, codes):
    """Of the quota that the scenario states; what is provisioned lies within what is reserved."""
    assert refused(quota, *settings) == codes
