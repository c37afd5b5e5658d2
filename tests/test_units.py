"""Text to exact values and back: what a user may write, and what the refusal says."""

from __future__ import annotations

import contextlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msgsim.units import (
    MAX_DURATION_NS,
    SIZE_UNITS_BYTES,
    TIME_UNITS_NS,
    UnitError,
    duration_ns,
    factor,
    format_count,
    format_duration,
    format_rate,
    format_seconds,
    format_share,
    format_size,
    number,
    parse_quantity,
    rate_per_s,
    share,
    size_bytes,
)

SECOND = 10**9


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30s", 30 * SECOND),
        ("200ms", 200_000_000),
        ("5m", 300 * SECOND),
        ("5min", 300 * SECOND),
        ("1h30m", 5_400 * SECOND),
        ("3m12s", 192 * SECOND),
        ("2 min 30 s", 150 * SECOND),
        ("2d", 172_800 * SECOND),
        ("10us", 10_000),
        ("10µs", 10_000),
        ("100ns", 100),
        ("0s", 0),
        ("0.1s", 100_000_000),
        ("1_000s", 1_000 * SECOND),
    ],
)
def test_a_duration_is_a_number_and_its_unit(text, expected):
    assert duration_ns(text) == expected


def test_a_bare_number_is_seconds_only_where_aws_says_so():
    """VisibilityTimeout is documented in seconds, so `30` is enough there and nowhere else."""
    assert duration_ns("30", bare_unit="s") == duration_ns("30s", bare_unit="s") == 30 * SECOND
    with pytest.raises(UnitError, match=r"`30` has no unit.*`30s`"):
        duration_ns("30")


@given(st.integers(0, 10**9), st.sampled_from(sorted(TIME_UNITS_NS)))
def test_whole_numbers_are_read_exactly(amount, unit):
    expected = amount * TIME_UNITS_NS[unit]
    if expected <= MAX_DURATION_NS:
        assert duration_ns(f"{amount}{unit}") == expected


@given(st.decimals(0, 10_000, places=12))
def test_fractions_are_rounded_half_to_even_and_never_truncated(amount):
    assert duration_ns(f"{amount:f}s") == int(
        (amount * SECOND).to_integral_value("ROUND_HALF_EVEN")
    )
    assert Decimal(duration_ns("0.1s")) == Decimal("0.1") * SECOND


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("-5s", "below zero"),
        ("nan", "not a finite number"),
        (".inf", "not a finite number"),
        ("36501d", "longer than 100 years"),
        ("30 seconds", "did you mean `s`"),
        ("30S", "did you mean `s`"),
        ("30 bananas", "unknown unit `bananas`"),
        ("1,5s", "has a comma"),
        ("5m5h", "larger units first"),
        ("5s5s", "each once"),
        ("1h 30", "is not a duration"),
        ("1e3s", "unknown unit `e`"),
        ("٣s", "is not a duration"),
        ("", "there is no value"),
        ("9" * 100 + "s", "too long"),
    ],
)
def test_what_is_no_duration_is_refused_in_plain_words(text, words):
    with pytest.raises(UnitError) as refused:
        duration_ns(text)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("200B", 200),
        ("256KiB", 262_144),
        ("1MiB", 1_048_576),
        ("1.5KiB", 1_536),
        ("64KB", 64_000),
        ("64kB", 64_000),
        ("2 MB", 2_000_000),
    ],
)
def test_ki_is_binary_and_k_is_decimal(text, expected):
    """IEC 80000-13: Ki, Mi and Gi are powers of 1,024; k, M and G powers of 1,000."""
    assert size_bytes(text) == expected


@given(st.integers(0, 10**6), st.sampled_from(sorted(SIZE_UNITS_BYTES)))
def test_whole_sizes_are_read_exactly(amount, unit):
    assert size_bytes(f"{amount}{unit}") == amount * SIZE_UNITS_BYTES[unit]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("256", "has no unit"),
        ("-1B", "below zero"),
        ("1KiB 2B", "two units"),
        ("3 kb", "did you mean `kB`"),
        ("99999999999TiB", "is larger than"),
    ],
)
def test_what_is_no_size_is_refused(text, words):
    with pytest.raises(UnitError) as refused:
        size_bytes(text)
    assert words in str(refused.value)
    assert size_bytes("256", bare_unit="B") == 256


@pytest.mark.parametrize(
    ("text", "expected"), [("50/s", 50), ("300/min", 5), ("36/h", 0.01), ("0.5/s", 0.5)]
)
def test_a_rate_is_a_number_per_unit_of_time(text, expected):
    assert rate_per_s(text) == expected


@pytest.mark.parametrize("text", ["50", "50/", "/s", "-1/s", "50/week", "1e12/s", "a/s", "5s"])
def test_what_is_no_rate_is_refused(text):
    with pytest.raises(UnitError):
        rate_per_s(text)


def test_a_share_is_a_percentage_or_a_fraction():
    assert share("1%") == share("0.01") == share("1 %") == 0.01
    assert (share("0"), share("100%"), share("1")) == (0.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("text", "words"), [("5", "write `5%`"), ("101%", "above"), ("-1%", "zero")]
)
def test_a_share_lies_between_nothing_and_all(text, words):
    with pytest.raises(UnitError, match=words):
        share(text)


def test_a_factor_ends_in_x():
    assert (factor("5x"), factor("0.5x"), factor("5 x")) == (5.0, 0.5, 5.0)
    for text in ("5", "-1x", "x", "", "1e12x"):
        with pytest.raises(UnitError):
            factor(text)


def test_plain_numbers_keep_their_kind():
    read = [number(text) for text in ("30", "20_000", "1e6", "-2", "010")]
    assert read == [30, 20_000, 1_000_000, -2, 10]
    assert all(type(value) is int for value in read)
    assert type(number("1.0")) is float
    for text in ("0x10", "1:30", "nan", "inf", "1e400", "1 000", "1,000", "yes", "9" * 30):
        with pytest.raises(UnitError):
            number(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5s", (5.0, "time")),
        ("1h30m", (5_400.0, "time")),
        ("256KiB", (262_144.0, "size")),
        ("50/min", (50 / 60, "rate")),
        ("1%", (0.01, "share")),
        ("0.01", (0.01, "number")),
        ("-3", (-3.0, "number")),
    ],
)
def test_a_quantity_tells_its_dimension(text, expected):
    assert parse_quantity(text) == expected


@given(st.text(max_size=12) | st.from_regex(r"[-0-9._eE/%a-zA-Z ]{0,10}", fullmatch=True))
def test_any_text_is_read_or_refused_and_never_crashes(text):
    for read in (duration_ns, size_bytes, rate_per_s, share, factor, number, parse_quantity):
        with contextlib.suppress(UnitError):
            read(text)


@pytest.mark.parametrize(
    ("ns", "expected"),
    [
        (0, "0 s"),
        (999, "999 ns"),
        (310_000_000, "310 ms"),
        (1_840_000_000, "1.84 s"),
        (999_600_000, "1 s"),
        (59_960_000_000, "1 min"),
        (150 * SECOND, "2 min 30 s"),
        (600 * SECOND, "10 min"),
        (3_600 * SECOND - 1, "1 h"),
        (90_000 * SECOND, "1 d 1 h"),
        (-5 * SECOND, "-5 s"),
    ],
)
def test_durations_are_shown_with_sensible_digits(ns, expected):
    assert format_duration(ns) == expected


@given(st.integers(1, MAX_DURATION_NS))
def test_a_shown_duration_can_be_read_back_and_is_near(ns):
    """Three digits, or minutes beside hours and hours beside days: within 1 part in 40."""
    assert duration_ns(format_duration(ns)) == pytest.approx(ns, rel=1 / 40)


def test_other_quantities_are_shown_for_people():
    assert format_seconds(0.31) == "310 ms"
    assert (format_seconds(float("nan")), format_seconds(float("inf"))) == ("no data", "∞")
    assert [format_count(n) for n in (0, 9_870, 30_000, 1.31, 2.0)] == [
        "0", "9 870", "30 000", "1.31", "2",
    ]  # fmt: skip
    assert [format_size(n) for n in (200, 262_144, 1_572_864)] == ["200 B", "256 KiB", "1.5 MiB"]
    assert [format_rate(r) for r in (50, 0, 0.5, 10 / 3_600)] == ["50/s", "0/s", "30/min", "10/h"]
    assert [format_share(s) for s in (0, 0.62, 0.001, 1)] == ["0 %", "62 %", "0.1 %", "100 %"]


def test_what_is_not_all_is_not_shown_as_all():
    assert format_share(0.99999) == ">99.9 %"
