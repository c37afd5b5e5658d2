"""Bills worked by hand from AWS's price pages: tiers, free units, a month at the run's rate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msgsim.model.billing import Price, Prices, Usage, gb_months, units_of
from msgsim.observe.cost import Bill
from msgsim.services import discover

HOUR = 3_600_000_000_000
MONTH = 730 * HOUR


def price(kind: str, name: str, region: str = "us-east-1") -> Price:
    return Prices(discover()[kind].page, kind, region)[name]


STANDARD = price("sqs.queue", "standard_request")
FIFO = price("sqs.queue", "fifo_request")


def month(*used: tuple[str, Price, float], free_tier: bool = False, published: int = 0) -> Bill:
    by_component: dict[str, list[Usage]] = {}
    for name, what, units in used:
        by_component.setdefault(name, []).append(Usage("calls", what, units))
    return Bill(by_component, MONTH, published, free_tier)


def test_aws_own_example_of_a_lambda_bill():
    """3 million requests of 120 ms at 1,536 MB: $2.73 after the free tier.

    AWS's first pricing example (https://aws.amazon.com/lambda/pricing/): 540,000 GB-s, of which
    140,000 are paid: $2.33; 2 million paid requests: $0.40.
    """
    used = (
        ("Fn", price("lambda.function", "request"), 3_000_000),
        ("Fn", price("lambda.function", "gb_second"), 3_000_000 * 0.120 * 1_536 / 1_024),
    )
    assert month(*used, free_tier=True).month_usd() == pytest.approx(2.73, abs=0.005)
    # Without it: 540,000 x 0.0000166667 + 3 x 0.20 = 9.00 + 0.60.
    assert month(*used).month_usd() == pytest.approx(9.60, abs=0.005)


def test_graduated_prices_of_a_standard_queue():
    """100 billion at $0.40, 100 billion at $0.30, the rest at $0.24 per million."""
    assert month(("Q", STANDARD, 250e9)).month_usd() == pytest.approx(
        40_000 + 30_000 + 12_000, abs=0.005
    )


def test_tiers_are_the_accounts_not_the_queues():
    bill = month(("A", STANDARD, 150e9), ("B", STANDARD, 100e9))
    assert bill.month_usd() == pytest.approx(82_000, abs=0.005)
    assert bill.month_usd("A") == pytest.approx(82_000 * 150 / 250, abs=0.005)


def test_the_free_million_is_shared_by_standard_and_fifo_queues():
    """2 million standard and 2 million FIFO requests: half a million of each is free."""
    bill = month(("S", STANDARD, 2e6), ("F", FIFO, 2e6), free_tier=True)
    assert bill.month_usd() == pytest.approx(1.5 * 0.40 + 1.5 * 0.50, abs=0.005)
    assert month(("S", STANDARD, 1e6), free_tier=True).month_usd() == 0


def test_a_month_at_the_rate_of_ten_minutes():
    """1,000 requests in 600 s are 4,380,000 in 730 h: $1.752; and of 500 messages $3.504 a million
    messages, were there 1,000,000 / 2.19 million of them."""
    bill = Bill({"Q": [Usage("SendMessage", STANDARD, 1_000)]}, HOUR // 6, 500)
    assert bill.usd() == pytest.approx(0.0004)
    assert bill.month_usd() == pytest.approx(1.752)
    assert bill.per_million() == pytest.approx(0.80)


def test_the_idle_share_is_what_is_paid_for_time_and_for_nothing():
    used = [Usage("SendMessage", STANDARD, 3), Usage("ReceiveMessage (empty)", STANDARD, 1, True)]
    assert Bill({"Q": used}, HOUR, 3).idle_share() == pytest.approx(0.25)


def test_nothing_used_has_neither_shares_nor_a_price_per_message():
    bill = Bill({"Q": []}, 0, 0)
    assert (bill.usd(), bill.month_usd()) == (0, 0)
    assert (bill.per_million(), bill.idle_share()) == (None, None)


def test_a_region_without_prices_takes_those_of_us_east_1_and_says_so():
    assert price("sqs.queue", "standard_request", "eu-west-1").region == "us-east-1"


@pytest.mark.parametrize(
    ("size", "units"), [(0, 1), (1, 1), (65_536, 1), (65_537, 2), (1_048_576, 16)]
)
def test_a_call_fills_at_least_one_unit_of_64_kib_and_a_full_one_sixteen(size, units):
    assert units_of(size, 65_536) == units


def test_a_gigabyte_kept_for_a_month_is_a_gb_month():
    assert gb_months(10**9, MONTH) == pytest.approx(1)


@given(st.lists(st.floats(0, 1e12), min_size=1, max_size=5), st.booleans())
def test_lines_add_up_and_more_is_never_cheaper(units, free_tier):
    """A bill is the sum of its components; graduated prices never make a larger bill smaller."""
    used = [(f"Q{index}", STANDARD, each) for index, each in enumerate(units)]
    bill = month(*used, free_tier=free_tier)
    parts = sum(bill.month_usd(name) for name in bill.components())
    assert bill.month_usd() == pytest.approx(parts, rel=1e-9, abs=1e-9)
    more = month(*used, ("more", STANDARD, 1e6), free_tier=free_tier)
    assert more.month_usd() >= bill.month_usd() * (1 - 1e-12)
    paid = max(0.0, sum(units) - 1e6) if free_tier else sum(units)
    assert bill.month_usd() == pytest.approx(STANDARD.month_usd(paid), rel=1e-6, abs=1e-6)


def test_a_price_of_which_nothing_is_used_yet_costs_nothing():
    """Rules about cost are looked at from the first moment on, when a counter may stand at zero."""
    bill = month(("Q", STANDARD, 0), ("F", FIFO, 1e6))
    assert bill.month_usd("Q") == 0
    assert bill.month_usd() == pytest.approx(0.50)


def test_at_time_zero_there_is_no_month_yet():
    """What is used at the first instant has a price, but no rate to make a month of."""
    bill = Bill({"Q": [Usage("SendMessage", STANDARD, 2)]}, 0, 1)
    assert bill.usd() == pytest.approx(2 * 0.40e-6)
    assert bill.month_usd() == 0
    assert bill.per_million() is None
