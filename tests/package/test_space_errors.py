"""Bad configuration spaces and configurations: each error names the hyperparameter."""
import copy

import numpy as np
import pytest
from example_space import EVERY_KIND
from scipy import stats

from d2l_hpo.spaces.space import (
    categorical,
    check_configuration,
    check_space,
    describe_space,
    from_unit_cube,
    lograndint,
    sample_configurations,
    to_unit_cube,
    when,
)

SPACE = {name: domain for name, domain in EVERY_KIND.items() if name != "nesterov"}
GOOD = {"learning_rate": 0.1, "momentum": 0.5, "layers": 2, "units_1": 8, "units_2": 16,
        "optimizer": "adam", "width": 2}


# -- bad spaces -----------------------------------------------------------------------------------

@pytest.mark.parametrize(("domain", "kind", "message"), [
    (stats.loguniform(1, 0.1), ValueError, r"loguniform\(1, 0.1\).*0 < low < high"),
    (stats.loguniform(0, 1), ValueError, r"loguniform\(0, 1\).*0 < low < high"),
    (stats.uniform(0, 0), ValueError, r"uniform\(0, 0\).*high - low > 0"),
    (stats.uniform(loc=1, scale=-1), ValueError, r"uniform\(loc=1, scale=-1\) has invalid"),
    (stats.uniform(1e16, 0.5), ValueError, "holds no range of floats"),
    (stats.uniform("low", 1), TypeError, "the parameter 'low', expected a number"),
    (stats.uniform([0, 1], 1), TypeError, r"the parameter \[0, 1\], expected a number"),
    (stats.randint(5, 5), ValueError, r"randint\(5, 5\).*high itself is excluded"),
    (stats.randint(0, 2**50), ValueError, r"beyond 2\*\*40"),
    (stats.norm(0, 1), ValueError, r"norm\(0, 1\) is unbounded.*truncnorm"),
    (stats.poisson(3), ValueError, "unbounded"),
    (stats.loguniform, TypeError, "loguniform has no parameters; call it"),
    (lograndint(0, 4), ValueError, r"lograndint\(0, 4\).*1 <= low <= high"),
    (lograndint(5, 4), ValueError, r"lograndint\(5, 4\) has invalid bounds"),
    (lograndint(1.5, 4), ValueError, r"lograndint\(1.5, 4\).*integers"),
    ((0, 1), TypeError, r"\(0, 1\) is no domain; for choices use categorical\(\[0, 1\]\)"),
    ([16, 32], TypeError, r"use categorical\(\[16, 32\]\)"),
    (None, TypeError, "None is no domain; expected a frozen scipy.stats"),
    (float("nan"), ValueError, "the constant nan is not finite"),
    (float("-inf"), ValueError, "the constant -inf is not finite"),
    (categorical([]), ValueError, "no choices"),
    (categorical("relu"), TypeError, "'relu'.: expected a list of choices"),
    (categorical({"a", "b"}), TypeError, "expected a list of choices"),
    (categorical(["a", "b", "a"]), ValueError, "'a' appears twice"),
    (categorical([[1]]), TypeError, r"the choice \[1\] is not a str"),
    (categorical([float("inf")]), ValueError, "the choice inf is not finite"),
    (when("layers > 1", 1), TypeError, "'layers > 1', expected a function"),
    (when(lambda config: config["later"], 1), ValueError, r"KeyError\('later'\).*before it"),
    (when(lambda config: None, 1), TypeError, "returned None.*expected True or False"),
    (when(lambda config: True, stats.norm()), ValueError, "unbounded"),
])
def test_bad_domains_are_errors_that_name_the_hyperparameter(domain, kind, message):
    with pytest.raises(kind, match=message) as caught:
        check_space({"first": stats.uniform(0, 1), "x_1": domain, "later": True})
    assert "hyperparameter 'x_1'" in str(caught.value)


def test_distributions_over_anything_but_consecutive_integers_are_errors():
    halves = stats.rv_discrete(name="halves", values=([0.5, 1.5], [0.5, 0.5]))
    with pytest.raises(ValueError, match=r"'x'.*consecutive integers; use categorical"):
        check_space({"x": halves()})


@pytest.mark.parametrize(("space", "kind", "message"), [
    ({}, ValueError, "is empty"),
    ([("a", 1)], TypeError, "is a dict from names"),
    ({"": 1}, TypeError, "non-empty str, got ''"),
    ({3: 1}, TypeError, "non-empty str, got 3"),
])
def test_bad_spaces_are_errors(space, kind, message):
    with pytest.raises(kind, match=message):
        check_space(space)


def test_a_checked_space_is_a_copy_that_is_not_checked_again_and_cannot_change():
    space = {"a": stats.uniform(0, 1)}
    checked = check_space(space)
    space["b"] = (0, 1)
    assert list(checked) == ["a"]
    assert check_space(checked) is checked
    for change in (lambda: checked.update(b=1), lambda: checked.pop("a"), checked.clear,
                   lambda: checked.__setitem__("a", 1), lambda: checked.setdefault("b", 1)):
        with pytest.raises(TypeError, match="cannot be changed"):
            change()
    assert describe_space(copy.deepcopy(checked)) == describe_space(checked)
    assert list(checked | {"b": 1}) == ["a", "b"]


@pytest.mark.parametrize(("n", "rng", "kind", "message"), [
    (-1, np.random.default_rng(0), ValueError, "is -1, expected an int"),
    (1.5, np.random.default_rng(0), ValueError, "is 1.5, expected an int"),
    (1, 0, TypeError, r"rng is 0, expected.*default_rng\(seed\)"),
])
def test_bad_arguments_of_sampling_are_errors(n, rng, kind, message):
    with pytest.raises(kind, match=message):
        sample_configurations(SPACE, n, rng)


# -- configurations -------------------------------------------------------------------------------

def test_a_configuration_is_put_in_order_and_numpy_scalars_become_plain():
    given_ = {"width": np.int64(2), "optimizer": np.str_("adam"), "units_2": np.int8(16),
              "units_1": 8, "layers": np.uint8(2), "momentum": 0, "learning_rate": np.float32(0.5)}
    config = check_configuration(SPACE, given_)
    assert list(config) == list(GOOD)
    assert config["learning_rate"] == 0.5
    assert [type(value) for value in config.values()] == [float, float, int, int, int, str, int]
    assert type(given_["layers"]) is np.uint8


@pytest.mark.parametrize(("change", "kind", "message"), [
    ({"lr": 0.1}, ValueError, "unknown hyperparameter 'lr'; the space has.*learning_rate"),
    ({"momentum": ...}, ValueError, "'momentum' is missing"),
    ({"width": ...}, ValueError, "'width' is missing"),
    ({"units_2": ...}, ValueError, "'units_2' is missing"),
    ({"units_3": 8}, ValueError, "'units_3' is inactive.*'layers': 2.*leave units_3=8 out"),
    ({"learning_rate": 2.0}, ValueError, r"'learning_rate': 2.0 is outside.*0.0001 to 1.0"),
    ({"learning_rate": float("nan")}, ValueError, "'learning_rate': nan is outside"),
    ({"learning_rate": "0.1"}, TypeError, "'learning_rate': '0.1' is str, expected a float"),
    ({"learning_rate": True}, TypeError, "'learning_rate': True is bool, expected a float"),
    ({"learning_rate": None}, TypeError, "'learning_rate': None is NoneType"),
    ({"layers": 2.0}, TypeError, "'layers': 2.0 is float, expected an int"),
    ({"layers": True}, TypeError, "'layers': True is bool, expected an int"),
    ({"units_1": 65}, ValueError, "'units_1': 65 is outside.*an int from 8 to 64"),
    ({"optimizer": "lion"}, ValueError, r"'optimizer': 'lion' is none of.*\['sgd', 'adam'\]"),
    ({"width": 3}, ValueError, "'width': 3 is not the constant 2"),
    ({"width": 2.0}, ValueError, "'width': 2.0 is not the constant 2"),
])
def test_bad_configurations_are_errors_that_name_the_hyperparameter(change, kind, message):
    config = {name: value for name, value in (GOOD | change).items() if value is not ...}
    with pytest.raises(kind, match=message):
        check_configuration(SPACE, config)
    with pytest.raises(kind, match=message):
        to_unit_cube(SPACE, config)


def test_a_configuration_must_be_a_dict():
    with pytest.raises(TypeError, match="a configuration is a dict"):
        check_configuration(SPACE, [0.1])


def test_choices_of_equal_value_and_different_type_are_kept_apart():
    space = {"x": categorical([1, True, 1.0, None, "1"])}
    middles = (np.arange(5) + 0.5) / 5
    values = [from_unit_cube(space, [u])["x"] for u in middles]
    assert list(map(repr, values)) == ["1", "True", "1.0", "None", "'1'"]
    assert [to_unit_cube(space, {"x": value})[0] for value in values] == pytest.approx(middles)
