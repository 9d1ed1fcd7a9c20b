"""Figures that recur in the book, drawn from records, in one style.

A function draws on the axes it is given, or on a new figure, and returns the axes. `records` is the
DataFrame of a search (`HPOTuner.records`): one row a trial, errors as fractions, times in seconds.
"""
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import display
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib_inline.backend_inline import set_matplotlib_formats
from scipy.special import stdtrit

STYLE_FILE = Path(__file__).with_name("d2l_hpo.mplstyle")

# One colour a method through the whole book (Okabe and Ito's colour-blind-safe palette).
COLORS = {
    "default": "#000000",
    "random search": "#0072B2",
    "grid search": "#D55E00",
    "Sobol search": "#E69F00",
    "Bayesian optimization": "#5E3C99",
    "TPE": "#A6611A",
}
GREY = "#7f7f7f"
LABEL_GAP = 0.07  # between labels of curves, as a part of the axis


def use_style() -> None:
    """Draw every further figure in the book's style, in notebooks as SVG that never varies."""
    plt.style.use(STYLE_FILE)
    set_matplotlib_formats("svg", metadata={"Date": None, "Creator": None})


def glue(name: str, value: Any) -> None:
    """Print a value and store it under its name in the notebook, for the book's text to quote."""
    print(f"{name} = {value}")
    prefix = "application/papermill.record/"
    display({f"{prefix}text/plain": str(value)}, raw=True,
            metadata={"scrapbook": {"name": name, "mime_prefix": prefix}})


def plot_hyperparameter(records: pd.DataFrame, name: str, log: bool = False,
                        ax: Axes | None = None, **style: Any) -> Axes:
    """Draw each trial's error against one hyperparameter; failed trials as crosses on top.

    Trials where the hyperparameter is inactive are left out; ValueError if that is all of them.
    """
    rows = records[[name in config for config in records["config"]]]
    if rows.empty:
        raise ValueError(f"no configuration in the records has a hyperparameter {name!r}")
    ax = ax or plt.subplots()[1]
    values = np.array([config[name] for config in rows["config"]])
    errors = rows["error"].to_numpy(float)
    finite = np.isfinite(errors)
    ax.plot(values[finite], errors[finite], **_dots(style))
    if not finite.all():
        top = ax.get_ylim()[1]
        ax.plot(values[~finite], np.full((~finite).sum(), top), "x", color=GREY, label="failed")
    if log:
        ax.set_xscale("log")
    ax.set(xlabel=name, ylabel="validation error")
    return ax


def plot_search(records: pd.DataFrame, ax: Axes | None = None, label: str = "random search",
                **style: Any) -> Axes:
    """Draw each trial's error where it ended, and the incumbent's error as a step curve."""
    ax = ax or plt.subplots()[1]
    ended = records.sort_values("end")
    style = {"color": COLORS.get(label, COLORS["default"]), **style}
    ax.plot(ended["end"], ended["error"], **_dots({**style, "alpha": 0.4}))
    incumbent = ended["error"].cummin().ffill()
    ax.step(ended["end"], incumbent, where="post", label=label, **style)
    ax.set(xlabel="wall-clock time (s)", ylabel="validation error", xlim=(0, None))
    return ax


def plot_learning_curves(curves: Mapping[str, Sequence[float]], ax: Axes | None = None,
                         colors: Iterable[Any] | None = None) -> Axes:
    """Draw validation errors over epochs 1, 2, ..., each curve named beside its last point.

    A curve of `nan` from some epoch on (its training diverged) ends before that epoch.
    """
    ax = ax or plt.subplots()[1]
    if colors is None:
        colors = plt.cm.viridis(np.linspace(0, 0.85, len(curves)))
    ends = []
    for (label, errors), color in zip(curves.items(), cycle(colors), strict=False):
        epochs = np.arange(1, len(errors) + 1)
        ax.plot(epochs, errors, "o-", color=color, markersize=3.5)
        if len(finite := np.flatnonzero(np.isfinite(errors))):
            ends.append((errors[finite[-1]], epochs[finite[-1]], label, color))
    ax.set(xlabel="epoch", ylabel="validation error", ylim=(0, 1))
    height = -math.inf
    for error, epoch, label, color in sorted(ends, key=itemgetter(0)):
        height = max(error, height + LABEL_GAP)
        ax.annotate(label, (epoch, error), xytext=(epoch + 0.15, height), color=color,
                    va="center", annotation_clip=False)
    return ax


def plot_any_time(curves: Mapping[str, np.ndarray], times: Sequence[float],
                  ax: Axes | None = None, log: bool = False) -> Axes:
    """Draw each method's mean over seeds as a step curve, with the 95 % interval of the mean.

    `curves` holds an array of shape (seeds, times) for each method; a curve begins where all seeds
    have a value. Names stand right of the ends; `log` makes the vertical axis logarithmic.
    """
    ax = ax or plt.subplots()[1]
    for method, values in curves.items():
        values, color = np.asarray(values, float), COLORS.get(method, GREY)
        if values.ndim != 2 or len(values) < 2 or values.shape[1] != len(times):
            raise ValueError(f"the curves of {method!r} have shape {values.shape}, expected at "
                             f"least 2 seeds and {len(times)} times")
        mean, half = values.mean(0), _half_width(values)
        ax.step(times, mean, where="post", color=color)
        ax.fill_between(times, mean - half, mean + half, step="post", color=color, alpha=0.2, lw=0)
    ax.set(xlabel="time (s)", ylabel="mean regret", xlim=(0, times[-1]),
           yscale="log" if log else "linear")
    _name_ends(ax, {method: np.mean(values, 0)[-1] for method, values in curves.items()})
    return ax


def _half_width(values: np.ndarray) -> np.ndarray:
    """Return half the width of the 95 % t interval of the mean over the first axis."""
    return stdtrit(len(values) - 1, 0.975) * np.std(values, axis=0, ddof=1) / len(values) ** 0.5


def _name_ends(ax: Axes, ends: Mapping[str, float]) -> None:
    """Write each curve's name right of its last value, moved up where names would overlap."""
    to_axes = ax.transData + ax.transAxes.inverted()
    line = 1.3 * plt.rcParams["font.size"] * ax.figure.dpi / 72 / ax.get_window_extent().height
    height = -math.inf
    for name, end in sorted(ends.items(), key=itemgetter(1)):
        height = max(to_axes.transform((0, end))[1], height + line)
        ax.text(1.02, height, name, color=COLORS.get(name, GREY), va="center",
                transform=ax.transAxes)


def _dots(style: dict[str, Any]) -> dict[str, Any]:
    return {"marker": "o", "color": COLORS["random search"], **style, "linestyle": "none"}
