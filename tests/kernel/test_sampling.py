"""Named substreams: what a draw may depend on, and what it must not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import msgsim
from msgsim.kernel.distributions import Constant, Exponential, Pareto, Uniform
from msgsim.kernel.sampling import (
    BLOCK,
    NEVER,
    ChoiceSampler,
    GeometricGaps,
    IntegerSampler,
    PermutationSampler,
    Sampler,
    stable_hash,
    zipf_weights,
)
from msgsim.kernel.substreams import CACHED_BLOCKS, Substream

SERVICE = Exponential(250_000_000)


def handler(seed: int = 7, replication: int = 0, name: str = "BillingFn/handler") -> Sampler[float]:
    return Sampler(SERVICE, seed, replication, name)


def first(sampler: Substream[float], count: int = 20) -> list[float]:
    return [sampler.draw() for _ in range(count)]


IN_ORDER = [handler().at(number) for number in range(3 * BLOCK)]


@given(numbers=st.lists(st.integers(0, 3 * BLOCK - 1), max_size=40), draws=st.booleans())
@settings(max_examples=30, deadline=None)
def test_the_value_of_an_item_does_not_depend_on_the_order_of_access(
    numbers: list[int], draws: bool
) -> None:
    """Common random numbers: a message keeps its service time whatever happens around it."""
    sampler = handler()
    for number in numbers:
        if draws:
            sampler.draw()
        sampler.at(number, attempt=2)
        assert sampler.at(number) == IN_ORDER[number]


def test_a_block_comes_back_the_same_after_it_left_the_cache() -> None:
    sampler = handler()
    numbers = [block * BLOCK for block in range(2 * CACHED_BLOCKS)]
    before = [sampler.at(number) for number in numbers]
    assert len(sampler.recent) == CACHED_BLOCKS
    assert [sampler.at(number) for number in numbers] == before
    assert len(set(before)) == len(before)


def test_the_sequence_of_draws_is_not_shifted_by_items() -> None:
    quiet, asked = handler(), handler()
    expected = first(quiet, 2 * BLOCK)
    for number, value in enumerate(expected):
        asked.at(number)
        assert asked.draw() == value


def test_seed_replication_name_attempt_and_way_of_asking_each_pick_other_numbers() -> None:
    base = handler()
    others = [handler(seed=8), handler(replication=1), handler(name="BillingFn/cold_start")]
    groups = [first(base), *[first(other) for other in others]]
    groups += [[base.at(number, attempt) for number in range(20)] for attempt in (1, 2, 3)]
    groups += [[base.at(number) for number in range(BLOCK, BLOCK + 20)]]
    values = [value for group in groups for value in group]
    assert len(set(values)) == len(values)
    assert first(handler()) == groups[0]


def test_building_another_sampler_changes_nothing() -> None:
    alone = first(handler())
    IntegerSampler(5, 7, 0, "Other/hosts").draw()
    together = handler()
    other = handler(name="Other/handler")
    values = []
    for _ in alone:
        other.draw()
        values.append(together.draw())
    assert values == alone


def test_a_fresh_process_with_another_hash_seed_draws_the_same() -> None:
    """`hash(str)` changes with PYTHONHASHSEED; the substream's own hash must not."""
    code = (
        "from msgsim.kernel.sampling import Sampler\n"
        "from msgsim.kernel.distributions import Exponential\n"
        "s = Sampler(Exponential(250_000_000), 7, 0, 'BillingFn/handler')\n"
        "print([s.draw(), s.draw(), s.at(5), s.at(5000, 2)])"
    )
    here = handler()
    expected = str([here.draw(), here.draw(), here.at(5), here.at(5000, 2)])
    root = str(Path(msgsim.__path__[0]).parent)
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": root}
        run = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert run.stdout.strip() == expected


def test_the_hash_is_the_first_128_bits_of_blake2b() -> None:
    """The digest of the empty text is that of any other BLAKE2b-128 implementation (RFC 7693)."""
    assert stable_hash("").to_bytes(16, "little").hex() == "cae66941d9efbd404e4d88758ea67670"
    assert stable_hash("a/b") != stable_hash("a/c")


def test_values_are_python_numbers() -> None:
    """A NumPy integer would spread from the clock into every result."""
    weights = zipf_weights(3, 1)
    assert all(type(weight) is float for weight in weights)
    for whole in (
        Sampler(SERVICE, 1, 0, "a", integer=True),
        Sampler(Constant(2.6), 1, 0, "b", integer=True),
        ChoiceSampler(weights, 1, 0, "c"),
        IntegerSampler(9, 1, 0, "d"),
    ):
        assert type(whole.draw()) is int
        assert type(whole.at(3)) is int
    for real in (handler(), Sampler(Constant(5), 1, 0, "e"), Sampler.uniform(1, 0, "f")):
        assert type(real.draw()) is float
        assert type(real.at(3)) is float
    assert type(GeometricGaps(0.5, 1, 0, "g").draw()) is int
    assert all(type(index) is int for index in PermutationSampler(4, 1, 0, "h").draw())


def test_whole_numbers_are_rounded_not_truncated() -> None:
    real = Sampler(Uniform(0, 10), 3, 0, "x")
    whole = Sampler(Uniform(0, 10), 3, 0, "x", integer=True)
    assert [whole.draw() for _ in range(100)] == [round(real.draw()) for _ in range(100)]
    assert Sampler(Constant(2.6), 3, 0, "y", integer=True).draw() == 3


def test_a_heavy_tail_is_cut_before_it_overflows_the_clock() -> None:
    sampler = Sampler(Pareto(1e9, 0.1), 1, 0, "x", integer=True)
    values = [sampler.draw() for _ in range(2000)]
    assert max(values) == NEVER
    assert min(values) >= 1e9


def test_a_constant_is_the_same_for_every_draw_and_item() -> None:
    sampler = Sampler(Constant(200), 1, 0, "x")
    assert {sampler.draw() for _ in range(2 * BLOCK + 1)} == {200.0}
    assert {sampler.at(number, attempt) for number in (0, 9_999) for attempt in (1, 2)} == {200.0}


def test_weighted_choice_follows_its_weights() -> None:
    """Each count within 5 standard deviations of the binomial's mean; weight 0 never."""
    sampler = ChoiceSampler([5, 0, 3, 2, 0], 11, 0, "keys")
    trials = 20_000
    counts = Counter(sampler.draw() for _ in range(trials))
    assert set(counts) == {0, 2, 3}
    for index, share in ((0, 0.5), (2, 0.3), (3, 0.2)):
        bound = 5 * (trials * share * (1 - share)) ** 0.5
        assert abs(counts[index] - trials * share) <= bound


def test_zipf_weights_fall_with_rank() -> None:
    """Zipf's law: the r-th most popular of n items has weight 1 / r^s."""
    assert zipf_weights(4, 1) == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4])
    assert zipf_weights(3, 2) == pytest.approx([1, 1 / 4, 1 / 9])
    assert zipf_weights(3, 0) == [1, 1, 1]


def test_integers_cover_their_range_evenly() -> None:
    sampler = IntegerSampler(8, 11, 0, "hosts")
    trials = 16_000
    counts = Counter(sampler.draw() for _ in range(trials))
    assert set(counts) == set(range(8))
    bound = 5 * (trials / 8 * 7 / 8) ** 0.5
    assert all(abs(count - trials / 8) <= bound for count in counts.values())
    assert {IntegerSampler(1, 11, 0, "one").draw() for _ in range(5)} == {0}


@given(n=st.integers(1, 3000), seed=st.integers(0, 2**64))
@settings(max_examples=25, deadline=None)
def test_every_permutation_is_one(n: int, seed: int) -> None:
    sampler = PermutationSampler(n, seed, 0, "order")
    for _ in range(3):
        assert sorted(sampler.draw()) == list(range(n))


def test_every_order_is_equally_likely() -> None:
    sampler = PermutationSampler(3, 11, 0, "order")
    trials = 12_000
    counts = Counter(tuple(sampler.draw()) for _ in range(trials))
    assert len(counts) == 6
    bound = 5 * (trials / 6 * 5 / 6) ** 0.5
    assert all(abs(count - trials / 6) <= bound for count in counts.values())


def test_a_permutation_may_be_kept_and_changed_by_its_owner() -> None:
    changed, untouched = (PermutationSampler(5, 1, 0, "order") for _ in range(2))
    changed.draw().clear()
    untouched.draw()
    assert changed.draw() == untouched.draw()


@pytest.mark.parametrize("p", [0.5, 0.01, 1e-5])
def test_gaps_between_rare_events_average_one_over_p(p: float) -> None:
    """A geometric number of trials has mean 1/p and standard deviation sqrt(1 - p) / p."""
    sampler = GeometricGaps(p, 11, 0, "misses")
    gaps = [sampler.draw() for _ in range(10_000)]
    assert min(gaps) >= 1
    assert abs(sum(gaps) / len(gaps) - 1 / p) <= 5 * (1 - p) ** 0.5 / p / 100


def test_gaps_of_the_certain_and_the_impossible_event() -> None:
    assert {GeometricGaps(1, 1, 0, "always").draw() for _ in range(3)} == {1}
    assert GeometricGaps(0, 1, 0, "never").draw() == NEVER
    assert GeometricGaps(1e-300, 1, 0, "hardly").draw() == NEVER


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: handler(seed=-1), "the seed is -1, but it must be a whole number from 0 to"),
        (lambda: handler(seed=1.5), "the seed is 1.5, but it must be a whole number"),  # type: ignore[arg-type]
        (lambda: handler(seed=1 << 128), "it must be a whole number from 0 to 2^128 - 1"),
        (lambda: handler(replication=-1), "the replication number is -1"),
        (lambda: handler(name=""), "a sampler needs a name"),
        (lambda: handler().at(-1), "sampler BillingFn/handler: item -1, attempt 1, but items"),
        (lambda: handler().at(1, 0), "item 1, attempt 0, but items are numbered from 0"),
        (lambda: ChoiceSampler([], 1, 0, "x"), "choice: the sum of the 0 weights is 0"),
        (lambda: ChoiceSampler([1, -2], 1, 0, "x"), "choice: weight 2 is -2"),
        (lambda: IntegerSampler(0, 1, 0, "x"), "the range of an integer sampler is 0, but it"),
        (lambda: PermutationSampler(0, 1, 0, "x"), "the length of a permutation is 0, but it"),
        (lambda: GeometricGaps(1.1, 1, 0, "x"), "the probability is 1.1, but it must be at most"),
        (lambda: zipf_weights(3, -1), "the Zipf exponent is -1, but it must be at least 0"),
        (lambda: zipf_weights(0, 1), "the number of Zipf items is 0"),
    ],
)
def test_a_refusal_names_the_number_and_what_is_allowed(build, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError) as refusal:
        build()
    assert message in str(refusal.value)
