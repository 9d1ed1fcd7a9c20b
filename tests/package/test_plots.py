"""Figures drawn from records, checked by reading the artists; style and glue in a shell."""
import itertools
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex
from myst_nb.ext.glue import extract_glue_data_cell
from nbformat.v4 import new_code_cell, new_output

from d2l_hpo import COLORS, plot_hyperparameter, plot_learning_curves, plot_search
from d2l_hpo.figures.colors import GREY, WAYS
from d2l_hpo.figures.plots import STYLE_FILE

ROOT = Path(__file__).resolve().parents[2]
METHODS = {name: color for name, color in COLORS.items() if name not in WAYS}


@pytest.fixture(autouse=True)
def without_windows():
    """Draw without windows, and close what was drawn."""
    matplotlib.use("Agg")
    yield
    plt.close("all")


def records(errors, configs=None, end=None):
    """Records of a search with these errors, one trial a second."""
    n = len(errors)
    return pd.DataFrame({"config": configs or [{"x": i + 1.0, "act": "ab"[i % 2]}
                                               for i in range(n)],
                         "error": np.array(errors, dtype=float),
                         "end": end or np.arange(1.0, n + 1)})


def points(line):
    """The points of a line as pairs."""
    return list(zip(*map(list, line.get_data()), strict=True))


# -- error against a hyperparameter ---------------------------------------------------------------

def test_trials_are_dots_and_failed_ones_crosses_above_them():
    ax = plot_hyperparameter(records([0.5, math.nan, 0.25, math.nan]), "x", log=True)
    dots, crosses = ax.get_lines()
    assert points(dots) == [(1, 0.5), (3, 0.25)]
    assert (dots.get_marker(), dots.get_linestyle()) == ("o", "None")
    assert list(crosses.get_xdata()) == [2, 4]
    assert min(crosses.get_ydata()) > 0.5
    assert (crosses.get_marker(), crosses.get_color()) == ("x", GREY)
    assert (ax.get_xscale(), ax.get_xlabel(), ax.get_ylabel()) == ("log", "x", "validation error")


@pytest.mark.parametrize("errors", [[math.nan], [math.nan, 0.5], [0.5], [0.5, 0.5, math.nan]])
def test_any_mixture_of_failed_trials_can_be_drawn(errors):
    failed = sum(map(math.isnan, errors))
    lines = plot_hyperparameter(records(errors), "x").get_lines()
    assert [len(line.get_xdata()) for line in lines] == [len(errors) - failed,
                                                         *[failed] * (failed > 0)]
    plot_search(records(errors)).figure.canvas.draw()


def test_categories_and_records_with_any_index_can_be_drawn():
    table = records([0.5, math.nan, 0.25]).iloc[[2, 1, 0]]
    ax = plot_hyperparameter(table, "act", color="red", markersize=9)
    assert points(ax.get_lines()[0]) == [("a", 0.25), ("a", 0.5)]
    assert (ax.get_lines()[0].get_color(), ax.get_lines()[0].get_markersize()) == ("red", 9)


def test_trials_without_the_hyperparameter_are_left_out():
    table = records([0.5, 0.25, 0.75], [{"x": 1}, {"x": 2, "units": 8}, {"units": 16}])
    assert points(plot_hyperparameter(table, "units").get_lines()[0]) == [(8, 0.25), (16, 0.75)]
    with pytest.raises(ValueError, match="no configuration .* has a hyperparameter 'lr'"):
        plot_hyperparameter(table, "lr")


# -- any-time performance -------------------------------------------------------------------------

errors_of_trials = st.lists(st.floats(0, 1) | st.just(math.nan), min_size=1, max_size=12)


@settings(deadline=None, max_examples=40)
@given(errors_of_trials, st.randoms(use_true_random=False))
def test_the_incumbent_is_the_running_minimum_in_the_order_of_time(errors, random):
    table = records(errors)
    order = list(range(len(errors)))
    random.shuffle(order)
    fig, ax = plt.subplots()
    assert plot_search(table.iloc[order], ax) is ax
    dots, step = ax.get_lines()
    best = [min(filter(math.isfinite, errors[:n + 1]), default=math.nan)
            for n in range(len(errors))]
    np.testing.assert_array_equal(step.get_ydata(), best)
    np.testing.assert_array_equal(dots.get_ydata(), errors)
    for line in (dots, step):
        np.testing.assert_array_equal(line.get_xdata(), table["end"])
    assert step.get_drawstyle() == "steps-post"
    assert dots.get_linestyle() == "None"
    plt.close(fig)


def test_each_method_has_a_colour_of_its_own():
    assert len({*METHODS.values(), GREY}) == len(METHODS) + 1
    ax = None
    for label in COLORS:
        ax = plot_search(records([0.5, 0.25]), ax, label)
    steps = [line for line in ax.get_lines() if line.get_drawstyle() == "steps-post"]
    assert {line.get_label(): line.get_color() for line in steps} == COLORS
    assert [line.get_color() for line in ax.get_lines()[::2]] == list(COLORS.values())
    assert ax.get_xlim()[0] == 0
    assert "(s)" in ax.get_xlabel()


def test_a_style_is_for_the_step_curve_and_leaves_dots_dots():
    dots, step = plot_search(records([0.5, 0.25]), color="red", linestyle="--").get_lines()
    assert (step.get_color(), step.get_linestyle()) == ("red", "--")
    assert (dots.get_color(), dots.get_linestyle()) == ("red", "None")


# -- learning curves ------------------------------------------------------------------------------

def test_learning_curves_start_at_epoch_one_and_are_named_at_their_ends():
    curves = {"a": [0.9, 0.5, 0.4], "b": np.array([0.8, math.nan]), "c": [math.nan]}
    ax = plot_learning_curves(curves)
    assert [points(line)[0][0] for line in ax.get_lines()] == [1, 1, 1]
    assert points(ax.get_lines()[0]) == [(1, 0.9), (2, 0.5), (3, 0.4)]
    assert {text.get_text(): text.xy for text in ax.texts} == {"a": (3, 0.4), "b": (1, 0.8)}
    for line, text in zip(ax.get_lines(), ax.texts, strict=False):
        assert to_hex(text.get_color()) == to_hex(line.get_color())
    assert len({to_hex(line.get_color()) for line in ax.get_lines()}) == 3
    ax.figure.canvas.draw()


@pytest.mark.parametrize("colors", [["red", "blue"], np.array([[1, 0, 0], [0, 0, 1.0]]), ["red"]])
def test_no_curve_is_lost_whatever_the_colours(colors):
    ax = plot_learning_curves({"a": [0.9], "b": [0.8], "c": [0.7]}, colors=colors)
    assert len(ax.get_lines()) == 3
    assert to_hex(ax.get_lines()[0].get_color()) == "#ff0000"


# -- style and glue -------------------------------------------------------------------------------

IN_A_SHELL = """
import json
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from d2l_hpo import glue, use_style
from matplotlib import pyplot as plt

shell = InteractiveShell.instance()
shell.display_pub = CapturingDisplayPublisher()
use_style()

def svg():
    fig, ax = plt.subplots()
    ax.plot([1, 2], [0.5, 0.25], label="a")
    ax.legend()
    return shell.display_formatter.format(fig)[0]

svgs = [svg(), svg()]
glue("best_error", 0.25)
glue("percentage", "12.5%")
print(json.dumps([svgs, shell.display_pub.outputs]))
"""


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """What figures and glued values look like to a shell: two bundles, and what was displayed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "agg",
                   "IPYTHONDIR": str(tmp_path_factory.mktemp("ipython"))}
    done = subprocess.run([sys.executable, "-c", IN_A_SHELL], env=environment, check=True,
                          text=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout.splitlines()[-1])


def test_figures_are_svg_that_never_varies(shown):
    first, second = ({kind: text for kind, text in bundle.items() if kind != "text/plain"}
                     for bundle in shown[0])
    assert list(first) == ["image/svg+xml"]
    assert first == second
    assert first["image/svg+xml"].count("<path") > 5
    assert "dc:date" not in first["image/svg+xml"]


def test_glued_values_are_what_the_text_of_the_book_reads(shown):
    outputs = [new_output("display_data", data=output["data"], metadata=output["metadata"])
               for output in shown[1]]
    cell = new_code_cell(outputs=outputs)
    glued = {name: output["data"] for name, output in extract_glue_data_cell(cell)}
    assert glued == {"best_error": {"text/plain": "0.25"}, "percentage": {"text/plain": "12.5%"}}
    assert cell.outputs == []  # the page does not show them


def test_the_style_file_is_read_and_has_the_methods_first_colours():
    style = matplotlib.rc_params_from_file(STYLE_FILE, use_default_template=False)
    cycle = {to_hex(color) for color in style["axes.prop_cycle"].by_key()["color"]}
    assert cycle <= {to_hex(color) for color in METHODS.values()}
    assert style["svg.hashsalt"]


def cie_lab(linear):
    """CIE L*a*b* of linear RGB values."""
    matrix = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    ratio = np.array(matrix) @ np.clip(linear, 0, 1) / [0.9505, 1, 1.089]
    f = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


# How red- and green-blind people see linear RGB (Machado, Oliveira and Fernandes, 2009).
BLIND = {"red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                 [-0.003882, -0.048116, 1.051998]],
         "green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                   [-0.011820, 0.042940, 0.968881]]}


@pytest.mark.parametrize("blind", BLIND)
def test_the_colour_blind_can_tell_the_methods_apart(blind):
    seen = {}
    for name, color in METHODS.items():
        values = np.array(matplotlib.colors.to_rgb(color))
        linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
        seen[name] = cie_lab(np.array(BLIND[blind]) @ linear)
    for first, second in itertools.combinations(seen, 2):  # about 2.3 can just be noticed
        assert np.linalg.norm(seen[first] - seen[second]) > 5, (first, second)


def test_choices_of_several_kinds_are_drawn_by_name():
    records = pd.DataFrame({"config": [{"k": None}, {"k": "a"}, {"k": None}],
                            "error": [0.1, 0.2, math.nan]})
    ax = plot_hyperparameter(records, "k")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["None", "a"]
