"""Many configurations as points of the unit cube, snapped points, all points of a small space."""
import numpy as np
import pytest
from example_space import EVERY_KIND
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from d2l_hpo import categorical, lograndint, sample_configurations, to_unit_cube, when
from d2l_hpo.spaces import (
    configurations_from_unit_cube, configurations_to_unit_cube, list_unit_cube, snap_unit_cube,
)
from d2l_hpo.spaces.domains import LONGEST_TABLE

WIDE = {"n": stats.randint(-5, LONGEST_TABLE + 5), "m": lograndint(1, 10**6),
        "x": stats.triang(0.3), "kind": categorical([1, True, None])}


@pytest.mark.parametrize("space", [EVERY_KIND, WIDE])
def test_many_points_are_those_of_single_configurations(space):
    configs = sample_configurations(space, 60, np.random.default_rng(0))
    points = configurations_to_unit_cube(space, configs)
    single = np.array([to_unit_cube(space, config) for config in configs])
    np.testing.assert_array_equal(np.nan_to_num(points, nan=0.5), single)
    inactive = [[name not in config for name in space if name != "width"] for config in configs]
    np.testing.assert_array_equal(np.isnan(points), inactive)


@settings(deadline=None)
@given(seed=st.integers(0, 10**6))
def test_snapped_points_are_where_configurations_map_back_to(seed):
    for space in (EVERY_KIND, WIDE):
        points = np.random.default_rng(seed).random((20, 8 if space is EVERY_KIND else 4))
        points[0], points[1] = 0, 1
        snapped = snap_unit_cube(space, points)
        back = configurations_to_unit_cube(space, configurations_from_unit_cube(space, points))
        np.testing.assert_allclose(snapped, back, rtol=0, atol=1e-9)
        again = snap_unit_cube(space, np.nan_to_num(snapped, nan=0.5))
        np.testing.assert_allclose(again, snapped, rtol=0, atol=1e-12)


def test_snapping_changes_no_argument():
    points = np.full((3, 8), 0.3)
    snap_unit_cube(EVERY_KIND, points)
    assert (points == 0.3).all()


def test_all_points_of_a_small_space():
    space = {"layers": stats.randint(1, 4), "width": 7,
             "kind": when(lambda config: config["layers"] > 1, categorical(["a", "b"]))}
    points = list_unit_cube(space, 10)
    configs = configurations_from_unit_cube(space, np.nan_to_num(points, nan=0.5))
    assert [list(config.values()) for config in configs] == [
        [1, 7], [2, 7, "a"], [2, 7, "b"], [3, 7, "a"], [3, 7, "b"]]
    np.testing.assert_array_equal(snap_unit_cube(space, np.nan_to_num(points, nan=0.5)), points)


@pytest.mark.parametrize(("space", "limit", "shape"), [
    ({"a": 1}, 1, (1, 0)),
    ({"n": stats.randint(0, 10)}, 10, (10, 1)),
    ({"n": stats.randint(0, 10)}, 9, None),
    ({"n": stats.randint(0, 3), "x": stats.uniform(0, 1)}, 10**6, None),
    ({"m": lograndint(1, 2**40)}, 10**6, None),
])
def test_a_space_is_listed_up_to_the_limit(space, limit, shape):
    points = list_unit_cube(space, limit)
    assert shape == (None if points is None else points.shape)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="limit is 0"):
        list_unit_cube({"a": 1}, 0)
    with pytest.raises(ValueError, match="'x': 1.5 is outside"):
        snap_unit_cube({"x": stats.uniform(0, 1)}, [[1.5]])
    with pytest.raises(ValueError, match="'x': 2.0 is outside"):
        configurations_to_unit_cube({"x": stats.uniform(0, 1)}, [{"x": 2.0}])
