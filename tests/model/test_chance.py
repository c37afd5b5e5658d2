"""Random quantities as scenarios write them."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msgsim import units
from msgsim.kernel.compound import Mixture, Shifted
from msgsim.kernel.distributions import Constant, Exponential, Gamma, Lognormal, Pareto, Uniform
from msgsim.model.chance import SizeDistribution, TimeDistribution, chance, distribution
from msgsim.model.spec import FieldError, Spec, Text

MS = 1_000_000


def test_a_plain_quantity_is_a_constant() -> None:
    """`200ms` is always 200 ms, in nanoseconds."""
    assert distribution("200ms") == Constant(200 * MS)
    assert distribution(Text("4KiB"), units.size_bytes) == Constant(4_096)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"dist": "constant", "value": "1s"}, Constant(1e9)),
        ({"dist": "uniform", "low": "1ms", "high": "5ms"}, Uniform(1 * MS, 5 * MS)),
        ({"dist": "exponential", "mean": "200ms"}, Exponential(200 * MS)),
        ({"dist": "gamma", "mean": "200ms", "cv": "0.5"}, Gamma.from_mean_cv(200 * MS, 0.5)),
        ({"dist": "gamma", "mean": "200ms", "cv": "50%"}, Gamma.from_mean_cv(200 * MS, 0.5)),
        ({"dist": "pareto", "minimum": "10ms", "alpha": "2.5"}, Pareto(10 * MS, 2.5)),
        (
            {"dist": "lognormal", "mean": "200ms", "p99": "1s"},
            Lognormal.from_mean_p99(200 * MS, 1_000 * MS),
        ),
        (
            {"dist": "lognormal", "median": "200ms", "p99": "1s"},
            Lognormal.from_median_p99(200 * MS, 1_000 * MS),
        ),
        (
            {"dist": "shifted", "by": "5ms", "part": {"dist": "exponential", "mean": "1ms"}},
            Shifted(5 * MS, Exponential(1 * MS)),
        ),
        (
            {
                "dist": "mixture",
                "parts": [
                    {"weight": "90%", "dist": "constant", "value": "1ms"},
                    {"weight": 0.1, "dist": "exponential", "mean": "1s"},
                ],
            },
            Mixture([0.9, 0.1], [Constant(1 * MS), Exponential(1e9)]),
        ),
    ],
)
def test_every_form(written: dict[str, Any], expected: object) -> None:
    """Each form of the module's docstring is the distribution it names."""
    assert distribution(written) == expected


def test_the_mean_is_known_before_any_file_is_read(tmp_path: Path) -> None:
    """A recorded column is read on `resolve`, in the unit the scenario gives."""
    (tmp_path / "calls.csv").write_text("duration\n100\n300\n")
    written = {"dist": "empirical", "file": "calls.csv", "column": "duration", "unit": "ms"}
    lazy = chance(written)
    assert lazy.known is None and lazy.mean is None
    assert lazy.resolve(tmp_path).mean == pytest.approx(200 * MS)
    nested = chance({"dist": "shifted", "by": "1ms", "part": written})
    assert nested.mean is None
    assert nested.resolve(tmp_path).mean == pytest.approx(201 * MS)
    assert chance("1s").mean == 1e9


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        ("other\n1\n", "no column 'duration'"),
        ("duration\nfast\n", "line 2"),
        ("duration\n-1\n", "below zero"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, content: str | None, message: str) -> None:
    """A recorded file's faults are E133 and name the place."""
    if content is not None:
        (tmp_path / "calls.csv").write_text(content)
    written = {"dist": "empirical", "file": "calls.csv", "column": "duration", "unit": "ms"}
    with pytest.raises(FieldError, match=message) as caught:
        chance(written).resolve(tmp_path)
    assert caught.value.code == "E133"


@pytest.mark.parametrize(
    ("written", "code", "words"),
    [
        ({"dist": "lognorml", "mean": "1s"}, "E132", "lognormal"),
        ({"dist": "weibull", "mean": "1s"}, "E132", "known: constant, uniform"),
        ({"mean": "1s"}, "E132", "needs `dist`"),
        ({"dist": "lognormal", "mean": "1s"}, "E132", "{mean, p99} or {median, p99}"),
        ({"dist": "exponential", "men": "1s"}, "E132", "did you mean mean?"),
        ({"dist": "exponential", "mean": "0s"}, "E132", "above 0"),
        ({"dist": "lognormal", "mean": "2s", "p99": "1s"}, "E132", "p99 is 1s"),
        ({"dist": "lognormal", "mean": "1s", "p99": "20s"}, "E132", "14.9685"),
        ({"dist": "uniform", "low": "2s", "high": "1s"}, "E132", "high is 1s"),
        ({"dist": "mixture", "parts": []}, "E132", "list of distributions"),
        ({"dist": "mixture", "parts": [{"dist": "constant", "value": "1s"}]}, "E132", "weight"),
        ({"dist": "constant", "value": ["1s"]}, "E130", "a list or mapping"),
        ({"dist": "empirical", "file": "a.csv", "column": "x"}, "E132", "unit"),
        (["1s"], "E130", "a list or mapping"),
        (True, "E130", "expected a quantity"),
    ],
)
def test_what_cannot_be_read_says_why(written: Any, code: str, words: str) -> None:
    """Unknown names get a suggestion, wrong parameters the allowed ones."""
    with pytest.raises(FieldError) as caught:
        chance(written)
    assert caught.value.code == code
    assert words in f"{caught.value.message} {caught.value.hint}"


def test_a_bare_number_has_no_unit() -> None:
    """Simulator times always carry a unit."""
    with pytest.raises(units.UnitError, match="no unit"):
        chance("5")


def test_as_fields_of_a_spec() -> None:
    """A field reads text, keeps a `Chance` it is given, and describes itself in the schema."""

    class Example(Spec):
        time: TimeDistribution
        size: SizeDistribution | None = None

    exponential = {"dist": "exponential", "mean": "1s"}
    found = Example.model_validate({"time": exponential, "size": "1KiB"})
    assert found.time.mean == 1e9
    assert found.size is not None and found.size.known == Constant(1_024)
    assert Example.model_validate({"time": found.time}).time is found.time
    assert str(found.time) == "{dist: exponential, mean: 1s}"
    assert "lognormal" in str(Example.model_json_schema())
    assert pickle.loads(pickle.dumps(found.time)) == found.time


@settings(max_examples=30, deadline=None)
@given(mean=st.integers(1, 10_000), ratio=st.floats(1.05, 10))
def test_lognormal_keeps_its_promise(mean: int, ratio: float) -> None:
    """1 % of the draws of a lognormal given by mean and p99 lie above p99 (binomial bounds)."""
    p99 = f"{round(mean * ratio * 1_000)}us"
    found = distribution({"dist": "lognormal", "mean": f"{mean}ms", "p99": p99})
    assert found.mean == pytest.approx(mean * MS)
    draws = found.sample(np.random.Generator(np.random.PCG64(mean)), 20_000)
    above = int((draws > units.duration_ns(p99)).sum())
    assert abs(above - 200) < 6 * np.sqrt(200)
