"""The plot that compares methods over time: means, bands, names at the ends."""
import numpy as np
import pytest
from matplotlib import pyplot as plt
from scipy import stats

from d2l_hpo.figures.plots import COLORS, plot_any_time

TIMES = [0.0, 1.0, 2.0]


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def test_lines_are_means_and_bands_are_t_intervals():
    values = np.random.default_rng(0).exponential(1, (50, 3))
    ax = plot_any_time({"random search": values}, TIMES)
    line, band = ax.lines[0], ax.collections[0].get_paths()[0].vertices
    np.testing.assert_allclose(line.get_ydata(), values.mean(axis=0))
    assert line.get_drawstyle() == "steps-post" and line.get_color() == COLORS["random search"]
    low, high = stats.t.interval(0.95, 49, values.mean(axis=0), stats.sem(values))
    at_zero = band[band[:, 0] == 0.0][:, 1]
    assert (at_zero.min(), at_zero.max()) == pytest.approx((low[0], high[0]))


def test_a_curve_begins_where_all_seeds_have_a_value():
    values = np.array([[np.nan, 0.5, 0.4], [0.3, 0.2, 0.1]])
    drawn = plot_any_time({"grid search": values}, TIMES).lines[0].get_ydata()
    np.testing.assert_array_equal(np.isnan(drawn), [True, False, False])


@pytest.mark.parametrize("log", [False, True])
def test_names_of_curves_that_end_together_do_not_overlap(log):
    curves = {name: np.full((2, 3), 0.5) for name in ("random search", "grid search", "another")}
    ax = plot_any_time(curves, TIMES, log=log)
    heights = sorted(text.get_position()[1] for text in ax.texts)
    assert {text.get_text() for text in ax.texts} == set(curves)
    line = plt.rcParams["font.size"] / 72 / (ax.get_position().height * ax.figure.get_figheight())
    assert np.diff(heights).min() > line and ax.get_yscale() == ("log" if log else "linear")


@pytest.mark.parametrize("shape", [(3,), (1, 3), (4, 2)])
def test_curves_of_a_wrong_shape_are_named(shape):
    with pytest.raises(ValueError, match="the curves of 'random search' have shape"):
        plot_any_time({"random search": np.zeros(shape)}, TIMES)


def test_names_can_be_left_to_a_legend():
    ax = plot_any_time({"random search": np.ones((2, 3))}, TIMES, labels=False)
    assert len(ax.texts) == 0 and len(ax.lines) == 1
