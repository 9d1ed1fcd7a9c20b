"""Figures that recur in the book, drawn from records, in one style.

A function draws on the axes it is given, or on a new figure, and returns the axes. `records` is the
DataFrame of a search (`HPOTuner.records`): one row a trial, errors as fractions, times in seconds.
"""
import math
import numbers
from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from d2l_hpo.figures.colors import COLORS, GREY
from d2l_hpo.measures.intervals import half_width
from d2l_hpo.tools.installation import needs

with needs("plots", "d2l_hpo.figures"):
    from matplotlib import pyplot as plt
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator
    from matplotlib_inline.backend_inline import set_matplotlib_formats

STYLE_FILE = Path(__file__).with_name("d2l_hpo.mplstyle")

LABEL_GAP = 0.07  # between labels of curves, as a part of the axis
IDLE = "#e0e0e0"
OUTLINED_JOBS = 400  # more bars than this are drawn without outlines, and as an image


def use_style() -> None:
    """Draw every further figure in the book's style, in notebooks as SVG that never varies.

    It has no arguments, and changes Matplotlib's settings for the whole process::

        use_style()
        plot_search(tuner.records)
    """
    plt.style.use(STYLE_FILE)
    set_matplotlib_formats("svg", metadata={"Date": None, "Creator": None})


def plot_hyperparameter(records: pd.DataFrame, name: str, log: bool = False,
                        ax: Axes | None = None, **style: Any) -> Axes:
    """Draw each trial's error against one hyperparameter; failed trials as crosses on top.

    Trials where the hyperparameter is inactive are left out; ValueError if that is all of them.

    Arguments:

    - `records`: the table of a search, with the columns `config` and `error`.
    - `name`: the hyperparameter's; values that are no numbers are drawn as words.
    - `log`: True makes the horizontal axis logarithmic.
    - `ax`: the axes to draw on; None: those of a new figure. They are returned.
    - `**style`: what `Axes.plot` takes for the dots, such as `color`.

    >>> import pandas as pd
    >>> records = pd.DataFrame({"config": [{"x": 0.1}, {"x": 0.2}], "error": [0.3, np.nan]})
    >>> plot_hyperparameter(records, "x").get_xlabel()
    'x'
    """
    rows = records[[name in config for config in records["config"]]]
    if rows.empty:
        raise ValueError(f"no configuration in the records has a hyperparameter {name!r}")
    ax = ax or plt.subplots()[1]
    given = [config[name] for config in rows["config"]]
    are_numbers = all(isinstance(value, numbers.Real) for value in given)
    values = np.array(given if are_numbers else [str(value) for value in given])
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
                incumbents: Sequence[float] | None = None, **style: Any) -> Axes:
    """Draw each trial's error where it ended, and the incumbent's error as a step curve.

    Arguments:

    - `records`: the table of a search, with the columns `end` (seconds) and `error`.
    - `ax`: the axes to draw on; None: those of a new figure. They are returned.
    - `label`: the method's name in a legend, which the caller makes; it has the colour that
      `COLORS` gives it, or black.
    - `incumbents`: the incumbent's error after each row, such as `tuner.incumbent_trajectory`,
      where the best is not the smallest error: limits were broken, or folds are left. None: the
      smallest error so far.
    - `**style`: what `Axes.plot` and `Axes.step` take, such as `color`.

    >>> import pandas as pd
    >>> records = pd.DataFrame({"end": [1.0, 2.0, 3.0], "error": [0.5, 0.7, 0.3]})
    >>> plot_search(records, label="ASHA").lines[-1].get_ydata().tolist()
    [0.5, 0.5, 0.3]
    """
    ax = ax or plt.subplots()[1]
    ended = records.assign(incumbent=math.nan if incumbents is None else incumbents)
    ended = ended.sort_values("end", kind="stable")
    style = {"color": COLORS.get(label, COLORS["default"]), **style}
    ax.plot(ended["end"], ended["error"], **_dots({**style, "alpha": 0.4}))
    best = ended["error"].cummin().ffill() if incumbents is None else ended["incumbent"]
    ax.step(ended["end"], best.replace(math.inf, math.nan), where="post", label=label, **style)
    ax.set(xlabel="wall-clock time (s)", ylabel="validation error", xlim=(0, None))
    return ax


def plot_learning_curves(curves: Mapping[str, Sequence[float] | np.ndarray], ax: Axes | None = None,
                         colors: Iterable[Any] | None = None) -> Axes:
    """Draw validation errors over epochs 1, 2, ..., each curve named beside its last point.

    A curve of `nan` from some epoch on (its training diverged) ends before that epoch.

    Arguments:

    - `curves`: from names to errors, shape (epochs,); they may differ in length.
    - `ax`: the axes to draw on; None: those of a new figure. They are returned.
    - `colors`: what Matplotlib takes for colours, one a curve, again from the first where they
      are too few; None: from dark to light.

    >>> ax = plot_learning_curves({"slow": [0.8, 0.6, 0.5], "diverged": [0.9, np.nan, np.nan]})
    >>> [text.get_text() for text in ax.texts]
    ['slow', 'diverged']
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


def plot_any_time(curves: Mapping[str, np.ndarray], times: Sequence[float] | np.ndarray,
                  ax: Axes | None = None, log: bool = False, labels: bool = True) -> Axes:
    """Draw each method's mean over seeds as a step curve, with the 95 % interval of the mean.

    `curves` holds an array of shape (seeds, times) for each method; a curve begins where all seeds
    have a value. Names stand right of the ends; `log` makes the vertical axis logarithmic.

    Arguments:

    - `curves`: from methods' names to arrays, such as `repeat_search` returns them, less the
      best error of the task; nan where a search had no result yet. A name of `COLORS` has its
      colour, another one is grey.
    - `times`: shape (times,), in seconds.
    - `ax`: the axes to draw on; None: those of a new figure. They are returned.
    - `log`: True or False.
    - `labels`: False leaves the names out, where axes side by side share a legend.

    ValueError for fewer than two seeds, without times, or for another number of them. The interval
    is Student's.

    >>> regret = np.random.default_rng(0).random((5, 3)).cumsum(axis=1)[:, ::-1]
    >>> ax = plot_any_time({"random search": regret}, times=[1, 2, 3])
    >>> ax.get_xlabel(), ax.texts[0].get_text()
    ('time (s)', 'random search')
    """
    if len(times) == 0:
        raise ValueError("times are empty, expected seconds in increasing order")
    ax = ax or plt.subplots()[1]
    for method, values in curves.items():
        values, color = np.asarray(values, float), COLORS.get(method, GREY)
        if values.ndim != 2 or len(values) < 2 or values.shape[1] != len(times):
            raise ValueError(f"the curves of {method!r} have shape {values.shape}, expected at "
                             f"least 2 seeds and {len(times)} times")
        mean, half = values.mean(0), half_width(values)
        ax.step(times, mean, where="post", color=color)
        ax.fill_between(times, mean - half, mean + half, step="post", color=color, alpha=0.2, lw=0)
    ax.set(xlabel="time (s)", ylabel="mean regret", xlim=(0, np.max(times)),
           yscale="log" if log else "linear")
    if log:  # 0.2, 0.5, 1 rather than powers of ten
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_locator(NullLocator())
    if labels:
        _name_ends(ax, {method: np.mean(values, 0)[-1] for method, values in curves.items()})
    return ax


def plot_timeline(records: pd.DataFrame, ax: Axes | None = None, color_by: str | None = None,
                  n_workers: int | None = None) -> Axes:
    """Draw one bar a job, workers upward and time to the right; light grey is idle time.

    Failed jobs are hatched. `color_by` names a column: one colour a value, from dark (the smallest)
    to light, with a legend up to eight values. `n_workers` shows workers without any job, too;
    the default is as many as the records name. More than 400 bars become an image in the figure.

    Arguments:

    - `records`: the table of a search, with the columns `worker`, `start`, `end` (seconds) and
      `status`.
    - `ax`: the axes to draw on; None: those of a new figure. They are returned.
    - `color_by`: such as "max_epochs"; None: one colour for all jobs.
    - `n_workers`: an integer, not below what the records name.

    ValueError for too few workers, records without a job if `n_workers` is not given, and a
    column that is not there.

    >>> import pandas as pd
    >>> records = pd.DataFrame({"worker": [0, 1], "start": [0.0, 0.0], "end": [2.0, 3.0],
    ...                         "status": ["completed", "failed"]})
    >>> len(plot_timeline(records, n_workers=3).collections)  # idle, completed, failed
    3
    """
    used = int(records["worker"].max()) + 1 if len(records) else 0
    workers = used if n_workers is None else n_workers
    if workers < max(used, 1):
        raise ValueError(f"n_workers is {n_workers} for records of {used} workers; give records "
                         "with a job, and at least as many workers as they have")
    ax = ax or plt.subplots()[1]
    many, end = len(records) > OUTLINED_JOBS, records["end"].max() if len(records) else 1.0
    height = 0.8 if workers <= 32 else 1.0
    idle = [_bar(0, end, worker, height) for worker in range(workers)]
    ax.add_collection(PolyCollection(idle, facecolors=IDLE, lw=0, rasterized=many))
    for label, color, rows in _shades(records, color_by):
        for failed, part in rows.groupby(rows["status"] == "failed"):
            bars = [_bar(*row, height) for row in zip(part["start"], part["end"], part["worker"],
                                                      strict=True)]
            ax.add_collection(PolyCollection(
                bars, facecolors=color, edgecolors="none" if many else "white", linewidths=0.5,
                hatch="////" if failed else None, rasterized=many, label=None if failed else label))
    ax.set(xlabel="wall-clock time (s)", ylabel="worker", xlim=(0, end), ylim=(-0.5, workers - 0.5))
    ax.yaxis.set_major_locator(MaxNLocator(8, integer=True, min_n_ticks=1))
    ax.grid(False)
    if 1 < len(ax.get_legend_handles_labels()[0]) <= 8:
        ax.legend(title=color_by, loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def _bar(start: float, end: float, worker: float, height: float) -> list[tuple[float, float]]:
    """Return the corners of a job's bar, around its worker's number."""
    low, high = worker - height / 2, worker + height / 2
    return [(start, low), (start, high), (end, high), (end, low)]


def _shades(records: pd.DataFrame, column: str | None) -> list[tuple[str, Any, pd.DataFrame]]:
    """Return label, colour and rows for each value of a column, or for all jobs."""
    if column is None:
        return [("job", COLORS["random search"], records)]
    if column not in records:
        raise ValueError(f"color_by is {column!r}, expected one of {', '.join(map(str, records))}")
    groups, missing = list(records.groupby(column)), records[column].isna()
    if missing.any():
        groups.append((math.nan, records[missing]))
    shades = plt.cm.viridis(np.linspace(0.1, 0.85, len(groups)))
    return [(f"{value:g}" if isinstance(value, float) else str(value), shade, rows)
            for (value, rows), shade in zip(groups, shades, strict=True)]


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
