"""Configuration spaces: sampling, log-uniform integers and the unit cube."""
import json

import numpy as np
import pytest
from example_space import EVERY_KIND
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from d2l_hpo.spaces.space import (
    categorical,
    check_configuration,
    check_space,
    configurations_from_unit_cube,
    describe_space,
    from_unit_cube,
    lograndint,
    sample_configuration,
    sample_configurations,
    to_unit_cube,
    varying_names,
    when,
)

def test_samples_have_plain_values_in_the_order_of_the_space():
    configs = sample_configurations(EVERY_KIND, 200, np.random.default_rng(0))
    types = {"learning_rate": float, "momentum": float, "layers": int, "units_1": int,
             "units_2": int, "units_3": int, "optimizer": str, "nesterov": bool, "width": int}
    assert {name for config in configs for name in config} == set(types)
    for config in configs:
        assert list(config) == [name for name in EVERY_KIND if name in config]
        assert all(type(value) is types[name] for name, value in config.items())


def test_conditional_hyperparameters_are_active_exactly_where_their_test_holds():
    for config in sample_configurations(EVERY_KIND, 200, np.random.default_rng(1)):
        assert ("units_2" in config) == (config["layers"] >= 2)
        assert ("units_3" in config) == (config["layers"] >= 3)
        assert ("nesterov" in config) == (config["optimizer"] == "sgd")


def test_nested_tests_must_all_hold_and_the_outer_runs_first():
    inner = when(lambda config: config["b"] > 0.5, categorical(["yes"]))
    space = {"a": categorical([True, False]),
             "b": when(lambda config: config["a"], stats.uniform(0, 1)),
             "c": when(lambda config: config["a"], inner)}
    configs = sample_configurations(space, 200, np.random.default_rng(0))
    assert all(("c" in config) == (config.get("b", 0) > 0.5) for config in configs)
    assert {"c" in config for config in configs} == {True, False}


def test_a_test_cannot_change_the_configuration():
    space = {"a": 1, "b": when(lambda config: bool(config.update(a=2)), 1)}
    with pytest.raises(ValueError, match="'b': its test.*AttributeError"):
        check_space(space)


def test_one_block_equals_single_draws_and_the_seed_decides():
    rng = np.random.default_rng(7)
    block = sample_configurations(EVERY_KIND, 20, np.random.default_rng(7))
    assert block == [sample_configuration(EVERY_KIND, rng) for _ in range(20)]
    assert block != sample_configurations(EVERY_KIND, 20, np.random.default_rng(8))


def test_samples_follow_the_distributions():
    space = check_space({"rate": stats.loguniform(1e-4, 1), "n": lograndint(1, 20),
                         "kind": categorical(["a", "b", "c"])})
    configs = sample_configurations(space, 4000, np.random.default_rng(0))
    rates = [config["rate"] for config in configs]
    assert stats.kstest(rates, stats.loguniform(1e-4, 1).cdf).pvalue > 1e-3
    counts = np.bincount([config["n"] for config in configs], minlength=21)[1:]
    expected = 4000 * np.log1p(1 / np.arange(1, 21)) / np.log(21)
    assert stats.chisquare(counts, expected).pvalue > 1e-3
    kinds = np.unique([config["kind"] for config in configs], return_counts=True)[1]
    assert stats.chisquare(kinds).pvalue > 1e-3


# -- log-uniform integers -------------------------------------------------------------------------

@pytest.mark.parametrize(("low", "high"), [(1, 1), (1, 2), (3, 3), (8, 256), (1, 5000)])
def test_lograndint_is_a_distribution_over_all_its_integers(low, high):
    domain, values = lograndint(low, high), np.arange(low, high + 1)
    assert domain.support() == (low, high)
    assert domain.pmf(values).sum() == pytest.approx(1)
    assert np.cumsum(domain.pmf(values)) == pytest.approx(domain.cdf(values))
    assert domain.cdf(low - 1) == 0
    assert domain.cdf(high) == pytest.approx(1)
    middles = domain.cdf(values) - domain.pmf(values) / 2
    assert domain.ppf(middles) == pytest.approx(values)
    assert domain.ppf(domain.cdf(values)) == pytest.approx(values)


def test_lograndint_ppf_is_the_smallest_value_whose_cdf_reaches_q():
    domain, values = lograndint(3, 90), np.arange(3, 91)
    q = np.random.default_rng(0).random(500)
    assert domain.ppf(q) == pytest.approx(values[np.searchsorted(domain.cdf(values), q)])
    samples = domain.rvs(size=1000, random_state=0)
    assert samples.min() >= 3
    assert samples.max() <= 90


# -- the unit cube: properties --------------------------------------------------------------------

FLOATS = st.floats(-9, 9).map(lambda value: value + 0.0)  # -0.0 would be 0.0 twice
PLAIN = st.one_of(st.text(max_size=3), st.booleans(), st.integers(-9, 9), FLOATS)


@st.composite
def domains(draw):
    low, span = draw(st.floats(-100, 100)), draw(st.floats(1e-3, 1e3))
    start, count = draw(st.integers(1, 1000)), draw(st.integers(1, 1000))
    return draw(st.sampled_from([
        stats.uniform(low, span),
        stats.loguniform(span, span * (1 + count)),
        stats.truncnorm(-1 - span / 1e3, 1, loc=low),
        stats.randint(-start, -start + count),
        lograndint(start, start + count),
        categorical(draw(st.lists(PLAIN, min_size=1, max_size=5, unique_by=repr))),
        draw(PLAIN),
    ]))


@st.composite
def spaces(draw):
    space = {"switch": categorical([True, False])}
    for i in range(draw(st.integers(0, 4))):
        domain = draw(domains())
        space[f"x{i}"] = draw(st.sampled_from(
            [domain, when(lambda config: config["switch"], domain)]))
    return space


def approximately(config):
    """The configuration with floats compared to rounding error, and all else exactly."""
    return {name: pytest.approx(value, rel=1e-9, abs=1e-9) if isinstance(value, float)
            else (type(value), value) for name, value in config.items()}


def typed(config):
    return {name: value if isinstance(value, float) else (type(value), value)
            for name, value in config.items()}


@settings(max_examples=60, deadline=None, derandomize=True)
@given(spaces(), st.integers(0, 2**32))
def test_samples_are_valid_and_survive_the_way_to_the_unit_cube_and_back(space, seed):
    for config in sample_configurations(space, 5, np.random.default_rng(seed)):
        assert typed(check_configuration(space, config)) == typed(config)
        u = to_unit_cube(space, config)
        assert u.shape == (len(varying_names(space)),)
        assert ((u >= 0) & (u <= 1)).all()
        assert typed(from_unit_cube(space, u)) == approximately(config)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(spaces(), st.data())
def test_every_point_of_the_unit_cube_is_a_valid_configuration(space, data):
    side = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 1.0, np.nextafter(1, 0)]))
    d = len(varying_names(space))
    u = data.draw(st.lists(side, min_size=d, max_size=d))
    config = from_unit_cube(space, u)
    assert typed(check_configuration(space, config)) == typed(config)
    again = from_unit_cube(space, to_unit_cube(space, config))
    assert typed(again) == approximately(config)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(spaces())
def test_descriptions_are_plain_and_the_same_each_time(space):
    described = describe_space(space)
    assert json.loads(json.dumps(described, allow_nan=False)) == described
    assert describe_space(dict(space)) == described


def test_uniform_floats_keep_their_coordinate():
    space = {"rate": stats.loguniform(1e-4, 1), "momentum": stats.uniform(0, 0.9)}
    points = np.random.default_rng(0).random((50, 2))
    configs = configurations_from_unit_cube(space, points)
    assert np.array([to_unit_cube(space, config) for config in configs]) == pytest.approx(points)
    assert configs[0]["rate"] == pytest.approx(10 ** (4 * points[0, 0] - 4))


@pytest.mark.parametrize(("u", "value"), [
    (0, 2), (0.2499, 2), (0.2501, 3), (0.4999, 3), (0.5001, 4), (0.7501, 5), (1, 5)])
def test_integers_own_bins_of_equal_probability(u, value):
    assert from_unit_cube({"n": stats.randint(2, 6)}, [u]) == {"n": value}
    assert to_unit_cube({"n": stats.randint(2, 6)}, {"n": value}) == (value - 2 + 0.5) / 4


@pytest.mark.parametrize(("u", "value"), [(0, "a"), (0.33, "a"), (0.34, "b"), (1, "c")])
def test_choices_own_bins_of_equal_probability(u, value):
    space = {"kind": categorical(["a", "b", "c"])}
    assert from_unit_cube(space, [u]) == {"kind": value}
    assert to_unit_cube(space, {"kind": value}) == pytest.approx(("abc".index(value) + 0.5) / 3)


def test_inactive_hyperparameters_take_one_half_and_constants_no_axis():
    config = {"learning_rate": 0.01, "momentum": 0.0, "layers": 1, "units_1": 8,
              "optimizer": "adam", "width": 2}
    u = dict(zip(varying_names(EVERY_KIND), to_unit_cube(EVERY_KIND, config), strict=True))
    assert "width" not in u
    assert u["units_2"] == u["units_3"] == u["nesterov"] == 0.5
    assert u["learning_rate"] == pytest.approx(0.5)


@pytest.mark.parametrize(("points", "message"), [
    ([0.5], r"shape \(1,\), expected \(2,\).*\['a', 'b'\]"),
    ([0.5, 1.1], "'b': 1.1 is outside"),
    ([-0.1, 0.5], "'a': -0.1 is outside"),
    ([0.5, np.nan], "'b': nan is outside"),
])
def test_points_outside_the_unit_cube_are_errors(points, message):
    with pytest.raises(ValueError, match=message):
        from_unit_cube({"a": stats.uniform(0, 1), "b": stats.uniform(0, 1), "c": 1}, points)
