"""The closed forms of each distribution, checked against its own samples and against scipy."""

from __future__ import annotations

import math
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msgsim.kernel import empirical
from msgsim.kernel.compound import Mixture, Shifted
from msgsim.kernel.distributions import (
    LARGEST_P99_OVER_MEAN,
    Constant,
    Distribution,
    Exponential,
    Gamma,
    Lognormal,
    Pareto,
    Uniform,
)
from msgsim.kernel.empirical import Empirical

SIZE = 40_000
EVERY_KIND: list[Distribution] = [
    Constant(3.5),
    Uniform(2, 10),
    Exponential(7),
    Gamma(2.5, 4),
    Gamma.from_mean_cv(10, 0.5),
    Lognormal(1.0, 0.5),
    Pareto(3, 9),
    Empirical([1, 2, 2, 5, 30]),
    Mixture([0.9, 0.1], [Uniform(0, 1), Exponential(20)]),
    Shifted(100, Gamma(4, 5)),
]


def kind(distribution: Distribution) -> str:
    return distribution.describe()


@pytest.mark.parametrize("distribution", EVERY_KIND, ids=kind)
def test_sample_mean_and_variance_agree_with_the_closed_forms(distribution: Distribution) -> None:
    """Both estimates within 5 of their own standard errors, a bound fixed before drawing."""
    values = distribution.sample(np.random.default_rng(20), SIZE)
    squares = (values - distribution.mean) ** 2
    mean_error = 5 * math.sqrt(distribution.variance / SIZE)
    variance_error = 5 * float(squares.std()) / math.sqrt(SIZE)
    assert abs(values.mean() - distribution.mean) <= mean_error + 1e-12
    assert abs(squares.mean() - distribution.variance) <= variance_error + 1e-12


@pytest.mark.parametrize("distribution", EVERY_KIND, ids=kind)
def test_samples_are_floats_at_or_above_the_minimum(distribution: Distribution) -> None:
    values = distribution.sample(np.random.default_rng(21), 1000)
    assert values.dtype == np.float64
    assert values.shape == (1000,)
    assert values.min() >= distribution.minimum


@pytest.mark.parametrize("distribution", EVERY_KIND, ids=kind)
def test_scaling_changes_the_unit_and_nothing_else(distribution: Distribution) -> None:
    """Seconds to nanoseconds: every draw, the moments and the minimum are multiplied."""
    factor = 1e9
    scaled = distribution.scaled(factor)
    assert scaled.mean == pytest.approx(factor * distribution.mean)
    assert scaled.variance == pytest.approx(factor**2 * distribution.variance)
    assert scaled.minimum == pytest.approx(factor * distribution.minimum)
    expected = factor * distribution.sample(np.random.default_rng(22), 50)
    assert scaled.sample(np.random.default_rng(22), 50) == pytest.approx(expected)


@pytest.mark.parametrize("distribution", EVERY_KIND, ids=kind)
def test_a_distribution_travels_to_another_process_and_compares_by_value(
    distribution: Distribution,
) -> None:
    assert pickle.loads(pickle.dumps(distribution)) == distribution


@pytest.mark.parametrize(
    ("ours", "name", "arguments"),
    [
        (Uniform(2, 10), "uniform", (2, 8)),
        (Exponential(7), "expon", (0, 7)),
        (Gamma(2.5, 4), "gamma", (2.5, 0, 4)),
        (Lognormal(1.0, 0.5), "lognorm", (0.5, 0, math.e)),
        (Pareto(3, 2.5), "pareto", (2.5, 0, 3)),
    ],
)
def test_samples_follow_the_textbook_law(
    ours: Distribution, name: str, arguments: tuple[float, ...]
) -> None:
    """Kolmogorov-Smirnov against scipy's law, rejecting below a p-value of one in a million."""
    stats = pytest.importorskip("scipy.stats")
    values = ours.sample(np.random.default_rng(23), 5000)
    assert stats.kstest(values, name, args=arguments).pvalue > 1e-6
    law = getattr(stats, name)(*arguments)
    assert ours.mean == pytest.approx(law.mean())
    assert ours.variance == pytest.approx(law.var())
    if hasattr(ours, "quantile"):
        for p in (0.01, 0.5, 0.99):
            assert ours.quantile(p) == pytest.approx(law.ppf(p))


def test_quantiles_at_the_ends_of_the_support() -> None:
    assert Uniform(2, 10).quantile(0) == 2
    assert Uniform(2, 10).quantile(1) == 10
    assert Lognormal(0, 1).quantile(0) == 0
    for unbounded in (Exponential(1), Lognormal(0, 1), Pareto(1, 1)):
        assert unbounded.quantile(1) == math.inf
    with pytest.raises(ValueError, match=r"the probability is 1\.5, but it must be at most 1"):
        Constant(1).quantile(1.5)


def test_a_pareto_tail_has_no_mean_up_to_alpha_1_and_no_variance_up_to_alpha_2() -> None:
    """The integral of x^k alpha x^(-alpha-1) diverges for k ≥ alpha."""
    assert Pareto(1, 1).mean == math.inf
    assert Pareto(1, 1).variance == math.inf
    assert Pareto(1, 2).mean == 2
    assert Pareto(1, 2).variance == math.inf
    assert Pareto(1, 3).variance == pytest.approx(0.75)
    assert Mixture([1, 1], [Constant(1), Pareto(1, 0.5)]).variance == math.inf
    assert np.isfinite(Pareto(1e9, 0.1).sample(np.random.default_rng(0), 100_000)).all()


@given(
    median=st.floats(1e-3, 1e12),
    ratio=st.floats(1.001, 1e4),
)
@settings(max_examples=50)
def test_lognormal_from_median_and_p99_has_that_median_and_p99(median: float, ratio: float) -> None:
    made = Lognormal.from_median_p99(median, median * ratio)
    assert made.quantile(0.5) == pytest.approx(median)
    assert made.quantile(0.99) == pytest.approx(median * ratio)


@given(mean=st.floats(1e-3, 1e12), ratio=st.floats(1.001, 14.9))
@settings(max_examples=50)
def test_lognormal_from_mean_and_p99_takes_the_root_with_the_lighter_tail(
    mean: float, ratio: float
) -> None:
    """ln(p99/mean) = z sigma - sigma² / 2: the roots lie on either side of z, and sum to 2 z."""
    made = Lognormal.from_mean_p99(mean, mean * ratio)
    assert made.mean == pytest.approx(mean)
    assert made.quantile(0.99) == pytest.approx(mean * ratio)
    assert 0 < made.sigma < 2.3263478740408408
    other = 2 * 2.3263478740408408 - made.sigma
    twin = Lognormal(math.log(mean) - other * other / 2, other)
    assert twin.mean == pytest.approx(mean)
    assert twin.quantile(0.99) == pytest.approx(mean * ratio)


def test_no_lognormal_has_a_p99_above_14_97_times_its_mean() -> None:
    assert pytest.approx(14.97, abs=0.005) == LARGEST_P99_OVER_MEAN
    assert Lognormal.from_mean_p99(1, 14.96).quantile(0.99) == pytest.approx(14.96)
    with pytest.raises(ValueError, match=r"p99 is 15.* 15 times the mean, 1, .* at most 14\.96"):
        Lognormal.from_mean_p99(1, 15)


def test_mixture_moments_by_hand() -> None:
    """90 % always 1 and 10 % always 11: mean 2, variance 0.9 x 1 + 0.1 x 81 = 9."""
    mixture = Mixture([9, 1], [Constant(1), Constant(11)])
    assert mixture.mean == pytest.approx(2)
    assert mixture.variance == pytest.approx(9)
    assert mixture.describe() == "mixture of 90 % (constant 1), 10 % (constant 11)"


def test_a_part_of_weight_zero_is_never_drawn_and_counts_for_nothing() -> None:
    mixture = Mixture([1, 0], [Constant(5), Pareto(1, 0.5)])
    assert (mixture.mean, mixture.variance, mixture.minimum) == (5, 0, 5)
    assert set(mixture.sample(np.random.default_rng(1), 500)) == {5.0}


def test_other_weights_leave_the_values_of_the_parts_in_place() -> None:
    """Two variants that differ in the share of slow calls share the slow calls themselves."""
    parts = [Uniform(0, 1), Uniform(10, 11)]
    few = Mixture([0.9, 0.1], parts).sample(np.random.default_rng(2), 2000)
    many = Mixture([0.5, 0.5], parts).sample(np.random.default_rng(2), 2000)
    slow_in_both = (few > 5) & (many > 5)
    assert slow_in_both.any()
    assert (few[slow_in_both] == many[slow_in_both]).all()
    assert set(few[few > 5]) <= set(many[many > 5])


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Constant(math.nan), "constant: the value is nan, but it must be a finite number"),
        (lambda: Constant(10**400), "constant: the value is inf, but it must be a finite number"),
        (
            lambda: Constant("5"),  # type: ignore[arg-type]
            "constant: the value is '5', but it must be a number",
        ),
        (lambda: Constant(True), "constant: the value is True, but it must be a number"),
        (lambda: Uniform(5, 4), "uniform: high is 4, but it must be at least low, 5"),
        (lambda: Uniform(-1e308, 1e308), "uniform: the width high - low is inf"),
        (lambda: Exponential(0), "exponential: mean is 0, but it must be above 0"),
        (lambda: Exponential(-3), "exponential: mean is -3, but it must be above 0"),
        (lambda: Exponential(math.inf), "exponential: mean is inf, but it must be a finite"),
        (lambda: Gamma(0, 1), "gamma: shape is 0, but it must be above 0"),
        (lambda: Gamma(1, -1), "gamma: scale is -1, but it must be above 0"),
        (lambda: Gamma.from_mean_cv(1, 0), "gamma: cv (standard deviation / mean) is 0"),
        (lambda: Lognormal(0, -1), "lognormal: sigma is -1, but it must be at least 0"),
        (lambda: Lognormal(0, 40), "lognormal: the mean exp(mu + sigma² / 2) is inf"),
        (lambda: Lognormal.from_median_p99(5, 5), "p99 is 5, but it must be above the median, 5"),
        (lambda: Lognormal.from_median_p99(0, 5), "lognormal: median is 0, but it must be above 0"),
        (lambda: Lognormal.from_mean_p99(5, 4), "p99 is 4, but it must be above the mean, 5"),
        (lambda: Pareto(0, 1), "Pareto: minimum is 0, but it must be above 0"),
        (lambda: Pareto(1, 0.01), "Pareto: alpha is 0.01, but it must be at least 0.1"),
        (lambda: Empirical([]), "empirical: there are no values"),
        (lambda: Empirical([1, math.nan]), "empirical: value 2 is nan"),
        (lambda: Mixture([], []), "mixture: it must have at least one part"),
        (lambda: Mixture([1, 2], [Constant(1)]), "mixture: 2 weights for 1 parts"),
        (lambda: Mixture([-1], [Constant(1)]), "mixture: weight 1 is -1, but it must be at least"),
        (lambda: Mixture([0], [Constant(1)]), "the sum of the 1 weights is 0, but it must be ab"),
        (lambda: Shifted(math.inf, Constant(1)), "shifted: offset is inf"),
        (lambda: Exponential(1).scaled(0), "the scale factor is 0, but it must be above 0"),
        (lambda: Exponential(1e300).scaled(1e9), "exponential: mean is inf"),
    ],
)
def test_a_refusal_names_the_number_and_what_is_allowed(build, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError) as refusal:
        build()
    assert message in str(refusal.value)


def written(folder: Path, text: str) -> Path:
    path = folder / "latencies.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_csv_column_becomes_a_distribution(tmp_path: Path) -> None:
    """A byte order mark, spaces, quoted cells and blank lines are what spreadsheets write."""
    path = written(tmp_path, '\ufeffid, "ms"\r\na,10\r\n\r\nb, 20 \r\nc,"60"\r\n')
    made = Empirical.from_csv(path, "ms")
    assert made.values == (10, 20, 60)
    assert made.mean == 30
    assert made.minimum == 10
    assert [made.quantile(p) for p in (0, 1 / 3, 0.34, 1)] == [10, 10, 20, 60]
    assert made.describe() == "3 recorded values, mean 30 (latencies.csv, column ms)"
    assert set(made.sample(np.random.default_rng(3), 200)) == {10.0, 20.0, 60.0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,size\n1,2\n", "there is no column 'ms'; the columns are id, size"),
        ("ms,ms\n1,2\n", "2 columns are called 'ms'"),
        ("", "the first line is empty, but it must name the columns"),
        ("id,ms\n", "column 'ms' has no values"),
        ("id,ms\n1,5\n2,fast\n", ", line 3: 'fast' is not a number (column 'ms')"),
        ("id,ms\n1,1_000\n", ", line 2: '1_000' is not a number"),
        ("id,ms\n1,5\n\n2\n", ", line 4: column 'ms' is empty, but it must be a number"),
        ("id,ms\n1,nan\n", ", line 2: 'nan' is not a finite number"),
        ("id,ms\n1,1e999\n", ", line 2: '1e999' is not a finite number"),
        ("ms\n" + "9" * 200_000, "the file is not readable as CSV (field larger than"),
    ],
)
def test_a_bad_csv_file_is_refused_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ValueError) as refusal:
        Empirical.from_csv(path, "ms")
    assert str(refusal.value).startswith(str(path))
    assert message in str(refusal.value)


def test_a_file_that_is_missing_a_folder_or_not_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no such file"):
        Empirical.from_csv(tmp_path / "none.csv", "ms")
    with pytest.raises(ValueError, match="this is not a file"):
        Empirical.from_csv(tmp_path, "ms")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\xff")
    with pytest.raises(ValueError, match="not UTF-8 text"):
        Empirical.from_csv(tmp_path / "picture.png", "ms")


def test_too_many_rows_or_bytes_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, "ms\n1\n2\n3\n")
    monkeypatch.setattr(empirical, "MAX_ROWS", 2)
    with pytest.raises(ValueError, match="line 4: more than 2 rows"):
        Empirical.from_csv(path, "ms")
    monkeypatch.setattr(empirical, "MAX_BYTES", 4)
    with pytest.raises(ValueError, match="the file is larger than"):
        Empirical.from_csv(path, "ms")
