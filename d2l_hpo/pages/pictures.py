"""The pictures of a search: errors over time, by hyperparameter, in pairs, side by side."""
import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from d2l_hpo.measures.fronts import quick_front
from d2l_hpo.measures.importance import LEVEL, Importance
from d2l_hpo.measures.pareto import pareto_front
from d2l_hpo.pages.axes import Axis, NumberAxis, as_word, number_axis
from d2l_hpo.pages.charts import (
    BOTTOM, NOWHERE, TOP, WIDTH, Chart, clipped, cross, line, padded, point, short, steps,
)
from d2l_hpo.pages.markup import count, listed, number, seconds, shorten
from d2l_hpo.pages.trials import CLASSES, SearchPicture, TrialRow

MOST_PAIRED = 4
"""Hyperparameters of which all pairs are drawn."""
MANY_LINES = 150
UNITS = (("h", 3600.0), ("min", 60.0), ("s", 1.0))


def shades(n: int) -> list[int]:
    """Return so many of the shades 0 to 5, as far apart as possible."""
    return [round(i * (CLASSES - 1) / max(n - 1, 1)) for i in range(n)]


def time_axis(end: float) -> tuple[NumberAxis, float, str]:
    """Return an axis from 0 to `end` seconds, the seconds of its unit, and the unit."""
    unit, size = next(((unit, size) for unit, size in UNITS if end >= 2 * size), ("s", 1.0))
    return NumberAxis(0.0, max(end / size, 1e-9)), size, unit


def any_time(picture: SearchPicture) -> str:
    """Draw the incumbent's error over time, with the error of each job that succeeded."""
    results, jobs = picture.view.results, picture.view.jobs
    x_axis, size, unit = time_axis(max((job.end for job in jobs), default=1.0))
    y_axis = padded(picture.error_axis)
    places = {trial.trial_id: i for i, trial in enumerate(picture.shown)}
    improvements = []
    best = math.inf
    for job, error in zip(jobs, results.incumbent_trajectory, strict=True):
        if error < best:
            best = error
            improvements.append((job.end, error))
    chart = Chart(_any_time_words(picture, improvements), height=190)
    chart.x_axis(x_axis, f"time since the search began ({unit})")
    chart.y_axis(y_axis, "error" + (", logarithmic" if y_axis.is_log else ""))

    def at(end: float, error: float) -> tuple[float, float]:
        return chart.x(x_axis.place(end / size) or 0.0), chart.y(clipped(y_axis, error))

    drawn = [job for job in jobs if job.trial_id in places]
    for failed in (False, True):
        dots = [cross(at(job.end, 0)[0], chart.y(1)) if failed else point(*at(job.end, job.error))
                for job in drawn if math.isfinite(job.error) != failed]
        name = "jobs-failed" if failed else "jobs"
        chart.path("".join(dots), "failed" if failed else "dots pale", name)
    if improvements:
        chart.path(steps([at(*step) for step in improvements],
                         chart.x(1)), "curve")
    return chart.markup(_above(picture), "chart wide")


def job_rows(picture: SearchPicture, failed: bool) -> list[int]:
    """Return the places of the trials of the jobs that `any_time` draws, in its order."""
    places = {trial.trial_id: i for i, trial in enumerate(picture.shown)}
    return [places[job.trial_id] for job in picture.view.jobs
            if job.trial_id in places and math.isfinite(job.error) != failed]


def _any_time_words(picture: SearchPicture, improvements: list[tuple[float, float]]) -> str:
    if not improvements:
        return "The error of the best trial over time: there is no best trial."
    (first_time, first), (last_time, last) = improvements[0], improvements[-1]
    return (f"The error of the best trial over time. It falls in "
            f"{count(len(improvements), 'step')} from {number(first)} after "
            f"{seconds(first_time)} to {number(last)} after {seconds(last_time)}.")


def _above(picture: SearchPicture) -> str:
    if not picture.above:
        return ""
    verb = "lies" if picture.above == 1 else "lie"
    return (f"{count(picture.above, 'trial')} with larger errors, up to "
            f"{number(picture.errors.max())}, {verb} at the upper edge.")


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
    chart.path("".join(map(dot, picture.failures())), "failed", "failures")
    return chart.markup()


def spread(axis: Axis, value: object, row: int) -> float | None:
    """Return a value's place; at a word, trials stand beside each other, so that all are seen."""
    place = axis.place(value)
    if place is None or isinstance(axis, NumberAxis):
        return place
    return place + (row * 0.618034 % 1 - 0.5) * 0.45 / len(axis.words)


def _error_by_words(picture: SearchPicture, name: str) -> str:
    having = [t for t in picture.trials if name in t.config and math.isfinite(t.error)]
    if not having:
        return f"Error against {name}: no trial with it has an error."
    having.sort(key=lambda trial: trial.error)
    quarter = having[:max(1, len(having) // 4)]
    best = having[0]
    axis = picture.axes[name]
    words = (f"Error against {name}, {count(len(having), 'trial')}. The smallest error, "
             f"{number(best.error)}, is at {_spell(best, name)}.")
    if len(quarter) < 2:
        return words
    if isinstance(axis, NumberAxis):
        values = [v for t in quarter if axis.place(v := t.config[name]) is not None]
        return words + (f" The best quarter has values from {number(min(values))} to "
                        f"{number(max(values))}." if values else "")
    tried = [_spell(trial, name) for trial in quarter]
    frequent = max(set(tried), key=lambda word: (tried.count(word), word))
    return f"{words} Of the best quarter {tried.count(frequent)} of {len(tried)} have {frequent}."


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
            and math.isfinite(t.error)]
    words = f"{second} against {first}, {count(len(both), 'trial')}, shaded by error."
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
    for shade, rows in enumerate(picture.error_classes()):
        chart.path("".join(map(dot, rows)), f"dots c{shade}", f"errors{shade}")
    return chart.markup()


def parallel(picture: SearchPicture) -> str:
    """Draw each trial as a line from hyperparameter to hyperparameter, down to its error.

    The axes lie below each other, so that there is room for any number, on a phone, too.
    """
    step, names = 46, picture.names
    finite = [trial for trial in picture.trials if math.isfinite(trial.error)]
    words = (f"{count(len(finite), 'trial')} as lines through the values of "
             f"{listed(names)}, and the error, shaded by error.")
    if finite:
        best = min(finite, key=lambda trial: trial.error)
        values = [f"{name} = {_spell(best, name)}" for name in names if name in best.config]
        if values:
            words += f" The best one has {listed(values)}."
    chart = Chart(words, height=step * len(names) + 42, left=16, right=34)
    axes = [*(picture.axes[name] for name in names), picture.error_axis]
    missing = chart.x(1) + 20

    def path(row: int) -> str:
        trial = picture.shown[row]
        points = []
        for i, (name, axis) in enumerate(zip(names, axes, strict=False)):
            place = axis.place(trial.config[name]) if name in trial.config else None
            points.append((missing if place is None else chart.x(place), 18 + i * step))
        end = clipped(picture.error_axis, trial.error)
        return line([*points, (chart.x(end), 18 + len(names) * step)])

    for shade, rows in enumerate(picture.error_classes()):
        chart.path("".join(map(path, rows)),
                   f"lines c{shade}{' many' if len(finite) > MANY_LINES else ''}",
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
    reached = [sum(any(e is not None and e >= level for e, _ in t.reports) for t in picture.trials)
               for level in levels]
    few = list(zip(levels, reached, strict=True))
    few = few if len(few) <= 6 else [*few[:3], *few[-3:]]
    words = "; ".join(f"{n} reached epoch {number(level)}" for level, n in few)
    chart = Chart(f"Errors by epoch, a line a trial. Of {count(len(picture.trials), 'trial')} "
                  f"{words}.", height=190)
    ticks = [(x_axis.place(level) or 0.0, number(level)) for level in levels]
    fitting = chart.fitting(ticks) if len(ticks) <= 12 else chart.fitting(x_axis.ticks())
    chart.grid(f"M{short(chart.x(p))} {short(chart.y(0))}V{short(chart.y(1))}" for p, _ in fitting)
    for place, word in fitting:
        chart.text(chart.x(place), chart.y(0) + 14, word, "tick", "middle")
    title = "epochs, logarithmic" if x_axis.is_log else "epochs"
    chart.text(chart.x(0.5), chart.height - 6, title, "title", "middle")
    chart.y_axis(y_axis, "error")

    def path(trial: TrialRow) -> str:
        points = [(chart.x(x_axis.place(e) or 0.0), chart.y(clipped(y_axis, error)))
                  for e, error in sorted((e, error) for e, error in trial.reports if e is not None)]
        return (line(points) if len(points) > 1 else point(*points[0])) if points else NOWHERE

    chart.path("".join(map(path, picture.shown)),
               "lines pale-lines" + (" many" if len(picture.shown) > MANY_LINES else ""), "all")
    best = next((t for t in picture.trials
                 if t.trial_id == picture.view.results.incumbent_trial), None)
    if best is not None:
        chart.path(path(best), "curve")
    return chart.markup("The thick line is the incumbent." if best is not None else "",
                        "chart wide")


def fronts(picture: SearchPicture) -> list[str]:
    """Draw the trials by each two of the objectives, up to three; the front is marked."""
    return [_front(picture, first, second)
            for first, second in list(combinations(picture.view.objectives, 2))[:3]]


def objective_values(trial: TrialRow, names: Sequence[str]) -> list[float]:
    """Return the objectives of a trial, nan where it failed or a number is missing."""
    if trial.failed or not math.isfinite(trial.error):
        return [math.nan] * len(names)
    values = {**trial.numbers, "error": trial.error}
    return [values.get(name, math.nan) for name in names]


def front_rows(picture: SearchPicture) -> list[TrialRow]:
    """Return the trials of the Pareto front of all objectives, by the first one."""
    names = picture.view.objectives
    points = np.array([objective_values(t, names) for t in picture.trials]).reshape(-1, len(names))
    complete = np.flatnonzero(np.isfinite(points).all(axis=1))
    front = complete[quick_front(points[complete])] if len(complete) else complete
    return sorted((picture.trials[i] for i in front.tolist()),
                  key=lambda trial: objective_values(trial, names))


def _front(picture: SearchPicture, first: str, second: str) -> str:
    values = [objective_values(trial, (first, second)) for trial in picture.shown]
    finite = [pair for pair in values if all(map(math.isfinite, pair))]
    axes = [padded(number_axis([pair[i] for pair in finite], ratio=100.0)) for i in (0, 1)]
    on_front = [finite[i] for i in pareto_front(np.array(finite).reshape(-1, 2)).tolist()]
    on_front.sort()
    words = f"{second} against {first}: "
    words += ("no trial has both." if not on_front else
              f"{count(len(on_front), 'trial')} of {len(finite)} on the front of these two, from "
              f"{first} {number(on_front[0][0])} with {second} {number(on_front[0][1])} to "
              f"{first} {number(on_front[-1][0])} with {second} {number(on_front[-1][1])}.")
    chart = Chart(words, height=240)
    chart.x_axis(axes[0], first)
    chart.y_axis(axes[1], second)

    def place(pair: Sequence[float]) -> tuple[float, float]:
        return chart.x(clipped(axes[0], pair[0])), chart.y(clipped(axes[1], pair[1]))

    chart.path("".join(point(*place(pair)) if all(map(math.isfinite, pair)) else NOWHERE
                       for pair in values), "dots pale", "all")
    if on_front:
        chart.path(steps([place(pair) for pair in on_front], place(on_front[-1])[0]), "curve thin")
        chart.path("".join(point(*place(pair)) for pair in on_front), "dots front")
    return chart.markup()


def timeline(picture: SearchPicture) -> str:
    """Draw one bar a job, workers upward and time to the right."""
    jobs = picture.view.jobs
    end = max(job.end for job in jobs)
    x_axis, size, unit = time_axis(end)
    workers = max(job.worker for job in jobs) + 1
    row = max(1.2, min(16.0, 320 / workers))
    busy = sum(max(job.end - job.start, 0.0) for job in jobs)
    part = busy / (workers * end) if end > 0 else 1.0
    chart = Chart(f"{count(len(jobs), 'job')} on {count(workers, 'worker')} in {seconds(end)}. "
                  f"The workers were busy {part:.0%} of the time.",
                  height=row * workers + TOP + BOTTOM, left=34)
    chart.x_axis(x_axis, f"time since the search began ({unit})")
    every = max(1, math.ceil(12 / row))
    for worker in range(0, workers, every * max(1, workers // (8 * every) or 1)):
        chart.text(chart.left - 5, chart.y((worker + 0.5) / workers) + 3.5, str(worker), "tick",
                   "end")
    chart.text(4, 10, "worker", "title")
    places = {trial.trial_id: i for i, trial in enumerate(picture.shown)}
    for failed in (False, True):
        bars = []
        for job in jobs:
            if (job.status == "failed") != failed:
                continue
            left, right = (chart.x(min(max(t / size / x_axis.high, 0.0), 1.0))
                           for t in (job.start, job.end))
            y = chart.y((job.worker + 0.5) / workers)
            stop = max(right, left + 0.5)
            bars.append((job.trial_id, f"M{short(left)} {short(y)}H{short(stop)}"))
        shown = "".join(bar for trial, bar in bars if trial in places)
        others = "".join(bar for trial, bar in bars if trial not in places)
        class_ = "bars failed-bars" if failed else "bars"
        size_ = f"--row: {short(max(row - 2 if row > 6 else row * 0.85, 1))}px"
        for d, rows in ((shown, f"bars-{'failed' if failed else 'done'}"), (others, None)):
            if d:
                chart.parts.append(f'<path d="{d}" class="{class_}" style="{size_}"'
                                   + (f' data-rows="{rows}"' if rows else "") + "/>")
    return chart.markup(class_="chart wide")


def bar_rows(picture: SearchPicture, failed: bool) -> list[int]:
    """Return the places of the trials whose bars `timeline` draws, in its order."""
    places = {trial.trial_id: i for i, trial in enumerate(picture.shown)}
    return [places[job.trial_id] for job in picture.view.jobs
            if job.trial_id in places and (job.status == "failed") == failed]
