"""The pictures of a search: errors by hyperparameter, in pairs, side by side, by epochs."""
import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from d2l_hpo.measures.importance import LEVEL, Importance
from d2l_hpo.pages.axes import Axis, NumberAxis, as_word, number_axis
from d2l_hpo.pages.charts import (
    NOWHERE, WIDTH, Chart, clipped, cross, line, padded, point, short,
)
from d2l_hpo.pages.markup import listed, number, shorten
from d2l_hpo.pages.trials import CLASSES, SearchPicture, TrialRow
from d2l_hpo.tools.words import count

MOST_PAIRED = 4
"""Hyperparameters of which all pairs are drawn."""
MANY_LINES = 150
MANY_REPORTS = 3000
MOST_BENDS = 9
"""Of a learning curve, where there are many."""


def shades(n: int) -> list[int]:
    """Return so many of the shades 0 to 5, as far apart as possible."""
    return [round(i * (CLASSES - 1) / max(n - 1, 1)) for i in range(n)]


def error_by(picture: SearchPicture, name: str) -> str:
    """Draw each trial's error against one hyperparameter."""
    x_axis, y_axis = picture.axes[name], padded(picture.error_axis)
    if isinstance(x_axis, NumberAxis):
        x_axis = padded(x_axis, 0.02)
    chart = Chart(_error_by_words(picture, name))
    chart.x_axis(x_axis, name)
    chart.y_axis(y_axis, "error")

    def dot(row: int) -> str:
        trial = picture.shown[row]
        x = spread(x_axis, trial.config[name], row) if name in trial.config else None
        if x is None:
            return NOWHERE
        if not math.isfinite(trial.error):
            return cross(chart.x(x), chart.y(1))
        return point(chart.x(x), chart.y(clipped(y_axis, trial.error)))

    classes = picture.level_classes()
    for shade, (i, rows) in zip(shades(len(classes)), enumerate(classes), strict=True):
        chart.path("".join(map(dot, rows)), f"dots c{shade}" if len(classes) > 1 else "dots",
                   f"levels{i}")
    chart.path("".join(map(dot, picture.exceeding())), "dots exceeding", "exceeding")
    chart.path("".join(map(dot, picture.failures())), "failed", "failures")
    return chart.markup()


def spread(axis: Axis, value: object, row: int) -> float | None:
    """Return a value's place; at a word, trials stand beside each other, so that all are seen."""
    place = axis.place(value)
    if place is None or isinstance(axis, NumberAxis):
        return place
    return place + (row * 0.618034 % 1 - 0.5) * 0.45 / len(axis.words)


def _error_by_words(picture: SearchPicture, name: str) -> str:
    having = [t for t in picture.trials if name in t.config and picture.may_be_best(t)]
    if not having:
        return (f"Error against {name}: no trial with it has an error"
                f"{' and keeps the limits' if picture.limits else ''}.")
    having.sort(key=lambda trial: trial.error)
    quarter = having[:max(1, len(having) // 4)]
    best = having[0]
    axis = picture.axes[name]
    words = (f"Error against {name}, {count(len(having), 'trial')}{kept_words(picture)}. The "
             f"smallest error, {number(best.error)}, is at {_spell(best, name)}.")
    if len(quarter) < 2:
        return words
    if isinstance(axis, NumberAxis):
        values = [v for t in quarter if axis.place(v := t.config[name]) is not None]
        return words + (f" The best quarter has values from {number(min(values))} to "
                        f"{number(max(values))}." if values else "")
    tried = [_spell(trial, name) for trial in quarter]
    frequent = max(set(tried), key=lambda word: (tried.count(word), word))
    return f"{words} Of the best quarter {tried.count(frequent)} of {len(tried)} have {frequent}."


def kept_words(picture: SearchPicture) -> str:
    """Return words behind a number of trials, which keep the limits where there are any."""
    return " that keep the limits" if picture.limits else ""


def _spell(trial: TrialRow, name: str) -> str:
    return as_word(trial.config[name])


def paired_names(picture: SearchPicture, importance: Importance | None) -> list[str]:
    """Return the hyperparameters whose pairs are drawn: the most important or the first ones."""
    names = picture.names
    if importance is not None:
        order = np.argsort(-importance.mean, kind="stable")
        names = [names[i] for i in sorted(order[:MOST_PAIRED].tolist())]
    return names[:MOST_PAIRED]


def pairs(picture: SearchPicture, names: Sequence[str]) -> list[str]:
    """Draw each pair of hyperparameters, a dot a trial, in a shade by its error."""
    return [_pair(picture, first, second) for first, second in combinations(names, 2)]


def _pair(picture: SearchPicture, first: str, second: str) -> str:
    axes = [padded(axis, 0.03) if isinstance(axis, NumberAxis) else axis
            for axis in (picture.axes[first], picture.axes[second])]
    both = [t for t in picture.trials if first in t.config and second in t.config
            and picture.may_be_best(t)]
    words = (f"{second} against {first}, {count(len(both), 'trial')}{kept_words(picture)}, shaded "
             "by error.")
    if both:
        best = min(both, key=lambda trial: trial.error)
        words += (f" The smallest error, {number(best.error)}, is at {first} = "
                  f"{_spell(best, first)} and {second} = {_spell(best, second)}.")
    chart = Chart(words)
    chart.x_axis(axes[0], first)
    chart.y_axis(axes[1], second)

    def dot(row: int, failed: bool = False) -> str:
        config = picture.shown[row].config
        x = spread(axes[0], config[first], row) if first in config else None
        y = spread(axes[1], config[second], 7 * row) if second in config else None
        if x is None or y is None:
            return NOWHERE
        return (cross if failed else point)(chart.x(x), chart.y(y))

    chart.path("".join(dot(row, True) for row in picture.failures()), "failed", "failures")
    chart.path("".join(map(dot, picture.exceeding())), "dots exceeding", "exceeding")
    for shade, rows in enumerate(picture.error_classes()):
        chart.path("".join(map(dot, rows)), f"dots c{shade}", f"errors{shade}")
    return chart.markup()


def parallel(picture: SearchPicture) -> str:
    """Draw each trial as a line from hyperparameter to hyperparameter, down to its error.

    The axes lie below each other, so that there is room for any number, on a phone, too.
    """
    step, names = 46, picture.names
    finite = [trial for trial in picture.trials if picture.may_be_best(trial)]
    words = (f"{count(len(finite), 'trial')}{kept_words(picture)} as lines through the values of "
             f"{listed(names)}, and the error, shaded by error.")
    if finite:
        best = min(finite, key=lambda trial: trial.error)
        values = [f"{name} = {_spell(best, name)}" for name in names if name in best.config]
        if values:
            words += f" The best one has {listed(values)}."
    chart = Chart(words, height=step * len(names) + 42, left=16, right=34)
    axes = [*(picture.axes[name] for name in names), picture.error_axis]
    missing, are_many = chart.x(1) + 20, len(picture.shown) > MANY_LINES

    def path(row: int) -> str:
        trial = picture.shown[row]
        points = []
        for i, (name, axis) in enumerate(zip(names, axes, strict=False)):
            place = axis.place(trial.config[name]) if name in trial.config else None
            points.append((missing if place is None else chart.x(place), 18 + i * step))
        end = clipped(picture.error_axis, trial.error)
        return line([*points, (chart.x(end), 18 + len(names) * step)], are_many)

    chart.path("".join(map(path, picture.exceeding())), "lines pale-lines", "exceeding")
    for shade, rows in enumerate(picture.error_classes()):
        chart.path("".join(map(path, rows)),
                   f"lines c{shade}{' many' if are_many else ''}",
                   f"errors{shade}")
    for i, (name, axis) in enumerate(zip([*names, "error"], axes, strict=True)):
        y = 18 + i * step
        chart.path(f"M{chart.left} {y}H{WIDTH - chart.right}", "axis")
        chart.text(4, y - 7, shorten(name, 50), "title", full=name)
        for place, word in chart.fitting(axis.ticks()):
            chart.path(f"M{short(chart.x(place))} {y}v4", "axis")
            chart.text(chart.x(place), y + 14, word, "tick",
                       "middle" if place > 0.02 else "start")
        if name in names and any(name not in trial.config for trial in finite):
            chart.text(WIDTH - 2, y + 14, "none", "tick", "end")
    is_conditional = any(name not in trial.config for trial in finite for name in names)
    return chart.markup("Lines reach the right edge, “none”, where a hyperparameter was not active."
                        if is_conditional else "", "chart wide")


def importance_bars(names: Sequence[str], importance: Importance) -> str:
    """Draw the total effect of each hyperparameter as a bar, the largest first."""
    order = np.argsort(-importance.mean, kind="stable").tolist()
    row, top = 32, 4
    words = "; ".join(f"{names[i]} {importance.mean[i]:.2f}, from {importance.low[i]:.2f} to "
                      f"{importance.high[i]:.2f}" for i in order)
    chart = Chart(f"Total effects with {LEVEL:.0%} intervals: {words}.",
                  height=top + row * len(order) + 30, left=8)
    axis = NumberAxis(0.0, max(1.0, float(importance.high.max())))
    bottom = top + row * len(order)
    for place, word in axis.ticks():
        chart.grid([f"M{short(chart.x(place))} {top}V{bottom}"])
        chart.text(chart.x(place), bottom + 14, word, "tick", "middle" if place > 0.02 else "start")
    for i, index in enumerate(order):
        y = top + row * i + 22
        ends = [chart.x(axis.place(value) or 0.0) for value in
                (0.0, importance.mean[index], importance.low[index], importance.high[index])]
        chart.text(chart.left, y - 9, shorten(names[index], 36), "title", full=names[index])
        value = f"{importance.mean[index]:.2f}"
        chart.text(WIDTH - chart.right, y - 9, value, "title", "end")
        chart.path(f"M{short(ends[0])} {y}H{short(ends[1])}", "bar")
        chart.path(f"M{short(ends[2])} {y}H{short(ends[3])}M{short(ends[2])} {y - 3}v6"
                   f"M{short(ends[3])} {y - 3}v6", "whisker")
    return chart.markup()


def learning_curves(picture: SearchPicture) -> str:
    """Draw each trial's errors over its reports, the incumbent's on top."""
    levels = [float(epochs) for epochs in sorted({e for t in picture.trials for e, _ in t.reports
                                                  if e is not None})]
    ratio = levels[-1] / levels[0] if levels[0] > 0 else 1.0
    x_axis = padded(NumberAxis(levels[0], levels[-1], ratio >= 8, True), 0.03)
    errors = np.array([error for t in picture.trials for _, error in t.reports])
    y_axis = padded(number_axis(errors.tolist(), ratio=100.0))
    farthest = [max((e for e, _ in t.reports if e is not None), default=-1) for t in picture.trials]
    few = levels if len(levels) <= 6 else [*levels[:3], *levels[-3:]]
    nouns = picture.level_noun[1]
    words = "; ".join(f"{sum(e >= level for e in farthest)} reached "
                      f"{picture.level_words(int(level))}" for level in few)
    chart = Chart(f"Errors by {nouns}, a line a trial. Of {count(len(picture.trials), 'trial')} "
                  f"{words}.", height=190)
    ticks = [(x_axis.place(level) or 0.0, number(level)) for level in levels]
    fitting = chart.fitting(ticks) if len(ticks) <= 12 else chart.fitting(x_axis.ticks())
    chart.grid(f"M{short(chart.x(p))} {short(chart.y(0))}V{short(chart.y(1))}" for p, _ in fitting)
    for place, word in fitting:
        chart.text(chart.x(place), chart.y(0) + 14, word, "tick", "middle")
    title = f"{nouns}, logarithmic" if x_axis.is_log else nouns
    chart.text(chart.x(0.5), chart.height - 6, title, "title", "middle")
    chart.y_axis(y_axis, "error")

    are_many = len(picture.shown) > MANY_LINES
    drawn = drawn_levels(levels, x_axis) if len(errors) > MANY_REPORTS else {*levels}

    def path(trial: TrialRow) -> str:
        curve = sorted((e, error) for e, error in trial.reports if e is not None)
        points = [(chart.x(x_axis.place(e) or 0.0), chart.y(clipped(y_axis, error)))
                  for e, error in curve if e in drawn or (e, error) in (curve[0], curve[-1])]
        return point(*points[0]) if len(points) == 1 else line(points, are_many)

    many = " many" if are_many else ""
    for name, rows in curve_rows(picture).items():
        class_ = f"lines pale-lines{many}" if name == "curves" else "dots exceeding"
        chart.path("".join(path(picture.shown[row]) for row in rows), class_, name)
    best = next((t for t in picture.trials
                 if t.trial_id == picture.view.results.incumbent_trial), None)
    if best is not None:
        chart.path(path(best), "curve")
    captions = ["The thick line is the incumbent."] if best is not None else []
    if len(drawn) < len(levels):
        captions.append(f"Lines bend at {len(drawn)} of {len(levels)} {nouns} only, since there "
                        "are many.")
    return chart.markup(" ".join(captions), "chart wide")


def drawn_levels(levels: Sequence[float], axis: NumberAxis) -> set[float]:
    """Return a few of many epochs, at about equal distances on an axis."""
    places = np.array([axis.place(level) for level in levels])
    wanted = np.linspace(places[0], places[-1], MOST_BENDS)
    return {levels[int(np.abs(places - place).argmin())] for place in wanted}


def curve_rows(picture: SearchPicture) -> dict[str, list[int]]:
    """Return the places of trials that `learning_curves` draws as lines, and as dots: one report.
    """
    found: dict[str, list[int]] = {"curves": [], "curve-dots": []}
    for i, trial in enumerate(picture.shown):
        reports = sum(epochs is not None for epochs, _ in trial.reports)
        if reports:
            found["curves" if reports > 1 else "curve-dots"].append(i)
    return found
